//! Commands, read from the words of a message.

use crate::{
    Brief, BriefError, Language, Phrase, openings, opt_out,
    small_talk::{self, SmallTalk},
    text::{fold, trimmed_words},
};

/// A command of the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Explain the service.
    Help,
    /// Show the number of credits left.
    Balance,
    /// Show the language of our messages.
    ShowLanguage,
    /// Use this language from now on.
    SetLanguage(Language),
    /// Use a language that we do not support.
    UnknownLanguage,
    /// Send nothing but answers from now on.
    Stop,
    /// A wording that may mean STOP. The answer explains how to stop; nothing is changed.
    HowToStop,
    /// Revoke STOP.
    Start,
    /// Send a code and a link for a login.
    Login,
    /// A one-time phrase that a browser shows. It logs that browser in as its sender.
    Phrase(Phrase),
    /// The author did not ask for the code that they received.
    NotMe,
    /// Erase all data of the author, after a confirmation.
    Delete,
    /// Export all data of the author.
    Export,
    /// Show the price of credits, and a link to buy some.
    Recharge,
    /// Thanks, hello, ok: answered for free.
    SmallTalk(SmallTalk),
    /// `GEN` without a brief.
    MissingBrief,
    /// A brief over the limit of length.
    BriefTooLong,
    /// Write three posts.
    Generate(Brief),
}

impl Command {
    /// Reads a command from the text of a message. Case, accents, a leading slash and surrounding space do
    /// not count. Text that names no command is itself a brief, and keeps its bytes.
    pub fn parse(text: &str) -> Self {
        let text = text.trim().trim_matches(['\u{FEFF}', '\u{200B}']).trim();
        let bare = text.strip_prefix('/').unwrap_or(text).trim_start();
        let (word, rest) = bare.split_once(char::is_whitespace).unwrap_or((bare, ""));
        let (word, rest) = (fold(word), rest.trim());

        if is_generation_word(&word) {
            return Self::brief(rest);
        }
        if let Some(phrase) = Phrase::find(text) {
            return Self::Phrase(phrase);
        }
        let folded = fold(bare);
        if opt_out::is_opt_out(&folded) {
            return Self::Stop;
        }
        if let Some(command) = Self::from_words(&folded) {
            return command;
        }
        if is_language_word(&word) && !rest.is_empty() && !rest.contains(char::is_whitespace) {
            let name = fold(rest);
            let name = name.trim_matches(|c: char| !c.is_alphanumeric());
            return match Language::from_folded_name(name) {
                Some(language) => Self::SetLanguage(language),
                None if name.is_empty() => Self::ShowLanguage,
                None => Self::UnknownLanguage,
            };
        }
        if openings::read(text).is_some() {
            return Self::SmallTalk(SmallTalk::Opening);
        }
        if opt_out::wants_to_be_left_alone(text) {
            return Self::HowToStop;
        }
        match small_talk::read(text) {
            Some(talk) => Self::SmallTalk(talk),
            None => Self::brief(text),
        }
    }

    /// Reads a command from the caption of a photo, a video or a document. A caption of one or two words that
    /// is no command and has no figure may only describe the picture. It gets a free question instead of
    /// posts.
    pub fn parse_caption(text: &str) -> Self {
        const FEWEST_WORDS: usize = 3;
        let is_telling = text.split_whitespace().count() >= FEWEST_WORDS || text.contains(char::is_numeric);
        Self::parse(text).asking_unless(is_telling, text)
    }

    /// Reads a command from the label of a button or a row that is no longer ours. A label that does not ask
    /// for a post gets a free question, because a tap does not write a brief.
    pub fn parse_label(text: &str) -> Self {
        const FEWEST_WORDS: usize = 3;
        let folded = fold(text);
        let words = folded.split(' ').count();
        let asks = opt_out::speaks_of_a_post(&folded) || folded.contains("promo");
        let is_telling = words >= FEWEST_WORDS && asks || words > 1 && text.contains(char::is_numeric);
        Self::parse(text).asking_unless(is_telling, text)
    }

    /// Replaces a brief that is the whole text by [`Self::MissingBrief`], if the text is too vague.
    fn asking_unless(self, is_telling: bool, text: &str) -> Self {
        match self {
            Self::Generate(brief) if !is_telling && brief.as_str() == text.trim() => Self::MissingBrief,
            command => command,
        }
    }

    /// Returns true if a message asks for posts by the command itself: `GEN` always stands before a brief
    /// (RULES 4.1).
    pub fn is_explicit_generation(text: &str) -> bool {
        let text = text.trim().trim_matches(['\u{FEFF}', '\u{200B}']).trim();
        let bare = text.strip_prefix('/').unwrap_or(text).trim_start();
        bare.split_once(char::is_whitespace).is_some_and(|(word, _)| is_generation_word(&fold(word)))
    }

