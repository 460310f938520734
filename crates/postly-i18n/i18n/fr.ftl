# Les messages de la conversation. RULES 4 fixe le sens de ceux qui portent un signe en tête.

result-header = ✨ *3 Posts générés pour vous:*
credits-left = 💳 Crédits restants: { $credits }
note-unknown-networks = ℹ️ { $networks } : je n'en connais pas les limites, les posts sont écrits sans en tenir compte. Vérifiez leur longueur avant de publier.
note-hashtags = ℹ️ Hashtags : { $network } en accepte { $limit } au plus par post. Vos posts s'y tiennent.
note-length = ℹ️ { $network } s'arrête à { $limit } caractères : vos posts s'y tiennent.
no-credit =
    ❌ Crédits insuffisants. Visitez le site web pour recharger vos crédits.
    { $url }
no-credit-login = 🎁 Première fois ? Envoyez LOGIN : { $credits } crédits de bienvenue vous attendent.
generation-failed = ❌ Erreur lors de la génération. Réessayez plus tard. Aucun crédit n'a été débité.

greeting-ai = 👋 Ici Postly-AI : une IA écrit vos posts à partir de votre message. 3 posts coûtent 1 crédit ; le reste est gratuit. Relisez avant de publier. AIDE pour les commandes, STOP pour ne plus rien recevoir. Conditions : { $url }
greeting-offline = 👋 Ici Postly-AI : vos posts sont composés par le rédacteur intégré, sans IA, à partir de votre message. 3 posts coûtent 1 crédit ; le reste est gratuit. Relisez avant de publier. AIDE pour les commandes, STOP pour ne plus rien recevoir. Conditions : { $url }

help =
    📣 *Postly-AI écrit vos posts*
    Envoyez votre idée, par exemple : « Crée un post promo pour Instagram, -20 % sur les croissants ce week-end ». Vous recevez 3 posts prêts à coller, pour 1 crédit.

    • *SOLDE* : vos crédits restants
    • *LANGUE en* : changer de langue (fr, en, es, pt, ar)
    • *GEN* suivi d'un texte : écrire, même si le texte ressemble à une commande
    • *CONNEXION* : un code et un lien pour le site
    • *EXPORT* : vos données, *SUPPRIMER* : tout effacer
    • *STOP* : ne plus rien recevoir, *START* : reprendre
    • *AIDE* : ce message

balance = 💳 Crédits restants: { $credits }
balance-entries = Derniers mouvements :
language-now = 🌍 Je vous parle en français. Pour changer : LANGUE en, LANGUE es, LANGUE pt ou LANGUE ar.
language-set = 🌍 C'est noté, je vous parle en français.
language-unknown = 🌍 Je ne connais pas cette langue. Je parle fr, en, es, pt et ar : par exemple LANGUE en.

stopped = 🔕 C'est noté, nous ne vous écrirons plus de nous-mêmes. Si vous nous écrivez, nous répondrons. START pour reprendre.
how-to-stop = 🔕 Vous ne voulez plus de nos messages ? Répondez *STOP* et nous ne vous écrirons plus de nous-mêmes. Rien n'a été débité.
started = 🔔 Heureux de vous retrouver ! Envoyez votre prochaine idée de post.

