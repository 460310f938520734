//! The writing as the rest of the service sees it.

mod offline;