    /// Returns the command of a whole message. Marks, emoji and courtesies around its one word do not count.
    fn from_words(folded: &str) -> Option<Self> {
        // A command with its courtesies has no more words.
        const MOST_WORDS: usize = 4;
        let words: Vec<&str> = trimmed_words(folded).take(MOST_WORDS + 1).collect();
        if words.len() > MOST_WORDS {
            return None;
        }
        if let [
            "supprimer" | "delete" | "eliminar" | "excluir" | "apagar",
            "mon" | "my" | "mi" | "minha",
            "compte" | "account" | "cuenta" | "conta",
        ] = words.as_slice()
        {
            return Some(Self::Delete);
        }
        if is_not_me(&words) {
            return Some(Self::NotMe);
        }
        let mut telling = words.iter().filter(|word| !is_courtesy(word));
        let command = telling.next().and_then(|word| Self::from_word(word));
        if telling.next().is_none() { command } else { None }
    }

    fn brief(text: &str) -> Self {
        match Brief::parse(text) {
            Ok(brief) => Self::Generate(brief),
            Err(BriefError::Empty) => Self::MissingBrief,
            Err(BriefError::TooLong) => Self::BriefTooLong,
        }
    }

    /// The command of a single word, in French, English, Spanish, Portuguese and Arabic.
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "help" | "aide" | "ayuda" | "ajuda" | "مساعدة" => Some(Self::Help),
            "balance" | "solde" | "saldo" | "رصيد" | "الرصيد" => Some(Self::Balance),
            "stop" | "stopall" | "arret" | "arreter" | "arrete" | "arretez" | "unsubscribe"
            | "desabonner" | "desabonnement" | "desinscrire" | "desinscription" | "quit" | "baja"
            | "parar" | "sair" | "ايقاف" | "توقف" => Some(Self::Stop),
            "start" | "reprendre" | "alta" | "empezar" | "iniciar" | "comecar" | "ابدا" | "بدء" => {
                Some(Self::Start)
            }
            "login" | "connexion" | "conexion" | "conexao" | "entrar" | "acceder" | "دخول" => {
                Some(Self::Login)
            }
            "delete" | "supprimer" | "eliminar" | "borrar" | "excluir" | "apagar" | "حذف" => {
                Some(Self::Delete)
            }
            "export" | "exporter" | "exportar" | "تصدير" => Some(Self::Export),
            "recharge" | "recharger" | "recargar" | "recarregar" | "شحن" => Some(Self::Recharge),
            word if is_language_word(word) => Some(Self::ShowLanguage),
            _ => None,
        }
    }
}

/// The words offered below the answer to a phrase, for clients without buttons.
fn is_not_me(words: &[&str]) -> bool {
    matches!(
        words,
        ["pas", "moi"]
            | ["ce", "n'est", "pas", "moi"]
            | ["c'est", "pas", "moi"]
            | ["not", "me"]
            | ["no", "soy", "yo"]
            | ["nao", "sou", "eu"]
            | ["لست", "انا"]
    )
}

/// Words that do not change a command beside them.
fn is_courtesy(word: &str) -> bool {
    matches!(
        word,
        "please"
            | "svp"
            | "stp"
            | "merci"
            | "thanks"
            | "thank"
            | "you"
            | "me"
            | "moi"
            | "m'aider"
            | "favor"
            | "por"
            | "se"
            | "bonjour"
            | "hello"
    )
}

fn is_generation_word(folded: &str) -> bool {
    matches!(folded, "gen" | "gen:")
}

