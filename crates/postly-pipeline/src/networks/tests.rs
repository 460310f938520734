use Platform::{
    Bluesky, Email, Facebook, GoogleBusiness, Instagram, Linkedin, Mastodon, Pinterest, Snapchat, Telegram,
    Threads, Tiktok, Whatsapp, X, Youtube,
};

use super::*;

fn check(brief: &str, known: &[Platform], unknown: &[&str]) {
    let named = named(brief);
    assert_eq!((named.known.as_slice(), named.unknown.as_slice()), (known, unknown), "{brief}");
}

#[test]
fn every_line_of_names_is_read_and_every_platform_has_one() {
    let read: Vec<&Spelling> = SPELLINGS.values().flatten().collect();
    for platform in Platform::ALL.into_iter().filter(|platform| *platform != Platform::General) {
        assert!(read.iter().any(|spelling| spelling.network == Network::Known(platform)), "{platform:?}");
    }
    for line in NAMES.lines().filter(|line| !line.starts_with('#')) {
        let (name, phrases) = line.split_once(" = ").unwrap_or_else(|| panic!("{line}"));
        let bare = name.trim_start_matches(['*', '~', '!']);
        assert!(name.starts_with('*') || Platform::parse(bare).is_some(), "{line}");
        for phrase in phrases.split(", ") {
            let folded = postly_domain::text::fold(phrase);
            assert!(folded == phrase.to_lowercase() && !phrase.contains('-'), "{phrase} is not folded");
        }
    }
}

#[test]
fn a_network_is_recognised_in_each_language() {
    for (brief, expected) in [
        ("un post Insta", Instagram),
        ("Crée un post IG sur nos pains", Instagram),
        ("un tweet sur nos pains", X),
        ("un post pour X", X),
        ("un post X : -20 % ce soir", X),
        ("Promo croissants sur X", X),
        ("Create a post for X about our bread", X),
        ("statut WhatsApp", Whatsapp),
        ("post tik tok", Tiktok),
        ("un post pour Threads sur la nouvelle carte", Threads),
        ("Write a Threads post about our new menu", Threads),
        ("a post on threads: new menu", Threads),
        ("Un post Bluesky : -20 % samedi", Bluesky),
        ("un post pour Mastodon", Mastodon),
        ("Épingle Pinterest : robe d'été", Pinterest),
        ("Post Google Business : ouvert dimanche", GoogleBusiness),
        ("un post pour ma fiche Google", GoogleBusiness),
        ("un post pour notre fiche d'établissement Google", GoogleBusiness),
        ("Un post Google : ouvert dimanche", GoogleBusiness),
        ("google my business: we open on Sunday", GoogleBusiness),
        ("Description YouTube de notre atelier", Youtube),
        ("message pour notre canal Telegram", Telegram),
        ("un post pour notre page Facebook", Facebook),
        ("Un snap Snapchat sur le burger", Snapchat),
        ("un post snap : -20 %", Snapchat),
        ("story pour Snap", Snapchat),
        ("Écris un mail à mes clients : -20 % samedi", Email),
        ("Rédige une newsletter sur la rentrée", Email),
        ("Newsletter : la rentrée arrive", Email),
        ("un e-mail promo pour nos abonnés", Email),
        ("un texte pour ma newsletter", Email),
        ("Write a short email to our customers about the sale", Email),
        ("Publicación para Threads: 20% de descuento", Threads),
        ("un post de LinkedIn sobre la nueva tienda", Linkedin),
        ("publicación en Google: abrimos el domingo", GoogleBusiness),
        ("Escribe un correo para mis clientes", Email),
        ("Publicação para o Bluesky: 20% de desconto", Bluesky),
        ("Escreva um boletim sobre a coleção", Email),
        ("post no Telegram sobre o cardápio", Telegram),
        ("اكتب منشورا على إنستغرام عن المخبز", Instagram),
        ("منشور للفيسبوك عن الافتتاح", Facebook),
        ("منشور على تيك توك", Tiktok),
        ("منشور لقناة تيليجرام", Telegram),
        ("منشور على ثريدز عن الافتتاح", Threads),
        ("منشور على سناب شات", Snapchat),
        ("Un post pour commander ses bûches, pour Instagram", Instagram),
        ("Promo 2026 sur Instagram", Instagram),
        ("اكتب ايميل لعملائنا", Email),
    ] {
        check(brief, &[expected], &[]);
    }
}

