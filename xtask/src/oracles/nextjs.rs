//! The app of `examples/nextjs`: `next build`, then the built app beside the service, behind nginx with the
//! configuration for operators. A script acts as the browser.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::{Folder, SCRIPTS, SERVICE, World, npm_ci, text};
use crate::{run, step};

const APP: &str = "examples/nextjs";
const PROXY: &str = "deploy/nginx-nextjs.conf";
/// The folders that npm and Next.js create in the app.
const MADE: [&str; 2] = ["node_modules", ".next"];

pub(super) fn ask(root: &Path) -> anyhow::Result<()> {
    install_nginx()?;
    let folder = Folder::new("nextjs")?;
    let app = folder.0.join("app");
    copy(&root.join(APP), &app)?;
    npm_ci(&app, &[])?;
    run(next(&app).arg("build"))?;
    let world = World::start(root, SERVICE, &[])?;
    let service: Value = serde_json::from_str(&world.line)?;
    let right = NextApp::start(&app, &service, text(&service, "session_secret")?)?;
    let wrong = NextApp::start(&app, &service, "another secret of 32 bytes, or so")?;
    let nginx = Nginx::start(root, &folder.0, text(&service, "base_url")?, right.port)?;
    let ports = json!({ "proxy_port": nginx.port, "wrong_secret_port": wrong.port }).to_string();
    run(Command::new("node").arg(root.join(SCRIPTS).join("nextjs/journey.mjs")).args([&world.line, &ports]))?;
    world.end()
}

/// Installs nginx and OpenSSL's command if they are missing and this process is allowed to.
fn install_nginx() -> anyhow::Result<()> {
    let is_there = |program: &str, argument: &str| Command::new(program).arg(argument).output().is_ok();
    let wanted = [("nginx", "-v", "nginx-light"), ("openssl", "version", "openssl")];
    let missing = wanted.into_iter().filter(|(program, argument, _)| !is_there(program, argument));
    let packages: Vec<&str> = missing.map(|(_, _, package)| package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    if !postly_postgres::may_install() {
        bail!("the example beside the service needs {}: install them and try again", packages.join(", "));
    }
    Ok(postly_postgres::apt_get(&packages)?)
}

/// Copies the committed files of a folder.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if MADE.iter().any(|made| name == *made) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(&name))?;
        } else {
            std::fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}

fn next(app: &Path) -> Command {
    let mut command = Command::new("node");
    // The link in `.bin` would start the server as a child process.
    command.current_dir(app).arg("node_modules/next/dist/bin/next").env("NEXT_TELEMETRY_DISABLED", "1");
    command
}

/// Returns a port that is free now.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The built app as a process, which ends with this value.
struct NextApp {
    child: Child,
    port: u16,
}

impl NextApp {
    fn start(app: &Path, service: &Value, secret: &str) -> anyhow::Result<Self> {
        let port = free_port()?;
        step(&format!("next start on port {port}"));
        let child = next(app)
            .args(["start", "--hostname", "127.0.0.1", "--port", &port.to_string()])
            .env("NEXTAUTH_SECRET", secret)
            .env("NEXTAUTH_URL", text(service, "public_base_url")?)
            .env("POSTLY_URL", text(service, "base_url")?)
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the app")?;
        let mut started = Self { child, port };
        let stdout = started.child.stdout.take().context("its standard output is ours")?;
        let mut lines = BufReader::new(stdout).lines();
        if !lines.any(|line| line.is_ok_and(|line| line.contains("Ready"))) {
            bail!("the app ended before it was ready");
        }
        // Further output is read as well, because a full pipe would block the app.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(started)
    }
}

impl Drop for NextApp {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("xtask: the app did not end: {error}");
        }
    }
}

/// nginx with the configuration of `deploy`, on a free port and with a certificate of its own. It ends with
/// this value.
struct Nginx {
    arguments: [PathBuf; 2],
    port: u16,
}

impl Nginx {
    fn start(root: &Path, folder: &Path, service: &str, app: u16) -> anyhow::Result<Self> {
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        run(Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=postly.example",
            ])
            .args(["-addext", "subjectAltName=DNS:postly.example", "-out"])
            .arg(&certificate)
            .arg("-keyout")
            .arg(&key)
            .stderr(Stdio::null()))?;
        let (port, plain) = (free_port()?, free_port()?);
        let service = service.strip_prefix("http://").context("the service speaks plain http")?;
        let mut site = std::fs::read_to_string(root.join(PROXY))?;
        for (written, here) in [
            ("server 127.0.0.1:8080;", format!("server {service};")),
            ("server 127.0.0.1:3000;", format!("server 127.0.0.1:{app};")),
            ("listen 80;", format!("listen 127.0.0.1:{plain};")),
            ("listen [::]:80;", String::new()),
            ("listen 443 ssl http2;", format!("listen 127.0.0.1:{port} ssl http2;")),
            ("listen [::]:443 ssl http2;", String::new()),
            ("/etc/letsencrypt/live/postly.example/fullchain.pem", certificate.display().to_string()),
            ("/etc/letsencrypt/live/postly.example/privkey.pem", key.display().to_string()),
        ] {
            if !site.contains(written) {
                bail!("{PROXY} does not hold {written:?}");
            }
            site = site.replace(written, &here);
        }
        std::fs::write(folder.join("site.conf"), site)?;
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name}_temp;"))
            .concat();
        let main = format!(
            "pid nginx.pid; error_log error.log warn; events {{}} http {{ access_log off; {temporary} include site.conf; }}"
        );
        std::fs::write(folder.join("nginx.conf"), main)?;
        let started = Self { arguments: [folder.to_owned(), folder.join("nginx.conf")], port };
        // The command returns once nginx listens in the background.
        run(&mut started.command())?;
        Ok(started)
    }

    fn command(&self) -> Command {
        let [prefix, main] = &self.arguments;
        let mut command = Command::new("nginx");
        command.arg("-e").arg(prefix.join("error.log")).arg("-p").arg(prefix).arg("-c").arg(main);
        command
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Err(error) = run(self.command().args(["-s", "stop"])) {
            eprintln!("xtask: nginx did not end: {error}");
        }
    }
}
