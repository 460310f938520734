//! Random histories of the ledger: balances, holds and entries of three authors, with repeated operations and
//! keys.

use std::collections::BTreeMap;

use postly_domain::{
    HoldState, Language, LedgerReason, UnixMillis,
    credits::GENERATION_PRICE,
    id::{AuthorId, EntryId, HoldId},
};
use postly_store::{
    Tx, authors, grants,
    wallets::{self, Held, NewEntry, Posted, Wallet},
};
use postly_testkit::EngineName;
use proptest::{collection::vec, prelude::*};

use super::{LONGEST, Scene, assert_audit_is_clean, play};
use crate::ids::Fresh as _;

const AUTHORS: usize = 3;

#[derive(Debug, Clone)]
enum Op {
    /// An entry for one of a few operations, so that many are repeated, for the same author or another.
    Post {
        who: usize,
        delta: i64,
        operation: usize,
    },
    /// A hold under one of a few keys.
    Hold {
        who: usize,
        key: usize,
        amount: i64,
    },
    /// The end of a hold, in any state.
    Settle {
        hold: usize,
    },
    Release {
        hold: usize,
    },
    /// The refund of a settled hold, as in `refunds`.
    Refund {
        hold: usize,
    },
    /// A grant that a subject gets once.
    Grant {
        who: usize,
        subject: usize,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (0..AUTHORS, -4..8_i64, 0..8_usize)
            .prop_filter("an entry changes something", |(_, delta, _)| *delta != 0)
            .prop_map(|(who, delta, operation)| Op::Post { who, delta, operation }),
        3 => (0..AUTHORS, 0..6_usize, 1..4_i64).prop_map(|(who, key, amount)| Op::Hold { who, key, amount }),
        3 => (0..6_usize).prop_map(|hold| Op::Settle { hold }),
        2 => (0..6_usize).prop_map(|hold| Op::Release { hold }),
        2 => (0..6_usize).prop_map(|hold| Op::Refund { hold }),
        1 => (0..AUTHORS, 0..3_usize).prop_map(|(who, subject)| Op::Grant { who, subject }),
    ]
}

struct ModelHold {
    id: HoldId,
    key: usize,
    who: usize,
    amount: i64,
    state: HoldState,
}

/// The expected state.
#[derive(Default)]
struct Model {
    /// The entries of each author, oldest first.
    ledger: [Vec<(EntryId, i64, LedgerReason)>; AUTHORS],
    done: BTreeMap<String, usize>,
    holds: Vec<ModelHold>,
    granted: Vec<usize>,
}

impl Model {
    fn wallet(&self, who: usize) -> Wallet {
        let open = self.holds.iter().filter(|hold| hold.who == who && hold.state == HoldState::Open);
        Wallet {
            balance: self.ledger[who].iter().map(|(_, delta, _)| delta).sum(),
            held: open.map(|hold| hold.amount).sum(),
        }
    }

    fn post(
        &mut self,
        who: usize,
        entry: &EntryId,
        delta: i64,
        reason: LedgerReason,
        operation: &str,
    ) -> Posted {
        if self.wallet(who).available() + delta < 0 {
            return Posted::Insufficient;
        }
        if self.done.contains_key(operation) {
            return Posted::AlreadyDone;
        }
        self.done.insert(operation.to_owned(), who);
        self.ledger[who].push((entry.clone(), delta, reason));
        Posted::Done(self.wallet(who))
    }
}

/// The database and the model, side by side.
struct Machine<'a> {
    tx: &'a mut Tx,
    model: Model,
    authors: Vec<AuthorId>,
    /// Distinguishes the names of this history from those of others.
    name: String,
    now: UnixMillis,
}

