//! Login by WhatsApp. LOGIN is answered with a code and a link; a phrase from a browser is answered with the
//! code for that browser.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postly_domain::{
    PhoneE164, Phrase, Provider, Purpose, UnixMillis,
    challenge::{LIFETIME_MS, LoginStep, login_step},
    event::{InboundMessage, Sender},
    id::ChallengeId,
    metric,
};
use postly_i18n::Value;
use postly_store::{
    StoreError, Tx, business_numbers,
    challenges::{self, NewChallenge, Origin, Pool},
    limits::{self, Limit},
    sessions,
};

use crate::{
    Codes, Core, JourneyError, LoggedIn,
    codes::CodeRequestError,
    conflict::again,
    ids::Fresh as _,
    measure::rate_limited,
    people::Person,
    reply::Reply,
    seal::{CodeKeys, Sealed, plain_hash, random},
    sessions::Browser,
    verify::subject_of,
};

/// Phrases for one address (five in five minutes, like codes).
const PHRASES: Limit = Limit { name: "phrase", window_ms: 5 * 60 * 1000 };
/// The payload of the button below the answer to a phrase, before the id of the challenge.
const DENY: &str = "deny:";
/// The payload of the button of an authentication template (Meta, "Zero-tap authentication templates").
const DID_NOT_REQUEST_CODE: &str = "DID_NOT_REQUEST_CODE";

/// A phrase for a browser to show.
#[derive(Clone)]
pub struct ShownPhrase {
    /// The phrase as the author sends it: `#ABCDE-FGHJK`.
    pub phrase: String,
    /// The link that opens WhatsApp with the phrase already typed (`https://wa.me/…`).
    pub url: String,
    /// The time at which it expires.
    pub expires_at: UnixMillis,
}

/// Prints nothing of the phrase, because anyone can send it.
impl std::fmt::Debug for ShownPhrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShownPhrase")
    }
}

/// Our number on WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatsappContact {
    /// The number as people read it.
    pub number: String,
    /// The link that opens a conversation (`https://wa.me/…`).
    pub url: String,
}

/// Logins by a message on WhatsApp, and the business numbers they go to.
#[derive(Clone)]
pub struct Logins {
    pub(crate) core: Core,
    /// The business numbers that are already recorded, by the provider's name for them.
    pub(crate) business_numbers: Arc<Mutex<HashSet<(String, PhoneE164)>>>,
    pub(crate) codes: Codes,
}

impl Logins {
    /// Answers LOGIN with a code and a link: three an hour, a minute apart. `None` if the limit is reached
    /// and the author was told so already.
    pub(crate) async fn login_code_reply(
        &self,
        tx: &mut Tx,
        person: &Person,
        sender: &Sender,
        lane: &str,
        lead: Option<String>,
        now: UnixMillis,
    ) -> Result<Option<Reply>, JourneyError> {
        let language = person.author.language;
        let subject = self.subject(sender);
        let sent = challenges::logins(tx, &subject, now).await?;
        let (purpose, key, since) = match login_step(&sent, now) {
            LoginStep::Send => return self.issue_login_code(tx, person, &subject, lead, now).await.map(Some),
            LoginStep::JustSent => ("login_just_sent", "login-just-sent", now.plus_ms(-60_000)),
            LoginStep::TooMany => ("login_too_many", "login-too-many", now.plus_ms(-3_600_000)),
        };
        if postly_store::outbox::queued_since(tx, lane, purpose, since).await? > 0 {
            return Ok(None);
        }
        Ok(Some(Reply::plain(purpose, self.core.catalogue.text(language, key))))
    }

