//! The words of the ledger.

/// Why a line stands in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LedgerReason {
    /// Three posts asked for on WhatsApp.
    WhatsappGeneration,
    /// Three posts asked for on the web.
    WebGeneration,
    /// Credits bought.
    Purchase,
    /// Bought credits taken back after a refund of the payment.
    PurchaseReversal,
    /// Credits taken back or returned by a dispute.
    Dispute,
    /// A debt repaid out of a purchase.
    DebtRepaid,
    /// A settled credit given back because its posts never arrived.
    Refund,
    /// Credits for proving a number.
    Welcome,
    /// Credits for a number's first message.
    Trial,
    /// An operator's correction.
    Adjustment,
    /// A change of a result, after the first.
    Refinement,
    /// The first change of a result, which is free: the one entry that moves no credit.
    FreeRefinement,
    /// Brought along from another system.
    Import,
    /// Credits carried over from an author who was merged into this one, or away to another.
    Merge,
}

impl LedgerReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::WhatsappGeneration,
        Self::WebGeneration,
        Self::Purchase,
        Self::PurchaseReversal,
        Self::Dispute,
        Self::DebtRepaid,
        Self::Refund,
        Self::Welcome,
        Self::Trial,
        Self::Adjustment,
        Self::Refinement,
        Self::FreeRefinement,
        Self::Import,
        Self::Merge,
    ];

    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WhatsappGeneration => "whatsapp_generation",
            Self::WebGeneration => "web_generation",
            Self::Purchase => "purchase",
            Self::PurchaseReversal => "purchase_reversal",
            Self::Dispute => "dispute",
            Self::DebtRepaid => "debt_repaid",
            Self::Refund => "refund",
            Self::Welcome => "welcome",
            Self::Trial => "trial",
            Self::Adjustment => "adjustment",
            Self::Refinement => "refinement",
            Self::FreeRefinement => "free_refinement",
            Self::Import => "import",
            Self::Merge => "merge",
        }
    }

    /// Reads [`LedgerReason::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// What has become of a reserved credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    /// Reserved: it counts against what is available.
    Open,
    /// Spent: an entry of the ledger says so.
    Settled,
    /// Given up: nothing was spent.
    Released,
}

impl HoldState {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Settled => "settled",
            Self::Released => "released",
        }
    }

    /// Reads [`HoldState::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Settled, Self::Released].into_iter().find(|state| state.as_str() == text)
    }
}

/// What three posts cost, in credits.
pub const GENERATION_PRICE: i64 = 1;

/// How often models may be asked within 24 hours. A call reads at most 8 KiB of a brief and writes a bounded answer, so that
/// calls bound tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelBudget {
    /// For one author.
    pub author: i64,
    /// For all of them; 0 is no bound.
    pub all: i64,
}

impl Default for ModelBudget {
    /// A hundred briefs that all need a repair are more than a shop has to say in a day.
    fn default() -> Self {
        Self { author: 200, all: 0 }
    }
}

/// The most credits an operator moves at once (RULES 1.3).
pub const MAX_ADJUSTMENT: i64 = 1_000_000;

/// How many automatic refunds an author gets in a day before the operator must look (RULES 8.4).
pub const MAX_AUTOMATIC_REFUNDS_PER_DAY: i64 = 3;
