//! The texts of the pages, read from the catalogue once per language.

use std::sync::LazyLock;

use postly_domain::Language;
use postly_i18n::{Catalogue, Value};
use serde_json::json;

use crate::{extract::RequestContext, problem::Code};

/// Declares one field for each key `page-…` of the catalogue. A template with an undeclared key does not
/// compile, and a test checks every field in every language.
macro_rules! texts {
    ($($name:ident)*) => {
        /// The texts of one language.
        #[derive(Debug)]
        pub(crate) struct Texts {
            of: Language,
            /// The ISO 639-1 code.
            pub(crate) lang: &'static str,
            /// The direction of the script: `ltr` or `rtl`.
            pub(crate) dir: &'static str,
            problems: Vec<(Code, String)>,
            reasons: Vec<(&'static str, String)>,
            $(pub(crate) $name: String,)*
        }

        impl Texts {
            fn load(catalogue: &Catalogue, language: Language) -> Self {
                let text = |name: &str| catalogue.text(language, &format!("page-{}", name.replace('_', "-")));
                Self {
                    of: language,
                    lang: language.code(),
                    dir: language.dir(),
                    problems: PROBLEMS.map(|code| (code, text(&format!("problem_{}", code.name())))).into(),
                    reasons: REASONS.map(|reason| (reason, text(&format!("reason_{reason}")))).into(),
                    $($name: text(stringify!($name)),)*
                }
            }

            #[cfg(test)]
            fn all(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($name), self.$name.as_str()),)*]
            }
        }
    };
}

texts! {
    log_in sign_up account log_out logged_in open_title open_lead open_spent open otherwise
    no_script by_number phone phone_hint send_code have_code code_sent code verify start_again
    phrase_title by_phrase phrase_lead phrase_open phrase_how phrase_qr phrase_code by_password
    email password password_hint no_account has_account number no_number no_email credits held
    language save link_number change_number number_changed sessions sessions_lead this_browser
    unknown_browser seen end end_all data export erase erase_lead erase_sure erase_now erase_unsure
    keep erased failed offline nav write history skip tagline land_lead land_start land_whatsapp
    land_qr land_scan land_you land_example land_get land_post_1 land_post_2 land_post_3 land_price
    land_balance land_yours dash_title dash_brief dash_hint dash_network dash_any dash_auto
    dash_posts_language dash_submit dash_writing dash_recent dash_empty dash_link posts_title
    posts_again post_n copy copied share mark_used used unmark characters angle hist_search
    hist_all_networks hist_origin hist_both hist_web hist_whatsapp hist_none hist_open more
    cred_title cred_available cred_statement cred_receipt cred_no_receipt cred_csv cred_date cred_why cred_change cred_empty
    not_found_title not_found home recharge prices reset_title reset_lead reset_save reset_done
    reset_spent reset_no_link
    other_ways have_code_lead dash_tone dash_tone_hint
    tone_1 tone_2 tone_3 tone_4 tone_5 tone_6 tone_7 tone_8 dash_accepted dash_new preview your_shop
    hashtags deliv_queued deliv_accepted deliv_sent deliv_delivered deliv_read deliv_failed
    login_title login_lead new_password new_password_hint current_password current_password_hint
    done_language done_login done_session done_number done_signup done_token tokens tokens_lead
    agent_lead
    token_name token_make token_secret token_revoke token_created token_used token_never wrong_current
    legal_nav legal terms privacy api change_title change_what change_hint change_do
    brand brand_lead brand_saved brand_name brand_trade brand_place brand_address brand_any
    brand_informal brand_formal brand_emojis brand_with brand_without brand_tone brand_banned
    brand_banned_hint brand_facts brand_facts_hint brand_signature brand_signature_hint brand_open
}

/// The problems that a user can cause by typing on a page.
const PROBLEMS: [Code; 16] = [
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
    Code::ProofNeeded,
    Code::InvalidName,
    Code::TooManyTokens,
    Code::BrandTooLong,
    Code::BriefRefused,
];

