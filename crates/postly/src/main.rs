//! The `postly` command: the service, its demonstration, and the operator's tools.
//!
//! Exit codes: 0 done; 1 a check failed or nothing was written; 2 usage or configuration.

mod cli;
mod commands;
mod config;
mod doctor;
mod open_files;
mod ownership;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use commands::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Cargo's alias cannot hold the `--` that `cargo demo -- --brief …` needs, so it arrives as an argument.
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|command| command == "demo") && args.get(2).is_some_and(|arg| arg == "--") {
        args.remove(2);
    }
    let cli = Cli::parse_from(args);
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return fail(&Failure::Failed(anyhow::anyhow!("a second TLS provider was installed")));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::Failed(error.into())),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    // Variables of the process override those of the file. A missing file is accepted, an unreadable one is
    // not.
    if let Err(error) = dotenvy::dotenv()
        && !error.not_found()
    {
        return Err(Failure::Usage("the .env file cannot be read: each line must be NAME=value".to_owned()));
    }
    match cli.command {
        Command::Serve { role } => commands::serve::run(role).await,
        Command::Demo(options) => commands::demo::run(options).await,
        Command::Migrate => commands::operator::migrate().await,
        Command::Doctor(output) => Box::pin(doctor::run(output)).await,
        Command::Audit(output) => commands::operator::audit(output).await,
        Command::Healthcheck => commands::healthcheck::run().await,
        Command::Users(command) => commands::users::users(command).await,
        Command::Credits(command) => commands::operator::credits(command).await,
        Command::Payments(command) => Box::pin(commands::payments::run(command)).await,
        Command::DeadLetters(command) => commands::operator::dead_letters(command).await,
        Command::Handoffs(command) => commands::handoffs::run(command).await,
        Command::Import(command) => commands::import::run(command).await,
        Command::Backup(args) => Box::pin(commands::backup::run(args)).await,
        Command::Restore(args) => Box::pin(commands::restore::run(args)).await,
        Command::Pause(args) => commands::operator::pause(args, true).await,
        Command::Resume(args) => commands::operator::pause(args, false).await,
    }
}

#[expect(clippy::print_stderr, reason = "this is where a command says why it failed")]
fn fail(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Config(faults) => {
            eprintln!("postly: the configuration is not complete:");
            for fault in faults {
                eprintln!("  {fault}");
            }
            ExitCode::from(2)
        }
        Failure::Usage(error) => {
            eprintln!("postly: {error}");
            ExitCode::from(2)
        }
        Failure::Failed(error) => {
            eprintln!("postly: {error:#}");
            ExitCode::from(1)
        }
        Failure::Silent => ExitCode::from(1),
    }
}
