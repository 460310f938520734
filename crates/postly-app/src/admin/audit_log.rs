//! Records of the views and changes of operators.

use std::fmt::Display;

use postly_domain::{AdminAction, OperatorName};
use postly_store::{
    StoreError, Tx,
    audit_log::{self, NewRecord, Record},
};

use crate::{Admin, conflict::again, ids::fresh_text};

/// The number of rows on a page of the log.
const PAGE: usize = 50;
/// The longest reason that is kept, in characters.
const LONGEST_NOTE: usize = 500;

/// An action that an operator is about to do.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// The operator.
    pub operator: &'a OperatorName,
    /// The action.
    pub action: AdminAction,
    /// The id of the row that it is about.
    pub subject: &'a str,
    /// The operator's reason.
    pub note: &'a str,
}

/// A page of the audit log, newest first, and the cursor of the next one.
pub type LogPage = (Vec<Record>, Option<String>);

impl Admin {
    /// Records that an operator reads personal content. To be called before the content is shown.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn note_view(&self, act: &Act<'_>) -> Result<(), StoreError> {
        self.begin_act(act, Some("done")).await.map(|_| ())
    }

    /// Records an action, does it, and records its end. If the process dies in between, the row stays without
    /// an end.
    ///
    /// # Errors
    /// Returns the errors of the work. Fails without doing the work if the action cannot be recorded.
    pub async fn audited<T, E: From<StoreError> + Display>(
        &self,
        act: &Act<'_>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let id = self.begin_act(act, None).await?;
        let done = work.await;
        let outcome = match &done {
            Ok(_) => "done".to_owned(),
            Err(error) => format!("failed: {error}"),
        };
        let end = async || {
            let mut tx = self.core.db.write().await?;
            audit_log::end(&mut tx, &id, &outcome).await?;
            tx.commit().await
        };
        if let Err(error) = again!(end()) {
            // The row of the beginning stays, whether the work was done or not.
            tracing::warn!(error = %error, "Could not record the end of an operator's action");
        }
        done
    }

    async fn begin_act(&self, act: &Act<'_>, outcome: Option<&str>) -> Result<String, StoreError> {
        let add = async || {
            let mut tx = self.core.db.write().await?;
            let id = self.record_act(&mut tx, act.operator.as_str(), act, outcome).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(id)
        };
        let id = again!(add())?;
        let action = act.action.as_str();
        tracing::info!(audit.id = %id, action, "An operator's action: {action}");
        Ok(id)
    }

    /// Records an action within a transaction. Returns the id of its row.
    pub(super) async fn record_act(
        &self,
        tx: &mut Tx,
        operator: &str,
        act: &Act<'_>,
        outcome: Option<&str>,
    ) -> Result<String, StoreError> {
        let now = self.core.now();
        let id = fresh_text(now);
        let note: String = act.note.chars().filter(|c| *c != '\0').take(LONGEST_NOTE).collect();
        let Act { action, subject, .. } = *act;
        let new = NewRecord { id: &id, operator, action, subject, note: &note, outcome };
        audit_log::add(tx, &new, now).await?;
        Ok(id)
    }

    /// Returns a page of the audit log, newest first; of one subject, if one is named.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn audit_log(
        &self,
        subject: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<LogPage, StoreError> {
        let mut tx = self.core.db.read().await?;
        audit_log::list(&mut tx, subject, cursor, PAGE).await
    }
}
