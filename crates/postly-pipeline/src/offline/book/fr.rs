//! French. Typography: a plain space before `!`, `?` and `:`, which survives pasting everywhere.

use super::{Book, Frame, Patterns, Voices};
use crate::offline::trade::{Objective, Trade};

pub(super) static BOOK: Book = Book {
    angles: ["Direct et efficace", "L'histoire", "Question à la communauté"],
    tasty: "Direct et gourmand",
    trade,
    frame,
    invitations: [
        &["On {vous |t'}attend !", "{Passez|Passe} nous voir !"],
        &["À très bientôt chez nous.", "Au plaisir de {vous |t'}accueillir."],
        &["{Dites-nous|Dis-nous} tout en commentaire !", "On lit toutes {vos|tes} réponses en commentaire !"],
    ],
    private: &["{Répondez|Réponds} à ce message, on adore {vous|te} lire !"],
    funny: "Alerte bonne humeur !",
    elegant: "Avec le souci du détail.",
    patterns: Patterns {
        offer_when: "{w}, c'est {p}.",
        subject_when: "{w} : {p}.",
        offer: "Chez nous, c'est {p}.",
        ask_offer_when: "{p}, {w} : qui en profite ?",
        ask_offer: "{p} : qui en profite ?",
        dated: "{w} : {x}.",
        ask_dated: "{x}, {w} : ça {vous|te} dit ?",
        thing: "On {vous|te} présente {x}.",
        ask_thing: "{Connaissez-vous|Connais-tu} déjà {x} ?",
    },
    tags,
    objective_tag,
    exclamation: ("", " !"),
    question: ("", " ?"),
};

