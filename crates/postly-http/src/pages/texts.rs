//! Every text of the pages, in both languages side by side.

use axum::http::{HeaderMap, header};
use serde_json::json;

use crate::problem::Code;

macro_rules! texts {
    ($($name:ident: $fr:literal, $en:literal;)*) => {
        /// The texts of one language. A field without its text does not compile.
        #[derive(Debug)]
        pub(crate) struct Texts {
            /// The ISO 639-1 code.
            pub(crate) lang: &'static str,
            $(pub(crate) $name: &'static str,)*
        }

        pub(crate) static FR: Texts = Texts { lang: "fr", $($name: $fr,)* };
        pub(crate) static EN: Texts = Texts { lang: "en", $($name: $en,)* };

        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $fr, $en),)*];
    };
}

texts! {
    log_in: "Se connecter", "Log in";
    sign_up: "Créer un compte", "Sign up";
    account: "Mon compte", "My account";
    log_out: "Se déconnecter", "Log out";
    logged_in: "Votre session est ouverte dans ce navigateur.", "You are logged in in this browser.";
    open_title: "Votre lien de connexion", "Your login link";
    open_lead: "Touchez le bouton pour ouvrir votre session dans ce navigateur.",
        "Tap the button to open your session in this browser.";
    open_spent: "Ce lien a déjà servi ou n'est plus valable. Écrivez LOGIN sur WhatsApp pour en recevoir un autre.",
        "This link was used or is too old. Write LOGIN on WhatsApp to get another.";
    open: "Ouvrir ma session", "Open my session";
    otherwise: "Se connecter autrement", "Log in another way";
    no_script: "Votre navigateur n'ouvre pas le lien reçu sur WhatsApp : tapez plutôt le code du même message.",
        "Your browser cannot open the link from WhatsApp: type the code of the same message instead.";
    by_number: "Avec votre numéro WhatsApp", "With your WhatsApp number";
    phone: "Numéro WhatsApp", "WhatsApp number";
    phone_hint: "Avec l'indicatif, par exemple +33 6 12 34 56 78.",
        "With the country code, for example +44 7700 900123.";
    send_code: "Recevoir un code", "Get a code";
    have_code: "J'ai un code", "I have a code";
    code_sent: "Si ce numéro peut recevoir un code, il arrive sur WhatsApp. Il est valable 10 minutes.",
        "If this number can get a code, it is on its way on WhatsApp. It is good for 10 minutes.";
    code: "Code à six chiffres", "Six-digit code";
    verify: "Valider le code", "Check the code";
    start_again: "Recommencer", "Start again";
    phrase_title: "Avec un message tout prêt", "With a ready-made message";
    by_phrase: "Par WhatsApp, sans rien taper", "By WhatsApp, typing nothing";
    phrase_lead: "Vous nous envoyez ce message depuis WhatsApp ; notre réponse porte le code de ce navigateur.",
        "You send us that message from WhatsApp; our answer carries the code of this browser.";
    phrase_open: "Ouvrir WhatsApp", "Open WhatsApp";
    phrase_how: "Ouvrez WhatsApp ici, ou lisez ce QR code avec votre téléphone, et envoyez le message tel quel.",
        "Open WhatsApp here, or scan this QR code with your phone, and send the message as it is.";
    phrase_qr: "QR code qui ouvre WhatsApp avec le message tout prêt",
        "QR code that opens WhatsApp with the message ready to go";
    phrase_code: "Code reçu en réponse", "Code in our answer";
    by_password: "Avec votre e-mail", "With your e-mail";
    email: "Adresse e-mail", "E-mail address";
    password: "Mot de passe", "Password";
    password_hint: "8 caractères au moins.", "At least 8 characters.";
    no_account: "Pas encore de compte ?", "No account yet?";
    has_account: "Déjà un compte ?", "Already have an account?";
    number: "Numéro", "Number";
    no_number: "Aucun", "None yet";
    no_email: "Aucune", "None yet";
    credits: "Crédits", "Credits";
    held: "réservés", "reserved";
    language: "Langue de nos messages", "Language of our messages";
    save: "Enregistrer", "Save";
    link_number: "Lier un numéro WhatsApp", "Link a WhatsApp number";
    change_number: "Changer de numéro WhatsApp", "Change the WhatsApp number";
    number_changed: "Numéro changé le", "Number changed on";
    sessions: "Sessions", "Sessions";
    sessions_lead: "Les navigateurs connectés à votre compte.", "The browsers that are logged in to your account.";
    this_browser: "ce navigateur", "this browser";
    unknown_browser: "Navigateur inconnu", "Unknown browser";
    seen: "Vue le", "Seen on";
    end: "Terminer", "End";
    end_all: "Terminer toutes les sessions", "End all sessions";
    data: "Mes données", "My data";
    export: "Télécharger mes données", "Download my data";
    erase: "Effacer mon compte", "Erase my account";
    erase_lead: "Vos posts, vos messages, votre numéro et votre adresse sont effacés. Vos crédits sont perdus, et rien ne peut être rétabli.",
        "Your posts, your messages, your number and your address are erased. Your credits are lost, and nothing can be brought back.";
    erase_sure: "Je veux effacer mon compte pour toujours.", "I want to erase my account for ever.";
    erase_now: "Effacer pour toujours", "Erase for ever";
    erase_unsure: "Cochez la case pour confirmer.", "Tick the box to confirm.";
    keep: "Garder mon compte", "Keep my account";
    erased: "Votre compte est effacé.", "Your account is erased.";
    failed: "Quelque chose s'est mal passé de notre côté. Réessayez plus tard.",
        "Something went wrong on our side. Try again later.";
    offline: "Pas de connexion. Vérifiez votre réseau et réessayez.", "No connection. Check your network and try again.";
}

