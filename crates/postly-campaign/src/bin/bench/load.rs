//! The load: letters on keep-alive connections, as fast as they are acknowledged or at a fixed rate.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};

use crate::{
    far_end::FarEnd,
    figures::Spread,
    letter::{Letter, Letters, Post},
    wire::Reader,
};

/// One open connection to a service.
pub(crate) struct Line {
    reader: Reader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Line {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("the service does not listen")?;
        stream.set_nodelay(true)?;
        let (from, writer) = stream.into_split();
        Ok(Self { reader: Reader::new(from), writer })
    }

    /// Sends a request and returns the status of the response.
    pub(crate) async fn send(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.writer.write_all(request).await?;
        let answer = self.reader.next().await?.context("the service closed a connection")?;
        answer.second_word().parse().context("an answer without a status")
    }
}

/// The responses of the service to the letters.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    /// The duration of each acknowledgement.
    pub(crate) took: Spread,
    /// The number of letters that were not acknowledged.
    pub(crate) refused: usize,
    /// The time from the first letter to the last acknowledgement.
    pub(crate) within: Duration,
}

impl Acks {
    /// Acknowledgements per second.
    pub(crate) fn rate(&self) -> f64 {
        crate::figures::count(self.took.len()) / self.within.as_secs_f64()
    }
}

/// The responses to one task.
#[derive(Default)]
struct Seen {
    took: Vec<Duration>,
    refused: usize,
}

impl Seen {
    /// Sends one letter. The caller records it in the ledger first if its reply counts.
    async fn send(&mut self, line: &mut Line, request: &[u8]) -> anyhow::Result<bool> {
        let sent = Instant::now();
        let acknowledged = line.send(request).await? == 200;
        if acknowledged {
            self.took.push(sent.elapsed());
        } else {
            self.refused += 1;
        }
        Ok(acknowledged)
    }
}

async fn collect(mut tasks: JoinSet<anyhow::Result<Seen>>, started: Instant) -> anyhow::Result<Acks> {
    let (mut took, mut refused) = (vec![], 0);
    while let Some(seen) = tasks.join_next().await {
        let seen = seen??;
        took.extend(seen.took);
        refused += seen.refused;
    }
    Ok(Acks { took: took.into(), refused, within: started.elapsed() })
}

/// Sends on `connections` connections for this time, on each one letter after the other, without waiting for
/// replies.
pub(crate) async fn hammer(
    door: SocketAddr,
    post: &Arc<Post>,
    letters: &Arc<Letters>,
    connections: usize,
    lasting: Duration,
) -> anyhow::Result<Acks> {
    let mut lines = vec![];
    for _ in 0..connections {
        lines.push(Line::open(door).await?);
    }
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for mut line in lines {
        let (post, letters) = (Arc::clone(post), Arc::clone(letters));
        tasks.spawn(async move {
            let mut seen = Seen::default();
            while started.elapsed() < lasting {
                seen.send(&mut line, &post.request(letters.next())).await?;
            }
            Ok(seen)
        });
    }
    collect(tasks, started).await
}

/// Sends letters while the ledger has permits, until the time or the number of letters is up. The ledger's
/// permits limit the messages in flight. Returns when the last letter is acknowledged, not when it is
/// answered.
///
/// With several `doors`, the letters of an author go through one after the other, each after the
/// acknowledgement of the one before.
pub(crate) async fn keep_busy(
    doors: &[SocketAddr],
    post: &Arc<Post>,
    letters: &Arc<Letters>,
    far_end: &FarEnd,
    until: Until,
) -> anyhow::Result<Acks> {
    /// Enough that a letter never waits for one: an acknowledgement takes milliseconds.
    const CONNECTIONS: usize = 32;
    let started = Instant::now();
    let left = Arc::new(std::sync::atomic::AtomicUsize::new(until.letters));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut lines = vec![];
        for door in doors {
            lines.push(Line::open(*door).await?);
        }
        let (post, letters, far_end, left) =
            (Arc::clone(post), Arc::clone(letters), far_end.clone(), Arc::clone(&left));
        tasks.spawn(async move {
            use std::sync::atomic::Ordering;
            let ledger = far_end.ledger();
            let mut seen = Seen::default();
            while started.elapsed() < until.time {
                if left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_err()
                {
                    break;
                }
                let Letter { author, number } = letters.next();
                // One letter for each address, one right behind the other.
                let doors = u32::try_from(lines.len())?;
                for (line, behind) in lines.iter_mut().zip(0..) {
                    let Ok(room) = tokio::time::timeout(until.time, ledger.room.acquire()).await else {
                        bail!("no reply has made room for the next letter");
                    };
                    room?.forget();
                    let letter = Letter { author, number: (number - 1) * doors + behind + 1 };
                    ledger.sent(letter);
                    if !seen.send(line, &post.request(letter)).await? {
                        ledger.refused(letter);
                    }
                }
            }
            Ok(seen)
        });
    }
    collect(tasks, started).await
}

/// The limits of a load; the first one reached ends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until {
    pub(crate) time: Duration,
    /// The letters for each address.
    pub(crate) letters: usize,
}

/// Sends letters at a fixed rate, regardless of the time that acknowledgements take. A letter that finds no
/// free connection opens one, as a provider would.
pub(crate) async fn pour(
    door: SocketAddr,
    post: &Arc<Post>,
    letters: &Arc<Letters>,
    far_end: &FarEnd,
    rate: u32,
    lasting: Duration,
) -> anyhow::Result<Acks> {
    let free: Arc<std::sync::Mutex<Vec<Line>>> = Arc::default();
    let started = Instant::now();
    let pause = Duration::from_secs(1) / rate;
    let mut tasks = JoinSet::new();
    for due in (0..).map(|number| started + pause * number).take_while(|due| *due < started + lasting) {
        tokio::time::sleep_until(due.into()).await;
        let (post, far_end, free) = (Arc::clone(post), far_end.clone(), Arc::clone(&free));
        let letter = letters.next();
        tasks.spawn(async move {
            let ledger = far_end.ledger();
            let lock = || free.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let idle = lock().pop();
            let mut line = match idle {
                Some(line) => line,
                None => Line::open(door).await?,
            };
            let mut seen = Seen::default();
            ledger.sent(letter);
            if !seen.send(&mut line, &post.request(letter)).await? {
                ledger.refused(letter);
            }
            lock().push(line);
            Ok(seen)
        });
    }
    collect(tasks, started).await
}
