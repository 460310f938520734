//! Finds the JSON object of the prompt in a model's answer, and reads it.
//!
//! The posts are required: without three of them there is nothing to deliver. The other labels (platform,
//! language, industry …) describe the brief for our records, so unknown values are tolerated.

use postly_domain::{
    Language,
    post::{BriefKind, Platform, Variant},
    text::fold,
};
use serde_json::{Map, Value};

use crate::{Defect, DraftBody};

/// The longest answer that is read, in bytes: three posts of the longest kind, as JSON, fit many times.
const LONGEST_ANSWER: usize = 128 * 1024;

/// The deepest nesting of a draft in other values, as in the arguments of a call that a model wrote as text.
const DEEPEST: usize = 4;

/// The most braces that are tried as the start of an object. A model writes a few; each costs as much as the
/// text after it.
const MOST_STARTS: usize = 1_000;

/// Marks that end a model's reasoning, in lower case.
const ENDS_OF_THOUGHT: &[&str] =
    &["</think>", "</thinking>", "</thought>", "</reasoning>", "[/think]", "<|channel|>final<|message|>"];

/// Reads the JSON object of an answer, ignoring code fences, reasoning before it and any text after it.
///
/// # Errors
/// [`Defect::NotJson`] or [`Defect::Schema`].
pub fn read(answer: &str) -> Result<DraftBody, Defect> {
    if answer.len() > LONGEST_ANSWER {
        return Err(Defect::NotJson);
    }
    let mut defect = Defect::NotJson;
    let mut found = None;
    let mut rest = after_thoughts(answer);
    for _ in 0..MOST_STARTS {
        let Some(start) = rest.find('{') else { break };
        let tail = rest.get(start..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_str(tail).into_iter::<Value>();
        let end = match values.next() {
            Some(Ok(value)) => {
                defect = Defect::Schema;
                // The last object counts, because a model that corrects itself does so at the end.
                found = draft_in(&value, DEEPEST).or(found);
                values.byte_offset()
            }
            _ => 1,
        };
        rest = tail.get(end..).unwrap_or_default();
    }
    found.ok_or(defect)
}

/// Returns the text after a model's reasoning, or the whole text if no object follows the reasoning.
fn after_thoughts(answer: &str) -> &str {
    // The marks are ASCII, so lower case keeps byte positions.
    let lower = answer.to_ascii_lowercase();
    let end = ENDS_OF_THOUGHT.iter().filter_map(|mark| Some(lower.rfind(mark)? + mark.len())).max();
    end.and_then(|end| answer.get(end..)).filter(|rest| rest.contains('{')).unwrap_or(answer)
}

/// Finds the draft in a value: the value itself, or a value nested in it.
fn draft_in(value: &Value, depth: usize) -> Option<DraftBody> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Object(fields) => {
            draft(fields).or_else(|| fields.values().find_map(|value| draft_in(value, depth)))
        }
        Value::String(text) if text.trim_start().starts_with('{') => {
            draft_in(&serde_json::from_str(text).ok()?, depth)
        }
        Value::Array(_) | Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn draft(fields: &Map<String, Value>) -> Option<DraftBody> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = kind(text("kind"));
    let variants = match fields.get("variants").or_else(|| fields.get("posts")) {
        Some(Value::Array(items)) => items.iter().map(variant).collect::<Option<Vec<Variant>>>()?,
        Some(Value::Object(items)) if !items.contains_key("variants") => {
            items.values().map(variant).collect::<Option<Vec<Variant>>>()?
        }
        // Small talk and off-topic answers need no posts.
        None | Some(Value::Null) if kind != BriefKind::Post => vec![],
        None | Some(_) => return None,
    };
    Some(DraftBody {
        kind,
        platform: platform(text("platform")),
        industry: text("industry").to_owned(),
        objective: text("objective").to_owned(),
        tone: text("tone").to_owned(),
        language: language(text("language")),
        variants,
        alt_text: fields.get("alt_text").and_then(Value::as_str).map(str::to_owned),
    })
}

/// Reads a post: an object with its text, or the text alone.
fn variant(item: &Value) -> Option<Variant> {
    let text = item.as_str().or_else(|| item.get("text")?.as_str())?;
    let angle = item.get("angle").and_then(Value::as_str).unwrap_or_default();
    Some(Variant { text: text.to_owned(), angle: angle.to_owned() })
}

