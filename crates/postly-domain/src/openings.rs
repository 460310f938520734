//! The messages that WhatsApp itself proposes to a person who opens a chat from an ad, a link or a product.
//!
//! Meta fills them in, in the language of the ad or of the phone, and the person only taps "send". They ask
//! for information and are no brief (RULES 4.1). Meta publishes no list. The phrases come from its
//! documentation ("Can I get more info on this?", text messages webhook reference) and from public code of
//! other businesses.

use crate::{
    Language,
    text::{fold, words_of},
};

/// The question, with or without its object; folded, without punctuation.
struct Phrases {
    language: Language,
    asks: &'static [&'static str],
    abouts: &'static [&'static str],
}

const PHRASES: [Phrases; 5] = [FRENCH, ENGLISH, SPANISH, PORTUGUESE, ARABIC];

/// The language of a message that is nothing but such an opening. `None` for everything else.
pub fn read(text: &str) -> Option<Language> {
    /// The longest opening has some 80 characters, and the ad above it a few hundred at most.
    const MOST_BYTES: usize = 1_024;
    if text.len() > MOST_BYTES {
        return None;
    }
    if let Some((language, _)) = read_all(text) {
        return Some(language);
    }
    // A shared ad or product precedes its opening, which then says "this".
    let (_, last) = text.trim_end().rsplit_once('\n')?;
    read_all(last).filter(|(_, names_what)| *names_what).map(|(language, _)| language)
}

/// Reads sentences that are all greetings or openings. Returns the language of the openings, and true if they
/// name their object.
fn read_all(text: &str) -> Option<(Language, bool)> {
    let mut found = None;
    for sentence in text.split(['.', '!', '?', '…', '¡', '¿', '؟', '\n']) {
        let words = bare_words(sentence);
        if words.is_empty() {
            continue;
        }
        let (language, names_what) = read_sentence(&words)?;
        let names_before = found.is_some_and(|(_, names_what)| names_what);
        found = Some((language, names_what || names_before));
    }
    found
}

fn read_sentence(words: &str) -> Option<(Language, bool)> {
    PHRASES.iter().find_map(|phrases| {
        let mut rests = phrases.asks.iter().filter_map(|ask| words.strip_prefix(ask));
        rests.find_map(|rest| match rest.strip_prefix(' ') {
            Some(about) => phrases.abouts.contains(&about).then_some((phrases.language, true)),
            None => rest.is_empty().then_some((phrases.language, false)),
        })
    })
}

/// The words of a sentence, folded, without the greetings and courtesies around them.
fn bare_words(sentence: &str) -> String {
    let folded = fold(sentence);
    let mut words: Vec<&str> = words_of(&folded).collect();
    while words.first().is_some_and(|word| GREETINGS.contains(word)) {
        words.remove(0);
    }
    while let Some(courtesy) = COURTESIES.iter().find(|courtesy| words.ends_with(courtesy)) {
        words.truncate(words.len() - courtesy.len());
    }
    words.join(" ")
}

const GREETINGS: &[&str] = &[
    "bonjour",
    "bonsoir",
    "salut",
    "coucou",
    "hello",
    "hi",
    "hey",
    "hola",
    "buenas",
    "buenos",
    "dias",
    "tardes",
    "noches",
    "ola",
    "oi",
    "bom",
    "boa",
    "dia",
    "tarde",
    "noite",
    "مرحبا",
    "اهلا",
    "السلام",
    "عليكم",
    "ورحمة",
    "الله",
    "وبركاته",
];

const COURTESIES: &[&[&str]] = &[
    &["svp"],
    &["s", "il", "vous", "plait"],
    &["s", "il", "te", "plait"],
    &["merci"],
    &["please"],
    &["thanks"],
    &["thank", "you"],
    &["por", "favor"],
    &["gracias"],
    &["obrigado"],
    &["obrigada"],
    &["من", "فضلك"],
    &["من", "فضلكم"],
    &["لو", "سمحت"],
    &["شكرا"],
];

const FRENCH: Phrases = Phrases {
    language: Language::Fr,
    asks: &[
        "puis je en savoir plus",
        "puis je avoir plus d informations",
        "puis je avoir plus d infos",
        "puis je avoir plus de details",
        "puis je obtenir plus d informations",
        "est ce que je peux en savoir plus",
        "est ce que je peux avoir plus d informations",
        "je peux en savoir plus",
        "je peux avoir plus d infos",
        "pourrais je en savoir plus",
        "pourrais je avoir plus d informations",
        "je voudrais en savoir plus",
        "je voudrais plus d informations",
        "je voudrais avoir plus d informations",
        "j aimerais en savoir plus",
        "j aimerais avoir plus d informations",
        "je souhaite en savoir plus",
        "je souhaite avoir plus d informations",
        "je souhaiterais en savoir plus",
        "je souhaiterais avoir plus d informations",
        "je veux en savoir plus",
        "je veux plus d informations",
        "pouvez vous m en dire plus",
        "pouvez vous me donner plus d informations",
        "plus d informations",
        "plus d infos",
        "je suis interesse",
        "je suis interessee",
        "cela m interesse",
        "ca m interesse",
        "est ce toujours disponible",
        "est ce encore disponible",
        "est ce que c est toujours disponible",
        "c est toujours disponible",
        "cet article est il toujours disponible",
    ],
    abouts: &[
        "a ce sujet",
        "sur ce sujet",
        "a propos de ceci",
        "a propos de cela",
        "sur ceci",
        "sur cela",
        "sur ca",
        "la dessus",
        "sur ce produit",
        "sur cette offre",
        "sur cette annonce",
        "sur cette publicite",
        "sur votre offre",
        "sur votre annonce",
        "sur vos offres",
        "sur vos services",
        "par ceci",
        "par cela",
        "par ce produit",
        "par cette offre",
        "par cette annonce",
        "par votre offre",
        "par votre annonce",
        "par vos services",
    ],
};

