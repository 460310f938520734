//! What is particular to Meta's WhatsApp Cloud API.

pub(crate) mod errors;
pub(crate) mod inbound;
pub(crate) mod send;
pub(crate) mod signature;
