//! The decision for each user and row of a source: imported, or left out for a reason.

use std::collections::HashSet;

use postly_domain::{
    Email, Language, LedgerReason, PhoneE164, Provider, UnixMillis,
    id::{AuthorId, EntryId, GenerationId, IdentityId},
    post::{Platform, VARIANTS, Variant},
    text::fold,
};
use postly_store::import::{
    ImportedGeneration, Known, NewAuthor, NewLedgerEntry, NewNumber, SourceEntry, SourceGeneration,
    SourceUser,
};
use sha2::{Digest as _, Sha256};

use super::report::{AuthorReport, What, Why};
use crate::old_passwords::{self, OldHashError};

/// The longest id that is imported: those of Prisma have 25 characters, and a UUID 36.
const LONGEST_ID: usize = 128;
/// The longest brief, and the longest posts of one generation, in bytes: far above the limits of models and
/// WhatsApp.
const LONGEST_TEXT: usize = 64 * 1024;
/// The longest unknown reason that is stored as a note, in characters.
const LONGEST_NOTE: usize = 200;

/// Derives an id that contains its time, like ours (UUID version 7). The rest is a hash of the source id, so
/// that each run derives the same.
fn derive_id(at: UnixMillis, kind: &str, source_id: &str) -> String {
    let digest = Sha256::digest(format!("{kind}:{source_id}").as_bytes());
    let random = digest.first_chunk::<10>().copied().unwrap_or_default();
    let millis = u64::try_from(at.0).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
}

/// Limits a time of the source to the range from 0 to now.
fn time(at: UnixMillis, now: UnixMillis) -> UnixMillis {
    UnixMillis(at.0.clamp(0, now.0))
}

/// A phone number of the source, as parsed.
pub(super) enum Number {
    Absent,
    /// A code proved it, or the user has only WhatsApp: the guide's webhook created the user from its
    /// message.
    Usable(PhoneE164, String),
    /// The user typed it, and no code proved it.
    NotProved,
    Unreadable,
}

/// A user, with the parsed address and number.
pub(super) struct Candidate<'a> {
    pub(super) user: &'a SourceUser,
    pub(super) email: Option<Result<Email, Why>>,
    pub(super) number: Number,
}

impl<'a> Candidate<'a> {
    /// Parses the names of a user. `hash` returns the keyed hash of a number.
    pub(super) fn read(user: &'a SourceUser, region: &str, hash: impl Fn(&str) -> String) -> Self {
        let text = |text: &'a Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let email = text(&user.email).map(|address| Email::parse(address).map_err(|_| Why::EmailUnreadable));
        let is_web = user.password_hash.is_some() || email.is_some();
        let number = match text(&user.phone).map(|phone| read_number(phone, region)) {
            None => Number::Absent,
            Some(None) => Number::Unreadable,
            Some(Some(_)) if is_web && user.linked_at.is_none() => Number::NotProved,
            Some(Some(phone)) => {
                let hash = hash(phone.as_str());
                Number::Usable(phone, hash)
            }
        };
        Self { user, email, number }
    }
}

/// Parses a number that the guide stored as E.164. Malformed ones (`+33033…`) are in no numbering plan.
fn read_number(text: &str, region: &str) -> Option<PhoneE164> {
    PhoneE164::parse_typed(text, region).ok().or_else(|| {
        // A numbering plan may be newer than our data.
        PhoneE164::parse_asked(text, region).ok().filter(|phone| phone.mobile_country().is_some())
    })
}

/// The addresses and numbers of users of the source so far.
#[derive(Debug, Default, Clone)]
pub(super) struct Taken {
    emails: HashSet<String>,
    phones: HashSet<String>,
}

impl Taken {
    pub(super) fn extend(&mut self, other: Self) {
        self.emails.extend(other.emails);
        self.phones.extend(other.phones);
    }
}