fn trade(trade: Trade) -> Voices {
    match trade {
        Trade::Bakery => [
            &["Croustillant dehors, tout doux dedans.", "Ça sent bon jusque sur le trottoir."],
            &[
                "Il y a des odeurs qui font ralentir le pas. Celle du four qui s'ouvre en fait partie.",
                "Une boulangerie, c'est un peu le cœur du quartier : on y passe pour le pain, on y revient pour le sourire.",
            ],
            &[
                "Plutôt sucré ou plutôt salé au petit-déjeuner ?",
                "Team croûte bien dorée ou team mie bien moelleuse ?",
            ],
        ],
        Trade::Restaurant => [
            &["À table !", "Les fourchettes sont prêtes."],
            &[
                "Un bon repas, ce n'est pas seulement une assiette : c'est une table, des rires et du temps pour soi.",
                "En cuisine, tout commence par une envie simple : faire plaisir.",
            ],
            &[
                "La meilleure place : près de la fenêtre ou près de la cuisine ?",
                "Plutôt entrée et plat, ou plat et dessert ?",
            ],
        ],
        Trade::Cafe => [
            &["Une tasse, et la journée s'éclaire.", "On met la machine en route ?"],
            &[
                "Il suffit parfois d'une tasse chaude et d'un coin de table pour que la journée change de couleur.",
                "Un café, c'est d'abord une pause : on pose son téléphone, on lève les yeux, on respire.",
            ],
            &[
                "Plutôt court et serré, ou long et tout doux ?",
                "Le café : au comptoir ou bien au calme en terrasse ?",
            ],
        ],
        Trade::Hairdresser => [
            &["Et si on changeait de tête ?", "Une jolie coupe, et tout va mieux."],
            &[
                "On entre avec une envie, une photo, parfois une hésitation. On ressort le sourire aux lèvres.",
                "S'asseoir, souffler, se laisser faire : un rendez-vous chez le coiffeur, c'est un moment rien qu'à soi.",
            ],
            &[
                "Plutôt petit coup de ciseaux ou grand changement ?",
                "Courts, longs, bouclés ou lissés : quelle est l'envie du moment ?",
            ],
        ],
        Trade::Beauty => [
            &["Une pause rien que pour soi.", "On souffle, on se détend, on prend soin de soi."],
            &[
                "Le téléphone en silencieux, une lumière douce et du temps pour soi : voilà comment on aime commencer.",
                "Prendre soin de soi, ce n'est pas un luxe. C'est une respiration dans la semaine.",
            ],
            &[
                "De quoi a-t-on le plus besoin en ce moment : de détente ou d'éclat ?",
                "Plutôt teint lumineux ou mains impeccables ?",
            ],
        ],
        Trade::Clothes => [
            &["De quoi réveiller la penderie.", "Un coup de cœur est si vite arrivé."],
            &[
                "On a tous une pièce que l'on remet sans arrêt, celle dans laquelle on se sent vraiment soi.",
                "Devant le miroir, il y a ce petit instant où l'on sait que c'est la bonne pièce.",
            ],
            &[
                "Plutôt couleurs vives ou tons tout doux ?",
                "Plutôt basique bien coupé ou pièce qui se remarque ?",
            ],
        ],
        Trade::Florist => [
            &["Un peu de couleur dans la journée.", "Les fleurs disent tout, même sans carte."],
            &[
                "On n'a pas toujours les mots. Les fleurs, elles, savent très bien se faire comprendre.",
                "Un bouquet posé sur la table, et c'est toute la pièce qui change d'humeur.",
            ],
            &[
                "Plutôt bouquet champêtre ou bouquet tout en douceur ?",
                "Et si on faisait plaisir à quelqu'un avec des fleurs ?",
            ],
        ],
        Trade::Grocery => [
            &["De quoi remplir le panier avec plaisir.", "Les bonnes choses commencent ici."],
            &[
                "Un bon produit n'a pas besoin de longs discours : on le goûte, et tout est dit.",
                "On passe pour une bricole, on discute, et l'on repart avec une idée de repas.",
            ],
            &[
                "Qu'est-ce qui finit toujours dans le panier sans être sur la liste ?",
                "Plutôt apéro improvisé ou grand repas de famille ?",
            ],
        ],
        Trade::Butcher => [
            &["De quoi régaler toute la tablée.", "Le repas commence chez le boucher."],
            &[
                "Le bon morceau, la bonne cuisson, le bon conseil : c'est tout notre métier.",
                "Chez le boucher, on vient pour une pièce de viande et l'on repart avec une recette.",
            ],
            &[
                "Plutôt mijoté ou plutôt grillé ?",
                "Saignant, à point ou bien cuit : qui ose lancer le débat ?",
            ],
        ],
        Trade::Gym => [
            &["On bouge ?", "Baskets aux pieds, c'est parti."],
            &[
                "Le plus dur, ce n'est pas l'effort : c'est de passer la porte. Ensuite, on ne le regrette jamais.",
                "On ne vient pas pour être parfait. On vient pour se sentir mieux en sortant qu'en entrant.",
            ],
            &[
                "Plutôt séance tout en douceur ou séance qui fait transpirer ?",
                "Quelle est la meilleure musique pour se motiver ?",
            ],
        ],
        Trade::Garage => [
            &["La voiture aussi mérite qu'on s'occupe d'elle.", "Pour rouler l'esprit tranquille."],
            &[
                "Un petit bruit, un voyant, un doute : mieux vaut en parler tôt que tomber en panne au mauvais moment.",
                "Une voiture bien suivie, c'est une route plus sereine. C'est aussi simple que cela.",
            ],
            &[
                "Qui n'a jamais fait semblant de ne pas voir un voyant allumé ?",
                "Le petit bruit au démarrage : on l'écoute ou on monte le son ?",
            ],
        ],
        Trade::Bookshop => [
            &["Une histoire attend quelqu'un.", "La pile à lire va encore grandir."],
            &[
                "On entre dans une librairie pour un titre, on repart avec un autre, et c'est très bien ainsi.",
                "Il y a des livres que l'on cherche, et d'autres qui nous trouvent.",
            ],
            &[
                "Quel livre mériterait d'être lu par tout le monde ?",
                "Plutôt roman dévoré d'une traite ou lecture qui dure ?",
            ],
        ],
        Trade::RealEstate => [
            &["Et si c'était la bonne adresse ?", "Un projet immobilier ? Parlons-en."],
            &[
                "Une visite, c'est souvent une histoire de lumière, de silence et de première impression.",
                "Derrière chaque porte, il y a une façon de vivre que l'on imagine déjà.",
            ],
            &[
                "Qu'est-ce qui compte le plus : la lumière, le calme ou le quartier ?",
                "Plutôt charme de l'ancien ou confort du récent ?",
            ],
        ],
        Trade::Artisan => [
            &["Le travail bien fait, tout simplement.", "Un métier, des mains, du soin."],
            &[
                "Derrière chaque réalisation, il y a des gestes répétés, des essais et beaucoup de patience.",
                "Un métier, c'est une main qui sait. On ne s'en lasse pas.",
            ],
            &[
                "Plutôt faire soi-même ou confier à un pro ?",
                "Qu'est-ce qui fait la différence : le geste, la matière ou la patience ?",
            ],
        ],
        Trade::Shop => [
            &["On avait hâte d'en parler.", "Un petit tour chez nous, ça fait toujours du bien."],
            &[
                "Tenir un commerce, c'est d'abord aimer les gens qui poussent la porte.",
                "Ce sont souvent les choses simples qui font les bons moments.",
            ],
            &["Et si on se faisait plaisir ?", "Quel est le petit plaisir qui change une journée ?"],
        ],
    }
}

