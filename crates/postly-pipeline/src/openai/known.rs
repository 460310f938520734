//! Facts about models by name: their prices, and their shutdown dates.
//!
//! Sources: developers.openai.com/api/docs for gpt-6-luna, gpt-5.6-luna and the shutdown dates; for every
//! other row the price map that LiteLLM 1.108.7 ships (`model_prices_and_context_window.json`).

/// One model. Prices are in millionths of a US dollar per million tokens, for the standard tier and prompts
/// of usual length (OpenAI doubles them above 272,000 tokens, a length that no brief reaches).
struct KnownModel {
    name: &'static str,
    read: i64,
    cached: i64,
    written: i64,
    /// The day on which the row was last compared with its sources.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test warns of rows that are old"))]
    as_of: &'static str,
    /// The day on which OpenAI's own API shuts the model down. Azure has its own dates.
    shutdown: Option<&'static str>,
}

const fn row(
    name: &'static str,
    [read, cached, written]: [i64; 3],
    as_of: &'static str,
    shutdown: Option<&'static str>,
) -> KnownModel {
    KnownModel { name, read, cached, written, as_of, shutdown }
}

/// After this many days, a row should be compared with its sources again.
#[cfg(test)]
const STALE_AFTER_DAYS: i64 = 180;

const NOVEMBER: &str = "2026-11-30";
const JANUARY_2027: Option<&str> = Some("2027-01-14");

const KNOWN: &[KnownModel] = &[
    row("gpt-6-luna", [100_000, 10_000, 500_000], NOVEMBER, None),
    row("gpt-6-sol", [2_000_000, 200_000, 10_000_000], NOVEMBER, None),
    row("gpt-6.1-sol", [2_000_000, 100_000, 10_000_000], NOVEMBER, None),
    row("gpt-6-astra", [10_000_000, 1_000_000, 50_000_000], NOVEMBER, None),
    row("gpt-5.6-luna", [200_000, 20_000, 1_200_000], NOVEMBER, None),
    row("gpt-5.6-terra", [2_000_000, 200_000, 12_000_000], NOVEMBER, None),
    row("gpt-5.6-sol", [4_000_000, 400_000, 20_000_000], NOVEMBER, None),
    row("gpt-5.4-mini", [750_000, 75_000, 4_500_000], NOVEMBER, None),
    row("gpt-5.4-nano", [200_000, 20_000, 1_250_000], NOVEMBER, Some("2027-04-01")),
    row("gpt-5.1", [1_250_000, 125_000, 10_000_000], NOVEMBER, Some("2027-04-01")),
    row("gpt-5", [1_250_000, 125_000, 10_000_000], NOVEMBER, Some("2026-12-11")),
    row("gpt-5-mini", [250_000, 25_000, 2_000_000], NOVEMBER, Some("2026-12-11")),
    row("gpt-5-nano", [50_000, 5_000, 400_000], NOVEMBER, Some("2026-12-11")),
    row("gpt-4.1", [2_000_000, 500_000, 8_000_000], NOVEMBER, JANUARY_2027),
    row("gpt-4.1-mini", [400_000, 100_000, 1_600_000], NOVEMBER, JANUARY_2027),
    row("gpt-4o", [2_500_000, 1_250_000, 10_000_000], NOVEMBER, JANUARY_2027),
    row("gpt-4o-mini", [150_000, 75_000, 600_000], NOVEMBER, JANUARY_2027),
    row("mistral-small-latest", [150_000, 15_000, 600_000], NOVEMBER, None),
    row("mistral-medium-latest", [1_500_000, 150_000, 7_500_000], NOVEMBER, None),
    row("mistral-large-latest", [500_000, 50_000, 1_500_000], NOVEMBER, None),
    row("ministral-8b-latest", [150_000, 15_000, 150_000], NOVEMBER, None),
    row("ministral-3b-latest", [100_000, 10_000, 100_000], NOVEMBER, None),
];

/// The row of a model, with or without gateway names before it: "openai/gpt-6-luna" is "gpt-6-luna".
fn known(model: &str) -> Option<&'static KnownModel> {
    let name = super::family::bare(model);
    KNOWN.iter().find(|known| {
        // "gpt-4o-mini-2024-07-18" is the same model, "gpt-4o-mini-audio" is not.
        name.strip_prefix(known.name).is_some_and(|rest| rest.is_empty() || rest.starts_with("-20"))
    })
}

/// The tokens of one call, as the server counts them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tokens {
    pub(super) read: Option<i64>,
    /// The part of `read` that the provider had cached from an earlier call.
    pub(super) cached: i64,
    pub(super) written: Option<i64>,
}

/// The price of a call in millionths of a US dollar, rounded up; `None` if the model or its tokens are
/// unknown.
pub(super) fn microdollars(model: &str, tokens: Tokens) -> Option<i64> {
    const MILLION: i64 = 1_000_000;
    let known = known(model)?;
    let (read, written) = (tokens.read?, tokens.written?);
    let cached = tokens.cached.clamp(0, read.max(0));
    let sum = read
        .checked_sub(cached)?
        .checked_mul(known.read)?
        .checked_add(cached.checked_mul(known.cached)?)?
        .checked_add(written.checked_mul(known.written)?)?;
    Some(sum.max(0).saturating_add(MILLION - 1) / MILLION)
}