/// The rules of an import.
pub(super) struct Rules<'a> {
    pub(super) provider: Provider,
    pub(super) now: UnixMillis,
    /// The retention limit: older generations are left out.
    pub(super) kept_since: UnixMillis,
    pub(super) known: &'a Known,
    pub(super) taken: &'a Taken,
}

/// The decision about a user.
pub(super) enum Decision {
    /// An earlier run imported it; holds its report.
    Earlier(String),
    LeaveOut(Why),
    Import(Box<(NewAuthor, AuthorReport)>),
}

impl Rules<'_> {
    /// Decides about a user, and adds the names of an imported one to `batch`.
    pub(super) fn decide(&self, candidate: &Candidate<'_>, batch: &mut Taken) -> Decision {
        let user = candidate.user;
        if let Some(report) = self.known.imported.get(&user.id) {
            return Decision::Earlier(report.clone());
        }
        if user.id.is_empty() || user.id.len() > LONGEST_ID || user.id.chars().any(char::is_control) {
            return Decision::LeaveOut(Why::IdUnusable);
        }
        if self.known.ids.contains(&user.id) {
            return Decision::LeaveOut(Why::IdTaken);
        }
        // The part of the balance that the ledger does not explain; each imported entry reduces it.
        let difference = user.credits.max(0);
        let mut report = AuthorReport { credits: user.credits, difference, ..AuthorReport::default() };
        report.ledger.read = user.entries;
        report.generations.read = user.generations;
        let (number, number_fault) = match &candidate.number {
            Number::Usable(_, hash) if self.known.erased.contains(hash) => {
                return Decision::LeaveOut(Why::ErasedHere);
            }
            Number::Usable(phone, _) if self.is_phone_taken(phone, batch) => (None, Some(Why::NumberTaken)),
            Number::Usable(phone, _) => (Some(phone.clone()), None),
            Number::Absent => (None, None),
            Number::NotProved => (None, Some(Why::NumberNotProved)),
            Number::Unreadable => (None, Some(Why::NumberUnreadable)),
        };
        let (email, email_fault) = match &candidate.email {
            None => (None, None),
            Some(Err(why)) => (None, Some(*why)),
            Some(Ok(email)) if self.is_email_taken(email, batch) => (None, Some(Why::EmailTaken)),
            Some(Ok(email)) => (Some(email.as_str().to_owned()), None),
        };
        if number.is_none() && email.is_none() {
            return Decision::LeaveOut(email_fault.or(number_fault).unwrap_or(Why::Unreachable));
        }
        for (what, fault) in [(What::Number, number_fault), (What::Email, email_fault)] {
            if let Some(why) = fault {
                report.leave_out(what, why, &user.id);
            }
        }
        let password_hash = usable_hash(user, email.is_some(), &mut report);
        report.has_password = password_hash.is_some();
        report.has_number = number.is_some();
        batch.emails.extend(email.clone());
        batch.phones.extend(number.as_ref().map(|phone| phone.as_str().to_owned()));
        let (language, language_settled) = language(user.language.as_deref());
        let created_at = time(user.created_at, self.now);
        let author = NewAuthor {
            id: AuthorId::new(user.id.clone()),
            email,
            password_hash,
            language,
            language_settled,
            number: number.map(|phone| NewNumber {
                id: IdentityId::new(derive_id(created_at, "identity", &user.id)),
                provider: self.provider,
                phone,
                proved_at: user.linked_at.map(|at| time(at, self.now)),
            }),
            created_at,
        };
        Decision::Import(Box::new((author, report)))
    }

    fn is_phone_taken(&self, phone: &PhoneE164, batch: &Taken) -> bool {
        [&self.known.phones, &self.taken.phones, &batch.phones]
            .iter()
            .any(|taken| taken.contains(phone.as_str()))
    }

    fn is_email_taken(&self, email: &Email, batch: &Taken) -> bool {
        [&self.known.emails, &self.taken.emails, &batch.emails]
            .iter()
            .any(|taken| taken.contains(email.as_str()))
    }

    /// Converts a row of a ledger; `None` if it is left out.
    pub(super) fn entry(&self, row: &SourceEntry, report: &mut AuthorReport) -> Option<NewLedgerEntry> {
        if row.delta == 0 {
            report.ledger.left_out += 1;
            report.leave_out(What::Ledger, Why::Zero, &row.id);
            return None;
        }
        report.ledger.imported += 1;
        report.difference -= row.delta;
        let at = time(row.created_at, self.now);
        let known = LedgerReason::parse(&row.reason);
        Some(NewLedgerEntry {
            id: EntryId::new(derive_id(at, "entry", &row.id)),
            author: AuthorId::new(row.user_id.clone()),
            delta: row.delta,
            reason: known.unwrap_or(LedgerReason::Import),
            operation: format!("import:entry:{}", row.id),
            note: known.is_none().then(|| row.reason.chars().take(LONGEST_NOTE).collect()),
            created_at: at,
        })
    }

    /// Returns the entry that brings a ledger to its balance; `None` if they agree. Its date is that of the
    /// import.
    pub(super) fn difference(&self, author: &AuthorId, report: &AuthorReport) -> Option<NewLedgerEntry> {
        (report.difference != 0).then(|| NewLedgerEntry {
            id: EntryId::new(derive_id(self.now, "balance", author.as_str())),
            author: author.clone(),
            delta: report.difference,
            reason: LedgerReason::Import,
            operation: format!("import:balance:{author}"),
            note: None,
            created_at: self.now,
        })
    }

    /// Converts a generation; `None` if it is left out. `language` is that of its author.
    pub(super) fn generation(
        &self,
        row: &SourceGeneration,
        language: Language,
        report: &mut AuthorReport,
    ) -> Option<ImportedGeneration> {
        let at = time(row.created_at, self.now);
        let variants = if at < self.kept_since {
            Err(Why::PastRetention)
        } else if row.brief.len() > LONGEST_TEXT || row.variants.len() > LONGEST_TEXT {
            Err(Why::TooLong)
        } else {
            read_variants(&row.variants).ok_or(Why::NoPosts)
        };
        let mut variants = match variants {
            Ok(variants) => variants,
            Err(why) => {
                report.generations.left_out += 1;
                report.leave_out(What::Generation, why, &row.id);
                return None;
            }
        };
        if variants.len() > VARIANTS {
            variants.truncate(VARIANTS);
            report.leave_out(What::Posts, Why::MoreThanThree, &row.id);
        }
        report.generations.imported += 1;
        Some(ImportedGeneration {
            id: GenerationId::new(derive_id(at, "generation", &row.id)),
            author: AuthorId::new(row.user_id.clone()),
            brief: row.brief.clone(),
            platform: platform(row.platform.as_deref()),
            language: row.language.as_deref().and_then(read_language).unwrap_or(language),
            variants,
            created_at: at,
        })
    }
}

