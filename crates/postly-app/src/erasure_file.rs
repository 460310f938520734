//! The record of erasures beside the backups. After a restore of an older backup, its authors are erased
//! again.
//!
//! Each line is a keyed hash: of an author's id, or of a number or provider id up to an instant. A line can
//! be matched to an author only with the key of the service.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use postly_domain::{UnixMillis, id::AuthorId};
use postly_store::{Engine, StoreError, backups, erasures, restores};
use serde::{Deserialize, Serialize};

use crate::{Erasure, conflict::again};

/// The name of the file in the folder of the backups.
pub const ERASURES_FILE: &str = "erasures.jsonl";
/// Rows read at once.
const PAGE: i64 = 1_000;

/// The reason why erasures could not be recorded or applied.
#[derive(Debug, thiserror::Error)]
pub enum ErasureFileError {
    /// The file cannot be read or written.
    #[error("the record of erasures cannot be read or written")]
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
    pub fn read(folder: &Path) -> Result<Self, ErasureFileError> {
        let text = match std::fs::read_to_string(folder.join(ERASURES_FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
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

    /// Appends records to the file, and syncs it to the disk.
    fn append(folder: &Path, new: &[Record]) -> Result<(), ErasureFileError> {
        let path = folder.join(ERASURES_FILE);
        let mut lines = vec![];
        let torn = std::fs::read(&path).is_ok_and(|bytes| bytes.last().is_some_and(|last| *last != b'\n'));
        if torn {
            lines.push(b'\n');
        }
        for record in new {
            serde_json::to_writer(&mut lines, record).map_err(io::Error::from)?;
            lines.push(b'\n');
        }
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        file.write_all(&lines)?;
        Ok(file.sync_all()?)
    }
}

impl Erasure {
    /// Records the erasures of this database in a folder, except those recorded there already. Returns the
    /// number of records added.
    ///
    /// # Errors
    /// See [`ErasureFileError`].
    pub async fn record_erasures(&self, folder: &Path) -> Result<usize, ErasureFileError> {
        let known = ErasureRecords::read(folder)?;
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
            ErasureRecords::append(folder, &new)?;
        }
        Ok(new.len())
    }

    /// Records erasures beside the newest backup, if there is one on this machine. A failure does not undo
    /// the erasure: the next backup records it.
    pub(crate) async fn record_erasures_beside_backups(&self) {
        if self.core.db.engine() != Engine::Sqlite {
            return;
        }
        let folder = async {
            let mut tx = self.core.db.read().await?;
            Ok::<_, StoreError>(backups::latest(&mut tx).await?.map(|(folder, _)| PathBuf::from(folder)))
        };
        let recorded = match folder.await {
            Ok(Some(folder)) => self.record_erasures(&folder).await.map(drop),
            Ok(None) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = recorded {
            tracing::warn!(error = %error, "An erasure is not recorded beside the backups yet: the next backup does it");
        }
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
            self.erase(id).await?;
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
