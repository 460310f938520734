//! Wire forms, codes and signatures of Meta's WhatsApp Cloud API.

pub(crate) mod errors;
mod identity;
pub(crate) mod inbound;
pub(crate) mod inspect;
mod notices;
mod pricing;
pub(crate) mod send;
pub(crate) mod signature;