small-talk-greeting = 👋 Bonjour ! Envoyez-moi l'idée de votre post (l'offre, la date, le réseau) et je vous en écris 3 versions. AIDE pour en savoir plus.
small-talk-thanks = 😊 Avec plaisir ! Envoyez votre prochaine idée quand vous voulez.
small-talk-acknowledgement = 👍 Envoyez l'idée de votre prochain post quand vous voulez, ou AIDE.
small-talk-about-us = 📣 Je suis Postly-AI : j'écris 3 posts prêts à coller à partir de votre idée. 1 crédit par demande, le reste est gratuit. AIDE pour les commandes.
small-talk-opening = 👋 Bonjour ! Je suis Postly-AI : dites-moi ce que vous voulez annoncer (l'offre, la date, le réseau) et j'écris 3 posts prêts à coller pour votre activité. 3 posts coûtent 1 crédit, tout le reste est gratuit. Par exemple : « Post Instagram, -20 % sur les croissants samedi ». AIDE pour en savoir plus.
off-topic = 🙂 J'écris seulement des posts pour faire connaître votre activité. Dites-moi ce que vous voulez annoncer : rien n'a été débité.
forbidden = 🚫 Je n'écris pas de posts à ce sujet (haine, sexe, vente d'armes, drogues, vente de tabac, jeux d'argent, alcool sans mesure, médicaments sur ordonnance, promesses de guérison) : les règles de WhatsApp ou la loi ne le permettent pas. Rien n'a été débité.
too-many-facts = ✂️ Votre message contient plus d'informations qu'un post n'en peut porter ici, et je n'en laisse tomber aucune sans vous le dire. Raccourcissez-le ou envoyez-le en deux fois. Rien n'a été débité.
no-translation = 🌐 Le rédacteur intégré ne traduit pas : écrivez votre message dans la langue des posts, et ils seront dans cette langue. Rien n'a été débité.
unclear-instructions = ✂️ Je n'ai pas su séparer la nouvelle de vos consignes, et je ne veux pas les publier. Envoyez-moi la nouvelle seule, comme vous la diriez à vos clients. Rien n'a été débité.
budget-author = 🌙 C'est beaucoup pour une journée : le nombre de demandes par jour est atteint. Reprenons demain. Rien n'a été débité.
budget-all = 🌙 Trop de monde aujourd'hui : nous n'écrivons plus de posts pour le moment. Réessayez plus tard. Rien n'a été débité.
loop = 🤖 Le même message revient sans cesse : je fais une pause. Écrivez autre chose, ou revenez dans deux minutes. Rien n'a été débité pour ce message.

missing-brief = ✍️ Que voulez-vous annoncer ? Écrivez par exemple : GEN promo croissants ce week-end.
brief-too-long = ✂️ Ce message est trop long ({ $limit } caractères au plus). Envoyez l'essentiel : l'offre, la date, le réseau. Rien n'a été débité.
unreadable =
    { $kinds ->
        [both] 🙈 Je lis les textes, les messages vocaux et les photos, mais pas ceci. Écrivez votre idée en quelques mots. Rien n'a été débité.
        [voice] 🙈 Je lis les textes, les légendes des photos et les messages vocaux, mais pas ceci. Écrivez votre idée, ou dites-la. Rien n'a été débité.
        [photo] 🙈 Je lis les textes et les photos, mais pas ceci. Écrivez votre idée en quelques mots. Rien n'a été débité.
       *[text] 🙈 Je ne lis que du texte pour le moment. Écrivez votre idée en quelques mots, ou en légende de la photo. Rien n'a été débité.
    }
heard = 🎙️ J'ai entendu : « { $text } »
alt-text = 🖼️ Texte alternatif de la photo : { $text }
photo-brief = Un post à partir de ma photo
photo-album = 📷 Une photo par demande : j'écris à partir de la première. Pour une autre, renvoyez-la seule. Rien de plus n'a été débité.
photo-unusable = 📷 Je n'ai pas pu voir cette photo (JPEG ou PNG, 5 Mo au plus). Renvoyez-la avec une légende : l'offre, la date, le réseau. Rien n'a été débité.
voice-unusable =
    { $why ->
        [too_long] 🎙️ Ce message vocal est trop long ({ $minutes } minutes au plus). Dites l'essentiel : l'offre, la date, le réseau ; ou écrivez-le. Rien n'a été débité.
        [failed] 🎙️ Je n'ai pas pu écouter ce message vocal. Renvoyez-le dans un instant, ou écrivez votre idée. Rien n'a été débité.
       *[no_speech] 🎙️ Je n'ai pas compris ce message vocal. Parlez près du micro, sans bruit autour, ou écrivez votre idée. Rien n'a été débité.
    }
flood = ⏳ Trop de messages à la fois : je réponds aux { $limit } premiers, les suivants ne sont pas traités. Rien n'a été débité pour ceux-là.

code =
    🔐 Votre code de vérification Postly-AI: *{ $code }*
    ⏰ Valide 10 minutes
    🛡️ Ne partagez jamais ce code
login-link = 👉 Ou connectez-vous d'un geste, une seule fois : { $url }
login-just-sent = 🔐 Votre code vient de partir : il est un peu plus haut. Un nouveau peut être demandé dans une minute.
login-too-many = ⏳ Trop de codes pour cette heure (3 au plus). Le lien du dernier message ouvre encore, dans ses 10 minutes.
phrase-unknown = 🤔 Cette phrase n'est plus valable. Rouvrez la page de connexion : elle en montre une nouvelle.
phrase-browser = 💻 Demandé depuis : { $browser }. Ce n'est pas vous ? Répondez PAS MOI.
button-not-me = Ce n'est pas moi
denied = 🛡️ Merci. Ce code n'ouvre plus rien, et personne n'est entré.
number-changed = 🔁 Votre compte Postly-AI est désormais lié à un autre numéro : celui-ci ne l'ouvre plus. Ce n'est pas vous ? Écrivez-nous.
delete-confirm = 🗑️ Tout effacer ? Vos posts, vos messages, votre compte et vos crédits restants seront perdus pour toujours. Répondez *OUI* dans les 15 minutes pour confirmer. Sans réponse, rien ne change.
erased = ✅ C'est fait : tout ce que nous savions de vous est effacé. Si vous nous écrivez un jour, nous ferons connaissance.
export = 📦 Après connexion, vos données sont ici (JSON) : { $url }
denied-late = 🛡️ Merci de l'avoir dit. Le code avait déjà servi, ou n'est plus là : par prudence, toutes les sessions de votre compte sont fermées.
number-proved = ✅ Votre numéro est confirmé : il ouvre désormais votre compte.
number-elsewhere = 🤔 Ce numéro est déjà celui d'un autre compte Postly-AI. Rien n'a changé : écrivez LOGIN depuis ce numéro pour retrouver ce compte.
paused = ⏸️ Postly-AI : service en pause, rien n'est débité. Renvoyez votre demande dans quelques minutes.
blocked = ⏸️ Postly-AI : votre compte est suspendu. Aucun post n'est écrit et rien n'est débité. Pour en savoir plus, contactez l'assistance.

# La boutique. Les prix sont toutes taxes comprises.
shop-title = 💳 *Recharger vos crédits*
shop-pack = { shop-pack-count } : { shop-pack-price }
shop-pack-count =
    { $credits ->
        [one] { $credits } crédit
       *[other] { $credits } crédits
    }
shop-pack-price = { $price } TTC
shop-product =
    { $credits ->
        [one] { $credits } crédit Postly-AI
       *[other] { $credits } crédits Postly-AI
    }
shop-debt =
    { $credits ->
        [one] ↩️ { $credits } crédit remboursé avait déjà servi : votre prochain achat le compense d'abord.
       *[other] ↩️ { $credits } crédits remboursés avaient déjà servi : votre prochain achat les compense d'abord.
    }
shop-link = 👇 Votre lien personnel, valable 30 minutes :
shop-button = Recharger
refund-told =
    { $credits ->
        [one] ↩️ { $credits } crédit vous a été rendu : des posts ne vous étaient pas parvenus.
       *[other] ↩️ { $credits } crédits vous ont été rendus : des posts ne vous étaient pas parvenus.
    }
low-balance = 🔋 Bientôt à court de crédits ? Envoyez RECHARGER.
no-credit-web = ❌ Crédits insuffisants. Rechargez vos crédits ici : { $url }
no-credit-shop = ❌ Crédits insuffisants. Visitez le site web pour recharger vos crédits.
shop-page-title = Recharger vos crédits
shop-page-lead = Choisissez un pack. Le paiement se fait chez Stripe ; vos crédits arrivent aussitôt payés et n'expirent pas.
shop-page-balance =
    { $credits ->
        [one] Il vous reste { $credits } crédit.
       *[other] Il vous reste { $credits } crédits.
    }
shop-page-no-link = Pour recharger, écrivez RECHARGER sur WhatsApp et ouvrez le lien reçu, ou connectez-vous.
shop-page-spent = Ce lien n'est plus valable. Écrivez RECHARGER sur WhatsApp pour en recevoir un autre.
shop-page-failed = Le paiement n'est pas disponible pour le moment. Réessayez dans un instant : rien n'a été débité.
shop-page-too-many = Trop de paiements commencés. Réessayez dans une heure.
shop-page-no-script = Le lien reçu sur WhatsApp s'ouvre avec JavaScript. Sans lui, connectez-vous pour recharger.
shop-page-go = Payer sur la page de Stripe
shop-page-log-in = Se connecter
shop-page-buy = Acheter
shop-page-again = Voir les packs
shop-return-paid =
    { $credits ->
        [one] Merci ! { $credits } crédit est arrivé sur votre compte.
       *[other] Merci ! { $credits } crédits sont arrivés sur votre compte.
    }
shop-return-pending =
    { $credits ->
        [one] Votre paiement est en cours : { $credits } crédit arrivera dès qu'il sera confirmé, ce qui peut prendre quelques jours.
       *[other] Votre paiement est en cours : { $credits } crédits arriveront dès qu'il sera confirmé, ce qui peut prendre quelques jours.
    }
shop-return-checking = Nous vérifions votre paiement. Rechargez cette page dans un instant : vos crédits arrivent dès qu'il est confirmé.
shop-return-open = Le paiement n'est pas terminé. Rien n'a été débité.
shop-return-ended = Ce paiement n'a pas abouti. Rien n'a été débité.
shop-return-whatsapp = Vous pouvez retourner sur WhatsApp.

# Ce qui n'est pas un brief, et les suites d'un résultat.
ask-more = ✍️ « { $subject } » : dites-m'en un peu plus. De quoi s'agit-il, quand, où, à quel prix ? Par exemple : « -20 % sur les pulls samedi ». Un mot suffit ; sans précision, répondez OK et j'écris avec ce que j'ai. La question est gratuite.
ask-more-web = ✍️ « { $subject } » : dites-en un peu plus. De quoi s'agit-il, quand, où, à quel prix ? Par exemple : « -20 % sur les pulls samedi ». Rien n'a été débité.
late-photo = ⏳ Votre photo ne nous parvient qu'à l'instant. Si vous voulez toujours des posts, renvoyez-la. Rien n'a été débité.
late-brief = ⏳ Votre message « { $subject } » ne nous parvient qu'à l'instant. Voulez-vous toujours ces posts ? Répondez OK et je les écris ; sinon, ne faites rien. Rien n'a été débité.
nothing-to-change = 🤔 Je n'ai pas de posts récents à modifier ou à choisir. Envoyez l'idée de votre prochain post : l'offre, la date, le réseau. Rien n'a été débité.
cancelled = 👌 C'est annulé. Rien n'a été débité.
nothing-to-cancel = 👌 Rien n'est en attente, donc rien à annuler. Pour ne plus recevoir nos messages, répondez STOP ; pour effacer votre compte, SUPPRIMER.
human-asked = 🙋 C'est noté : une personne de l'équipe vous répondra ici. En attendant, je me tais (12 heures au plus). Pour reprendre sans attendre, envoyez START.
refund-asked = 💬 Désolé que le résultat ne vous convienne pas. La première modification est gratuite : dites ce qu'il faut changer (« plus court », « en fait c'est dimanche »). Une demande qui échoue n'est jamais débitée, et un envoi non remis est recrédité. Pour un remboursement, écrivez « parler à un humain ».
question-asked = 💡 J'écris 3 posts prêts à coller à partir de votre idée : l'offre, la date, le lieu, le réseau. 3 posts coûtent 1 crédit, la première modification est gratuite, les suivantes coûtent 1 crédit. AIDE pour les commandes ; « parler à un humain » pour une autre question.
cannot-change = ✋ Le rédacteur intégré ne sait pas faire ce changement. Il comprend : plus court, refais, sans hashtags, sans emoji, en anglais, tutoie, ajoute…, en fait c'est… Rien n'a été débité.
changed-header = ✏️ *Vos 3 posts modifiés:*
change-was-free = 🎁 Cette première modification est gratuite ; les suivantes coûtent 1 crédit.
how-to-choose = Répondez 1, 2 ou 3 pour recevoir ce post seul
choice-expired = ⌛ Ce post n'est plus disponible. Envoyez une nouvelle idée quand vous voulez.

