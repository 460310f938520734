//! What a call costs, for the models whose price we know.

/// Prices in cents of a US dollar per million tokens: read, written.
/// Source: OpenAI's published price of gpt-4o-mini, $0.15 and $0.60 per million. Discounts for cached input are
/// left out, so that the sum is never too low.
const PRICES: &[(&str, i64, i64)] = &[("gpt-4o-mini", 15, 60)];

/// The price of a call in millionths of a US dollar, rounded up; none when the model or its tokens are unknown.
pub(super) fn microdollars(model: &str, read: Option<i64>, written: Option<i64>) -> Option<i64> {
    let (_, per_read, per_written) = PRICES.iter().find(|(name, ..)| {
        // "gpt-4o-mini-2024-07-18" is the same model, "gpt-4o-mini-audio" is not.
        model.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("-20"))
    })?;
    let hundredths = read?.checked_mul(*per_read)?.checked_add(written?.checked_mul(*per_written)?)?;
    Some(hundredths.max(0).saturating_add(99) / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_priced_by_its_tokens() {
        assert_eq!(microdollars("gpt-4o-mini", Some(1_000_000), Some(0)), Some(150_000));
        assert_eq!(microdollars("gpt-4o-mini-2024-07-18", Some(0), Some(1_000_000)), Some(600_000));
        assert_eq!(microdollars("gpt-4o-mini", Some(1), Some(0)), Some(1));
        assert_eq!(microdollars("gpt-4o-mini-audio", Some(1), Some(1)), None);
        assert_eq!(microdollars("llama", Some(1), Some(1)), None);
        assert_eq!(microdollars("gpt-4o-mini", None, Some(1)), None);
    }
}
