//! The web app in a real browser, against `postly demo`: Chromium by playwright-core, and the accessibility
//! rules of axe-core.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::{run, step};

mod service;

use service::Service;

/// The folder of the script and the list of its packages.
const SCRIPTS: &str = "xtask/browser";
/// The names under which systems install Chromium.
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Installs Chromium, Node.js and npm if they are missing and packages may be installed.
///
/// # Errors
/// Fails if one is missing and cannot be installed.
pub(crate) fn install() -> anyhow::Result<()> {
    let is_there = |program: &str| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let mut packages = vec![];
    if find_chromium().is_err() {
        packages.push("chromium");
    }
    if !is_there("node") {
        packages.push("nodejs");
    }
    if !is_there("npm") {
        packages.push("npm");
    }
    if packages.is_empty() {
        return Ok(());
    }
    if !postly_postgres::may_install() {
        bail!("the browser's tests need {}: install them and try again", packages.join(", "));
    }
    Ok(postly_postgres::apt_get(&packages)?)
}

/// Runs the script. `shots` is a folder for screenshots of every page.
pub(crate) fn look(shots: Option<&str>) -> anyhow::Result<()> {
    step("the web app in a browser");
    let root = crate::root()?;
    let chromium = find_chromium()?;
    let folder = TemporaryFolder::new()?;
    for name in ["package.json", "package-lock.json", "look.mjs", "journeys.mjs", "pages.mjs", "admin.mjs"] {
        std::fs::copy(root.join(SCRIPTS).join(name), folder.0.join(name))?;
    }
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    run(Command::new("npm").current_dir(&folder.0).args(install))
        .context("install Node.js 20 or newer, with npm")?;
    let shots = shots.map(std::path::absolute).transpose()?;
    if let Some(shots) = &shots {
        std::fs::create_dir_all(shots)?;
    }
    let script = |name: &str, addresses: [&str; 2], rest: &[&str]| {
        let mut script = Command::new("node");
        script.current_dir(&folder.0).arg(name).args(addresses).arg(&chromium).args(rest).args(&shots);
        script
    };
    let service = Service::start(root, &folder.0)?;
    let secrets = [service::PASSWORD, service::APP_SECRET, service::NUMBER_ID];
    run(&mut script("admin.mjs", [&service.operator, &service.public], &secrets))?;
    drop(service);
    let demo = Demo::start(root, &folder.0)?;
    run(&mut script("pages.mjs", [&demo.app, &demo.phone], &[]))
}

/// Builds the binary, and returns where it is.
fn built(root: &Path) -> anyhow::Result<PathBuf> {
    run(Command::new(env!("CARGO")).current_dir(root).args(["build", "--package", "postly"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug/postly"))
}

fn find_chromium() -> anyhow::Result<PathBuf> {
    if let Ok(path) = std::env::var("CHROMIUM") {
        return Ok(PathBuf::from(path));
    }
    let folders = std::env::var("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders)
        .flat_map(|folder| CHROMIUM.map(|name| folder.join(name)))
        .find(|path| path.is_file());
    found.context("no Chromium is installed: install the package chromium, or name its path in CHROMIUM")
}

struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("postly-browser-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("xtask: {} stays behind: {error}", self.0.display());
        }
    }
}

/// A running demo, in a folder of its own.
struct Demo {
    child: Child,
    app: String,
    phone: String,
}

impl Demo {
    fn start(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(built(root)?)
            .arg("demo")
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the demo")?;
        let stdout = child.stdout.take().context("its standard output is ours")?;
        let mut urls = BufReader::new(stdout).lines().map_while(Result::ok).filter_map(|line| {
            let url = line.split_whitespace().find(|word| word.starts_with("http://"))?;
            Some(url.trim_end_matches('.').trim_end_matches('/').to_owned())
        });
        match (urls.next(), urls.next()) {
            (Some(phone), Some(app)) => {
                Ok(Self { child, app, phone: phone.trim_end_matches("/phone").to_owned() })
            }
            (_, _) => bail!("the demo did not print its two addresses"),
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("xtask: the demo did not end: {error}");
        }
    }
}