    async fn issue_login_code(
        &self,
        tx: &mut Tx,
        person: &Person,
        subject: &str,
        lead: Option<String>,
        now: UnixMillis,
    ) -> Result<Reply, JourneyError> {
        let language = person.author.language;
        let phone = person.identity.trusted_phone();
        let id = ChallengeId::fresh(now);
        let code = CodeKeys::draw()?;
        let token = BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?);
        let said = phone.map_or("", PhoneE164::as_str);
        let new = NewChallenge {
            id: &id,
            purpose: Purpose::Login,
            origin: Origin::Whatsapp,
            browser_hash: None,
            phone,
            identity: Some(&person.identity.id),
            author: Some(&person.author.id),
            code_hash: Some(&self.core.code_keys.code_hash(&id, Purpose::Login, said, &code)),
            secret_hash: Some(&plain_hash(&token)),
            browser_label: "",
            expires_at: now.plus_ms(LIFETIME_MS),
        };
        challenges::open(tx, &new, now).await?;
        let country = phone.and_then(PhoneE164::mobile_country).unwrap_or_default();
        challenges::note_send(tx, &id, Pool::Whatsapp, subject, &country, now).await?;
        let url = format!("{}/login#{token}", self.core.settings.site_url);
        let link = self.core.catalogue.format(language, "login-link", &[("url", Value::Text(&url))]);
        let mut units = vec![self.codes.code_text(language, &code), link];
        units.extend(lead);
        let sealed =
            Sealed { code: Some(code.as_str().to_owned()), language: Some(language), ..Sealed::default() };
        Ok(Reply { expires_at: Some(new.expires_at), ..Reply::sealed("login", units, sealed) })
    }

    /// Answers a phrase with the code for the browser that shows it. The message proves the number.
    pub(crate) async fn answer_phrase(
        &self,
        tx: &mut Tx,
        person: &Person,
        phrase: &Phrase,
        now: UnixMillis,
    ) -> Result<Reply, JourneyError> {
        let language = person.author.language;
        let texts = &self.core.catalogue;
        let hash = plain_hash(phrase.as_str());
        let (identity, phone) = (&person.identity.id, person.identity.trusted_phone());
        let Some(challenge) = challenges::claim_phrase(tx, &hash, identity, phone, now).await? else {
            return Ok(Reply::plain("phrase_unknown", texts.text(language, "phrase-unknown")));
        };
        let code = CodeKeys::draw()?;
        let hash =
            self.core.code_keys.code_hash(&challenge.id, challenge.purpose, subject_of(&challenge), &code);
        challenges::set_code(tx, &challenge.id, &hash).await?;
        let named = [("browser", Value::Text(&challenge.browser_label))];
        let units =
            vec![self.codes.code_text(language, &code), texts.format(language, "phrase-browser", &named)];
        let sealed = Sealed {
            code: Some(code.as_str().to_owned()),
            language: Some(language),
            buttons: vec![(format!("{DENY}{}", challenge.id), texts.text(language, "button-not-me"))],
            ..Sealed::default()
        };
        Ok(Reply { expires_at: Some(now.plus_ms(LIFETIME_MS)), ..Reply::sealed("phrase", units, sealed) })
    }

    /// Answers a tap on a button, if it is one of ours: a code that the author did not request becomes
    /// invalid.
    pub(crate) async fn answer_tap(
        &self,
        tx: &mut Tx,
        person: &Person,
        payload: &str,
        now: UnixMillis,
    ) -> Result<Option<Reply>, StoreError> {
        if payload == DID_NOT_REQUEST_CODE {
            return self.deny_codes(tx, person, now).await.map(Some);
        }
        let Some(id) = payload.strip_prefix(DENY) else { return Ok(None) };
        let in_time = challenges::deny(tx, &ChallengeId::new(id), &person.identity.id, now).await?;
        self.denied(tx, person, in_time).await.map(Some)
    }

    /// Invalidates every code that a browser requested for the author's number.
    pub(crate) async fn deny_codes(
        &self,
        tx: &mut Tx,
        person: &Person,
        now: UnixMillis,
    ) -> Result<Reply, StoreError> {
        tracing::info!(author.id = %person.author.id, "Author {} did not ask for a code", person.author.id);
        metrics::counter!(metric::OTP_DENIED).increment(1);
        let mut killed = challenges::deny_of_identity(tx, &person.identity.id, now).await?;
        if let Some(phone) = &person.identity.phone {
            killed += challenges::deny_all(tx, phone, now).await?;
        }
        self.denied(tx, person, killed > 0).await
    }

    /// Answers a report of an unrequested code. If the code was used before the report, all sessions of the
    /// author end, because the session opened by it is not known.
    async fn denied(&self, tx: &mut Tx, person: &Person, in_time: bool) -> Result<Reply, StoreError> {
        let key = if in_time { "denied" } else { "denied-late" };
        if !in_time {
            sessions::end_all(tx, &person.author.id, None).await?;
        }
        Ok(Reply::plain("denied", self.core.catalogue.text(person.author.language, key)))
    }

    /// Creates a phrase for a browser to show. The author that sends it from WhatsApp is logged in in that
    /// browser, or with a session, their number is linked to its account. `None` if the service has no number
    /// on WhatsApp.
    ///
    /// # Errors
    /// Fails if too many were requested from this address, or if the database fails.
    pub async fn new_phrase(
        &self,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<Option<ShownPhrase>, CodeRequestError> {
        again!(self.try_new_phrase(session, browser))
    }

    async fn try_new_phrase(
        &self,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<Option<ShownPhrase>, CodeRequestError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let Some(number) = self.number_shown(&mut tx).await? else { return Ok(None) };
        if let Err(then) = limits::hit(&mut tx, PHRASES, &self.core.name_hash(&browser.address), now).await? {
            rate_limited("phrases");
            return Err(CodeRequestError::RateLimited { retry_after_s: then.secs_from(now) });
        }
        let phrase = Phrase::from_random(random()?);
        let new = NewChallenge {
            id: &ChallengeId::fresh(now),
            purpose: if session.is_some() { Purpose::Link } else { Purpose::Login },
            origin: Origin::Phrase,
            browser_hash: Some(&browser.token.hash()),
            phone: None,
            identity: None,
            author: session.map(|session| &session.session.author),
            code_hash: None,
            secret_hash: Some(&plain_hash(phrase.as_str())),
            browser_label: &browser.label,
            expires_at: now.plus_ms(LIFETIME_MS),
        };
        challenges::open(&mut tx, &new, now).await?;
        tx.commit().await?;
        let shown = phrase.shown();
        // The text of the message that WhatsApp proposes; `#` and spaces are escaped.
        let url =
            format!("{}?text=Postly-AI%20%23{}", self.chat_link(&number), shown.trim_start_matches('#'));
        Ok(Some(ShownPhrase { phrase: shown, url, expires_at: new.expires_at }))
    }

    /// Returns how to write to us. `None` while our number is unknown: Meta names it by an id.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn whatsapp_contact(&self) -> Result<Option<WhatsappContact>, StoreError> {
        let number = self.number_shown(&mut self.core.db.read().await?).await?;
        Ok(number.map(|number| WhatsappContact {
            url: self.chat_link(&number),
            number: PhoneE164::from_provider(&number).map_or(number, |number| number.readable()),
        }))
    }

    fn chat_link(&self, number: &str) -> String {
        format!("{}/{}", self.core.settings.chat_link_base, number.trim_start_matches('+'))
    }

    /// Records our number at Meta, as Meta shows it, so that links know it before the first message.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn record_meta_number(&self, number: &PhoneE164) -> Result<(), StoreError> {
        let Some(business) = self.core.routes.business(Provider::Meta) else { return Ok(()) };
        again!(self.try_record_meta_number(&business, number))
    }

    async fn try_record_meta_number(&self, business: &str, number: &PhoneE164) -> Result<(), StoreError> {
        let mut tx = self.core.db.write().await?;
        business_numbers::note(&mut tx, Provider::Meta, business, number.as_str()).await?;
        tx.commit().await
    }

    async fn number_shown(&self, tx: &mut Tx) -> Result<Option<String>, StoreError> {
        let provider = self.core.settings.default_provider;
        let Some(business) = self.core.routes.business(provider) else { return Ok(None) };
        match PhoneE164::from_provider(&business).filter(|_| provider == Provider::Twilio) {
            Some(number) => Ok(Some(number.as_str().to_owned())),
            None => business_numbers::find(tx, provider, &business).await,
        }
    }

    /// Records the number that authors see for this service. Meta names it by an id, and shows the number
    /// with every message.
    pub(crate) async fn note_business_number(
        &self,
        tx: &mut Tx,
        message: &InboundMessage,
    ) -> Result<(), StoreError> {
        let (provider, Some(number)) = (message.sender.provider, &message.business_number) else {
            return Ok(());
        };
        let noted = || self.business_numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = (message.business.clone(), number.clone());
        if noted().contains(&seen) {
            return Ok(());
        }
        if business_numbers::find(tx, provider, &message.business).await?.as_deref() == Some(number.as_str())
        {
            noted().insert(seen);
            return Ok(());
        }
        business_numbers::note(tx, provider, &message.business, number.as_str()).await
    }

    /// Returns the hash for the sender of a request: of their number, else of their id.
    fn subject(&self, sender: &Sender) -> String {
        let name = sender.phone.as_ref().map(PhoneE164::as_str).or(sender.bsuid.as_deref());
        self.core.name_hash(name.unwrap_or(&sender.address))
    }
}
