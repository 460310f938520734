//! The page of one author, and the search by id, number or e-mail address.

use postly_domain::{Email, PhoneE164, UnixMillis, id::AuthorId};
use postly_store::{
    StoreError, authors, handoffs, identities,
    timeline::{self, StoredGeneration, StoredMessage},
    wallets::{self, Entry},
};

use super::payments::{PaymentLine, payment_lines};
use crate::{
    Admin,
    export::text_of,
    operator::{AuthorDetails, AuthorSelector, OperatorError},
    people::find_author,
};

/// The number of rows of a kind on a page.
const PAGE: usize = 20;
/// The longest text by which an author is looked up, in bytes: an e-mail address.
const LONGEST_NAME: usize = 254;

/// A text that names no author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no id, number or e-mail address")]
pub struct NameError;

/// A message of a conversation, in either direction.
#[derive(Debug, Clone)]
pub struct Line {
    /// The id of the event if the author wrote it, else of the outgoing message.
    pub id: String,
    /// True if the author wrote it.
    pub is_theirs: bool,
    /// The text, if there is one and it is still stored.
    pub text: String,
    /// The purpose of an outgoing message, or the outcome of an event.
    pub about: String,
    /// The state of the event or message.
    pub state: String,
    /// The time at which it was stored.
    pub at: UnixMillis,
}

/// One author.
#[derive(Debug, Clone)]
pub struct AuthorPage {
    /// The person, the wallet, and the identities.
    pub details: AuthorDetails,
    /// Credits that were withdrawn after they were spent.
    pub debt: i64,
    /// A page of the statement, newest first, each entry with its maker, if an operator made it.
    pub entries: Vec<(Entry, Option<String>)>,
    /// The cursor of the next page of the statement.
    pub next: Option<String>,
    /// The newest messages of both directions, newest first.
    pub lines: Vec<Line>,
    /// The newest generations, newest first.
    pub generations: Vec<StoredGeneration>,
    /// The newest payments, newest first.
    pub payments: Vec<PaymentLine>,
    /// The open request for a person, by its id.
    pub handoff: Option<String>,
}

impl Admin {
    /// Reads the text that names an author: an id, an e-mail address, or a number as `postly users show`
    /// reads it.
    ///
    /// # Errors
    /// [`NameError`] for anything else.
    pub fn author_named(&self, text: &str) -> Result<AuthorSelector, NameError> {
        let text = text.trim();
        if text.len() > LONGEST_NAME || text.contains('\0') {
            return Err(NameError);
        }
        if text.contains('@') {
            return Email::parse(text).map(AuthorSelector::Email).map_err(|_| NameError);
        }
        if uuid::Uuid::try_parse(text).is_ok() {
            return Ok(AuthorSelector::Id(AuthorId::new(text.to_ascii_lowercase())));
        }
        let region = &self.core.settings.default_region;
        // A number that is in no numbering plan may have written to us nevertheless.
        let phone = PhoneE164::parse_typed(text, region).or_else(|_| PhoneE164::parse_asked(text, region));
        phone.map(AuthorSelector::Phone).map_err(|_| NameError)
    }

    /// Returns the operator's page of an author.
    ///
    /// # Errors
    /// Fails if no author has this number, id or address, or if the database fails.
    pub async fn author_page(
        &self,
        who: &AuthorSelector,
        cursor: Option<&str>,
    ) -> Result<AuthorPage, OperatorError> {
        let mut tx = self.core.db.read().await?;
        let id = find_author(&mut tx, who).await?.ok_or(OperatorError::UnknownAuthor)?;
        let author = authors::get(&mut tx, &id).await?.ok_or(OperatorError::UnknownAuthor)?;
        let (found, next) = wallets::entries(&mut tx, &id, cursor, PAGE).await?;
        let mut entries = Vec::with_capacity(found.len());
        for entry in found {
            let made_by = wallets::signed_by(&mut tx, &entry.id).await?;
            entries.push((entry, made_by));
        }
        let open = handoffs::of_author(&mut tx, &id).await?;
        let generations = timeline::generations_of(&mut tx, &id, most()).await?;
        let payments = payment_lines(&mut tx, &id, most()).await?;
        let details = AuthorDetails {
            wallet: wallets::get(&mut tx, &id).await?,
            identities: identities::of_author(&mut tx, &id).await?,
            author,
        };
        let debt = wallets::debt(&mut tx, &id).await?;
        drop(tx);
        let lines = self.conversation(&id).await?;
        Ok(AuthorPage { details, debt, entries, next, lines, generations, payments, handoff: open })
    }

    /// Returns the newest messages of an author in both directions, newest first.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn conversation(&self, author: &AuthorId) -> Result<Vec<Line>, StoreError> {
        let mut tx = self.core.db.read().await?;
        let theirs = timeline::events_of(&mut tx, author, most()).await?.into_iter().map(|event| Line {
            text: text_of(event.provider, event.kind, &event.slice).unwrap_or_default(),
            id: event.id.to_string(),
            is_theirs: true,
            about: event.outcome.unwrap_or_default(),
            state: event.state,
            at: event.received_at,
        });
        let ours = timeline::messages_of(&mut tx, author, most()).await?.into_iter().map(our_line);
        let mut lines: Vec<Line> = theirs.chain(ours).collect();
        lines.sort_by(|one, other| other.at.cmp(&one.at).then_with(|| other.id.cmp(&one.id)));
        lines.truncate(PAGE);
        Ok(lines)
    }
}

fn our_line(message: StoredMessage) -> Line {
    let StoredMessage { id, purpose, body, state, created_at, .. } = message;
    Line { id: id.to_string(), is_theirs: false, text: body, about: purpose, state, at: created_at }
}

fn most() -> i64 {
    i64::try_from(PAGE).unwrap_or(i64::MAX)
}
