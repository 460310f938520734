//! The subject of a brief decides about trade and occasion.

use postly_pipeline::platform_limits;

use crate::offline::{ask, texts, write};

/// A word of another trade or occasion beside the subject decides nothing.
#[test]
fn the_subject_decides_about_trade_and_occasion() {
    for (brief, expected, wrong) in [
        (
            "Soirée jeux vendredi au Café des Tilleuls, bières locales à 4€",
            "#Agenda",
            &["cuvée", "terroir"][..],
        ),
        ("Votre téléphone est mort ? On répare en 1h, 49 €", "📱", &["tristesse"]),
        ("Nueva carta en Casa Pepa: setas y cordero. Menú del día 14 €", "🍽️", &["🥩", "#Casa"]),
        (
            "Je fais des gâteaux d'anniversaire sur commande, à partir de 35 €",
            "Boulangerie",
            &["#Anniversaire"],
        ),
        ("On ferme à 18h au lieu de 19h à partir de lundi", "au lieu de 19h", &[]),
        ("Nouveaux horaires en juin : 7h-17h, fermé le dimanche", "#Horaires", &["À bientôt"]),
        ("Ciné-club : Amélie Poulain, mercredi 20h30, 6 €", "#Agenda", &["coup de main"]),
        (
            "Dog grooming from £30, mention this post and get a free nail trim",
            "ention this post and get",
            &[],
        ),
        (
            "Ma voisine a perdu son chat, merci d'appeler le 06 12 34 56 78",
            "perdu son chat",
            &["#Merci", "confiance"],
        ),
        ("Concours : likez pour gagner un soin, tirage dimanche", "#JeuConcours", &[]),
        ("Farm shop: fresh asparagus just in, £3 a bunch, open 9-5", "#NewIn", &[]),
        (
            "fais moi un post fb, on est fermé lundi, on rouvre mercredi 7h",
            "on rouvre mercredi 7h",
            &["Fb", "fb"],
        ),
        ("Nouvelle collection de bols à l'atelier, à partir de 18 €", "#Nouveauté", &["#Agenda"]),
        ("Les fraises sont là ! Vente à la ferme, 7 € le kilo", "🧺", &["📌", "porte close"]),
        ("Un petit post pour dire merci à tous les bénévoles du loto", "Merci à tous les bénévoles", &[]),
        (
            "La troupe joue vendredi à la salle des fêtes, 8 €, buvette avec crêpes et vin chaud",
            "#Agenda",
            &["cuvée"],
        ),
        ("Bouquets à 25, 35 et 50 €, livraison gratuite", "25, 35 et 50 €", &[]),
        ("Chaussures Pas à Pas à Limoges, tout à -50%", "#Limoges", &["#Pas"]),
        ("Flat to rent in Leith, £1,150, no pets, call 0131 555 0142", "no pets", &["📍"]),
        ("Torneo de pádel el domingo, sorteo y premios, paella para todos", "#Agenda", &["🏆", "🎁"]),
        ("Muito obrigado a todos que vieram na festa junina", "🙏", &["#Agenda"]),
        ("Menu Saint-Valentin 45 € par personne, une coupe offerte", "💝", &["coordonnées"]),
    ] {
        let posts = texts(&write(&ask(brief)).unwrap()).join("\n");
        assert!(posts.contains(expected), "{posts}");
        assert!(!wrong.iter().any(|word| posts.contains(word)), "{posts}");
    }
    let posts = texts(&write(&ask("Yoga class starts Monday 6pm, first class free")).unwrap()).join("\n");
    assert!(posts.contains("Yoga class starts Monday 6pm"), "{posts}");
}

#[test]
fn a_grave_brief_gives_neither_emoji_nor_exclamation_nor_hashtag() {
    for brief in [
        "Notre patron Paul nous a quittés dimanche, la boutique est fermée lundi !",
        "Nous fermons définitivement le 31 mars, merci à tous !",
        "Excusez-nous pour la panne de samedi 😢",
        "Sadly our founder passed away on Sunday",
        "Notre chat mascotte Biscotte est mort hier, merci pour vos caresses !",
        "Nuestra perra Luna, mascota del bar, ha muerto",
        "Cerramos definitivamente el 30 de junio, gracias a todos",
    ] {
        let written = write(&ask(brief)).unwrap();
        for text in texts(&written) {
            let own = text.replace('😢', "");
            assert!(!platform_limits::has_emoji(&own), "{text}");
            assert!(!text.contains(['!', '?', '#', '¡']), "{text}");
        }
    }
}
