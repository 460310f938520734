//! The report of an import. It is the same for a dry run, for a first run, and for a run after a complete
//! one.

use std::collections::BTreeMap;

use postly_store::import::SourceUser;
use serde::{Deserialize, Serialize};

/// The most ids stored for one cause. It bounds the memory if no row of the source can be imported.
const MOST_IDS: usize = 1_000;
/// The same for the stored report of one author.
const MOST_IDS_OF_AUTHOR: usize = 20;

/// A part of the source that can be left out by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A user, with everything that belongs to it.
    User,
    /// An address, with its password.
    Email,
    /// A password.
    Password,
    /// A number.
    Number,
    /// A row of the ledger.
    Ledger,
    /// A generation.
    Generation,
    /// The posts of a generation after the third.
    Posts,
}

/// The reason why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The id is empty, too long, or has control characters.
    IdUnusable,
    /// An author that was not imported has this id.
    IdTaken,
    /// The owner of the number was erased in this database.
    ErasedHere,
    /// Neither an address nor a number is left, so the user could not log in.
    Unreachable,
    /// The address cannot be parsed.
    EmailUnreadable,
    /// Another account has the address: one of this database, or an older user of the source.
    EmailTaken,
    /// The number cannot be parsed.
    NumberUnreadable,
    /// The number was typed, and no code proved it.
    NumberNotProved,
    /// Another author has the number: one of this database, or an older user of the source.
    NumberTaken,
    /// The hash is not one of bcrypt.
    HashNotBcrypt,
    /// The cost of the hash is out of bounds.
    HashCost,
    /// There is no address to log in with.
    NoEmail,
    /// The entry changes nothing.
    Zero,
    /// The posts cannot be parsed, or there are none.
    NoPosts,
    /// Retention would delete it within the hour.
    PastRetention,
    /// It is longer than the limit for stored texts.
    TooLong,
    /// A generation has more than three posts.
    MoreThanThree,
}

/// The items left out for one reason.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// The part.
    pub what: What,
    /// The reason.
    pub why: Why,
    /// The number of items.
    pub count: u64,
    /// The ids in the source of the first items.
    pub ids: Vec<String>,
}

/// The numbers of rows of one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rows {
    /// In the source.
    pub read: u64,
    /// Imported, by this run or an earlier one.
    pub imported: u64,
    /// Left out.
    pub left_out: u64,
}

/// The numbers of users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Users {
    /// In the source.
    pub read: u64,
    /// Imported, by this run or an earlier one.
    pub imported: u64,
    /// The part of them that an earlier run imported.
    pub earlier: u64,
    /// Left out.
    pub left_out: u64,
    /// The credits of the users left out.
    pub left_out_credits: i64,
}

/// Credits of the imported authors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credits {
    /// The sum of the balances.
    pub balance: i64,
    /// The sum of the debts.
    pub debt: i64,
    /// The number of authors with a debt.
    pub debtors: u64,
    /// The number of ledgers that did not add up to the balance, and got an entry for the difference.
    pub differences: u64,
    /// The sum of those entries.
    pub difference: i64,
}

/// The numbers of passwords or phone numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ways {
    /// Imported.
    pub imported: u64,
    /// Left out, of imported users.
    pub left_out: u64,
}

/// The report of an import or of a dry run.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// True if nothing was written.
    pub dry_run: bool,
    /// The name of the source.
    pub source: String,
    /// The name of the target database.
    pub target: String,
    /// Rows of `"User"`.
    pub users: Users,
    /// Rows of `"CreditLedger"`.
    pub ledger: Rows,
    /// Rows of `"Generation"`.
    pub generations: Rows,
    /// The balances.
    pub credits: Credits,
    /// The passwords; an imported one is valid for the login.
    pub passwords: Ways,
    /// The phone numbers; an imported one is linked.
    pub numbers: Ways,
    /// The number of codes in the source. None is imported.
    pub codes_left_out: u64,
    /// The items left out, by reason.
    pub left_out: Vec<LeftOut>,
    /// The users of an earlier run with a balance or ledger changed in the source since. The change is not
    /// imported.
    pub changed_since: Vec<String>,
}

