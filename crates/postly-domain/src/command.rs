//! What an author asks of us, read from the words of a message.

use crate::{
    Brief, BriefError, Language,
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

        if word == "gen" {
            return Self::brief(rest);
        }
        if rest.is_empty() {
            if let Some(command) = Self::from_word(word.trim_end_matches(['.', '!'])) {
                return command;
            }
        } else if is_language_word(&word) && !rest.contains(char::is_whitespace) {
            let name = fold(rest);
            if let Some(language) = Language::from_folded_name(&name) {
                return Self::SetLanguage(language);
            }
            if name.chars().count() == 2 {
                return Self::UnknownLanguage;
            }
        }
        match small_talk::read(text) {
            Some(talk) => Self::SmallTalk(talk),
            None => Self::brief(text),
        }
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
            "stop" | "arret" | "arreter" | "baja" | "parar" | "sair" | "ايقاف" | "توقف" => {
                Some(Self::Stop)
            }
            "start" | "reprendre" | "alta" | "empezar" | "iniciar" | "comecar" | "ابدا" | "بدء" => {
                Some(Self::Start)
            }
            "login" | "connexion" | "conexion" | "conexao" | "entrar" | "acceder" | "دخول" => {
                Some(Self::Reserved)
            }
            "delete" | "supprimer" | "eliminar" | "borrar" | "excluir" | "apagar" | "حذف" => {
                Some(Self::Reserved)
            }
            "export" | "exporter" | "exportar" | "تصدير" => Some(Self::Reserved),
            "recharge" | "recharger" | "recargar" | "recarregar" | "شحن" => Some(Self::Reserved),
            word if is_language_word(word) => Some(Self::ShowLanguage),
            _ => None,
        }
    }
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
    fn command_words_are_read_in_every_spelling() {
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
        for text in ["LOGIN", "Connexion", "LOGİN", "SUPPRIMER", "delete", "EXPORT", "Recharger"] {
            check(text, &Command::Reserved);
        }
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
    fn a_brief_keeps_its_bytes() {
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
    }

    #[test]
    fn a_text_over_the_limit_is_no_brief() {
        check(&"é".repeat(crate::brief::MAX_BRIEF_CHARS + 1), &Command::BriefTooLong);
    }
}
