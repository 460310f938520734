//! Meta's notices about our account: a paused template, a number of low quality, a restriction.

use postly_domain::{
    UnixMillis,
    event::{AccountNotice, NoticeEffect, NoticeSubject},
};
use serde_json::Value;

use crate::inbound::kind_name;

/// The fields of the webhook that hold notices.
pub(super) const FIELDS: [&str; 3] =
    ["message_template_status_update", "phone_number_quality_update", "account_update"];

/// The longest name of a template at Meta.
const LONGEST_NAME: usize = 512;

/// Reads the value of a change. `None` for a notice without consequence.
pub(super) fn read(field: &str, value: &Value, occurred_at: UnixMillis) -> Option<AccountNotice> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let event = text("event")?;
    let (subject, effect) = match field {
        "message_template_status_update" => {
            let name = text("message_template_name").filter(|name| name.len() <= LONGEST_NAME)?;
            let language = kind_name(text("message_template_language")?);
            let title = value.pointer("/other_info/title").and_then(Value::as_str);
            (NoticeSubject::Template { name: name.to_owned(), language }, of_template(event, title)?)
        }
        "phone_number_quality_update" => (NoticeSubject::Quality, of_quality(event)?),
        "account_update" => {
            let state = value.pointer("/ban_info/waba_ban_state").and_then(Value::as_str);
            (NoticeSubject::Account, of_account(event, state)?)
        }
        _ => return None,
    };
    Some(AccountNotice { subject, word: kind_name(event), effect, occurred_at })
}

fn of_template(event: &str, title: Option<&str>) -> Option<NoticeEffect> {
    match (event, title) {
        ("APPROVED" | "REINSTATED", _) | (_, Some("UNPAUSE")) => Some(NoticeEffect::Clear),
        ("FLAGGED", _) => Some(NoticeEffect::Warns),
        ("PAUSED" | "DISABLED" | "REJECTED" | "DELETED" | "PENDING_DELETION" | "ARCHIVED", _)
        | (_, Some("FIRST_PAUSE" | "SECOND_PAUSE" | "RATE_LIMITING_PAUSE" | "DISABLED")) => {
            Some(NoticeEffect::Stops)
        }
        _ => None,
    }
}

fn of_quality(event: &str) -> Option<NoticeEffect> {
    match event {
        "UNFLAGGED" | "UPGRADE" | "THROUGHPUT_UPGRADE" => Some(NoticeEffect::Clear),
        "DOWNGRADE" => Some(NoticeEffect::Warns),
        "FLAGGED" => Some(NoticeEffect::Stops),
        _ => None,
    }
}

fn of_account(event: &str, ban_state: Option<&str>) -> Option<NoticeEffect> {
    match (event, ban_state) {
        ("DISABLED_UPDATE", Some("REINSTATE")) => Some(NoticeEffect::Clear),
        ("DISABLED_UPDATE" | "ACCOUNT_RESTRICTION" | "ACCOUNT_DELETED", _) => Some(NoticeEffect::Stops),
        ("ACCOUNT_VIOLATION", _) => Some(NoticeEffect::Warns),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_meta_has_its_effect_and_unknown_ones_have_none() {
        use NoticeEffect::{Clear, Stops, Warns};
        for (event, title, expected) in [
            ("APPROVED", None, Some(Clear)),
            ("REINSTATED", None, Some(Clear)),
            ("LOCKED", Some("UNPAUSE"), Some(Clear)),
            ("LOCKED", Some("FIRST_PAUSE"), Some(Stops)),
            ("PAUSED", None, Some(Stops)),
            ("DISABLED", None, Some(Stops)),
            ("FLAGGED", None, Some(Warns)),
            ("PENDING", None, None),
            ("LIMIT_EXCEEDED", None, None),
        ] {
            assert_eq!(of_template(event, title), expected, "{event} {title:?}");
        }
        for (event, expected) in [
            ("FLAGGED", Some(Stops)),
            ("DOWNGRADE", Some(Warns)),
            ("UNFLAGGED", Some(Clear)),
            ("ONBOARDING", None),
        ] {
            assert_eq!(of_quality(event), expected, "{event}");
        }
        for (event, state, expected) in [
            ("DISABLED_UPDATE", Some("DISABLE"), Some(Stops)),
            ("DISABLED_UPDATE", Some("REINSTATE"), Some(Clear)),
            ("ACCOUNT_RESTRICTION", None, Some(Stops)),
            ("ACCOUNT_VIOLATION", None, Some(Warns)),
            ("PARTNER_ADDED", None, None),
        ] {
            assert_eq!(of_account(event, state), expected, "{event} {state:?}");
        }
    }
}
