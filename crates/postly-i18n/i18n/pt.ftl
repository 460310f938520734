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

greeting-ai = 👋 Aqui é a Postly-AI: uma IA escreve seus posts a partir da sua mensagem. 3 posts custam 1 crédito; o resto é grátis. Releia antes de publicar. AJUDA para os comandos, STOP para não receber mais nada.
greeting-offline = 👋 Aqui é a Postly-AI: o redator integrado, que não é uma IA, compõe seus posts a partir da sua mensagem. 3 posts custam 1 crédito; o resto é grátis. Releia antes de publicar. AJUDA para os comandos, STOP para não receber mais nada.

help =
    📣 *A Postly-AI escreve seus posts*
    Envie sua ideia, por exemplo: “Crie um post promocional para o Instagram, -20 % nos croissants neste fim de semana”. Você recebe 3 posts prontos para colar, por 1 crédito.

    • *SALDO*: seus créditos restantes
    • *IDIOMA en*: mudar de idioma (fr, en, es, pt, ar)
    • *GEN* e um texto: escrever, mesmo que o texto pareça um comando
    • *CONEXÃO*: um código e um link para o site
    • *EXPORT*: os seus dados, *APAGAR*: apagar tudo
    • *STOP*: não receber mais nada, *START*: voltar
    • *AJUDA*: esta mensagem

balance = 💳 Créditos restantes: { $credits }
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
forbidden = 🚫 Não escrevo posts sobre este tema: as regras do WhatsApp não permitem (ódio, sexo, armas, drogas, álcool, tabaco, jogos de azar). Nada foi descontado.
budget-author = 🌙 É muito para um dia: o número de pedidos por dia foi atingido. Continuamos amanhã. Nada foi descontado.
budget-all = 🌙 Há gente demais hoje: por enquanto não escrevemos mais posts. Tente mais tarde. Nada foi descontado.
loop = 🤖 A mesma mensagem volta sem parar: faço uma pausa. Escreva outra coisa, ou volte daqui a dois minutos. Nada foi descontado por esta mensagem.

missing-brief = ✍️ O que você quer anunciar? Escreva por exemplo: GEN promo croissants neste fim de semana.
brief-too-long = ✂️ Esta mensagem é longa demais (no máximo { $limit } caracteres). Envie o essencial: a oferta, a data, a rede. Nada foi descontado.
unreadable = 🙈 Por enquanto só leio texto. Escreva sua ideia em poucas palavras. Nada foi descontado.
flood = ⏳ Mensagens demais ao mesmo tempo: respondo às { $limit } primeiras, as outras não são tratadas. Por essas nada foi descontado.

code =
    🔐 O seu código de verificação Postly-AI: *{ $code }*
    ⏰ Válido por 10 minutos
    🛡️ Nunca partilhe este código
login-link = 👉 Ou entre com um toque, uma só vez: { $url }
login-just-sent = 🔐 O seu código acabou de sair: está um pouco acima. Pode pedir outro dentro de um minuto.
login-too-many = ⏳ Demasiados códigos para esta hora (3 no máximo). O link da última mensagem ainda abre, durante os seus 10 minutos.
phrase-unknown = 🤔 Esta frase já não é válida. Abra de novo a página de entrada: mostra uma nova.
phrase-browser = 💻 Pedido a partir de: { $browser }. Não é você? Responda NÃO SOU EU.
button-not-me = Não sou eu
denied = 🛡️ Obrigado. Este código já não abre nada, e ninguém entrou.
number-changed = 🔁 A sua conta Postly-AI está agora ligada a outro número: este já não a abre. Não é você? Escreva-nos.
delete-confirm = 🗑️ Apagar tudo? Os seus posts, as suas mensagens, a sua conta e os créditos restantes perdem-se para sempre. Responda *SIM* em 15 minutos para confirmar. Sem resposta, nada muda.
erased = ✅ Feito: tudo o que sabíamos de si foi apagado. Se um dia nos escrever, voltamos a conhecer-nos.
export = 📦 Depois de entrar, os seus dados estão aqui (JSON): { $url }
denied-late = 🛡️ Obrigado por avisar. O código já tinha sido usado, ou já não existe: por prudência, todas as sessões da sua conta foram fechadas.
number-proved = ✅ O seu número está confirmado: a partir de agora abre a sua conta.
number-elsewhere = 🤔 Este número já é de outra conta Postly-AI. Nada mudou: envie LOGIN a partir desse número para entrar nessa conta.
paused = ⏸️ Postly-AI: serviço em pausa, nada é descontado. Envie o seu pedido de novo dentro de alguns minutos.

# A loja. Os preços incluem o IVA.
shop-title = 💳 *Recarregar os seus créditos*
shop-pack =
    { $credits ->
        [one] { $credits } crédito: { $price } IVA incl.
       *[other] { $credits } créditos: { $price } IVA incl.
    }
shop-product =
    { $credits ->
        [one] { $credits } crédito Postly-AI
       *[other] { $credits } créditos Postly-AI
    }
shop-debt =
    { $credits ->
        [one] ↩️ { $credits } crédito reembolsado já tinha sido usado: a sua próxima compra compensa-o primeiro.
       *[other] ↩️ { $credits } créditos reembolsados já tinham sido usados: a sua próxima compra compensa-os primeiro.
    }
shop-link = 👇 O seu link pessoal, válido por 30 minutos:
shop-button = Recarregar
low-balance = 🔋 Quase sem créditos? Envie RECARREGAR.
no-credit-shop = ❌ Créditos insuficientes. Visite o site para recarregar seus créditos.
shop-page-title = Recarregar os seus créditos
shop-page-lead = Escolha um pack. O pagamento é feito na página da Stripe; os créditos chegam assim que são pagos e não expiram.
shop-page-balance =
    { $credits ->
        [one] Resta-lhe { $credits } crédito.
       *[other] Restam-lhe { $credits } créditos.
    }
shop-page-no-link = Para recarregar, escreva RECARREGAR no WhatsApp e abra o link recebido, ou inicie sessão.
shop-page-spent = Este link já não é válido. Escreva RECARREGAR no WhatsApp para receber outro.
shop-page-failed = O pagamento não está disponível neste momento. Tente de novo daqui a pouco: nada foi cobrado.
shop-page-too-many = Demasiados pagamentos iniciados. Tente de novo daqui a uma hora.
shop-page-no-script = O link do WhatsApp abre com JavaScript. Sem ele, inicie sessão para recarregar.
shop-page-go = Pagar na página da Stripe
shop-page-log-in = Iniciar sessão
shop-page-again = Ver os packs
shop-return-paid =
    { $credits ->
        [one] Obrigado! { $credits } crédito chegou à sua conta.
       *[other] Obrigado! { $credits } créditos chegaram à sua conta.
    }
shop-return-pending =
    { $credits ->
        [one] O seu pagamento está em curso: { $credits } crédito chegará assim que for confirmado, o que pode demorar alguns dias.
       *[other] O seu pagamento está em curso: { $credits } créditos chegarão assim que for confirmado, o que pode demorar alguns dias.
    }
shop-return-open = O pagamento não foi concluído. Nada foi cobrado.
shop-return-ended = Este pagamento não foi efetuado. Nada foi cobrado.
shop-return-whatsapp = Pode voltar ao WhatsApp.
