//! The operator's pages, as a browser without a script shows them.

mod desk;
mod glance;
mod login;
