//! A database from a backup: what the original went on with is not done again.

use postly_domain::UnixMillis;
use postly_store::{Engine, StoreError, backups, restores};

pub use postly_store::restores::EndedWork;

use crate::{App, conflict::again, ids::fresh_text};

/// How long before the copy a message may have been written that arrived after it. One that arrived before is in the copy, and is
/// known by its key.
const DELAY_MS: i64 = 5 * 60 * 1_000;

impl App {
    /// Records that this database was copied into a folder.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_backup(&self, id: &str, folder: &str, at: UnixMillis) -> Result<(), StoreError> {
        let record = async || {
            let mut tx = self.0.db.write().await?;
            backups::record(&mut tx, id, folder, at).await?;
            tx.commit().await
        };
        again!(record())
    }

    /// Returns when this copy was made; `None` if it does not say.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn copied_at(&self) -> Result<Option<UnixMillis>, StoreError> {
        let mut tx = self.0.db.read().await?;
        Ok(backups::latest(&mut tx).await?.map(|(_, at)| at))
    }

    /// Ends the work that waited when the copy was made, and everything that lets somebody in. If it is known until when the
    /// original went on (`lost_at`), messages written from the copy until then are not answered either.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_from_copy(&self, lost_at: Option<UnixMillis>) -> Result<EndedWork, StoreError> {
        let copied_at = self.copied_at().await?;
        let end = async || {
            let now = self.now();
            let mut tx = self.0.db.write().await?;
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

    /// Returns true if a message was written while an original of this database went on without it: it was answered there. The
    /// rows are read once, because a database is restored while no service runs on it.
    pub(crate) async fn was_answered_elsewhere(&self, written_at: UnixMillis) -> Result<bool, StoreError> {
        if self.0.db.engine() != Engine::Sqlite {
            return Ok(false);
        }
        let gaps = self.0.gaps.get_or_try_init(async || {
            let mut tx = self.0.db.read().await?;
            restores::gaps(&mut tx).await
        });
        Ok(gaps.await?.iter().any(|(copied_at, lost_at)| *copied_at <= written_at && written_at < *lost_at))
    }
}
