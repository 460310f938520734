//! The brand memory of an author: changed and read on WhatsApp and on the web (RULES 4.17).

use postly_domain::{
    Language,
    brand::{Address, Brand, BrandError, Entry, Lesson},
    event::IgnoreRule,
    id::AuthorId,
    time::DAY_MS,
};
use postly_i18n::Value;
use postly_pipeline::guard::forbidden;
use postly_store::{StoreError, Tx, authors, brands, outbox};

use crate::{
    Core, JourneyError, Replies,
    conflict::again,
    reply::Reply,
    turn::{Step, Turn},
};

/// The most refusals of forbidden briefs sent to an author within 24 hours (RULES 4.8).
const MOST_FORBIDDEN: i64 = 3;
/// The most rules named in an answer with posts: one short line.
const MOST_NAMED: usize = 4;

/// The reason why a brand memory was not changed.
#[derive(Debug, thiserror::Error)]
pub enum BrandChangeError {
    /// A limit is exceeded.
    #[error(transparent)]
    Bound(#[from] BrandError),
    /// The service does not write about something in it.
    #[error("the service does not write about this")]
    Forbidden,
    /// The account no longer exists.
    #[error("the account has gone")]
    Gone,
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// The rules and facts that authors have us keep about their brand.
#[derive(Clone)]
pub struct BrandMemory {
    pub(crate) core: Core,
    pub(crate) replies: Replies,
}

impl BrandMemory {
    /// Returns the brand memory of an author.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn brand(&self, author: &AuthorId) -> Result<Option<Brand>, StoreError> {
        let found = authors::get(&mut self.core.db.read().await?, author).await?;
        Ok(found.map(|author| author.brand))
    }

    /// Replaces the brand memory of an author, and returns it as stored.
    ///
    /// # Errors
    /// See [`BrandChangeError`].
    pub async fn set_brand(&self, author: &AuthorId, brand: &Brand) -> Result<Brand, BrandChangeError> {
        let brand = brand.clone().checked()?;
        if is_forbidden(&brand) {
            return Err(BrandChangeError::Forbidden);
        }
        again!(self.try_set_brand(author, &brand))?;
        Ok(brand)
    }

    async fn try_set_brand(&self, author: &AuthorId, brand: &Brand) -> Result<(), BrandChangeError> {
        let mut tx = self.core.db.write().await?;
        if !authors::lock(&mut tx, author).await? {
            return Err(BrandChangeError::Gone);
        }
        brands::set(&mut tx, author, brand).await?;
        Ok(tx.commit().await?)
    }

    /// Applies a message about the brand memory. The answer lists the memory as it is afterwards.
    pub(crate) async fn take_lesson(
        &self,
        tx: &mut Tx,
        turn: &Turn<'_>,
        lesson: Lesson,
    ) -> Result<Step, JourneyError> {
        let person = turn.person;
        // Read the memory behind the lock, so that two concurrent lessons both take effect.
        if !authors::lock(tx, &person.author.id).await? {
            // Merged or erased meanwhile: the next try finds the author as they are now.
            return Err(JourneyError::Missing("an author"));
        }
        let found = authors::get(tx, &person.author.id).await?;
        let old = found.ok_or(JourneyError::Missing("an author"))?.brand;
        let (title, new) = match lesson {
            Lesson::Show => ("brand-list", old.clone()),
            Lesson::ForgetAll => ("brand-forgotten", Brand::default()),
            Lesson::Forget(number) => match old.without(number) {
                Some(left) => ("brand-forgotten", left),
                None => {
                    let number = Value::Number(i64::try_from(number).unwrap_or(i64::MAX));
                    let values = [("number", number)];
                    let text = self.core.catalogue.format(person.author.language, "brand-no-entry", &values);
                    return Ok(Reply::plain("brand", text).into());
                }
            },
            Lesson::Keep(taught) if is_forbidden(&taught) => return self.refuse_forbidden(tx, turn).await,
            Lesson::Keep(taught) => match old.clone().with(*taught) {
                Ok(brand) => ("brand-kept", brand),
                Err(_) => return Ok(self.replies.say(person, "brand", "brand-too-much").into()),
            },
        };
        if new != old {
            brands::set(tx, &person.author.id, &new).await?;
        }
        Ok(Reply::plain("brand", self.memory_text(person.author.language, title, &new)).into())
    }

    /// Formats the memory for its author; *Oublie 2* names its lines by these numbers.
    fn memory_text(&self, language: Language, title: &str, brand: &Brand) -> String {
        let texts = &self.core.catalogue;
        if brand.is_empty() {
            return match title {
                "brand-forgotten" => texts.text(language, title),
                _ => texts.text(language, "brand-empty"),
            };
        }
        let mut lines = vec![texts.text(language, title)];
        for (number, entry) in (1..).zip(brand.entries()) {
            lines.push(format!("{number}. {}", self.entry_text(language, entry)));
        }
        lines.push(texts.text(language, "brand-help"));
        lines.join("\n")
    }

    /// Formats an entry for its author.
    fn entry_text(&self, language: Language, entry: Entry<'_>) -> String {
        let of = |key: &str| self.core.catalogue.text(language, key);
        let with =
            |key: &str, text: &str| self.core.catalogue.format(language, key, &[("text", Value::Text(text))]);
        match entry {
            Entry::Address(Address::Informal) => of("brand-entry-informal"),
            Entry::Address(Address::Formal) => of("brand-entry-formal"),
            Entry::Emojis(true) => of("brand-entry-emojis"),
            Entry::Emojis(false) => of("brand-entry-no-emojis"),
            Entry::Tone(text) => with("brand-entry-tone", text),
            Entry::Name(text) => with("brand-entry-name", text),
            Entry::Trade(text) => with("brand-entry-trade", text),
            Entry::Place(text) => with("brand-entry-place", text),
            Entry::Banned(text) => with("brand-entry-banned", text),
            Entry::Fact(text) => text.to_owned(),
            Entry::Signature(text) => with("brand-entry-signature", text),
        }
    }

    /// Returns the line of an answer that names the rules by which its posts were written. `None` without
    /// rules.
    pub(crate) fn applied_rules(&self, language: Language, brand: &Brand) -> Option<String> {
        let is_rule = |entry: &Entry<'_>| match entry {
            Entry::Address(_) | Entry::Emojis(_) | Entry::Tone(_) | Entry::Banned(_) => true,
            Entry::Name(_) | Entry::Trade(_) | Entry::Place(_) | Entry::Fact(_) | Entry::Signature(_) => {
                false
            }
        };
        let rules = brand.entries().into_iter().filter(is_rule).take(MOST_NAMED);
        let rules: Vec<String> = rules.map(|entry| self.entry_text(language, entry)).collect();
        let joined = rules.join(" · ");
        let values = [("rules", Value::Text(&joined))];
        (!rules.is_empty()).then(|| self.core.catalogue.format(language, "brand-applied", &values))
    }

    /// Returns the answer to a brief that contains a word banned by its author.
    pub(crate) fn banned_word_text(&self, language: Language, word: &str) -> String {
        self.core.catalogue.format(language, "brand-word-in-brief", &[("word", Value::Text(word))])
    }

    /// Refuses a forbidden brief; after some refusals a day, further ones are ignored.
    pub(crate) async fn refuse_forbidden(&self, tx: &mut Tx, turn: &Turn<'_>) -> Result<Step, JourneyError> {
        let yesterday = turn.now.plus_ms(-DAY_MS);
        let told = outbox::queued_since(tx, &turn.claimed.lane, "forbidden", yesterday).await?;
        Ok(if told < MOST_FORBIDDEN {
            self.replies.say(turn.person, "forbidden", "forbidden").into()
        } else {
            Step::Ignore(IgnoreRule::SaidAlready)
        })
    }
}

fn is_forbidden(brand: &Brand) -> bool {
    brand.texts().chain(brand.tone.as_deref()).any(|text| forbidden(text).is_some())
}
