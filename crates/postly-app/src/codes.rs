//! One-time codes requested on the web: the rules for sending one, and the channel it takes.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postly_domain::{
    Code, Language, PhoneE164, Provider, Purpose, UnixMillis,
    challenge::LIFETIME_MS,
    delivery::Form,
    id::{AuthorId, ChallengeId, MessageId},
    metric,
};
use postly_i18n::Value;
use postly_store::{
    StoreError, Tx, authors,
    challenges::{self, NewChallenge, Origin, Pool},
    identities::{self, Identity},
    lanes::Queue,
    limits::{self, Limit},
    outbox::{self, NewMessage},
};

use crate::{
    Accounts, CodeTemplates, Core, LoggedIn, People, ProviderNotices,
    conflict::again,
    ids::Fresh as _,
    measure::rate_limited,
    people::open_window,
    seal::{CodeKeys, NoRandomness, Sealed, plain_hash, random},
    sessions::Browser,
};

/// Requests for codes from one address (RULES 3.4: five in five minutes).
const REQUESTS: Limit = Limit { name: "request_otp", window_ms: 5 * 60 * 1000 };
/// Taken by every request that sends a code, because each counts the codes sent before it.
const CODES_LOCK: &str = "codes";

/// The reason why a request for a code was refused.
#[derive(Debug, thiserror::Error)]
pub enum CodeRequestError {
    /// The number cannot be read.
    #[error("the number cannot be read")]
    InvalidPhone,
    /// The request names an account, and there is no session.
    #[error("there is no session")]
    Unauthenticated,
    /// The request names an account other than the session's.
    #[error("the account is not the session's")]
    Forbidden,
    /// Too many requests from this address.
    #[error("too many requests")]
    RateLimited {
        /// The number of seconds until the next request is allowed.
        retry_after_s: i64,
    },
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The system's random generator failed.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// The secret that binds challenges to a browser: 256 random bits. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserToken(String);

impl std::fmt::Debug for BrowserToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BrowserToken")
    }
}

impl BrowserToken {
    /// Returns a new token.
    ///
    /// # Errors
    /// Fails if the system's random generator fails.
    pub fn fresh() -> Result<Self, NoRandomness> {
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?)))
    }

    /// Reads the value of a cookie. `None` if it has not the form of a token.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| Self(text.to_owned()))
    }

    /// Returns the text for the cookie.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> String {
        plain_hash(&self.0)
    }
}

/// The route of a code.
struct Channel {
    provider: Provider,
    business: String,
    address: String,
    form: Form,
    author: Option<AuthorId>,
    language: Language,
}

/// One-time codes: requests, sending and verification.
#[derive(Clone)]
pub struct Codes {
    pub(crate) core: Core,
    pub(crate) accounts: Accounts,
    pub(crate) code_templates: CodeTemplates,
    pub(crate) notices: ProviderNotices,
    pub(crate) people: People,
}