fn frame(objective: Objective) -> Frame {
    match objective {
        Objective::Promo => Frame {
            openers: [
                &["C'est le moment d'en profiter !", "Voilà une bonne nouvelle à partager !"],
                &[],
                &[],
            ],
            closers: [
                &[],
                &[
                    "De quoi se faire plaisir, tout simplement.",
                    "Le genre de petite attention qui fait du bien.",
                ],
                &["Alors, ça {vous|te} tente ?", "C'est noté ?"],
            ],
            bare: [
                &[
                    "Il y a de la bonne affaire dans l'air ! Pour tout savoir, il suffit de passer nous voir ou de nous écrire.",
                    "Une bonne affaire, ça ne se refuse pas. {Passez|Passe} nous voir, on {vous|te} dit tout.",
                ],
                &[
                    "On aime faire plaisir à celles et ceux qui poussent notre porte. L'occasion est belle : on {vous|te} raconte tout de vive voix.",
                ],
                &[
                    "Plutôt du genre à guetter la bonne affaire ou à craquer sur un coup de tête ? Dans les deux cas, c'est le bon moment pour venir nous voir.",
                ],
            ],
            invites: true,
        },
        Objective::Novelty => Frame {
            openers: [&["Du nouveau chez nous !", "Ça y est, on peut enfin en parler !"], &[], &[]],
            closers: [
                &[],
                &["On a hâte d'avoir {votre|ton} avis.", "Il ne manque plus que {votre|ton} avis."],
                &["Toutes les premières impressions sont bienvenues."],
            ],
            bare: [
                &["Le plus simple, c'est encore de venir voir."],
                &[
                    "Changer un peu, essayer, proposer autre chose : c'est ce qui rend notre métier vivant. Il y a du nouveau, et on a hâte d'avoir {votre|ton} avis.",
                ],
                &[
                    "Envie de nouveauté ? On garde encore un peu le mystère : rendez-vous chez nous pour en savoir plus.",
                ],
            ],
            invites: true,
        },
        Objective::Event => Frame {
            openers: [
                &["À noter dans l'agenda !", "Un rendez-vous à ne pas manquer !"],
                &[
                    "Les meilleurs moments sont ceux que l'on partage.",
                    "On aime ces moments où l'on prend le temps de se retrouver.",
                ],
                &["Et si on se retrouvait ?", "Une bonne raison de sortir de chez soi ?"],
            ],
            closers: [
                &["{Parlez-en autour de vous|Parles-en autour de toi} !"],
                &["Il ne manque plus que {vous|toi}."],
                &["Qui sera de la partie ?"],
            ],
            bare: [
                &[
                    "Un événement se prépare chez nous ! Pour avoir tous les détails, il suffit de nous écrire.",
                ],
                &["On prépare quelque chose, et on a hâte de partager ce moment avec {vous|toi}."],
                &["Un événement se prépare chez nous : qui veut en savoir plus ?"],
            ],
            invites: true,
        },
        Objective::Opening => Frame {
            openers: [
                &["Ça y est, c'est officiel !", "Nous y voilà !"],
                &[
                    "Ouvrir une porte, c'est une aventure : des idées, du travail et beaucoup d'envie.",
                    "Tout nouveau lieu commence par une envie.",
                ],
                &["Qui veut découvrir les lieux ?", "On {vous|te} fait visiter ?"],
            ],
            closers: [
                &["{Passez|Passe} le mot !"],
                &["On a hâte de {vous|te} rencontrer."],
                &["Qui passe nous voir ?"],
            ],
            bare: [
                &["Une ouverture se prépare ! Pour tout savoir, il suffit de nous écrire."],
                &["La nôtre se prépare, et on a hâte de {vous|te} rencontrer."],
                &["Une ouverture se prépare, et on {vous|te} racontera tout."],
            ],
            invites: true,
        },
        Objective::Hours => Frame {
            openers: [
                &["Petite info pratique !", "À noter !"],
                &[
                    "Parce qu'il n'y a rien de plus agaçant qu'une porte close, voici de quoi s'organiser.",
                    "On {vous|te} simplifie la vie : voici l'essentiel.",
                ],
                &["Envie de passer nous voir ?", "À quel moment passer nous voir ?"],
            ],
            closers: [&["On {vous |t'}attend !"], &["Au plaisir de {vous|te} voir."], &["À très vite !"]],
            bare: [
                &["Pour connaître nos horaires, le plus simple est de nous écrire : on répond avec plaisir."],
                &["Pour nos horaires, un petit message suffit."],
                &["{Écrivez-nous|Écris-nous}, on {vous|te} donne nos horaires avec plaisir."],
            ],
            invites: false,
        },
        Objective::Closure => Frame {
            openers: [
                &["À noter !", "Petite info pratique."],
                &[
                    "On préfère {vous |te }prévenir, pour éviter un déplacement inutile.",
                    "Un petit mot pour s'organiser en toute tranquillité.",
                ],
                &["Un passage prévu chez nous ?", "{Vous pensiez|Tu pensais} passer nous voir ?"],
            ],
            closers: [
                &["Merci de {votre|ta} compréhension."],
                &["Merci de {votre|ta} fidélité, et à très bientôt."],
                &["On se retrouve très vite !"],
            ],
            bare: [
                &["Nos portes seront closes quelque temps. Pour les dates, il suffit de nous écrire."],
                &["Nous faisons une petite pause. Pour savoir quand nous retrouver, un message suffit."],
                &["Avant de venir, {écrivez-nous|écris-nous} : on {vous|te} dira quand nous retrouver."],
            ],
            invites: false,
        },
        Objective::Recruitment => Frame {
            openers: [
                &["L'équipe s'agrandit !", "Avis aux intéressés !"],
                &[
                    "Derrière un bon accueil, il y a toujours une bonne équipe.",
                    "Une équipe, c'est avant tout des personnes qui aiment travailler ensemble.",
                ],
                &["Envie de rejoindre une équipe ?", "Et si c'était quelqu'un de {votre|ton} entourage ?"],
            ],
            closers: [
                &["{Écrivez-nous|Écris-nous} !"],
                &["Si ces quelques lignes {vous|te} parlent, {écrivez-nous|écris-nous}."],
                &["Un partage peut tout changer : merci de faire passer le mot !"],
            ],
            bare: [
                &["On cherche quelqu'un pour nous rejoindre. Pour en savoir plus, il suffit de nous écrire."],
                &["La nôtre cherche un nouveau visage. On en parle de vive voix ?"],
                &["On cherche quelqu'un, et on {vous|te} en dit plus par message."],
            ],
            invites: false,
        },
        Objective::Thanks => Frame {
            openers: [
                &["Un grand merci !", "Merci, tout simplement !"],
                &["Il y a des moments où l'on a juste envie de le dire.", "On ne le dira jamais assez."],
                &["On {vous|te} l'a déjà dit ?"],
            ],
            closers: [
                &["C'est {vous qui faites|toi qui fais} vivre ce lieu."],
                &["C'est ce qui nous donne envie de continuer."],
                &["Et {vous, quel est votre|toi, quel est ton} meilleur souvenir chez nous ?"],
            ],
            bare: [
                &["Merci à toutes celles et à tous ceux qui passent notre porte."],
                &["Merci pour les sourires, les mots gentils et la fidélité."],
                &["Merci de nous suivre, de nous lire et de revenir."],
            ],
            invites: false,
        },
        Objective::News => Frame {
            openers: [&["On {vous|te} dit tout !", "Ça se passe chez nous !"], &[], &[]],
            closers: [
                &[],
                &["On avait envie de {vous|te} en parler.", "C'est ce qu'on aime partager."],
                &["Qu'en {pensez-vous|penses-tu} ?"],
            ],
            bare: [
                &[
                    "{Poussez|Pousse} la porte, on s'occupe du reste.",
                    "Une question, une envie ? On est là pour ça.",
                ],
                &["C'est pour ces moments-là qu'on aime notre métier."],
                &["On adore connaître les goûts de chacun."],
            ],
            invites: true,
        },
    }
}

