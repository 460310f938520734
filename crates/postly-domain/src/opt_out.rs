//! Words that stop the messages we initiate, and indirect wishes to be left alone.

use crate::text::{fold, trimmed_words, words_of};

/// Returns true if a whole folded message means STOP: the words of carriers and mail programs, and the label
/// of the button that WhatsApp recommends below marketing templates, in the languages of our texts.
pub(crate) fn is_opt_out(folded: &str) -> bool {
    // The longest phrase below has five words.
    const MOST_WORDS: usize = 8;
    let words: Vec<&str> = trimmed_words(folded).take(MOST_WORDS + 1).collect();
    words.len() <= MOST_WORDS && OPT_OUTS.contains(&words.join(" ").as_str())
}

const OPT_OUTS: &[&str] = &[
    // English; "Opt out of marketing messages" is the label that WhatsApp's help names.
    "end",
    "end all",
    "optout",
    "opt out",
    "opt-out",
    "opt me out",
    "opt out of marketing messages",
    "revoke",
    "stop all",
    "stop-all",
    "stop ads",
    "stop marketing",
    "stop messages",
    "stop promo",
    "stop promos",
    "stop promotion",
    "stop promotions",
    "stop sms",
    "unsubscribe me",
    // French.
    "fin",
    "stop pub",
    "stop pubs",
    "stop tout",
    "tout arreter",
    "arreter les promos",
    "arreter les promotions",
    "arretez les promotions",
    "arret des promotions",
    "plus de promotions",
    "je me desabonne",
    "me desabonner svp",
    "se desinscrire",
    // Spanish.
    "alto",
    "detener",
    "detener promociones",
    "detener las promociones",
    "parar promociones",
    "parar las promociones",
    "parar todo",
    "no mas promociones",
    "no recibir promociones",
    "cancelar suscripcion",
    "cancelar la suscripcion",
    "dame de baja",
    "dar de baja",
    "darme de baja",
    "darse de baja",
    // Portuguese.
    "fim",
    "encerrar",
    "descadastrar",
    "descadastrar-me",
    "desinscrever",
    "parar promocoes",
    "parar as promocoes",
    "parar tudo",
    "interromper promocoes",
    "nao receber promocoes",
    "cancelar inscricao",
    "cancelar a inscricao",
    // Arabic.
    "قف",
    "اوقف",
    "انهاء",
    "نهاية",
    "ايقاف الكل",
    "ايقاف الرسايل",
    "ايقاف الترويج",
    "ايقاف العروض",
    "ايقاف العروض الترويجية",
    "الغاء الاشتراك",
];

/// Returns true if an author seems to want no more messages, without a command: *arrêtez de m'écrire*, *leave
/// me alone*.
///
/// A message that mentions a post, a network or a figure is read as a brief instead.
pub(crate) fn wants_to_be_left_alone(text: &str) -> bool {
    const MOST_WORDS: usize = 14;
    let folded = fold(text);
    let words: Vec<&str> = words_of(&folded).take(MOST_WORDS + 1).collect();
    if words.len() > MOST_WORDS
        || speaks_of_a_post(&folded)
        || folded.contains(|c: char| c.is_numeric() || c == '%')
    {
        return false;
    }
    let said = format!(" {} ", words.join(" "));
    let says = |phrase: &str| said.contains(&format!(" {phrase} "));
    WISHES.iter().any(|wish| says(wish))
        || CEASE.iter().any(|(stops, actions)| {
            stops.iter().any(|stop| actions.iter().any(|action| says(&format!("{stop} {action}"))))
        })
}

/// Returns true if a folded text names a post or a network.
pub(crate) fn speaks_of_a_post(folded: &str) -> bool {
    folded.split(|c: char| !c.is_alphanumeric()).any(|word| OF_A_BRIEF.contains(&word))
}

const OF_A_BRIEF: &[&str] = &[
    "post",
    "posts",
    "publication",
    "publications",
    "publicacion",
    "publicaciones",
    "publicacao",
    "publicacoes",
    "منشور",
    "instagram",
    "facebook",
    "tiktok",
    "linkedin",
    "twitter",
    "threads",
    "story",
    "reel",
    "gen",
];

