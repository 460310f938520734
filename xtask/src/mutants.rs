//! Planted defects. Each must turn the campaign red, or fail the tests of a part in which no fault strikes;
//! otherwise the campaign or the tests prove nothing.
//!
//! A defect is a patch in `xtask/mutants`, applied to a copy of the sources; the product's code has none. The
//! numbers are those of the list in docs/RELIABILITY.md; missing numbers concern parts that do not exist yet.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

/// The check that must catch a defect.
pub(crate) enum Hunt {
    /// The campaign, with these arguments.
    Campaign(&'static [&'static str]),
    /// The tests with this in their name.
    Tests(&'static str),
}

/// A defect, and the check that must catch it.
pub(crate) struct Mutant {
    /// The name of its patch.
    pub(crate) name: &'static str,
    /// The effect of the defect.
    pub(crate) defect: &'static str,
    /// The check that must catch it, with its budget.
    pub(crate) hunt: Hunt,
}

/// All defects. The first rounds of `upstream` are Meta's faults, in the order of `faults::upstream`.
pub(crate) const MUTANTS: [Mutant; 16] = [
    Mutant {
        name: "m01",
        defect: "a webhook is acknowledged before it is stored",
        hunt: Hunt::Campaign(&["--only", "sync-order,kill", "--rounds", "20"]),
    },
    Mutant {
        name: "m02",
        defect: "a message is sent before its attempt is committed",
        hunt: Hunt::Campaign(&["--only", "kill", "--rounds", "40"]),
    },
    Mutant {
        name: "m03",
        defect: "a message is known by a look-up, and not by a unique key",
        hunt: Hunt::Campaign(&["--only", "inbound", "--rounds", "20", "--engine", "postgres"]),
    },
    Mutant {
        name: "m04",
        defect: "a credit is spent outside of the transaction that saves the posts",
        hunt: Hunt::Campaign(&["--only", "kill", "--rounds", "60"]),
    },
    Mutant {
        name: "m05",
        defect: "credits are read, and then written",
        hunt: Hunt::Campaign(&["--only", "two-ways", "--rounds", "20"]),
    },
    Mutant {
        name: "m06",
        defect: "a code is used up whether or not it was before",
        hunt: Hunt::Tests("o15_"),
    },
    Mutant {
        name: "m07",
        defect: "a hold is not released when the writing fails",
        hunt: Hunt::Campaign(&["--only", "upstream", "--rounds", "1", "--first", "57"]),
    },
    Mutant {
        name: "m08",
        defect: "whoever lost its lease writes all the same",
        hunt: Hunt::Campaign(&["--only", "zombie", "--rounds", "40"]),
    },
    Mutant {
        name: "m09",
        defect: "a commit does not wait for the disk",
        hunt: Hunt::Campaign(&["--only", "sync-order", "--rounds", "1"]),
    },
    Mutant {
        name: "m10",
        defect: "an unclear message is sent again without waiting for a status",
        hunt: Hunt::Campaign(&["--only", "kill", "--rounds", "40"]),
    },
    Mutant {
        name: "m11",
        defect: "a message that cannot arrive is forgotten as if it had",
        hunt: Hunt::Campaign(&["--only", "upstream", "--rounds", "1", "--first", "11"]),
    },
    Mutant { name: "m12", defect: "a code stands in the log", hunt: Hunt::Tests("s03_") },
    Mutant {
        name: "m13",
        defect: "a credit may come back more than once",
        hunt: Hunt::Campaign(&["--only", "upstream", "--rounds", "1", "--first", "84"]),
    },
    Mutant {
        name: "m14",
        defect: "connections to a server that only reads are kept",
        hunt: Hunt::Campaign(&["--only", "read-only", "--rounds", "2"]),
    },
    Mutant {
        name: "m15",
        defect: "no answer in time is taken for not sent",
        hunt: Hunt::Campaign(&["--only", "upstream", "--rounds", "1", "--first", "0"]),
    },
    Mutant {
        name: "m17",
        defect: "leases and waits follow the machine's clock wherever it jumps",
        hunt: Hunt::Campaign(&["--only", "clock", "--rounds", "60", "--engine", "sqlite"]),
    },
];

impl Mutant {
    fn patch(&self, root: &Path) -> PathBuf {
        root.join("xtask/mutants").join(format!("{}.patch", self.name))
    }

    /// Copies the sources under version control, and applies the patch to the copy. Returns its folder.
    pub(crate) fn plant(&self) -> anyhow::Result<PathBuf> {
        let root = crate::root()?;
        let copy = root.join("target/mutants");
        if copy.exists() {
            std::fs::remove_dir_all(&copy)?;
        }
        let listed = Command::new("git").current_dir(root).args(["ls-files", "-z"]).output()?;
        if !listed.status.success() {
            bail!("git cannot list the sources: the planted defects need a clone");
        }
        for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            let to = copy.join(name);
            std::fs::create_dir_all(to.parent().context("a file has a folder")?)?;
            std::fs::copy(root.join(name), &to).with_context(|| format!("cannot copy {name}"))?;
        }
        crate::run(apply(&copy).arg(self.patch(root)))?;
        Ok(copy)
    }
}

/// Returns `git apply` for a folder that git takes for no clone: in one, paths are those of its root.
fn apply(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["apply", "-p1"]);
    if let Some(above) = folder.parent() {
        command.env("GIT_CEILING_DIRECTORIES", above);
    }
    command
}

/// Checks that each planted defect still fits the code, and that there is no patch without a check.
pub(crate) fn check(root: &Path, faults: &mut Vec<String>) -> anyhow::Result<()> {
    for mutant in &MUTANTS {
        let patch = mutant.patch(root);
        let checked = apply(root).arg("--check").arg(&patch).output().context("cannot run git")?;
        if !checked.status.success() {
            let reason = String::from_utf8_lossy(&checked.stderr);
            faults.push(format!(
                "xtask/mutants/{}.patch does not fit the code: {}",
                mutant.name,
                reason.trim()
            ));
        }
    }
    let patches = std::fs::read_dir(root.join("xtask/mutants"))?.count();
    if patches != MUTANTS.len() {
        faults.push(format!("xtask/mutants has {patches} files for {} defects", MUTANTS.len()));
    }
    Ok(())
}