/// The price of a minute of speech, in millionths of a US dollar (developers.openai.com, model page, read on
/// 2026-11-30).
const SPEECH: (&str, i64) = ("gpt-transcribe", 4_500);

/// The price of a recording in millionths of a US dollar, rounded up; `None` if the model's price is unknown.
pub(super) fn microdollars_of_speech(model: &str, seconds: u32) -> Option<i64> {
    let (name, a_minute) = SPEECH;
    let is_known = super::family::bare(model) == name;
    is_known.then(|| (i64::from(seconds).saturating_mul(a_minute)).saturating_add(59) / 60)
}

/// The speech models that OpenAI shuts down, all on one day (developers.openai.com, page of deprecations,
/// read on 2026-11-30).
const ENDING_SPEECH: [&str; 4] =
    ["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize"];

/// The day on which OpenAI's own API shuts this speech model down, if this table has it.
pub fn transcription_shutdown(model: &str) -> Option<&'static str> {
    let name = super::family::bare(model);
    ENDING_SPEECH.contains(&name).then_some("2027-02-26")
}

/// True if the table has the price of this model.
pub(super) fn has_price(model: &str) -> bool {
    known(model).is_some()
}

/// The day on which OpenAI's own API shuts this model down, if the table has one.
pub(super) fn shutdown(model: &str) -> Option<&'static str> {
    known(model)?.shutdown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(model: &str, read: Option<i64>, written: Option<i64>) -> Option<i64> {
        microdollars(model, Tokens { read, cached: 0, written })
    }

    #[test]
    fn speech_is_priced_by_the_minute() {
        assert_eq!(microdollars_of_speech("gpt-transcribe", 60), Some(4_500));
        assert_eq!(microdollars_of_speech("openai/gpt-transcribe", 1), Some(75));
        assert_eq!(microdollars_of_speech("gpt-transcribe", 0), Some(0));
        assert_eq!(microdollars_of_speech("whisper-large-v3", 60), None);
    }

    #[test]
    fn a_call_is_priced_by_its_tokens() {
        assert_eq!(price("gpt-6-luna", Some(1_000_000), Some(0)), Some(100_000));
        assert_eq!(price("openai/gpt-6-luna", Some(0), Some(1_000_000)), Some(500_000));
        assert_eq!(price("gpt-4o-mini-2024-07-18", Some(0), Some(1_000_000)), Some(600_000));
        assert_eq!(price("gpt-6-luna", Some(1), Some(0)), Some(1));
        for unknown in ["gpt-4o-mini-audio", "llama", "gpt-6", ""] {
            assert_eq!(price(unknown, Some(1), Some(1)), None, "{unknown}");
        }
        assert_eq!(price("gpt-6-luna", None, Some(1)), None);
        let cached = |cached| Tokens { read: Some(1_000_000), cached, written: Some(0) };
        assert_eq!(microdollars("gpt-6-luna", cached(400_000)), Some(64_000));
        // A wrong count of cached tokens never makes a call cheaper than a fully cached one.
        assert_eq!(microdollars("gpt-6-luna", cached(9_000_000)), Some(10_000));
    }

    #[test]
    fn a_shutdown_is_known_by_its_date() {
        assert_eq!(shutdown("gpt-4o-mini"), Some("2027-01-14"));
        assert_eq!(shutdown("openai/gpt-5-mini-2025-08-07"), Some("2026-12-11"));
        assert_eq!(shutdown("gpt-6-luna"), None);
    }

    /// Days since 1 January 1970, by the proleptic Gregorian calendar.
    fn days(date: &str) -> i64 {
        let parts: Vec<i64> = date.split('-').map(|part| part.parse().unwrap()).collect();
        let [year, month, day] = parts[..] else { panic!("{date}") };
        let shifted = if month <= 2 { year - 1 } else { year };
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719_468
    }

    /// A stale row is printed but fails nothing, because an unchanged clone must not break by age.
    #[test]
    fn rows_older_than_180_days_are_warned_about() {
        assert_eq!((days("1970-01-01"), days("2000-03-01")), (0, 11_017));
        let seconds = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let today = i64::try_from(seconds / 86_400).unwrap();
        let is_stale = |as_of: &str, today: i64| today - days(as_of) > STALE_AFTER_DAYS;
        assert!(!is_stale("2026-01-01", days("2026-06-30")) && is_stale("2026-01-01", days("2026-07-01")));
        for known in KNOWN {
            assert!(known.shutdown.is_none_or(|date| days(date) > 0));
            if is_stale(known.as_of, today) {
                eprintln!("warning: the price of {} was read on {}", known.name, known.as_of);
            }
        }
    }
}
