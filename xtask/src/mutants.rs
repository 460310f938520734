//! Planted defects: each must turn the campaign red, or the campaign proves nothing.
//!
//! A defect is a feature of `postly`, a few lines at one place of the code under `cfg(feature = "mutant-…")`, and in no
//! release. The numbers are those of the list that docs/RELIABILITY.md explains; those that are missing concern parts
//! that do not exist yet.

/// A defect, and the campaign that must notice it.
pub(crate) struct Mutant {
    /// The feature of `postly` that plants it.
    pub(crate) feature: &'static str,
    /// What it does.
    pub(crate) defect: &'static str,
    /// Which campaign, within which budget.
    pub(crate) hunt: &'static [&'static str],
}

/// All of them. The first rounds of `upstream` are Meta's faults, in the order of `faults::upstream`.
pub(crate) const MUTANTS: [Mutant; 13] = [
    Mutant {
        feature: "mutant-m01",
        defect: "a webhook is acknowledged before it is stored",
        hunt: &["--only", "sync-order,kill", "--rounds", "20"],
    },
    Mutant {
        feature: "mutant-m02",
        defect: "a message is sent before its attempt is committed",
        hunt: &["--only", "kill", "--rounds", "40"],
    },
    Mutant {
        feature: "mutant-m03",
        defect: "a message is known by a look-up, and not by a unique key",
        hunt: &["--only", "inbound", "--rounds", "20", "--engine", "postgres"],
    },
    Mutant {
        feature: "mutant-m04",
        defect: "a credit is spent outside of the transaction that saves the posts",
        hunt: &["--only", "kill", "--rounds", "60"],
    },
    Mutant {
        feature: "mutant-m05",
        defect: "credits are read, and then written",
        hunt: &["--only", "two-ways", "--rounds", "20"],
    },
    Mutant {
        feature: "mutant-m07",
        defect: "a hold is not released when the writing fails",
        hunt: &["--only", "upstream", "--rounds", "1", "--first", "57"],
    },
    Mutant {
        feature: "mutant-m08",
        defect: "whoever lost its lease writes all the same",
        hunt: &["--only", "zombie", "--rounds", "40"],
    },
    Mutant {
        feature: "mutant-m09",
        defect: "a commit does not wait for the disk",
        hunt: &["--only", "sync-order", "--rounds", "1"],
    },
    Mutant {
        feature: "mutant-m10",
        defect: "an unclear message is sent again without waiting for a status",
        hunt: &["--only", "kill", "--rounds", "40"],
    },
    Mutant {
        feature: "mutant-m11",
        defect: "a message that cannot arrive is forgotten as if it had",
        hunt: &["--only", "upstream", "--rounds", "1", "--first", "11"],
    },
    Mutant {
        feature: "mutant-m13",
        defect: "a credit may come back more than once",
        hunt: &["--only", "upstream", "--rounds", "1", "--first", "84"],
    },
    Mutant {
        feature: "mutant-m14",
        defect: "connections to a server that only reads are kept",
        hunt: &["--only", "read-only", "--rounds", "2"],
    },
    Mutant {
        feature: "mutant-m15",
        defect: "no answer in time is taken for not sent",
        hunt: &["--only", "upstream", "--rounds", "1", "--first", "0"],
    },
];
