//! The operator's pages, as a browser without a script uses them.

mod authors;
mod desk;
mod glance;
mod handoffs;
mod login;
mod messages;
mod payments;
mod work;
