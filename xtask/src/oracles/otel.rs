//! OpenTelemetry's own package: it decodes the traces of a message, for the tests of the feature `otel`.

use std::{path::Path, process::Command};

use super::{Folder, Python, SCRIPTS};
use crate::run;

const SCRIPT: &str = "otel_spans.py";
const REQUIREMENTS: &str = "otel.requirements.txt";

pub(super) fn ask(root: &Path) -> anyhow::Result<()> {
    let folder = Folder::new("otel")?;
    let python = Python::install(root, &folder.0, REQUIREMENTS, &[])?;
    let script = root.join(SCRIPTS).join(SCRIPT);
    let mut tests = Command::new(env!("CARGO"));
    tests.current_dir(root).args(["test", "--quiet", "--locked", "--package", "postly"]);
    tests.args(["--features", "otel", "--test", "it", "--", "traces::", "--nocapture"]);
    run(tests.env("POSTLY_TEST_OTLP_DECODER", format!("{} {}", python.0.display(), script.display())))
}
