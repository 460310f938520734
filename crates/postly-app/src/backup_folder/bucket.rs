//! A prefix of a bucket at an S3-compatible storage.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use object_store::{
    BackoffConfig, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, RetryConfig, UpdateVersion,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path as ObjectPath,
};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use super::{BackupFolderError, SCHEME, StorageAccount, client::Connector, disk, errors};
use crate::erasure_file::ERASURES_FILE;

/// The bytes that one request uploads, which are held in memory. A copy that fits is one request.
const PART: u64 = 8 << 20;
/// The most parts of an object: a limit of S3. A copy of more than 80 GB has larger parts.
const MOST_PARTS: u64 = 10_000;
/// The longest record of erasures, which is read into memory: some 500,000 people.
const LONGEST_RECORD: u64 = 64 << 20;
/// Tries of a conditional write: another process writes the record at the same time only by chance.
const WRITES: usize = 5;
/// The repetitions of a request that fails for a reason that may pass, in a second and a half together.
const RETRIES: usize = 4;
/// No repetition begins after this time.
const RETRY_TIMEOUT: Duration = Duration::from_secs(180);

/// A prefix of a bucket.
#[derive(Debug)]
pub struct Bucket {
    store: AmazonS3,
    bucket: String,
    prefix: ObjectPath,
    address: String,
}

/// The length and the SHA-256 of some bytes.
#[derive(PartialEq, Eq)]
struct Digested {
    length: u64,
    hash: Vec<u8>,
}

