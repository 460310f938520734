//! `postly restore`: restores a lost database from a copy.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use postly_app::{
    BackupFolder, EndedWork, Erasure, ErasureRecords, Operator, RestoredCopy, StorageAccount,
    backup_folder::{is_bucket, split_bucket},
    rfc3339,
};
use postly_domain::{Provider, UnixMillis};
use postly_store::Address;
use secrecy::SecretString;
use serde_json::json;

use super::{
    Failure,
    backup::{self, POSTGRES_RECIPE},
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
    folder: BackupFolder,
    name: String,
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
    let account = backup::account(&mut reader, place.as_ref(), &args.from);
    let (place, key, account) = reader.done((place, key, account)).map_err(Failure::Config)?;
    let place = place.ok_or_else(|| Failure::Config(vec![]))?;
    let Some(target) = place.address.path().map(Path::to_owned) else {
        return Err(Failure::Usage(POSTGRES_RECIPE.to_owned()));
    };
    let (folder, name) = source(&args.from, account.as_ref()).await?;
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
    if name.ends_with(".age") && identity.is_none() {
        return Err(Failure::Usage(
            "the copy is encrypted: name the file of its key with --age-identity".to_owned(),
        ));
    }
    let records = ErasureRecords::read(&folder).await?;
    if key.is_none() && !records.is_empty() {
        return Err(Failure::Usage(
            "IDENTITY_HASH_KEY is missing: people were erased since, and without the service's key they would come back"
                .to_owned(),
        ));
    }
    telemetry::plain();
    name_database(&place.address.name());
    let restore = Restore {
        folder,
        name,
        target,
        identity,
        records,
        key,
        lost_at: args.lost_at.map(|at| UnixMillis(at.as_millisecond())),
    };
    restore.run(&args).await
}

/// Finds the copy: the one that is named, or the newest in a folder. Returns its folder and its name.
async fn source(from: &str, account: Option<&StorageAccount>) -> Result<(BackupFolder, String), Failure> {
    let path = Path::new(from);
    let (folder, name) = if is_bucket(from) {
        let (folder, name) = split_bucket(from);
        (BackupFolder::open(folder, account)?, name.map(str::to_owned))
    } else if path.is_dir() {
        (BackupFolder::Disk(path.to_owned()), None)
    } else {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        (BackupFolder::Disk(path.parent().map(Path::to_owned).unwrap_or_default()), name)
    };
    match name {
        Some(name) if folder.contains(&name).await? => Ok((folder, name)),
        Some(_) => Err(Failure::Usage(format!("--from: there is no {from}"))),
        None => match folder.copies().await?.pop() {
            Some(newest) => Ok((folder, newest)),
            None => Err(Failure::Usage(format!("{from} holds no copies"))),
        },
    }
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
        self.unpack(partial).await?;
        if !matches!(postly_store::backups::is_ours(partial), Ok(true)) {
            let name = self.address();
            return Err(Failure::Usage(format!("{name} is no whole copy of a database of Postly")));
        }
        // A copy of another build is refused, as the service refuses its tables.
        let place = DatabasePlace { address: Address::file(partial), direct: None };
        let db = wiring::open(place).await.map_err(|failure| match failure {
            Failure::Usage(sentence) => Failure::Usage(format!("the copy cannot be used: {sentence}")),
            other => other,
        })?;
        let key = self.key.clone().unwrap_or_default();
        let core = wiring::operator_core(db.clone(), Provider::Meta, key, String::new(), None).await?;
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

    fn address(&self) -> String {
        self.folder.address_of(&self.name)
    }

    /// Writes the plain copy to a new file. An encrypted copy of a bucket is first written beside it.
    async fn unpack(&self, partial: &Path) -> anyhow::Result<()> {
        let Some(identity) = &self.identity else { return self.fetch(partial).await };
        let decrypt =
            |encrypted: &Path| identity.decrypt(encrypted, partial).context("cannot decrypt the copy");
        if let Some(folder) = self.folder.on_disk() {
            return decrypt(&folder.join(&self.name));
        }
        let encrypted = partial.with_extension("age");
        let fetched = self.fetch(&encrypted).await;
        let decrypted = fetched.and_then(|()| decrypt(&encrypted));
        backup::remove(&encrypted);
        decrypted
    }

    async fn fetch(&self, to: &Path) -> anyhow::Result<()> {
        let file = backup::private_file(to).with_context(|| format!("cannot write {}", to.display()))?;
        Ok(self.folder.fetch(&self.name, file).await?)
    }

    fn report(&self, done: &Restored, args: &RestoreArgs) {
        let copied_at = done.copied_at.map(rfc3339);
        if args.output.json {
            say_json(&json!({
                "path": self.target.display().to_string(),
                "from": self.address(),
                "copiedAt": copied_at,
                "erased": done.erased,
                "endedEvents": done.ended.events,
                "endedMessages": done.ended.messages,
                "audited": done.audited,
            }));
            return;
        }
        say(&format!("Restored {} from {}.", self.target.display(), self.address()));
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
