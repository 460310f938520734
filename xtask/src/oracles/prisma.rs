//! Prisma 7: its engine creates the guide's tables, and its client fills them. After `postly import` the
//! client reads the same data through the service's views, directly and through PgBouncer, and writes
//! nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Folder, SCRIPTS, cargo, keep, npm_ci};
use crate::{Databases, run};

/// The guide's schema, and its tables as created by Prisma's engine.
const TABLES: &str = "crates/postly-testkit/testdata/prisma";
const FILES: [&str; 4] = ["package.json", "package-lock.json", "prisma.config.ts", "guide.mjs"];
/// The database that is the source and the target.
const DATABASE: &str = "guide";

pub(super) fn ask(root: &Path, accept: bool) -> anyhow::Result<()> {
    postly_postgres::install()?;
    let folder = Folder::new("prisma")?;
    let guide = Guide::install(root, &folder.0)?;
    let databases = Databases::start()?;
    let direct = format!("{}{DATABASE}", databases.cluster.address());
    let pooled = format!("{}{DATABASE}", databases.pooler.address());
    guide.run(&["create", &direct])?;
    guide.run(&["schema", &direct, "made.sql"])?;
    keep(root, &format!("{TABLES}/schema.sql"), &guide.0.join("made.sql"), accept)?;
    guide.run(&["fill", &direct, "filled.json"])?;
    for command in
        [&["migrate"][..], &["import", "prisma", "--from", &pooled], &["import", "views"], &["audit"]]
    {
        run(cargo(root)
            .args(["--package", "postly", "--"])
            .args(command)
            .env("DATABASE_URL", &pooled)
            .env("DIRECT_URL", &direct)
            .env("IDENTITY_HASH_KEY", "a key for these referees only"))?;
    }
    guide.run(&["read", &direct, "filled.json"])?;
    guide.run(&["read", &pooled, "filled.json"])
}

/// The folder with Prisma's packages and the script.
struct Guide(PathBuf);

impl Guide {
    fn install(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        for name in FILES {
            std::fs::copy(root.join(SCRIPTS).join("prisma").join(name), folder.join(name))?;
        }
        for name in ["schema.prisma", "schema.sql"] {
            std::fs::copy(root.join(TABLES).join(name), folder.join(name))?;
        }
        npm_ci(folder, &[])?;
        // The program named here does not run; without the variable, Prisma would download one.
        run(Command::new("node_modules/.bin/prisma")
            .current_dir(folder)
            .arg("generate")
            .env("PRISMA_SCHEMA_ENGINE_BINARY", "/bin/true"))?;
        Ok(Self(folder.to_owned()))
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        run(Command::new("node").current_dir(&self.0).arg("guide.mjs").args(arguments))
    }
}
