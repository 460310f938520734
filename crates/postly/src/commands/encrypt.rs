//! Encryption of backups by the program `age` (age-encryption.org), which every distribution has. Its crate
//! would add fifty others to the binary, many of them in a second, older version.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use super::{Failure, backup::private_file};

const PROGRAM: &str = "age";
const MISSING: &str =
    "the program `age` encrypts copies and is not installed here (Debian: apt-get install age)";

/// The public key for which a copy is encrypted.
pub(crate) struct Recipient(String);

impl Recipient {
    /// Reads `age1…`, and checks that the program is installed.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        let is_key = text.starts_with("age1") && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_key {
            let fault = "--age-recipient must be a public key of age, such as age1…: age-keygen prints one";
            return Err(Failure::Usage(fault.to_owned()));
        }
        find_program("--age-recipient")?;
        Ok(Self(text.to_owned()))
    }

    /// Writes a new file that only this recipient can decrypt, and syncs it to the disk.
    pub(crate) fn encrypt(&self, plain: &Path, encrypted: &Path) -> anyhow::Result<()> {
        private_file(encrypted)?;
        let mut command = Command::new(PROGRAM);
        run(command.args(["--encrypt", "--recipient", &self.0, "--output"]).arg(encrypted).arg(plain))?;
        Ok(std::fs::File::open(encrypted)?.sync_all()?)
    }
}

/// The file of the secret key, as `age-keygen` writes it.
pub(crate) struct Identity(PathBuf);

impl Identity {
    /// Checks that the file can be read, and that the program is installed.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        std::fs::File::open(file)
            .map_err(|error| Failure::Usage(format!("--age-identity cannot be read: {}", error.kind())))?;
        find_program("--age-identity")?;
        Ok(Self(file.to_owned()))
    }

    /// Writes the plain copy. The copy is valid only after this has returned, because `age` detects a
    /// truncated file at its end.
    pub(crate) fn decrypt(&self, encrypted: &Path, plain: &Path) -> anyhow::Result<()> {
        private_file(plain)?;
        let mut command = Command::new(PROGRAM);
        let command = command.arg("--decrypt").arg("--identity").arg(&self.0).arg("--output").arg(plain);
        run(command.arg(encrypted))?;
        Ok(std::fs::File::open(plain)?.sync_all()?)
    }
}

fn find_program(option: &str) -> Result<(), Failure> {
    let found = Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::Usage(format!("{option}: {MISSING}"))),
    }
}

/// Runs the program. Its error messages hold no key.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().context(MISSING)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("age failed: {}", said.lines().next().unwrap_or("it did not say why"));
    }
    Ok(())
}
