//! `postly import`: imports the database of an application built from the guide's Prisma schema, and creates
//! views through which that application can read on.

use postly_app::{ImportOptions, Importer};
use postly_domain::Provider;
use postly_store::{
    Address,
    import::{self, Source, SourceError, ViewsError},
};

use super::{Failure, desk::name_database, import_progress::ProgressBar, import_report, say, say_json};
use crate::{
    cli::{ImportCommand, PrismaArgs},
    config::Reader,
    telemetry, wiring,
};

pub(crate) async fn run(command: ImportCommand) -> Result<(), Failure> {
    match command {
        ImportCommand::Prisma(args) => prisma(&args).await,
        ImportCommand::Views { drop } => views(drop).await,
    }
}

async fn prisma(args: &PrismaArgs) -> Result<(), Failure> {
    let mut reader = Reader::from_process();
    let place = reader.database();
    // Keys the hashes of the numbers that may not receive credits again; the service must make the same
    // hashes.
    let key = reader.identity_hash_key();
    let key = reader.required("IDENTITY_HASH_KEY", key);
    let options = ImportOptions {
        dry_run: args.dry_run,
        provider: reader.provider().unwrap_or(Provider::Meta),
        region: reader.default_region(),
        messages_days: reader.retention().messages_days,
    };
    let (place, key) = reader.done((place, key)).map_err(Failure::Config)?;
    let (Some(place), Some(key)) = (place, key) else { return Err(Failure::Config(vec![])) };
    let from = Address::parse(&args.from).map_err(|faults| {
        let faults: Vec<_> = faults.iter().map(|fault| format!("--from {fault}")).collect();
        Failure::Usage(faults.join("; "))
    })?;
    telemetry::plain();
    name_database(&place.address.name());
    let db = wiring::open_existing(place).await?;
    let core = wiring::operator_core(db, options.provider, key, String::new(), None).await?;
    let mut source = Source::open(&from).await.map_err(not_opened)?;
    let bar = &mut ProgressBar::new();
    let report =
        Importer::new(&core).import_prisma(&mut source, &options, &mut |done, all| bar.show(done, all)).await;
    bar.end();
    core.db().close().await;
    let report = report?;
    if args.output.json {
        say_json(&serde_json::to_value(&report)?);
    } else {
        say(&import_report::text(&report, source.has_generations()));
    }
    Ok(())
}

fn not_opened(error: SourceError) -> Failure {
    let sentence = format!("--from: {error}");
    match error {
        SourceError::NotPostgres | SourceError::NotTheGuides { .. } => Failure::Usage(sentence),
        SourceError::Open(error) if error.is_fault() => Failure::Usage(sentence),
        SourceError::Open(_) => Failure::Failed(anyhow::anyhow!(sentence)),
        SourceError::Store(error) => Failure::Failed(anyhow::Error::new(error).context("--from")),
    }
}

async fn views(drop: bool) -> Result<(), Failure> {
    let mut reader = Reader::from_process();
    let place = reader.database();
    let place = reader.done(place).map_err(Failure::Config)?.ok_or_else(|| Failure::Config(vec![]))?;
    telemetry::plain();
    name_database(&place.address.name());
    let db = wiring::open_existing(place).await?;
    let made = if drop { import::drop_views(&db).await } else { import::create_views(&db).await };
    db.close().await;
    made.map_err(|error| match error {
        ViewsError::NotPostgres => Failure::Usage(error.to_string()),
        ViewsError::NotAllowed(_) | ViewsError::Open(_) | ViewsError::Store(_) => {
            Failure::Failed(error.into())
        }
    })?;
    say(if drop {
        "The views are gone; the role postly_prisma is left."
    } else {
        "The views \"User\", \"CreditLedger\", \"Generation\" and \"OtpChallenge\" are in the schema prisma. They belong to \
         the role postly_prisma, which may only read."
    });
    Ok(())
}
