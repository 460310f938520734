# O que a autora lê.

result-header = ✨ *3 posts escritos para você:*
credits-left = 💳 Créditos restantes: { $credits }
note-unknown-networks = ℹ️ { $networks }: não conheço os limites, por isso os posts foram escritos sem levá-los em conta. Confira o tamanho antes de publicar.
note-hashtags = ℹ️ Hashtags: { $network } aceita no máximo { $limit } por post. Seus posts respeitam o limite.
note-length = ℹ️ { $network } aceita no máximo { $limit } caracteres: seus posts respeitam o limite.
no-credit =
    ❌ Créditos insuficientes. Visite o site para recarregar seus créditos.
    { $url }
no-credit-login = 🎁 Primeira vez? Envie LOGIN: { $credits } créditos de boas-vindas esperam por você.
generation-failed = ❌ Erro ao escrever. Tente mais tarde. Nenhum crédito foi descontado.

greeting-ai = 👋 Aqui é a Postly-AI: uma IA escreve seus posts a partir da sua mensagem. 3 posts custam 1 crédito; o resto é grátis. Releia antes de publicar. AJUDA para os comandos, STOP para não receber mais nada. Termos: { $url }
greeting-offline = 👋 Aqui é a Postly-AI: o redator integrado, que não é uma IA, compõe seus posts a partir da sua mensagem. 3 posts custam 1 crédito; o resto é grátis. Releia antes de publicar. AJUDA para os comandos, STOP para não receber mais nada. Termos: { $url }

help =
    📣 *A Postly-AI escreve seus posts*
    Envie sua ideia, por exemplo: “Crie um post promocional para o Instagram, -20 % nos croissants neste fim de semana”. Você recebe 3 posts prontos para colar, por 1 crédito.

    • *SALDO*: seus créditos restantes
    • *IDIOMA en*: mudar de idioma (fr, en, es, pt, ar)
    • *GEN* e um texto: escrever, mesmo que o texto pareça um comando
    • *CONEXÃO*: um código e um link para o site
    • *EXPORT*: seus dados, *APAGAR*: apagar tudo
    • *STOP*: não receber mais nada, *START*: voltar
    • *AJUDA*: esta mensagem

balance = 💳 Créditos restantes: { $credits }
balance-entries = Últimos movimentos:
language-now = 🌍 Falo português com você. Para mudar: IDIOMA fr, IDIOMA en, IDIOMA es ou IDIOMA ar.
language-set = 🌍 Anotado, falo português com você.
language-unknown = 🌍 Não conheço esse idioma. Falo fr, en, es, pt e ar: por exemplo IDIOMA en.

stopped = 🔕 Anotado, não escreveremos mais por iniciativa própria. Se você nos escrever, responderemos. START para voltar.
how-to-stop = 🔕 Não quer mais receber nossas mensagens? Responda *STOP* e não escreveremos mais por iniciativa própria. Nada foi cobrado.
started = 🔔 Que bom ter você de volta! Envie sua próxima ideia.

small-talk-greeting = 👋 Olá! Envie a ideia do seu post (a oferta, a data, a rede) e eu escrevo 3 versões. AJUDA para saber mais.
small-talk-thanks = 😊 De nada! Envie sua próxima ideia quando quiser.
small-talk-acknowledgement = 👍 Envie sua próxima ideia quando quiser, ou AJUDA.
small-talk-about-us = 📣 Sou a Postly-AI: escrevo 3 posts prontos para colar a partir da sua ideia. 1 crédito por pedido, o resto é grátis. AJUDA para os comandos.
small-talk-opening = 👋 Olá! Sou a Postly-AI: diga o que você quer anunciar (a oferta, a data, a rede) e eu escrevo 3 posts prontos para colar para o seu negócio. 3 posts custam 1 crédito, o resto é grátis. Por exemplo: “Post para Instagram, -20 % nos croissants no sábado”. AJUDA para saber mais.
off-topic = 🙂 Só escrevo posts para divulgar o seu negócio. Diga o que quer anunciar: nada foi descontado.
forbidden = 🚫 Não escrevo posts sobre este tema (ódio, sexo, venda de armas, drogas, venda de tabaco, jogos de azar, álcool sem medida, medicamentos com receita, promessas de cura): as regras do WhatsApp ou a lei não permitem. Nada foi descontado.
too-many-facts = ✂️ A sua mensagem tem mais informação do que cabe aqui em um post, e não deixo nada de fora sem avisar. Encurte a mensagem ou envie em duas partes. Nada foi descontado.
no-translation = 🌐 O redator integrado não traduz: escreva a mensagem no idioma dos posts, e eles sairão nesse idioma. Nada foi descontado.
unclear-instructions = ✂️ Não consegui separar a novidade das suas instruções, e não quero publicá-las. Envie só a novidade, como contaria aos seus clientes. Nada foi descontado.
budget-author = 🌙 É muito para um dia: o número de pedidos por dia foi atingido. Continuamos amanhã. Nada foi descontado.
budget-all = 🌙 Há gente demais hoje: por enquanto não escrevemos mais posts. Tente mais tarde. Nada foi descontado.
loop = 🤖 A mesma mensagem volta sem parar: faço uma pausa. Escreva outra coisa, ou volte daqui a dois minutos. Nada foi descontado por esta mensagem.