#[test]
fn a_common_word_and_what_customers_read_name_no_network() {
    for brief in [
        "un post",
        "taille X et L",
        "10 % pour X personnes",
        "New threads for summer: linen shirts",
        "Sale on threads and yarn this week",
        "Post about snap peas: 2 € a kilo",
        "post on snap peas this weekend",
        "Une story sur nos pains",
        "Merci pour vos avis Google !",
        "Noté 4,9 sur Google, venez goûter",
        "5 étoiles sur Google",
        "Un post : suivez-nous sur Instagram",
        "Follow us on Facebook and Instagram for news",
        "Réservation par WhatsApp au 06 12 34 56 78",
        "Contactez-nous par e-mail",
        "Écrivez-nous un mail à contact@bon-pain.fr",
        "Envoyez un mail pour réserver",
        "Abonnez-vous à notre newsletter",
        "Abonnez-vous à notre chaîne YouTube",
        "Livraison sur Uber Eats ce soir",
        "Taille medium à 20 €",
        "Retrouvez-nous au bon coin, le bon coin du village",
        "Under the blue sky: terrace open",
        "Suivez-nous sur Instagram, Facebook et TikTok",
        "-20 % sur Uber Eats ce soir",
        "Un repas à la fourchette, the bakery next door, come to just eat",
        "Prise de rendez-vous sur Planity",
        "Envoyez PROMO par SMS au 06 12 34 56 78",
        "síguenos en Instagram",
        "تابعونا على إنستغرام",
    ] {
        check(brief, &[], &[]);
    }
}

#[test]
fn several_networks_are_all_held_to() {
    check("pour Facebook et Instagram", &[Facebook, Instagram], &[]);
    check("un post pour Instagram, Threads et X : -20 %", &[Instagram, Threads, X], &[]);
    check("a post for Threads and Bluesky", &[Threads, Bluesky], &[]);
    check("post Facebook : suivez-nous sur Instagram", &[Facebook], &[]);
    assert_eq!(named("pour Facebook et Instagram").platform(), Some(Platform::General));
    let held = held_to("un post pour Instagram et Threads", Platform::General);
    assert_eq!(held, [Platform::General, Instagram, Threads]);
    assert_eq!(held_to("un post pour Instagram et Threads", X), [X]);
}

#[test]
fn a_network_without_known_limits_is_named() {
    for (brief, expected) in [
        ("post pour Xing", "Xing"),
        ("Crée un post Discord sur nos soirées", "Discord"),
        ("annonce Leboncoin : vélo à 50 €", "Leboncoin"),
        ("une annonce pour le bon coin", "Leboncoin"),
        ("Promo robes sur Vinted", "Vinted"),
        ("Twitch : live demain à 20h", "Twitch"),
        ("a post for Nextdoor about our café", "Nextdoor"),
        ("Write a Yelp post", "Yelp"),
        ("publicación para Wallapop", "Wallapop"),
        ("anúncio para o iFood", "iFood"),
        ("منشور على ديسكورد", "Discord"),
        ("Écris un SMS à mes clients : -20 % samedi", "SMS"),
        ("post pour Tripadvisor", "Tripadvisor"),
    ] {
        check(brief, &[], &[expected]);
        assert_eq!(named(brief).platform(), Some(Platform::General), "{brief}");
    }
    check("post pour Instagram et Xing", &[Instagram], &["Xing"]);
}
