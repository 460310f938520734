//! The read-only connections to SQLite.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{StoreError, sqlite::connect};

/// The number of connections: a page or a command uses one.
const READERS: usize = 4;

/// The pool of read-only connections.
#[derive(Clone)]
pub(crate) struct Readers {
    path: PathBuf,
    idle: Arc<std::sync::Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        let places = Arc::new(Semaphore::new(READERS));
        Self { path: path.to_owned(), idle: Arc::default(), places }
    }

    /// Opens a transaction that cannot write, on one snapshot of the data.
    pub(crate) async fn begin(&self, response_timeout: Duration) -> Result<Reading, StoreError> {
        let place = tokio::time::timeout(response_timeout, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(StoreError::out_of_connections()) };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        connection.execute_batch("BEGIN")?;
        Ok(Reading { connection: Some(connection), readers: self.clone(), _place: place })
    }

    /// Waits until no transaction reads, and closes the connections.
    pub(crate) async fn close(&self) {
        let everybody = u32::try_from(READERS).unwrap_or(u32::MAX);
        let places = self.places.acquire_many(everybody).await;
        self.places.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        drop(places);
    }
}

/// A read-only transaction.
pub(crate) struct Reading {
    /// `None` only while it is being dropped.
    connection: Option<Connection>,
    readers: Readers,
    _place: OwnedSemaphorePermit,
}

impl Reading {
    pub(crate) fn connection(&self) -> Result<&Connection, StoreError> {
        self.connection.as_ref().ok_or_else(StoreError::out_of_connections)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Nothing was written, so its end makes no difference. A connection that cannot end is not used
        // again.
        if let Some(connection) = self.connection.take()
            && connection.execute_batch("COMMIT").is_ok()
        {
            self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}