impl Codes {
    /// Requests a code for a number: to log in, or with a session to add the number to its account. The
    /// answer does not tell if a code is sent.
    ///
    /// # Errors
    /// See [`CodeRequestError`].
    pub async fn request_code(
        &self,
        phone: &str,
        user_id: Option<&AuthorId>,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<(), CodeRequestError> {
        match (user_id, session) {
            (Some(_), None) => return Err(CodeRequestError::Unauthenticated),
            (Some(named), Some(session)) if *named != session.session.author => {
                return Err(CodeRequestError::Forbidden);
            }
            (_, _) => {}
        }
        let phone = PhoneE164::parse_asked(phone, &self.core.settings.default_region)
            .map_err(|_| CodeRequestError::InvalidPhone)?;
        again!(self.try_request_code(&phone, session, browser))
    }

    async fn try_request_code(
        &self,
        phone: &PhoneE164,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<(), CodeRequestError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        if let Err(then) = limits::hit(&mut tx, REQUESTS, &self.core.name_hash(&browser.address), now).await?
        {
            rate_limited("codes");
            return Err(CodeRequestError::RateLimited { retry_after_s: then.secs_from(now) });
        }
        let author = session.map(|session| &session.session.author);
        let queued = self.send_code(&mut tx, phone, author, browser, now).await?;
        tx.commit().await?;
        if queued {
            self.core.wakers.wake(Queue::Outbox);
        }
        Ok(())
    }

    /// Opens a challenge and queues its code, if one may be sent. Returns true if it was queued.
    async fn send_code(
        &self,
        tx: &mut Tx,
        phone: &PhoneE164,
        author: Option<&AuthorId>,
        browser: &Browser,
        now: UnixMillis,
    ) -> Result<bool, CodeRequestError> {
        let (purpose, pool) = match author {
            Some(_) => (Purpose::Link, Pool::Link),
            None => (Purpose::Login, Pool::Login),
        };
        let subject = self.core.name_hash(phone.as_str());
        let country = phone.mobile_country().unwrap_or_default();
        let allowed = self.core.settings.allowed_countries.contains(&country);
        if allowed {
            authors::lock_person(tx, CODES_LOCK).await?;
        }
        let spent = challenges::spent(tx, pool, &subject, &country, now).await?;
        let channel = self.channel(tx, phone, author, browser, now).await?;
        let refusal = match &channel {
            _ if !allowed => Some("country"),
            _ if !spent.allows(self.core.settings.code_budgets) => Some("budget"),
            None => Some("channel"),
            Some(_) => None,
        };
        let outcome = refusal.unwrap_or("sent");
        metrics::counter!(metric::OTP, "purpose" => purpose.as_str(), "outcome" => outcome).increment(1);
        let (Some(channel), None) = (channel, refusal) else {
            tracing::info!(purpose = purpose.as_str(), outcome, "A code was asked for, and none is sent");
            return Ok(false);
        };

        let id = ChallengeId::fresh(now);
        let code = CodeKeys::draw()?;
        let hash = self.core.code_keys.code_hash(&id, purpose, phone.as_str(), &code);
        let new = NewChallenge {
            id: &id,
            purpose,
            origin: Origin::Browser,
            browser_hash: Some(&browser.token.hash()),
            phone: Some(phone),
            identity: None,
            author,
            code_hash: Some(&hash),
            secret_hash: None,
            browser_label: "",
            expires_at: now.plus_ms(LIFETIME_MS),
        };
        challenges::open(tx, &new, now).await?;
        challenges::note_send(tx, &id, pool, &subject, &country, now).await?;
        self.queue_code(tx, &id, &channel, phone, &code, now).await?;
        Ok(true)
    }

    async fn queue_code(
        &self,
        tx: &mut Tx,
        challenge: &ChallengeId,
        channel: &Channel,
        phone: &PhoneE164,
        code: &Code,
        now: UnixMillis,
    ) -> Result<(), CodeRequestError> {
        let id = MessageId::fresh(now);
        let sealed = Sealed {
            code: Some(code.as_str().to_owned()),
            language: Some(channel.language),
            text: Some(self.code_text(channel.language, code)),
            ..Sealed::default()
        };
        let lane = self.core.code_lane(channel.provider, &channel.business, phone);
        let message = NewMessage {
            buttons: None,
            id: &id,
            key: &format!("code:{challenge}"),
            lane: &lane,
            author: channel.author.as_ref(),
            provider: channel.provider,
            business: &channel.business,
            address: &channel.address,
            purpose: "code",
            event: None,
            generation: None,
            carries_variant: false,
            reply_to: None,
            body: "",
            form: channel.form,
            sealed: Some(&self.core.code_keys.seal(&id, &sealed)?),
            // A code that has expired is useless.
            expires_at: now.plus_ms(LIFETIME_MS),
        };
        outbox::queue(tx, &message, now).await?;
        self.code_templates.keep_for_template(tx, &message, now).await?;
        Ok(())
    }

    /// Returns the message that carries a code (RULES 4.4).
    pub(crate) fn code_text(&self, language: Language, code: &Code) -> String {
        self.core.catalogue.format(language, "code", &[("code", Value::Text(code.as_str()))])
    }

    /// Returns the route of a code to a number: the provider with an open service window, else the template
    /// of the configured one. `None` if there is no route, or if the author has sent STOP, because the
    /// service then starts no conversation.
    async fn channel(
        &self,
        tx: &mut Tx,
        phone: &PhoneE164,
        session: Option<&AuthorId>,
        browser: &Browser,
        now: UnixMillis,
    ) -> Result<Option<Channel>, StoreError> {
        let identities = identities::by_phone(tx, phone).await?;
        // The owner of the number may have changed: no code is sent until a message has come from it.
        let is_barred = |identity: &Identity| identity.stopped_at.is_some() || identity.phone_doubt.is_some();
        if identities.iter().any(is_barred) {
            return Ok(None);
        }
        let default = self.core.settings.default_provider;
        let author = identities.first().map(|identity| identity.author_id.clone());
        // The language of the reader of the code: the owner of the number, or else the account that links it.
        let language = match author.as_ref().or(session) {
            Some(reader) => authors::get(tx, reader).await?.map(|reader| reader.language),
            None => None,
        };
        let language = language.or(browser.language).unwrap_or(Language::Fr);
        // The configured provider comes first if both windows are open.
        let mut by_preference: Vec<&Identity> = identities.iter().collect();
        by_preference.sort_by_key(|identity| identity.provider != default);
        for identity in by_preference {
            if open_window(tx, identity, now).await?.is_some()
                && let (Some(address), Some(business)) =
                    (identity.address.clone(), self.core.routes.business(identity.provider))
            {
                let provider = identity.provider;
                return Ok(Some(Channel { provider, business, address, form: Form::Code, author, language }));
            }
        }
        let Some(provider) = self.notices.starting_provider(tx, language).await? else { return Ok(None) };
        let Some(business) = self.core.routes.business(provider) else { return Ok(None) };
        let known = identities.iter().find(|identity| identity.provider == provider);
        let address = known.and_then(|identity| identity.address.clone());
        // A code goes to a number, even if the provider names the author otherwise.
        let address = address.filter(|address| PhoneE164::from_provider(address).is_some());
        let address = address.unwrap_or_else(|| phone.as_str().to_owned());
        Ok(Some(Channel { provider, business, address, form: Form::Template, author, language }))
    }
}
