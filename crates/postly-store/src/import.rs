//! Importing the database of an application built from the guide's Prisma schema: reading it (`source`),
//! writing it to our tables (`target`), and views for Prisma (`views`).

mod source;
mod target;
mod views;

pub use source::{Source, SourceEntry, SourceError, SourceGeneration, SourceUser, Totals};
pub use target::{
    ClosedAuthor, ImportedGeneration, Known, Names, NewAuthor, NewLedgerEntry, NewNumber, add_authors,
    add_entries, add_generations, close_authors, known, note_grants,
};
pub use views::{ViewsError, create as create_views, drop as drop_views};
