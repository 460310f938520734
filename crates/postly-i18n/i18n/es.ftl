# Lo que lee la autora.

result-header = ✨ *3 publicaciones escritas para ti:*
credits-left = 💳 Créditos restantes: { $credits }
note-unknown-networks = ℹ️ { $networks }: no conozco los límites, así que las publicaciones se han escrito sin tenerlos en cuenta. Comprueba su longitud antes de publicar.
note-hashtags = ℹ️ Hashtags: { $network } admite { $limit } por publicación como máximo. Tus publicaciones lo respetan.
note-length = ℹ️ { $network } admite { $limit } caracteres como máximo: tus publicaciones lo respetan.
no-credit =
    ❌ Créditos insuficientes. Visita el sitio web para recargar tus créditos.
    { $url }
no-credit-login = 🎁 ¿Primera vez? Envía LOGIN: te esperan { $credits } créditos de bienvenida.
generation-failed = ❌ Error al escribir. Inténtalo más tarde. No se ha descontado ningún crédito.

greeting-ai = 👋 Aquí Postly-AI: una IA escribe tus publicaciones a partir de tu mensaje. 3 publicaciones cuestan 1 crédito; lo demás es gratis. Revisa antes de publicar. AYUDA para los comandos, STOP para no recibir nada más. Condiciones: { $url }
greeting-offline = 👋 Aquí Postly-AI: el redactor integrado, que no es una IA, compone tus publicaciones a partir de tu mensaje. 3 publicaciones cuestan 1 crédito; lo demás es gratis. Revisa antes de publicar. AYUDA para los comandos, STOP para no recibir nada más. Condiciones: { $url }

help =
    📣 *Postly-AI escribe tus publicaciones*
    Envía tu idea, por ejemplo: «Crea una promo para Instagram, -20 % en los cruasanes este fin de semana». Recibes 3 publicaciones listas para pegar, por 1 crédito.

    • *SALDO*: tus créditos restantes
    • *IDIOMA en*: cambiar de idioma (fr, en, es, pt, ar)
    • *GEN* y un texto: escribir, aunque el texto parezca un comando
    • *CONEXIÓN*: un código y un enlace para la web
    • *EXPORT*: tus datos, *BORRAR*: borrarlo todo
    • *STOP*: no recibir nada más, *START*: volver
    • *AYUDA*: este mensaje

balance = 💳 Créditos restantes: { $credits }
balance-entries = Últimos movimientos:
language-now = 🌍 Te hablo en español. Para cambiar: IDIOMA fr, IDIOMA en, IDIOMA pt o IDIOMA ar.
language-set = 🌍 Anotado, te hablo en español.
language-unknown = 🌍 No conozco ese idioma. Hablo fr, en, es, pt y ar: por ejemplo IDIOMA en.

stopped = 🔕 Anotado, no volveremos a escribirte por nuestra cuenta. Si nos escribes, responderemos. START para volver.
how-to-stop = 🔕 ¿No quieres más mensajes nuestros? Responde *STOP* y no volveremos a escribirte por nuestra cuenta. No se ha cobrado nada.
started = 🔔 ¡Qué bien tenerte de vuelta! Envía tu próxima idea.

