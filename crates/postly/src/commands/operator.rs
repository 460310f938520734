//! The operator's tools.

use postly_app::{App, operator::AuthorSelector, rfc3339};
use postly_domain::{PhoneE164, id::AuthorId};
use postly_store::wallets::Entry;
use secrecy::SecretString;
use serde_json::json;

use super::{Failure, say, say_json};
use crate::{
    cli::{Adjustment, CreditsCommand, DeadLettersCommand, Output, UsersCommand, WhoArgs},
    config::Reader,
    telemetry, wiring,
};

/// What these commands need of the configuration: a database, and where national numbers are at home.
struct Desk {
    app: App,
    region: String,
}

impl Desk {
    async fn open() -> Result<Self, Failure> {
        Self::open_with(Reader::from_process(), SecretString::from(String::new())).await
    }

    /// The same for what is remembered by keyed hashes: only the key of the service makes the same ones.
    async fn open_with_key() -> Result<Self, Failure> {
        let mut reader = Reader::from_process();
        let key = reader.identity_hash_key();
        let key = reader.required("IDENTITY_HASH_KEY", key);
        Self::open_with(reader, key.unwrap_or_default()).await
    }

    /// Neither makes nor migrates a database, and names the one that it reads.
    async fn open_with(mut reader: Reader, key: SecretString) -> Result<Self, Failure> {
        let place = reader.database();
        let region = reader.default_region();
        let provider = reader.provider().unwrap_or(postly_domain::Provider::Meta);
        let (place, region) = reader.done((place, region)).map_err(Failure::Config)?;
        let place = place.ok_or_else(|| Failure::Config(vec![]))?;
        telemetry::plain();
        name_database(&place.address.name());
        let db = wiring::open_existing(place).await?;
        Ok(Self { app: wiring::operator_application(db, provider, key).await?, region })
    }

    async fn who(&self, who: &WhoArgs) -> Result<AuthorSelector, Failure> {
        match (&who.phone, &who.id) {
            (Some(phone), _) => match PhoneE164::parse_typed(phone, &self.region) {
                Ok(phone) => Ok(AuthorSelector::Phone(phone)),
                Err(error) => {
                    self.known(phone).await.ok_or_else(|| Failure::Usage(format!("--phone: {error}")))
                }
            },
            (None, Some(id)) => Ok(AuthorSelector::Id(AuthorId::new(id.clone()))),
            (None, None) => Err(Failure::Usage("name the author by --phone or --id".to_owned())),
        }
    }

    /// A number that no numbering plan knows, but that has written to us: its owner may need help all the same.
    async fn known(&self, typed: &str) -> Option<AuthorSelector> {
        let who = AuthorSelector::Phone(PhoneE164::parse_asked(typed, &self.region).ok()?);
        self.app.account(&who).await.is_ok().then_some(who)
    }
}

/// Says on standard error which database a command is about: a relative path counts from the folder it runs in.
#[expect(clippy::print_stderr, reason = "standard output belongs to the answer")]
pub(super) fn name_database(name: &str) {
    eprintln!("postly: the database is {name}");
}

/// `postly migrate`, the one command that makes a database.
pub(crate) async fn migrate() -> Result<(), Failure> {
    let mut reader = Reader::from_process();
    let place = reader.database();
    let place = reader.done(place).map_err(Failure::Config)?.ok_or_else(|| Failure::Config(vec![]))?;
    telemetry::plain();
    name_database(&place.address.name());
    let db = wiring::open(place).await?;
    db.close().await;
    say("The database is up to date.");
    Ok(())
}

/// `postly audit`.
pub(crate) async fn audit(output: Output) -> Result<(), Failure> {
    let desk = Desk::open().await?;
    let findings = desk.app.audit().await?;
    let ok = findings.iter().all(|finding| finding.violations == 0);
    if output.json {
        let invariants: Vec<_> = findings
            .iter()
            .map(|finding| {
                json!({
                    "id": finding.id,
                    "name": finding.name,
                    "ok": finding.violations == 0,
                    "violations": finding.violations,
                    "examples": finding.examples,
                })
            })
            .collect();
        say_json(&json!({ "ok": ok, "invariants": invariants }));
    } else {
        for finding in &findings {
            if finding.violations == 0 {
                say(&format!("ok    {}  {}", finding.id, finding.name));
            } else {
                let examples = finding.examples.join(", ");
                say(&format!("FAIL  {}  {}: {} ({examples})", finding.id, finding.name, finding.violations));
            }
        }
    }
    if ok { Ok(()) } else { Err(Failure::Silent) }
}

