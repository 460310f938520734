//! Imports the database of an application that was built from the guide's Prisma schema
//! (docs/COMING-FROM-THE-GUIDE.md).
//!
//! A transaction imports some users with all their rows, and records each of them. A run that is stopped
//! leaves complete authors, and the next run continues with the missing ones. A dry run reads and decides the
//! same.

mod plan;
mod report;

use std::{collections::HashMap, time::Duration};

use postly_domain::{Language, Provider, id::AuthorId, time::DAY_MS};
use postly_store::{
    StoreError, Tx,
    grants::GrantKind,
    import::{self, ClosedAuthor, Known, Names, NewAuthor, Source, SourceUser},
};

pub use report::{ImportReport, LeftOut, What, Why};

use crate::Core;
use plan::{Candidate, Decision, Number, Rules, Taken};
use report::{AuthorReport, Rows, Sums, Users};

/// The most rows of ledgers and generations that one transaction writes, unless one user has more. On SQLite
/// other writers wait for it, and a killed process has a second's work to repeat.
const ROWS_AT_ONCE: u64 = 20_000;
/// The tries of a transaction that met a conflict, and the pause between them.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(250);

/// The options of an import.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// True to write nothing.
    pub dry_run: bool,
    /// The provider for the first message to an imported number.
    pub provider: Provider,
    /// The region of national numbers.
    pub region: String,
    /// The retention of posts, in days.
    pub messages_days: i64,
}

