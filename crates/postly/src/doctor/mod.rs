//! `postly doctor`: examines the configuration, the database and every account behind it, and reports each
//! fault with its consequence and remedy. It changes nothing and prints no secret. docs/OPERATIONS.md lists
//! the findings by id.

mod backups;
mod configuration;
mod database;
mod finding;
mod meta;
mod model;
mod public;
mod stripe;
mod template;
mod twilio;

use postly_whatsapp::inspect::Inspector;
use serde_json::json;

use crate::{
    cli::Output,
    commands::{Failure, say, say_json},
    config::{Config, Reader},
};

pub(crate) use finding::{Finding, Level};

/// Runs `postly doctor`. Exit 1 if a finding is an error.
pub(crate) async fn run(output: Output) -> Result<(), Failure> {
    // No log is set up: its relevant parts are findings.
    let mut findings = match Reader::from_process().config() {
        Ok(config) => Box::pin(examine(&config)).await?,
        Err(faults) => {
            let mut findings = configuration::faults(&faults);
            // The database is examined despite the other faults.
            let mut reader = Reader::from_process();
            if let Some(place) = reader.database() {
                findings.extend(database::examine(place).await);
            }
            findings.push(Finding::info(
                "checks.skipped",
                "The accounts at providers were not looked at",
                "Their variables are read only once the whole configuration is right.",
                "Correct the configuration and run postly doctor again.",
            ));
            findings
        }
    };
    findings.sort_by_key(|finding| finding.level);
    let ok = findings.iter().all(|finding| finding.level != Level::Error);
    if output.json {
        let shown: Vec<_> = findings.iter().map(Finding::json).collect();
        say_json(&json!({ "ok": ok, "findings": shown }));
    } else {
        for finding in &findings {
            say(&finding.text());
        }
        say(if ok { "No errors." } else { "There are errors: the service does not work as it is." });
    }
    if ok { Ok(()) } else { Err(Failure::Silent) }
}

/// Examines everything at once: each question has its own limit of five seconds.
async fn examine(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let inspector = Inspector::new()?;
    let mut findings = configuration::examine(config);
    let (database, public, meta, twilio, model, stripe) = tokio::join!(
        database::examine(config.database.clone()),
        public::examine(config),
        async {
            match &config.meta {
                Some(account) => meta::examine(&inspector, account, &config.public_base_url).await,
                None => vec![],
            }
        },
        async {
            match &config.twilio {
                Some(account) => twilio::examine(&inspector, account, &config.public_base_url).await,
                None => vec![],
            }
        },
        model::examine(&config.writer),
        stripe::examine(config.shop.as_ref(), &config.public_base_url),
    );
    for more in [database, public, meta, twilio, model, stripe] {
        findings.extend(more);
    }
    Ok(findings)
}
