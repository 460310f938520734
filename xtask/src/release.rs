//! `cargo xtask release`: one archive that holds everything an operator installs.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::run;

/// The command line of the binary. The binary itself builds without the crates that describe it.
#[expect(dead_code, reason = "only its description is used")]
#[path = "../../crates/postly/src/cli.rs"]
mod cli;

/// Files and folders that are copied unchanged: from, to.
const COPIED: [(&str, &str); 10] = [
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE", "LICENSE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    (".env.example", ".env.example"),
    ("docs/OPERATIONS.md", "share/doc/postly/OPERATIONS.md"),
    ("docs/RULES.md", "share/doc/postly/RULES.md"),
    ("docs/PRIVACY.md", "share/doc/postly/PRIVACY.md"),
    ("deploy", "deploy"),
];

/// The shells with shipped completions.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Builds the binary, and an archive with it and its documents.
pub(crate) fn make() -> anyhow::Result<()> {
    let root = crate::root()?;
    crate::cargo(&["build", "--release", "--locked", "--package", "postly"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let archive = pack(root, &target.join("release/postly"), &target.join("release-archive"))?;
    println!("{}", archive.display());
    Ok(())
}

/// Packs a binary and its documents. Returns the archive, with its checksum beside it.
fn pack(root: &Path, binary: &Path, out: &Path) -> anyhow::Result<PathBuf> {
    let name = format!("postly-{}-{}", env!("CARGO_PKG_VERSION"), host()?);
    let folder = out.join(&name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(folder.join("bin"))?;
    std::fs::copy(binary, folder.join("bin/postly")).context("cannot copy the binary")?;
    for (from, to) in COPIED {
        let to = folder.join(to);
        std::fs::create_dir_all(to.parent().context("a place in the archive")?)?;
        run(Command::new("cp").arg("--recursive").arg(root.join(from)).arg(to))?;
    }
    describe(&folder.join("share"))?;
    let archive = format!("{name}.tar.gz");
    // The archive is reproducible.
    run(Command::new("tar")
        .args([
            "--sort=name",
            "--mtime=@0",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--gzip",
            "--create",
        ])
        .args(["--file", &archive, &name])
        .current_dir(out))?;
    let sum = Command::new("sha256sum").arg(&archive).current_dir(out).output()?;
    if !sum.status.success() {
        bail!("sha256sum failed");
    }
    std::fs::write(out.join(format!("{archive}.sha256")), &sum.stdout)?;
    Ok(out.join(archive))
}

/// Returns the target triple of this machine from rustc.
fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot ask rustc")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

/// Writes the manual pages, one for each command, and the completions of shells.
fn describe(share: &Path) -> anyhow::Result<()> {
    let manual = share.join("man/man1");
    std::fs::create_dir_all(&manual)?;
    clap_mangen::generate_to(cli::Cli::command(), &manual)?;
    for shell in SHELLS {
        let folder = match shell {
            Shell::Zsh => share.join("zsh/site-functions"),
            Shell::Fish => share.join("fish/vendor_completions.d"),
            _ => share.join("bash-completion/completions"),
        };
        std::fs::create_dir_all(&folder)?;
        clap_complete::generate_to(shell, &mut cli::Cli::command(), "postly", &folder)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_and_completions_know_every_command() {
        let folder = std::env::temp_dir().join(format!("postly-release-{}", std::process::id()));
        describe(&folder).unwrap();
        let read = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap();
        let manual = read("man/man1/postly.1");
        let bash = read("bash-completion/completions/postly.bash");
        for command in cli::Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(manual.contains(&name.replace('-', "\\-")), "{name} in the manual");
            assert!(bash.contains(name), "{name} in the completions");
            assert!(folder.join(format!("man/man1/postly-{name}.1")).exists(), "{name}");
        }
        for path in ["zsh/site-functions/_postly", "fish/vendor_completions.d/postly.fish"] {
            assert!(read(path).contains("dead-letters"), "{path}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_archive_holds_the_binary_and_all_that_belongs_to_it_and_is_the_same_twice() {
        let out = std::env::temp_dir().join(format!("postly-archive-{}", std::process::id()));
        std::fs::create_dir_all(&out).unwrap();
        let binary = out.join("binary");
        std::fs::write(&binary, "a binary").unwrap();
        let root = crate::root().unwrap();
        let archive = pack(root, &binary, &out).unwrap();
        let first = std::fs::read(&archive).unwrap();
        let listed = Command::new("tar").arg("--list").arg("--file").arg(&archive).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        for path in [
            "/bin/postly",
            "/.env.example",
            "/LICENSE-MIT",
            "/deploy/compose.yml",
            "/deploy/prometheus/alerts.yml",
            "/deploy/grafana/postly.json",
            "/share/man/man1/postly-serve.1",
            "/share/doc/postly/OPERATIONS.md",
        ] {
            assert!(listed.lines().any(|line| line.ends_with(path)), "{path} in {listed}");
        }
        assert!(!listed.contains("deploy/deploy"), "{listed}");
        let again = pack(root, &binary, &out).unwrap();
        assert!(std::fs::read(again).unwrap() == first, "the same files make the same archive");
        let sum = format!("{}.sha256", archive.display());
        let checked = Command::new("sha256sum").args(["--check", "--quiet", &sum]).current_dir(&out).status();
        assert!(checked.unwrap().success());
        std::fs::remove_dir_all(&out).unwrap();
    }
}
