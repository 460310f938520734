//! One-time codes asked for on the web: whether one leaves, how, and for whom.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postly_domain::{
    Code, Language, PhoneE164, Provider, Purpose, UnixMillis,
    challenge::LIFETIME_MS,
    delivery::Form,
    id::{AuthorId, ChallengeId, MessageId},
    metric,
    time::SERVICE_WINDOW_SECS,
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
    App, LoggedIn,
    conflict::again,
    ids::Fresh as _,
    measure::rate_limited,
    seal::{CodeKeys, NoRandomness, Sealed, plain_hash, random},
    sessions::Browser,
};

/// Requests for codes from one address (RULES 3.4: five in five minutes).
const REQUESTS: Limit = Limit { name: "request_otp", window_ms: 5 * 60 * 1000 };
/// How much of the service window we leave unused: a message takes its time to arrive.
const WINDOW_MARGIN_MS: i64 = 60 * 1000;
/// Everybody who sends a code counts what was sent before, one after the other.
const CODES_LOCK: &str = "codes";

/// Why no code was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CodeRequestError {
    /// The number cannot be read.
    #[error("the number cannot be read")]
    InvalidPhone,
    /// It names an account, and there is no session.
    #[error("there is no session")]
    Unauthenticated,
    /// It names an account that is not the session's.
    #[error("the account is not the session's")]
    Forbidden,
    /// Too many from this address.
    #[error("too many requests")]
    RateLimited {
        /// When the next may come, in seconds from now.
        retry_after_s: i64,
    },
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The system's random generator failed.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// The secret by which a browser's challenges are told from another's: 256 random bits. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserToken(String);

impl std::fmt::Debug for BrowserToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BrowserToken")
    }
}

impl BrowserToken {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn fresh() -> Result<Self, NoRandomness> {
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?)))
    }

    /// Reads what a cookie holds. `None` when it is none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| Self(text.to_owned()))
    }

    /// The text for the cookie.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> String {
        plain_hash(&self.0)
    }
}

/// How a code would leave.
struct Channel {
    provider: Provider,
    business: String,
    address: String,
    form: Form,
    author: Option<AuthorId>,
    language: Language,
}

impl App {
    /// Asks for a code for a number: to log in, or with a session to join the number to its account. Whether one is
    /// sent does not show.
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
        let phone = PhoneE164::parse_asked(phone, &self.0.settings.default_region)
            .map_err(|_| CodeRequestError::InvalidPhone)?;
        again!(self.try_request_code(&phone, session, browser))
    }

    async fn try_request_code(
        &self,
        phone: &PhoneE164,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<(), CodeRequestError> {
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        if let Err(then) = limits::hit(&mut tx, REQUESTS, &self.name_hash(&browser.address), now).await? {
            rate_limited("codes");
            return Err(CodeRequestError::RateLimited { retry_after_s: then.secs_from(now) });
        }
        let author = session.map(|session| &session.session.author);
        let queued = self.send_code(&mut tx, phone, author, browser, now).await?;
        tx.commit().await?;
        if queued {
            self.0.wakers.wake(Queue::Outbox);
        }
        Ok(())
    }

    /// Opens a challenge and queues its code, if one may be sent. Returns whether it was.
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
        let subject = self.name_hash(phone.as_str());
        let country = phone.mobile_country().unwrap_or_default();
        let allowed = self.0.settings.allowed_countries.contains(&country);
        if allowed {
            authors::lock_person(tx, CODES_LOCK).await?;
        }
        let spent = challenges::spent(tx, pool, &subject, &country, now).await?;
        let channel = self.channel(tx, phone, now).await?;
        let refusal = match &channel {
            _ if !allowed => Some("country"),
            _ if !spent.allows(self.0.settings.code_budgets) => Some("budget"),
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
        let hash = self.0.peppers.code_hash(&id, purpose, phone.as_str(), &code);
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
        let lane = self.code_lane(channel.provider, &channel.business, phone);
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
            sealed: Some(&self.0.peppers.seal(&id, &sealed)?),
            // Nobody needs a code that has ended.
            expires_at: now.plus_ms(LIFETIME_MS),
        };
        outbox::queue(tx, &message, now).await?;
        self.keep_for_template(tx, &message, now).await?;
        Ok(())
    }

    /// The lane of the codes that browsers ask for: what waits in the conversation for a provider that is down, or for its
    /// turn, must not outlast them.
    pub(crate) fn code_lane(&self, provider: Provider, business: &str, phone: &PhoneE164) -> String {
        self.lane(&format!("{}#code", postly_whatsapp::conversation_lane(provider, business, phone)))
    }

    /// The message that brings a code (RULES 4.4).
    pub(crate) fn code_text(&self, language: Language, code: &Code) -> String {
        self.0.catalogue.format(language, "code", &[("code", Value::Text(code.as_str()))])
    }

    /// How a code would reach a number: by the provider whose service window is open, else by the template of the
    /// configured one. `None` when it cannot, or may not: she said STOP, and we start nothing.
    async fn channel(
        &self,
        tx: &mut Tx,
        phone: &PhoneE164,
        now: UnixMillis,
    ) -> Result<Option<Channel>, StoreError> {
        let identities = identities::by_phone(tx, phone).await?;
        // A number whose owner may be another by now gets no code until a message has come from it.
        let is_barred = |identity: &Identity| identity.stopped_at.is_some() || identity.phone_doubt.is_some();
        if identities.iter().any(is_barred) {
            return Ok(None);
        }
        let default = self.0.settings.default_provider;
        let author = identities.first().map(|identity| identity.author_id.clone());
        let language = match &author {
            Some(author) => authors::get(tx, author).await?.map_or(Language::Fr, |author| author.language),
            None => Language::Fr,
        };
        // The configured provider first, where both windows are open.
        let mut by_preference: Vec<&Identity> = identities.iter().collect();
        by_preference.sort_by_key(|identity| identity.provider != default);
        for identity in by_preference {
            if self.open_window(tx, identity, now).await?.is_some()
                && let (Some(address), Some(business)) =
                    (identity.address.clone(), self.0.routes.business(identity.provider))
            {
                let provider = identity.provider;
                return Ok(Some(Channel { provider, business, address, form: Form::Code, author, language }));
            }
        }
        let Some(provider) = self.starting_provider(tx, language).await? else { return Ok(None) };
        let Some(business) = self.0.routes.business(provider) else { return Ok(None) };
        let known = identities.iter().find(|identity| identity.provider == provider);
        let address = known.and_then(|identity| identity.address.clone());
        // A code goes to a number, also when she is named otherwise there.
        let address = address.filter(|address| PhoneE164::from_provider(address).is_some());
        let address = address.unwrap_or_else(|| phone.as_str().to_owned());
        Ok(Some(Channel { provider, business, address, form: Form::Template, author, language }))
    }

    /// When the service window of this identity closes, while free-form text still reaches her through it.
    pub(crate) async fn open_window(
        &self,
        tx: &mut Tx,
        identity: &Identity,
        now: UnixMillis,
    ) -> Result<Option<UnixMillis>, StoreError> {
        let heard = identities::last_heard(tx, &identity.author_id, identity.provider).await?;
        let ends_at = heard.map(|at| at.plus_secs(SERVICE_WINDOW_SECS));
        Ok(ends_at.filter(|ends_at| ends_at.since_ms(now) > WINDOW_MARGIN_MS))
    }
}