# La mémoire de marque.
brand-kept = 🧠 C'est retenu.
brand-list = 🧠 Ce que je retiens pour tous vos posts :
brand-forgotten = 🧠 C'est oublié.
brand-empty = 🧠 Je ne retiens rien pour l'instant. Écrivez par exemple : « Retiens : on tutoie, jamais « discount », on est à Lyon 7e, fermé le lundi ».
brand-help = Pour effacer une ligne : « Oublie 2 ». Pour relire : « Ma marque ».
brand-no-entry = 🤔 Je n'ai pas de ligne { $number }. Écrivez « Ma marque » pour relire ce que je retiens.
brand-too-much = ✋ C'est plus que je ne peux retenir : 20 faits de 200 caractères, 30 mots interdits, une signature de 160 caractères. Effacez une ligne (« Oublie 2 ») ou raccourcissez.
brand-word-in-brief = ✋ Votre idée contient « { $word } », que vous m'avez demandé de ne jamais écrire. Dites-le autrement, ou écrivez « Ma marque » pour changer cette règle. Rien n'a été débité.
brand-applied = 🧠 Vos règles : { $rules }
brand-entry-informal = on tutoie
brand-entry-formal = on vouvoie
brand-entry-emojis = avec des emojis
brand-entry-no-emojis = sans emoji
brand-entry-tone = ton : { $text }
brand-entry-name = nom : { $text }
brand-entry-trade = métier : { $text }
brand-entry-place = lieu : { $text }
brand-entry-banned = jamais « { $text } »
brand-entry-signature = signature : { $text }