impl Machine<'_> {
    async fn post(&mut self, who: usize, delta: i64, reason: LedgerReason, operation: &str) {
        let entry = NewEntry {
            id: &EntryId::fresh(self.now),
            author: &self.authors[who],
            delta,
            reason,
            operation,
            note: None,
            reference: None,
        };
        let posted = wallets::post(self.tx, &entry, self.now).await.unwrap();
        assert_eq!(posted, self.model.post(who, entry.id, delta, reason, operation));
    }

    async fn hold(&mut self, who: usize, key: usize, amount: i64) {
        let id = HoldId::fresh(self.now);
        let full_key = format!("replay:{}:{key}", self.name);
        let held =
            wallets::hold(self.tx, &id, &self.authors[who], &full_key, amount, self.now).await.unwrap();
        let known = self.model.holds.iter().find(|hold| hold.key == key);
        let expected = match known {
            Some(hold) if hold.state == HoldState::Open => Held::Open(hold.id.clone()),
            Some(hold) => Held::Closed(hold.state),
            None if self.model.wallet(who).available() < amount => Held::Insufficient,
            None => Held::Open(id.clone()),
        };
        if known.is_none() && expected == Held::Open(id.clone()) {
            self.model.holds.push(ModelHold { id, key, who, amount, state: HoldState::Open });
        }
        assert_eq!(held, expected);
        let open = wallets::open_hold(self.tx, &full_key).await.unwrap();
        let expected = self.model.holds.iter().find(|hold| hold.key == key && hold.state == HoldState::Open);
        assert_eq!(open.as_ref(), expected.map(|hold| &hold.id));
    }

    async fn settle(&mut self, hold: usize) {
        let id = self.hold_id(hold);
        let entry = EntryId::fresh(self.now);
        let reason = LedgerReason::WhatsappGeneration;
        let settled = wallets::settle(self.tx, &id, &entry, reason, "a generation", self.now).await.unwrap();
        let expected = match self.model.holds.get_mut(hold) {
            Some(hold) if hold.state == HoldState::Open => {
                hold.state = HoldState::Settled;
                let (who, amount) = (hold.who, hold.amount);
                self.model.ledger[who].push((entry, -amount, reason));
                Some(self.model.wallet(who))
            }
            _ => None,
        };
        assert_eq!(settled.map(|(_, wallet)| wallet), expected);
    }

    async fn release(&mut self, hold: usize) {
        let id = self.hold_id(hold);
        let released = wallets::release(self.tx, &id, self.now).await.unwrap();
        let open = self.model.holds.get_mut(hold).filter(|hold| hold.state == HoldState::Open);
        assert_eq!(released, open.is_some());
        if let Some(hold) = open {
            hold.state = HoldState::Released;
        }
    }

    async fn refund(&mut self, hold: usize) {
        let Some(settled) = self.model.holds.get(hold).filter(|hold| hold.state == HoldState::Settled) else {
            return;
        };
        let (who, operation) = (settled.who, format!("refund:{}", settled.id));
        self.post(who, GENERATION_PRICE, LedgerReason::Refund, &operation).await;
        let refunds = wallets::refunds_since(self.tx, &self.authors[who], self.now).await.unwrap();
        let expected = self.model.ledger[who].iter().filter(|entry| entry.2 == LedgerReason::Refund).count();
        assert_eq!(usize::try_from(refunds).unwrap(), expected);
    }

    async fn grant(&mut self, who: usize, subject: usize) {
        let hash = format!("{}:{subject}", self.name);
        let first = grants::grant_once(self.tx, grants::GrantKind::Trial, &hash, self.now).await.unwrap();
        assert_eq!(first, !self.model.granted.contains(&subject));
        if first {
            self.model.granted.push(subject);
            let operation = format!("trial:{}:{subject}", self.name);
            self.post(who, 5, LedgerReason::Trial, &operation).await;
        }
    }

    /// Returns the hold with a number; an unknown one if there are fewer.
    fn hold_id(&self, hold: usize) -> HoldId {
        self.model.holds.get(hold).map_or_else(|| HoldId::fresh(self.now), |hold| hold.id.clone())
    }

    async fn assert_wallets(&mut self) {
        for (who, author) in self.authors.iter().enumerate() {
            let wallet = wallets::get(self.tx, author).await.unwrap();
            assert_eq!(wallet, self.model.wallet(who), "author {who}");
            assert!(wallet.balance >= 0 && wallet.held >= 0 && wallet.available() >= 0);
        }
    }

    /// The ledger, read page by page, equals the model's, newest first.
    async fn assert_ledgers(&mut self) {
        const PAGE: usize = 3;
        for (who, author) in self.authors.iter().enumerate() {
            let (mut found, mut cursor) = (vec![], None);
            loop {
                let (page, next) = wallets::entries(self.tx, author, cursor.as_deref(), PAGE).await.unwrap();
                assert!(page.len() <= PAGE);
                found.extend(page.into_iter().map(|entry| (entry.id, entry.delta, entry.reason)));
                cursor = next;
                if cursor.is_none() {
                    break;
                }
            }
            let expected: Vec<_> = self.model.ledger[who]
                .iter()
                .rev()
                .map(|(id, delta, reason)| (id.clone(), *delta, reason.as_str().to_owned()))
                .collect();
            assert_eq!(found, expected, "author {who}");
        }
    }
}

async fn act(scene: &Scene, operations: Vec<Op>) {
    let mut tx = scene.db().write().await.unwrap();
    let now = scene.now();
    let mut authors = vec![];
    for _ in 0..AUTHORS {
        authors.push(authors::add(&mut tx, &AuthorId::fresh(now), Language::Fr, now).await.unwrap().id);
    }
    let name = authors[0].to_string();
    let mut machine = Machine { tx: &mut tx, model: Model::default(), authors, name, now };
    for operation in operations {
        match operation {
            Op::Post { who, delta, operation } => {
                let operation = format!("adjustment:{}:{operation}", machine.name);
                machine.post(who, delta, LedgerReason::Adjustment, &operation).await;
            }
            Op::Hold { who, key, amount } => machine.hold(who, key, amount).await,
            Op::Settle { hold } => machine.settle(hold).await,
            Op::Release { hold } => machine.release(hold).await,
            Op::Refund { hold } => machine.refund(hold).await,
            Op::Grant { who, subject } => machine.grant(who, subject).await,
        }
        machine.assert_wallets().await;
    }
    machine.assert_ledgers().await;
    // These holds belong to no event, and nothing is written for them.
    assert_audit_is_clean(&mut tx, now, &["3a"]).await;
    // The transaction is dropped: the next history starts from the same database.
}

#[test]
fn the_ledger_keeps_its_books_on_sqlite() {
    play(file!(), EngineName::Sqlite, &vec(op(), 1..LONGEST), &act);
}

#[test]
fn the_ledger_keeps_its_books_on_postgres() {
    play(file!(), EngineName::Postgres, &vec(op(), 1..LONGEST), &act);
}
