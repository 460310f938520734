//! The export of all data stored about an author, for the author.

use postly_domain::{
    PhoneE164, Provider, UnixMillis,
    brand::Brand,
    event::{Content, EventKind, InboundEvent},
    id::AuthorId,
};
use postly_store::{StoreError, authors, checkouts, exports, identities, media, sessions, tokens, wallets};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    Accounts,
    operator::{AuthorSelector, OperatorError},
};

/// All data stored about an author. Times are RFC 3339 in UTC.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// A description of the file, and of the data it leaves out.
    about: &'static str,
    exported_at: String,
    author: ExportedAuthor,
    identities: Vec<ExportedIdentity>,
    credits: ExportedCredits,
    generations: Vec<ExportedGeneration>,
    messages_received: Vec<Received>,
    media: Vec<ExportedMedia>,
    messages_sent: Vec<Sent>,
    sessions: Vec<ExportedSession>,
    tokens: Vec<ExportedToken>,
    purchases: Vec<ExportedPurchase>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedPurchase {
    id: String,
    payment: Option<String>,
    pack: String,
    credits: i64,
    amount: i64,
    currency: String,
    state: &'static str,
    created_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedAuthor {
    id: String,
    email: Option<String>,
    has_password: bool,
    language: &'static str,
    created_at: String,
    number_changed_at: Option<String>,
    brand: Brand,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedIdentity {
    provider: &'static str,
    provider_user_id: Option<String>,
    phone: Option<String>,
    bsuid: Option<String>,
    stopped_at: Option<String>,
}

#[derive(Serialize)]
struct ExportedCredits {
    available: i64,
    held: i64,
    entries: Vec<ExportedEntry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedEntry {
    id: String,
    delta: i64,
    reason: String,
    note: Option<String>,
    reference: Option<String>,
    created_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedGeneration {
    id: String,
    brief: String,
    platform: String,
    language: String,
    /// The text in `variants` was written by this machine (Regulation (EU) 2024/1689, article 50).
    machine_generated: bool,
    writer: String,
    variants: Option<Box<RawValue>>,
    refunded: bool,
    created_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Received {
    provider: &'static str,
    at: String,
    kind: &'static str,
    text: Option<String>,
    outcome: Option<String>,
}

/// A voice note or a photo. The file itself is not stored.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedMedia {
    provider: &'static str,
    at: String,
    kind: &'static str,
    content_type: String,
    bytes: Option<i64>,
    outcome: &'static str,
    /// The words that a model heard in a voice note.
    transcript: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    provider: &'static str,
    at: String,
    purpose: String,
    machine_generated: bool,
    text: String,
    state: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedSession {
    id: String,
    browser: String,
    created_at: String,
    seen_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedToken {
    name: String,
    created_at: String,
    used_at: Option<String>,
}

const ABOUT: &str = "Everything that Postly-AI holds of you. Texts marked machineGenerated were written by a machine. \
     Not in it: hashes of your password and of what you were given once, which cannot be read back.";

impl Accounts {
    /// Returns the export of an author named by an operator.
    ///
    /// # Errors
    /// Fails if no author has this number or id, or if the database fails.
    pub async fn export_of(&self, who: &AuthorSelector) -> Result<Export, OperatorError> {
        let id = self.people.account(who).await?.author.id;
        Ok(self.export(&id).await?)
    }

    /// Returns the export of an author, with at most [`exports::MOST_ROWS`] rows of each kind.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn export(&self, id: &AuthorId) -> Result<Export, StoreError> {
        let now = self.core.now();
        // One snapshot, so that the parts agree. Reading all messages of an author may exceed the limit for
        // statements of a request.
        let mut tx = self.core.db.begin_long_read().await?;
        let author =
            authors::get(&mut tx, id).await?.ok_or(StoreError::Unreadable { column: "author_id" })?;
        let wallet = wallets::get(&mut tx, id).await?;
        let most = usize::try_from(exports::MOST_ROWS).unwrap_or(usize::MAX);
        let (entries, _) = wallets::entries(&mut tx, id, None, most).await?;
        let generations = exports::generations(&mut tx, id).await?;
        let received = exports::events(&mut tx, id).await?;
        let sent = exports::messages(&mut tx, id).await?;
        Ok(Export {
            about: ABOUT,
            exported_at: rfc3339(now),
            author: ExportedAuthor {
                id: author.id.to_string(),
                has_password: authors::password(&mut tx, id).await?.is_some(),
                email: author.email,
                language: author.language.code(),
                created_at: rfc3339(author.created_at),
                number_changed_at: authors::number_changed_at(&mut tx, id).await?.map(rfc3339),
                brand: author.brand,
            },
            identities: identities::of_author(&mut tx, id)
                .await?
                .into_iter()
                .map(|identity| ExportedIdentity {
                    provider: identity.provider.as_str(),
                    provider_user_id: identity.address,
                    phone: identity.phone.as_ref().map(PhoneE164::as_str).map(str::to_owned),
                    bsuid: identity.bsuid,
                    stopped_at: identity.stopped_at.map(rfc3339),
                })
                .collect(),
            credits: ExportedCredits {
                available: wallet.available(),
                held: wallet.held,
                entries: entries
                    .into_iter()
                    .map(|entry| ExportedEntry {
                        id: entry.id.to_string(),
                        delta: entry.delta,
                        reason: entry.reason,
                        note: entry.note,
                        reference: entry.reference,
                        created_at: rfc3339(entry.created_at),
                    })
                    .collect(),
            },
            generations: generations
                .into_iter()
                .map(|posts| ExportedGeneration {
                    id: posts.id,
                    brief: posts.brief,
                    platform: posts.platform,
                    language: posts.language,
                    machine_generated: true,
                    writer: posts.writer,
                    variants: RawValue::from_string(posts.variants).ok(),
                    refunded: posts.refunded,
                    created_at: rfc3339(posts.created_at),
                })
                .collect(),
            messages_received: received
                .into_iter()
                .map(|event| {
                    let text = text_of(event.provider, event.kind, &event.slice);
                    Received {
                        provider: event.provider.as_str(),
                        at: rfc3339(event.occurred_at),
                        kind: event.kind.as_str(),
                        text,
                        outcome: event.outcome,
                    }
                })
                .collect(),
            media: media::of_author(&mut tx, id, exports::MOST_ROWS)
                .await?
                .into_iter()
                .map(|file| ExportedMedia {
                    provider: file.provider.as_str(),
                    at: rfc3339(file.created_at),
                    kind: file.kind.as_str(),
                    content_type: file.content_type,
                    bytes: file.size_bytes,
                    outcome: file.outcome.as_str(),
                    transcript: file.transcript,
                })
                .collect(),
            messages_sent: sent
                .into_iter()
                .map(|message| Sent {
                    provider: message.provider.as_str(),
                    at: rfc3339(message.created_at),
                    machine_generated: message.purpose == "result",
                    purpose: message.purpose,
                    text: message.body,
                    state: message.state,
                })
                .collect(),
            sessions: sessions::of_author(&mut tx, id, now)
                .await?
                .into_iter()
                .map(|session| ExportedSession {
                    id: session.id.to_string(),
                    browser: session.label,
                    created_at: rfc3339(session.created_at),
                    seen_at: rfc3339(session.seen_at),
                })
                .collect(),
            tokens: tokens::of_author(&mut tx, id)
                .await?
                .into_iter()
                .map(|token| ExportedToken {
                    name: token.name,
                    created_at: rfc3339(token.created_at),
                    used_at: token.used_at.map(rfc3339),
                })
                .collect(),
            purchases: checkouts::of_author(&mut tx, id, exports::MOST_ROWS)
                .await?
                .into_iter()
                .map(|checkout| ExportedPurchase {
                    id: checkout.id.to_string(),
                    payment: checkout.payment.map(|payment| payment.to_string()),
                    pack: checkout.pack,
                    credits: checkout.credits,
                    amount: checkout.price.amount,
                    currency: checkout.price.currency.as_str().to_owned(),
                    state: checkout.state.as_str(),
                    created_at: rfc3339(checkout.created_at),
                })
                .collect(),
        })
    }
}

/// Formats an instant as RFC 3339 in UTC.
pub fn rfc3339(at: UnixMillis) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}

/// Returns the text of a stored message, if it has one and it is still stored.
pub(crate) fn text_of(provider: Provider, kind: EventKind, slice: &str) -> Option<String> {
    match postly_whatsapp::parse_event(provider, kind, slice) {
        Ok(InboundEvent::Message(message)) => written(message.content),
        Ok(InboundEvent::Status(_) | InboundEvent::IdentityChange(_) | InboundEvent::Notice(_)) | Err(_) => {
            None
        }
    }
}

/// Returns the text that the author wrote, or the label that they tapped.
fn written(content: Content) -> Option<String> {
    match content {
        Content::Text(text) | Content::Spoken(text) | Content::Caption { text, .. } => Some(text),
        Content::Tap { payload, title } => title.or(payload),
        Content::OwnNumber { phone } => Some(phone.as_str().to_owned()),
        Content::Edit { content, .. } => written(*content),
        Content::Unreadable { .. } | Content::Revoke { .. } | Content::Silent { .. } => None,
    }
}
