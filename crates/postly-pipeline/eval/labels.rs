//! The labelled briefs.

use postly_domain::{Language, post::Platform};

/// A brief, with the facts that its posts must hold and the words that they must not.
pub(crate) struct Label {
    pub(crate) id: String,
    pub(crate) language: Language,
    /// The platform that the text names.
    pub(crate) platform: Option<Platform>,
    pub(crate) text: String,
    /// Facts, each as a list of equivalent forms.
    pub(crate) must: Vec<Vec<String>>,
    pub(crate) must_not: Vec<String>,
    /// The occasion: `grave` has rules of its own.
    pub(crate) tone: String,
}

/// Reads a table with a heading: id, language, platform, text, must, must_not, tone.
///
/// # Errors
/// Fails if a row has too few fields, or a language or platform that the product does not have.
pub(crate) fn read(table: &str) -> Result<Vec<Label>, String> {
    table.lines().skip(1).filter(|row| !row.is_empty()).map(read_row).collect()
}

fn read_row(row: &str) -> Result<Label, String> {
    let fields: Vec<&str> = row.split('\t').collect();
    let [id, language, platform, text, must, must_not, tone] = fields.as_slice() else {
        return Err(format!("{} fields instead of 7: {row}", fields.len()));
    };
    let list =
        |field: &str| field.split('|').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let platform = match *platform {
        "" => None,
        name => Some(Platform::parse(name).ok_or_else(|| format!("{id}: no platform {name}"))?),
    };
    Ok(Label {
        id: (*id).to_owned(),
        language: Language::from_code(language).ok_or_else(|| format!("{id}: no language {language}"))?,
        platform,
        text: (*text).to_owned(),
        must: list(must).iter().map(|fact| fact.split(" / ").map(str::to_owned).collect()).collect(),
        must_not: list(must_not),
        tone: (*tone).to_owned(),
    })
}
