//! Downloads of voice notes and photos: from the providers' hosts only, and within the size limit of the
//! kind.
//!
//! The address of a file comes from a signed webhook or the provider's own API, and is still compared with
//! the list of hosts. Credentials are sent to the provider, never to the storage to which it redirects.

use std::{sync::Arc, time::Duration};

use postly_domain::{
    Provider,
    media::{FileType, InboundMedia, MediaFile, MediaSource},
};
use reqwest::{RequestBuilder, Response, Url, header::CONTENT_TYPE, header::LOCATION};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use crate::send::{MetaSender, Senders, TwilioSender, read, url};

/// The time limit of a download, with every try: an author waits, and a lane is leased.
const LONGEST: Duration = Duration::from_secs(12);
/// The pauses before another try. Twilio briefly answers 404 for a new file (chatwoot/chatwoot#15504), and an
/// address of Meta's expires after five minutes.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_500)];
/// The memory for files, in bytes, of all downloads that a process holds. A voice note has some 100 KB; the
/// copy in a request to a model is not included.
const ROOM: usize = 128 * 1024 * 1024;
/// The unit in which that memory is reserved.
const ROOM_UNIT: usize = 64 * 1024;

/// Meta's storage ("Media": `lookaside.fbsbx.com`; it needs the token, too).
const META_STORAGE: &[&str] = &["lookaside.fbsbx.com"];
/// Twilio's storage, to which its API redirects. Its addresses are signed, and need no credentials.
const TWILIO_STORAGE: &[&str] = &["mms.twiliocdn.com", "media.twiliocdn.com"];

/// The reason why a file was not downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The provider of the message is not configured.
    #[error("the provider of the file is not configured")]
    NotConfigured,
    /// The address, or the one to which it redirects, is not one of the provider's.
    #[error("the address of the file is none of its provider's")]
    ForbiddenAddress,
    /// The file is larger than its kind allows.
    #[error("the file is too large")]
    TooLarge,
    /// The file has another type than declared, or one that no model accepts.
    #[error("the file is of a type that is not taken")]
    WrongType,
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// The provider no longer has the file.
    #[error("the provider does not have the file")]
    Gone,
    /// The provider refused the request.
    #[error("the provider refused the file with status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The provider could not be reached, closed the connection, or took too long.
    #[error("the file could not be had in time")]
    Unavailable,
}

/// A downloaded file, with its share of the memory.
#[derive(Debug)]
pub struct Download {
    /// The file.
    pub file: MediaFile,
    _room: OwnedSemaphorePermit,
}

/// The memory for files, as a semaphore.
pub(crate) fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(ROOM / ROOM_UNIT))
}

impl Senders {
    /// Downloads the file of a message, within 12 s.
    ///
    /// # Errors
    /// See [`MediaError`]. Only hosts of the provider are called.
    pub async fn download(&self, provider: Provider, media: &InboundMedia) -> Result<Download, MediaError> {
        if !media.kind.takes(&media.content_type) {
            return Err(MediaError::WrongType);
        }
        let all = async {
            let mut pauses = PAUSES.into_iter();
            loop {
                match self.try_download(provider, media).await {
                    Err(error @ (MediaError::Gone | MediaError::Unavailable)) => match pauses.next() {
                        Some(pause) => sleep(pause).await,
                        None => return Err(error),
                    },
                    done => return done,
                }
            }
        };
        let downloaded = timeout(LONGEST, all).await.unwrap_or(Err(MediaError::Unavailable));
        if let Err(error) = &downloaded {
            tracing::info!(provider = provider.as_str(), kind = media.kind.as_str(), %error, "No file: {error}");
        }
        downloaded
    }

    async fn try_download(&self, provider: Provider, media: &InboundMedia) -> Result<Download, MediaError> {
        let response = match (provider, &self.meta, &self.twilio) {
            (Provider::Meta, Some(meta), _) => meta.fetch(&self.downloads, media).await?,
            (Provider::Twilio, _, Some(twilio)) => twilio.fetch(&self.downloads, media).await?,
            (Provider::Meta, None, _) | (Provider::Twilio, _, None) => return Err(MediaError::NotConfigured),
        };
        self.take(response, media).await
    }

