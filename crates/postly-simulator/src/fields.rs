//! Reads a JSON body strictly: missing, unknown and overlong parameters are refused by name.

use serde_json::{Map, Value};

/// The reason why a body is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The Graph API's code.
    pub(crate) code: i64,
    /// A description of the error, for the reader of the response.
    pub(crate) details: String,
}

pub(crate) type Checked<T> = Result<T, Refusal>;

/// Builds the refusal of a missing, unknown or overlong parameter.
pub(crate) fn invalid(details: impl Into<String>) -> Refusal {
    Refusal { code: 100, details: details.into() }
}

/// Builds the refusal of a parameter with an invalid value.
pub(crate) fn wrong(details: impl Into<String>) -> Refusal {
    Refusal { code: 131_009, details: details.into() }
}

/// Returns the length as WhatsApp counts it. The safest reading is UTF-16 code units.
pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A JSON object, and its path in the body.
pub(crate) struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(value: &'a Value, path: &str) -> Checked<Self> {
        let map = value.as_object().ok_or_else(|| invalid(format!("Param {path} must be a JSON object.")))?;
        Ok(Self { path: path.to_owned(), map })
    }

    /// Refuses every key except these.
    pub(crate) fn only(&self, keys: &[&str]) -> Checked<()> {
        match self.map.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(key) => Err(invalid(format!("Unexpected key \"{key}\" on param \"{}\".", self.path))),
            None => Ok(()),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key)
    }

    pub(crate) fn need(&self, key: &str) -> Checked<&'a Value> {
        self.get(key).ok_or_else(|| invalid(format!("The parameter {} is required.", self.at(key))))
    }

    /// Returns a string of 1 to `most` units.
    pub(crate) fn text(&self, key: &str, most: usize) -> Checked<&'a str> {
        let at = self.at(key);
        let text =
            self.need(key)?.as_str().ok_or_else(|| invalid(format!("Param {at} must be a string.")))?;
        match units(text) {
            0 => Err(invalid(format!("Param {at} must be at least 1 character long."))),
            length if length > most => {
                Err(invalid(format!("Param {at} must be at most {most} characters long.")))
            }
            _ => Ok(text),
        }
    }

    /// Returns a string of 1 to `most` units, if the key is present.
    pub(crate) fn optional_text(&self, key: &str, most: usize) -> Checked<Option<&'a str>> {
        if self.get(key).is_some() { self.text(key, most).map(Some) } else { Ok(None) }
    }

    /// Requires this string.
    pub(crate) fn exactly(&self, key: &str, expected: &str) -> Checked<()> {
        if self.need(key)?.as_str() == Some(expected) {
            Ok(())
        } else {
            Err(wrong(format!("Param {} must be \"{expected}\".", self.at(key))))
        }
    }

    pub(crate) fn optional_bool(&self, key: &str) -> Checked<()> {
        match self.get(key) {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(_) => Err(invalid(format!("Param {} must be a boolean.", self.at(key)))),
        }
    }

    pub(crate) fn object(&self, key: &str) -> Checked<Self> {
        Fields::of(self.need(key)?, &self.at(key))
    }

    /// Returns a list of 1 to `most` objects.
    pub(crate) fn list(&self, key: &str, most: usize) -> Checked<Vec<Self>> {
        let at = self.at(key);
        let items =
            self.need(key)?.as_array().ok_or_else(|| invalid(format!("Param {at} must be an array.")))?;
        if items.is_empty() || items.len() > most {
            return Err(invalid(format!("Param {at} must have 1 to {most} items.")));
        }
        items.iter().enumerate().map(|(place, item)| Fields::of(item, &format!("{at}[{place}]"))).collect()
    }

    fn at(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}['{key}']", self.path) }
    }
}
