//! The journeys, on both databases and both providers, against the simulated world.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod accompanying;
mod accounts;
mod alerts;
mod amendments;
mod attacks;
mod brand;
mod code_ways;
mod codes;
mod commands;
mod conflicts;
mod delivery;
mod fallback;
mod follow_ups;
mod identity;
mod identity_changes;
mod ingress;
mod injection;
mod journey;
mod language;
mod leaving;
mod limits;
mod login;
mod model;
mod monitor;
mod networks;
mod operator;
mod outage;
mod pause;
mod payments;
mod phone;
mod photos;
mod prices;
mod races;
mod samples;
mod servers;
mod statuses;
mod thought;
mod voice;
mod whole_journey;