small-talk-greeting = 👋 ¡Hola! Envíame la idea de tu publicación (la oferta, la fecha, la red) y te escribo 3 versiones. AYUDA para saber más.
small-talk-thanks = 😊 ¡Con mucho gusto! Envía tu próxima idea cuando quieras.
small-talk-acknowledgement = 👍 Envía tu próxima idea cuando quieras, o AYUDA.
small-talk-about-us = 📣 Soy Postly-AI: escribo 3 publicaciones listas para pegar a partir de tu idea. 1 crédito por petición, lo demás es gratis. AYUDA para los comandos.
small-talk-opening = 👋 ¡Hola! Soy Postly-AI: dime qué quieres anunciar (la oferta, la fecha, la red) y escribo 3 publicaciones listas para pegar para tu negocio. 3 publicaciones cuestan 1 crédito, lo demás es gratis. Por ejemplo: «Post para Instagram, -20 % en cruasanes el sábado». AYUDA para saber más.
off-topic = 🙂 Solo escribo publicaciones para dar a conocer tu negocio. Dime qué quieres anunciar: no se ha descontado nada.
forbidden = 🚫 No escribo publicaciones sobre este tema (odio, sexo, venta de armas, drogas, venta de tabaco, juegos de azar, alcohol sin medida, medicamentos con receta, promesas de curación): las reglas de WhatsApp o la ley no lo permiten. No se ha descontado nada.
too-many-facts = ✂️ Tu mensaje tiene más datos de los que caben aquí en una publicación, y no dejo fuera ninguno sin decírtelo. Acórtalo o envíalo en dos mensajes. No se ha descontado nada.
no-translation = 🌐 El redactor integrado no traduce: escribe tu mensaje en el idioma de las publicaciones y saldrán en ese idioma. No se ha descontado nada.
unclear-instructions = ✂️ No he sabido separar la noticia de tus indicaciones, y no quiero publicarlas. Envíame solo la noticia, como se la contarías a tus clientes. No se ha descontado nada.
budget-author = 🌙 Es mucho para un día: se ha alcanzado el número de solicitudes diarias. Seguimos mañana. No se ha descontado nada.
budget-all = 🌙 Hoy hay demasiada gente: por el momento no escribimos más publicaciones. Inténtalo más tarde. No se ha descontado nada.
loop = 🤖 El mismo mensaje vuelve una y otra vez: hago una pausa. Escribe otra cosa, o vuelve dentro de dos minutos. No se ha descontado nada por este mensaje.

missing-brief = ✍️ ¿Qué quieres anunciar? Escribe por ejemplo: GEN promo cruasanes este fin de semana.
brief-too-long = ✂️ Este mensaje es demasiado largo ({ $limit } caracteres como máximo). Envía lo esencial: la oferta, la fecha, la red. No se ha descontado nada.
unreadable =
    { $kinds ->
        [both] 🙈 Leo textos, notas de voz y fotos, pero esto no. Escribe tu idea en pocas palabras. No se ha descontado nada.
        [voice] 🙈 Leo textos, pies de foto y notas de voz, pero esto no. Escribe tu idea o dila. No se ha descontado nada.
        [photo] 🙈 Leo textos y fotos, pero esto no. Escribe tu idea en pocas palabras. No se ha descontado nada.
       *[text] 🙈 Por ahora solo leo texto. Escribe tu idea en pocas palabras, o como pie de la foto. No se ha descontado nada.
    }
heard = 🎙️ He oído: «{ $text }»
alt-text = 🖼️ Texto alternativo de la foto: { $text }
photo-brief = Una publicación sobre mi foto
photo-album = 📷 Una foto por petición: escribo sobre la primera. Para otra, envíala sola. No se ha descontado nada más.
photo-unusable = 📷 No he podido ver esta foto (JPEG o PNG, 5 MB como máximo). Reenvíala con un pie de foto: la oferta, la fecha, la red. No se ha descontado nada.
voice-unusable =
    { $why ->
        [too_long] 🎙️ Esta nota de voz es demasiado larga ({ $minutes } minutos como máximo). Di lo esencial: la oferta, la fecha, la red; o escríbelo. No se ha descontado nada.
        [failed] 🎙️ No he podido escuchar esta nota de voz. Reenvíala en un momento o escribe tu idea. No se ha descontado nada.
       *[no_speech] 🎙️ No he entendido esta nota de voz. Habla cerca del micrófono, sin ruido alrededor, o escribe tu idea. No se ha descontado nada.
    }
flood = ⏳ Demasiados mensajes a la vez: respondo a los { $limit } primeros, los demás quedan sin tratar. Por esos no se ha descontado nada.

code =
    🔐 Tu código de verificación de Postly-AI: *{ $code }*
    ⏰ Válido 10 minutos
    🛡️ No compartas nunca este código
