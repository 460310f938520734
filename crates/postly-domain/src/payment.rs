//! The value of a payment in credits. It is recomputed from all known facts and never added up, so every
//! order of events ends at the same balance (RULES 8.6).
//!
//! Known facts only grow. Each kind has a `learn`, which joins two versions to the same result in either
//! order, any number of times.

use crate::{money::Money, refund::RefundState};

/// The known state of a Checkout Session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckoutState {
    /// The buyer has not paid yet.
    Open,
    /// It can no longer be paid.
    Expired,
    /// It was submitted with a method that takes days; the money is pending.
    Pending,
    /// The money did not come.
    Failed,
    /// It is paid.
    Paid,
}

impl CheckoutState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Open, Self::Expired, Self::Pending, Self::Failed, Self::Paid];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Expired => "expired",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Paid => "paid",
        }
    }

    /// Reads [`CheckoutState::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Returns true if the state may still change, so that Stripe is asked again.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Pending)
    }

    /// Joins two known states.
    #[must_use]
    pub fn learn(self, other: Self) -> Self {
        self.max(other)
    }
}

/// A refund of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The refunded amount.
    pub amount: Money,
    /// Its state.
    pub state: RefundState,
}

impl Refund {
    /// Joins two versions: a failure is final, even if it is known first.
    #[must_use]
    pub fn learn(self, other: &Self) -> Self {
        Self { state: self.state.max(other.state), amount: greater(self.amount, &other.amount) }
    }

    /// True if its money stayed with us, or came back.
    pub fn has_failed(&self) -> bool {
        self.state == RefundState::Failed
    }
}

/// The end of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeEnd {
    /// The buyer keeps the money.
    Lost,
    /// An inquiry that never became a dispute.
    WarningClosed,
    /// The money is ours.
    Won,
}

impl DisputeEnd {
    /// The name at Stripe and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::WarningClosed => "warning_closed",
            Self::Won => "won",
        }
    }

    /// Reads [`DisputeEnd::as_str`] back. Every other status of a dispute belongs to an open dispute.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Lost, Self::WarningClosed, Self::Won].into_iter().find(|end| end.as_str() == text)
    }
}

/// A dispute over a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The disputed amount.
    pub amount: Money,
    /// The end; `None` for an open dispute.
    pub end: Option<DisputeEnd>,
}

impl Dispute {
    /// Joins two versions: an end is final, even if it is known first. Of two ends the one that returns the
    /// money to us is the later one, because only a loss is ever overturned.
    #[must_use]
    pub fn learn(self, other: &Self) -> Self {
        Self { end: self.end.max(other.end), amount: greater(self.amount, &other.amount) }
    }

    /// True if the disputed amount is lost now: the dispute is open or lost.
    pub fn counts(&self) -> bool {
        matches!(self.end, None | Some(DisputeEnd::Lost))
    }
}

/// The charge of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The paid amount; `None` if only a refund or a dispute of it is known.
    pub amount: Option<Money>,
    /// The highest sum of refunds reported with it.
    pub refunded: i64,
}

impl Charge {
    /// Joins two versions.
    #[must_use]
    pub fn learn(self, other: &Self) -> Self {
        let amount = match (self.amount, &other.amount) {
            (Some(one), Some(other)) => Some(greater(one, other)),
            (one, other) => one.or_else(|| other.clone()),
        };
        Self { amount, refunded: self.refunded.max(other.refunded) }
    }
}

/// Returns one of two amounts, independent of their order.
fn greater(one: Money, other: &Money) -> Money {
    let key = |money: &Money| (money.amount, money.currency.clone());
    if key(other) > key(&one) { other.clone() } else { one }
}

/// All known facts of a paid payment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The total of its Checkout Session.
    pub total: Option<Money>,
    /// Its charge.
    pub charge: Option<Charge>,
    /// The refunds of that charge.
    pub refunds: Vec<Refund>,
    /// The disputes over it.
    pub disputes: Vec<Dispute>,
}

