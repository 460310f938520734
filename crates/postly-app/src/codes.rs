//! One-time codes asked for on the web, and codes typed there, wherever they were asked for.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postly_domain::{
    Code, Language, PhoneE164, Provider, Purpose, UnixMillis,
    challenge::{LIFETIME_MS, WRONG_TRIES_A_DAY},
    delivery::Form,
    id::{AuthorId, ChallengeId, MessageId},
    time::SERVICE_WINDOW_SECS,
};
use postly_store::{
    StoreError, Tx,
    authors::{self, Identity},
    challenges::{self, Challenge, NewChallenge, Origin, Pool, Typed},
    lanes::Queue,
    limits::{self, Limit},
    outbox::{self, NewMessage},
};

use crate::{
    App, LoggedIn,
    accounts::Profile,
    again::Again,
    catalogue::Value,
    ids::Fresh as _,
    link::LinkOutcome,
    seal::{NoRandomness, Peppers, Sealed, plain_hash, random},
    sessions::{Browser, SessionCookie},
};

/// Requests for codes from one address (PRODUCT 5: five in five minutes).
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

/// Why a code opened nothing.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Wrong, used, too old, of another browser, number or purpose: nobody learns which.
    #[error("the code opens nothing")]
    Invalid,
    /// The code is right, and the number belongs to a full account.
    #[error("the number belongs to another account")]
    NumberTaken,
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The system's random generator failed.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// What a right code did.
#[derive(Debug)]
pub enum Verified {
    /// It opened a session.
    LoggedIn(SessionCookie, Profile),
    /// It joined a number to the account of the session.
    Linked,
}

