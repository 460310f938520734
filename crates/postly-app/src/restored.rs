//! A database restored from a backup: work that the original continued is not repeated.

use std::sync::Arc;

use postly_domain::UnixMillis;
use postly_store::{Engine, StoreError, backups, restores};
use tokio::sync::OnceCell;

pub use postly_store::restores::EndedWork;

use crate::{Core, conflict::again, ids::fresh_text};

/// The longest time between the writing of a message and its arrival after the copy. A message that arrived
/// before the copy is in it, and is recognized by its key.
const DELAY_MS: i64 = 5 * 60 * 1_000;

/// The state of a database that was restored from a backup.
#[derive(Clone)]
pub struct RestoredCopy {
    pub(crate) core: Core,
    pub(crate) gaps: Arc<OnceCell<Vec<(UnixMillis, UnixMillis)>>>,
}

impl RestoredCopy {
    /// Builds the service.
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone(), gaps: Arc::default() }
    }

    /// Records that this database was copied into a folder.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn record_backup(&self, id: &str, folder: &str, at: UnixMillis) -> Result<(), StoreError> {
        let record = async || {
            let mut tx = self.core.db.write().await?;
            backups::record(&mut tx, id, folder, at).await?;
            tx.commit().await
        };
        again!(record())
    }

    /// Returns the time of this copy; `None` if it is not recorded.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn copied_at(&self) -> Result<Option<UnixMillis>, StoreError> {
        let mut tx = self.core.db.read().await?;
        Ok(backups::latest(&mut tx).await?.map(|(_, at)| at))
    }

    /// Ends the work that waited when the copy was made, and all sessions, codes and links. If `lost_at`
    /// tells when the original stopped, messages written between the copy and then are not answered either.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn begin_from_copy(&self, lost_at: Option<UnixMillis>) -> Result<EndedWork, StoreError> {
        let copied_at = self.copied_at().await?;
        let end = async || {
            let now = self.core.now();
            let mut tx = self.core.db.write().await?;
            let ended = restores::end_work(&mut tx, now).await?;
            if let (Some(copied_at), Some(lost_at)) = (copied_at, lost_at) {
                let from = copied_at.plus_ms(-DELAY_MS);
                restores::record(&mut tx, &fresh_text(now), from, lost_at).await?;
            }
            tx.commit().await?;
            Ok::<_, StoreError>(ended)
        };
        again!(end())
    }

    /// Returns true if a message was written while an original of this database continued without it, because
    /// the original answered it. The rows are read once, because a database is restored while no service runs
    /// on it.
    pub(crate) async fn was_answered_elsewhere(&self, written_at: UnixMillis) -> Result<bool, StoreError> {
        if self.core.db.engine() != Engine::Sqlite {
            return Ok(false);
        }
        let gaps = self.gaps.get_or_try_init(async || {
            let mut tx = self.core.db.read().await?;
            restores::gaps(&mut tx).await
        });
        Ok(gaps.await?.iter().any(|(copied_at, lost_at)| *copied_at <= written_at && written_at < *lost_at))
    }
}