/// `postly users`.
pub(crate) async fn users(command: UsersCommand) -> Result<(), Failure> {
    let (who, output) = match command {
        UsersCommand::Show { who, output } => (who, output),
        UsersCommand::Export { who, output: _ } => {
            let desk = Desk::open().await?;
            let export = desk.app.export_of(&desk.who(&who).await?).await?;
            say(&serde_json::to_string_pretty(&export)?);
            return Ok(());
        }
        UsersCommand::Erase { who, output } => return erase(&who, output).await,
    };
    let desk = Desk::open().await?;
    let account = desk.app.account(&desk.who(&who).await?).await?;
    let identities: Vec<_> = account
        .identities
        .iter()
        .map(|identity| {
            json!({
                "provider": identity.provider.as_str(),
                "providerUserId": identity.address,
                "phone": identity.phone.as_ref().map(PhoneE164::as_str),
                "bsuid": identity.bsuid,
                "stopped": identity.stopped_at.is_some(),
            })
        })
        .collect();
    let shown = json!({
        "id": account.author.id.as_str(),
        "email": account.author.email,
        "language": account.author.language.code(),
        "available": account.wallet.available(),
        "held": account.wallet.held,
        "identities": identities,
        "createdAt": rfc3339(account.author.created_at),
    });
    if output.json {
        say_json(&shown);
    } else {
        say(&serde_json::to_string_pretty(&shown)?);
    }
    Ok(())
}

/// `postly users erase`.
async fn erase(who: &WhoArgs, output: Output) -> Result<(), Failure> {
    let desk = Desk::open_with_key().await?;
    let id = desk.app.account(&desk.who(who).await?).await?.author.id;
    desk.app.erase(&id).await?;
    if output.json {
        say_json(&json!({ "erased": id.as_str() }));
    } else {
        say(&format!("Erased author {id}: her ledger is left, without her name."));
    }
    Ok(())
}

/// `postly credits`.
pub(crate) async fn credits(command: CreditsCommand) -> Result<(), Failure> {
    let desk = Desk::open().await?;
    match command {
        CreditsCommand::Show { who, output } => {
            let (wallet, entries, next) = desk.app.credits(&desk.who(&who).await?, None).await?;
            if output.json {
                let entries: Vec<_> = entries.iter().map(entry_json).collect();
                say_json(&json!({
                    "available": wallet.available(),
                    "held": wallet.held,
                    "entries": entries,
                    "next": next,
                }));
            } else {
                for entry in &entries {
                    let note = entry.note.as_deref().unwrap_or_default();
                    say(&format!("{}  {:+} {} {note}", rfc3339(entry.created_at), entry.delta, entry.reason));
                }
                say(&format!("Available: {}  Held: {}", wallet.available(), wallet.held));
            }
            Ok(())
        }
        CreditsCommand::Grant(adjustment) => adjust(&desk, &adjustment, adjustment.amount).await,
        CreditsCommand::Deduct(adjustment) => adjust(&desk, &adjustment, -adjustment.amount).await,
    }
}

async fn adjust(desk: &Desk, adjustment: &Adjustment, delta: i64) -> Result<(), Failure> {
    let (entry, wallet) =
        desk.app.adjust(&desk.who(&adjustment.who).await?, delta, &adjustment.reason).await?;
    if adjustment.output.json {
        say_json(&json!({
            "entry": entry_json(&entry),
            "available": wallet.available(),
            "held": wallet.held,
        }));
    } else {
        say(&format!("{:+} {}", entry.delta, entry.reason));
        say(&format!("Available: {}  Held: {}", wallet.available(), wallet.held));
    }
    Ok(())
}

/// `postly dead-letters`.
pub(crate) async fn dead_letters(command: DeadLettersCommand) -> Result<(), Failure> {
    let desk = Desk::open().await?;
    match command {
        DeadLettersCommand::List(output) => {
            let letters = desk.app.dead_letters().await?;
            if output.json {
                let letters: Vec<_> = letters
                    .iter()
                    .map(|letter| {
                        json!({
                            "id": letter.id,
                            "queue": letter.queue.as_str(),
                            "reason": letter.reason,
                            "attempts": letter.attempts,
                            "authorId": letter.author.as_ref().map(AuthorId::as_str),
                            "refunded": letter.refunded,
                            "createdAt": rfc3339(letter.created_at),
                        })
                    })
                    .collect();
                say_json(&letters.into());
            } else if letters.is_empty() {
                say("There are no dead letters.");
            } else {
                for letter in &letters {
                    let refunded = if letter.refunded { "  refunded" } else { "" };
                    say(&format!(
                        "{}  {}  {}  {}{refunded}",
                        rfc3339(letter.created_at),
                        letter.id,
                        letter.queue.as_str(),
                        letter.reason
                    ));
                }
            }
            Ok(())
        }
        DeadLettersCommand::Replay { id, all: _, output } => {
            let done = desk.app.replay(id.as_deref()).await?;
            if output.json {
                say_json(&json!({ "replayed": done.replayed, "skipped": done.skipped }));
            } else {
                say(&format!("Replayed: {}  Skipped: {}", done.replayed, done.skipped));
            }
            // Asked for one and not done is a failure; of all, some may have nothing to be replayed for.
            if id.is_some() && done.replayed == 0 { Err(Failure::Silent) } else { Ok(()) }
        }
    }
}

fn entry_json(entry: &Entry) -> serde_json::Value {
    json!({
        "id": entry.id.as_str(),
        "delta": entry.delta,
        "reason": entry.reason,
        "note": entry.note,
        "reference": entry.reference,
        "createdAt": rfc3339(entry.created_at),
    })
}
