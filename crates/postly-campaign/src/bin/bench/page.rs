//! The dashboard beside the same page of a Next.js app (`xtask/bench/peer`), on the same machine in turns.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tokio::{
    process::{Child, Command},
    task::JoinSet,
};

use crate::{
    databases::{Database, Engine},
    figures::{Runs, Spread, ms},
    posts::{Visitor, add_generations},
    processes,
    report::Section,
    stage::{Actor, Settings, Stage},
};

/// The authors whose dashboards are opened.
const PEOPLE: usize = 100;
/// The stored generations of each.
const GENERATIONS: usize = 12;
/// The browsers that ask at the same time: more than the cores of a small machine.
const BROWSERS: usize = 4;
/// The requests of each browser in one turn, and before the first turn: code that runs for the first time is
/// slower on the other side, which compiles it then.
const TURN: usize = 500;
const WARM_UP: usize = 400;
/// The folder of the built Next.js app, which `cargo xtask bench page` names.
const PEER: &str = "POSTLY_BENCH_PEER";
const SECRET: &str = "a session secret for campaigns";
const START_WITHIN: Duration = Duration::from_secs(30);

/// A server with the cookies of its authors.
struct Side {
    door: SocketAddr,
    cookies: Vec<String>,
    pid: u32,
}

impl Side {
    /// Opens dashboards in several browsers, and returns the times.
    async fn turn(&self, requests: usize) -> anyhow::Result<Spread> {
        let mut browsers = JoinSet::new();
        for browser in 0..BROWSERS {
            let (door, cookies) = (self.door, self.cookies.clone());
            browsers.spawn(async move {
                let visitor = Visitor::of(door)?;
                let cookie = |number: usize| cookies.get((number * BROWSERS + browser) % cookies.len());
                let pages = (0..requests).filter_map(|number| {
                    Some(("/dashboard".to_owned(), ("cookie", cookie(number)?.as_str())))
                });
                visitor.time(pages, "la boulangerie Morel").await
            });
        }
        let mut took = vec![];
        while let Some(of_one) = browsers.join_next().await {
            took.extend(of_one??.iter());
        }
        Ok(took.into())
    }
}

