//! Once more: work that met other work of the same person, and lost.

use postly_store::StoreError;

/// How often work is tried in all: whoever was in the way has ended by then.
const TRIES: u8 = 4;

/// Counts the tries of work that begins and ends a transaction of its own.
#[derive(Debug, Default)]
pub(crate) struct Again(u8);

impl Again {
    /// Whether work that failed so is to be tried again: when the database says that it met other work (two transactions that
    /// waited for each other, or a row that went while it was referred to), a bounded number of times.
    pub(crate) fn may(&mut self, error: &StoreError) -> bool {
        self.0 += 1;
        let may = self.0 < TRIES && error.met_other_work();
        if may {
            tracing::debug!(tries = self.0, "Met other work of the same person; trying again");
        }
        may
    }
}
