//! `cargo xtask release`: one archive that holds everything an operator installs.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::run;

/// The command line of the binary, which builds itself without the programs that describe it.
#[expect(dead_code, reason = "only its description is used")]
#[path = "../../crates/postly/src/cli.rs"]
mod cli;

/// What is copied as it is: from, to.
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

/// The shells whose completions are shipped.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Builds the binary, and an archive of it with all that belongs to it.
pub(crate) fn make() -> anyhow::Result<()> {
    let root = crate::root()?;
    crate::cargo(&["build", "--release", "--locked", "--package", "postly"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let name = format!("postly-{}-{}", env!("CARGO_PKG_VERSION"), host()?);
    let release = target.join("release-archive");
    let folder = release.join(&name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(folder.join("bin"))?;
    std::fs::copy(target.join("release/postly"), folder.join("bin/postly"))?;
    for (from, to) in COPIED {
        let to = folder.join(to);
        std::fs::create_dir_all(to.parent().context("a place in the archive")?)?;
        run(Command::new("cp").arg("--recursive").arg(root.join(from)).arg(to))?;
    }
    describe(&folder.join("share"))?;
    let archive = format!("{name}.tar.gz");
    // The same files make the same archive.
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
        .arg("--file")
        .arg(release.join(&archive))
        .arg("--directory")
        .arg(&release)
        .arg(&name))?;
    let sum = Command::new("sha256sum").arg(&archive).current_dir(&release).output()?;
    if !sum.status.success() {
        bail!("sha256sum failed");
    }
    std::fs::write(release.join(format!("{archive}.sha256")), &sum.stdout)?;
    println!("{}", release.join(archive).display());
    Ok(())
}

/// The name of this machine's target, as rustc says it.
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
    fn what_is_copied_is_there() {
        let root = crate::root().unwrap();
        for (from, _) in COPIED {
            assert!(root.join(from).exists(), "{from}");
        }
    }
}
