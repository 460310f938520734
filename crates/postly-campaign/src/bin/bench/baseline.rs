//! The baselines of the service: its webhook handler without a database, and with one commit for each
//! request. Each runs in a process of its own, as the service does, so that both get the same share of the
//! machine.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    routing::post,
};
use postly_app::{Clock as _, SystemClock};
use postly_campaign::service::Plan;
use postly_domain::id::EventId;
use postly_simulator::SimulatorConfig;
use postly_store::{Db, Engine, inbox};
use postly_whatsapp::{MetaSecrets, OwnNumbers, Verifier, WebhookRequest};
use tokio::sync::Mutex;

/// The variable that tells a process of the bench to be this baseline.
const VARIABLE: &str = "POSTLY_BENCH_BASELINE";
/// The limit that the service sets for a body.
const MAX_BODY_BYTES: usize = 4_194_304;

/// A stand-in for the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Baseline {
    /// Verifies the signature and parses the events, and stores nothing.
    NoDatabase,
    /// Stores the events, with one transaction and one commit for each request. On SQLite, one request at a
    /// time.
    CommitEach,
}

impl Baseline {
    fn name(self) -> &'static str {
        match self {
            Self::NoDatabase => "no-database",
            Self::CommitEach => "commit-each",
        }
    }

    /// Returns a plan that starts this baseline in place of the service.
    pub(crate) fn plan(self, service: &Plan) -> anyhow::Result<Plan> {
        Ok(Plan { binary: std::env::current_exe()?, ..service.clone() }.with(VARIABLE, self.name()))
    }

    /// Returns the baseline that this process must be, if any.
    pub(crate) fn of_process() -> Option<Self> {
        let name = std::env::var(VARIABLE).ok()?;
        [Self::NoDatabase, Self::CommitEach].into_iter().find(|baseline| baseline.name() == name)
    }

    /// Serves until the process is killed.
    pub(crate) async fn serve(self) -> anyhow::Result<()> {
        let account = SimulatorConfig::default().meta;
        let store = match self {
            Self::NoDatabase => None,
            Self::CommitEach => {
                let db = Db::open(&std::env::var("DATABASE_URL")?).await?;
                db.migrate().await?;
                let alone = (db.engine() == Engine::Sqlite).then(Mutex::default);
                Some(Store { db, alone })
            }
        };
        let app = Arc::new(Stand {
            verifier: Verifier::new(
                Some(MetaSecrets { app_secrets: vec![account.app_secret.into()] }),
                None,
                &std::env::var("PUBLIC_BASE_URL")?,
            )?,
            routes: OwnNumbers {
                meta_phone_number_id: Some(account.phone_number_id),
                ..OwnNumbers::default()
            },
            clock: SystemClock::new(),
            store,
        });
        let router = Router::new().route(postly_whatsapp::WEBHOOK_PATH, post(receive)).with_state(app);
        let listener = tokio::net::TcpListener::bind(std::env::var("BIND_ADDRESS")?).await?;
        axum::serve(listener, postly_http::harden(router)).await?;
        Ok(())
    }
}

struct Stand {
    verifier: Verifier,
    routes: OwnNumbers,
    clock: SystemClock,
    store: Option<Store>,
}

struct Store {
    db: Db,
    /// Locked from the opening of a transaction to its commit, so that requests never share one.
    alone: Option<Mutex<()>>,
}

/// The service's handler, reduced to the steps for a valid webhook.
async fn receive(State(stand): State<Arc<Stand>>, request: Request) -> StatusCode {
    let (head, body): (_, Body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else { return StatusCode::BAD_REQUEST };
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let request = WebhookRequest { target, headers: &head.headers, body: &body };
    let Ok(verified) = stand.verifier.verify(&request) else { return StatusCode::UNAUTHORIZED };
    let now = stand.clock.now();
    let events = postly_whatsapp::split_webhook(&verified, &stand.routes, now);
    if events.is_empty() || events.iter().any(|event| event.ignored.is_some()) {
        // The bench sends no event that is ignored.
        return StatusCode::BAD_REQUEST;
    }
    let Some(store) = &stand.store else { return StatusCode::OK };
    let stored = async {
        let _alone = match &store.alone {
            Some(alone) => Some(alone.lock().await),
            None => None,
        };
        let mut tx = store.db.write().await?;
        let rows: Vec<_> =
            events.iter().map(|event| (EventId::new(uuid::Uuid::now_v7().to_string()), event)).collect();
        inbox::store(&mut tx, &rows, now).await?;
        tx.commit().await
    };
    if stored.await.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
