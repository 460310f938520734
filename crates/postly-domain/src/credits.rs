//! Terms of the ledger, prices and limits.

/// The reason for a ledger entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LedgerReason {
    /// Three posts requested on WhatsApp.
    WhatsappGeneration,
    /// Three posts requested on the web.
    WebGeneration,
    /// Credits bought.
    Purchase,
    /// Bought credits taken back after a refund of the payment.
    PurchaseReversal,
    /// Credits taken back or returned by a dispute.
    Dispute,
    /// A debt repaid from a purchase.
    DebtRepaid,
    /// A settled credit returned because its posts never arrived.
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
    /// Imported from another system.
    Import,
    /// Credits moved to or from an author by a merge.
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

/// The state of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    /// Reserved: it reduces the available credits.
    Open,
    /// Spent: a ledger entry records it.
    Settled,
    /// Released: nothing was spent.
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

/// The price of three posts, in credits.
pub const GENERATION_PRICE: i64 = 1;

/// The most model calls within 24 hours. A call reads at most 8 KiB of a brief and writes a bounded answer,
/// so a bound on calls also bounds tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelBudget {
    /// The bound for one author.
    pub author: i64,
    /// The bound for all authors together; 0 means none.
    pub all: i64,
}

impl Default for ModelBudget {
    /// A shop does not need more: 200 calls are a hundred briefs that each need a repair.
    fn default() -> Self {
        Self { author: 200, all: 0 }
    }
}

/// The most credits of one adjustment by an operator (RULES 1.3).
pub const MAX_ADJUSTMENT: i64 = 1_000_000;

/// The number of automatic refunds of an author in a day before the operator must look (RULES 8.4).
pub const MAX_AUTOMATIC_REFUNDS_PER_DAY: i64 = 3;
