//! The alerts for the operator (RULES 10.8). Each has a runbook in docs/OPERATIONS.md.

macro_rules! alerts {
    ($($variant:ident = $name:literal, $meaning:literal;)*) => {
        /// An alert.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Alert {
            $(#[doc = $meaning] $variant,)*
        }

        impl Alert {
            /// Every alert.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name: the field `alert` of a log line, and the label of `postly_alerts_total`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

alerts! {
    ProviderUnreachable = "provider_unreachable", "A provider of WhatsApp has not answered for more than a minute.";
    SenderStopped = "sender_stopped", "A provider does not let our number send.";
    WebhookSignatures = "webhook_signatures", "Webhooks arrive whose signature does not verify, and none whose does.";
    StripeSignatures = "stripe_signatures", "Events of Stripe arrive whose signature does not verify, and none whose does.";
    GeneralPurposeAi = "general_purpose_ai", "The provider bills us as an assistant for everything.";
    UnknownDeliveries = "unknown_deliveries", "Many messages of the last day have no status at all.";
    HandoffAsked = "handoff_asked", "An author asks for a person.";
    TemplateStopped = "template_stopped", "A template of ours is paused, rejected or at risk.";
    QualityDropped = "quality_dropped", "The provider rates the quality of our number as low.";
    AccountRestricted = "account_restricted", "The provider restricts our account, or warns of it.";
    ModelUnreachable = "model_unreachable", "No model has answered for more than a minute.";
    ModelCircuitOpen = "model_circuit_open", "Half of the calls of a model failed.";
    ModelQuota = "model_quota", "The account at the provider of a model is used up.";
    ModelRejected = "model_rejected", "The provider of a model turned a request down: wrong key, model or parameter.";
    ModelShutdown = "model_shutdown", "The provider of a model will end it.";
    ModelBudget = "model_budget", "Four fifths of the day's budget of model calls are used.";
    InboxStalled = "inbox_stalled", "A received message has waited for too long.";
    OutboxStalled = "outbox_stalled", "A message has waited to be sent for too long.";
    DeadLetters = "dead_letters", "Work was given up and waits for an operator.";
    CodesUnproved = "codes_unproved", "Many codes are sent, and hardly any is typed.";
    RefundLimit = "refund_limit", "An author's automatic refunds of the day are used up.";
    LedgerDrift = "ledger_drift", "A balance is not what its entries and holds say.";
    HoldsStuck = "holds_stuck", "A hold has outlived its work.";
    InvariantBroken = "invariant_broken", "The data breaks an invariant of the audit.";
    DatabaseUnavailable = "database_unavailable", "The database has taken no write for more than a minute.";
    DiskLow = "disk_low", "Little space is left where the SQLite database lies.";
    StripeThinEvent = "stripe_thin_event", "Stripe sends events that tell nothing of payments.";
    StripeUnknownCheckout = "stripe_unknown_checkout", "Stripe tells of a Checkout Session that we did not make.";
    StripeOtherMode = "stripe_other_mode", "Stripe tells of the other mode, test or live.";
    StripeOtherAccount = "stripe_other_account", "Stripe tells of a connected account.";
    StripeRefused = "stripe_refused", "Stripe refused a call of ours.";
    StripeUnreachable = "stripe_unreachable", "Stripe has not answered for more than a minute.";
}

impl std::fmt::Display for Alert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
