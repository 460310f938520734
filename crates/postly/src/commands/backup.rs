//! `postly backup`: a consistent and audited copy of an SQLite file, in a folder or a bucket.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use postly_app::{
    BackupFolder, Core, Erasure, Operator, RestoredCopy, StorageAccount,
    backup_folder::{copy_name, is_bucket, split_bucket},
    operator,
};
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

/// The refusal on PostgreSQL.
pub(crate) const POSTGRES_RECIPE: &str = "this command is for SQLite; PostgreSQL has tools of its own. Back up: \
    pg_dump --format=custom --no-owner --file=postly.dump \"$DIRECT_URL\" (or DATABASE_URL without a pooler; pg_dump must not be \
    older than the server). Restore into an empty database: pg_restore --no-owner --exit-on-error --dbname=\"$DATABASE_URL\" \
    postly.dump, then postly audit. docs/OPERATIONS.md says more";
/// `postly backup`.
pub(crate) async fn run(args: BackupArgs) -> Result<(), Failure> {
    let mut reader = Reader::from_process();
    let place = reader.database();
    let key = reader.identity_hash_key();
    let account = account(&mut reader, place.as_ref(), &args.to);
    let (place, key, account) = reader.done((place, key, account)).map_err(Failure::Config)?;
    let place = place.ok_or_else(|| Failure::Config(vec![]))?;
    let Some(source) = place.address.path().map(Path::to_owned) else {
        return Err(Failure::Usage(POSTGRES_RECIPE.to_owned()));
    };
    let recipient = args.age_recipient.as_deref().map(encrypt::Recipient::parse).transpose()?;
    let target = Target::of(&args, account.as_ref(), recipient.is_some())?;
    telemetry::plain();
    name_database(&place.address.name());
    let backup = Backup { source, target, recipient, key };
    backup.make(place, account, &args).await
}

/// Reads the account of the storage, if the address of a bucket is used.
pub(crate) fn account(
    reader: &mut Reader,
    place: Option<&DatabasePlace>,
    address: &str,
) -> Option<StorageAccount> {
    // PostgreSQL is refused with its recipe, and an address without a client of buckets by itself.
    let is_used = cfg!(feature = "s3") && place.is_some_and(|place| !place.address.is_postgres());
    (is_used && is_bucket(address)).then(|| reader.required_storage()).flatten()
}

/// The place of the new copy.
struct Target {
    folder: BackupFolder,
    name: String,
    /// True for a name that the operator chose, which may be taken.
    is_named: bool,
}

impl Target {
    /// Reads the target. A path that has no extension, that ends in `/` or that is a folder is a folder for
    /// copies by their time; so is an address in a bucket that does not end like a copy.
    fn of(args: &BackupArgs, account: Option<&StorageAccount>, encrypted: bool) -> Result<Self, Failure> {
        let (folder, name) = if is_bucket(&args.to) {
            let (folder, name) = split_bucket(&args.to);
            (BackupFolder::open(folder, account)?, name.map(str::to_owned))
        } else {
            let path = Path::new(&args.to);
            let is_folder = path.is_dir() || args.to.ends_with('/') || path.extension().is_none();
            let name =
                path.file_name().filter(|_| !is_folder).map(|name| name.to_string_lossy().into_owned());
            let folder = if is_folder { Some(path) } else { path.parent() };
            let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            (BackupFolder::Disk(folder.to_owned()), name)
        };
        if name.is_some() && args.keep.is_some() {
            return Err(Failure::Usage(
                "--keep counts the copies in a folder: name a folder with --to".to_owned(),
            ));
        }
        let is_named = name.is_some();
        let name = name.unwrap_or_else(|| copy_name(jiff::Timestamp::now(), encrypted));
        Ok(Self { folder, name, is_named })
    }

    fn address(&self) -> String {
        self.folder.address_of(&self.name)
    }

