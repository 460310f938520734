//! The outcomes of files that authors sent. A file itself is never stored.

use postly_domain::{
    Provider, UnixMillis,
    id::{AuthorId, EventId},
    media::MediaKind,
};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

/// The outcome of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaOutcome {
    /// The file was read: a voice note has a transcript, a photo was sent to the model.
    Taken,
    /// The download or the model failed.
    Failed,
    /// It is longer or larger than allowed.
    TooLong,
    /// The recording has no speech.
    NoSpeech,
    /// The type is not accepted, or the file is damaged.
    Unusable,
}

impl MediaOutcome {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Failed => "failed",
            Self::TooLong => "too_long",
            Self::NoSpeech => "no_speech",
            Self::Unusable => "unusable",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Taken, Self::Failed, Self::TooLong, Self::NoSpeech, Self::Unusable]
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }
}

/// A file and its outcome.
#[derive(Clone)]
pub struct MediaRow {
    /// The event of its message.
    pub event: EventId,
    /// The author of the message.
    pub author: AuthorId,
    /// The provider of the message.
    pub provider: Provider,
    /// Its kind.
    pub kind: MediaKind,
    /// Its content type: by its first bytes, else as declared.
    pub content_type: String,
    /// Its size in bytes, if it was downloaded.
    pub size_bytes: Option<i64>,
    /// Its outcome.
    pub outcome: MediaOutcome,
    /// The transcript of a voice note.
    pub transcript: Option<String>,
    /// The time at which it was read.
    pub created_at: UnixMillis,
}

const INSERT: Sql = Sql::both(
    "INSERT INTO media (event_id, author_id, provider, kind, content_type, size_bytes, outcome, transcript, created_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (event_id) DO NOTHING",
);

/// Records the outcome of a file. The first record of a message stays.
///
/// # Errors
/// Fails if the database fails.
pub async fn record(tx: &mut Tx, row: &MediaRow) -> Result<(), StoreError> {
    let args = args![
        &row.event,
        &row.author,
        row.provider,
        row.kind.as_str(),
        &row.content_type,
        row.size_bytes,
        row.outcome.as_str(),
        row.transcript.as_deref(),
        row.created_at,
    ];
    tx.execute(INSERT, args).await?;
    Ok(())
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT event_id, author_id, provider, kind, content_type, size_bytes, outcome, transcript, created_at_ms ",
            "FROM media WHERE ",
            $rest
        )
    };
}
const OF_EVENT: Sql = Sql::both(select!("event_id = $1"));
const OF_AUTHOR: Sql = Sql::both(select!(
    "author_id IN (SELECT id FROM authors WHERE id = $1 OR merged_into_id = $1) ORDER BY created_at_ms, event_id LIMIT $2"
));

/// Returns the file of a message, if its outcome is recorded.
///
/// # Errors
/// Fails if the database fails, or the row cannot be read.
pub async fn of_event(tx: &mut Tx, event: &EventId) -> Result<Option<MediaRow>, StoreError> {
    tx.maybe_one(OF_EVENT, args![event]).await?.as_ref().map(read).transpose()
}

const PHOTO_SINCE: Sql = Sql::both(
    "SELECT event_id FROM media WHERE author_id = $1 AND kind = 'photo' AND outcome = 'taken' AND created_at_ms > $2 \
     AND event_id <> $3 LIMIT 1",
);

/// True if a photo of the author, other than that of this message, was read after an instant.
///
/// # Errors
/// Fails if the database fails.
pub async fn has_photo_since(
    tx: &mut Tx,
    author: &AuthorId,
    since: UnixMillis,
    event: &EventId,
) -> Result<bool, StoreError> {
    Ok(tx.maybe_one(PHOTO_SINCE, args![author, since, event]).await?.is_some())
}

/// The files of an author, oldest first, at most `most`.
///
/// # Errors
/// As [`of_event`].
pub async fn of_author(tx: &mut Tx, author: &AuthorId, most: i64) -> Result<Vec<MediaRow>, StoreError> {
    tx.all(OF_AUTHOR, args![author, most]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<MediaRow, StoreError> {
    let unreadable = |column| StoreError::Unreadable { column };
    Ok(MediaRow {
        event: EventId::new(row.text("event_id")?),
        author: AuthorId::new(row.text("author_id")?),
        provider: row.provider("provider")?,
        kind: MediaKind::parse(&row.text("kind")?).ok_or(unreadable("kind"))?,
        content_type: row.text("content_type")?,
        size_bytes: row.maybe_int("size_bytes")?,
        outcome: MediaOutcome::parse(&row.text("outcome")?).ok_or(unreadable("outcome"))?,
        transcript: row.maybe_text("transcript")?,
        created_at: row.time("created_at_ms")?,
    })
}
