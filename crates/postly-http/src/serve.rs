//! The listeners: connections are accepted, bounded in number, and turned out when they only wait.
//!
//! A connection costs a descriptor and a place, and a stranger may open as many as she likes. So each says what it is
//! doing ([`ConnectionState`]), and the one loop that accepts also walks around: who takes too long to ask is turned out, and
//! when every place is taken, whoever has waited longest without asking anything makes room for who knocks now.

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

/// How many connections a listener has at once. Three hundred webhooks a second, each stored within 20 ms, need six;
/// the usual 1,024 descriptors of a process must also do for the database and for our own calls.
pub const MAX_CONNECTIONS: usize = 512;
/// How long a connection may take to say all of what it asks, its body aside. With the pause between two rounds that
/// is 10 s.
const HEAD_TIMEOUT: Duration = Duration::from_secs(9);
/// How long a connection may be kept between two requests. Longer than the 60 s for which load balancers keep theirs:
/// who closes first never sends a request into a connection that the other is closing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How long an answer may wait for somebody to read it.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the loop walks around.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Whoever has just come is not turned out to make room: an honest request is complete within a moment.
const EVICTION_GRACE: Duration = Duration::from_secs(1);
/// The longest head of a request. Providers' take 2 kB; beyond this it is 431, and 512 of them are 64 MiB.
const MAX_HEAD_BYTES: usize = 131_072;
/// How long to wait when the system gives us no connection: it has no descriptors left, and gets some back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a stop waits for requests under way: longer than a webhook takes to be stored (2 s). Whoever has connected
/// and says nothing would otherwise keep the process for ever; whoever is cut off asks again.
const REQUESTS_DRAIN: Duration = Duration::from_secs(5);

/// Serves until the shutdown, and then the requests under way.
pub async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) {
    let mut connections = Connections::new();
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

/// Serves one connection until it ends, or until what was asked before the shutdown is answered.
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
        // A stream has no end to wait for: its client opens it again elsewhere.
        () = shutdown.requested() => if connection.state().0 == ConnectionState::Streaming {
            return;
        } else {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        // Half a request, or nobody there any more: theirs to know.
        tracing::trace!(%error, "A connection broke off");
    }
}

/// An error of the one connection that was about to be accepted, not of the listener.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Who is connected.
struct Connections {
    began: Instant,
    /// How many of them read a live stream. The application bounds these ([`postly_app::MAX_STREAMS`]).
    streams: Arc<AtomicUsize>,
    tasks: JoinSet<()>,
    seats: HashMap<Id, (Arc<Connection>, AbortHandle)>,
}

impl Connections {
    fn new() -> Self {
        let (tasks, seats) = (JoinSet::new(), HashMap::with_capacity(MAX_CONNECTIONS));
        Self { began: Instant::now(), streams: Arc::default(), tasks, seats }
    }

    fn is_full(&self) -> bool {
        self.tasks.len().saturating_sub(self.streams.load(Ordering::Relaxed)) >= MAX_CONNECTIONS
    }

    fn welcome(&mut self, stream: TcpStream, http: &http1::Builder, router: &Router, shutdown: &Shutdown) {
        let connection = Arc::new(Connection::new(self.began, Arc::clone(&self.streams)));
        // One that has gone already has no address, and asks nothing.
        let peer = stream.peer_addr().ok().map(Peer);
        let attended =
            attend(stream, peer, Arc::clone(&connection), http.clone(), router.clone(), shutdown.clone());
        let task = self.tasks.spawn(attended);
        self.seats.insert(task.id(), (connection, task));
    }

    /// Waits until a connection has ended; for ever when there is none.
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

    /// Turns out who takes too long to ask, or to read what it asked for.
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

    /// Turns out whoever has been busy for longest with asking something; if nobody is, who has rested for longest.
    /// Whoever waits for us stays, unless it does not listen.
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
