//! Photos, shown to the model in the call that writes. A photo with a caption is a brief in any case; one
//! without a caption is a brief only for a model that sees.

use postly_domain::{
    Brief,
    event::{Content, IgnoreRule, InboundMessage},
    id::AuthorId,
    media::MediaKind,
};
use postly_pipeline::Picture;
use postly_store::{
    StoreError, Tx,
    inbox::Outcome,
    media::{self, MediaOutcome, MediaRow},
    outbox,
    questions::Reason,
};
use postly_whatsapp::{Download, MediaError};

use crate::{Generator, JourneyError, generate::Work, turn::Turn, voice::outcome_of};

/// A photo within this time after another was sent together with it, because the author cannot have seen the
/// first result yet.
const ALBUM_MS: i64 = 5_000;

/// The photo of a message, and the result of its download.
pub(crate) struct Photo {
    row: MediaRow,
    download: Result<Download, MediaError>,
    is_alone: bool,
}

impl Photo {
    /// Returns the picture for the model, if the download succeeded.
    pub(crate) fn picture(&self) -> Option<Picture> {
        let file = self.download.as_ref().ok()?.file.clone();
        Some(Picture { file, is_alone: self.is_alone })
    }

    /// True if there is nothing to write from: a photo without a caption that could not be downloaded.
    pub(crate) fn is_missed(&self) -> bool {
        self.is_alone && self.download.is_err()
    }

    /// Records the photo and its outcome, for the paying author.
    pub(crate) async fn record(&self, tx: &mut Tx, author: &AuthorId) -> Result<(), StoreError> {
        media::record(tx, &MediaRow { author: author.clone(), ..self.row.clone() }).await
    }
}

/// True for a photo without a caption.
pub(crate) fn is_photo_alone(message: &InboundMessage) -> bool {
    let is_photo = message.media.as_ref().is_some_and(|media| media.kind == MediaKind::Photo);
    is_photo && matches!(message.content, Content::Unreadable { .. })
}

impl Generator {
    /// Downloads the photo of a message for a model that sees. No transaction is open.
    pub(crate) async fn photo_of(&self, turn: &Turn<'_>, work: &Work) -> Option<Photo> {
        let media = turn.message.media.as_ref().filter(|media| media.kind == MediaKind::Photo)?;
        // A change does not use the photo: its posts exist already.
        if work.change.is_some() || !self.writer.sees() {
            return None;
        }
        let download = self.senders.download(turn.event.provider, media).await;
        let file = download.as_ref().ok().map(|download| &download.file);
        let row = MediaRow {
            event: turn.event.id.clone(),
            author: turn.person.author.id.clone(),
            provider: turn.event.provider,
            kind: MediaKind::Photo,
            content_type: match file {
                Some(file) => file.file_type.content_type().to_owned(),
                None => media.content_type.clone(),
            },
            size_bytes: file.and_then(|file| i64::try_from(file.bytes.len()).ok()),
            outcome: download.as_ref().map_or_else(|error| outcome_of(*error), |_| MediaOutcome::Taken),
            transcript: None,
            created_at: self.core.now(),
        };
        Some(Photo { row, download, is_alone: is_photo_alone(turn.message) })
    }

    /// Writes from a photo without a caption. Of several photos sent together, one is used and paid for.
    pub(crate) async fn write_from_photo(&self, mut tx: Tx, turn: &Turn<'_>) -> Result<(), JourneyError> {
        let Turn { claimed, event, message, person, .. } = *turn;
        let author = &person.author;
        if turn.is_late() {
            self.replies.release_stale_hold(&mut tx, event, turn.now).await?;
            let reply = self.replies.say(person, "late_brief", "late-photo");
            return self.replies.reply_and_finish(tx, claimed, event, message, person, reply).await;
        }
        let before = event.occurred_at.plus_ms(-ALBUM_MS);
        if !media::has_photo_since(&mut tx, &author.id, before, &event.id).await? {
            let brief = self.photo_brief(turn)?;
            return self.generate(tx, turn, Work { brief, is_explicit: false, change: None }).await;
        }
        self.replies.release_stale_hold(&mut tx, event, turn.now).await?;
        if outbox::queued_since(&mut tx, &claimed.lane, "photo_album", before).await? > 0 {
            let outcome = Outcome::Ignored(IgnoreRule::SaidAlready);
            return self.replies.finish(tx, claimed, event, Some(&author.id), &outcome).await;
        }
        let reply = self.replies.say(person, "photo_album", "photo-album");
        self.replies.reply_and_finish(tx, claimed, event, message, person, reply).await
    }

    /// Returns the brief for a photo without a caption: the one that the author was asked to complete, else a
    /// fixed text.
    fn photo_brief(&self, turn: &Turn<'_>) -> Result<Brief, JourneyError> {
        let text = match turn.question(Reason::Vague) {
            Some(question) => question.about.clone(),
            None => self.core.catalogue.text(turn.person.author.language, "photo-brief"),
        };
        Brief::parse(&text).map_err(|_| JourneyError::Missing("the brief of a photo"))
    }
}