    /// Fails if the name is taken, or the folder cannot be used.
    async fn prepare(&self) -> Result<(), Failure> {
        if self.is_named && self.folder.contains(&self.name).await? {
            let address = self.address();
            return Err(Failure::Usage(format!(
                "{address} is there already: name another file, or a folder"
            )));
        }
        Ok(self.folder.prepare().await?)
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
    async fn make(
        self,
        place: DatabasePlace,
        account: Option<StorageAccount>,
        args: &BackupArgs,
    ) -> Result<(), Failure> {
        // The original is opened first, so that a wrong address creates no folder.
        let db = wiring::open_existing(place).await?;
        let has_key = self.key.is_some();
        let key = self.key.clone().unwrap_or_default();
        let provider = postly_domain::Provider::Meta;
        let core = wiring::operator_core(db, provider, key, String::new(), account).await?;
        self.target.prepare().await?;
        let folder = self.target.folder.address()?;
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
        let added = self.add(&partial).await;
        remove(&partial);
        let bytes = added?;
        RestoredCopy::new(&core).record_backup(&id, &folder, taken_at).await?;
        if has_key {
            Erasure::new(&core).record_erasures(&self.target.folder).await?;
        } else {
            note("IDENTITY_HASH_KEY is not set: erasures are not recorded beside the copy by this command");
        }
        let is_sound = findings.iter().all(|finding| finding.violations == 0);
        let removed = match args.keep {
            // Older copies may be the last good ones.
            Some(keep) if is_sound => self.remove_old(usize::try_from(keep).unwrap_or(usize::MAX)).await?,
            Some(_) | None => vec![],
        };
        self.report(&findings, bytes, &removed, args)
    }

    /// The folder of the finished file: that of the copies, or that of the original for a bucket.
    fn staging(&self) -> &Path {
        self.target.folder.on_disk().unwrap_or_else(|| self.beside())
    }

    /// The folder of the original.
    fn beside(&self) -> &Path {
        let folder = self.source.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new("."))
    }

    /// The path of the unfinished copy. A copy that will be encrypted is first written in plain, so its path
    /// is beside the original, which holds the same content.
    fn partial(&self) -> PathBuf {
        let folder = if self.recipient.is_some() { self.beside() } else { self.staging() };
        folder.join(format!(".postly-backup-{}.partial", std::process::id()))
    }

    /// Copies the database, audits the copy and makes it one file. Returns the invariants, with violations.
    async fn copy_and_check(
        &self,
        partial: &Path,
        folder: &str,
        id: &str,
        taken_at: UnixMillis,
    ) -> anyhow::Result<Vec<operator::Finding>> {
        private_file(partial).with_context(|| format!("cannot write {}", partial.display()))?;
        let (source, copy) = (self.source.clone(), partial.to_owned());
        let copied = tokio::task::spawn_blocking(move || {
            postly_store::backups::copy(&source, &copy, |done, all| {
                progress(
                    "copied",
                    u64::try_from(done).unwrap_or_default(),
                    u64::try_from(all).unwrap_or_default(),
                );
            })
        });
        copied.await.context("the copy was given up")?.context("cannot copy the database")?;
        let findings = check(partial, |copy| async move {
            RestoredCopy::new(&copy).record_backup(id, folder, taken_at).await?;
            Ok(())
        })
        .await?;
        seal(partial).await?;
        Ok(findings)
    }

    /// Encrypts the copy on wish, and adds it to the folder. Returns its length.
    async fn add(&self, partial: &Path) -> anyhow::Result<u64> {
        let Some(recipient) = &self.recipient else { return self.add_file(partial).await };
        let encrypted = self.staging().join(format!(".postly-backup-{}.age", std::process::id()));
        let added = match recipient.encrypt(partial, &encrypted).context("cannot encrypt the copy") {
            Ok(()) => self.add_file(&encrypted).await,
            Err(error) => Err(error),
        };
        remove(&encrypted);
        added
    }

    async fn add_file(&self, file: &Path) -> anyhow::Result<u64> {
        let bytes = std::fs::metadata(file)?.len();
        let mut uploaded = |done, all| progress("uploaded", done, all);
        self.target.folder.add(&self.target.name, file, &mut uploaded).await?;
        Ok(bytes)
    }

    /// Removes all copies in the folder except the newest ones. Returns the names of the removed copies.
    async fn remove_old(&self, keep: usize) -> anyhow::Result<Vec<String>> {
        let mut removed = vec![];
        for name in self.target.folder.copies().await?.into_iter().rev().skip(keep) {
            self.target.folder.remove(&name).await?;
            removed.push(name);
        }
        Ok(removed)
    }

    fn report(
        &self,
        findings: &[operator::Finding],
        bytes: u64,
        removed: &[String],
        args: &BackupArgs,
    ) -> Result<(), Failure> {
        let broken: Vec<&operator::Finding> =
            findings.iter().filter(|finding| finding.violations > 0).collect();
        let path = self.target.address();
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
    let core =
        wiring::operator_core(db.clone(), provider, SecretString::default(), String::new(), None).await?;
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

/// Shows the progress of the copy or of its upload, on a terminal only.
fn progress(done_what: &str, done: u64, all: u64) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        let percent = done * 100 / all.max(1);
        let end = if done == all { "\n" } else { "" };
        let _ = write!(stderr, "\rpostly: {done_what} {percent} %{end}");
    }
}

#[expect(clippy::print_stderr, reason = "standard output belongs to the answer")]
pub(crate) fn note(text: &str) {
    eprintln!("postly: {text}");
}
