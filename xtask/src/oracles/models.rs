//! Real model servers: the service's client asks them for posts, and no server may refuse its request in the
//! end. Then a small model writes and changes posts through the whole service.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::{Folder, Python, SIMULATOR, World, cargo};
use crate::{run, step};

const SCRIPT: &str = "model_servers.py";
const REQUIREMENTS: &str = "model_servers.requirements.txt";

/// The accepted ends of a call: posts, or a failure that costs the author nothing and is not caused by the
/// request. A small model writes no good posts, and a slow machine may take too long.
const CLEAN_ENDS: [&str; 6] = ["Posts", "Invalid", "Truncated", "SmallTalk", "OffTopic", "DeadlineExceeded"];

/// The ends of a call that the server answered with output of its model.
const ANSWERED: [&str; 3] = ["ok", "truncated", "empty"];

/// The most tokens of an answer where only the request counts: a part of the answer shows as well that the
/// server accepts it.
const SHORT_ANSWER: &str = "100";
/// The most tokens of an answer with three posts of a small model.
const WHOLE_ANSWER: &str = "300";

/// Starts each server and asks each of its models, with the fields of its own dialect and with those of
/// OpenAI.
pub(crate) fn ask(root: &Path) -> anyhow::Result<()> {
    let folder = Folder::new("models")?;
    let python = Python::install(root, &folder.0, REQUIREMENTS, &[])?;
    let (world, mistral) =
        (World::start(root, SIMULATOR, &[])?, World::start(root, SIMULATOR, &["mistral"])?);
    for arguments in [["litellm", &world.line, &mistral.line].as_slice(), &["llama.cpp", SHORT_ANSWER]] {
        let server = Server::start(python.script(root, SCRIPT).args(arguments))?;
        step(&format!("what {} says to our requests", server.name));
        for model in &server.models {
            for dialect in [None, Some("openai")] {
                server.asked(root, model, dialect)?;
            }
        }
    }
    let server = Server::start(python.script(root, SCRIPT).args(["llama.cpp", WHOLE_ANSWER]))?;
    step(&format!("conversations with authors whose posts {} writes", server.name));
    let model = server.models.first().context("the server names its model")?;
    let example = ["--package", "postly-testkit", "--example", "small_model", "--"];
    run(cargo(root).args(example).args([&server.base_url, model]))
}

/// A model server in a process of its own, which ends when its standard input does.
struct Server {
    child: Child,
    name: String,
    base_url: String,
    key: String,
    models: Vec<String>,
}

impl Server {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let stdout = child.stdout.take().context("its standard output is ours")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line).with_context(|| format!("the server said {line:?}"))?;
        let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let models = said.get("models").and_then(Value::as_array).into_iter().flatten();
        Ok(Self {
            name: text("name"),
            base_url: text("base_url"),
            key: text("key"),
            models: models.filter_map(Value::as_str).map(str::to_owned).collect(),
            child,
        })
    }

    /// Asks for posts with the service's client, and checks the end of the call.
    fn asked(&self, root: &Path, model: &str, dialect: Option<&str>) -> anyhow::Result<()> {
        let mut command = cargo(root);
        command.args(["--package", "postly-pipeline", "--example", "ask_server", "--"]);
        command.args([self.base_url.as_str(), model]).args(dialect);
        if !self.key.is_empty() {
            command.env("OPENAI_API_KEY", &self.key);
        }
        let output = command.stderr(Stdio::inherit()).output().context("cannot run our client")?;
        let name = format!("{model}, asked {}", dialect.map_or("as any compatible server", |_| "as OpenAI"));
        if !output.status.success() {
            bail!("our client failed: {name}");
        }
        let lines = String::from_utf8(output.stdout)?;
        for (number, line) in (1..).zip(lines.lines()) {
            let said: Value = serde_json::from_str(line)?;
            let ended = said.get("ended").and_then(Value::as_str).unwrap_or_default();
            let calls: Vec<&str> = said
                .get("calls")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            println!("{name}, brief {number}: {ended} after {}", calls.join(", "));
            let ended_as = |ends: &[&str], call: &str| ends.iter().any(|end| call.starts_with(end));
            let rejected = calls.iter().filter(|call| ended_as(&["rejected"], call)).count();
            let was_answered = calls.iter().any(|call| ended_as(&ANSWERED, call));
            if !was_answered
                || calls.last().is_none_or(|call| ended_as(&["rejected"], call))
                || !ended_as(&CLEAN_ENDS, ended)
            {
                bail!("{} turned our request down: {name}: {line}", self.name);
            }
            if number > 1 && rejected > 0 {
                bail!("our client forgot what {} had refused: {name}: {line}", self.name);
            }
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if let Err(error) = self.child.wait() {
            eprintln!("xtask: {} did not end: {error}", self.name);
        }
    }
}
