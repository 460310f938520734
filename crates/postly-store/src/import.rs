//! Taking over the database of an application that was built from the guide's Prisma schema: reading it (`source`),
//! writing what was read (`target`), and letting Prisma read it again (`views`).

mod source;
mod target;
mod views;

pub use source::{Source, SourceEntry, SourceError, SourceGeneration, SourceUser, Totals};
pub use target::{
    ClosedAuthor, ImportedGeneration, Known, Names, NewAuthor, NewLedgerEntry, NewNumber, add_authors,
    add_entries, add_generations, close_authors, known, note_grants,
};
pub use views::{ViewsError, create as create_views, drop as drop_views};