fn is_language_word(word: &str) -> bool {
    matches!(word, "lang" | "langue" | "language" | "idioma" | "lingua" | "لغة" | "اللغة")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &Command) {
        assert_eq!(&Command::parse(text), expected, "{text:?}");
    }

    fn generate(text: &str) -> Command {
        Command::Generate(Brief::parse(text).unwrap())
    }

    #[test]
    fn w28_l21_command_words_are_read_in_every_spelling() {
        for text in ["HELP", "/help", " Aide ", "ａｉｄｅ", "ayuda", "Ajuda", "مساعدة", "/ aide", "Aide!"]
        {
            check(text, &Command::Help);
        }
        for text in ["solde", "SALDO", "balance", "رصيد"] {
            check(text, &Command::Balance);
        }
        for text in ["STOP", "Arrêt", "arret", "BAJA", "parar", "Sair", "إيقاف", "stop."] {
            check(text, &Command::Stop);
        }
        for text in [
            "*STOP*",
            "« STOP »",
            "STOP 🙏",
            "stop please",
            "UNSUBSCRIBE",
            "Désabonner",
            "me désabonner",
            "arrête !",
        ] {
            check(text, &Command::Stop);
        }
        for text in ["Solde ?", "solde?"] {
            check(text, &Command::Balance);
        }
        for text in ["aide ?", "help me", "Aide !"] {
            check(text, &Command::Help);
        }
        check("supprimer mon compte", &Command::Delete);
        check("gen: promo croissants", &generate("promo croissants"));
        for text in ["LOGIN", "Connexion", "LOGİN"] {
            check(text, &Command::Login);
        }
        for text in ["SUPPRIMER", "delete", "حذف"] {
            check(text, &Command::Delete);
        }
        for text in ["Ce n'est pas moi", "PAS MOI !", "not me", "No soy yo", "Não sou eu", "لست أنا"] {
            check(text, &Command::NotMe);
        }
        check("EXPORT", &Command::Export);
        check("exporter svp", &Command::Export);
        check("Recharger", &Command::Recharge);
    }

    #[test]
    fn l21_every_word_of_opting_out_is_stop() {
        for text in [
            "END",
            "OPTOUT",
            "OPT OUT",
            "REVOKE",
            "QUIT",
            "UNSUBSCRIBE",
            "STOP ALL",
            "Stop promotions",
            "/stop promotions",
            "Désabonner",
            "FIN",
            "Fin !",
            "Detener promociones",
            "Darme de baja",
            "Parar promoções",
            "FIM",
            "إيقاف العروض الترويجية",
            "إلغاء الاشتراك",
        ] {
            check(text, &Command::Stop);
        }
    }

    #[test]
    fn openings_of_whatsapp_and_unclear_wishes_are_free() {
        check("Bonjour ! Puis-je en savoir plus à ce sujet ?", &Command::SmallTalk(SmallTalk::Opening));
        check("Arrêtez de m'écrire", &Command::HowToStop);
        check("GEN arrêtez de m'écrire", &generate("arrêtez de m'écrire"));
    }

    #[test]
    fn a_caption_is_read_and_a_vague_one_asked_about() {
        for (text, expected) in [
            ("-20 % sur les croissants ce week-end", generate("-20 % sur les croissants ce week-end")),
            ("croissants -20%", generate("croissants -20%")),
            ("Notre brunch du dimanche", generate("Notre brunch du dimanche")),
            ("STOP", Command::Stop),
            ("Solde", Command::Balance),
            ("merci", Command::SmallTalk(SmallTalk::Thanks)),
            ("ma vitrine", Command::MissingBrief),
            ("GEN croissants", generate("croissants")),
        ] {
            assert_eq!(Command::parse_caption(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_label_is_read_and_one_that_asks_for_no_post_is_asked_about() {
        for (text, expected) in [
            ("Stop promotions", Command::Stop),
            ("Unsubscribe", Command::Stop),
            ("AIDE", Command::Help),
            ("Post promo croissants", generate("Post promo croissants")),
            ("Croissants -20 %", generate("Croissants -20 %")),
            ("Instagram", Command::MissingBrief),
            ("Confirmer", Command::MissingBrief),
            // facebook/openapi `interactive_list_reply_message`.
            ("Priority Mail Express", Command::MissingBrief),
        ] {
            assert_eq!(Command::parse_label(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_sentence_that_starts_with_a_command_word_is_a_brief() {
        for text in [
            "Fin de série : -30 % sur les manteaux",
            "End of season sale this weekend",
            "stop, o Zé não vem",
            "Aide-moi à vendre mes croissants",
            "Balance ton brunch : -10 % dimanche",
            "Langue de bœuf en promo",
            "Solde d'été -50 %",
        ] {
            check(text, &generate(text));
        }
    }

    #[test]
    fn w28_a_brief_keeps_its_bytes() {
        check(
            "GEN Promo ÉTÉ chez ChezLéa\nhttps://Lea.FR",
            &generate("Promo ÉTÉ chez ChezLéa\nhttps://Lea.FR"),
        );
        check("gen\nCrée un post", &generate("Crée un post"));
        check("gen", &Command::MissingBrief);
        check(" GEN  ", &Command::MissingBrief);
    }

    #[test]
    fn only_gen_before_a_brief_makes_it_explicit() {
        for text in ["GEN bonjour", "/gen bonjour", " gen: bonjour", "ＧＥＮ\nbonjour"] {
            assert!(Command::is_explicit_generation(text), "{text:?}");
        }
        for text in ["bonjour", "GEN", "genre de promo", "un post GEN bonjour"] {
            assert!(!Command::is_explicit_generation(text), "{text:?}");
        }
    }

    #[test]
    fn the_language_is_asked_for_by_code_or_by_name() {
        check("LANG en", &Command::SetLanguage(Language::En));
        check("langue Français", &Command::SetLanguage(Language::Fr));
        check("idioma es", &Command::SetLanguage(Language::Es));
        check("LANG", &Command::ShowLanguage);
        check("lang de", &Command::UnknownLanguage);
        check("lang german", &Command::UnknownLanguage);
        check("LANGUE ?", &Command::ShowLanguage);
    }

    #[test]
    fn a_text_over_the_limit_is_no_brief() {
        check(&"é".repeat(crate::brief::MAX_BRIEF_CHARS + 1), &Command::BriefTooLong);
    }
}
