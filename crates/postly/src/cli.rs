//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Postly-AI: a brief on WhatsApp becomes three posts.
#[derive(Debug, Parser)]
#[command(name = "postly", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service.
    Serve {
        /// What this process does; `web` and `worker` share a PostgreSQL.
        #[arg(long, value_enum, default_value_t = Role::All)]
        role: Role,
    },
    /// Run everything embedded, with a simulated WhatsApp to chat with.
    Demo(DemoOptions),
    /// Create the tables of the database.
    Migrate,
    /// Look for faults in the configuration, the database and the accounts at providers; exit 1 if there is
    /// an error.
    Doctor(Output),
    /// Check the invariants of the data; exit 1 if one does not hold.
    Audit(Output),
    /// Ask the service on this machine whether it is ready; exit 1 if it is not. For containers, which hold
    /// no other client.
    Healthcheck,
    /// Look at authors, block, erase and help them.
    #[command(subcommand)]
    Users(UsersCommand),
    /// Look at credits and correct them.
    #[command(subcommand)]
    Credits(CreditsCommand),
    /// Look at payments, and refund money at Stripe.
    #[command(subcommand)]
    Payments(PaymentsCommand),
    /// Look at what was given up, and replay it.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Authors who asked for a person: list, answer and close.
    #[command(subcommand)]
    Handoffs(HandoffsCommand),
    /// Take over the data of another application, and let it read on.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Stop a part of the service, in every process within seconds; authors are told.
    Pause(PauseArgs),
    /// Let a part that was stopped run again.
    Resume(PauseArgs),
    /// Copy an SQLite database while the service runs; the copy is opened and audited.
    Backup(BackupArgs),
    /// Put a copy in the place of a database that is lost. Nothing is overwritten.
    Restore(RestoreArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    All,
    Web,
    Worker,
}

impl Role {
    /// The name of the role on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Web => "web",
            Self::Worker => "worker",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProviderName {
    Meta,
    Twilio,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DemoOptions {
    /// Do one whole exchange in the terminal, on a throw-away database.
    #[arg(long)]
    pub(crate) brief: Option<String>,
    /// Print one JSON object.
    #[arg(long, requires = "brief")]
    pub(crate) json: bool,
    /// Through which provider.
    #[arg(long, value_enum, default_value_t = ProviderName::Meta)]
    pub(crate) provider: ProviderName,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Output {
    /// Print JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhoArgs {
    /// By telephone number.
    #[arg(long)]
    pub(crate) phone: Option<String>,
    /// By author id.
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// By the e-mail address of the login.
    #[arg(long)]
    pub(crate) email: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Show an author.
    Show {
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Print everything we hold of an author, as one JSON object.
    Export {
        #[command(flatten)]
        who: WhoArgs,
        /// It is JSON anyway.
        #[command(flatten)]
        output: Output,
    },
    /// Write nothing for an author until they are unblocked. STOP and erasure go on working.
    Block {
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        output: Output,
    },
    /// End a block.
    Unblock {
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Print a link that sets a new password once, within 30 minutes.
    ResetPassword {
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Erase everything about an author but the pseudonymous ledger. It cannot be undone.
    Erase {
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Adjustment {
    #[command(flatten)]
    pub(crate) who: WhoArgs,
    /// How many credits, from 1 to 1,000,000.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    pub(crate) amount: i64,
    /// Why; it stands in the ledger as the entry's note.
    #[arg(long, value_parser = reason)]
    pub(crate) reason: String,
    /// The operator's name, for the log.
    #[arg(long, value_parser = name)]
    pub(crate) by: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("say why: it stands in the ledger".to_owned()) } else { Ok(text.to_owned()) }
}

fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 100 {
        return Err("a name has 1 to 100 characters".to_owned());
    }
    Ok(text.to_owned())
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PauseArgs {
    /// What to stop: writing posts, or the messages of a provider.
    #[arg(value_enum)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct BackupArgs {
    /// A folder for copies by their time, or a file that is not there yet; `s3://bucket/prefix` for a bucket.
    #[arg(long)]
    pub(crate) to: String,
    /// How many copies stay in the folder; older ones are removed.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep: Option<u32>,
    /// Encrypt the copy for this public key of age (age1…).
    #[arg(long)]
    pub(crate) age_recipient: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RestoreArgs {
    /// A copy, or a folder whose newest copy is meant; `s3://bucket/prefix`, or a copy in it, for a bucket.
    #[arg(long)]
    pub(crate) from: String,
    /// Ask the copy every invariant first, and restore nothing if one does not hold.
    #[arg(long)]
    pub(crate) verify: bool,
    /// When the lost database was last used (RFC 3339): messages written from the copy until then are not
    /// answered again.
    #[arg(long, value_parser = instant)]
    pub(crate) lost_at: Option<jiff::Timestamp>,
    /// The file of the secret key of age, for an encrypted copy.
    #[arg(long)]
    pub(crate) age_identity: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

fn instant(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|_| "write a time as 2026-11-30T23:15:00Z".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Import users, ledgers and generations from a database of the guide's Prisma schema.
    Prisma(PrismaArgs),
    /// Make read-only views with the names of the guide's Prisma schema, in the schema `prisma` (PostgreSQL).
    Views {
        /// Remove them.
        #[arg(long)]
        drop: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PrismaArgs {
    /// The address of the source: postgres://user:password@host:port/database, with ?schema=NAME unless it is
    /// public. In the environment it is not seen in the list of processes.
    #[arg(long, env = "IMPORT_FROM", hide_env_values = true, value_name = "URL")]
    pub(crate) from: String,
    /// Print the same report, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    Generation,
    Meta,
    Twilio,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CreditsCommand {
    /// Show the credits of an author, and the ledger.
    Show {
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Give credits; an unknown number gets an author.
    Grant(Adjustment),
    /// Take credits; never more than are available.
    Deduct(Adjustment),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PaymentsCommand {
    /// List the payments of an author, newest first.
    List {
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Refund a payment at Stripe. Its credits are taken back in proportion. It cannot be undone.
    Refund(PaymentRefund),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct PaymentRefund {
    /// The payment, by Stripe's id (pi_…).
    pub(crate) id: String,
    /// How much, such as 4.90; without it, all that is left.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) amount: Option<String>,
    /// The reason that Stripe records.
    #[arg(long, value_enum)]
    pub(crate) reason: Reason,
    /// Why; it stands in the audit log.
    #[arg(long, value_parser = reason)]
    pub(crate) note: String,
    /// The operator's name, for the log.
    #[arg(long, value_parser = name)]
    pub(crate) by: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Reason {
    RequestedByCustomer,
    Duplicate,
    /// Stripe then blocks the card and the e-mail address of the buyer.
    Fraudulent,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HandoffsCommand {
    /// List the open requests, oldest first.
    List(Output),
    /// Answer the author, within 24 hours of the author's last message.
    Reply {
        /// The request.
        id: String,
        /// What the author shall read.
        text: String,
        #[command(flatten)]
        output: Output,
    },
    /// Close a request: the service answers the author again.
    Close {
        /// The request.
        id: String,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// List what was given up, newest first.
    List(Output),
    /// Put one back in line, or all of them.
    Replay {
        /// Which one.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// All of them.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        output: Output,
    },
}