missing-brief = ✍️ O que você quer anunciar? Escreva por exemplo: GEN promo croissants neste fim de semana.
brief-too-long = ✂️ Esta mensagem é longa demais (no máximo { $limit } caracteres). Envie o essencial: a oferta, a data, a rede. Nada foi descontado.
unreadable =
    { $kinds ->
        [both] 🙈 Leio textos, áudios e fotos, mas isto não. Escreva sua ideia em poucas palavras. Nada foi descontado.
        [voice] 🙈 Leio textos, legendas de fotos e áudios, mas isto não. Escreva sua ideia, ou diga em voz alta. Nada foi descontado.
        [photo] 🙈 Leio textos e fotos, mas isto não. Escreva sua ideia em poucas palavras. Nada foi descontado.
       *[text] 🙈 Por enquanto só leio texto. Escreva sua ideia em poucas palavras, ou na legenda da foto. Nada foi descontado.
    }
heard = 🎙️ Ouvi: “{ $text }”
alt-text = 🖼️ Texto alternativo da foto: { $text }
photo-brief = Um post sobre a minha foto
photo-album = 📷 Uma foto por pedido: escrevo sobre a primeira. Para outra, envie-a sozinha. Nada mais foi descontado.
photo-unusable = 📷 Não consegui ver esta foto (JPEG ou PNG, 5 MB no máximo). Envie de novo com uma legenda: a oferta, a data, a rede. Nada foi descontado.
voice-unusable =
    { $why ->
        [too_long] 🎙️ Este áudio é longo demais ({ $minutes } minutos no máximo). Diga o essencial: a oferta, a data, a rede; ou escreva. Nada foi descontado.
        [failed] 🎙️ Não consegui ouvir este áudio. Envie de novo daqui a pouco, ou escreva sua ideia. Nada foi descontado.
       *[no_speech] 🎙️ Não entendi este áudio. Fale perto do microfone, sem ruído em volta, ou escreva sua ideia. Nada foi descontado.
    }
flood = ⏳ Mensagens demais ao mesmo tempo: respondo às { $limit } primeiras, as outras não são tratadas. Por essas nada foi descontado.

code =
    🔐 Seu código de verificação Postly-AI: *{ $code }*
    ⏰ Válido por 10 minutos
    🛡️ Nunca compartilhe este código
