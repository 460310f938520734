//! A TCP proxy, in front of PostgreSQL or of two services. It reproduces faults of networks and servers: it
//! cuts connections, holds bytes back, forwards a COMMIT and loses its answer, and sends new connections to
//! another server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

/// The number of bytes of one read.
const BUFFER: usize = 16 * 1024;
/// The pause between two checks of a held connection.
const HELD_LOOK: Duration = Duration::from_millis(10);

/// The place at which a COMMIT loses its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server does not receive it.
    Before,
    /// The server commits, and the client gets no answer.
    After,
}

#[derive(Default)]
struct State {
    /// The port of the server for new connections.
    target: AtomicU16,
    /// The port of a server that gets every second connection; 0 if there is none.
    also: AtomicU16,
    /// The number of COMMITs still to be cut before they reach the server.
    cut_before: AtomicU64,
    /// The number of COMMITs still to be cut after they reached the server.
    cut_after: AtomicU64,
    /// The errors of a server that is read-only.
    read_only: AtomicU64,
    /// The COMMITs that were cut.
    cuts: AtomicU64,
    /// True while bytes wait, in both directions, as with an unplugged cable.
    held: AtomicBool,
    /// Connections with a number below this are forgotten: no byte passes on them, and they stay open.
    forgotten: AtomicU64,
    /// The connections that were opened.
    opened: AtomicU64,
}

/// The proxy; see the module.
pub(crate) struct Proxy {
    state: Arc<State>,
    port: u16,
    /// Counts the commands to cut all connections.
    cut_all: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Starts a proxy in front of a server on this machine.
    pub(crate) async fn start(target: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for the proxy")?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State { target: AtomicU16::new(target), ..State::default() });
        let (cut_all, orders) = watch::channel(0);
        let task = tokio::spawn(accept(listener, Arc::clone(&state), orders));
        Ok(Self { state, port, cut_all, task })
    }

    /// Returns its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Sends new connections to another server; existing ones stay.
    pub(crate) fn lead_to(&self, target: u16) {
        self.state.target.store(target, Ordering::SeqCst);
    }

    /// Sends every second connection to this server.
    pub(crate) fn lead_also_to(&self, target: u16) {
        self.state.also.store(target, Ordering::SeqCst);
    }

    /// Cuts every connection.
    pub(crate) fn cut_all(&self) {
        self.cut_all.send_modify(|orders| *orders += 1);
    }

    /// Cuts the connections of the next `count` COMMITs.
    pub(crate) fn cut_commits(&self, count: u64, place: Cut) {
        let counter = match place {
            Cut::Before => &self.state.cut_before,
            Cut::After => &self.state.cut_after,
        };
        counter.store(count, Ordering::SeqCst);
    }

    /// Returns the number of COMMITs that were cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::SeqCst)
    }

    /// Returns the number of read-only errors of servers.
    pub(crate) fn read_only(&self) -> u64 {
        self.state.read_only.load(Ordering::SeqCst)
    }

    /// Returns the number of connections that clients opened.
    pub(crate) fn opened(&self) -> u64 {
        self.state.opened.load(Ordering::SeqCst)
    }

    /// Holds every byte back, or releases them.
    pub(crate) fn hold(&self, held: bool) {
        self.state.held.store(held, Ordering::SeqCst);
    }

    /// Forgets the existing connections, as a replaced router does: they stay open, and no byte passes on
    /// them.
    pub(crate) fn forget_all(&self) {
        self.state.forgotten.store(self.state.opened.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

async fn accept(listener: TcpListener, state: Arc<State>, orders: watch::Receiver<u64>) {
    while let Ok((client, _)) = listener.accept().await {
        let (state, mut orders) = (Arc::clone(&state), orders.clone());
        orders.mark_unchanged();
        tokio::spawn(async move {
            let number = state.opened.fetch_add(1, Ordering::SeqCst);
            let target = match state.also.load(Ordering::SeqCst) {
                also if also != 0 && number % 2 == 1 => also,
                _ => state.target.load(Ordering::SeqCst),
            };
            let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
            // The messages are small in both directions: waiting to fill a packet would delay every
            // statement.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let ((client_in, client_out), (server_in, server_out)) =
                (client.into_split(), server.into_split());
            // If either end closes, or a cut is commanded, both halves are dropped, and with them both
            // connections.
            tokio::select! {
                () = carry(client_in, server_out, &state, number, true) => {}
                () = carry(server_in, client_out, &state, number, false) => {}
                _ = orders.changed() => {}
            }
        });
    }
}

/// Forwards bytes in one direction until the connection ends or is cut.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State, number: u64, to_server: bool) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let Ok(count) = from.read(&mut buffer).await else { return };
        let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { return };
        while state.held.load(Ordering::SeqCst) || number < state.forgotten.load(Ordering::SeqCst) {
            sleep(HELD_LOOK).await;
        }
        if !to_server && holds(piece, READ_ONLY) {
            state.read_only.fetch_add(1, Ordering::SeqCst);
        }
        let commits = to_server && is_commit(piece);
        if commits && take_one(&state.cut_before) {
            state.cuts.fetch_add(1, Ordering::SeqCst);
            return;
        }
        if to.write_all(piece).await.is_err() {
            return;
        }
        if commits && take_one(&state.cut_after) {
            state.cuts.fetch_add(1, Ordering::SeqCst);
            // The server works on the COMMIT while the way back is gone: its answer finds a closed
            // connection.
            return;
        }
    }
}

fn take_one(counter: &AtomicU64) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// Returns true if a piece holds a COMMIT as a simple query, the form in which sqlx ends a transaction.
fn is_commit(piece: &[u8]) -> bool {
    holds(piece, b"COMMIT\0")
}

/// The code of `read_only_sql_transaction`, as a field of an error.
const READ_ONLY: &[u8] = b"C25006\0";

fn holds(piece: &[u8], text: &[u8]) -> bool {
    piece.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_told_from_other_statements() {
        assert!(is_commit(b"Q\0\0\0\x0bCOMMIT\0"));
        assert!(!is_commit(b"Q\0\0\0\x0cROLLBACK\0"));
        assert!(!is_commit(b"P\0\0\0\x20\0SELECT 'COMMITTED'\0"));
    }

    #[test]
    fn as_many_are_taken_as_there_are() {
        let counter = AtomicU64::new(2);
        assert_eq!([take_one(&counter), take_one(&counter), take_one(&counter)], [true, true, false]);
    }
}
