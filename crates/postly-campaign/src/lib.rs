//! Campaigns against the whole service, from outside: how fast it is (`cargo xtask bench`), and what it takes to make it
//! lose a message or a credit (`cargo xtask chaos`). Real processes, real databases, real HTTP; nothing of it is shipped.

pub mod service;