/// Verbs of stopping, each with the objects to be stopped.
const CEASE: &[(&[&str], &[&str])] = &[
    (
        &[
            "arrete de",
            "arretez de",
            "arreter de",
            "arrete d",
            "arretez d",
            "cesse de",
            "cessez de",
            "stop de",
            "stoppez de",
        ],
        &[
            "m ecrire",
            "nous ecrire",
            "me contacter",
            "nous contacter",
            "m envoyer",
            "nous envoyer",
            "envoyer",
            "m embeter",
            "me deranger",
            "nous deranger",
            "me harceler",
            "m importuner",
            "me spammer",
            "me relancer",
            "me parler",
        ],
    ),
    (
        &["arrete", "arretez", "arreter", "stop", "stoppez", "assez de", "marre de"],
        &[
            "vos messages",
            "tes messages",
            "ces messages",
            "les messages",
            "aux messages",
            "ces pubs",
            "vos pubs",
        ],
    ),
    (
        &["stop", "quit", "cease", "enough with"],
        &[
            "sending me",
            "sending us",
            "messaging",
            "texting",
            "writing me",
            "writing to me",
            "writing us",
            "contacting me",
            "contacting us",
            "spamming",
            "bothering me",
            "bothering us",
            "harassing me",
            "these messages",
            "the messages",
            "your messages",
            "all messages",
            "all these messages",
        ],
    ),
    (
        &["don t", "dont", "do not", "never"],
        &[
            "write me",
            "write to me",
            "text me",
            "message me",
            "contact me",
            "send me",
            "write us",
            "contact us",
            "bother me",
        ],
    ),
    (
        &["deja de", "deje de", "dejen de", "dejad de", "para de", "paren de", "parad de", "basta de"],
        &[
            "escribirme",
            "escribirnos",
            "escribir",
            "mandarme",
            "mandar mensajes",
            "enviarme",
            "enviar mensajes",
            "molestar",
            "molestarme",
            "molestarnos",
            "contactarme",
            "contactarnos",
            "acosarme",
            "mensajes",
        ],
    ),
    (
        &["para de", "pare de", "parem de", "deixa de", "deixe de", "deixem de", "chega de"],
        &[
            "me mandar",
            "me enviar",
            "me escrever",
            "me contactar",
            "me contatar",
            "me incomodar",
            "me perturbar",
            "me chatear",
            "mandar mensagem",
            "mandar mensagens",
            "enviar mensagem",
            "enviar mensagens",
            "mensagens",
        ],
    ),
    (
        &["توقف عن", "توقفي عن", "توقفوا عن", "كف عن", "كفوا عن"],
        &["مراسلتي", "ارسال", "الارسال", "الكتابة", "ازعاجي", "الازعاج", "التواصل", "الرسايل"],
    ),
];