/// The secret by which a browser's challenges are told from another's: 256 random bits. Never printed.
#[derive(Clone)]
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
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        if let Err(then) = limits::hit(&mut tx, REQUESTS, &self.name_hash(&browser.address), now).await? {
            return Err(CodeRequestError::RateLimited { retry_after_s: (then.since_ms(now) + 999) / 1000 });
        }
        let author = session.map(|session| &session.session.author);
        let queued = self.send_code(&mut tx, &phone, author, browser, now).await?;
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
        metrics::counter!("otp_requests_total", "purpose" => purpose.as_str(), "outcome" => outcome)
            .increment(1);
        let (Some(channel), None) = (channel, refusal) else {
            tracing::info!(purpose = purpose.as_str(), outcome, "A code was asked for, and none is sent");
            return Ok(false);
        };

        let id = ChallengeId::fresh();
        let code = Peppers::draw()?;
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
        let id = MessageId::fresh();
        let sealed = Sealed {
            code: Some(code.as_str().to_owned()),
            language: Some(channel.language),
            text: Some(self.code_text(channel.language, code)),
            ..Sealed::default()
        };
        let lane = self.code_lane(channel.provider, &channel.business, phone);
        let message = NewMessage {
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
        Ok(())
    }

    /// The lane of the codes that browsers ask for: what waits in the conversation for a provider that is down, or for its
    /// turn, must not outlast them.
    pub(crate) fn code_lane(&self, provider: Provider, business: &str, phone: &PhoneE164) -> String {
        self.lane(&format!("{}#code", postly_whatsapp::conversation_lane(provider, business, phone)))
    }

    /// The message of PRODUCT 6 that brings a code.
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
        let identities = authors::identities_by_phone(tx, phone).await?;
        if identities.iter().any(|identity| identity.stopped_at.is_some()) {
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
            if self.window_is_open(tx, identity, now).await?
                && let (Some(address), Some(business)) =
                    (identity.address.clone(), self.0.routes.business(identity.provider))
            {
                let provider = identity.provider;
                return Ok(Some(Channel { provider, business, address, form: Form::Code, author, language }));
            }
        }
        let Some(business) = self.0.routes.business(default) else { return Ok(None) };
        if !self.0.senders.can_send_code(default) {
            return Ok(None);
        }
        let known = identities.iter().find(|identity| identity.provider == default);
        let address = known.and_then(|identity| identity.address.clone());
        // A code goes to a number, also when she is named otherwise there.
        let address = address.filter(|address| PhoneE164::from_provider(address).is_some());
        let address = address.unwrap_or_else(|| phone.as_str().to_owned());
        Ok(Some(Channel { provider: default, business, address, form: Form::Template, author, language }))
    }

    /// Whether free-form text still reaches her through the provider of this identity.
    pub(crate) async fn window_is_open(
        &self,
        tx: &mut Tx,
        identity: &Identity,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let heard = authors::last_heard(tx, &identity.author_id, identity.provider).await?;
        Ok(heard.is_some_and(|at| now.since_ms(at) < SERVICE_WINDOW_SECS * 1000 - WINDOW_MARGIN_MS))
    }

    /// Exchanges a code for a session, or for a link when there is one already. The browser's own challenge is tried
    /// first, then the one that LOGIN on WhatsApp opened for the number.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub async fn verify_code(
        &self,
        phone: &str,
        code: &str,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<Verified, VerifyError> {
        let phone = PhoneE164::parse_asked(phone, &self.0.settings.default_region)
            .map_err(|_| VerifyError::Invalid)?;
        let code = Code::parse(code);
        let author = session.map(|session| &session.session.author);
        let browser_hash = browser.token.hash();
        let own = Typed::InBrowser { browser_hash: &browser_hash, phone: &phone, author };
        if let Some(challenge) = self.compare(own, phone.as_str(), code.as_ref()).await? {
            return self.complete(Right::Code(&challenge, phone.as_str()), session, browser).await;
        }
        // A code that LOGIN brought opens a session, and is worth nothing for a link.
        let theirs = Typed::FromWhatsapp { phone: &phone };
        if session.is_none()
            && let Some(challenge) = self.compare(theirs, phone.as_str(), code.as_ref()).await?
        {
            return self.complete(Right::Code(&challenge, phone.as_str()), session, browser).await;
        }
        Err(VerifyError::Invalid)
    }

    /// Exchanges the code that answered a phrase, in the browser that shows the phrase.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub async fn verify_phrase(
        &self,
        code: &str,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<Verified, VerifyError> {
        let code = Code::parse(code);
        let author = session.map(|session| &session.session.author);
        let browser_hash = browser.token.hash();
        let typed = Typed::ForPhrase { browser_hash: &browser_hash, author };
        match self.compare(typed, &browser_hash, code.as_ref()).await? {
            Some(challenge) => self.complete(Right::Code(&challenge, &browser_hash), session, browser).await,
            None => Err(VerifyError::Invalid),
        }
    }

    /// Opens the session of a login link. Whoever has a session in this browser leaves it for that one.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub async fn open_link(
        &self,
        token: &str,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<Verified, VerifyError> {
        self.complete(Right::Link(&plain_hash(token)), session, browser).await
    }

    /// Compares a typed code with a challenge, if there is one that may be tried. The try is counted and committed before
    /// anything is compared, so that no number of requests at once compares more often.
    async fn compare(
        &self,
        typed: Typed<'_>,
        subject: &str,
        code: Option<&Code>,
    ) -> Result<Option<Challenge>, VerifyError> {
        let mut again = Again::default();
        let (challenge, wrong) = loop {
            match self.count_try(typed, subject).await {
                Err(error) if again.may(&error) => {}
                counted => break counted?,
            }
        };
        let Some(challenge) = challenge else { return Ok(None) };
        metrics::counter!("otp_comparisons_total").increment(1);
        let worn_out = matches!(typed, Typed::FromWhatsapp { .. }) && wrong > WRONG_TRIES_A_DAY;
        let (Some(code), Some(hash), false) = (code, &challenge.code_hash, worn_out) else { return Ok(None) };
        let subject = subject_of(&challenge);
        let right = self.0.peppers.is_code(hash, &challenge.id, challenge.purpose, subject, code);
        Ok(right.then_some(challenge))
    }

    async fn count_try(
        &self,
        typed: Typed<'_>,
        subject: &str,
    ) -> Result<(Option<Challenge>, i64), StoreError> {
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        let challenge = challenges::count_try(&mut tx, typed, now).await?;
        // Where there is nothing to be tried, as much is written, always to one row.
        let (subject_hash, tries) = match challenge {
            Some(_) => (self.name_hash(subject), 1),
            None => (NOBODY.to_owned(), 0),
        };
        let wrong = challenges::count_wrong(&mut tx, &subject_hash, tries, now).await?;
        tx.commit().await?;
        Ok((challenge, wrong))
    }

    /// Uses a challenge up and does what it is for, in one transaction.
    async fn complete(
        &self,
        right: Right<'_>,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<Verified, VerifyError> {
        let mut again = Again::default();
        loop {
            match self.try_complete(right, session, browser).await {
                Err(VerifyError::Store(error)) if again.may(&error) => {}
                done => {
                    if matches!(done, Ok(Verified::Linked)) {
                        self.0.wakers.wake(Queue::Outbox);
                    }
                    return done;
                }
            }
        }
    }

    async fn try_complete(
        &self,
        right: Right<'_>,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<Verified, VerifyError> {
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        let challenge = match right {
            Right::Code(challenge, _) => challenge.clone(),
            Right::Link(hash) => {
                challenges::by_link(&mut tx, hash, now).await?.ok_or(VerifyError::Invalid)?
            }
        };
        // The people before what is theirs, as whoever merges or erases them does.
        self.lock_people(&mut tx, &challenge, session).await?;
        if !challenges::consume(&mut tx, &challenge.id, now).await? {
            return Err(VerifyError::Invalid);
        }
        if let Right::Code(_, subject) = right {
            challenges::count_wrong(&mut tx, &self.name_hash(subject), -1, now).await?;
        }
        challenges::prove(&mut tx, &challenge.id, now).await?;
        let done = match (challenge.purpose, session) {
            (Purpose::Login, _) => match self.prove(&mut tx, &challenge).await? {
                Some(author) => {
                    let (cookie, profile) = self.log_in(&mut tx, &author, session, browser, true).await?;
                    Ok(Verified::LoggedIn(cookie, profile))
                }
                // The number is not hers any more. The challenge stays used up.
                None => Err(VerifyError::Invalid),
            },
            (Purpose::Link, Some(session)) => match self.link(&mut tx, &challenge, session).await? {
                LinkOutcome::Linked => Ok(Verified::Linked),
                LinkOutcome::Taken => Err(VerifyError::NumberTaken),
                LinkOutcome::Refused => Err(VerifyError::Invalid),
            },
            (Purpose::Link, None) => Err(VerifyError::Invalid),
        };
        tx.commit().await?;
        done
    }
}

/// What was right.
#[derive(Clone, Copy)]
enum Right<'a> {
    /// The code of this challenge, counted as a wrong try of this subject so far.
    Code(&'a Challenge, &'a str),
    /// The token of a login link, by its hash.
    Link(&'a str),
}

/// The row that tries at nothing write.
const NOBODY: &str = "nobody";

/// What a code is hashed with beside its challenge: the number, where there is one.
pub(crate) fn subject_of(challenge: &Challenge) -> &str {
    challenge.phone.as_ref().map_or("", PhoneE164::as_str)
}
