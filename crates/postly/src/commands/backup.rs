//! `postly backup`: a consistent and audited copy of an SQLite file.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use postly_app::{Core, Erasure, Operator, RestoredCopy, operator};
use postly_domain::UnixMillis;
use postly_store::Address;
use secrecy::SecretString;
use serde_json::json;

use super::{Failure, desk::name_database, encrypt, say, say_json};
use crate::{
    cli::BackupArgs,
    config::{DatabasePlace, Reader},
    telemetry, wiring,
};

/// The name of a copy holds its time, so that the newest copy is the last by name.
const PREFIX: &str = "postly-";
const ENDINGS: [&str; 2] = [".db", ".db.age"];

/// The refusal on PostgreSQL.
pub(crate) const POSTGRES_RECIPE: &str = "this command is for SQLite; PostgreSQL has tools of its own. Back up: \
    pg_dump --format=custom --no-owner --file=postly.dump \"$DIRECT_URL\" (or DATABASE_URL without a pooler; pg_dump must not be \
    older than the server). Restore into an empty database: pg_restore --no-owner --exit-on-error --dbname=\"$DATABASE_URL\" \
    postly.dump, then postly audit. docs/OPERATIONS.md says more";
/// The refusal of an address of a bucket.
pub(crate) const NO_S3: &str = "s3:// is not built in: write to a folder, and copy it with a tool of the storage (rclone copy, \
    aws s3 sync, restic)";

/// `postly backup`.
pub(crate) async fn run(args: BackupArgs) -> Result<(), Failure> {
    let mut reader = Reader::from_process();
    let place = reader.database();
    let key = reader.identity_hash_key();
    let (place, key) = reader.done((place, key)).map_err(Failure::Config)?;
    let place = place.ok_or_else(|| Failure::Config(vec![]))?;
    if args.to.starts_with("s3://") {
        return Err(Failure::Usage(format!("--to: {NO_S3}")));
    }
    let Some(source) = place.address.path().map(Path::to_owned) else {
        return Err(Failure::Usage(POSTGRES_RECIPE.to_owned()));
    };
    let recipient = args.age_recipient.as_deref().map(encrypt::Recipient::parse).transpose()?;
    let target = Target::of(&args, recipient.is_some())?;
    telemetry::plain();
    name_database(&place.address.name());
    let backup = Backup { source, target, recipient, key };
    backup.make(place, &args).await
}

/// The place of the new copy.
struct Target {
    folder: PathBuf,
    file: PathBuf,
}

impl Target {
    /// Reads the target. A path that has no extension, that ends in `/` or that is a folder is a folder for
    /// copies by their time.
    fn of(args: &BackupArgs, encrypted: bool) -> Result<Self, Failure> {
        let path = PathBuf::from(&args.to);
        let is_folder = path.is_dir() || args.to.ends_with('/') || path.extension().is_none();
        if is_folder {
            let time = jiff::Timestamp::now();
            let millis = time.as_millisecond().rem_euclid(1000);
            let ending = if encrypted { ".db.age" } else { ".db" };
            let name = format!("{PREFIX}{}{millis:03}Z{ending}", time.strftime("%Y%m%dT%H%M%S"));
            return Ok(Self { file: path.join(name), folder: path });
        }
        if args.keep.is_some() {
            return Err(Failure::Usage(
                "--keep counts the copies in a folder: name a folder with --to".to_owned(),
            ));
        }
        if path.exists() {
            return Err(Failure::Usage(format!(
                "{} is there already: name another file, or a folder",
                args.to
            )));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
        Ok(Self { folder, file: path })
    }
}

/// A backup to be made.
struct Backup {
    source: PathBuf,
    target: Target,
    recipient: Option<encrypt::Recipient>,
    /// The key of the hashes of erased people, if it is configured.
    key: Option<SecretString>,
}

impl Backup {
    async fn make(self, place: DatabasePlace, args: &BackupArgs) -> Result<(), Failure> {
        // The original is opened first, so that a wrong address creates no folder.
        let db = wiring::open_existing(place).await?;
        let has_key = self.key.is_some();
        let key = self.key.clone().unwrap_or_default();
        let core = wiring::operator_core(db, postly_domain::Provider::Meta, key, String::new()).await?;
        std::fs::create_dir_all(&self.target.folder)
            .with_context(|| format!("cannot make the folder {}", self.target.folder.display()))?;
        let folder = std::path::absolute(&self.target.folder)?;
        let id = uuid::Uuid::now_v7().to_string();
        let partial = self.partial();
        // Before the copy, because the copy may lack rows that are written while it is made.
        let taken_at = core.now();
        let made = self.copy_and_check(&partial, &folder, &id, taken_at).await;
        let findings = match made {
            Ok(findings) => findings,
            Err(error) => {
                remove(&partial);
                return Err(error.into());
            }
        };
        self.finish(&partial).inspect_err(|_| remove(&partial))?;
        RestoredCopy::new(&core).record_backup(&id, &folder.display().to_string(), taken_at).await?;
        if has_key {
            Erasure::new(&core).record_erasures(&folder).await?;
        } else {
            note("IDENTITY_HASH_KEY is not set: erasures are not recorded beside the copy by this command");
        }
        let removed = match args.keep {
            Some(keep) => self.remove_old(usize::try_from(keep).unwrap_or(usize::MAX))?,
            None => vec![],
        };
        self.report(&findings, &removed, args)
    }

