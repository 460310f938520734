//! The folder of the backups: on a disk, or a prefix of a bucket. It holds copies of the database and the
//! record of erasures.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use crate::erasure_file::ERASURES_FILE;

#[cfg(feature = "s3")]
mod bucket;
#[cfg(feature = "s3")]
mod client;
mod disk;
#[cfg(feature = "s3")]
mod errors;

#[cfg(feature = "s3")]
use bucket::Bucket;

/// The beginning of an address of a bucket.
const SCHEME: &str = "s3://";
/// The name of a copy holds its time, so that the newest copy is the last by name.
const PREFIX: &str = "postly-";
const ENDINGS: [&str; 2] = [".db", ".db.age"];

/// The account at an S3-compatible storage (`AWS_…`).
#[derive(Debug, Clone)]
pub struct StorageAccount {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: SecretString,
    /// `AWS_SESSION_TOKEN`, of temporary credentials.
    pub session_token: Option<SecretString>,
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ENDPOINT_URL`; without it the storage is that of AWS.
    pub endpoint: Option<String>,
}

/// The reason why a folder of backups could not be used. No message holds a credential or an answer of the
/// storage.
#[derive(Debug, thiserror::Error)]
pub enum BackupFolderError {
    /// A file cannot be read or written.
    #[error("{0}")]
    Disk(String, #[source] io::Error),
    /// The operator has to change the command line, the configuration or the bucket.
    #[error("{0}")]
    Refused(String),
    /// The storage failed.
    #[error("{0}")]
    Failed(String),
}

/// A folder of backups.
#[derive(Debug)]
pub enum BackupFolder {
    /// A folder of this machine.
    Disk(PathBuf),
    /// A prefix of a bucket.
    #[cfg(feature = "s3")]
    Bucket(Bucket),
}

/// Returns true for the address of a bucket.
pub fn is_bucket(address: &str) -> bool {
    address.starts_with(SCHEME)
}

/// Returns true for a name that `postly backup` gives to copies.
pub fn is_copy(name: &str) -> bool {
    name.starts_with(PREFIX) && has_ending(name)
}

/// Returns the name of a copy made at this time.
pub fn copy_name(time: jiff::Timestamp, encrypted: bool) -> String {
    let millis = time.as_millisecond().rem_euclid(1000);
    let ending = if encrypted { ".db.age" } else { ".db" };
    format!("{PREFIX}{}{millis:03}Z{ending}", time.strftime("%Y%m%dT%H%M%S"))
}

fn has_ending(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Splits the address in a bucket into folder and object. The address of an object ends in `.db` or
/// `.db.age`.
pub fn split_bucket(address: &str) -> (&str, Option<&str>) {
    match address.rsplit_once('/') {
        Some((folder, name)) if has_ending(name) && folder.len() > SCHEME.len() => (folder, Some(name)),
        _ => (address, None),
    }
}

impl BackupFolder {
    /// Opens a folder by its path, or by the address of a bucket. Asks the storage nothing.
    ///
    /// # Errors
    /// Fails if the address is wrong, the account is missing, or this build has no client of buckets.
    pub fn open(address: &str, account: Option<&StorageAccount>) -> Result<Self, BackupFolderError> {
        if !is_bucket(address) {
            return Ok(Self::Disk(PathBuf::from(address)));
        }
        #[cfg(feature = "s3")]
        {
            Ok(Self::Bucket(Bucket::open(address, account)?))
        }
        #[cfg(not(feature = "s3"))]
        {
            let _ = account;
            let sentence = "s3:// is not in this build: build it with the feature s3, or write to a folder and copy it with a \
                 tool of the storage (rclone copy, aws s3 sync, restic)";
            Err(BackupFolderError::Refused(sentence.to_owned()))
        }
    }

    /// The path on this machine.
    pub fn on_disk(&self) -> Option<&Path> {
        match self {
            Self::Disk(folder) => Some(folder),
            #[cfg(feature = "s3")]
            Self::Bucket(_) => None,
        }
    }

    /// The address by which the folder is found again from any working folder.
    ///
    /// # Errors
    /// Fails if the working folder is unknown.
    pub fn address(&self) -> Result<String, BackupFolderError> {
        match self {
            Self::Disk(folder) => match std::path::absolute(folder) {
                Ok(folder) => Ok(folder.display().to_string()),
                Err(error) => Err(disk::failed("cannot tell where the folder is", error)),
            },
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => Ok(bucket.address().to_owned()),
        }
    }

    /// The path or address of a copy.
    pub fn address_of(&self, name: &str) -> String {
        match self {
            Self::Disk(folder) => folder.join(name).display().to_string(),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.address_of(name),
        }
    }

    /// Makes the folder if it is missing. A bucket is asked whether it is there and can be read, and is not
    /// made.
    ///
    /// # Errors
    /// See [`BackupFolderError`].
    pub async fn prepare(&self) -> Result<(), BackupFolderError> {
        match self {
            Self::Disk(folder) => disk::make(folder),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.names().await.map(drop),
        }
    }

    /// Returns the names of the copies, oldest first.
    ///
    /// # Errors
    /// See [`BackupFolderError`].
    pub async fn copies(&self) -> Result<Vec<String>, BackupFolderError> {
        let mut names = match self {
            Self::Disk(folder) => disk::names(folder)?,
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.names().await?,
        };
        names.retain(|name| is_copy(name));
        names.sort_unstable();
        Ok(names)
    }

    /// Returns true if there is a copy of this name.
    ///
    /// # Errors
    /// See [`BackupFolderError`].
    pub async fn contains(&self, name: &str) -> Result<bool, BackupFolderError> {
        match self {
            Self::Disk(folder) => Ok(folder.join(name).exists()),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.contains(name).await,
        }
    }

    /// Adds a finished file under a name, whole or not at all, and removes it from where it was. On a disk
    /// the file must be in the same folder or beside it. What a bucket has stored is read back and compared.
    /// `progress` is told the bytes done and all bytes.
    ///
    /// # Errors
    /// See [`BackupFolderError`]. The file remains where it was.
    pub async fn add(
        &self,
        name: &str,
        file: &Path,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<(), BackupFolderError> {
        match self {
            Self::Disk(folder) => {
                let _ = progress;
                disk::add(folder, name, file)
            }
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => {
                bucket.add(name, file, progress).await?;
                std::fs::remove_file(file)
                    .map_err(|error| disk::failed("cannot remove the temporary file", error))
            }
        }
    }

    /// Writes a copy to an open file, and syncs it to the disk.
    ///
    /// # Errors
    /// See [`BackupFolderError`].
    pub async fn fetch(&self, name: &str, to: File) -> Result<(), BackupFolderError> {
        match self {
            Self::Disk(folder) => disk::fetch(folder, name, to),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.fetch(name, to).await,
        }
    }

    /// Removes a copy.
    ///
    /// # Errors
    /// See [`BackupFolderError`].
    pub async fn remove(&self, name: &str) -> Result<(), BackupFolderError> {
        match self {
            Self::Disk(folder) => std::fs::remove_file(folder.join(name))
                .map_err(|error| disk::failed(&format!("cannot remove the old copy {name}"), error)),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.remove(name).await,
        }
    }

    /// Returns the record of erasures; empty if there is none.
    pub(crate) async fn erasures(&self) -> Result<String, BackupFolderError> {
        match self {
            Self::Disk(folder) => disk::erasures(&folder.join(ERASURES_FILE)),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.erasures().await,
        }
    }

    /// Adds lines to the record of erasures, durably.
    pub(crate) async fn add_erasures(&self, lines: &str) -> Result<(), BackupFolderError> {
        match self {
            Self::Disk(folder) => disk::add_erasures(&folder.join(ERASURES_FILE), lines),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => bucket.add_erasures(lines).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_by_its_name() {
        let time: jiff::Timestamp = "2026-11-30T23:15:00.007Z".parse().unwrap();
        assert_eq!(copy_name(time, false), "postly-20261130T231500007Z.db");
        assert_eq!(copy_name(time, true), "postly-20261130T231500007Z.db.age");
        for (name, expected) in [
            ("postly-20261130T231500007Z.db", true),
            ("postly-20261130T231500007Z.db.age", true),
            ("notes.db", false),
            ("postly-20261130T231500007Z.db-wal", false),
            ("erasures.jsonl", false),
        ] {
            assert_eq!(is_copy(name), expected, "{name}");
        }
    }

    #[test]
    fn an_address_in_a_bucket_is_a_folder_unless_it_ends_like_a_copy() {
        for (address, expected) in [
            ("s3://bucket", ("s3://bucket", None)),
            ("s3://bucket.db", ("s3://bucket.db", None)),
            ("s3://bucket/postly.prod", ("s3://bucket/postly.prod", None)),
            ("s3://bucket/a/one.db", ("s3://bucket/a", Some("one.db"))),
            ("s3://bucket/one.db.age", ("s3://bucket", Some("one.db.age"))),
            ("s3://bucket/a.db/", ("s3://bucket/a.db/", None)),
        ] {
            assert_eq!(split_bucket(address), expected, "{address}");
        }
    }
}
