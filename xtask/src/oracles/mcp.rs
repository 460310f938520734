//! The clients of the Model Context Protocol from npm: both major lines call every tool of `/mcp`, in both
//! revisions.

use std::{path::Path, process::Command};

use super::{Folder, SCRIPTS, SERVICE, World, npm_ci};
use crate::run;

const FILES: [&str; 3] = ["package.json", "package-lock.json", "agents.mjs"];

pub(super) fn ask(root: &Path) -> anyhow::Result<()> {
    let folder = Folder::new("mcp")?;
    for name in FILES {
        std::fs::copy(root.join(SCRIPTS).join("mcp").join(name), folder.0.join(name))?;
    }
    npm_ci(&folder.0, &[])?;
    let world = World::start(root, SERVICE, &[])?;
    run(Command::new("node").current_dir(&folder.0).arg("agents.mjs").arg(&world.line))?;
    world.end()
}