/// Removes the variable parts of a label: "Small Talk", "small_talk" and "smallTalk" become equal.
fn plain(label: &str) -> String {
    fold(label).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Reads a kind. An unknown kind counts as a brief; the posts themselves are checked later.
fn kind(label: &str) -> BriefKind {
    match plain(label).as_str() {
        "smalltalk" => BriefKind::SmallTalk,
        "offtopic" => BriefKind::OffTopic,
        _ => BriefKind::Post,
    }
}

/// Reads a platform. An unknown one becomes [`Platform::General`].
fn platform(label: &str) -> Platform {
    let label = plain(label);
    if label == "x" || label.starts_with("xtwitter") || label.starts_with("twitter") {
        return Platform::X;
    }
    let mut named = Platform::ALL.into_iter().filter(|platform| *platform != Platform::X);
    named.find(|platform| label.starts_with(&plain(platform.as_str()))).unwrap_or(Platform::General)
}

/// Reads a language: "fr", "fr-FR" and "Français".
fn language(label: &str) -> Option<Language> {
    let folded = fold(label);
    let word = crate::tokens::words_of(&folded).next()?;
    Language::from_folded_name(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"kind":"post","platform":"instagram","industry":"pain","objective":"vente","tone":"vif","language":"fr","variants":[{"text":"Un","angle":"a"},{"text":"Deux","angle":"b"},{"text":"Trois","angle":"c"}]}"#;

    fn check_posts(answer: &str) {
        let body = read(answer).unwrap_or_else(|defect| panic!("{defect:?}: {answer}"));
        let texts: Vec<&str> = body.variants.iter().map(|variant| variant.text.as_str()).collect();
        assert_eq!(texts, ["Un", "Deux", "Trois"], "{answer}");
        assert_eq!(body.kind, BriefKind::Post, "{answer}");
    }

    #[test]
    fn an_answer_is_read_from_what_stands_around_it() {
        let other = BODY.replace("Un", "Brouillon");
        let arguments = serde_json::Value::from(BODY).to_string();
        for answer in [
            BODY.to_owned(),
            format!("```json\n{BODY}\n```"),
            format!("<think>The brief wants {{three}} posts, {{\"kind\": …}}.</think>\n{BODY}"),
            format!("<think>First try: {other}</think>\n\n{BODY}"),
            format!("<THINK>{other}</THINK>{BODY}"),
            format!("[THINK]{{[/THINK]{BODY}"),
            format!("<think>{BODY}"),
            format!("<think>{BODY}</think>Done."),
            format!("{BODY}\n\nI kept {{the offer}} as it is. }}"),
            format!("{{not json}} {BODY}"),
            format!("{other}\nWait, that invents a draft. Again:\n{BODY}"),
            format!("{{\"name\":\"posts\",\"arguments\":{BODY}}}"),
            format!("{{\"name\":\"posts\",\"arguments\":{arguments}}}"),
            format!("<tool_call>{{\"name\":\"posts\",\"parameters\":{BODY}}}</tool_call>"),
            format!("{{\"posts\":{BODY}}}"),
            r#"{"variants":["Un","Deux","Trois"]}"#.to_owned(),
            r#"{"posts":[{"text":"Un"},{"text":"Deux"},{"text":"Trois"}]}"#.to_owned(),
        ] {
            check_posts(&answer);
        }
    }

    #[test]
    fn what_holds_no_posts_is_named() {
        for (answer, expected) in [
            ("", Defect::NotJson),
            ("bonjour", Defect::NotJson),
            ("{\"kind\":", Defect::NotJson),
            ("<think>{\"a\":1}</think> {\"kind\":", Defect::NotJson),
            ("{}", Defect::Schema),
            ("{\"kind\":\"post\"}", Defect::Schema),
            ("{\"variants\":[{\"angle\":\"a\"}]}", Defect::Schema),
            ("{\"variants\":\"Un, deux, trois\"}", Defect::Schema),
        ] {
            assert_eq!(read(answer).err(), Some(expected), "{answer}");
        }
    }

    #[test]
    fn only_so_many_braces_are_tried() {
        let after = |braces: usize| read(&format!("{}{BODY}", "{ ".repeat(braces)));
        assert!(after(MOST_STARTS - 1).is_ok());
        assert_eq!(after(MOST_STARTS).err(), Some(Defect::NotJson));
        for piece in ["{", "{\"a\":", "{\"a\":{", "{\"", "[{\"a\":[", "{}", "{\"a\":\"{"] {
            assert!(read(&piece.repeat(LONGEST_ANSWER / piece.len())).is_err());
        }
    }

    #[test]
    fn labels_are_read_as_they_are_meant() {
        let with = |name: &str, label: &str| {
            let mut body: Map<String, Value> = serde_json::from_str(BODY).unwrap();
            body.insert(name.to_owned(), serde_json::from_str(label).unwrap());
            read(&Value::Object(body).to_string()).unwrap()
        };
        for (label, expected) in [
            ("\"Instagram\"", Platform::Instagram),
            ("\"LinkedIn\"", Platform::Linkedin),
            ("\"X (Twitter)\"", Platform::X),
            ("\"twitter\"", Platform::X),
            ("\"Tik Tok\"", Platform::Tiktok),
            ("\"Instagram post\"", Platform::Instagram),
            ("\"Myspace\"", Platform::General),
            ("null", Platform::General),
            ("[\"instagram\"]", Platform::General),
        ] {
            assert_eq!(with("platform", label).platform, expected, "{label}");
        }
        for (label, expected) in [
            ("\"FR\"", Some(Language::Fr)),
            ("\"pt-BR\"", Some(Language::Pt)),
            ("\"Español\"", Some(Language::Es)),
            ("\"de\"", None),
            ("7", None),
        ] {
            assert_eq!(with("language", label).language, expected, "{label}");
        }
        for (label, expected) in [
            ("\"Post\"", BriefKind::Post),
            ("\"marketing_post\"", BriefKind::Post),
            ("\"Small Talk\"", BriefKind::SmallTalk),
            ("\"smallTalk\"", BriefKind::SmallTalk),
            ("\"OFF_TOPIC\"", BriefKind::OffTopic),
            ("null", BriefKind::Post),
        ] {
            assert_eq!(with("kind", label).kind, expected, "{label}");
        }
        assert_eq!(with("industry", "[\"pain\"]").industry, "");
        assert!(read(r#"{"kind":"small_talk"}"#).is_ok());
    }
}