/// The failure of an import.
#[derive(Debug, thiserror::Error)]
#[error("the import stopped; what was imported stays, and the same command goes on from there")]
pub struct ImportError(#[from] StoreError);

/// The import of a database that was made by the guide.
#[derive(Clone)]
pub struct Importer {
    pub(crate) core: Core,
}

impl Importer {
    /// Builds the service.
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// Imports a source. A second run imports nothing twice, and reports the same. `progress` receives the
    /// number of rows done and of all rows.
    ///
    /// # Errors
    /// Fails if one of the databases fails. The authors imported until then are complete.
    pub async fn import_prisma(
        &self,
        source: &mut Source,
        options: &ImportOptions,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<ImportReport, ImportError> {
        let totals = source.totals().await?;
        let mut sums = Sums::new(ImportReport {
            dry_run: options.dry_run,
            source: source.name().to_owned(),
            target: self.core.db().name().to_owned(),
            users: Users { read: totals.users, ..Users::default() },
            ledger: Rows { read: totals.entries, ..Rows::default() },
            generations: Rows { read: totals.generations, ..Rows::default() },
            codes_left_out: totals.codes,
            ..ImportReport::default()
        });
        let (mut done, all) = (0, totals.users + totals.entries + totals.generations);
        let mut taken = Taken::default();
        progress(done, all);
        loop {
            let page = source.next_users().await?;
            if page.is_empty() {
                break;
            }
            for batch in batches(&page) {
                let outcome = self.import_batch(source, batch, options, &taken).await?;
                taken.extend(outcome.taken);
                for counted in outcome.counted {
                    counted.add_to(&mut sums);
                }
                done += batch.iter().map(|user| 1 + rows_of(user)).sum::<u64>();
                progress(done, all);
            }
        }
        progress(all, all);
        Ok(sums.finish())
    }

    /// Imports some users, and retries after a conflict.
    async fn import_batch(
        &self,
        source: &mut Source,
        users: &[SourceUser],
        options: &ImportOptions,
        taken: &Taken,
    ) -> Result<Outcome, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Box::pin(self.try_batch(source, users, options, taken)).await {
                Err(error) if tries < TRIES && (error.is_conflict() || error.is_temporary()) => {
                    tracing::debug!(tries, %error, "The import met other work; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn try_batch(
        &self,
        source: &mut Source,
        users: &[SourceUser],
        options: &ImportOptions,
        taken: &Taken,
    ) -> Result<Outcome, StoreError> {
        let read = |user| Candidate::read(user, &options.region, |name| self.core.name_hash(name));
        let candidates: Vec<_> = users.iter().map(read).collect();
        let mut tx = if options.dry_run {
            self.core.db().begin_long_read().await?
        } else {
            self.core.db().begin_long_write().await?
        };
        let known: Known = import::known(&mut tx, &names(&candidates), !options.dry_run).await?;
        let now = self.core.now();
        let rules = Rules {
            provider: options.provider,
            now,
            kept_since: now.plus_ms(-options.messages_days.saturating_mul(DAY_MS)),
            known: &known,
            taken,
        };
        let mut batch = Batch::decide(&rules, &candidates)?;
        if !options.dry_run {
            import::add_authors(&mut tx, &batch.authors, now).await?;
            let [trial, welcome] = batch.given(&candidates);
            import::note_grants(&mut tx, GrantKind::Trial, &trial, now).await?;
            import::note_grants(&mut tx, GrantKind::Welcome, &welcome, now).await?;
        }
        batch.copy_entries(source, &mut tx, &rules, options.dry_run).await?;
        batch.copy_generations(source, &mut tx, &rules, options.dry_run).await?;
        if !options.dry_run {
            batch.close(&mut tx, &rules).await?;
            tx.commit().await?;
        }
        Ok(batch.finish())
    }
}

fn rows_of(user: &SourceUser) -> u64 {
    user.entries + user.generations
}

/// Splits a page into batches with a bounded number of rows; the rows of a user stay together.
fn batches(page: &[SourceUser]) -> impl Iterator<Item = &[SourceUser]> {
    let mut rest = page;
    std::iter::from_fn(move || {
        let mut rows = 0;
        let fits = |user: &&SourceUser| {
            rows += rows_of(user);
            rows <= ROWS_AT_ONCE
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (batch, others) = rest.split_at_checked(count)?;
        rest = others;
        Some(batch)
    })
}

/// Collects the names under which these users may be known already.
fn names(candidates: &[Candidate<'_>]) -> Names {
    let mut names = Names::default();
    for candidate in candidates {
        names.ids.push(candidate.user.id.clone());
        if let Some(Ok(email)) = &candidate.email {
            names.emails.push(email.as_str().to_owned());
        }
        if let Number::Usable(phone, hash) = &candidate.number {
            names.phones.push(phone.as_str().to_owned());
            names.hashes.push(hash.clone());
        }
    }
    names
}

/// A user, as counted in the report.
enum Counted {
    Imported { report: AuthorReport },
    Earlier { report: AuthorReport, changed: Option<String> },
    LeftOut { user: SourceUser, why: Why },
}

impl Counted {
    fn add_to(self, sums: &mut Sums) {
        match self {
            Self::Imported { report } => sums.add_author(&report, false),
            Self::Earlier { report, changed } => {
                sums.add_author(&report, true);
                if let Some(id) = changed {
                    sums.add_changed(&id);
                }
            }
            Self::LeftOut { user, why } => sums.add_left_out(&user, why),
        }
    }
}

struct Outcome {
    counted: Vec<Counted>,
    taken: Taken,
}

/// The users imported by one transaction.
struct Batch {
    authors: Vec<NewAuthor>,
    /// The language and report of each user, by the id of the source.
    reports: HashMap<String, (Language, AuthorReport)>,
    counted: Vec<Counted>,
    taken: Taken,
}

impl Batch {
    fn decide(rules: &Rules<'_>, candidates: &[Candidate<'_>]) -> Result<Self, StoreError> {
        let mut batch =
            Self { authors: vec![], reports: HashMap::new(), counted: vec![], taken: Taken::default() };
        for candidate in candidates {
            let user = candidate.user;
            match rules.decide(candidate, &mut batch.taken) {
                Decision::Earlier(report) => {
                    let report: AuthorReport = serde_json::from_str(&report)
                        .map_err(|_| StoreError::Unreadable { column: "report" })?;
                    let then = (report.credits, report.ledger.read, report.generations.read);
                    let has_changed = then != (user.credits, user.entries, user.generations);
                    let changed = has_changed.then(|| user.id.clone());
                    batch.counted.push(Counted::Earlier { report, changed });
                }
                Decision::LeaveOut(why) => batch.counted.push(Counted::LeftOut { user: user.clone(), why }),
                Decision::Import(planned) => {
                    let (author, report) = *planned;
                    batch.reports.insert(user.id.clone(), (author.language, report));
                    batch.authors.push(author);
                }
            }
        }
        Ok(batch)
    }

    /// Returns the keyed hashes of imported numbers that get no trial credits again, and of those that get no
    /// welcome credits: the guide's application welcomed every user, and gave five credits for a proved
    /// number.
    fn given(&self, candidates: &[Candidate<'_>]) -> [Vec<String>; 2] {
        let mut given = [vec![], vec![]];
        let [trial, welcome] = &mut given;
        for candidate in candidates {
            let is_linked = self.reports.get(&candidate.user.id).is_some_and(|(_, report)| report.has_number);
            if let (true, Number::Usable(_, hash)) = (is_linked, &candidate.number) {
                trial.push(hash.clone());
                if candidate.user.linked_at.is_some() {
                    welcome.push(hash.clone());
                }
            }
        }
        given
    }

    fn ids(&self) -> Vec<String> {
        self.authors.iter().map(|author| author.id.as_str().to_owned()).collect()
    }

    async fn copy_entries(
        &mut self,
        source: &mut Source,
        tx: &mut Tx,
        rules: &Rules<'_>,
        dry_run: bool,
    ) -> Result<(), StoreError> {
        let ids = self.ids();
        let reports = &mut self.reports;
        let copy = async |rows: Vec<import::SourceEntry>| {
            let mut entries = Vec::with_capacity(rows.len());
            for row in &rows {
                if let Some((_, report)) = reports.get_mut(&row.user_id) {
                    entries.extend(rules.entry(row, report));
                }
            }
            if dry_run { Ok(()) } else { import::add_entries(tx, &entries).await }
        };
        source.entries(&ids, copy).await
    }

    async fn copy_generations(
        &mut self,
        source: &mut Source,
        tx: &mut Tx,
        rules: &Rules<'_>,
        dry_run: bool,
    ) -> Result<(), StoreError> {
        let ids = self.ids();
        let reports = &mut self.reports;
        let copy = async |rows: Vec<import::SourceGeneration>| {
            let mut generations = Vec::with_capacity(rows.len());
            for row in &rows {
                if let Some((language, report)) = reports.get_mut(&row.user_id) {
                    generations.extend(rules.generation(row, *language, report));
                }
            }
            if dry_run { Ok(()) } else { import::add_generations(tx, &generations).await }
        };
        source.generations(&ids, copy).await
    }

    /// Adds the entry that brings each ledger to its balance, and records that its author was imported.
    async fn close(&self, tx: &mut Tx, rules: &Rules<'_>) -> Result<(), StoreError> {
        let mut differences = vec![];
        let mut closed = vec![];
        for (id, (_, report)) in &self.reports {
            let author = AuthorId::new(id.clone());
            differences.extend(rules.difference(&author, report));
            let (balance, debt) = report.balance_and_debt();
            let report =
                serde_json::to_string(report).map_err(|error| StoreError::Statement(error.into()))?;
            closed.push(ClosedAuthor { author, balance, debt, report });
        }
        import::add_entries(tx, &differences).await?;
        import::close_authors(tx, &closed, rules.now).await
    }

    fn finish(mut self) -> Outcome {
        // In the order of the source, so that two reports are the same.
        for author in &self.authors {
            if let Some((_, report)) = self.reports.remove(author.id.as_str()) {
                self.counted.push(Counted::Imported { report });
            }
        }
        Outcome { counted: self.counted, taken: self.taken }
    }
}
