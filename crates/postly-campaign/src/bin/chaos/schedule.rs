//! What is done, on which engine, and how often.

use crate::database::Engine;

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
    /// SIGTERM under load.
    Terminate,
    /// SIGSTOP, the lease ends, another process takes over, SIGCONT.
    Zombie,
    /// The providers and the model fail in every way there is.
    Upstream,
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
}

impl Family {
    /// All, in the order they are run.
    pub(crate) const ALL: [Self; 16] = [
        Self::Kill,
        Self::KillSilent,
        Self::KillOneOfTwo,
        Self::Blackout,
        Self::Restart,
        Self::Backends,
        Self::CutCommit,
        Self::Network,
        Self::Terminate,
        Self::Zombie,
        Self::Upstream,
        Self::Inbound,
        Self::Failover,
        Self::ReadOnly,
        Self::DiskFull,
        Self::Clock,
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
            Self::Upstream => "upstream",
            Self::Inbound => "inbound",
            Self::Failover => "failover",
            Self::ReadOnly => "read-only",
            Self::DiskFull => "disk-full",
            Self::Clock => "clock",
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
            | Self::Clock => BOTH,
            Self::DiskFull => &[Engine::Sqlite],
            Self::KillOneOfTwo
            | Self::Blackout
            | Self::Restart
            | Self::Backends
            | Self::CutCommit
            | Self::Network
            | Self::Zombie
            | Self::Failover
            | Self::ReadOnly => &[Engine::Postgres],
        }
    }

    /// How many rounds that hit a whole campaign has, for each engine.
    pub(crate) fn rounds(self) -> u64 {
        match self {
            // 0 failures in 200 kills: fewer than 1.5 % of kills fail, with 95 % confidence (3/n).
            Self::Kill => 200,
            Self::KillOneOfTwo => 60,
            Self::KillSilent | Self::Blackout | Self::CutCommit => 30,
            Self::Restart | Self::Backends | Self::Terminate | Self::Zombie => 20,
            // Each round is a fault of the list; the list is longer than this only for nobody.
            Self::Upstream => 60,
            Self::Inbound => 20,
            Self::Network | Self::Failover | Self::ReadOnly | Self::DiskFull | Self::Clock => 10,
        }
    }

    /// How many a sample has: enough to see that the campaign itself still works.
    pub(crate) fn sample(self) -> u64 {
        match self {
            Self::Kill => 4,
            Self::Restart | Self::CutCommit => 1,
            Self::KillSilent
            | Self::KillOneOfTwo
            | Self::Blackout
            | Self::Backends
            | Self::Network
            | Self::Terminate
            | Self::Zombie
            | Self::Upstream
            | Self::Inbound
            | Self::Failover
            | Self::ReadOnly
            | Self::DiskFull
            | Self::Clock => 0,
        }
    }
}
