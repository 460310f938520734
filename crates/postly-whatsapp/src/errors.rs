//! The actions for a provider's error codes.

use postly_domain::{Provider, delivery::ErrorAction};

use crate::{meta, twilio};

/// Decides by the code. The HTTP status and the provider's own hint count only for an unknown code: Meta
/// answers rate limits with 400.
///
/// An error that comes later, in a status, has no HTTP status of its own: pass `None`.
pub fn action_for(
    provider: Provider,
    code: i64,
    http_status: Option<u16>,
    is_transient: bool,
) -> ErrorAction {
    let known = match provider {
        Provider::Meta => meta::errors::action(code),
        Provider::Twilio => twilio::errors::action(code),
    };
    let unknown = if is_transient || http_status.is_some_and(|status| status >= 500) {
        ErrorAction::Retry
    } else {
        ErrorAction::OurFault
    };
    known.unwrap_or(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action_named(name: &str) -> ErrorAction {
        match name {
            "retry" => ErrorAction::Retry,
            "pair" => ErrorAction::WaitForRecipient,
            "throttle" => ErrorAction::WaitForSender,
            "template" => ErrorAction::WindowClosed,
            "drop_user" | "ignore" => ErrorAction::GiveUp,
            "fix" => ErrorAction::OurFault,
            "pause_sender" | "auth" => ErrorAction::StopSender,
            other => panic!("an action we do not know: {other}"),
        }
    }

    /// Reads the table: each code and its action. A code may be a range, `200-299`.
    fn table(json: &str) -> Vec<(i64, ErrorAction)> {
        let table: serde_json::Value = serde_json::from_str(json).unwrap();
        let mut codes = vec![];
        for entry in table.get("codes").unwrap().as_array().unwrap() {
            let action = action_named(entry.get("action").unwrap().as_str().unwrap());
            match entry.get("code").unwrap() {
                serde_json::Value::String(range) => {
                    let (first, last) = range.split_once('-').unwrap();
                    let range = first.parse::<i64>().unwrap()..=last.parse().unwrap();
                    codes.extend(range.map(|code| (code, action)));
                }
                code => codes.push((code.as_i64().unwrap(), action)),
            }
        }
        codes
    }

    #[test]
    fn the_tables_say_what_the_providers_documents_say_and_nothing_more() {
        for (provider, json, lookup) in [
            (
                Provider::Meta,
                include_str!("../tables/meta_error_codes.json"),
                meta::errors::action as fn(i64) -> Option<ErrorAction>,
            ),
            (Provider::Twilio, include_str!("../tables/twilio_error_codes.json"), twilio::errors::action),
        ] {
            let table = table(json);
            for (code, expected) in &table {
                assert_eq!(action_for(provider, *code, None, false), *expected, "{provider} {code}");
            }
            let known = (-1000..200_000).filter(|code| lookup(*code).is_some());
            assert_eq!(known.count(), table.len(), "{provider}");
        }
    }

    #[test]
    fn an_unknown_code_is_tried_again_only_when_the_provider_has_the_trouble() {
        for (status, transient, expected) in [
            (Some(500), false, ErrorAction::Retry),
            (Some(400), true, ErrorAction::Retry),
            (Some(400), false, ErrorAction::OurFault),
            (None, false, ErrorAction::OurFault),
        ] {
            for provider in [Provider::Meta, Provider::Twilio] {
                assert_eq!(action_for(provider, 999_999, status, transient), expected);
            }
        }
        // A known code is decided by the code alone.
        assert_eq!(action_for(Provider::Meta, 131_047, Some(500), true), ErrorAction::WindowClosed);
    }
}
