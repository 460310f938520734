//! The listeners: they accept connections, limit their number and close those that exceed a timeout.
//!
//! A connection costs a file descriptor and one of the allowed number, and a client may open any number.
//! Each connection therefore publishes its state ([`ConnectionState`]). The accept loop closes connections
//! past their timeout. With the limit reached, it evicts the one that has been sending a request for longest,
//! or else the one that has been idle for longest.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use postly_app::Shutdown;
use postly_domain::metric;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::Instant,
};

use crate::connection::{
    Connection, ConnectionState, TrackedRequestBody, TrackedResponseBody, TrackedStream,
};
use crate::events::LongStream;
use crate::site::Peer;

/// The usual limit of connections of one listener at a time, without live streams. Three hundred webhooks per
/// second, each stored within 20 ms, need six.
pub const MAX_CONNECTIONS: usize = 512;
/// The time limit for the head of a request. With the interval of the sweep it is 10 s.
const HEAD_TIMEOUT: Duration = Duration::from_secs(9);
/// The time limit between two requests. It is longer than the 60 s of load balancers: the side with the
/// shorter limit closes first and never sends a request into a connection that the other side is closing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// The time limit for blocked writes of a response.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// The interval at which the accept loop closes connections past their timeout.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// The time a request may take before its connection can be evicted: an honest request is complete within it.
const EVICTION_GRACE: Duration = Duration::from_secs(1);
/// The longest head of a request. Heads of the providers take 2 kB. A longer one is answered with 431; 512 of
/// them take 64 MiB.
const MAX_HEAD_BYTES: usize = 131_072;
/// The pause after a failed accept, such as for lack of descriptors; some become free meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The time a shutdown waits for requests in progress: longer than storing a webhook takes (2 s). Without a
/// limit, a silent connection would keep the process running. Clients repeat requests that are cut off.
const REQUESTS_DRAIN: Duration = Duration::from_secs(5);

/// Serves at most this many connections at a time until the shutdown, then completes the requests in
/// progress.
pub async fn serve(listener: TcpListener, router: Router, max_connections: usize, shutdown: Shutdown) {
    let mut connections = Connections::new(max_connections);
    let mut http = http1::Builder::new();
    http.max_buf_size(MAX_HEAD_BYTES);
    let mut round = tokio::time::interval(SWEEP_INTERVAL);
    round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let stopping = shutdown.requested();
    tokio::pin!(stopping);
    'serving: loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            ended = connections.next_ended() => { connections.forget(ended); continue }
            _ = round.tick() => { connections.close_timed_out(); continue }
            () = &mut stopping => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) if is_of_the_connection(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "Cannot accept connections; trying again");
                connections.evict_one();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        while connections.is_full() {
            connections.evict_one();
            tokio::select! {
                ended = connections.next_ended() => connections.forget(ended),
                _ = round.tick() => connections.close_timed_out(),
                () = &mut stopping => break 'serving,
            }
        }
        connections.welcome(stream, &http, &router, &shutdown);
    }
    drop(listener);
    if tokio::time::timeout(REQUESTS_DRAIN, connections.all_ended()).await.is_err() {
        tracing::info!("Leaving connections on which nothing was asked");
    }
}

/// Serves one connection until it ends. After a shutdown request it completes the request in progress.
async fn attend(
    stream: TcpStream,
    peer: Option<Peer>,
    connection: Arc<Connection>,
    http: http1::Builder,
    router: Router,
    shutdown: Shutdown,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(|body| TrackedRequestBody::new(body, Arc::clone(&connection)));
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        let connection = Arc::clone(&connection);
        let answer = hyper::service::Service::call(&router, request);
        async move {
            let answer = answer.await?;
            let lasts = answer.extensions().get::<LongStream>().is_some();
            Ok::<_, Infallible>(answer.map(|body| TrackedResponseBody::new(body, connection, lasts)))
        }
    });
    let stream = TokioIo::new(TrackedStream::new(stream, Arc::clone(&connection)));
    let serving = http.serve_connection(stream, service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        // Do not wait for a stream: it has no end, and its client reconnects elsewhere.
        () = shutdown.requested() => if connection.state().0 == ConnectionState::Streaming {
            return;
        } else {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        // An incomplete request or a client that disconnected: not an error of the service.
        tracing::trace!(%error, "A connection broke off");
    }
}

