//! Runs the binary: a command to its end, or the service until it is stopped.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::watch,
    task::JoinHandle,
};

/// The time limit of any single step of a test on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Variables of a process.
pub(crate) type Variables = Vec<(String, String)>;

/// A temporary folder of one test, without a `.env` file; removed with this value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn fresh() -> Self {
        let path = std::env::temp_dir().join(format!("postly-test-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and returns its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that remains holds only a test's files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The one JSON value on standard output; there must be nothing else.
    pub(crate) fn json(&self) -> Value {
        let lines: Vec<&str> = self.out.lines().collect();
        assert_eq!(lines.len(), 1, "one JSON value and nothing else: {self:?}");
        serde_json::from_str(lines[0]).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// The binary, with these variables and no others.
fn binary(folder: &Folder, variables: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postly"));
    command
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub(crate) async fn run(folder: &Folder, args: &[&str], variables: &[(String, String)]) -> Ran {
    let output = binary(folder, variables).args(args).output();
    let output = tokio::time::timeout(PATIENCE, output).await.expect("the command ends").unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running `postly serve`.
pub(crate) struct Service {
    child: Child,
    logs: Arc<Mutex<Vec<String>>>,
    lines: watch::Receiver<usize>,
    reader: JoinHandle<()>,
    /// The address of the public listener.
    pub(crate) public: SocketAddr,
    /// The address of the operator's listener.
    pub(crate) admin: SocketAddr,
}

impl Service {
    /// Starts the service in this role, and waits until it listens.
    pub(crate) async fn start(folder: &Folder, role: &str, variables: &[(String, String)]) -> Self {
        let mut child = binary(folder, variables)
            .args(["serve", "--role", role])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let logs = Arc::new(Mutex::new(vec![]));
        let (count, lines) = watch::channel(0);
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let reader = tokio::spawn({
            let logs = Arc::clone(&logs);
            async move {
                while let Ok(Some(line)) = stderr.next_line().await {
                    logs.lock().unwrap().push(line);
                    count.send_modify(|count| *count += 1);
                }
            }
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut service = Self { child, logs, lines, reader, public: nowhere, admin: nowhere };
        service.admin = service.address("Operator listener on ").await;
        service.public = service.address("Listening on ").await;
        service
    }

    async fn address(&self, message: &str) -> SocketAddr {
        let line = self.line_with(&format!("\"message\":\"{message}")).await;
        let line: Value = serde_json::from_str(&line).unwrap();
        line["address"].as_str().unwrap().parse().unwrap()
    }

    /// Waits for a log line that contains this text.
    pub(crate) async fn line_with(&self, text: &str) -> String {
        let mut lines = self.lines.clone();
        let found = || self.logs().into_iter().find(|line| line.contains(text));
        let waited = tokio::time::timeout(PATIENCE, lines.wait_for(|_| found().is_some())).await;
        found().unwrap_or_else(|| panic!("no line says {text:?} ({waited:?}): {:#?}", self.logs()))
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("a process that runs")
    }

    /// The log lines so far.
    pub(crate) fn logs(&self) -> Vec<String> {
        self.logs.lock().unwrap().clone()
    }

    /// Waits until the process has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!("the process goes on: {:#?}", self.logs()),
        }
    }

    /// Kills the process (SIGKILL).
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks the process to stop (SIGTERM).
    pub(crate) async fn ask_to_stop(&self) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Stops the process as an operator does, and asserts that standard output is empty. Returns the log
    /// lines.
    pub(crate) async fn stop(mut self) -> Vec<String> {
        self.ask_to_stop().await;
        let status = self.ended().await;
        assert_eq!(status.code(), Some(0), "{:#?}", self.logs());
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).await.unwrap();
        assert_eq!(out, "", "standard output belongs to answers");
        (&mut self.reader).await.unwrap();
        self.logs()
    }
}

/// A running `postly demo`.
pub(crate) struct Demo {
    lines: Lines<BufReader<ChildStdout>>,
    child: Child,
}

impl Demo {
    pub(crate) async fn start(folder: &Folder) -> Self {
        let mut child = binary(folder, &[]).arg("demo").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { lines, child }
    }

    /// Kills the demo, and waits until it holds its files no more.
    pub(crate) async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Reads on to the next pair of addresses: of the simulated phone, and of the web app.
    pub(crate) async fn addresses(&mut self) -> (String, String) {
        let phone = self.next_after("Open ").await;
        let app = self.next_after("The web app is at ").await;
        (phone.trim_end_matches("/phone").to_owned(), app.trim_end_matches("/.").to_owned())
    }

    async fn next_after(&mut self, start: &str) -> String {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("it prints");
            let line = line.unwrap().expect("the demo runs");
            if let Some(rest) = line.strip_prefix(start) {
                return rest.split(' ').next().unwrap().to_owned();
            }
        }
    }
}