/// Returns the hash of a user's password, if a login can use it.
fn usable_hash(user: &SourceUser, has_email: bool, report: &mut AuthorReport) -> Option<String> {
    let hash = user.password_hash.as_deref().filter(|hash| !hash.is_empty())?;
    let fault = match old_passwords::check(hash) {
        _ if !has_email => Why::NoEmail,
        Ok(()) => return Some(hash.to_owned()),
        Err(OldHashError::NotBcrypt) => Why::HashNotBcrypt,
        Err(OldHashError::Cost) => Why::HashCost,
    };
    report.leave_out(What::Password, fault, &user.id);
    None
}

/// Returns the language of a user. The second value is false for the default of the guide's schema, because
/// it does not tell the user's language.
fn language(code: Option<&str>) -> (Language, bool) {
    let known = code.and_then(read_language);
    (known.unwrap_or(Language::Fr), known.is_some_and(|language| language != Language::Fr))
}

/// Parses a code (`fr`, `pt-BR`) or the name of a language.
fn read_language(text: &str) -> Option<Language> {
    let text = text.trim();
    let code = text.split(['-', '_']).next().unwrap_or_default();
    Language::from_code(code).or_else(|| Language::from_folded_name(&fold(text)))
}

/// Parses the name of a network, which in the guide is free text of the model.
fn platform(name: Option<&str>) -> Platform {
    let name = fold(name.unwrap_or_default().trim());
    match name.as_str() {
        "twitter" | "x (twitter)" | "twitter/x" | "x/twitter" => Platform::X,
        name => Platform::parse(&name.replace([' ', '-'], "_")).unwrap_or(Platform::General),
    }
}

