//! The socket of the fakes: it can stop listening, and a single connection can be closed with a TCP reset. No
//! HTTP library offers this, because no server needs it.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The pause before binding or accepting is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// Resets one connection.
#[derive(Clone)]
pub(crate) struct Scissors(Arc<Cut>);

#[derive(Default)]
struct Cut {
    done: AtomicBool,
    waker: AtomicWaker,
}

impl Scissors {
    /// Resets the connection: nothing more is read or written, and the peer gets a RST.
    pub(crate) fn cut(&self) {
        self.0.cut();
    }
}

impl Cut {
    fn cut(&self) {
        self.done.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// The state of the listener, shared with the handle that stops and resumes it.
pub(crate) struct Wire {
    /// True if listening is requested.
    plugged: watch::Sender<bool>,
    /// True while the port is open.
    listening: watch::Sender<bool>,
    /// Every open connection holds a receiver of it.
    open: watch::Sender<()>,
    lines: Mutex<Vec<Weak<Cut>>>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self {
            plugged: watch::Sender::new(true),
            listening: watch::Sender::new(true),
            open: watch::Sender::new(()),
            lines: Mutex::default(),
        }
    }

    /// Stops or resumes listening, and returns once that is done. Stopping resets open connections and waits
    /// until each is closed, so that no client still writes to one from its pool.
    pub(crate) async fn plug(&self, plugged: bool) {
        let mut listening = self.listening.subscribe();
        self.plugged.send_replace(plugged);
        let _ = listening.wait_for(|listening| *listening == plugged).await;
        if !plugged {
            self.cut_all();
            self.open.closed().await;
        }
    }

    /// Resets every open connection.
    pub(crate) fn cut_all(&self) {
        for line in self.lines.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if let Some(line) = line.upgrade() {
                line.cut();
            }
        }
    }

    fn register(&self, cut: &Arc<Cut>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|line| line.strong_count() > 0);
        lines.push(Arc::downgrade(cut));
    }
}

/// A listener that closes its port while it is stopped, so that clients are refused.
pub(crate) struct Door {
    address: SocketAddr,
    listener: Option<TcpListener>,
    wire: Arc<Wire>,
}

impl Door {
    pub(crate) fn new(address: SocketAddr, listener: TcpListener, wire: Arc<Wire>) -> Self {
        Self { address, listener: Some(listener), wire }
    }
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let mut plugged = self.wire.plugged.subscribe();
        loop {
            if !*plugged.borrow_and_update() {
                self.listener = None;
                self.wire.listening.send_replace(false);
                if plugged.changed().await.is_err() {
                    pending::<()>().await;
                }
                continue;
            }
            let Some(listener) = &self.listener else {
                match TcpListener::bind(self.address).await {
                    Ok(listener) => {
                        self.listener = Some(listener);
                        self.wire.listening.send_replace(true);
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
                continue;
            };
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => return (Line::new(stream, &self.wire), address),
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
                _ = plugged.changed() => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection that can be reset.
pub(crate) struct Line {
    stream: TcpStream,
    cut: Arc<Cut>,
    /// Fields are dropped in this order: the socket is closed before this says so.
    _open: watch::Receiver<()>,
}

impl Line {
    fn new(stream: TcpStream, wire: &Wire) -> Self {
        let cut = Arc::<Cut>::default();
        wire.register(&cut);
        let _ = stream.set_nodelay(true);
        Self { stream, cut, _open: wire.open.subscribe() }
    }

    /// Fails once the connection is cut, and makes the closing of the socket send a RST.
    fn alive(&self, context: &Context<'_>) -> io::Result<()> {
        self.cut.waker.register(context.waker());
        if self.cut.done.load(Ordering::Acquire) {
            let _ = self.stream.set_zero_linger();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.alive(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.alive(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.alive(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.alive(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Connected<IncomingStream<'_, Door>> for Scissors {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self(Arc::clone(&stream.io().cut))
    }
}
