//! Small talk: messages that are answered for free.

use crate::text::fold;

/// The meaning of a short message that asks for no posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallTalk {
    /// Hello.
    Greeting,
    /// Thanks, well done.
    Thanks,
    /// Ok, yes, an emoji alone, a lone question mark.
    Acknowledgement,
    /// A question about the service.
    AboutUs,
    /// The message that WhatsApp proposed when the author opened the chat ([`crate::openings`]).
    Opening,
    /// A question about the price.
    Price,
}

/// Recognises small talk. In doubt it returns `None`, so that every brief is answered.
pub fn read(text: &str) -> Option<SmallTalk> {
    let folded = fold(text);
    let words: Vec<&str> =
        folded.split(|c: char| !(c.is_alphanumeric() || c == '\'')).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        // Emoji, punctuation, or nothing at all.
        return Some(SmallTalk::Acknowledgement);
    }
    if words.len() == 1 && text.trim().bytes().all(|byte| byte.is_ascii_digit()) {
        // A number alone chooses an option, and none is offered yet.
        return Some(SmallTalk::Acknowledgement);
    }
    // The text that opens Twilio's sandbox: "join" and two words with a hyphen.
    if let ["join", _, _] = words.as_slice()
        && folded.split(' ').count() == 2
    {
        return Some(SmallTalk::Greeting);
    }
    // Small talk is short; the longest phrase below has seven words.
    if words.len() > 8 {
        return None;
    }
    let phrase = words.join(" ");
    if PRICE.contains(&phrase.as_str()) {
        return Some(SmallTalk::Price);
    }
    if ABOUT_US.contains(&phrase.as_str()) {
        return Some(SmallTalk::AboutUs);
    }
    if words.iter().all(|word| is_filler(word)) {
        return Some(strongest(&words));
    }
    None
}

/// Returns the kind to answer of a message that is all courtesy: thanks before greeting before
/// acknowledgement.
fn strongest(words: &[&str]) -> SmallTalk {
    if words.iter().any(|word| THANKS.contains(word)) {
        SmallTalk::Thanks
    } else if words.iter().any(|word| GREETINGS.contains(word)) {
        SmallTalk::Greeting
    } else {
        SmallTalk::Acknowledgement
    }
}

fn is_filler(word: &str) -> bool {
    THANKS.contains(&word) || GREETINGS.contains(&word) || COURTESY.contains(&word) || is_laughter(word)
}

/// `hahaha`, `mdrrr`, `kkkk`, `jajaja`: two different letters at most, or a known laugh drawn out.
fn is_laughter(word: &str) -> bool {
    let letters: std::collections::BTreeSet<char> = word.chars().collect();
    ((3..=24).contains(&word.len()) && letters.len() <= 2 && word.chars().all(|c| "hajekiox".contains(c)))
        || word.starts_with("mdr")
        || word == "lol"
        || word.starts_with("ptdr")
}

const THANKS: &[&str] = &[
    "merci",
    "mercii",
    "merciii",
    "mrc",
    "thanks",
    "thank",
    "thx",
    "ty",
    "gracias",
    "obrigado",
    "obrigada",
    "شكرا",
    "cimer",
    "bravo",
    "super",
    "genial",
    "parfait",
    "perfect",
    "great",
    "top",
    "nice",
    "cool",
    "excellent",
    "magnifique",
    "awesome",
    "perfecto",
    "perfeito",
    "impeccable",
    "nickel",
];

const GREETINGS: &[&str] = &[
    "bonjour",
    "bonsoir",
    "salut",
    "coucou",
    "hello",
    "hi",
    "hey",
    "hola",
    "ola",
    "bjr",
    "slt",
    "yo",
    "مرحبا",
    "السلام",
    "عليكم",
    "سلام",
    "bom",
    "boa",
    "dia",
    "tarde",
    "noite",
    "buenos",
    "buenas",
    "dias",
    "tardes",
    "noches",
    "good",
    "morning",
    "afternoon",
    "evening",
    "bienvenue",
];

