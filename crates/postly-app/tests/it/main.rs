//! The journeys, on both databases and both providers, against the simulated world.

mod commands;
mod delivery;
mod identity;
mod ingress;
mod journey;
mod model;
mod outage;
mod samples;
mod statuses;
