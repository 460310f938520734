//! What is done, on which engine, and how often.

use crate::{database::Engine, faults};

/// A kind of round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Family {
    /// kill -9 of the service at a random moment.
    Kill,
    /// The same, and no status ever comes: what is lost with an answer is sent once more, and listed.
    KillSilent,
    /// kill -9 of one of two processes.
    KillOneOfTwo,
    /// All processes and PostgreSQL stop dead at once.
    Blackout,
    /// PostgreSQL is restarted under the running service.
    Restart,
    /// All sessions at PostgreSQL are ended.
    Backends,
    /// Connections are cut in COMMIT, before or after it is heard.
    CutCommit,
    /// The network to PostgreSQL stands still for longer than any patience, or is slow.
    Network,
    /// Connections to PostgreSQL fall silent for ever without being closed; new ones are served.
    HalfOpen,
    /// SIGTERM under load.
    Terminate,
    /// SIGSTOP, the lease ends, another process takes over, SIGCONT.
    Zombie,
    /// The same with nothing made shorter: the zombie sleeps until its lease and every wait have ended by themselves.
    ZombieForReal,
    /// The providers and the model fail in every way there is.
    Upstream,
    /// The same person writes through both providers at once: one wallet, two conversations.
    TwoWays,
    /// Webhooks come several times at once, late, and out of order.
    Inbound,
    /// The primary stops dead, its synchronous standby is promoted.
    Failover,
    /// The primary becomes read-only and keeps its connections; the standby is promoted.
    ReadOnly,
    /// The disk is full.
    DiskFull,
    /// The wall clock jumps.
    Clock,
    /// No fault: `strace` sees whether each acknowledgement comes after its sync.
    SyncOrder,
}

impl Family {
    /// All, in the order they are run.
    pub(crate) const ALL: [Self; 20] = [
        Self::Kill,
        Self::KillSilent,
        Self::KillOneOfTwo,
        Self::Blackout,
        Self::Restart,
        Self::Backends,
        Self::CutCommit,
        Self::Network,
        Self::HalfOpen,
        Self::Terminate,
        Self::Zombie,
        Self::ZombieForReal,
        Self::Upstream,
        Self::Inbound,
        Self::TwoWays,
        Self::Failover,
        Self::ReadOnly,
        Self::DiskFull,
        Self::Clock,
        Self::SyncOrder,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::KillSilent => "kill-silent",
            Self::KillOneOfTwo => "kill-one-of-two",
            Self::Blackout => "blackout",
            Self::Restart => "restart",
            Self::Backends => "backends",
            Self::CutCommit => "cut-commit",
            Self::Network => "network",
            Self::Terminate => "terminate",
            Self::Zombie => "zombie",
            Self::ZombieForReal => "zombie-for-real",
            Self::Upstream => "upstream",
            Self::Inbound => "inbound",
            Self::TwoWays => "two-ways",
            Self::Failover => "failover",
            Self::ReadOnly => "read-only",
            Self::DiskFull => "disk-full",
            Self::Clock => "clock",
            Self::HalfOpen => "half-open",
            Self::SyncOrder => "sync-order",
        }
    }

    /// Where it can happen.
    pub(crate) fn engines(self) -> &'static [Engine] {
        const BOTH: &[Engine] = &[Engine::Sqlite, Engine::Postgres];
        match self {
            Self::Kill
            | Self::KillSilent
            | Self::Terminate
            | Self::Upstream
            | Self::Inbound
            | Self::Clock
            | Self::SyncOrder => BOTH,
            Self::DiskFull => &[Engine::Sqlite],
            Self::KillOneOfTwo
            | Self::Blackout
            | Self::Restart
            | Self::Backends
            | Self::CutCommit
            | Self::Network
            | Self::HalfOpen
            | Self::TwoWays
            | Self::Zombie
            | Self::ZombieForReal
            | Self::Failover
            | Self::ReadOnly => &[Engine::Postgres],
        }
    }

    /// Whether it breaks its PostgreSQL for good, and has one of its own.
    pub(crate) fn needs_its_own_cluster(self) -> bool {
        matches!(self, Self::Failover | Self::ReadOnly)
    }

    /// How many rounds that hit a whole campaign has, for each engine.
    pub(crate) fn rounds(self) -> u64 {
        match self {
            // 0 failures in 200 kills: fewer than 1.5 % of kills fail, with 95 % confidence (3/n).
            Self::Kill => 200,
            Self::KillOneOfTwo => 60,
            Self::KillSilent | Self::Blackout | Self::CutCommit => 30,
            Self::Restart | Self::Backends | Self::Terminate | Self::Zombie => 20,
            // Each takes more than a minute.
            Self::ZombieForReal => 2,
            // Each round is one fault of the list.
            Self::Upstream => faults::upstream::count(),
            Self::Inbound | Self::TwoWays => 20,
            Self::HalfOpen => 3,
            Self::SyncOrder => 1,
            Self::Network | Self::Failover | Self::ReadOnly | Self::DiskFull | Self::Clock => 10,
        }
    }

    /// How many a sample has: enough to see that the campaign itself still works.
    pub(crate) fn sample(self) -> u64 {
        match self {
            Self::Kill => 4,
            Self::Restart | Self::CutCommit | Self::SyncOrder => 1,
            Self::KillSilent
            | Self::KillOneOfTwo
            | Self::Blackout
            | Self::Backends
            | Self::Network
            | Self::HalfOpen
            | Self::Terminate
            | Self::Zombie
            | Self::ZombieForReal
            | Self::Upstream
            | Self::Inbound
            | Self::TwoWays
            | Self::Failover
            | Self::ReadOnly
            | Self::DiskFull
            | Self::Clock => 0,
        }
    }
}