const COURTESY: &[&str] = &[
    "ok",
    "okay",
    "oki",
    "okey",
    "oui",
    "ouais",
    "yes",
    "yep",
    "yeah",
    "non",
    "no",
    "nope",
    "si",
    "sim",
    "nao",
    "نعم",
    "لا",
    "d'accord",
    "dac",
    "dacc",
    "beaucoup",
    "bcp",
    "much",
    "very",
    "so",
    "a",
    "toi",
    "vous",
    "you",
    "tous",
    "tout",
    "le",
    "monde",
    "la",
    "bien",
    "tres",
    "et",
    "and",
    "y",
    "e",
    "muchas",
    "mil",
    "muito",
    "jour",
    "nuit",
    "journee",
    "soiree",
    "bonne",
    "bon",
    "nice",
    "day",
    "night",
    "bye",
    "au",
    "revoir",
    "tchao",
    "ciao",
    "plus",
    "bientot",
    "demain",
    "c'est",
    "note",
    "recu",
    "compris",
    "vu",
    "test",
    "all",
    "there",
    "ca",
    "va",
    "how",
    "are",
    "well",
    "pour",
    "l'aide",
    "your",
    "help",
    "infiniment",
    "encore",
    "mr",
    "mme",
    "monsieur",
    "madame",
    "postly",
    "جزيلا",
    "من",
    "فضلك",
    "svp",
    "stp",
    "please",
];

const PRICE: &[&str] = &[
    "combien ca coute",
    "ca coute combien",
    "c'est combien",
    "combien c'est",
    "quel prix",
    "quel est le prix",
    "quels sont les tarifs",
    "quels sont vos tarifs",
    "tarifs",
    "tarif",
    "prix",
    "c'est gratuit",
    "gratuit",
    "est ce gratuit",
    "est ce que c'est gratuit",
    "c'est payant",
    "how much",
    "how much is it",
    "how much does it cost",
    "what does it cost",
    "what's the price",
    "price",
    "prices",
    "pricing",
    "is it free",
    "cuanto cuesta",
    "quanto custa",
    "كم السعر",
    "combien de credits",
    "quanto costa",
];

const ABOUT_US: &[&str] = &[
    "qui es tu",
    "tu es qui",
    "t'es qui",
    "qui etes vous",
    "vous etes qui",
    "c'est quoi",
    "c'est qui",
    "c'est quoi postly",
    "tu fais quoi",
    "vous faites quoi",
    "que fais tu",
    "que faites vous",
    "comment ca marche",
    "ca marche comment",
    "comment ca fonctionne",
    "comment tu marches",
    "tu es un robot",
    "es tu un robot",
    "t'es un robot",
    "tu es une ia",
    "es tu une ia",
    "c'est une ia",
    "c'est un robot",
    "tu sais faire quoi",
    "que sais tu faire",
    "who are you",
    "what are you",
    "what is this",
    "what's this",
    "what is postly",
    "what do you do",
    "what can you do",
    "how does it work",
    "how does this work",
    "are you a bot",
    "are you a robot",
    "are you an ai",
    "are you human",
    "quien eres",
    "que es esto",
    "como funciona",
    "quem e voce",
    "o que e isso",
    "من انت",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn courtesy_is_free() {
        for (text, expected) in [
            ("merci", SmallTalk::Thanks),
            ("Merci beaucoup !!", SmallTalk::Thanks),
            ("ok merci 👍", SmallTalk::Thanks),
            ("👍", SmallTalk::Acknowledgement),
            ("❤️❤️", SmallTalk::Acknowledgement),
            ("?", SmallTalk::Acknowledgement),
            ("ok", SmallTalk::Acknowledgement),
            ("1", SmallTalk::Acknowledgement),
            ("Hahaha", SmallTalk::Acknowledgement),
            ("Bonjour !", SmallTalk::Greeting),
            ("Combien ça coûte ?", SmallTalk::Price),
            ("C’est quoi ?", SmallTalk::AboutUs),
            ("Who are you?", SmallTalk::AboutUs),
            ("شكرا", SmallTalk::Thanks),
            ("join happy-otter", SmallTalk::Greeting),
        ] {
            assert_eq!(read(text), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn a_brief_is_never_taken_for_small_talk() {
        for text in [
            "Crée un post promo pour Instagram",
            "promo croissants",
            "Bonjour, fais un post pour ma boulangerie",
            "merci de faire un post sur les soldes",
            "brunch dimanche",
            "nouveau menu",
            "Tarifs d'été : -10 % sur les tresses",
            "Hello Kitty en promo",
            "post",
            "-20%",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
