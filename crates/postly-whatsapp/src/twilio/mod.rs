//! Wire forms, codes and signatures of Twilio's Programmable Messaging.

pub(crate) mod errors;
pub(crate) mod form;
pub(crate) mod inbound;
pub(crate) mod inspect;
pub(crate) mod send;
pub(crate) mod signature;
