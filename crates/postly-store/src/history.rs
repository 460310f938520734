//! The history of an author: generations with their posts, newest first, searched and filtered.

use postly_domain::{
    Language, UnixMillis,
    id::{AuthorId, GenerationId},
    post::{Origin, Platform, Variant},
    text::fold,
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// A generation as its author sees it.
#[derive(Debug, Clone)]
pub struct SavedGeneration {
    /// Its id.
    pub id: GenerationId,
    /// The channel of the request.
    pub origin: Origin,
    /// The brief, in the author's words.
    pub brief: String,
    /// The network of the posts.
    pub platform: Platform,
    /// The language of the posts.
    pub language: Language,
    /// The three posts.
    pub variants: Vec<Variant>,
    /// The variant that the author marked as used: 1 to 3.
    pub used: Option<i64>,
    /// The time of creation.
    pub created_at: UnixMillis,
}

/// The part of a history to list.
#[derive(Debug, Clone, Default)]
pub struct HistoryFilter<'a> {
    /// Words that occur in the brief or a post, in this order, regardless of case and accents.
    pub text: Option<&'a str>,
    /// Only posts for this network.
    pub platform: Option<Platform>,
    /// Only posts requested on this channel.
    pub origin: Option<Origin>,
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, origin, brief, platform, language, variants, used_variant, created_at_ms FROM generations ",
            "WHERE author_id = $1 AND state = 'settled' AND ",
            $condition
        )
    };
}

// Absent filters are empty texts, so that one statement serves all of them through the index on (author_id,
// id).
pub(crate) const LIST: Sql = Sql::both(select!(
    "id < $2 AND ($3 = '' OR search_text LIKE $3 ESCAPE '!') AND ($4 = '' OR platform = $4) \
     AND ($5 = '' OR origin = $5) ORDER BY id DESC LIMIT $6"
));

/// Lists the generations of an author, newest first, from just before `cursor`: at most `limit`, and the
/// cursor of the next page. Omits those hidden by a refund.
///
/// # Errors
/// Fails if the database fails, or a row cannot be read.
pub async fn list(
    tx: &mut Tx,
    author: &AuthorId,
    filter: &HistoryFilter<'_>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<(Vec<SavedGeneration>, Option<String>), StoreError> {
    // Ids are hexadecimal: under a server's linguistic order a letter sorts after them all.
    let before = cursor.unwrap_or("z");
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let args = args![
        author,
        before,
        filter.text.map(like_pattern).unwrap_or_default(),
        filter.platform.map_or("", Platform::as_str),
        filter.origin.map_or("", Origin::as_str),
        wanted,
    ];
    let rows = tx.all(LIST, args).await?;
    let mut found = rows.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more { found.last().map(|last| last.id.to_string()) } else { None };
    Ok((found, next))
}

/// Returns a pattern that matches the words anywhere, with the wildcards of LIKE escaped.
fn like_pattern(text: &str) -> String {
    let folded = fold(text.trim());
    let mut pattern = String::with_capacity(folded.len() + 2);
    pattern.push('%');
    for letter in folded.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

const GET: Sql = Sql::both(select!("id = $2"));

/// Returns one generation of an author, unless a refund hides it.
///
/// # Errors
/// Fails if the database fails, or the row cannot be read.
pub async fn get(
    tx: &mut Tx,
    author: &AuthorId,
    id: &GenerationId,
) -> Result<Option<SavedGeneration>, StoreError> {
    tx.maybe_one(GET, args![author, id]).await?.as_ref().map(read).transpose()
}

const SET_USED: Sql = Sql::both("UPDATE generations SET used_variant = $3 WHERE author_id = $1 AND id = $2");

/// Marks a variant (1 to 3) as used, or none. Returns false if the author has no such generation.
///
/// # Errors
/// Fails if the database fails.
pub async fn set_used(
    tx: &mut Tx,
    author: &AuthorId,
    id: &GenerationId,
    used: Option<i64>,
) -> Result<bool, StoreError> {
    Ok(tx.execute(SET_USED, args![author, id, used]).await? == 1)
}

fn read(row: &Row) -> Result<SavedGeneration, StoreError> {
    let unreadable = |column| StoreError::Unreadable { column };
    Ok(SavedGeneration {
        id: GenerationId::new(row.text("id")?),
        origin: Origin::parse(&row.text("origin")?).ok_or(unreadable("origin"))?,
        brief: row.text("brief")?,
        platform: Platform::parse(&row.text("platform")?).ok_or(unreadable("platform"))?,
        language: Language::from_code(&row.text("language")?).ok_or(unreadable("language"))?,
        variants: serde_json::from_str(&row.text("variants")?).map_err(|_| unreadable("variants"))?,
        used: row.maybe_int("used_variant")?,
        created_at: row.time("created_at_ms")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_folded_and_its_wildcards_are_letters() {
        assert_eq!(like_pattern(" Crème 100%_! "), "%creme 100!%!_!!%");
    }
}