    /// Reads a file up to the limit of its kind, and checks its type and hash.
    async fn take(&self, mut response: Response, media: &InboundMedia) -> Result<Download, MediaError> {
        let most = media.kind.most_bytes();
        let announced = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if announced.is_some_and(|length| length > most) {
            return Err(MediaError::TooLarge);
        }
        if !is_plausible(&response, media) {
            return Err(MediaError::WrongType);
        }
        let units = announced.unwrap_or(most).div_ceil(ROOM_UNIT).max(1);
        let units = u32::try_from(units).map_err(|_| MediaError::TooLarge)?;
        let room = Arc::clone(&self.room).acquire_many_owned(units).await;
        let room = room.map_err(|_| MediaError::Unavailable)?;
        let mut bytes = Vec::with_capacity(announced.unwrap_or_default());
        while let Some(chunk) = response.chunk().await.map_err(|_| MediaError::Unavailable)? {
            if bytes.len() + chunk.len() > announced.unwrap_or(most) {
                return Err(MediaError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        if bytes.is_empty() {
            return Err(MediaError::Empty);
        }
        let file_type = FileType::of(&bytes).filter(|found| found.kind() == media.kind);
        let file_type = file_type.ok_or(MediaError::WrongType)?;
        if media.sha256.is_some_and(|expected| Sha256::digest(&bytes)[..] != expected) {
            // Truncated or replaced on the way: another try may succeed.
            return Err(MediaError::Unavailable);
        }
        Ok(Download { file: MediaFile { file_type, bytes: bytes.into() }, _room: room })
    }
}

/// True unless the storage declares another type, such as the page of a login.
fn is_plausible(response: &Response, media: &InboundMedia) -> bool {
    let Some(declared) = response.headers().get(CONTENT_TYPE) else { return true };
    let declared = declared.to_str().unwrap_or_default().to_ascii_lowercase();
    let general = ["application/octet-stream", "binary/octet-stream", "application/ogg"];
    media.kind.takes(&declared) || general.iter().any(|name| declared.starts_with(name))
}

impl MetaSender {
    /// Exchanges the id of a file for its address, and requests the file there. Both need the token.
    async fn fetch(&self, http: &reqwest::Client, media: &InboundMedia) -> Result<Response, MediaError> {
        let MediaSource::Id(id) = &media.source else { return Err(MediaError::ForbiddenAddress) };
        let token = self.config.access_token.expose_secret();
        let base = &self.config.base_url;
        let node = url(base, &[&self.config.version, id]).ok_or(MediaError::ForbiddenAddress)?;
        let answer = answered(http.get(node).bearer_auth(token)).await?;
        let node = read(answer).await.ok_or(MediaError::Unavailable)?;
        let size = node.get("file_size").and_then(Value::as_u64);
        if size.is_some_and(|size| size > u64::try_from(media.kind.most_bytes()).unwrap_or(u64::MAX)) {
            return Err(MediaError::TooLarge);
        }
        let address = node.get("url").and_then(Value::as_str).ok_or(MediaError::Unavailable)?;
        let address = allowed(address, base, META_STORAGE).ok_or(MediaError::ForbiddenAddress)?;
        answered(http.get(address).bearer_auth(token)).await
    }
}

impl TwilioSender {
    /// Requests a file from the API, and follows one redirect to the storage, without credentials.
    async fn fetch(&self, http: &reqwest::Client, media: &InboundMedia) -> Result<Response, MediaError> {
        let MediaSource::Url(address) = &media.source else { return Err(MediaError::ForbiddenAddress) };
        let base = &self.config.api_base_url;
        let address = allowed(address, base, &[]).filter(|address| self.is_of_a_message(address));
        let address = address.ok_or(MediaError::ForbiddenAddress)?;
        let token = self.config.auth_token.expose_secret();
        let request = http.get(address.clone()).basic_auth(&self.config.account_sid, Some(token));
        let response = request.send().await.map_err(|_| MediaError::Unavailable)?;
        if !response.status().is_redirection() {
            return checked(response);
        }
        let next = response.headers().get(LOCATION).and_then(|next| next.to_str().ok());
        let next = next.and_then(|next| address.join(next).ok()).ok_or(MediaError::Unavailable)?;
        let next = allowed(next.as_str(), base, TWILIO_STORAGE).ok_or(MediaError::ForbiddenAddress)?;
        answered(http.get(next)).await
    }

    /// True for `/2010-04-01/Accounts/{ours}/Messages/{sid}/Media/{sid}`: our credentials admit to much more.
    fn is_of_a_message(&self, address: &Url) -> bool {
        let base = Url::parse(&self.config.api_base_url).ok();
        let before = base.as_ref().map_or("", |base| base.path().trim_end_matches('/'));
        let Some(path) = address.path().strip_prefix(before) else { return false };
        let is_sid = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        match path.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice() {
            ["2010-04-01", "Accounts", account, "Messages", message, "Media", media] => {
                *account == self.config.account_sid && is_sid(message) && is_sid(media)
            }
            _ => false,
        }
    }
}

/// Returns an address that may be called: one of the configured origin, or of these hosts by HTTPS.
fn allowed(address: &str, base: &str, storage: &[&str]) -> Option<Url> {
    let (url, base) = (Url::parse(address).ok()?, Url::parse(base).ok()?);
    let is_web = matches!(url.scheme(), "http" | "https");
    let has_login = !url.username().is_empty() || url.password().is_some();
    let is_stored = url.scheme() == "https"
        && url.port().is_none()
        && storage.contains(&url.host_str().unwrap_or_default());
    (is_web && !has_login && (url.origin() == base.origin() || is_stored)).then_some(url)
}

async fn answered(request: RequestBuilder) -> Result<Response, MediaError> {
    checked(request.send().await.map_err(|_| MediaError::Unavailable)?)
}

fn checked(response: Response) -> Result<Response, MediaError> {
    match response.status().as_u16() {
        200 => Ok(response),
        404 | 410 => Err(MediaError::Gone),
        300..=399 => Err(MediaError::ForbiddenAddress),
        429 | 500.. => Err(MediaError::Unavailable),
        status => Err(MediaError::Refused { status }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s01_only_the_origin_of_the_configuration_and_the_storage_by_https_may_be_called() {
        let base = "https://graph.facebook.com";
        for address in [
            "https://graph.facebook.com/v25.0/1",
            "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
            "https://LOOKASIDE.fbsbx.com/a",
        ] {
            assert!(allowed(address, base, META_STORAGE).is_some(), "{address}");
        }
        for address in [
            "http://lookaside.fbsbx.com/a",
            "https://lookaside.fbsbx.com:8443/a",
            "https://lookaside.fbsbx.com.example/a",
            "https://lookaside.fbsbx.com@169.254.169.254/a",
            "https://me:secret@lookaside.fbsbx.com/a",
            "https://xlookaside.fbsbx.com/a",
            "https://fbsbx.com/a",
            "http://graph.facebook.com/v25.0/1",
            "https://graph.facebook.com:444/v25.0/1",
            "https://mms.twiliocdn.com/a",
            "https://127.0.0.1/a",
            "http://169.254.169.254/latest/meta-data",
            "https://[::ffff:127.0.0.1]/",
            "http://2130706433/",
            "file:///etc/passwd",
            "//lookaside.fbsbx.com/a",
            "",
        ] {
            assert_eq!(allowed(address, base, META_STORAGE), None, "{address}");
        }
        // The simulated provider of a test or of the demo is called at its configured origin.
        let simulated = "http://127.0.0.1:4010";
        assert!(allowed("http://127.0.0.1:4010/media/1", simulated, META_STORAGE).is_some());
        assert_eq!(allowed("http://127.0.0.1:4011/media/1", simulated, META_STORAGE), None);
        assert_eq!(allowed("http://localhost:4010/media/1", simulated, META_STORAGE), None);
    }
}
