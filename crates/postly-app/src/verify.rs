//! Verifies typed codes and login links: compares them, consumes the challenge, and performs its purpose.

use postly_domain::{Code, PhoneE164, Purpose, challenge::WRONG_TRIES_A_DAY, metric};
use postly_store::{
    StoreError,
    challenges::{self, Challenge, Typed},
    lanes::Queue,
};

use crate::{
    Codes, LoggedIn,
    accounts::Profile,
    conflict::again,
    link::LinkOutcome,
    seal::{NoRandomness, plain_hash},
    sessions::{Browser, SessionCookie},
};

/// The reason why a code was refused.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Wrong, used, expired, or of another browser, number or purpose; the answer does not tell which.
    #[error("the code opens nothing")]
    Invalid,
    /// The code is right, but the number belongs to another full account.
    #[error("the number belongs to another account")]
    NumberTaken,
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The system's random generator failed.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// The effect of a right code.
#[derive(Debug)]
pub enum Verified {
    /// It opened a session.
    LoggedIn(SessionCookie, Profile),
    /// It linked a number to the account of the session.
    Linked,
}

impl Codes {
    /// Exchanges a code for a session, or links the number if there is a session already. Tries the browser's
    /// own challenge first, then the one that LOGIN on WhatsApp opened for the number.
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
        let phone = PhoneE164::parse_asked(phone, &self.core.settings.default_region)
            .map_err(|_| VerifyError::Invalid)?;
        // Parse first: a text that is not a code does not count as a try (RULES 7.7).
        let code = Code::parse(code).ok_or(VerifyError::Invalid)?;
        let author = session.map(|session| &session.session.author);
        for browser_hash in browser.hashes() {
            let own = Typed::InBrowser { browser_hash: &browser_hash, phone: &phone, author };
            if let Some(challenge) = self.compare(own, phone.as_str(), &code).await? {
                return self.complete(Right::Code(&challenge, phone.as_str()), session, browser).await;
            }
        }
        // A code from LOGIN opens a session; it is not valid for a link.
        let theirs = Typed::FromWhatsapp { phone: &phone };
        if session.is_none()
            && let Some(challenge) = self.compare(theirs, phone.as_str(), &code).await?
        {
            return self.complete(Right::Code(&challenge, phone.as_str()), session, browser).await;
        }
        Err(VerifyError::Invalid)
    }

    /// Exchanges the code of the answer to a phrase, in the browser that shows the phrase.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub async fn verify_phrase(
        &self,
        code: &str,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<Verified, VerifyError> {
        let code = Code::parse(code).ok_or(VerifyError::Invalid)?;
        let author = session.map(|session| &session.session.author);
        for browser_hash in browser.hashes() {
            let typed = Typed::ForPhrase { browser_hash: &browser_hash, author };
            if let Some(challenge) = self.compare(typed, &browser_hash, &code).await? {
                return self.complete(Right::Code(&challenge, &browser_hash), session, browser).await;
            }
        }
        Err(VerifyError::Invalid)
    }

    /// Opens the session of a login link. It replaces the session of this browser, if there is one.
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

    /// Compares a typed code with a challenge, if one may be tried. The try is counted and committed before
    /// the comparison, so that concurrent requests cannot exceed the limit.
    async fn compare(
        &self,
        typed: Typed<'_>,
        subject: &str,
        code: &Code,
    ) -> Result<Option<Challenge>, VerifyError> {
        let (challenge, wrong) = again!(self.count_try(typed, subject))?;
        let Some(challenge) = challenge else { return Ok(None) };
        metrics::counter!(metric::OTP_COMPARISONS).increment(1);
        let worn_out = matches!(typed, Typed::FromWhatsapp { .. }) && wrong > WRONG_TRIES_A_DAY;
        let (Some(hash), false) = (&challenge.code_hash, worn_out) else { return Ok(None) };
        let subject = subject_of(&challenge);
        let right = self.core.code_keys.is_code(hash, &challenge.id, challenge.purpose, subject, code);
        Ok(right.then_some(challenge))
    }

    async fn count_try(
        &self,
        typed: Typed<'_>,
        subject: &str,
    ) -> Result<(Option<Challenge>, i64), StoreError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let challenge = challenges::count_try(&mut tx, typed, now).await?;
        // Without a challenge as much is written, always to one row.
        let (subject_hash, tries) = match challenge {
            Some(_) => (self.core.name_hash(subject), 1),
            None => (DUMMY_SUBJECT.to_owned(), 0),
        };
        let wrong = challenges::count_wrong(&mut tx, &subject_hash, tries, now).await?;
        tx.commit().await?;
        Ok((challenge, wrong))
    }

    /// Consumes a challenge and performs its purpose, in one transaction.
    async fn complete(
        &self,
        right: Right<'_>,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<Verified, VerifyError> {
        let done = again!(self.try_complete(right, session, browser));
        if matches!(done, Ok(Verified::Linked)) {
            self.core.wakers.wake(Queue::Outbox);
        }
        done
    }

    async fn try_complete(
        &self,
        right: Right<'_>,
        session: Option<&LoggedIn>,
        browser: &Browser,
    ) -> Result<Verified, VerifyError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let challenge = match right {
            Right::Code(challenge, _) => challenge.clone(),
            Right::Link(hash) => {
                challenges::by_link(&mut tx, hash, now).await?.ok_or(VerifyError::Invalid)?
            }
        };
        // Lock order: the authors before their rows, as in a merge and an erasure.
        self.people.lock_people(&mut tx, &challenge, session).await?;
        if !challenges::consume(&mut tx, &challenge.id, now).await? {
            return Err(VerifyError::Invalid);
        }
        challenges::prove(&mut tx, &challenge.id, now).await?;
        let done = match (challenge.purpose, session) {
            (Purpose::Login, _) => match self.people.prove(&mut tx, &challenge, browser).await? {
                Some(author) => {
                    let (cookie, profile) =
                        self.accounts.log_in(&mut tx, &author, session, browser, true).await?;
                    Ok(Verified::LoggedIn(cookie, profile))
                }
                // The identity has lost the number. The challenge stays consumed.
                None => Err(VerifyError::Invalid),
            },
            (Purpose::Link, Some(session)) => match self.people.link(&mut tx, &challenge, session).await? {
                LinkOutcome::Linked => Ok(Verified::Linked),
                LinkOutcome::NumberTaken => Err(VerifyError::NumberTaken),
                LinkOutcome::Refused => Err(VerifyError::Invalid),
            },
            (Purpose::Link, None) => Err(VerifyError::Invalid),
        };
        // Last, because counting a try locks its challenge before the count, and a merge changes further
        // challenges.
        if let Right::Code(_, subject) = right {
            challenges::count_wrong(&mut tx, &self.core.name_hash(subject), -1, now).await?;
        }
        tx.commit().await?;
        done
    }
}

/// The proof that was right.
#[derive(Clone, Copy)]
enum Right<'a> {
    /// The code of this challenge; it is counted as a wrong try of this subject until now.
    Code(&'a Challenge, &'a str),
    /// The token of a login link, by its hash.
    Link(&'a str),
}

/// The row written by tries without a challenge.
const DUMMY_SUBJECT: &str = "nobody";

/// Returns the value hashed with a code and its challenge: the number, if there is one.
pub(crate) fn subject_of(challenge: &Challenge) -> &str {
    challenge.phone.as_ref().map_or("", PhoneE164::as_str)
}