login-link = 👉 O entra con un toque, una sola vez: { $url }
login-just-sent = 🔐 Tu código acaba de salir: está un poco más arriba. Puedes pedir otro dentro de un minuto.
login-too-many = ⏳ Demasiados códigos para esta hora (3 como máximo). El enlace del último mensaje aún abre, durante sus 10 minutos.
phrase-unknown = 🤔 Esta frase ya no es válida. Vuelve a abrir la página de acceso: muestra una nueva.
phrase-browser = 💻 Pedido desde: { $browser }. ¿No eres tú? Responde NO SOY YO.
button-not-me = No soy yo
denied = 🛡️ Gracias. Este código ya no abre nada, y nadie ha entrado.
number-changed = 🔁 Tu cuenta de Postly-AI está ahora vinculada a otro número: este ya no la abre. ¿No eres tú? Escríbenos.
delete-confirm = 🗑️ ¿Borrarlo todo? Tus posts, tus mensajes, tu cuenta y tus créditos restantes se perderán para siempre. Responde *SÍ* en 15 minutos para confirmar. Sin respuesta, nada cambia.
erased = ✅ Hecho: todo lo que sabíamos de ti está borrado. Si un día nos escribes, nos conoceremos de nuevo.
export = 📦 Una vez dentro, tus datos están aquí (JSON): { $url }
denied-late = 🛡️ Gracias por decirlo. El código ya se había usado, o ya no está: por prudencia, todas las sesiones de tu cuenta quedan cerradas.
number-proved = ✅ Tu número está confirmado: a partir de ahora abre tu cuenta.
number-elsewhere = 🤔 Este número ya es de otra cuenta de Postly-AI. No ha cambiado nada: escribe LOGIN desde ese número para entrar en esa cuenta.
paused = ⏸️ Postly-AI: servicio en pausa, no se descuenta nada. Vuelve a enviar tu petición en unos minutos.
blocked = ⏸️ Postly-AI: tu cuenta está suspendida. No se escribe ninguna publicación y no se descuenta nada. Para saber más, contacta con el equipo de soporte.

# La tienda. Los precios incluyen el IVA.
shop-title = 💳 *Recarga tus créditos*
shop-pack = { shop-pack-count }: { shop-pack-price }
shop-pack-count =
    { $credits ->
        [one] { $credits } crédito
       *[other] { $credits } créditos
    }
shop-pack-price = { $price } IVA incl.
shop-product =
    { $credits ->
        [one] { $credits } crédito de Postly-AI
       *[other] { $credits } créditos de Postly-AI
    }
shop-debt =
    { $credits ->
        [one] ↩️ { $credits } crédito reembolsado ya se había usado: tu próxima compra lo compensa primero.
       *[other] ↩️ { $credits } créditos reembolsados ya se habían usado: tu próxima compra los compensa primero.
    }
shop-link = 👇 Tu enlace personal, válido 30 minutos:
shop-button = Recargar
refund-told =
    { $credits ->
        [one] ↩️ Se te devolvió { $credits } crédito: algunas publicaciones no te llegaron.
       *[other] ↩️ Se te devolvieron { $credits } créditos: unas publicaciones no te llegaron.
    }
low-balance = 🔋 ¿Te quedan pocos créditos? Envía RECARGAR.
no-credit-web = ❌ Créditos insuficientes. Recarga tus créditos aquí: { $url }
no-credit-shop = ❌ Créditos insuficientes. Visita el sitio web para recargar tus créditos.
shop-page-title = Recarga tus créditos
shop-page-lead = Elige un pack. El pago se hace en la página de Stripe; tus créditos llegan en cuanto se pagan y no caducan.
shop-page-balance =
    { $credits ->
        [one] Te queda { $credits } crédito.
       *[other] Te quedan { $credits } créditos.
    }
shop-page-no-link = Para recargar, escribe RECARGAR en WhatsApp y abre el enlace que recibas, o inicia sesión.
shop-page-spent = Este enlace ya no es válido. Escribe RECARGAR en WhatsApp para recibir otro.
shop-page-failed = El pago no está disponible en este momento. Inténtalo de nuevo enseguida: no se ha cobrado nada.
shop-page-too-many = Demasiados pagos iniciados. Inténtalo de nuevo en una hora.
shop-page-no-script = El enlace de WhatsApp se abre con JavaScript. Sin él, inicia sesión para recargar.
shop-page-go = Pagar en la página de Stripe
shop-page-log-in = Iniciar sesión
shop-page-buy = Comprar
shop-page-again = Ver los packs
shop-return-paid =
    { $credits ->
        [one] ¡Gracias! { $credits } crédito ha llegado a tu cuenta.
       *[other] ¡Gracias! { $credits } créditos han llegado a tu cuenta.
    }
shop-return-pending =
    { $credits ->
        [one] Tu pago está en curso: { $credits } crédito llegará en cuanto se confirme, lo que puede tardar unos días.
       *[other] Tu pago está en curso: { $credits } créditos llegarán en cuanto se confirme, lo que puede tardar unos días.
    }