/// The part of the report about one author. It is stored with the author, so that a later run reports the
/// same.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthorReport {
    /// The balance in the source.
    pub(super) credits: i64,
    pub(super) ledger: Rows,
    pub(super) generations: Rows,
    pub(super) difference: i64,
    pub(super) has_password: bool,
    pub(super) has_number: bool,
    pub(super) left_out: Vec<LeftOut>,
}

impl AuthorReport {
    /// Counts an item that was left out.
    pub(super) fn leave_out(&mut self, what: What, why: Why, id: &str) {
        let found = self.left_out.iter_mut().find(|known| known.what == what && known.why == why);
        match found {
            Some(known) => {
                known.count += 1;
                if known.ids.len() < MOST_IDS_OF_AUTHOR {
                    known.ids.push(id.to_owned());
                }
            }
            None => self.left_out.push(LeftOut { what, why, count: 1, ids: vec![id.to_owned()] }),
        }
    }

    fn has_left_out(&self, what: What) -> bool {
        self.left_out.iter().any(|known| known.what == what)
    }

    /// Returns the balance and the debt of the imported author.
    pub(super) fn balance_and_debt(&self) -> (i64, i64) {
        (self.credits.max(0), self.credits.min(0).saturating_neg())
    }
}

/// The sums of the reports of authors.
#[derive(Default)]
pub(super) struct Sums {
    report: ImportReport,
    left_out: BTreeMap<(What, Why), (u64, Vec<String>)>,
}

impl Sums {
    pub(super) fn new(report: ImportReport) -> Self {
        Self { report, ..Self::default() }
    }

    /// Counts an imported author.
    pub(super) fn add_author(&mut self, author: &AuthorReport, is_earlier: bool) {
        let report = &mut self.report;
        report.users.imported += 1;
        report.users.earlier += u64::from(is_earlier);
        for (sum, rows) in
            [(&mut report.ledger, author.ledger), (&mut report.generations, author.generations)]
        {
            sum.imported += rows.imported;
            sum.left_out += rows.left_out;
        }
        let (balance, debt) = author.balance_and_debt();
        let credits = &mut report.credits;
        credits.balance += balance;
        credits.debt += debt;
        credits.debtors += u64::from(debt > 0);
        credits.differences += u64::from(author.difference != 0);
        credits.difference += author.difference;
        for (ways, is_imported, what) in [
            (&mut report.passwords, author.has_password, What::Password),
            (&mut report.numbers, author.has_number, What::Number),
        ] {
            ways.imported += u64::from(is_imported);
            ways.left_out += u64::from(author.has_left_out(what));
        }
        for left in &author.left_out {
            self.note(left.what, left.why, left.count, &left.ids);
        }
    }

    /// Counts a user that was left out.
    pub(super) fn add_left_out(&mut self, user: &SourceUser, why: Why) {
        let report = &mut self.report;
        report.users.left_out += 1;
        report.users.left_out_credits += user.credits;
        report.ledger.left_out += user.entries;
        report.generations.left_out += user.generations;
        self.note(What::User, why, 1, std::slice::from_ref(&user.id));
    }

    /// Lists a user with rows changed in the source since an earlier run.
    pub(super) fn add_changed(&mut self, id: &str) {
        if self.report.changed_since.len() < MOST_IDS {
            self.report.changed_since.push(id.to_owned());
        }
    }

    fn note(&mut self, what: What, why: Why, count: u64, ids: &[String]) {
        let (known, kept) = self.left_out.entry((what, why)).or_default();
        *known += count;
        let room = MOST_IDS.saturating_sub(kept.len());
        kept.extend(ids.iter().take(room).cloned());
    }

    /// Returns the complete report.
    pub(super) fn finish(self) -> ImportReport {
        let mut report = self.report;
        report.left_out = self
            .left_out
            .into_iter()
            .map(|((what, why), (count, ids))| LeftOut { what, why, count, ids })
            .collect();
        report
    }
}
