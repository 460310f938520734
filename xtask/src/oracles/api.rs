//! schemathesis: sends thousands of valid and invalid requests, made from our own description of the API, to
//! a running service. None may cause a fault of ours or a response that is not in the description.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::{Folder, Python, SERVICE, World, text};
use crate::run;

const REQUIREMENTS: &str = "schemathesis.requirements.txt";
/// The cases for each operation and way of making them: more cases find nothing new.
const CASES: &str = "40";
/// Operations that end the session of the other ones, so they run last.
const LAST: [&str; 4] = [
    "POST /api/auth/logout",
    "DELETE /api/me",
    "DELETE /api/auth/sessions",
    "DELETE /api/auth/sessions/{id}",
];
/// A stream that lasts an hour.
const ENDLESS: &str = "GET /api/events";

pub(super) fn ask(root: &Path) -> anyhow::Result<()> {
    let folder = Folder::new("api")?;
    let python = Python::install(root, &folder.0, REQUIREMENTS, &["check"])?;
    let world = World::start(root, SERVICE, &[])?;
    let service: Value = serde_json::from_str(&world.line)?;
    let (_, session) = text(&service, "session_cookie")?.split_once('=').context("a cookie has a value")?;
    let by_token = format!("[auth.openapi.token]\nbearer = \"{}\"\n", text(&service, "token")?);
    let by_session = format!("[auth.openapi.session]\napi_key = \"{session}\"\n");
    let others = LAST.map(|name| ["--exclude-name", name]).concat();
    let last = LAST.map(|name| ["--include-name", name]).concat();
    for (proof, chosen) in [(&by_token, &[][..]), (&by_session, &others), (&by_session, &last)] {
        let config = folder.0.join("schemathesis.toml");
        std::fs::write(&config, proof)?;
        let mut command = std::process::Command::new(python.0.with_file_name("schemathesis"));
        command.current_dir(&folder.0).arg("--config-file").arg(&config).arg("run");
        command.arg(format!("{}/api/openapi.json", text(&service, "base_url")?)).args(chosen);
        command.args([
            "--exclude-name",
            ENDLESS,
            "--max-examples",
            CASES,
            "--continue-on-failure",
            "--no-color",
        ]);
        // The service refuses values that a schema accepts: an invalid number, a text that is not a brief.
        command.args(["--exclude-checks", "positive_data_acceptance", "--request-timeout", "35"]);
        // The same requests each time, so that a new failure comes from a change of ours.
        run(command.args(["--seed", "1"]))?;
    }
    world.end()
}