const ENGLISH: Phrases = Phrases {
    language: Language::En,
    asks: &[
        "can i get more info",
        "can i get more information",
        "can i get more details",
        "can i have more info",
        "can i have more information",
        "can i have more details",
        "how can i get more info",
        "how can i get more information",
        "could i get more info",
        "could i get more information",
        "could i have more information",
        "may i have more information",
        "can you give me more info",
        "can you give me more information",
        "can you give me more details",
        "can you tell me more",
        "could you tell me more",
        "tell me more",
        "please tell me more",
        "please provide more information",
        "please send me more information",
        "i d like more info",
        "i d like more information",
        "i d like to know more",
        "i d like to learn more",
        "i d like to get more information",
        "i would like more info",
        "i would like more information",
        "i would like to know more",
        "i would like to learn more",
        "i would like to get more information",
        "i want more info",
        "i want more information",
        "i want to know more",
        "more info",
        "more information",
        "i m interested",
        "i am interested",
        "is this still available",
        "is it still available",
        "is this item still available",
    ],
    abouts: &[
        "on this",
        "on that",
        "on it",
        "about this",
        "about that",
        "about it",
        "about this ad",
        "about this offer",
        "about this product",
        "about your offer",
        "about your services",
        "about your business",
        "on this offer",
        "on this product",
        "in this",
        "in it",
        "in this offer",
        "in this product",
        "in your services",
    ],
};

const SPANISH: Phrases = Phrases {
    language: Language::Es,
    asks: &[
        "puedo obtener mas informacion",
        "puedo tener mas informacion",
        "puedo recibir mas informacion",
        "puedo saber mas",
        "podria obtener mas informacion",
        "podria tener mas informacion",
        "podria recibir mas informacion",
        "me puedes dar mas informacion",
        "me puede dar mas informacion",
        "me pueden dar mas informacion",
        "me podrias dar mas informacion",
        "me podria dar mas informacion",
        "me podrian dar mas informacion",
        "me das mas informacion",
        "quiero mas informacion",
        "quiero saber mas",
        "quisiera mas informacion",
        "quisiera obtener mas informacion",
        "quisiera tener mas informacion",
        "quisiera recibir mas informacion",
        "quisiera saber mas",
        "me gustaria mas informacion",
        "me gustaria obtener mas informacion",
        "me gustaria tener mas informacion",
        "me gustaria recibir mas informacion",
        "me gustaria saber mas",
        "deseo mas informacion",
        "necesito mas informacion",
        "mas informacion",
        "mas info",
        "me interesa",
        "estoy interesado",
        "estoy interesada",
        "sigue disponible",
        "esto sigue disponible",
        "todavia esta disponible",
        "aun esta disponible",
    ],
    abouts: &[
        "sobre esto",
        "sobre eso",
        "de esto",
        "acerca de esto",
        "al respecto",
        "sobre este anuncio",
        "sobre este producto",
        "sobre esta oferta",
        "sobre su oferta",
        "sobre sus servicios",
        "sobre tus servicios",
        "en esto",
        "en este producto",
        "en esta oferta",
        "esto",
        "este producto",
    ],
};

const PORTUGUESE: Phrases = Phrases {
    language: Language::Pt,
    asks: &[
        "posso obter mais informacoes",
        "posso ter mais informacoes",
        "posso receber mais informacoes",
        "posso saber mais informacoes",
        "posso saber mais",
        "poderia obter mais informacoes",
        "poderia receber mais informacoes",
        "pode me dar mais informacoes",
        "podem me dar mais informacoes",
        "poderia me dar mais informacoes",
        "gostaria de mais informacoes",
        "gostaria de obter mais informacoes",
        "gostaria de ter mais informacoes",
        "gostaria de receber mais informacoes",
        "gostaria de saber mais",
        "queria mais informacoes",
        "queria saber mais",
        "quero mais informacoes",
        "quero saber mais",
        "tenho interesse e queria mais informacoes",
        "tenho interesse e gostaria de mais informacoes",
        "tenho interesse",
        "estou interessado",
        "estou interessada",
        "mais informacoes",
        "ainda esta disponivel",
        "isso ainda esta disponivel",
        "isto ainda esta disponivel",
    ],
    abouts: &[
        "sobre isto",
        "sobre isso",
        "disto",
        "disso",
        "a respeito",
        "sobre este anuncio",
        "sobre este produto",
        "sobre esse produto",
        "sobre o produto",
        "sobre esta oferta",
        "sobre os servicos",
        "sobre os seus servicos",
        "nisto",
        "nisso",
        "neste produto",
        "nesta oferta",
    ],
};

