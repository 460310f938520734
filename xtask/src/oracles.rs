//! External referees: the providers' own clients and third-party validators, run on demand (ADR 6).

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::{postgres_versions, run, step};

mod api;
mod mcp;
mod models;
mod nextjs;
mod otel;
mod prisma;
mod s3;

/// The referees that `requirements.txt` must name. Their versions are recorded with the requests they
/// accepted.
const REFEREES: [&str; 4] = ["openapi-core", "openai", "twilio", "pywa"];

/// The requests that the referees accepted.
const ACCEPTED: &str = "crates/postly-testkit/testdata/requests.jsonl";
const SPECS: &str = "crates/postly-testkit/specs";
const VECTORS: &str = "crates/postly-whatsapp/testdata/vectors";
const SAMPLES: &str = "crates/postly-whatsapp/testdata/meta";
pub(crate) const SCRIPTS: &str = "xtask/oracles";
/// The lists of top-level domains and emojis by which X counts.
const LISTS: &str = "crates/postly-pipeline/data";
/// The verdicts of twitter-text on a sample of posts, for the tests.
const VERDICTS: &str = "crates/postly-pipeline/testdata/twitter_text.json";
/// The session cookies made by next-auth and Auth.js.
const SESSION_COOKIES: &str = "crates/postly-http/testdata/session_cookie/vectors.json";

/// The webhooks signed by Stripe's own library.
const STRIPE_SIGNATURES: &str = "crates/postly-payments/testdata/signatures.json";

/// Runs the check against real model servers only.
pub(crate) fn ask_models() -> anyhow::Result<()> {
    models::ask(crate::root()?)
}

/// Runs the check with Prisma only.
pub(crate) fn ask_prisma(accept: bool) -> anyhow::Result<()> {
    prisma::ask(crate::root()?, accept)
}

/// Runs the check with the clients of agents only.
pub(crate) fn ask_mcp() -> anyhow::Result<()> {
    mcp::ask(crate::root()?)
}

/// Runs the check of the API against its own description only.
pub(crate) fn ask_api() -> anyhow::Result<()> {
    api::ask(crate::root()?)
}

/// Runs the check of traces only.
pub(crate) fn ask_otel() -> anyhow::Result<()> {
    otel::ask(crate::root()?)
}

/// Runs the check of backups in a bucket only.
pub(crate) fn ask_s3() -> anyhow::Result<()> {
    s3::ask(crate::root()?)
}

/// Builds and runs the Next.js app beside the service only.
pub(crate) fn ask_nextjs() -> anyhow::Result<()> {
    nextjs::ask(crate::root()?)
}

/// Runs all referees. With `accept`, the current requests of the service become the reference.
pub(crate) fn ask(accept: bool) -> anyhow::Result<()> {
    let root = crate::root()?;
    let folder = Folder::new("referees")?;
    let python = Python::install(root, &folder.0, "requirements.txt", &["check"])?;
    vectors(root, &folder.0, &python)?;
    let node = Node::install(root, &folder.0)?;
    session_cookies(root, &node, accept)?;
    stripe_signatures(root, &node, &python, accept)?;
    networks(root, &node, accept)?;

    let recording = folder.0.join("requests.jsonl");
    run(cargo(root)
        .args(["--package", "postly-testkit", "--example", "record_requests", "--"])
        .arg(&recording))?;
    run(python.script(root, "accept_requests.py").arg(&recording).arg(root.join(SPECS)))?;
    let world = World::start(root, SIMULATOR, &[])?;
    run(python.script(root, "outside_world.py").arg(&recording).arg(&world.line))?;
    run(node.command().arg("stripe_world.mjs").arg(&world.line))?;
    drop(world);
    run(python.script(root, "read_samples.py").arg(root.join(SAMPLES)))?;

    compare(root, &recording, accept)?;
    api::ask(root)?;
    mcp::ask(root)?;
    s3::ask(root)?;
    otel::ask(root)?;
    nextjs::ask(root)?;
    models::ask(root)?;
    prisma::ask(root, accept)?;
    postgres_versions::ask()
}

