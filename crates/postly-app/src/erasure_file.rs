//! The record of erasures beside the backups. After a restore of an older backup, its authors are erased
//! again.
//!
//! Each line is a keyed hash: of an author's id, or of a number or provider id up to an instant. A line can
//! be matched to an author only with the key of the service.

use std::{collections::BTreeSet, error::Error as _, io, time::Duration};

use postly_domain::{UnixMillis, id::AuthorId};
use postly_store::{Engine, StoreError, backups, erasures, restores};
use serde::{Deserialize, Serialize};

use crate::{BackupFolder, BackupFolderError, Erasure, conflict::again};

/// The name of the file in the folder of the backups.
pub(crate) const ERASURES_FILE: &str = "erasures.jsonl";
/// Rows read at once.
const PAGE: i64 = 1_000;
/// The longest time that an erasure waits for the folder of the backups. A bucket may be out of reach.
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);

/// The reason why erasures could not be recorded or applied.
#[derive(Debug, thiserror::Error)]
pub enum ErasureFileError {
    /// The folder of the backups cannot be used.
    #[error(transparent)]
    Folder(#[from] BackupFolderError),
    /// A record cannot be written as text.
    #[error("the record of erasures cannot be written")]
    Io(#[from] io::Error),
    /// A line cannot be parsed.
    #[error("line {line} of the record of erasures cannot be read")]
    Line {
        /// The number of the line, from 1.
        line: usize,
    },
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Record {
    /// An author.
    Author(String),
    /// A number or provider id, and the time until which its messages are not answered.
    Subject(String, i64),
}

/// The content of a record of erasures.
#[derive(Debug, Clone, Default)]
pub struct ErasureRecords(BTreeSet<Record>);

impl ErasureRecords {
    /// Reads the record in a folder; a missing file is an empty record. A last line torn by a crash is
    /// ignored.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or if another line cannot be parsed.
    pub async fn read(folder: &BackupFolder) -> Result<Self, ErasureFileError> {
        let text = folder.erasures().await?;
        let mut records = BTreeSet::new();
        let is_torn = !text.is_empty() && !text.ends_with('\n');
        let count = text.lines().count();
        for (number, line) in (1..).zip(text.lines()) {
            match serde_json::from_str(line) {
                Ok(record) => drop(records.insert(record)),
                Err(_) if is_torn && number == count => {}
                Err(_) => return Err(ErasureFileError::Line { line: number }),
            }
        }
        Ok(Self(records))
    }

    /// True if it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds records to the file.
    async fn append(folder: &BackupFolder, new: &[Record]) -> Result<(), ErasureFileError> {
        let mut lines = String::new();
        for record in new {
            lines.push_str(&serde_json::to_string(record).map_err(io::Error::from)?);
            lines.push('\n');
        }
        Ok(folder.add_erasures(&lines).await?)
    }
}

impl Erasure {
    /// Records the erasures of this database in a folder, except those recorded there already. Returns the
    /// number of records added.
    ///
    /// # Errors
    /// See [`ErasureFileError`].
    pub async fn record_erasures(&self, folder: &BackupFolder) -> Result<usize, ErasureFileError> {
        let known = ErasureRecords::read(folder).await?;
        let mut new = vec![];
        let mut tx = self.core.db.read().await?;
        let mut last = String::new();
        loop {
            let page = restores::authors_after(&mut tx, &last, true, PAGE).await?;
            let Some(end) = page.last() else { break };
            last = end.as_str().to_owned();
            new.extend(page.iter().map(|id| Record::Author(self.erased_hash(id))));
        }
        let mut last = String::new();
        loop {
            let page = restores::marks_after(&mut tx, &last, PAGE).await?;
            let Some((end, _)) = page.last() else { break };
            last.clone_from(end);
            new.extend(page.into_iter().map(|(hash, until)| Record::Subject(hash, until.0)));
        }
        drop(tx);
        new.retain(|record| !known.0.contains(record));
        if !new.is_empty() {
            ErasureRecords::append(folder, &new).await?;
        }
        Ok(new.len())
    }

    /// Records erasures beside the newest backup, if it is on this machine or in a bucket. A failure does not
    /// undo the erasure: the next backup records it.
    pub(crate) async fn record_erasures_beside_backups(&self) {
        if self.core.db.engine() != Engine::Sqlite {
            return;
        }
        let recorded = async {
            let mut tx = self.core.db.read().await?;
            let latest = backups::latest(&mut tx).await?;
            drop(tx);
            let Some((address, _)) = latest else { return Ok(()) };
            let folder = BackupFolder::open(&address, self.core.settings.storage.as_ref())?;
            self.record_erasures(&folder).await.map(drop)
        };
        let failed = match tokio::time::timeout(RECORD_TIMEOUT, recorded).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => match error.source() {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            },
            Err(_) => {
                format!("the folder of the backups did not answer within {} s", RECORD_TIMEOUT.as_secs())
            }
        };
        tracing::warn!(error = %failed, "An erasure is not recorded beside the backups yet: the next backup does it");
    }

    /// Erases each author of this database that a record names, and marks the recorded numbers. Returns the
    /// number of authors erased.
    ///
    /// # Errors
    /// See [`ErasureFileError`].
    pub async fn apply_erasures(&self, records: &ErasureRecords) -> Result<usize, ErasureFileError> {
        let mut found: Vec<AuthorId> = vec![];
        let mut last = String::new();
        loop {
            let mut tx = self.core.db.read().await?;
            let page = restores::authors_after(&mut tx, &last, false, PAGE).await?;
            let Some(end) = page.last() else { break };
            last = end.as_str().to_owned();
            found.extend(
                page.into_iter().filter(|id| records.0.contains(&Record::Author(self.erased_hash(id)))),
            );
        }
        for id in &found {
            // The erasure is recorded already.
            again!(self.try_erase(id))?;
        }
        let mark = async || {
            let mut tx = self.core.db.write().await?;
            for record in &records.0 {
                if let Record::Subject(hash, until) = record {
                    erasures::mark(&mut tx, hash, UnixMillis(*until)).await?;
                }
            }
            tx.commit().await
        };
        again!(mark())?;
        Ok(found.len())
    }

    fn erased_hash(&self, id: &AuthorId) -> String {
        self.core.name_hash(&format!("erased:{id}"))
    }
}
