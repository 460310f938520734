//! Planted defects. Each must turn the campaign red, or fail the tests of a part in which no fault strikes;
//! otherwise the campaign or the tests prove nothing.
//!
//! A defect is a feature of `postly`, a few lines at one place of the code under `cfg(feature = "mutant-…")`,
//! and in no release. The numbers are those of the list in docs/RELIABILITY.md; missing numbers concern parts
//! that do not exist yet.

/// The check that must catch a defect.
pub(crate) enum Hunt {
    /// The campaign, with these arguments.
    Campaign(&'static [&'static str]),
    /// The tests with this in their name.
    Tests(&'static str),
}

/// A defect, and the check that must catch it.
pub(crate) struct Mutant {
    /// The feature of `postly` that plants it.
    pub(crate) feature: &'static str,
    /// The effect of the defect.
    pub(crate) defect: &'static str,
    /// The check that must catch it, with its budget.
    pub(crate) hunt: Hunt,
}

/// All defects. The first rounds of `upstream` are Meta's faults, in the order of `faults::upstream`.
pub(crate) const MUTANTS: [Mutant; 16] = [
    Mutant {
        feature: "mutant-m01",
        defect: "a webhook is acknowledged before it is stored",
        hunt: Hunt::Campaign(&["--only", "sync-order,kill", "--rounds", "20"]),
    },
    Mutant {
        feature: "mutant-m02",
        defect: "a message is sent before its attempt is committed",
        hunt: Hunt::Campaign(&["--only", "kill", "--rounds", "40"]),
    },
    Mutant {
        feature: "mutant-m03",
        defect: "a message is known by a look-up, and not by a unique key",
        hunt: Hunt::Campaign(&["--only", "inbound", "--rounds", "20", "--engine", "postgres"]),
    },
    Mutant {
        feature: "mutant-m04",
        defect: "a credit is spent outside of the transaction that saves the posts",
        hunt: Hunt::Campaign(&["--only", "kill", "--rounds", "60"]),
    },
    Mutant {
        feature: "mutant-m05",
        defect: "credits are read, and then written",
        hunt: Hunt::Campaign(&["--only", "two-ways", "--rounds", "20"]),
    },
    Mutant {
        feature: "mutant-m06",
        defect: "a code is used up whether or not it was before",
        hunt: Hunt::Tests("o15_"),
    },
    Mutant {
        feature: "mutant-m07",
        defect: "a hold is not released when the writing fails",
        hunt: Hunt::Campaign(&["--only", "upstream", "--rounds", "1", "--first", "57"]),
    },
    Mutant {
        feature: "mutant-m08",
        defect: "whoever lost its lease writes all the same",
        hunt: Hunt::Campaign(&["--only", "zombie", "--rounds", "40"]),
    },
    Mutant {
        feature: "mutant-m09",
        defect: "a commit does not wait for the disk",
        hunt: Hunt::Campaign(&["--only", "sync-order", "--rounds", "1"]),
    },
    Mutant {
        feature: "mutant-m10",
        defect: "an unclear message is sent again without waiting for a status",
        hunt: Hunt::Campaign(&["--only", "kill", "--rounds", "40"]),
    },
    Mutant {
        feature: "mutant-m11",
        defect: "a message that cannot arrive is forgotten as if it had",
        hunt: Hunt::Campaign(&["--only", "upstream", "--rounds", "1", "--first", "11"]),
    },
    Mutant { feature: "mutant-m12", defect: "a code stands in the log", hunt: Hunt::Tests("s03_") },
    Mutant {
        feature: "mutant-m13",
        defect: "a credit may come back more than once",
        hunt: Hunt::Campaign(&["--only", "upstream", "--rounds", "1", "--first", "84"]),
    },
    Mutant {
        feature: "mutant-m14",
        defect: "connections to a server that only reads are kept",
        hunt: Hunt::Campaign(&["--only", "read-only", "--rounds", "2"]),
    },
    Mutant {
        feature: "mutant-m15",
        defect: "no answer in time is taken for not sent",
        hunt: Hunt::Campaign(&["--only", "upstream", "--rounds", "1", "--first", "0"]),
    },
    Mutant {
        feature: "mutant-m17",
        defect: "leases and waits follow the machine's clock wherever it jumps",
        hunt: Hunt::Campaign(&["--only", "clock", "--rounds", "60", "--engine", "sqlite"]),
    },
];