/// Parses posts: a JSON array of texts, or of objects with a text.
fn read_variants(json: &str) -> Option<Vec<Variant>> {
    let values: Vec<serde_json::Value> = serde_json::from_str(json).ok()?;
    let text = |value: &serde_json::Value| {
        let text = value.as_str().or_else(|| value.get("text")?.as_str())?.trim();
        (!text.is_empty()).then(|| Variant { text: text.to_owned(), angle: String::new() })
    };
    let variants: Vec<_> = values.iter().filter_map(text).collect();
    (!variants.is_empty()).then_some(variants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_time_and_is_the_same_each_time() {
        let at = UnixMillis(1_700_000_000_123);
        let id = derive_id(at, "entry", "cmabc");
        assert_eq!(id, derive_id(at, "entry", "cmabc"));
        assert_ne!(id, derive_id(at, "generation", "cmabc"));
        let parsed = uuid::Uuid::parse_str(&id).unwrap();
        assert_eq!(parsed.get_version_num(), 7);
        assert_eq!(parsed.get_timestamp().unwrap().to_unix(), (1_700_000_000, 123_000_000));
        assert!(derive_id(UnixMillis(at.0 + 1), "entry", "a") > id);
    }

    #[test]
    fn numbers_are_read_and_what_the_guide_has_spoilt_is_not() {
        for (text, expected) in [
            ("+33612345678", Some("+33612345678")),
            ("+33639981001", Some("+33639981001")),
            ("+447400123456", Some("+447400123456")),
            ("+33033612345678", None),
            ("+13491208655302741", None),
            ("+", None),
        ] {
            let read = read_number(text, "FR");
            assert_eq!(read.as_ref().map(PhoneE164::as_str), expected, "{text}");
        }
    }

    #[test]
    fn words_of_a_model_become_networks_and_languages() {
        for (name, expected) in [
            (Some("Instagram"), Platform::Instagram),
            (Some(" LinkedIn "), Platform::Linkedin),
            (Some("Twitter"), Platform::X),
            (Some("Google Business"), Platform::GoogleBusiness),
            (Some("réseaux"), Platform::General),
            (None, Platform::General),
        ] {
            assert_eq!(platform(name), expected, "{name:?}");
        }
        for (text, expected) in [
            ("fr", Some(Language::Fr)),
            ("EN", Some(Language::En)),
            ("pt-BR", Some(Language::Pt)),
            ("Español", Some(Language::Es)),
            ("de", None),
            ("", None),
        ] {
            assert_eq!(read_language(text), expected, "{text}");
        }
    }

    #[test]
    fn posts_are_texts_or_objects_with_a_text() {
        let texts = |json: &str| {
            read_variants(json).map(|all| all.into_iter().map(|variant| variant.text).collect::<Vec<_>>())
        };
        assert_eq!(texts(r#"["a", " b ", ""]"#).unwrap(), ["a", "b"]);
        assert_eq!(texts(r#"[{"text": "a"}, {"other": "b"}]"#).unwrap(), ["a"]);
        for json in ["[]", "{}", "a", "[1]", ""] {
            assert_eq!(texts(json), None, "{json}");
        }
    }
}
