# O que a autora lê.

result-header = ✨ *3 posts escritos para você:*
credits-left = 💳 Créditos restantes: { $credits }
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
    • *STOP*: não receber mais nada, *START*: voltar
    • *AJUDA*: esta mensagem

balance = 💳 Créditos restantes: { $credits }
language-now = 🌍 Falo português com você. Para mudar: IDIOMA fr, IDIOMA en, IDIOMA es ou IDIOMA ar.
language-set = 🌍 Anotado, falo português com você.
language-unknown = 🌍 Não conheço esse idioma. Falo fr, en, es, pt e ar: por exemplo IDIOMA en.

stopped = 🔕 Anotado, não escreveremos mais por iniciativa própria. Se você nos escrever, responderemos. START para voltar.
started = 🔔 Que bom ter você de volta! Envie sua próxima ideia.

small-talk-greeting = 👋 Olá! Envie a ideia do seu post (a oferta, a data, a rede) e eu escrevo 3 versões. AJUDA para saber mais.
small-talk-thanks = 😊 De nada! Envie sua próxima ideia quando quiser.
small-talk-acknowledgement = 👍 Envie sua próxima ideia quando quiser, ou AJUDA.
small-talk-about-us = 📣 Sou a Postly-AI: escrevo 3 posts prontos para colar a partir da sua ideia. 1 crédito por pedido, o resto é grátis. AJUDA para os comandos.
off-topic = 🙂 Só escrevo posts para divulgar o seu negócio. Diga o que quer anunciar: nada foi descontado.

missing-brief = ✍️ O que você quer anunciar? Escreva por exemplo: GEN promo croissants neste fim de semana.
brief-too-long = ✂️ Esta mensagem é longa demais (no máximo { $limit } caracteres). Envie o essencial: a oferta, a data, a rede. Nada foi descontado.
unreadable = 🙈 Por enquanto só leio texto. Escreva sua ideia em poucas palavras. Nada foi descontado.
flood = ⏳ Mensagens demais ao mesmo tempo: respondo às { $limit } primeiras, as outras não são tratadas. Por essas nada foi descontado.
