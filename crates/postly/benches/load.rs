//! The service under load: webhooks at a fixed rate while every model call takes its time. A benchmark, not a test:
//! it prints figures, and fails only when a message is lost.
//!
//! `cargo xtask bench` runs it on both engines. `RATE`, `SECONDS` and `MODEL_MS` change the load.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark speaks, or stops")]

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use postly_simulator::{Channel, ModelBehaviour, Person, Simulator, SimulatorConfig, StatusPolicy};
use postly_testkit::{Database, EngineName};
use tokio::process::Command;

/// How many people write; each stays well below the pair limit.
const PEOPLE: u64 = 1_000;
/// How long the queue may take to drain afterwards.
const DRAIN: Duration = Duration::from_secs(120);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() {
    postly_testkit::install_tls();
    let (rate, seconds, model_ms) =
        (setting("RATE", 300), setting("SECONDS", 20), setting("MODEL_MS", 1_200));
    println!("{rate} webhooks/s for {seconds} s, each model call takes {model_ms} ms");
    for engine in EngineName::ALL {
        run(engine, rate, seconds, model_ms).await;
    }
}

async fn run(engine: EngineName, rate: u64, seconds: u64, model_ms: u64) {
    let database = Database::fresh(engine).await;
    let world =
        Simulator::start(SimulatorConfig { statuses: StatusPolicy::silent(), ..SimulatorConfig::default() })
            .await
            .expect("the simulator starts");
    world.model(ModelBehaviour::LatencyMs(model_ms));
    let (port, admin_port) = (free_port().await, free_port().await);
    let base = format!("http://127.0.0.1:{port}");
    let webhook = format!("{base}/api/whatsapp/webhook");
    world.set_webhook(&webhook, &webhook).expect("an address");
    let mut service = start(&world, &database, port, admin_port);
    while world.handshake("ready").await.status != 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let people: Vec<Person> =
        (0..PEOPLE).map(|number| world.person(Channel::Meta, &format!("+3363998{number:04}"))).collect();
    let acks = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    let total = rate * seconds;
    let started = Instant::now();
    for (number, person) in (0..total).zip(people.iter().cycle()) {
        let due = started + Duration::from_micros(number * 1_000_000 / rate);
        tokio::time::sleep_until(due.into()).await;
        let (world, acks, person) = (world.clone(), Arc::clone(&acks), person.clone());
        tasks.spawn(async move {
            let webhook =
                world.webhook_text(&person, "Crée un post promo pour Instagram sur les tartes du jour");
            let sent = Instant::now();
            let status = world.deliver(&webhook).await.status;
            acks.lock().expect("no panic").push((status, sent.elapsed()));
        });
    }
    while tasks.join_next().await.is_some() {}
    let sent_for = started.elapsed();
    let expected = usize::try_from(total).expect("a count");
    while world.accepted_messages().len() < expected && started.elapsed() < sent_for + DRAIN {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let drained_after = started.elapsed() - sent_for;

    let mut acks = std::mem::take(&mut *acks.lock().expect("no panic"));
    acks.sort_by_key(|(_, took)| *took);
    let refused = acks.iter().filter(|(status, _)| *status != 200).count();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank"
        )]
        let rank = ((acks.len() - 1) as f64 * share) as usize;
        acks.get(rank).map_or(Duration::ZERO, |(_, took)| *took)
    };
    println!(
        "{engine:?}: ack p50 {:.1?}, p99 {:.1?}, max {:.1?}; not acknowledged {refused}; replies {} of {expected}; drained {drained_after:.1?} after the last",
        at(0.5),
        at(0.99),
        at(1.0),
        world.accepted_messages().len(),
    );
    if let Some(cpu) = service.id().and_then(cpu_of) {
        println!(
            "{engine:?}: the service used {:.2?} of CPU per message (its database not included, if it is a server)",
            cpu / u32::try_from(expected.max(1)).unwrap_or(1)
        );
    }
    let lost = expected - world.accepted_messages().len() - refused;
    service.kill().await.expect("the service stops");
    world.stop().await;
    database.db.close().await;
    database.drop().await;
    assert!(lost == 0, "{lost} messages were lost");
}

/// The CPU time of a process so far, where the system tells (Linux: proc(5), in ticks of 10 ms).
fn cpu_of(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

async fn free_port() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn start(world: &Simulator, database: &Database, port: u16, admin_port: u16) -> tokio::process::Child {
    let meta = &world.config().meta;
    Command::new(env!("CARGO_BIN_EXE_postly"))
        .arg("serve")
        .env("DATABASE_URL", &database.url)
        .env("BIND_ADDRESS", format!("127.0.0.1:{port}"))
        .env("ADMIN_BIND_ADDRESS", format!("127.0.0.1:{admin_port}"))
        .env("PUBLIC_BASE_URL", format!("http://127.0.0.1:{port}"))
        .env("META_ACCESS_TOKEN", &meta.access_token)
        .env("META_PHONE_NUMBER_ID", &meta.phone_number_id)
        .env("META_VERIFY_TOKEN", &meta.verify_token)
        .env("META_APP_SECRET", &meta.app_secret)
        .env("META_GRAPH_BASE_URL", world.base_url())
        .env("OPENAI_BASE_URL", world.openai_base_url())
        .env("OTP_SALT", "a pepper for the benchmark")
        .env("NEXTAUTH_SECRET", "a session secret for the benchmark")
        .env("IDENTITY_HASH_KEY", "an identity key for the benchmark")
        .env("WHATSAPP_TRIAL_CREDITS", "1000")
        .env("RUST_LOG", "error")
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the service starts")
}
