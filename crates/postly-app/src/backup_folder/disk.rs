//! A folder of backups on a disk of this machine.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::BackupFolderError;

pub(super) fn failed(doing: &str, error: io::Error) -> BackupFolderError {
    BackupFolderError::Disk(doing.to_owned(), error)
}

pub(super) fn make(folder: &Path) -> Result<(), BackupFolderError> {
    std::fs::create_dir_all(folder)
        .map_err(|error| failed(&format!("cannot make the folder {}", folder.display()), error))
}

/// Returns the names of all files that have a name in UTF-8.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, BackupFolderError> {
    let read = || -> io::Result<Vec<String>> {
        let mut names = vec![];
        for entry in std::fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    };
    read().map_err(|error| failed(&format!("cannot read the folder {}", folder.display()), error))
}

/// Gives a file its name in the folder, and syncs the folder to the disk.
pub(super) fn add(folder: &Path, name: &str, file: &Path) -> Result<(), BackupFolderError> {
    std::fs::rename(file, folder.join(name))
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|error| failed("cannot give the copy its name", error))
}

pub(super) fn fetch(folder: &Path, name: &str, mut to: File) -> Result<(), BackupFolderError> {
    File::open(folder.join(name))
        .and_then(|mut copy| io::copy(&mut copy, &mut to))
        .and_then(|_| to.sync_all())
        .map_err(|error| failed("cannot read the copy", error))
}

pub(super) fn erasures(file: &Path) -> Result<String, BackupFolderError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(failed("cannot read the record of erasures", error)),
    }
}

/// Appends lines, after a line break if a crash has torn the last line.
pub(super) fn add_erasures(file: &Path, lines: &str) -> Result<(), BackupFolderError> {
    let append = || -> io::Result<()> {
        let torn = std::fs::read(file).is_ok_and(|bytes| bytes.last().is_some_and(|last| *last != b'\n'));
        let lines = if torn { format!("\n{lines}") } else { lines.to_owned() };
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
        file.write_all(lines.as_bytes())?;
        file.sync_all()
    };
    append().map_err(|error| failed("cannot write the record of erasures", error))
}
