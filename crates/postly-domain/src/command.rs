//! What an author asks of us, read from the words of a message.

use crate::{
    Brief, BriefError, Language, Phrase,
    small_talk::{self, SmallTalk},
    text::fold,
};

/// What the sender asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// How this works.
    Help,
    /// How many credits are left.
    Balance,
    /// Which language we speak.
    ShowLanguage,
    /// Speak this language from now on.
    SetLanguage(Language),
    /// Speak a language we do not know.
    UnknownLanguage,
    /// Write nothing but answers from now on.
    Stop,
    /// Take STOP back.
    Start,
    /// Bring a code and a link to log in with.
    Login,
    /// A one-time phrase that a browser shows: whoever sends it logs that browser in.
    Phrase(Phrase),
    /// She did not ask for the code that came.
    NotMe,
    /// Erase everything about her, after a confirmation.
    Delete,
    /// Hand over everything about her.
    Export,
    /// A reserved word whose feature is not built yet: answered like HELP, for free (PRODUCT 6).
    Reserved,
    /// Thanks, hello, ok: answered for free.
    SmallTalk(SmallTalk),
    /// `GEN` without a brief.
    MissingBrief,
    /// Longer than a brief may be.
    BriefTooLong,
    /// Write three posts.
    Generate(Brief),
}

impl Command {
    /// Reads a command from the text of a message, whatever its case, accents, leading slash or surrounding
    /// space. Text that names no command is itself a brief, and keeps its bytes.
    pub fn parse(text: &str) -> Self {
        let text = text.trim().trim_matches(['\u{FEFF}', '\u{200B}']).trim();
        let bare = text.strip_prefix('/').unwrap_or(text).trim_start();
        let (word, rest) = bare.split_once(char::is_whitespace).unwrap_or((bare, ""));
        let (word, rest) = (fold(word), rest.trim());

        if matches!(word.as_str(), "gen" | "gen:") {
            return Self::brief(rest);
        }
        if let Some(phrase) = Phrase::find(text) {
            return Self::Phrase(phrase);
        }
        if let Some(command) = Self::from_words(&fold(bare)) {
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
        match small_talk::read(text) {
            Some(talk) => Self::SmallTalk(talk),
            None => Self::brief(text),
        }
    }

    /// The command that a whole message stands for, whatever marks, emoji and courtesies stand around its one word.
    fn from_words(folded: &str) -> Option<Self> {
        // Nobody needs more words to say one.
        const MOST_WORDS: usize = 4;
        let words: Vec<&str> = folded
            .split(' ')
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
            .filter(|word| !word.is_empty())
            .take(MOST_WORDS + 1)
            .collect();
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

    /// The command that a word alone stands for, in French, English, Spanish, Portuguese and Arabic.
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "help" | "aide" | "ayuda" | "ajuda" | "مساعدة" => Some(Self::Help),
            "balance" | "solde" | "saldo" | "رصيد" | "الرصيد" => Some(Self::Balance),
            "stop" | "stopall" | "arret" | "arreter" | "arrete" | "arretez" | "unsubscribe"
            | "desabonner" | "desabonnement" | "desinscrire" | "desinscription" | "annuler" | "cancel"
            | "cancelar" | "quit" | "baja" | "parar" | "sair" | "ايقاف" | "توقف" => Some(Self::Stop),
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
            "recharge" | "recharger" | "recargar" | "recarregar" | "شحن" => Some(Self::Reserved),
            word if is_language_word(word) => Some(Self::ShowLanguage),
            _ => None,
        }
    }
}

/// The words below the answer to a phrase, for whoever has no button there.
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

/// Words that change nothing about a command beside them.
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
        check("Recharger", &Command::Reserved);
    }

    #[test]
    fn a_sentence_that_starts_with_a_command_word_is_a_brief() {
        for text in [
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
