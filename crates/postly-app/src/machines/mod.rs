//! Random histories of the ledger, the queues, the outbox and the identities. Each runs the real functions on
//! a real database, beside a model in plain Rust that predicts the result of every step.
//!
//! Operations refer to things by small numbers that always have a meaning (such as the third hold), so that
//! any part of a history is a history too, and a failing one shrinks to the few relevant steps.

mod identity;
mod ledger;
mod outbox;
mod queues;
mod together;

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use postly_domain::{Provider, UnixMillis};
use postly_pipeline::{Writer, offline::OfflineWriter};
use postly_store::{Db, Tx, audit};
use postly_testkit::{Database, EngineName};
use postly_whatsapp::{OwnNumbers, send::Senders, signature::Verifier};
use proptest::{
    strategy::Strategy,
    test_runner::{Config, FileFailurePersistence, RngSeed, TestCaseError, TestRunner},
};

use crate::{App, Clock, Core, Parts, Settings};

/// The number of histories of a machine on SQLite; 10,000 in all. They are the same each time, because a
/// failure of a new one must not block an unrelated change. `POSTLY_HISTORIES` requests this number of new
/// ones instead.
const HISTORIES: u32 = 2_500;
/// The divisor of that number for PostgreSQL, on which every step is a round trip to the server.
const POSTGRES_SHARE: u32 = 12;
/// The number of histories that share a database. Every invariant is checked on all of it after each.
const HISTORIES_PER_DATABASE: u32 = 50;
/// The longest history: a few steps for each of a few objects.
const LONGEST: usize = 24;
/// The most steps of the search for a smaller failing history.
const SHRINK_STEPS: u32 = 3_000;
/// The credits at a number's first message.
const TRIAL: i64 = 5;
/// The time at which a scene starts.
const START: i64 = 1_795_340_000_000;

/// The clock of a scene.
#[derive(Clone)]
struct SceneClock(Arc<AtomicI64>);

impl Clock for SceneClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

/// A database and an application on it, with a clock that only histories advance.
struct Scene {
    app: App,
    clock: SceneClock,
    database: Database,
    histories: u32,
}

impl Scene {
    async fn new(engine: EngineName) -> Self {
        postly_testkit::install_tls();
        let database = Database::fleeting(engine).await;
        let clock = SceneClock(Arc::new(AtomicI64::new(START)));
        let settings = Settings {
            trial_credits: TRIAL,
            welcome_credits: 0,
            default_provider: Provider::Meta,
            model_budget: postly_domain::ModelBudget::default(),
            site_url: String::new(),
            max_streams: 0,
            chat_link_base: String::new(),
            identity_hash_key: "a key for the hashes of tests".to_owned().into(),
            otp_peppers: vec!["a pepper for the codes of tests".to_owned().into()],
            code_budgets: postly_domain::challenge::Budgets { country_hour: 30, hour: 60 },
            allowed_countries: vec!["FR".to_owned()],
            default_region: "FR".to_owned(),
            retention: crate::Retention { events_days: 30, media_days: 7, messages_days: 365 },
            legal: crate::Legal::default(),
            storage: None,
        };
        let app = App::new(Parts {
            core: Core::new(database.db.clone(), Arc::new(clock.clone()), settings, OwnNumbers::default()),
            verifier: Verifier::new(None, None, "https://postly.example").unwrap(),
            meta_verify_token: None,
            senders: Senders::new(None, None).unwrap(),
            writer: Writer::new(Arc::new(OfflineWriter::new())),
            transcriber: None,
            shop: None,
        });
        Self { app, clock, database, histories: 0 }
    }

    fn db(&self) -> &Db {
        &self.database.db
    }

    fn engine(&self) -> EngineName {
        self.database.engine
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    fn advance_ms(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }
}

/// Checks that the audit finds nothing, except for the named invariants, which do not apply to the machine.
async fn assert_audit_is_clean(tx: &mut Tx, now: UnixMillis, but_for: &[&str]) {
    let findings = audit::findings(tx, now).await.unwrap();
    let broken: Vec<_> =
        findings.iter().filter(|finding| finding.violations > 0 && !but_for.contains(&finding.id)).collect();
    assert!(broken.is_empty(), "{broken:?}");
}

fn histories(engine: EngineName) -> (u32, RngSeed) {
    let (wanted, seed) = match std::env::var("POSTLY_HISTORIES") {
        Ok(wanted) => (wanted.parse().expect("POSTLY_HISTORIES is a number"), RngSeed::Random),
        Err(_) => (HISTORIES, RngSeed::Fixed(0)),
    };
    match engine {
        EngineName::Sqlite => (wanted, seed),
        EngineName::Postgres => (wanted.div_ceil(POSTGRES_SHARE), seed),
    }
}

/// Runs random histories. A failing one is shrunk, and its seed is stored beside the sources.
fn play<S: Strategy>(
    source_file: &'static str,
    engine: EngineName,
    history: &S,
    act: &impl AsyncFn(&Scene, S::Value),
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Taken out while a history runs, so that the database of a panicking one is not used again.
    let stage: RefCell<Option<Scene>> = RefCell::new(None);
    let (cases, rng_seed) = histories(engine);
    let mut runner = TestRunner::new(Config {
        cases,
        rng_seed,
        source_file: Some(source_file),
        failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel("proptest-regressions"))),
        max_shrink_iters: SHRINK_STEPS,
        ..Config::default()
    });
    let result = runner.run(history, |operations| {
        runtime.block_on(async {
            let kept = stage.borrow_mut().take();
            let mut scene = match kept {
                Some(scene) => scene,
                None => Scene::new(engine).await,
            };
            act(&scene, operations).await;
            scene.histories += 1;
            if scene.histories < HISTORIES_PER_DATABASE {
                *stage.borrow_mut() = Some(scene);
            } else {
                retire(scene).await;
            }
            Ok::<(), TestCaseError>(())
        })
    });
    if let Some(scene) = stage.into_inner() {
        runtime.block_on(retire(scene));
    }
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

async fn retire(scene: Scene) {
    scene.db().close().await;
    scene.database.drop().await;
}