/// The reasons of ledger entries, by their names in the API.
const REASONS: [&str; 14] = [
    "whatsapp_generation",
    "web_generation",
    "purchase",
    "purchase_reversal",
    "dispute",
    "debt_repaid",
    "refund",
    "welcome",
    "trial",
    "adjustment",
    "refinement",
    "free_refinement",
    "import",
    "merge",
];

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::load);

static ALL: LazyLock<Vec<Texts>> =
    LazyLock::new(|| Language::ALL.into_iter().map(|language| Texts::load(&CATALOGUE, language)).collect());

impl Texts {
    /// Returns the texts of a language.
    pub(crate) fn of_language(language: Language) -> &'static Self {
        // `ALL` has every language, so the fallback is never used.
        static FALLBACK: LazyLock<Texts> = LazyLock::new(|| Texts::load(&CATALOGUE, Language::Fr));
        ALL.iter().find(|texts| texts.of == language).unwrap_or_else(|| &FALLBACK)
    }

    /// Returns the language of the texts.
    pub(crate) fn language(&self) -> Language {
        self.of
    }

    /// Returns the texts in the language of the logged-in author, or else of the browser, or else French.
    pub(crate) fn of_visitor(visitor: &RequestContext) -> &'static Self {
        let own = visitor.session.as_ref().map(|own| own.language);
        Self::of_language(own.or(visitor.browser.language).unwrap_or(Language::Fr))
    }

    /// Returns a text of the catalogue with values filled in.
    pub(crate) fn format(&self, key: &str, values: &[(&'static str, Value<'_>)]) -> String {
        CATALOGUE.format(self.of, key, values)
    }

    /// Returns the preset tones.
    pub(crate) fn tones(&self) -> [&str; 8] {
        [
            &self.tone_1,
            &self.tone_2,
            &self.tone_3,
            &self.tone_4,
            &self.tone_5,
            &self.tone_6,
            &self.tone_7,
            &self.tone_8,
        ]
    }

    /// Returns the text for a delivery status, by its name in the API.
    pub(crate) fn delivery(&self, name: &str) -> &str {
        match name {
            "accepted" => &self.deliv_accepted,
            "sent" => &self.deliv_sent,
            "delivered" => &self.deliv_delivered,
            "read" => &self.deliv_read,
            "failed" => &self.deliv_failed,
            _ => &self.deliv_queued,
        }
    }

    /// Returns the texts of all delivery statuses for the script: a JSON object by their names.
    pub(crate) fn deliveries(&self) -> String {
        let names = ["queued", "accepted", "sent", "delivered", "read", "failed"];
        let all: serde_json::Map<_, _> =
            names.into_iter().map(|name| (name.to_owned(), json!(self.delivery(name)))).collect();
        json!(all).to_string()
    }

    /// Returns the text for a problem.
    pub(crate) fn problem(&self, code: Code) -> &str {
        self.problems.iter().find(|(of, _)| *of == code).map_or(self.failed.as_str(), |(_, text)| text)
    }

    /// Returns the text for the reason of a ledger entry. An unknown reason is returned unchanged.
    pub(crate) fn reason<'a>(&'a self, reason: &'a str) -> &'a str {
        self.reasons.iter().find(|(of, _)| *of == reason).map_or(reason, |(_, text)| text)
    }

    /// Returns the texts of problems for the script: a JSON object by their codes.
    pub(crate) fn problems(&self) -> String {
        let mut all: serde_json::Map<_, _> =
            self.problems.iter().map(|(code, text)| (code.name().to_owned(), json!(text))).collect();
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
    fn every_language_has_every_text() {
        for texts in &*ALL {
            for (name, text) in texts.all() {
                assert!(!text.starts_with("page-") && text.trim() == text, "{}: {name}", texts.lang);
            }
            let said: BTreeSet<_> = PROBLEMS.iter().map(|code| texts.problem(*code)).collect();
            assert_eq!(said.len(), PROBLEMS.len(), "{said:?}");
            assert!(!said.contains(texts.failed.as_str()));
            for reason in postly_domain::LedgerReason::ALL {
                assert_ne!(texts.reason(reason.as_str()), reason.as_str(), "{}", texts.lang);
            }
        }
    }
}