/// Signs authors up, and stores their posts.
async fn ours(engine: Engine) -> anyhow::Result<(Stage, Actor, Side)> {
    let stage = Stage::set(engine, 1).await?;
    // Sign-ups are limited for each address.
    let plan = stage.plan().with("TRUSTED_PROXIES", "127.0.0.1").with("RETENTION_MESSAGES_DAYS", "1000000");
    let actor = stage.start(&plan).await?;
    let visitor = Visitor::of(actor.door())?;
    let mut cookies = vec![];
    for number in 0..PEOPLE {
        let body = format!(r#"{{"email":"a{number}@example.com","password":"a long password"}}"#);
        let from = format!("10.0.0.{number}");
        let headers = [
            ("content-type", "application/json"),
            ("sec-fetch-site", "same-origin"),
            ("x-forwarded-for", from.as_str()),
        ];
        let answer = visitor.ask("/api/auth/signup", &headers, Some(body)).await?;
        ensure!(answer.status().is_success(), "a sign-up was refused: {}", answer.status());
        let cookie = answer.headers().get_all("set-cookie").iter().find_map(|value| {
            let pair = value.to_str().ok()?.split(';').next()?;
            pair.contains("session-token=").then(|| pair.to_owned())
        });
        cookies.push(cookie.context("a sign-up without a session")?);
    }
    let authors = stage.database.texts("SELECT id FROM authors").await?;
    add_generations(&stage.database, &authors, GENERATIONS).await?;
    // A sign-up hashes a password, which takes more memory than a page: the pages are measured without.
    actor.kill().await?;
    let actor = stage.start(&plan).await?;
    let side = Side { door: actor.door(), cookies, pid: actor.pid() };
    Ok((stage, actor, side))
}

/// Starts the Next.js app on a database of its own.
async fn theirs() -> anyhow::Result<(Database, Child, Side)> {
    let folder = std::env::var_os(PEER).map(PathBuf::from);
    let folder =
        folder.with_context(|| format!("{PEER} is not set: `cargo xtask bench page` builds the app"))?;
    let database = Database::fresh(Engine::Postgres).await?;
    let tables = std::fs::read_to_string(folder.join("prisma/tables.sql"))?;
    let tables = tables.replace("{authors}", &PEOPLE.to_string());
    // Every author of both sides sells bread, so that one text is on every page.
    database.run(&tables.replace("1 + n % 5] AS shop", "1] AS shop")).await?;
    let door = SocketAddr::from(([127, 0, 0, 1], postly_campaign::service::free_port()?));
    let variables = [
        ("DATABASE_URL", format!("{}?schema=peer", database.url)),
        ("NEXTAUTH_SECRET", SECRET.to_owned()),
        ("NEXTAUTH_URL", format!("http://{door}")),
        ("NODE_ENV", "production".to_owned()),
        ("NEXT_TELEMETRY_DISABLED", "1".to_owned()),
    ];
    let minted = Command::new("node")
        .args(["mint.mjs", &PEOPLE.to_string()])
        .current_dir(&folder)
        .envs(variables.clone())
        .output()
        .await?;
    ensure!(minted.status.success(), "no cookies: {}", String::from_utf8_lossy(&minted.stderr));
    let cookies = String::from_utf8(minted.stdout)?.lines().map(str::to_owned).collect();
    let child = Command::new("node_modules/.bin/next")
        .args(["start", "-H", "127.0.0.1", "-p", &door.port().to_string()])
        .current_dir(&folder)
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the Next.js app")?;
    let pid = child.id().context("the Next.js app ended at its start")?;
    let deadline = Instant::now() + START_WITHIN;
    while tokio::net::TcpStream::connect(door).await.is_err() {
        if Instant::now() > deadline {
            bail!("the Next.js app does not listen within {START_WITHIN:?}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok((database, child, Side { door, cookies, pid }))
}

pub(crate) async fn run(engine: Engine, settings: &Settings) -> anyhow::Result<Section> {
    let (stage, actor, own) = ours(engine).await?;
    let (database, mut child, peer) = theirs().await?;
    let (turn, warm_up) = if settings.quick { (TURN / 10, WARM_UP / 10) } else { (TURN, WARM_UP) };
    own.turn(warm_up).await?;
    peer.turn(warm_up).await?;
    let mut rounds = vec![];
    for _ in 0..settings.rounds() {
        rounds.push([own.turn(turn).await?, peer.turn(turn).await?]);
    }
    let memory = [own.pid, peer.pid].map(processes::most_megabytes_of);
    let [own_memory, peer_memory] = memory;
    let (own_memory, peer_memory) = (own_memory?, peer_memory?);
    actor.kill().await?;
    child.kill().await?;
    stage.clear().await?;
    database.remove().await?;

    let mut section = Section::new(
        format!("{engine}: the dashboard, {BROWSERS} browsers at once"),
        &["", "p50 ms", "p99 ms", "peak MB"],
    );
    let mut row = |name: &str, place: usize, memory: f64| {
        let runs = |thousandths| {
            Runs::of(rounds.iter().filter_map(|round| round.get(place)).map(|took| ms(took.at(thousandths))))
        };
        section.row([name.to_owned(), runs(500).text(2), runs(990).text(2), format!("{memory:.0}")]);
    };
    row("ours", 0, own_memory);
    row("Next.js on PostgreSQL", 1, peer_memory);
    let faster = Runs::of(rounds.iter().map(|[own, peer]| ms(peer.p50()) / ms(own.p50())));
    section
        .note(format!("Peaks after {} pages of each side.", BROWSERS * (warm_up + turn * settings.rounds())));
    section.at_least("times faster, p50", 10.0, faster.median);
    section.at_most("peak memory, of the Next.js app's", 0.1, own_memory / peer_memory);
    Ok(section)
}
