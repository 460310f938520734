//! Identifiers. Each kind has its own type, so that none can be used for another.

use serde::{Deserialize, Serialize};

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text unchanged: identifiers are opaque.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

identifiers! {
    /// An author.
    AuthorId;
    /// One way a provider names an author.
    IdentityId;
    /// A row of the inbox.
    EventId;
    /// A row of the outbox: one part of one reply.
    MessageId;
    /// One attempt to deliver a message. The request contains it, and every status returns it.
    AttemptId;
    /// A hold: a reserved credit.
    HoldId;
    /// A set of three variants.
    GenerationId;
    /// A ledger entry.
    EntryId;
    /// One challenge: a code, phrase or login link.
    ChallengeId;
    /// One session of a browser, named by its cookie.
    SessionId;
    /// A token with which a program acts for an author.
    TokenId;
    /// A Checkout Session, as Stripe names it.
    CheckoutId;
    /// A payment: the PaymentIntent of Stripe, or its Checkout Session if nothing was to be paid.
    PaymentId;
    /// The fencing token of one lease of a lane. A worker with an older token has lost the lane.
    LeaseToken;
}
