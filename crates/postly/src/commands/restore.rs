//! `postly restore`: restores a lost database from a copy.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use postly_app::{EndedWork, Erasure, ErasureRecords, Operator, RestoredCopy, rfc3339};
use postly_domain::{Provider, UnixMillis};
use postly_store::Address;
use secrecy::SecretString;
use serde_json::json;

use super::{
    Failure,
    backup::{self, NO_S3, POSTGRES_RECIPE},
    desk::name_database,
    encrypt::Identity,
    say, say_json,
};
use crate::{
    cli::RestoreArgs,
    config::{DatabasePlace, Reader},
    telemetry, wiring,
};

/// A copy to be restored.
struct Restore {
    source: PathBuf,
    target: PathBuf,
    identity: Option<Identity>,
    records: ErasureRecords,
    key: Option<SecretString>,
    lost_at: Option<UnixMillis>,
}

/// The outcome of a restore.
struct Restored {
    copied_at: Option<UnixMillis>,
    erased: usize,
    ended: EndedWork,
    audited: bool,
}

/// `postly restore`. The database appears at its path only after every step has succeeded.
pub(crate) async fn run(args: RestoreArgs) -> Result<(), Failure> {
    let mut reader = Reader::from_process();
    let place = reader.database();
    let key = reader.identity_hash_key();
    let (place, key) = reader.done((place, key)).map_err(Failure::Config)?;
    let place = place.ok_or_else(|| Failure::Config(vec![]))?;
    if args.from.starts_with("s3://") {
        return Err(Failure::Usage(format!("--from: {NO_S3}")));
    }
    let Some(target) = place.address.path().map(Path::to_owned) else {
        return Err(Failure::Usage(POSTGRES_RECIPE.to_owned()));
    };
    let source = source(Path::new(&args.from))?;
    for ending in ["", "-wal", "-shm"] {
        let there = format!("{}{ending}", target.display());
        if Path::new(&there).exists() {
            return Err(Failure::Usage(format!(
                "{there} is there already, and is not overwritten: stop the service and move the file away, with its -wal and \
                 -shm"
            )));
        }
    }
    let identity = args.age_identity.as_deref().map(Identity::read).transpose()?;
    if source.extension().is_some_and(|ending| ending == "age") && identity.is_none() {
        return Err(Failure::Usage(
            "the copy is encrypted: name the file of its key with --age-identity".to_owned(),
        ));
    }
    let folder = source.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    let records = ErasureRecords::read(&folder).context("cannot read the record of erasures")?;
    if key.is_none() && !records.is_empty() {
        return Err(Failure::Usage(
            "IDENTITY_HASH_KEY is missing: people were erased since, and without the service's key they would come back"
                .to_owned(),
        ));
    }
    telemetry::plain();
    name_database(&place.address.name());
    let restore = Restore {
        source,
        target,
        identity,
        records,
        key,
        lost_at: args.lost_at.map(|at| UnixMillis(at.as_millisecond())),
    };
    restore.run(&args).await
}

/// Returns the path of the copy: a file, or the newest copy in a folder.
fn source(from: &Path) -> Result<PathBuf, Failure> {
    if from.is_dir() {
        let newest = backup::copies(from)?.pop();
        let newest = newest.ok_or_else(|| Failure::Usage(format!("{} holds no copies", from.display())))?;
        return Ok(from.join(newest));
    }
    if !from.is_file() {
        return Err(Failure::Usage(format!("--from: there is no {}", from.display())));
    }
    Ok(from.to_owned())
}

impl Restore {
    async fn run(self, args: &RestoreArgs) -> Result<(), Failure> {
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let partial = folder.join(format!(".postly-restore-{}.partial", std::process::id()));
        let done = match self.prepare(&partial, args.verify).await {
            Ok(done) => done,
            Err(error) => {
                backup::remove(&partial);
                return Err(error);
            }
        };
        std::fs::rename(&partial, &self.target)?;
        File::open(&folder)?.sync_all()?;
        self.report(&done, args);
        Ok(())
    }

    /// Prepares the database at a path beside its final one.
    async fn prepare(&self, partial: &Path, verify: bool) -> Result<Restored, Failure> {
        self.unpack(partial)?;
        if !matches!(postly_store::backups::is_ours(partial), Ok(true)) {
            let name = self.source.display();
            return Err(Failure::Usage(format!("{name} is no whole copy of a database of Postly")));
        }
        // A copy of another build is refused, as the service refuses its tables.
        let place = DatabasePlace { address: Address::file(partial), direct: None };
        let db = wiring::open(place).await.map_err(|failure| match failure {
            Failure::Usage(sentence) => Failure::Usage(format!("the copy cannot be used: {sentence}")),
            other => other,
        })?;
        let key = self.key.clone().unwrap_or_default();
        let core = wiring::operator_core(db.clone(), Provider::Meta, key, String::new()).await?;
        let restored = RestoredCopy::new(&core);
        let copied_at = restored.copied_at().await?;
        let ended = restored.begin_from_copy(self.lost_at).await?;
        let erased = Erasure::new(&core).apply_erasures(&self.records).await?;
        let findings = if verify { Operator::new(&core).audit().await? } else { vec![] };
        db.close().await;
        drop((restored, core, db));
        for finding in findings.iter().filter(|finding| finding.violations > 0) {
            backup::note(&format!("in the copy does not hold: {} {}", finding.id, finding.name));
        }
        if findings.iter().any(|finding| finding.violations > 0) {
            return Err(Failure::Failed(anyhow::anyhow!(
                "the copy does not pass the audit: nothing was restored"
            )));
        }
        backup::seal(partial).await?;
        Ok(Restored { copied_at, erased, ended, audited: verify })
    }

    fn unpack(&self, partial: &Path) -> anyhow::Result<()> {
        if let Some(identity) = &self.identity {
            return identity.decrypt(&self.source, partial).context("cannot decrypt the copy");
        }
        let mut file = backup::private_file(partial)?;
        std::io::copy(&mut File::open(&self.source)?, &mut file).context("cannot read the copy")?;
        Ok(file.sync_all()?)
    }

    fn report(&self, done: &Restored, args: &RestoreArgs) {
        let copied_at = done.copied_at.map(rfc3339);
        if args.output.json {
            say_json(&json!({
                "path": self.target.display().to_string(),
                "from": self.source.display().to_string(),
                "copiedAt": copied_at,
                "erased": done.erased,
                "endedEvents": done.ended.events,
                "endedMessages": done.ended.messages,
                "audited": done.audited,
            }));
            return;
        }
        say(&format!("Restored {} from {}.", self.target.display(), self.source.display()));
        if let Some(copied_at) = copied_at {
            say(&format!("It is as of {copied_at}; what happened after that is not in it."));
        }
        say(&format!(
            "Ended as dead letters: {} messages of authors, {} of ours. Erased again: {} authors.",
            done.ended.events, done.ended.messages, done.erased
        ));
        say("Every session has ended. See docs/OPERATIONS.md for what to reconcile.");
    }
}
