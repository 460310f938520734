//! What tells the listener how far a connection is: its stream, the body that comes and the answer that leaves.

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

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    /// It has come, and has not asked anything yet.
    New,
    /// It was answered, and has not said anything since.
    Idle,
    /// It is saying what it asks next.
    ReadingHead,
    /// It is sending the body of what it asks. How long that may take is the router's to say.
    ReadingBody,
    /// It is waiting for us, or being answered.
    Handling,
    /// It reads a live stream, which lasts, and is not counted among those that ask.
    Streaming,
    /// It was turned out.
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

/// A connection, as the loop and the connection itself know it.
#[derive(Debug)]
pub(crate) struct Connection {
    began: Instant,
    /// What it is doing (the last three bits), and since when (milliseconds since `began`, the others).
    state: AtomicU64,
    /// Since when it does not read what we say (milliseconds since `began`, and one); 0 while it does.
    deaf_since: AtomicU64,
    /// The live streams of its listener.
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

    /// Whether it takes what we say. Who asks on and on and reads nothing keeps its request under way for ever.
    pub(crate) fn reads(&self, takes: bool) {
        let deaf = self.deaf_since.load(Ordering::Relaxed);
        if takes && deaf != 0 {
            self.deaf_since.store(0, Ordering::Relaxed);
        } else if !takes && deaf == 0 {
            self.deaf_since.store(self.now() + 1, Ordering::Relaxed);
        }
    }

    /// For how long it has not read what we say.
    pub(crate) fn write_stalled_for(&self) -> Duration {
        match self.deaf_since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_millis(self.now().saturating_sub(since - 1)),
        }
    }

    /// What it is doing, and for how long it has been.
    pub(crate) fn state(&self) -> (ConnectionState, Duration) {
        let state = self.state.load(Ordering::Relaxed);
        let doing = ConnectionState::ALL
            .into_iter()
            .find(|doing| doing.is_of(state))
            .unwrap_or(ConnectionState::Handling);
        (doing, self.began.elapsed().saturating_sub(Duration::from_millis(state >> 3)))
    }

    /// Something came.
    pub(crate) fn was_heard(&self) {
        if ConnectionState::Idle.is_of(self.state.load(Ordering::Relaxed)) {
            self.is(ConnectionState::ReadingHead);
        }
    }

    /// The head of a request is complete, its body is not.
    pub(crate) fn sends(&self) {
        self.is(ConnectionState::ReadingBody);
    }

    /// The request is complete.
    pub(crate) fn has_asked(&self) {
        self.is(ConnectionState::Handling);
    }

    /// It is answered by a live stream.
    pub(crate) fn streams(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
        self.is(ConnectionState::Streaming);
    }

    /// It was answered.
    pub(crate) fn was_answered(&self, by_stream: bool) {
        if by_stream {
            self.streams.fetch_sub(1, Ordering::Relaxed);
        }
        self.is(ConnectionState::Idle);
    }
}

/// A stream that notes when something comes, and when nothing can be sent.
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

/// A body that notes when all of it has come.
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

/// The body of an answer, which notes when it has left: whoever is answered piece by piece is not resting.
pub(crate) struct TrackedResponseBody {
    body: Body,
    connection: Arc<Connection>,
    /// Whether it is a live stream.
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