/// True for an error of the one connection being accepted, as opposed to one of the listener.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The open connections of a listener.
struct Connections {
    began: Instant,
    max: usize,
    /// The number of live streams, limited by the application.
    streams: Arc<AtomicUsize>,
    tasks: JoinSet<()>,
    seats: HashMap<Id, (Arc<Connection>, AbortHandle)>,
}

impl Connections {
    fn new(max: usize) -> Self {
        let (tasks, seats) = (JoinSet::new(), HashMap::new());
        Self { began: Instant::now(), max, streams: Arc::default(), tasks, seats }
    }

    fn is_full(&self) -> bool {
        self.tasks.len().saturating_sub(self.streams.load(Ordering::Relaxed)) >= self.max
    }

    fn welcome(&mut self, stream: TcpStream, http: &http1::Builder, router: &Router, shutdown: &Shutdown) {
        let connection = Arc::new(Connection::new(self.began, Arc::clone(&self.streams)));
        // A connection that is already closed has no address, and sends no request.
        let peer = stream.peer_addr().ok().map(Peer);
        let attended =
            attend(stream, peer, Arc::clone(&connection), http.clone(), router.clone(), shutdown.clone());
        let task = self.tasks.spawn(attended);
        self.seats.insert(task.id(), (connection, task));
    }

    /// Waits until a connection has ended; without end if there is none.
    async fn next_ended(&mut self) -> Result<(Id, ()), JoinError> {
        match self.tasks.join_next_with_id().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => error.id(),
        };
        self.seats.remove(&id);
    }

    async fn all_ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Closes connections that exceed the limit for a request head, for idling, or for blocked writes.
    fn close_timed_out(&self) {
        for (connection, task) in self.seats.values() {
            let (doing, since) = connection.state();
            let late = match doing {
                ConnectionState::New | ConnectionState::ReadingHead => since >= HEAD_TIMEOUT,
                ConnectionState::Idle => since >= IDLE_TIMEOUT,
                ConnectionState::ReadingBody
                | ConnectionState::Handling
                | ConnectionState::Streaming
                | ConnectionState::Closing => false,
            };
            if late || connection.write_stalled_for() >= READ_TIMEOUT {
                turn_out(connection, task, "late");
            }
        }
    }

    /// Evicts the connection that has been sending a request, or blocking writes, for longest; if there is
    /// none, the one that has been idle for longest. A connection that waits for its response stays, unless
    /// its writes are blocked.
    fn evict_one(&self) {
        let asking = |doing| {
            matches!(
                doing,
                ConnectionState::New | ConnectionState::ReadingHead | ConnectionState::ReadingBody
            )
        };
        let longest = self
            .seats
            .values()
            .filter_map(|(connection, task)| {
                let (doing, since) = connection.state();
                let waits_for_it = asking(doing) || connection.write_stalled_for() >= EVICTION_GRACE;
                let may_go = (waits_for_it && since >= EVICTION_GRACE) || doing == ConnectionState::Idle;
                may_go.then_some(((waits_for_it, since), connection, task))
            })
            .max_by_key(|(rank, _, _)| *rank);
        if let Some((_, connection, task)) = longest {
            turn_out(connection, task, "full");
        }
    }
}

fn turn_out(connection: &Connection, task: &AbortHandle, why: &'static str) {
    connection.is(ConnectionState::Closing);
    task.abort();
    metrics::counter!(metric::CONNECTIONS_EVICTED, "why" => why).increment(1);
}