impl Known {
    /// Returns the number of credits of a pack that are taken back: floor(pack × min(lost, paid) ÷ paid). The
    /// lost amount is the sum of refunds and of disputes that are open or lost. Both amounts are of the same
    /// charge.
    pub fn taken_back(&self, pack: i64) -> i64 {
        let paid = self.paid();
        let lost = self.lost(paid);
        match paid.map_or(0, |paid| paid.amount) {
            // Without a paid amount, any loss is the whole.
            ..=0 => {
                if lost > 0 {
                    pack
                } else {
                    0
                }
            }
            paid => {
                let share = i128::from(pack) * i128::from(lost.clamp(0, paid)) / i128::from(paid);
                // At most the pack, because the lost amount is clamped to the paid one.
                i64::try_from(share).unwrap_or(pack)
            }
        }
    }

    /// The lost amount, in the currency of the payment.
    fn lost(&self, paid: Option<&Money>) -> i64 {
        let disputed = self.disputes.iter().filter(|it| it.counts()).map(|it| worth(&it.amount, paid));
        self.refunded(paid).saturating_add(sum(disputed))
    }

    /// The refunded amount, in the currency of the payment.
    pub(crate) fn refunded(&self, paid: Option<&Money>) -> i64 {
        let of = |has_failed: bool| {
            sum(self
                .refunds
                .iter()
                .filter(move |it| it.has_failed() == has_failed)
                .map(|it| worth(&it.amount, paid)))
        };
        // The sum on the charge includes refunds that we may not know otherwise, and may include some that
        // failed since. Without those, it is never more than the lost amount; nor is the sum of the known
        // refunds.
        let on_charge = self.charge.as_ref().map_or(0, |charge| charge.refunded.saturating_sub(of(true)));
        of(false).max(on_charge).max(0)
    }
}

/// The value of an amount in the currency of the payment. Two currencies cannot be compared: an amount in
/// another one counts as the whole, until the charge itself is known.
fn worth(money: &Money, paid: Option<&Money>) -> i64 {
    match paid {
        Some(paid) if paid.currency != money.currency => paid.amount,
        Some(_) | None => money.amount,
    }
}

fn sum(amounts: impl Iterator<Item = i64>) -> i64 {
    amounts.fold(0, i64::saturating_add)
}

/// The effect of granted or withdrawn credits on a wallet with a debt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// The amount of the ledger entry.
    pub entry: i64,
    /// The part that repays the debt at once.
    pub repaid: i64,
    /// The part that could not be withdrawn and becomes a debt.
    pub owed: i64,
}

impl Settlement {
    /// Grants credits: they repay the debt first.
    pub fn give(amount: i64, debt: i64) -> Self {
        Self { entry: amount, repaid: amount.min(debt), owed: 0 }
    }