/// What can go wrong on a page with what a person types there.
const PROBLEMS: [Code; 11] = [
    Code::Unauthenticated,
    Code::Forbidden,
    Code::InvalidPhone,
    Code::InvalidCode,
    Code::NumberTaken,
    Code::InvalidEmail,
    Code::WeakPassword,
    Code::EmailTaken,
    Code::InvalidCredentials,
    Code::RateLimited,
    Code::NoWhatsapp,
];

impl Texts {
    /// The texts for a browser: of the language it likes best, else French.
    pub(crate) fn of(headers: &HeaderMap) -> &'static Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let mut best = (&FR, 0.0);
        for range in accepted.unwrap_or_default().split(',') {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let texts = match tag.trim().split('-').next().unwrap_or_default() {
                tag if tag.eq_ignore_ascii_case("fr") => &FR,
                tag if tag.eq_ignore_ascii_case("en") => &EN,
                _ => continue,
            };
            let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).unwrap_or(0.0);
            // Of two that are liked as much the first counts.
            if weight > best.1 {
                best = (texts, weight);
            }
        }
        best.0
    }

    /// What a problem is called on a page. In French, as the API says it.
    pub(crate) fn problem(&self, code: Code) -> &'static str {
        let is_french = self.lang == FR.lang;
        match code {
            code if is_french && PROBLEMS.contains(&code) => code.detail(),
            Code::InvalidPhone => {
                "This is not a phone number: write it with its country code, for example +44 7700 900123."
            }
            Code::Unauthenticated => "Log in to continue.",
            Code::Forbidden => "This account is not yours.",
            Code::InvalidCode => "Invalid or expired code",
            Code::NumberTaken => "This number is already linked to another account.",
            Code::InvalidEmail => "This is not an e-mail address: write it like name@example.com.",
            Code::WeakPassword => "Choose a password of at least 8 characters that is not a common one.",
            Code::EmailTaken => "This e-mail address already has an account.",
            Code::InvalidCredentials => "Wrong e-mail address or password.",
            Code::RateLimited => "Too many requests. Try again in a few minutes.",
            Code::NoWhatsapp => "Our WhatsApp number is not known yet. Ask for a code.",
            Code::NotFound
            | Code::MethodNotAllowed
            | Code::InvalidRequest
            | Code::NotJson
            | Code::TooLarge
            | Code::CrossSite
            | Code::ProofNeeded
            | Code::Unavailable
            | Code::Internal => self.failed,
        }
    }

    /// The same for the script: a JSON object of sentences by their code.
    pub(crate) fn problems(&self) -> String {
        let mut all: serde_json::Map<_, _> =
            PROBLEMS.iter().map(|code| (code.name().to_owned(), json!(self.problem(*code)))).collect();
        all.insert("failed".to_owned(), json!(self.failed));
        all.insert("link".to_owned(), json!(self.open_spent));
        all.insert("offline".to_owned(), json!(self.offline));
        json!(all).to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn both_languages_have_every_text() {
        for (name, fr, en) in ALL {
            for text in [fr, en] {
                assert!(!text.is_empty() && text.trim() == *text, "{name}: {text:?}");
            }
            assert!(fr != en || *name == "sessions", "{name} is not translated");
        }
        for texts in [&FR, &EN] {
            let said: BTreeSet<_> = PROBLEMS.iter().map(|code| texts.problem(*code)).collect();
            assert_eq!(said.len(), PROBLEMS.len(), "{said:?}");
            assert!(!said.contains(texts.failed));
        }
    }

    #[test]
    fn a_page_speaks_the_language_that_its_reader_likes_best() {
        for (accepted, expected) in [
            ("", "fr"),
            ("de", "fr"),
            ("*", "fr"),
            ("en", "en"),
            ("EN-gb, fr;q=0.9", "en"),
            ("de-DE, en;q=0.7, fr;q=0.3", "en"),
            ("fr-CA,fr;q=0.8,en-US;q=0.5,en;q=0.3", "fr"),
            ("fr;q=0.2, en;q=0.8", "en"),
            ("en;q=0", "fr"),
            ("en;q=nan, x;;;,,=", "fr"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
            assert_eq!(Texts::of(&headers).lang, expected, "{accepted}");
        }
    }
}