/// Phrases that express the wish on their own.
const WISHES: &[&str] = &[
    "laisse moi tranquille",
    "laissez moi tranquille",
    "laissez nous tranquilles",
    "laisse moi en paix",
    "laissez moi en paix",
    "fiche moi la paix",
    "fichez moi la paix",
    "foutez moi la paix",
    "lachez moi",
    "ne m ecris plus",
    "ne m ecrivez plus",
    "ne nous ecrivez plus",
    "ne me contacte plus",
    "ne me contactez plus",
    "ne nous contactez plus",
    "ne m envoie plus",
    "ne m envoyez plus",
    "ne plus recevoir",
    "ne veux plus recevoir",
    "ne souhaite plus recevoir",
    "je veux plus recevoir",
    "je ne veux plus de messages",
    "je ne veux plus de vos messages",
    "je ne veux plus de tes messages",
    "je ne veux pas de vos messages",
    "plus aucun message",
    "me desabonner",
    "me desinscrire",
    "supprimez moi de votre liste",
    "retirez moi de votre liste",
    "enlevez moi de votre liste",
    "supprimez mon numero",
    "effacez mon numero",
    "leave me alone",
    "leave us alone",
    "no more messages",
    "remove me from",
    "take me off",
    "want to unsubscribe",
    "how do i unsubscribe",
    "how can i unsubscribe",
    "how to unsubscribe",
    "want to opt out",
    "don t want your messages",
    "don t want these messages",
    "don t want any more messages",
    "do not want any messages",
    "don t want to receive",
    "do not want to receive",
    "no longer want to receive",
    "delete my number",
    "lose my number",
    "dejame en paz",
    "dejeme en paz",
    "dejenme en paz",
    "dejadme en paz",
    "dejame tranquilo",
    "dejame tranquila",
    "no me escribas",
    "no me escriba",
    "no me escriban",
    "no me envies",
    "no me envie",
    "no me envien",
    "no me mandes",
    "no me mande",
    "no me manden",
    "no me molestes",
    "no me moleste",
    "no me molesten",
    "no me contactes",
    "no me contacten",
    "no quiero recibir",
    "no deseo recibir",
    "no quiero mas mensajes",
    "no quiero tus mensajes",
    "no quiero sus mensajes",
    "no mas mensajes",
    "quiero darme de baja",
    "como me doy de baja",
    "borra mi numero",
    "borren mi numero",
    "eliminen mi numero",
    "me deixa em paz",
    "me deixe em paz",
    "me deixem em paz",
    "deixa me em paz",
    "deixe me em paz",
    "deixem me em paz",
    "nao me mande",
    "nao me mandem",
    "nao me manda mais",
    "nao me envie",
    "nao me enviem",
    "nao me escreva",
    "nao me escrevam",
    "nao me incomode",
    "nao me incomodem",
    "nao quero receber",
    "nao quero mais receber",
    "nao desejo receber",
    "nao quero mais mensagens",
    "quero me descadastrar",
    "quero sair da lista",
    "me tira da lista",
    "me tire da lista",
    "me tirem da lista",
    "remova meu numero",
    "apague meu numero",
    "لا ترسل لي",
    "لا ترسلوا لي",
    "لا تراسلني",
    "لا تراسلوني",
    "لا تكتب لي",
    "لا تكتبوا لي",
    "لا تزعجني",
    "لا تزعجوني",
    "اتركني وشاني",
    "اتركوني وشاني",
    "دعني وشاني",
    "دعوني وشاني",
    "لا اريد رسايل",
    "لا اريد رسايلكم",
    "لا اريد استقبال",
    "لا اريد تلقي",
    "لا اريد المزيد من الرسايل",
    "كفى رسايل",
    "اوقفوا الرسايل",
    "الغوا اشتراكي",
    "احذفوا رقمي",
    "كيف الغي الاشتراك",
    "اريد الغاء الاشتراك",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_for_stop_is_one_in_any_case_and_with_marks_around_it() {
        for text in [
            "END",
            "OPTOUT",
            "opt out",
            "Opt-out",
            "REVOKE",
            "Stop all",
            "STOP PROMOTIONS",
            "Stop promotions",
            "FIN",
            "fin.",
            "«Fin»",
            "Arrêter les promotions",
            "Detener promociones",
            "Parar promoções",
            "FIM",
            "Darme de baja",
            "قِف",
            "إيقاف العروض الترويجية",
            "إلغاء الاشتراك",
            "إنهاء",
            "Opt out of marketing messages",
        ] {
            assert!(is_opt_out(&fold(text)), "{text}");
        }
        for text in [
            "fin de série -20 %",
            "the end",
            "stop promotions on us, we start them",
            "end of season sale",
            "",
        ] {
            assert!(!is_opt_out(&fold(text)), "{text}");
        }
    }

    #[test]
    fn an_unclear_wish_to_be_left_alone_is_seen_in_five_languages() {
        for text in [
            "arrêtez de m'écrire",
            "Arrêtez de m’envoyer des messages svp !!",
            "laissez-moi tranquille",
            "Je ne veux plus recevoir vos messages",
            "comment me désabonner ?",
            "stop sending me messages",
            "Please leave me alone",
            "don't text me anymore",
            "How do I unsubscribe?",
            "deja de escribirme",
            "Déjenme en paz por favor",
            "no quiero más mensajes",
            "parem de me mandar mensagens",
            "me deixa em paz",
            "não quero mais receber isso",
            "توقفوا عن مراسلتي",
            "اتركني وشأني",
            "لا ترسل لي رسائل",
        ] {
            assert!(wants_to_be_left_alone(text), "{text}");
        }
    }

    #[test]
    fn a_brief_about_leaving_alone_stays_a_brief() {
        for text in [
            "Crée un post : arrêtez de m'écrire, venez au salon",
            "Stop sending me flowers: promo -20 % sur les bouquets",
            "laissez-moi tranquille, je lis : soldes à la librairie, 2 livres achetés",
            "Arrêtez de chercher, notre brunch est là",
            "Stop au gaspillage : paniers surprise tous les soirs",
            "Fin de saison à la boutique",
            "Leave your worries behind at our spa",
            "",
        ] {
            assert!(!wants_to_be_left_alone(text), "{text}");
        }
    }

    #[test]
    fn phrases_are_written_as_texts_are_compared() {
        let pairs = CEASE.iter().flat_map(|(stops, actions)| stops.iter().chain(*actions));
        for phrase in WISHES.iter().chain(pairs).chain(OF_A_BRIEF) {
            assert!(phrase.split(' ').all(|word| word.chars().all(char::is_alphanumeric)), "{phrase}");
            assert_eq!(fold(phrase), *phrase);
        }
        for phrase in OPT_OUTS {
            assert_eq!(fold(phrase), *phrase);
        }
    }
}
