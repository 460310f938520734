//! moto, a server that speaks S3: the built `postly` makes backups there and restores them.

use std::path::Path;

use super::{Folder, Python};
use crate::{built_binary, run};

const SCRIPT: &str = "s3_backups.py";
const REQUIREMENTS: &str = "s3.requirements.txt";

pub(super) fn ask(root: &Path) -> anyhow::Result<()> {
    let folder = Folder::new("s3")?;
    let python = Python::install(root, &folder.0, REQUIREMENTS, &[])?;
    let binary = built_binary(root, &[])?;
    run(python.script(root, SCRIPT).arg(binary))
}
