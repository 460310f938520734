//! The families of faults, their engines and their numbers of rounds.

use crate::{database::Engine, faults};

/// A kind of round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Family {
    /// kill -9 of the service at a random moment.
    Kill,
    /// The same, without any status: a message whose response is lost is sent once more, and listed.
    KillSilent,
    /// kill -9 of one of two processes.
    KillOneOfTwo,
    /// All processes and PostgreSQL crash at once.
    Blackout,
    /// PostgreSQL is restarted under the running service.
    Restart,
    /// PostgreSQL ends all sessions.
    Backends,
    /// Connections are cut in COMMIT, before or after the server receives it.
    CutCommit,
    /// The network to PostgreSQL stops for longer than any timeout, or is slow.
    Network,
    /// Connections to PostgreSQL fall silent without being closed; new ones are served.
    HalfOpen,
    /// SIGTERM under load.
    Terminate,
    /// SIGSTOP, the lease ends, another process takes over, SIGCONT.
    Zombie,
    /// The same without shortcuts: the process is suspended until its lease and every wait have ended by
    /// themselves.
    ZombieForReal,
    /// The providers and the model fail in every known way.
    Upstream,
    /// The same author writes through both providers at once: one wallet, two conversations.
    TwoWays,
    /// Webhooks arrive several times at once, late, and out of order.
    Inbound,
    /// The primary crashes, and its synchronous standby is promoted.
    Failover,
    /// The primary becomes read-only and keeps its connections; the standby is promoted.
    ReadOnly,
    /// The disk is full.
    DiskFull,
    /// The wall clock jumps.
    Clock,
    /// No fault: `strace` checks that each acknowledgement comes after its sync.
    SyncOrder,
}

impl Family {
    /// All families, in the order of their runs.
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

    /// Returns the engines on which the fault can happen.
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

    /// Returns true if the fault destroys its PostgreSQL, so that the family needs a cluster of its own.
    pub(crate) fn needs_its_own_cluster(self) -> bool {
        matches!(self, Self::Failover | Self::ReadOnly)
    }

    /// Returns the number of rounds that hit in a whole campaign, for each engine.
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

    /// Returns the number of rounds in a sample: enough to check that the campaign itself works.
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