    /// The path of the unfinished copy. A copy that will be encrypted is first written in plain, so its path
    /// is beside the original, which holds the same content.
    fn partial(&self) -> PathBuf {
        let name = format!(".postly-backup-{}.partial", std::process::id());
        let folder = if self.recipient.is_some() { self.source.parent() } else { Some(&*self.target.folder) };
        folder.map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name))
    }

    /// Copies the database, audits the copy and makes it one file. Returns the invariants, with violations.
    async fn copy_and_check(
        &self,
        partial: &Path,
        folder: &Path,
        id: &str,
        taken_at: UnixMillis,
    ) -> anyhow::Result<Vec<operator::Finding>> {
        private_file(partial).with_context(|| format!("cannot write {}", partial.display()))?;
        let (source, copy) = (self.source.clone(), partial.to_owned());
        let copied =
            tokio::task::spawn_blocking(move || postly_store::backups::copy(&source, &copy, progress));
        copied.await.context("the copy was given up")?.context("cannot copy the database")?;
        let findings = check(partial, |copy| async move {
            RestoredCopy::new(&copy).record_backup(id, &folder.display().to_string(), taken_at).await?;
            Ok(())
        })
        .await?;
        seal(partial).await?;
        Ok(findings)
    }

    /// Moves the copy to its target, and syncs it to the disk.
    fn finish(&self, partial: &Path) -> anyhow::Result<()> {
        match &self.recipient {
            None => std::fs::rename(partial, &self.target.file)?,
            Some(recipient) => {
                let encrypted = self.target.folder.join(format!(".postly-backup-{}.age", std::process::id()));
                let written = recipient.encrypt(partial, &encrypted);
                written.inspect_err(|_| remove(&encrypted)).context("cannot encrypt the copy")?;
                std::fs::rename(&encrypted, &self.target.file)?;
                std::fs::remove_file(partial)?;
            }
        }
        Ok(File::open(&self.target.folder)?.sync_all()?)
    }

    /// Removes all copies in the folder except the newest ones. Returns the names of the removed copies.
    fn remove_old(&self, keep: usize) -> anyhow::Result<Vec<String>> {
        let mut removed = vec![];
        for name in copies(&self.target.folder)?.into_iter().rev().skip(keep) {
            std::fs::remove_file(self.target.folder.join(&name))
                .with_context(|| format!("cannot remove the old copy {name}"))?;
            removed.push(name);
        }
        Ok(removed)
    }

    fn report(
        &self,
        findings: &[operator::Finding],
        removed: &[String],
        args: &BackupArgs,
    ) -> Result<(), Failure> {
        let broken: Vec<&operator::Finding> =
            findings.iter().filter(|finding| finding.violations > 0).collect();
        let bytes = std::fs::metadata(&self.target.file)?.len();
        let path = self.target.file.display().to_string();
        if args.output.json {
            say_json(&json!({
                "path": path,
                "bytes": bytes,
                "encrypted": self.recipient.is_some(),
                "ok": broken.is_empty(),
                "removed": removed,
            }));
        } else {
            say(&format!("Copied to {path} ({} KiB), opened and audited.", bytes.div_ceil(1024)));
            for name in removed {
                say(&format!("Removed the old copy {name}."));
            }
        }
        if broken.is_empty() {
            return Ok(());
        }
        for finding in broken {
            note(&format!("in the copy does not hold: {} {}", finding.id, finding.name));
        }
        note("the copy is kept; run postly audit on the original, which has the same fault");
        Err(Failure::Silent)
    }
}

/// Returns the names of the copies in a folder, oldest first.
pub(crate) fn copies(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = vec![];
    for entry in std::fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if name.starts_with(PREFIX) && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Creates an empty file that only this user can read. Fails if the file exists.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Opens a copy, runs `first` on it, and audits it.
pub(crate) async fn check<F: Future<Output = anyhow::Result<()>>>(
    path: &Path,
    first: impl FnOnce(Core) -> F,
) -> anyhow::Result<Vec<operator::Finding>> {
    let place = DatabasePlace { address: Address::file(path), direct: None };
    let db = wiring::open_existing(place).await.map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let provider = postly_domain::Provider::Meta;
    let core = wiring::operator_core(db.clone(), provider, SecretString::default(), String::new()).await?;
    first(core.clone()).await?;
    let findings = Operator::new(&core).audit().await?;
    db.close().await;
    Ok(findings)
}

/// Makes a copy one file, checks its integrity, and syncs it to the disk.
pub(crate) async fn seal(path: &Path) -> anyhow::Result<()> {
    let path = path.to_owned();
    let sealed = tokio::task::spawn_blocking(move || {
        postly_store::backups::seal(&path).context("the copy does not pass its check")?;
        for log in ["-wal", "-shm"] {
            remove(&PathBuf::from(format!("{}{log}", path.display())));
        }
        anyhow::Ok(File::open(&path)?.sync_all()?)
    });
    sealed.await.context("the check was given up")?
}

/// Removes a file of ours with its logs. A missing file is accepted.
pub(crate) fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm", "-journal"] {
        // A file that remains is recognized by its name.
        let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
    }
}

/// Shows the progress of the copy, on a terminal only.
fn progress(done: i32, all: i32) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        let percent = i64::from(done) * 100 / i64::from(all.max(1));
        let end = if done == all { "\n" } else { "" };
        let _ = write!(stderr, "\rpostly: copied {percent} %{end}");
    }
}

#[expect(clippy::print_stderr, reason = "standard output belongs to the answer")]
pub(crate) fn note(text: &str) {
    eprintln!("postly: {text}");
}