login-link = 👉 Ou entre com um toque, uma só vez: { $url }
login-just-sent = 🔐 Seu código acabou de sair: está um pouco acima. Você pode pedir outro em um minuto.
login-too-many = ⏳ Códigos demais para esta hora (3 no máximo). O link da última mensagem ainda abre, durante seus 10 minutos.
phrase-unknown = 🤔 Esta frase não vale mais. Abra de novo a página de entrada: ela mostra uma nova.
phrase-browser = 💻 Pedido feito de: { $browser }. Não é você? Responda NÃO SOU EU.
button-not-me = Não sou eu
denied = 🛡️ Obrigado. Este código não abre mais nada, e ninguém entrou.
number-changed = 🔁 Sua conta Postly-AI agora está vinculada a outro número: este não a abre mais. Não é você? Escreva para nós.
delete-confirm = 🗑️ Apagar tudo? Seus posts, suas mensagens, sua conta e os créditos restantes serão perdidos para sempre. Responda *SIM* em 15 minutos para confirmar. Sem resposta, nada muda.
erased = ✅ Feito: tudo o que sabíamos sobre você foi apagado. Se um dia você nos escrever, começamos do zero.
export = 📦 Depois de entrar, seus dados estão aqui (JSON): { $url }
denied-late = 🛡️ Obrigado por avisar. O código já tinha sido usado, ou não existe mais: por segurança, todas as sessões da sua conta foram encerradas.
number-proved = ✅ Seu número está confirmado: a partir de agora ele abre sua conta.
number-elsewhere = 🤔 Este número já é de outra conta Postly-AI. Nada mudou: envie LOGIN desse número para entrar nessa conta.
paused = ⏸️ Postly-AI: serviço em pausa, nada é descontado. Envie seu pedido de novo em alguns minutos.
blocked = ⏸️ Postly-AI: sua conta está suspensa. Nenhum post é escrito e nada é descontado. Para saber mais, fale com o suporte.

# A loja. Os preços incluem o IVA.
shop-title = 💳 *Recarregue seus créditos*
shop-pack = { shop-pack-count }: { shop-pack-price }
shop-pack-count =
    { $credits ->
        [one] { $credits } crédito
       *[other] { $credits } créditos
    }
shop-pack-price = { $price } IVA incl.
shop-product =
    { $credits ->
        [one] { $credits } crédito Postly-AI
       *[other] { $credits } créditos Postly-AI
    }
shop-debt =
    { $credits ->
        [one] ↩️ { $credits } crédito reembolsado já tinha sido usado: sua próxima compra o compensa primeiro.
       *[other] ↩️ { $credits } créditos reembolsados já tinham sido usados: sua próxima compra os compensa primeiro.
    }
shop-link = 👇 Seu link pessoal, válido por 30 minutos:
shop-button = Recarregar
refund-told =
    { $credits ->
        [one] ↩️ { $credits } crédito foi devolvido a você: alguns posts não chegaram.
       *[other] ↩️ { $credits } créditos foram devolvidos a você: alguns posts não chegaram.
    }
low-balance = 🔋 Quase sem créditos? Envie RECARREGAR.
no-credit-web = ❌ Créditos insuficientes. Recarregue seus créditos aqui: { $url }
no-credit-shop = ❌ Créditos insuficientes. Visite o site para recarregar seus créditos.
shop-page-title = Recarregue seus créditos
shop-page-lead = Escolha um pacote. O pagamento é feito na página da Stripe; os créditos chegam assim que são pagos e não expiram.
shop-page-balance =
    { $credits ->
        [one] Resta { $credits } crédito.
       *[other] Restam { $credits } créditos.
    }
shop-page-no-link = Para recarregar, escreva RECARREGAR no WhatsApp e abra o link recebido, ou entre na sua conta.
shop-page-spent = Este link não vale mais. Escreva RECARREGAR no WhatsApp para receber outro.
shop-page-failed = O pagamento não está disponível neste momento. Tente de novo em instantes: nada foi cobrado.
shop-page-too-many = Pagamentos iniciados demais. Tente de novo em uma hora.
shop-page-no-script = O link do WhatsApp abre com JavaScript. Sem ele, entre na sua conta para recarregar.
shop-page-go = Pagar na página da Stripe
shop-page-log-in = Entrar
shop-page-buy = Comprar
shop-page-again = Ver os pacotes
shop-return-paid =
    { $credits ->
        [one] Obrigado! { $credits } crédito chegou à sua conta.
       *[other] Obrigado! { $credits } créditos chegaram à sua conta.
    }
shop-return-pending =
    { $credits ->
        [one] Seu pagamento está em andamento: { $credits } crédito chegará assim que for confirmado, o que pode levar alguns dias.
       *[other] Seu pagamento está em andamento: { $credits } créditos chegarão assim que for confirmado, o que pode levar alguns dias.
    }
shop-return-checking = Estamos verificando seu pagamento. Recarregue esta página em instantes: seus créditos chegam assim que ele for confirmado.
shop-return-open = O pagamento não foi concluído. Nada foi cobrado.
shop-return-ended = Este pagamento não foi efetuado. Nada foi cobrado.
shop-return-whatsapp = Você pode voltar ao WhatsApp.

