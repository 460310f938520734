//! The price of a message, as its provider reports it.

/// The `pricing` of a status, in the provider's words. New words appear without notice, so each is kept
/// unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pricing {
    /// The rate: `service`, `utility`, `authentication`, `marketing` …
    pub category: Option<String>,
    /// The kind of billing: `regular`, `free_customer_service`, `free_entry_point` …
    pub kind: Option<String>,
    /// The model of prices: `PMP` or `CBP` at Meta.
    pub model: Option<String>,
    /// True if the message is paid for. Meta announces the end of this field; `kind` has the same
    /// information.
    pub billable: Option<bool>,
}

/// The word by which Meta bills a general-purpose assistant, which our terms with Meta exclude (RULES 10.8).
const GENERAL_PURPOSE_AI: &str = "general_purpose_ai";

impl Pricing {
    /// Returns true if the provider bills us as a general-purpose assistant.
    pub fn is_general_purpose_ai(&self) -> bool {
        [&self.category, &self.kind]
            .into_iter()
            .flatten()
            .any(|word| word.eq_ignore_ascii_case(GENERAL_PURPOSE_AI))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assistant_for_everything_is_told_by_the_category_or_the_kind() {
        let pricing = |category: &str, kind: &str| Pricing {
            category: Some(category.to_owned()),
            kind: Some(kind.to_owned()),
            model: Some("PMP".to_owned()),
            billable: Some(true),
        };
        assert!(pricing("general_purpose_ai", "regular").is_general_purpose_ai());
        assert!(pricing("service", "general_purpose_ai").is_general_purpose_ai());
        assert!(!pricing("service", "free_customer_service").is_general_purpose_ai());
    }
}
