//! schemathesis: thousands of requests made from our own description of the API, right and wrong ones, to a running service. None may
//! end in a fault of ours or in an answer that the description does not name.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::{Folder, Python, SERVICE, World, text};
use crate::run;

const REQUIREMENTS: &str = "schemathesis.requirements.txt";
/// Cases for each operation and way of making them: more find nothing new.
const CASES: &str = "40";
/// Operations that end the session with which the others are tried. They are tried last.
const LAST: [&str; 4] = [
    "POST /api/auth/logout",
    "DELETE /api/me",
    "DELETE /api/auth/sessions",
    "DELETE /api/auth/sessions/{id}",
];
/// A stream that goes on for an hour.
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
        // The service refuses what no schema can say: a number that is none, a text that is no brief.
        command.args(["--exclude-checks", "positive_data_acceptance", "--request-timeout", "35"]);
        // The same requests each time: what is new is ours.
        run(command.args(["--seed", "1"]))?;
    }
    world.end()
}
