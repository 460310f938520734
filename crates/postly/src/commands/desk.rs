//! The environment of the operator's commands: an existing database, and services that send no message.

use std::fmt::Display;

use postly_app::{
    Accounts, Admin, Erasure, Operator, Pauses, Payments, People, StorageAccount, StoreError, admin::Act,
    operator::AuthorSelector,
};
use postly_domain::{AdminAction, Email, OperatorName, PhoneE164, id::AuthorId};
use secrecy::SecretString;

use super::Failure;
use crate::{
    cli::WhoArgs,
    config::{Reader, ShopConfig},
    telemetry, wiring,
};

/// The services of these commands, and the region of national numbers.
pub(crate) struct Desk {
    pub(crate) accounts: Accounts,
    pub(crate) erasure: Erasure,
    pub(crate) operator: Operator,
    pub(crate) pauses: Pauses,
    pub(crate) payments: Payments,
    pub(crate) people: People,
    pub(crate) admin: Admin,
    region: String,
}

impl Desk {
    pub(crate) async fn open() -> Result<Self, Failure> {
        Self::open_with(Reader::from_process(), SecretString::from(String::new()), None, None).await
    }

    /// Opens the database with the account at Stripe, if it is configured.
    pub(crate) async fn open_with_shop() -> Result<Self, Failure> {
        let mut reader = Reader::from_process();
        let shop = reader.shop();
        Self::open_with(reader, SecretString::from(String::new()), shop, None).await
    }

    /// Opens the database with `IDENTITY_HASH_KEY`, for commands that write hashes: only the service's key
    /// makes the hashes that the service finds.
    pub(crate) async fn open_with_key() -> Result<Self, Failure> {
        let mut reader = Reader::from_process();
        let key = reader.identity_hash_key();
        let key = reader.required("IDENTITY_HASH_KEY", key);
        // An erasure is recorded beside the backups, which may be in a bucket.
        let storage = reader.storage();
        Self::open_with(reader, key.unwrap_or_default(), None, storage).await
    }

    /// Opens an existing database, and names it on standard error.
    async fn open_with(
        mut reader: Reader,
        key: SecretString,
        shop: Option<ShopConfig>,
        storage: Option<StorageAccount>,
    ) -> Result<Self, Failure> {
        let place = reader.database();
        let region = reader.default_region();
        let provider = reader.provider().unwrap_or(postly_domain::Provider::Meta);
        let site_url = reader.public_base_url();
        let (place, region) = reader.done((place, region)).map_err(Failure::Config)?;
        let place = place.ok_or_else(|| Failure::Config(vec![]))?;
        telemetry::plain();
        name_database(&place.address.name());
        let db = wiring::open_existing(place).await?;
        let core = wiring::operator_core(db, provider, key, site_url, storage).await?;
        let accounts = Accounts::new(&core);
        Ok(Self {
            admin: Admin::new(&core, &accounts),
            accounts,
            erasure: Erasure::new(&core),
            operator: Operator::new(&core),
            pauses: Pauses::new(&core),
            payments: Payments::new(&core, shop.map(wiring::shop).transpose()?),
            people: People::new(&core),
            region,
        })
    }

    /// Records a change by a command in the audit log, makes it, and records its end (RULES 1.6). `by` is the
    /// name that the operator gave; without it, the log has the account of the machine.
    pub(crate) async fn act<T, E: From<StoreError> + Display>(
        &self,
        action: AdminAction,
        subject: &str,
        note: &str,
        by: Option<&str>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let account = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let account = format!("{} (command)", account.unwrap_or_default());
        let operator = by.and_then(OperatorName::parse).or_else(|| OperatorName::parse(&account));
        match operator {
            Some(operator) => {
                self.admin.audited(&Act { operator: &operator, action, subject, note }, work).await
            }
            // Not reached in practice: the name of an account is short, and has one line.
            None => work.await,
        }
    }

    /// Returns the id of an author, for the audit log; empty for an unknown author.
    pub(crate) async fn subject(&self, who: &AuthorSelector) -> String {
        self.people.account(who).await.map_or_else(|_| String::new(), |found| found.author.id.to_string())
    }

    pub(crate) async fn who(&self, who: &WhoArgs) -> Result<AuthorSelector, Failure> {
        match (&who.phone, &who.id, &who.email) {
            (Some(phone), _, _) => match PhoneE164::parse_typed(phone, &self.region) {
                Ok(phone) => Ok(AuthorSelector::Phone(phone)),
                Err(error) => {
                    self.known(phone).await.ok_or_else(|| Failure::Usage(format!("--phone: {error}")))
                }
            },
            (None, Some(id), _) => Ok(AuthorSelector::Id(AuthorId::new(id.clone()))),
            (None, None, Some(email)) => match Email::parse(email) {
                Ok(email) => Ok(AuthorSelector::Email(email)),
                Err(error) => Err(Failure::Usage(format!("--email: {error}"))),
            },
            (None, None, None) => {
                Err(Failure::Usage("name the author by --phone, --id or --email".to_owned()))
            }
        }
    }

    /// Finds the author of a number that no numbering plan has but that has written to the service: its owner
    /// may need help as well.
    async fn known(&self, typed: &str) -> Option<AuthorSelector> {
        let who = AuthorSelector::Phone(PhoneE164::parse_asked(typed, &self.region).ok()?);
        self.people.account(&who).await.is_ok().then_some(who)
    }
}

/// Names the database of the command on standard error, because a relative path depends on the working
/// folder.
#[expect(clippy::print_stderr, reason = "standard output belongs to the answer")]
pub(crate) fn name_database(name: &str) {
    eprintln!("postly: the database is {name}");
}