fn tags(trade: Trade) -> [&'static str; 3] {
    match trade {
        Trade::Bakery => ["Boulangerie", "Gourmandise", "CommerceLocal"],
        Trade::Restaurant => ["Restaurant", "BonneTable", "Gourmandise"],
        Trade::Cafe => ["PauseCafé", "Café", "VieDeQuartier"],
        Trade::Hairdresser => ["Coiffure", "SalonDeCoiffure", "Cheveux"],
        Trade::Beauty => ["Beauté", "BienÊtre", "PrendreSoinDeSoi"],
        Trade::Clothes => ["Mode", "Style", "CommerceLocal"],
        Trade::Florist => ["Fleuriste", "Fleurs", "Bouquet"],
        Trade::Grocery => ["Épicerie", "BonsProduits", "Gourmandise"],
        Trade::Butcher => ["Boucherie", "BienManger", "Gourmandise"],
        Trade::Gym => ["Sport", "Motivation", "Forme"],
        Trade::Garage => ["Garage", "Automobile", "EntretienAuto"],
        Trade::Bookshop => ["Librairie", "Lecture", "Livres"],
        Trade::RealEstate => ["Immobilier", "ProjetImmobilier", "ChezSoi"],
        Trade::Artisan => ["Artisanat", "SavoirFaire", "Artisan"],
        Trade::Shop => ["CommerceLocal", "VieDeQuartier", "CommerceDeProximité"],
    }
}

fn objective_tag(objective: Objective) -> &'static str {
    match objective {
        Objective::Promo => "BonPlan",
        Objective::Novelty => "Nouveauté",
        Objective::Event => "Agenda",
        Objective::Opening => "Ouverture",
        Objective::Hours | Objective::Closure => "InfoPratique",
        Objective::Recruitment => "Recrutement",
        Objective::Thanks => "Merci",
        Objective::News => "VieDeQuartier",
    }
}