/// Compares the requests of the service with the accepted ones, except for the line that names the referees.
fn compare(root: &Path, recording: &Path, accept: bool) -> anyhow::Result<()> {
    step(&format!("what the service sends against {ACCEPTED}"));
    let accepted = root.join(ACCEPTED);
    let sent = std::fs::read_to_string(recording)?;
    let known = std::fs::read_to_string(&accepted).unwrap_or_default();
    let text = format!("{}\n{sent}", header(root)?);
    if accept {
        std::fs::write(&accepted, text)?;
        println!("{} requests are accepted from now on", sent.lines().count());
    } else if known.lines().skip(1).eq(sent.lines()) {
        println!("the {} requests are those that were accepted before", sent.lines().count());
    } else {
        for (before, now) in
            known.lines().skip(1).zip(sent.lines()).filter(|(before, now)| before != now).take(3)
        {
            println!("- {before}\n+ {now}");
        }
        bail!(
            "the service sends other requests than before; the referees accept them: run again with --accept"
        );
    }
    Ok(())
}

/// Returns the first line of the accepted requests, which names the referees and their versions.
fn header(root: &Path) -> anyhow::Result<String> {
    let requirements = std::fs::read_to_string(root.join(SCRIPTS).join("requirements.txt"))?;
    let versions: Option<Vec<String>> = REFEREES
        .iter()
        .map(|name| {
            let prefix = format!("{name}==");
            let version = requirements.lines().find_map(|line| line.strip_prefix(&prefix))?;
            Some(format!("\"{name}\":\"{version}\""))
        })
        .collect();
    let versions = versions.context("requirements.txt does not name every referee")?;
    Ok(format!("{{\"accepted_by\":{{{}}}}}", versions.join(",")))
}

/// Makes the signature vectors again, and compares them with the committed ones.
fn vectors(root: &Path, folder: &Path, python: &Python) -> anyhow::Result<()> {
    let script = folder.join("make_vectors.py");
    std::fs::copy(root.join(VECTORS).join("make_vectors.py"), &script)?;
    run(Command::new(&python.0).arg(&script))?;
    let mut changed = 0;
    for name in ["meta_signatures.json", "twilio_signatures.json"] {
        let (committed, made) = (root.join(VECTORS).join(name), folder.join(name));
        if std::fs::read(&committed)? == std::fs::read(&made)? {
            println!("{name} is unchanged");
        } else {
            changed += 1;
            // `diff` exits with 1 for a difference, which is expected here.
            Command::new("diff").arg("-u").args([&committed, &made]).status().context("cannot run diff")?;
        }
    }
    if changed > 0 { bail!("{changed} files of signature vectors would change") } else { Ok(()) }
}

/// Makes session cookies again with next-auth and Auth.js, and has next-auth read and reseal those of the
/// service.
fn session_cookies(root: &Path, node: &Node, accept: bool) -> anyhow::Result<()> {
    const SCRIPT: &str = "session_cookies.mjs";
    let made = node.0.join("vectors.json");
    node.script(SCRIPT, "make", &[&made])?;
    keep(root, SESSION_COOKIES, &made, accept)?;
    let ours = node.0.join("ours.jsonl");
    run(cargo(root).args(["--package", "postly-http", "--example", "session_cookies", "--"]).arg(&ours))?;
    node.script(SCRIPT, "read", &[&ours])
}

/// Makes the lists by which X counts again, and has twitter-text and @atproto/api count a few thousand posts.
fn networks(root: &Path, node: &Node, accept: bool) -> anyhow::Result<()> {
    const SCRIPT: &str = "networks.mjs";
    node.script(SCRIPT, "make", &[&node.0])?;
    for name in ["tlds.txt", "x_emojis.txt"] {
        keep(root, &format!("{LISTS}/{name}"), &node.0.join(name), accept)?;
    }
    let (posts, sample) = (node.0.join("posts.jsonl"), node.0.join("sample.json"));
    run(cargo(root).args(["--package", "postly-pipeline", "--example", "network_posts", "--"]).arg(&posts))?;
    node.script(SCRIPT, "judge", &[&posts, &sample])?;
    keep(root, VERDICTS, &sample, accept)
}

/// Compares a committed file with a new one. With `accept`, the new one replaces it.
fn keep(root: &Path, name: &str, made: &Path, accept: bool) -> anyhow::Result<()> {
    let committed = root.join(name);
    if std::fs::read(&committed).ok() == Some(std::fs::read(made)?) {
        println!("{name} is unchanged");
    } else if accept {
        std::fs::copy(made, &committed)?;
        println!("{name} is what they make today: run the tests of its crate");
    } else {
        // `diff` exits with 1 for a difference, which is expected here.
        Command::new("diff").arg("-u").arg(&committed).arg(made).status().context("cannot run diff")?;
        bail!("{name} would change: run again with --accept");
    }
    Ok(())
}