shop-return-checking = Estamos comprobando tu pago. Vuelve a cargar esta página en un momento: tus créditos llegan en cuanto se confirme.
shop-return-open = El pago no ha terminado. No se ha cobrado nada.
shop-return-ended = Este pago no se ha completado. No se ha cobrado nada.
shop-return-whatsapp = Puedes volver a WhatsApp.

# Messages that are no brief, and follow-ups of a result.
ask-more = ✍️ «{ $subject }»: cuéntame un poco más. ¿Qué es, cuándo, dónde, a qué precio? Por ejemplo: «-20 % en los jerséis el sábado». Basta una palabra; si no hay nada que añadir, responde OK y escribo con lo que tengo. Esta pregunta es gratis.
ask-more-web = ✍️ «{ $subject }»: cuenta un poco más. ¿Qué es, cuándo, dónde, a qué precio? Por ejemplo: «-20 % en los jerséis el sábado». No se ha cobrado nada.
late-photo = ⏳ Tu foto acaba de llegarnos. Si todavía quieres posts, vuelve a enviarla. No se ha cobrado nada.
late-brief = ⏳ Tu mensaje «{ $subject }» acaba de llegarnos. ¿Todavía quieres estos posts? Responde OK y los escribo; si no, no hagas nada. No se ha cobrado nada.
nothing-to-change = 🤔 No tengo posts recientes que cambiar o elegir. Envía la idea de tu próximo post: la oferta, la fecha, la red. No se ha cobrado nada.
cancelled = 👌 Cancelado. No se ha cobrado nada.
nothing-to-cancel = 👌 No hay nada pendiente que cancelar. Para no recibir más mensajes nuestros, responde STOP; para borrar tu cuenta, ELIMINAR.
human-asked = 🙋 Anotado: una persona del equipo te responderá aquí. Mientras tanto, guardo silencio (12 horas como máximo). Para seguir sin esperar, envía START.
refund-asked = 💬 Siento que el resultado no te convenza. El primer cambio es gratis: di qué hay que cambiar («más corto», «en realidad es el domingo»). Una petición que falla nunca se cobra, y lo que no se entrega se devuelve. Para un reembolso, escribe «hablar con una persona».
question-asked = 💡 Escribo 3 posts listos para pegar a partir de tu idea: la oferta, la fecha, el lugar, la red. 3 posts cuestan 1 crédito, el primer cambio es gratis y los siguientes cuestan 1 crédito. AYUDA para los comandos; «hablar con una persona» para otra pregunta.
cannot-change = ✋ El redactor integrado no sabe hacer este cambio. Entiende: más corto, otra versión, sin hashtags, sin emojis, en inglés, añade…, en realidad es… No se ha cobrado nada.
changed-header = ✏️ *Tus 3 posts modificados:*
change-was-free = 🎁 Este primer cambio es gratis; los siguientes cuestan 1 crédito.
how-to-choose = Responde 1, 2 o 3 para recibir solo ese post
choice-expired = ⌛ Este post ya no está disponible. Envía una idea nueva cuando quieras.

# La memoria de marca.
brand-kept = 🧠 Anotado.
brand-list = 🧠 Lo que recuerdo para todos tus posts:
brand-forgotten = 🧠 Olvidado.
brand-empty = 🧠 Todavía no recuerdo nada. Escribe por ejemplo: «Recuerda: nunca «barato», sin emojis, estamos en Triana, cerrado los lunes».
brand-help = Para borrar una línea: «Olvida 2». Para releer: «Mi marca».
brand-no-entry = 🤔 No tengo la línea { $number }. Escribe «Mi marca» para leer lo que recuerdo.
brand-too-much = ✋ Es más de lo que puedo recordar: 20 datos de 200 caracteres, 30 palabras prohibidas, una firma de 160 caracteres. Borra una línea («Olvida 2») o acorta el texto.
brand-word-in-brief = ✋ Tu idea contiene «{ $word }», que me pediste no escribir nunca. Dilo de otra forma, o escribe «Mi marca» para cambiar esa regla. No se ha cobrado nada.
brand-applied = 🧠 Tus reglas: { $rules }
brand-entry-informal = de tú
brand-entry-formal = de usted
brand-entry-emojis = con emojis
brand-entry-no-emojis = sin emojis
brand-entry-tone = tono: { $text }
brand-entry-name = nombre: { $text }
brand-entry-trade = oficio: { $text }
brand-entry-place = lugar: { $text }
brand-entry-banned = nunca «{ $text }»
brand-entry-signature = firma: { $text }