# Messages that are no brief, and follow-ups of a result.
ask-more = ✍️ «{ $subject }»: conte um pouco mais. O que é, quando, onde, a que preço? Por exemplo: «20% de desconto nas blusas no sábado». Uma palavra basta; se não houver mais nada, responda OK e escrevo com o que tenho. Esta pergunta é gratuita.
ask-more-web = ✍️ «{ $subject }»: conte um pouco mais. O que é, quando, onde, a que preço? Por exemplo: «20% de desconto nas blusas no sábado». Nada foi cobrado.
late-photo = ⏳ Sua foto só chegou agora. Se ainda quer posts, envie de novo. Nada foi cobrado.
late-brief = ⏳ Sua mensagem «{ $subject }» só chegou agora. Ainda quer estes posts? Responda OK e eu escrevo; se não, não faça nada. Nada foi cobrado.
nothing-to-change = 🤔 Não tenho posts recentes para alterar ou escolher. Envie a ideia do próximo post: a oferta, a data, a rede. Nada foi cobrado.
cancelled = 👌 Cancelado. Nada foi cobrado.
nothing-to-cancel = 👌 Não há nada pendente para cancelar. Para não receber mais mensagens nossas, responda STOP; para apagar a conta, EXCLUIR.
human-asked = 🙋 Anotado: uma pessoa da equipe responderá aqui. Enquanto isso, fico em silêncio (12 horas no máximo). Para continuar sem esperar, envie START.
refund-asked = 💬 Lamento que o resultado não sirva. A primeira alteração é gratuita: diga o que mudar («mais curto», «na verdade é domingo»). Um pedido que falha nunca é cobrado, e o que não é entregue é devolvido. Para um reembolso, escreva «falar com uma pessoa».
question-asked = 💡 Escrevo 3 posts prontos para colar a partir da sua ideia: a oferta, a data, o lugar, a rede. 3 posts custam 1 crédito, a primeira alteração é gratuita e as seguintes custam 1 crédito. AJUDA para os comandos; «falar com uma pessoa» para outra pergunta.
cannot-change = ✋ O redator integrado não sabe fazer esta alteração. Entende: mais curto, outra versão, sem hashtags, sem emojis, em inglês, acrescenta…, na verdade é… Nada foi cobrado.
changed-header = ✏️ *Seus 3 posts alterados:*
change-was-free = 🎁 Esta primeira alteração é gratuita; as seguintes custam 1 crédito.
how-to-choose = Responda 1, 2 ou 3 para receber só esse post
choice-expired = ⌛ Este post não está mais disponível. Envie uma nova ideia quando quiser.

# A memória da marca.
brand-kept = 🧠 Anotado.
brand-list = 🧠 O que guardo para todos os seus posts:
brand-forgotten = 🧠 Esquecido.
brand-empty = 🧠 Ainda não guardo nada. Escreva por exemplo: «Lembre: nunca «barato», sem emojis, estamos em Belém, fechado às segundas».
brand-help = Para apagar uma linha: «Esquece 2». Para reler: «Minha marca».
brand-no-entry = 🤔 Não tenho a linha { $number }. Escreva «Minha marca» para reler o que guardo.
brand-too-much = ✋ É mais do que consigo guardar: 20 factos de 200 caracteres, 30 palavras proibidas, uma assinatura de 160 caracteres. Apague uma linha («Esquece 2») ou encurte o texto.
brand-word-in-brief = ✋ Sua ideia contém «{ $word }», que você pediu para nunca escrever. Diga de outra forma, ou escreva «Minha marca» para mudar essa regra. Nada foi cobrado.
brand-applied = 🧠 Suas regras: { $rules }
brand-entry-informal = tratamento informal
brand-entry-formal = tratamento formal
brand-entry-emojis = com emojis
brand-entry-no-emojis = sem emojis
brand-entry-tone = tom: { $text }
brand-entry-name = nome: { $text }
brand-entry-trade = ofício: { $text }
brand-entry-place = lugar: { $text }
brand-entry-banned = nunca «{ $text }»
brand-entry-signature = assinatura: { $text }