/// Signs webhooks again with Stripe's library for Node.js, and checks them with the one for Python.
fn stripe_signatures(root: &Path, node: &Node, python: &Python, accept: bool) -> anyhow::Result<()> {
    let made = node.0.join("stripe_signatures.json");
    run(node.command().arg("stripe_signatures.mjs").arg(&made))?;
    run(python.script(root, "stripe_signatures.py").arg(&made))?;
    keep(root, STRIPE_SIGNATURES, &made, accept)
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root).args(["run", "--quiet", "--locked"]);
    command
}

/// A temporary folder, removed on drop.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("postly-oracles-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("xtask: cannot remove {}: {error}", self.0.display());
        }
    }
}

/// Installs the packages of the lock file of a folder, without their installation scripts.
fn npm_ci(folder: &Path, options: &[&str]) -> anyhow::Result<()> {
    const ALWAYS: [&str; 4] = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    run(Command::new("npm").current_dir(folder).args(ALWAYS).args(options))
        .context("install Node.js 20 or newer, with npm")
}

/// A folder with the libraries of Node.js and the project's scripts.
struct Node(PathBuf);

impl Node {
    fn install(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        let node = folder.join("node");
        std::fs::create_dir_all(&node)?;
        const FILES: [&str; 6] = [
            "package.json",
            "package-lock.json",
            "session_cookies.mjs",
            "networks.mjs",
            "stripe_signatures.mjs",
            "stripe_world.mjs",
        ];
        for name in FILES {
            std::fs::copy(root.join(SCRIPTS).join("node").join(name), node.join(name))?;
        }
        // The peer dependencies, a whole framework, are not used.
        npm_ci(&node, &["--legacy-peer-deps"])?;
        Ok(Self(node))
    }

    fn script(&self, script: &str, mode: &str, files: &[&Path]) -> anyhow::Result<()> {
        run(self.command().args([script, mode]).args(files))
    }

    fn command(&self) -> Command {
        let mut command = Command::new("node");
        command.current_dir(&self.0);
        command
    }
}

/// A Python interpreter with the referees installed.
struct Python(PathBuf);

impl Python {
    /// Installs the packages of a requirements file, and no others; then runs pip with the arguments `then`.
    fn install(root: &Path, folder: &Path, requirements: &str, then: &[&str]) -> anyhow::Result<Self> {
        let environment = folder.join("python");
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        let python = Self(environment.join("bin/python"));
        let requirements = root.join(SCRIPTS).join(requirements);
        run(Command::new(&python.0)
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--requirement"])
            .arg(requirements))?;
        if !then.is_empty() {
            run(Command::new(&python.0).args(["-m", "pip"]).args(then))?;
        }
        Ok(python)
    }

    fn script(&self, root: &Path, name: &str) -> Command {
        let mut command = Command::new(&self.0);
        command.arg(root.join(SCRIPTS).join(name));
        command
    }
}

/// The package and the example of the outside world.
const SIMULATOR: [&str; 2] = ["postly-simulator", "outside_world"];
/// The package and the example of the service with one author.
const SERVICE: [&str; 2] = ["postly-testkit", "running_service"];

/// The example of a crate as a process of its own: the simulator, or the service. It ends with its standard
/// input.
struct World {
    child: Child,
    line: String,
}

impl World {
    fn start(root: &Path, [package, example]: [&str; 2], arguments: &[&str]) -> anyhow::Result<Self> {
        step(&format!("the example {example} of {package}"));
        let mut child = cargo(root)
            .args(["--package", package, "--example", example, "--"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {example}"))?;
        let stdout = child.stdout.take().context("its standard output is ours")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self { child, line: line.trim().to_owned() })
    }

    /// Ends the process. Fails if its last check failed.
    fn end(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        if self.child.wait()?.success() { Ok(()) } else { bail!("an example failed at its end") }
    }
}

/// A field of the line that an example prints.
fn text<'a>(line: &'a Value, field: &str) -> anyhow::Result<&'a str> {
    line.get(field).and_then(Value::as_str).with_context(|| format!("the service names no {field}"))
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if let Err(error) = self.child.wait() {
            eprintln!("xtask: an example did not end: {error}");
        }
    }
}