    /// Withdraws credits: at most the available ones; the spent part becomes a debt.
    pub fn take(amount: i64, available: i64) -> Self {
        let taken = amount.min(available.max(0));
        Self { entry: -taken, repaid: 0, owed: amount - taken }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Currency;

    fn eur(amount: i64) -> Money {
        Money { amount, currency: Currency::parse("eur").unwrap() }
    }

    fn usd(amount: i64) -> Money {
        Money { amount, currency: Currency::parse("usd").unwrap() }
    }

    fn refund(amount: i64, failed: bool) -> Refund {
        let state = if failed { RefundState::Failed } else { RefundState::Succeeded };
        Refund { amount: eur(amount), state }
    }

    fn dispute(amount: i64, end: Option<DisputeEnd>) -> Dispute {
        Dispute { amount: eur(amount), end }
    }

    fn paid(amount: i64) -> Known {
        Known { total: Some(eur(amount)), ..Known::default() }
    }

    #[test]
    fn c12_what_is_taken_back_is_the_share_of_the_pack_that_was_lost_rounded_down() {
        for (lost, expected) in [(0, 0), (1, 0), (24, 0), (25, 1), (245, 10), (489, 19), (490, 20), (980, 20)]
        {
            let known = Known { refunds: vec![refund(lost, false)], ..paid(490) };
            assert_eq!(known.taken_back(20), expected, "{lost}");
        }
    }

    #[test]
    fn c13_a_dispute_counts_until_it_is_won_or_an_inquiry_closes() {
        for (end, expected) in [
            (None, 20),
            (Some(DisputeEnd::Lost), 20),
            (Some(DisputeEnd::Won), 0),
            (Some(DisputeEnd::WarningClosed), 0),
        ] {
            let known = Known { disputes: vec![dispute(490, end)], ..paid(490) };
            assert_eq!(known.taken_back(20), expected, "{end:?}");
            // Together with a refund at most the whole is lost.
            let both = Known { refunds: vec![refund(245, false)], ..known };
            assert_eq!(both.taken_back(20), if expected == 0 { 10 } else { 20 }, "{end:?}");
        }
    }

    #[test]
    fn a_failed_refund_gives_back_what_it_took_whether_it_is_seen_on_the_charge_or_by_itself() {
        let charge = |refunded| Some(Charge { amount: Some(eur(490)), refunded });
        for (charge, refunds, expected) in [
            (charge(490), vec![], 20),
            (charge(490), vec![refund(490, true)], 0),
            (charge(245), vec![refund(245, false)], 10),
            (charge(490), vec![refund(245, false), refund(245, true)], 10),
            // The first failed, and the second was made afterwards.
            (charge(490), vec![refund(490, true), refund(490, false)], 20),
            (None, vec![refund(490, true)], 0),
            (charge(0), vec![refund(490, true)], 0),
        ] {
            let known = Known { charge: charge.clone(), refunds: refunds.clone(), ..paid(490) };
            assert_eq!(known.taken_back(20), expected, "{charge:?} {refunds:?}");
        }
    }

    #[test]
    fn both_amounts_are_of_the_same_charge_also_when_the_buyer_paid_in_another_currency() {
        // Stripe, "Adaptive Pricing": our 4.90 € were presented, and charged, as 5.90 $.
        let charge = Some(Charge { amount: Some(usd(590)), refunded: 295 });
        let known = Known { charge, ..paid(490) };
        assert_eq!(known.taken_back(20), 10);
        // The refund alone cannot be compared with euros: the whole, until the charge is known.
        let alone =
            Known { refunds: vec![Refund { amount: usd(295), state: RefundState::Pending }], ..paid(490) };
        assert_eq!(alone.taken_back(20), 20);
        let charge = Some(Charge { amount: Some(usd(590)), refunded: 0 });
        assert_eq!(Known { charge, ..alone }.taken_back(20), 10);
    }

    #[test]
    fn a_payment_of_nothing_loses_all_or_nothing() {
        assert_eq!(Known::default().taken_back(20), 0);
        assert_eq!(paid(0).taken_back(20), 0);
        assert_eq!(Known { refunds: vec![refund(1, false)], ..paid(0) }.taken_back(20), 20);
    }

    #[test]
    fn c14_what_was_spent_becomes_a_debt_that_is_repaid_first() {
        assert_eq!(Settlement::take(20, 25), Settlement { entry: -20, repaid: 0, owed: 0 });
        assert_eq!(Settlement::take(20, 5), Settlement { entry: -5, repaid: 0, owed: 15 });
        assert_eq!(Settlement::take(20, 0), Settlement { entry: 0, repaid: 0, owed: 20 });
        assert_eq!(Settlement::give(20, 0), Settlement { entry: 20, repaid: 0, owed: 0 });
        assert_eq!(Settlement::give(20, 15), Settlement { entry: 20, repaid: 15, owed: 0 });
        assert_eq!(Settlement::give(20, 50), Settlement { entry: 20, repaid: 20, owed: 0 });
    }

    fn state() -> impl Strategy<Value = CheckoutState> {
        prop::sample::select(CheckoutState::ALL.to_vec())
    }

    fn end() -> impl Strategy<Value = Option<DisputeEnd>> {
        prop::sample::select(vec![
            None,
            Some(DisputeEnd::Lost),
            Some(DisputeEnd::WarningClosed),
            Some(DisputeEnd::Won),
        ])
    }

    proptest! {
        /// Joining facts in any order, any number of times, gives the same result.
        #[test]
        fn c12_facts_are_learned_in_any_order_and_any_number_of_times(
            states in prop::collection::vec(state(), 3),
            ends in prop::collection::vec((0_i64..3, end()), 3),
            failures in prop::collection::vec(any::<bool>(), 3),
            sums in prop::collection::vec((prop::option::of(0_i64..3), 0_i64..500), 3),
            order in Just(vec![0_usize, 1, 2]).prop_shuffle(),
        ) {
            let shuffled: Vec<usize> = order.iter().chain(order.iter().rev()).copied().collect();
            let fold = |places: &[usize]| {
                let mut state = CheckoutState::Open;
                let mut kept: Option<(Dispute, Refund, Charge)> = None;
                for place in places {
                    state = state.learn(states[*place]);
                    let (amount, end) = ends[*place];
                    let (total, refunded) = sums[*place];
                    let new = (
                        dispute(amount, end),
                        refund(amount, failures[*place]),
                        Charge { amount: total.map(eur), refunded },
                    );
                    kept = Some(match kept {
                        None => new,
                        Some((one, two, three)) => (one.learn(&new.0), two.learn(&new.1), three.learn(&new.2)),
                    });
                }
                (state, kept)
            };
            prop_assert_eq!(fold(&[0, 1, 2]), fold(&shuffled));
        }

        /// Never more than the pack, never less than nothing, and nothing overflows.
        #[test]
        fn what_is_taken_back_is_between_nothing_and_the_pack(
            pack in 1_i64..=1_000_000,
            total in prop::option::of(any::<i64>()),
            on_charge in prop::option::of((prop::option::of(any::<i64>()), any::<i64>())),
            refunds in prop::collection::vec((0_i64..i64::MAX, any::<bool>()), 0..4),
            disputes in prop::collection::vec((0_i64..i64::MAX, end()), 0..4),
        ) {
            let known = Known {
                total: total.map(eur),
                charge: on_charge.map(|(amount, refunded)| Charge { amount: amount.map(usd), refunded }),
                refunds: refunds.into_iter().map(|(amount, failed)| refund(amount, failed)).collect(),
                disputes: disputes.into_iter().map(|(amount, end)| dispute(amount, end)).collect(),
            };
            let taken = known.taken_back(pack);
            prop_assert!((0..=pack).contains(&taken), "{}", taken);
        }

        /// Grants and withdrawals in any order leave the same balance and the same debt.
        #[test]
        fn c14_what_payments_give_and_take_in_any_order_leaves_the_same_balance_and_debt(
            spent in 0_i64..30,
            moves in prop::collection::vec(-30_i64..30, 0..6).prop_shuffle(),
            sorted in any::<bool>(),
        ) {
            let after = |moves: &[i64]| {
                // The credits spent before are a debt at the start.
                let (mut available, mut debt) = (0_i64, spent);
                for delta in moves {
                    let done = if *delta < 0 {
                        Settlement::take(-delta, available)
                    } else {
                        Settlement::give(*delta, debt)
                    };
                    available += done.entry - done.repaid;
                    debt += done.owed - done.repaid;
                    prop_assert!(available >= 0 && debt >= 0);
                }
                Ok((available, debt))
            };
            let mut other = moves.clone();
            if sorted { other.sort_unstable() } else { other.reverse() }
            prop_assert_eq!(after(&moves)?, after(&other)?);
        }
    }
}
