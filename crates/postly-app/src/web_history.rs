//! The history of an author on the web.

use postly_domain::id::{AuthorId, GenerationId};
use postly_store::{
    StoreError,
    history::{self, HistoryFilter, SavedGeneration},
};

use crate::WebGenerations;

/// A page of a history, newest first.
pub type HistoryPage = (Vec<SavedGeneration>, Option<String>);

impl WebGenerations {
    /// Returns the newest generations of an author, newest first: at most `most`.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn newest_generations(
        &self,
        author: &AuthorId,
        most: usize,
    ) -> Result<Vec<SavedGeneration>, StoreError> {
        let all = HistoryFilter::default();
        Ok(history::list(&mut self.core.db.read().await?, author, &all, None, most).await?.0)
    }

    /// Returns a page of an author's history, newest first, from just before `cursor`.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn history(
        &self,
        author: &AuthorId,
        filter: &HistoryFilter<'_>,
        cursor: Option<&str>,
    ) -> Result<HistoryPage, StoreError> {
        const PAGE: usize = 20;
        history::list(&mut self.core.db.read().await?, author, filter, cursor, PAGE).await
    }

    /// Returns one generation of an author.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn generation(
        &self,
        author: &AuthorId,
        id: &GenerationId,
    ) -> Result<Option<SavedGeneration>, StoreError> {
        history::get(&mut self.core.db.read().await?, author, id).await
    }

    /// Marks one variant of a generation as used (1 to 3), or none. Returns false if the author has no such
    /// generation.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn mark_used(
        &self,
        author: &AuthorId,
        id: &GenerationId,
        used: Option<i64>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.core.db.write().await?;
        let found = history::set_used(&mut tx, author, id, used).await?;
        tx.commit().await?;
        Ok(found)
    }
}
