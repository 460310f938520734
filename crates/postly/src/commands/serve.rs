//! `postly serve`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use postly_app::{Engine, Shutdown, Workers};
use postly_http::{Metrics, serve};
use postly_whatsapp::WEBHOOK_PATH;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
};

use super::Failure;
use crate::{
    cli::Role,
    config::{Config, Reader},
    open_files,
    ownership::Ownership,
    telemetry, wiring,
};

/// The time limit of a stop (RULES 1.2: within 25 s). Before it ends, the workers release their unfinished
/// work.
const STOP_TIMEOUT: Duration = Duration::from_secs(24);

/// The connections of the operator's listener at a time: a browser, a scraper and a few probes.
const OPERATOR_CONNECTIONS: usize = 64;
/// The files beside connections and streams: the database, outgoing calls, logs.
const OTHER_FILES: usize = 192;

/// Runs until SIGTERM or SIGINT; then finishes or releases the work in progress within 25 s.
pub(crate) async fn run(role: Role) -> Result<(), Failure> {
    let config = Reader::from_process().config().map_err(Failure::Config)?;
    if role != Role::All && !config.database.address.is_postgres() {
        let fault = "--role web and --role worker need PostgreSQL: an SQLite file has one process";
        return Err(Failure::Usage(fault.to_owned()));
    }
    let mut signals = StopSignals::hear().context("cannot hear signals")?;
    let telemetry = telemetry::json(config.traces_to.as_deref())?;
    let metrics = Metrics::collect();
    let (public, admin) = (config.bind_address, config.admin_bind_address);
    announce(&config);
    let bounds = config.bounds;
    let public_files = if role == Role::Worker { 0 } else { bounds.connections + bounds.streams };
    open_files::raise(public_files + OPERATOR_CONNECTIONS + OTHER_FILES);
    let ownership = Ownership::take(&config.database.address)?;
    let db = wiring::open(config.database.clone()).await?;
    let engine = db.engine();
    let site = wiring::site(&config);
    let pages = wiring::admin_pages(&config);
    wiring::warn_of_shutdowns(&config.writer);
    let clock = wiring::clock(&db).await?;
    let meta = config.meta.as_ref().map(|meta| meta.send.clone());
    let app = wiring::application(config, db.clone(), Arc::clone(&clock))?;
    if let Some(account) = meta {
        wiring::ask_for_number(app.clone(), account);
    }
    metrics.build_info(env!("CARGO_PKG_VERSION"), name(engine), role.as_str(), app.core.now());
    let (stop, shutdown) = Shutdown::new();

    let operator = listen(admin, "ADMIN_BIND_ADDRESS").await?;
    let address = operator.local_addr().context("cannot tell where the operator listener is")?;
    tracing::info!(%address, "Operator listener on {address}");
    // This listener runs until everything else has ended, because `/readyz` reports the drain.
    let (stop_operator, operator_shutdown) = Shutdown::new();
    let router = postly_http::operator_router(app.clone(), metrics, shutdown.clone(), pages);
    let operator = tokio::spawn(serve(operator, router, OPERATOR_CONNECTIONS, operator_shutdown));
    let mut parts = JoinSet::new();
    parts.spawn(app.monitor.clone().run(shutdown.clone()));
    parts.spawn(app.core.clone().notify_peers(shutdown.clone()));
    parts.spawn({
        let (db, shutdown) = (db.clone(), shutdown.clone());
        async move { clock.follow(db, shutdown).await }
    });
    if role != Role::Worker {
        let listener = listen(public, "BIND_ADDRESS").await?;
        let address = listener.local_addr().context("cannot tell where the public listener is")?;
        tracing::info!(%address, engine = name(engine), "Listening on {address}");
        let router = postly_http::public_router(app.clone(), site);
        parts.spawn(serve(listener, router, bounds.connections, shutdown.clone()));
    }
    if role != Role::Web {
        let workers = Workers::new(app);
        if ownership.is_some() {
            workers.take_over().await.context("cannot take over the work of a process that died")?;
        }
        parts.spawn(workers.run(shutdown));
    }

    tokio::select! {
        () = signals.next() => {}
        // A service with one part stopped looks healthy, so the process ends and is restarted from outside.
        _ = parts.join_next() => {
            return Err(Failure::Failed(anyhow::anyhow!("a part of the service stopped by itself")));
        }
    }
    tracing::info!("Stopping: finishing what is under way");
    // Fails only if every receiver is gone.
    let _ = stop.send(true);
    let stopped = async {
        while let Some(ended) = parts.join_next().await {
            ended.context("a part of the service panicked")?;
        }
        let _ = stop_operator.send(true);
        operator.await.context("the operator listener panicked")?;
        db.close().await;
        anyhow::Ok(())
    };
    match tokio::time::timeout(STOP_TIMEOUT, stopped).await {
        Ok(result) => result?,
        // A slow request or a database without a response can exceed the limit. Their unfinished work
        // survives a kill.
        Err(_) => tracing::warn!("Stopped without waiting any longer"),
    }
    tracing::info!("Stopped");
    telemetry.stop().await;
    Ok(())
}

/// Logs the first line: version, configuration and addresses.
fn announce(config: &Config) {
    let version = env!("CARGO_PKG_VERSION");
    let database = config.database.address.name();
    let provider = config.provider.as_str();
    let writer = config.writer.name();
    let webhook = format!("{}{WEBHOOK_PATH}", config.public_base_url);
    tracing::info!(
        version,
        database,
        writer,
        provider,
        webhook,
        "postly {version}: the database is {database}, the writer is {writer}, the provider is {provider}, and the \
         webhook is {webhook}"
    );
}

fn name(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    }
}

async fn listen(address: SocketAddr, variable: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::Failed(
            anyhow::Error::from(error).context(format!("cannot listen on {address} ({variable})")),
        )
    })
}

/// The signals that ask for a stop. They are caught from the creation of this value, before the service
/// announces itself.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn hear() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for either signal.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
