//! The lock beside an SQLite file, so that one process serves it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::PathBuf,
};

use anyhow::Context as _;
use postly_store::Address;

use crate::commands::Failure;

/// The ownership of a database file, until this value is dropped or the process ends in any way.
#[derive(Debug)]
pub(crate) struct Ownership {
    _lock: File,
}

impl Ownership {
    /// Locks an SQLite file; `None` for PostgreSQL, which any number of processes share.
    pub(crate) fn take(address: &Address) -> Result<Option<Self>, Failure> {
        let Some(file) = address.path() else { return Ok(None) };
        let mut name = file.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).context("cannot make the folder of the database")?;
        }
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = opened.with_context(|| format!("cannot open {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { _lock: lock })),
            Err(TryLockError::WouldBlock) => Err(Failure::Usage(format!(
                "DATABASE_URL: another process serves {}: stop it first, or use PostgreSQL, which several share",
                file.display()
            ))),
            Err(TryLockError::Error(error)) => Err(Failure::Failed(
                anyhow::Error::new(error).context(format!("cannot lock {}", path.display())),
            )),
        }
    }
}