impl Bucket {
    pub(super) fn open(address: &str, account: Option<&StorageAccount>) -> Result<Self, BackupFolderError> {
        let refused = |sentence: &str| BackupFolderError::Refused(sentence.to_owned());
        let Some((bucket, prefix)) = parse(address) else {
            return Err(refused(
                "the address of a bucket is s3://BUCKET or s3://BUCKET/PREFIX: BUCKET has 3 to 63 small letters, digits, \
                 dots and hyphens, and no part of PREFIX is empty",
            ));
        };
        let account = account.ok_or_else(|| refused("AWS_ACCESS_KEY_ID is missing"))?;
        let client = Connector::new().map_err(|_| refused("cannot set up the client of the storage"))?;
        let mut builder = AmazonS3Builder::new()
            .with_http_connector(client)
            .with_bucket_name(bucket)
            .with_region(&account.region)
            .with_access_key_id(&account.access_key_id)
            .with_secret_access_key(account.secret_access_key.expose_secret())
            // One request removes one copy: not every storage has the other one.
            .with_disable_bulk_delete(true)
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: RETRIES,
                retry_timeout: RETRY_TIMEOUT,
            });
        if let Some(token) = &account.session_token {
            builder = builder.with_token(token.expose_secret());
        }
        if let Some(endpoint) = &account.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        // The error may repeat an argument.
        let store = builder.build().map_err(|_| refused("AWS_ENDPOINT_URL or AWS_REGION cannot be used"))?;
        let address = format!("{SCHEME}{bucket}/{prefix}");
        let address = address.trim_end_matches('/').to_owned();
        Ok(Self { store, bucket: bucket.to_owned(), prefix, address })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn address_of(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    fn path(&self, name: &str) -> ObjectPath {
        self.prefix.clone().join(name)
    }

    /// Returns an error with what was being done.
    fn failed<'a>(&'a self, doing: &str) -> impl Fn(object_store::Error) -> BackupFolderError + use<'a> {
        let doing = format!("{doing} in {}", self.address);
        move |error| errors::explain(&doing, &self.bucket, &error)
    }

    /// Returns the names of the objects directly below the prefix.
    pub(super) async fn names(&self) -> Result<Vec<String>, BackupFolderError> {
        let prefix = (!self.prefix.as_ref().is_empty()).then_some(&self.prefix);
        let listed =
            self.store.list_with_delimiter(prefix).await.map_err(self.failed("cannot list the copies"))?;
        Ok(listed.objects.iter().filter_map(|object| object.location.filename()).map(str::to_owned).collect())
    }

    pub(super) async fn contains(&self, name: &str) -> Result<bool, BackupFolderError> {
        match self.store.head(&self.path(name)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed(&format!("cannot look for {name}"))(error)),
        }
    }

    /// Uploads a file, reads it back, and removes it if it is not the same. An object appears whole or not at
    /// all.
    pub(super) async fn add(
        &self,
        name: &str,
        file: &Path,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<(), BackupFolderError> {
        let local = |error| disk::failed("cannot read the temporary file", error);
        let file = File::open(file).map_err(local)?;
        let length = file.metadata().map_err(local)?.len();
        let uploaded = if length <= PART {
            let (_, bytes) = read_part(file, PART).await.map_err(local)?;
            let digested = Digested { length, hash: Sha256::digest(&bytes).to_vec() };
            let put = self.store.put(&self.path(name), bytes.into()).await;
            put.map_err(self.failed(&format!("cannot upload {name}")))?;
            progress(length, length);
            digested
        } else {
            self.upload_parts(name, file, length, progress).await?
        };
        let stored = self.read(name, |_| Ok(())).await;
        if stored.as_ref().is_ok_and(|stored| *stored == uploaded) {
            return Ok(());
        }
        // The copy is not valid. The error below matters more than one of its removal.
        let removed = self.store.delete(&self.path(name)).await.is_ok();
        stored?;
        let end = if removed { "it was removed" } else { "remove it" };
        Err(BackupFolderError::Failed(format!(
            "{} differs from what was uploaded: {end}",
            self.address_of(name)
        )))
    }

    /// Uploads a file in parts, one after the other. Nothing remains of an upload that fails, unless the
    /// storage is gone.
    async fn upload_parts(
        &self,
        name: &str,
        mut file: File,
        length: u64,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<Digested, BackupFolderError> {
        let part = PART.max(length.div_ceil(MOST_PARTS));
        let failed = self.failed(&format!("cannot upload {name}"));
        let mut upload = self.store.put_multipart(&self.path(name)).await.map_err(&failed)?;
        let mut hash = Sha256::new();
        let sent = async {
            let mut done = 0;
            loop {
                let (rest, bytes) = read_part(file, part)
                    .await
                    .map_err(|error| disk::failed("cannot read the temporary file", error))?;
                file = rest;
                if bytes.is_empty() {
                    break;
                }
                hash.update(&bytes);
                let read = bytes.len() as u64;
                upload.put_part(bytes.into()).await.map_err(&failed)?;
                done += read;
                progress(done, length);
            }
            upload.complete().await.map_err(&failed)?;
            Ok(done)
        };
        match sent.await {
            Ok(length) => Ok(Digested { length, hash: hash.finalize().to_vec() }),
            Err(error) => {
                // The first error is the one to tell. What remains is removed by a rule of the bucket.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    /// Downloads an object into an open file, and syncs it to the disk.
    pub(super) async fn fetch(&self, name: &str, mut to: File) -> Result<(), BackupFolderError> {
        self.read(name, |bytes| to.write_all(bytes)).await?;
        to.sync_all().map_err(|error| disk::failed("cannot write the copy", error))
    }

    /// Downloads an object in pieces of some 16 KB.
    async fn read(
        &self,
        name: &str,
        mut piece: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Digested, BackupFolderError> {
        let failed = self.failed(&format!("cannot download {name}"));
        let got = self.store.get(&self.path(name)).await.map_err(&failed)?;
        let expected = got.meta.size;
        let mut stream = got.into_stream();
        let (mut length, mut hash) = (0, Sha256::new());
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.map_err(&failed)?;
            piece(&bytes).map_err(|error| disk::failed("cannot write the copy", error))?;
            length += bytes.len() as u64;
            hash.update(&bytes);
        }
        if length != expected {
            return Err(BackupFolderError::Failed(format!(
                "the download of {} is cut short",
                self.address_of(name)
            )));
        }
        Ok(Digested { length, hash: hash.finalize().to_vec() })
    }

    pub(super) async fn remove(&self, name: &str) -> Result<(), BackupFolderError> {
        let removed = self.store.delete(&self.path(name)).await;
        removed.map_err(self.failed(&format!("cannot remove the old copy {name}")))
    }

    pub(super) async fn erasures(&self) -> Result<String, BackupFolderError> {
        Ok(self.record().await?.0)
    }

    /// Returns the record of erasures, and its version; no version if it is not there.
    async fn record(&self) -> Result<(String, Option<UpdateVersion>), BackupFolderError> {
        let failed = self.failed("cannot read the record of erasures");
        let got = match self.store.get(&self.path(ERASURES_FILE)).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok((String::new(), None)),
            Err(error) => return Err(failed(error)),
        };
        if got.meta.size > LONGEST_RECORD {
            return Err(BackupFolderError::Failed(format!(
                "{} is longer than {} MiB",
                self.address_of(ERASURES_FILE),
                LONGEST_RECORD >> 20
            )));
        }
        let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        let bytes = got.bytes().await.map_err(failed)?;
        let text = String::from_utf8(bytes.to_vec())
            .map_err(|_| BackupFolderError::Failed("the record of erasures is no text".to_owned()))?;
        Ok((text, Some(version)))
    }

    /// Adds lines to the record of erasures, except those that it has. The storage replaces the whole object
    /// if it is still the one that was read. A storage without conditional writes replaces it in any case;
    /// lines of another process that are lost thereby are in the database, and the next backup writes them.
    pub(super) async fn add_erasures(&self, lines: &str) -> Result<(), BackupFolderError> {
        let path = self.path(ERASURES_FILE);
        for _ in 0..WRITES {
            let (mut text, version) = self.record().await?;
            let known: HashSet<&str> = text.lines().collect();
            let new: String =
                lines.lines().filter(|line| !known.contains(line)).flat_map(|line| [line, "\n"]).collect();
            if new.is_empty() {
                return Ok(());
            }
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&new);
            let whole = Bytes::from(text);
            let mode = version.map_or(PutMode::Create, PutMode::Update);
            let conditional = PutOptions { mode, ..PutOptions::default() };
            let written = match self.store.put_opts(&path, whole.clone().into(), conditional).await {
                Err(error) if errors::is_unconditional(&error) => self.store.put(&path, whole.into()).await,
                written => written,
            };
            match written {
                Ok(_) => return Ok(()),
                Err(object_store::Error::Precondition { .. } | object_store::Error::AlreadyExists { .. }) => {
                }
                Err(error) => return Err(self.failed("cannot write the record of erasures")(error)),
            }
        }
        Err(BackupFolderError::Failed("the record of erasures is always written by others".to_owned()))
    }
}

/// Reads up to `most` bytes on a thread that may wait, and returns the file with them.
async fn read_part(mut file: File, most: u64) -> io::Result<(File, Vec<u8>)> {
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = vec![];
        (&mut file).take(most).read_to_end(&mut bytes)?;
        Ok((file, bytes))
    });
    read.await.map_err(io::Error::other)?
}

/// Returns the bucket and the prefix that an address names.
fn parse(address: &str) -> Option<(&str, ObjectPath)> {
    let rest = address.strip_prefix(SCHEME)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    is_bucket_name(bucket).then_some((bucket, ObjectPath::parse(prefix).ok()?))
}

/// Returns true for a name that S3 allows.
fn is_bucket_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
        && !name.starts_with(['.', '-'])
        && !name.ends_with(['.', '-'])
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_bucket_and_perhaps_a_prefix() {
        for (address, expected) in [
            ("s3://backups", Some(("backups", ""))),
            ("s3://backups/", Some(("backups", ""))),
            ("s3://backups/postly/prod", Some(("backups", "postly/prod"))),
            ("s3://backups/postly.prod/", Some(("backups", "postly.prod"))),
            ("s3://", None),
            ("s3:///prefix", None),
            ("s3://ab", None),
            ("s3://Backups", None),
            ("s3://a_b_c", None),
            ("s3://back..ups", None),
            ("s3://backups/a//b", None),
        ] {
            let parsed = parse(address);
            let parsed = parsed.as_ref().map(|(bucket, prefix)| (*bucket, prefix.as_ref()));
            assert_eq!(parsed, expected, "{address}");
        }
    }
}