const ARABIC: Phrases = Phrases {
    language: Language::Ar,
    asks: &[
        "هل يمكنني الحصول على مزيد من المعلومات",
        "هل يمكنني الحصول على المزيد من المعلومات",
        "هل يمكنني معرفة المزيد",
        "هل يمكن الحصول على مزيد من المعلومات",
        "هل يمكن الحصول على المزيد من المعلومات",
        "ممكن معلومات اكثر",
        "ممكن تفاصيل اكثر",
        "اريد معرفة المزيد",
        "اريد معلومات اكثر",
        "اريد المزيد من المعلومات",
        "اود معرفة المزيد",
        "اود الحصول على مزيد من المعلومات",
        "اود الحصول على المزيد من المعلومات",
        "ارغب في معرفة المزيد",
        "مزيد من المعلومات",
        "المزيد من المعلومات",
        "انا مهتم",
        "انا مهتمة",
        "هل لا يزال متاحا",
        "هل لا يزال متوفرا",
        "هل ما زال متاحا",
        "هل ما زال متوفرا",
        "هل لا يزال هذا متاحا",
        "هل لا يزال هذا متوفرا",
    ],
    abouts: &[
        "حول هذا",
        "عن هذا",
        "بخصوص هذا",
        "حول ذلك",
        "عن ذلك",
        "حول هذا الموضوع",
        "عن هذا الموضوع",
        "حول هذا الاعلان",
        "عن هذا الاعلان",
        "حول هذا العرض",
        "عن هذا العرض",
        "حول هذا المنتج",
        "عن هذا المنتج",
        "عن خدماتكم",
        "حول خدماتكم",
        "بهذا",
        "بهذا العرض",
        "بهذا المنتج",
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_openings_that_whatsapp_proposes_are_recognised_in_their_language() {
        for (text, language) in [
            // Meta, text messages webhook reference; facebook/openapi
            // `text_message_from_click_to_whatsapp_ad`.
            ("Can I get more info about this?", Language::En),
            ("Hello! Can I get more info on this?", Language::En),
            ("Can I get more info on this?", Language::En),
            ("I'm interested in this. Can you give me more details?", Language::En),
            // facebook/openapi `text_message_with_context_product_inquiry`.
            ("Is this still available?", Language::En),
            ("Puis-je en savoir plus à ce sujet ?", Language::Fr),
            ("Bonjour ! Puis-je en savoir plus à ce sujet ?", Language::Fr),
            ("Bonjour, je souhaite en savoir plus, s’il vous plaît", Language::Fr),
            ("Hola. ¿Puedo obtener más información sobre esto?", Language::Es),
            ("¡Hola! Quiero más información", Language::Es),
            ("¡Hola! ¿Puedo obtener más información sobre esto?", Language::Es),
            ("Olá! Posso obter mais informações sobre isto?", Language::Pt),
            ("Olá! Posso saber mais informações sobre isto?", Language::Pt),
            ("Olá! Posso ter mais informações sobre isso?", Language::Pt),
            ("Olá! Tenho interesse e queria mais informações, por favor.", Language::Pt),
            ("مرحبًا! هل يمكنني الحصول على مزيد من المعلومات حول هذا؟", Language::Ar),
            ("Retro Handheld Game Console\nKES 2,599\n\nCan I get more info on this?", Language::En),
        ] {
            assert_eq!(read(text), Some(language), "{text:?}");
        }
    }

    #[test]
    fn a_brief_and_a_plain_greeting_are_no_opening() {
        for text in [
            "",
            "Bonjour !",
            "Crée un post promo pour Instagram",
            "Puis-je en savoir plus à ce sujet ? Fais-en un post pour ma boulangerie",
            "Post : envoyez « Puis-je en savoir plus » pour réserver",
            "Is this still available? Post about our last 3 tables",
            "More info on our new menu: brunch on Sunday, 25 €",
            "Promo pizza -20 %\nPlus d'infos",
            "Quiero más información sobre esto en mi post de Instagram",
            "Je suis intéressé par un post sur nos croissants",
            &"Puis-je en savoir plus ? ".repeat(100),
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn phrases_are_written_as_texts_are_compared() {
        let phrases = PHRASES.iter().flat_map(|phrases| phrases.asks.iter().chain(phrases.abouts));
        for phrase in phrases {
            let words: Vec<String> =
                fold(phrase).split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
            assert_eq!(words.join(" "), *phrase);
        }
    }
}
