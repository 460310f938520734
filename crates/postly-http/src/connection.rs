//! The state of a connection as the listener sees it, updated by wrappers around its stream, request bodies
//! and response bodies.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

/// The states of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    /// Accepted; the head of its first request is not complete.
    New,
    /// Its last response is complete; no byte of the next request has arrived.
    Idle,
    /// It is sending the head of its next request.
    ReadingHead,
    /// It is sending the body of a request. The router limits the time for this.
    ReadingBody,
    /// The request is complete; its response is being made or sent.
    Handling,
    /// It receives a live stream. Streams do not count toward the limit of connections.
    Streaming,
    /// The listener has closed it.
    Closing,
}

impl ConnectionState {
    const ALL: [Self; 7] = [
        Self::New,
        Self::Idle,
        Self::ReadingHead,
        Self::ReadingBody,
        Self::Handling,
        Self::Streaming,
        Self::Closing,
    ];

    pub(crate) fn is_of(self, state: u64) -> bool {
        self as u64 == state & 7
    }
}

/// The state of one connection, shared by the accept loop and the connection's task.
#[derive(Debug)]
pub(crate) struct Connection {
    began: Instant,
    /// The [`ConnectionState`] (lowest three bits) and the time of its start (the other bits, in milliseconds
    /// since `began`).
    state: AtomicU64,
    /// The time since which writes are blocked, in milliseconds since `began` plus one; 0 while writes
    /// succeed.
    deaf_since: AtomicU64,
    /// The number of live streams of its listener.
    streams: Arc<AtomicUsize>,
}

impl Connection {
    pub(crate) fn new(began: Instant, streams: Arc<AtomicUsize>) -> Self {
        let connection = Self { began, state: AtomicU64::new(0), deaf_since: AtomicU64::new(0), streams };
        connection.is(ConnectionState::New);
        connection
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn is(&self, doing: ConnectionState) {
        self.state.store(self.now() << 3 | doing as u64, Ordering::Relaxed);
    }

    /// Records if the last write was accepted. A client that sends requests and reads no response would
    /// otherwise keep its request in progress without end.
    pub(crate) fn reads(&self, takes: bool) {
        let deaf = self.deaf_since.load(Ordering::Relaxed);
        if takes && deaf != 0 {
            self.deaf_since.store(0, Ordering::Relaxed);
        } else if !takes && deaf == 0 {
            self.deaf_since.store(self.now() + 1, Ordering::Relaxed);
        }
    }

    /// Returns the time for which writes have been blocked; zero if they are not.
    pub(crate) fn write_stalled_for(&self) -> Duration {
        match self.deaf_since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_millis(self.now().saturating_sub(since - 1)),
        }
    }

    /// Returns the state and the time spent in it.
    pub(crate) fn state(&self) -> (ConnectionState, Duration) {
        let state = self.state.load(Ordering::Relaxed);
        let doing = ConnectionState::ALL
            .into_iter()
            .find(|doing| doing.is_of(state))
            .unwrap_or(ConnectionState::Handling);
        (doing, self.began.elapsed().saturating_sub(Duration::from_millis(state >> 3)))
    }

    /// Records the arrival of bytes: an idle connection begins to send a head.
    pub(crate) fn was_heard(&self) {
        if ConnectionState::Idle.is_of(self.state.load(Ordering::Relaxed)) {
            self.is(ConnectionState::ReadingHead);
        }
    }

    /// Records a request with a complete head and an incomplete body.
    pub(crate) fn sends(&self) {
        self.is(ConnectionState::ReadingBody);
    }

    /// Records a complete request.
    pub(crate) fn has_asked(&self) {
        self.is(ConnectionState::Handling);
    }

    /// Records the start of a live stream as response.
    pub(crate) fn streams(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
        self.is(ConnectionState::Streaming);
    }

    /// Records the end of a response.
    pub(crate) fn was_answered(&self, by_stream: bool) {
        if by_stream {
            self.streams.fetch_sub(1, Ordering::Relaxed);
        }
        self.is(ConnectionState::Idle);
    }
}

/// A TCP stream that records arriving bytes and blocked writes in its [`Connection`].
pub(crate) struct TrackedStream {
    stream: TcpStream,
    connection: Arc<Connection>,
}

impl TrackedStream {
    pub(crate) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self { stream, connection }
    }
}

impl AsyncRead for TrackedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.connection.was_heard();
        }
        read
    }
}

impl AsyncWrite for TrackedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.connection.reads(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.connection.reads(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A request body that records its end.
pub(crate) struct TrackedRequestBody {
    body: Incoming,
    connection: Arc<Connection>,
}

impl TrackedRequestBody {
    pub(crate) fn new(body: Incoming, connection: Arc<Connection>) -> Self {
        if body.is_end_stream() {
            connection.has_asked();
        } else {
            connection.sends();
        }
        Self { body, connection }
    }
}

impl HttpBody for TrackedRequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || (frame.is_ready() && self.body.is_end_stream()) {
            self.connection.has_asked();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response body that records its end when dropped, so that a connection is not idle while its response is
/// sent in parts.
pub(crate) struct TrackedResponseBody {
    body: Body,
    connection: Arc<Connection>,
    /// True for a live stream.
    lasts: bool,
}

impl TrackedResponseBody {
    pub(crate) fn new(body: Body, connection: Arc<Connection>, lasts: bool) -> Self {
        if lasts {
            connection.streams();
        }
        Self { body, connection, lasts }
    }
}

impl Drop for TrackedResponseBody {
    fn drop(&mut self) {
        self.connection.was_answered(self.lasts);
    }
}

impl HttpBody for TrackedResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
