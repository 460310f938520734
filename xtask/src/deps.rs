//! Checks the dependencies: sources, licences, duplicate versions and advisories.
//!
//! cargo-deny checks more, but takes four minutes of two cores to build, and its advisories need a network.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::Peekable,
    path::Path,
    process::Command,
    str::SplitWhitespace,
};

use anyhow::{Context as _, bail};
use semver::{Version, VersionReq};
use serde_json::Value;

/// The RustSec advisories on the dependencies.
const ADVISORIES: &str = "xtask/advisories.txt";

/// The name of crates.io in Cargo.lock, the only source that a crate may come from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The exceptions, each with its reason.
struct Policy<'a> {
    /// The accepted licences, by their SPDX names.
    licences: &'a [&'a str],
    /// Crates that name no licence, each with the place of its licence.
    unlicensed: &'a [(&'a str, &'a str)],
    /// Crates with several versions, each with the reason.
    duplicates: &'a [(&'a [&'a str], &'a str)],
    /// Advisories that affect a version in use, each with the reason why it does not reach the service.
    advisories: &'a [(&'a str, &'a str)],
}

/// Each of these licences lets a binary be shipped with a notice and without its source.
const OURS: Policy<'static> = Policy {
    licences: &[
        "Apache-2.0",
        "BSD-3-Clause",
        "CDLA-Permissive-2.0",
        "ISC",
        "MIT",
        "MIT-0",
        "Unicode-3.0",
        "Zlib",
    ],
    unlicensed: &[],
    duplicates: &[
        (&["base64"], "reqwest and pem are ahead of us and of sqlx"),
        (&["block-buffer", "cpufeatures", "crypto-common", "digest", "sha2"], "half of sqlx is behind"),
        (&["fancy-regex"], "only for tests: tiktoken-rs is behind jsonschema"),
        (&["foldhash", "hashbrown"], "rlibphonenumber, whatlang, sqlx and indexmap have one each"),
        (&["getrandom"], "ring is behind, uuid and argon2 are ahead of us and of jsonschema"),
        (&["rand", "rand_core"], "the exporter of metrics is behind sqlx"),
        (&["strum", "strum_macros", "thiserror", "thiserror-impl"], "rlibphonenumber is behind"),
        (&["tower-http"], "reqwest is behind us"),
        (&["logos", "logos-codegen", "logos-derive"], "only builds rlibphonenumber"),
        (&["syn"], "only builds: macros move to 3 one by one"),
        (&["synstructure"], "only builds, and the older only for tests (rcgen)"),
        (&["bit-vec"], "only for tests (jsonschema and rcgen)"),
        (&["r-efi", "windows-link", "windows-sys"], "only for systems that we do not build for"),
        (
            &["windows-core", "windows-implement", "windows-interface", "windows-result", "windows-strings"],
            "the same: iana-time-zone is behind generator",
        ),
    ],
    advisories: &[],
};

/// Checks the dependencies, and prints every fault.
pub(crate) fn check() -> anyhow::Result<()> {
    let root = crate::root()?;
    // First, because this call refuses a lock file that is not current.
    let metadata = metadata(root)?;
    let read =
        |name: &str| std::fs::read_to_string(root.join(name)).with_context(|| format!("cannot read {name}"));
    let snapshot = Snapshot::read(&read(ADVISORIES)?)?;
    let faults = faults(&read("Cargo.lock")?, &metadata, &snapshot, &OURS)?;
    for fault in &faults {
        eprintln!("deps: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} things are wrong with what we depend on", faults.len());
    }
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let age = snapshot.date.until(today)?.get_days();
    println!("deps: sources, licences, versions and advisories are in order");
    println!(
        "deps: the advisories are as of {}, {age} days ago; {ADVISORIES} says how to renew them",
        snapshot.date
    );
    Ok(())
}

/// Returns the metadata of a workspace. Fails if its lock file is not current.
fn metadata(folder: &Path) -> anyhow::Result<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(folder)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata --locked: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata says")
}

fn faults(
    lock: &str,
    metadata: &Value,
    snapshot: &Snapshot,
    policy: &Policy<'_>,
) -> anyhow::Result<BTreeSet<String>> {
    let locked = locked(lock)?;
    let mut faults = BTreeSet::new();
    faults.extend(sources(&locked, metadata)?);
    faults.extend(licences(metadata, policy)?);
    faults.extend(duplicates(&locked, policy));
    faults.extend(advisories(&locked, snapshot, policy));
    Ok(faults)
}

/// A package of Cargo.lock.
struct Locked<'a> {
    name: &'a str,
    version: Version,
    source: Option<&'a str>,
    checksum: Option<&'a str>,
}

/// Parses Cargo.lock. Cargo writes one field to a line.
fn locked(lock: &str) -> anyhow::Result<Vec<Locked<'_>>> {
    let packages = lock.split("[[package]]\n").skip(1).map(|package| {
        let field = |name: &str| {
            package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'))
        };
        let name = field("name").context("Cargo.lock: a package without a name")?;
        let version = field("version").with_context(|| format!("Cargo.lock: {name} has no version"))?;
        let version = version.parse().with_context(|| format!("Cargo.lock: {name} {version}"))?;
        Ok(Locked { name, version, source: field("source"), checksum: field("checksum") })
    });
    packages.collect()
}

/// Returns the packages that are neither a crate of crates.io with its checksum nor a member of this
/// workspace.
fn sources(locked: &[Locked<'_>], metadata: &Value) -> anyhow::Result<Vec<String>> {
    let mut faults = vec![];
    for Locked { name, version, source, checksum } in locked {
        match source {
            Some(CRATES_IO) if checksum.is_none() => faults.push(format!("{name} {version} has no checksum")),
            Some(source) if *source != CRATES_IO => {
                faults.push(format!("{name} {version} comes from {source}, and not from crates.io"));
            }
            Some(_) | None => {}
        }
    }
    let root = text(metadata, "workspace_root")?;
    let members = list(metadata, "workspace_members")?;
    for package in list(metadata, "packages")? {
        let (name, version) = (text(package, "name")?, text(package, "version")?);
        let manifest = text(package, "manifest_path")?;
        let is_ours = members.contains(&package["id"]) && Path::new(manifest).starts_with(root);
        match package["source"].as_str() {
            None if !is_ours => {
                faults.push(format!("{name} {version} comes from a folder outside of the workspace"));
            }
            Some(source) if source != CRATES_IO => {
                faults.push(format!("{name} {version} comes from {source}, and not from crates.io"));
            }
            Some(_) | None => {}
        }
    }
    Ok(faults)
}

fn licences(metadata: &Value, policy: &Policy<'_>) -> anyhow::Result<Vec<String>> {
    let mut faults = vec![];
    let mut unlicensed = BTreeSet::new();
    for package in list(metadata, "packages")? {
        let (name, version) = (text(package, "name")?, text(package, "version")?);
        let Some(licence) = package["license"].as_str() else {
            unlicensed.insert(name);
            if !policy.unlicensed.iter().any(|(waived, _)| *waived == name) {
                faults.push(format!("{name} {version} names no licence"));
            }
            continue;
        };
        match accepted(licence, policy.licences) {
            Ok(true) => {}
            Ok(false) => faults.push(format!("{name} {version} is under {licence}, which we do not accept")),
            Err(error) => {
                faults.push(format!("{name} {version}: cannot read its licence {licence}: {error}"));
            }
        }
    }
    faults.extend(unused(policy.unlicensed.iter().map(|(name, _)| *name), &unlicensed));
    Ok(faults)
}

type Words<'a> = Peekable<SplitWhitespace<'a>>;

/// Returns true if these licences satisfy an SPDX expression. A slash is an older form of `OR`.
fn accepted(expression: &str, licences: &[&str]) -> anyhow::Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let answer = any(&mut words, licences)?;
    match words.next() {
        None => Ok(answer),
        Some(word) => bail!("{word} where it should end"),
    }
}

/// `a OR b`, which binds less than `AND`.
fn any(words: &mut Words<'_>, licences: &[&str]) -> anyhow::Result<bool> {
    let mut answer = all(words, licences)?;
    while words.next_if_eq(&"OR").is_some() {
        answer |= all(words, licences)?;
    }
    Ok(answer)
}

/// `a AND b`, which binds less than `WITH`.
fn all(words: &mut Words<'_>, licences: &[&str]) -> anyhow::Result<bool> {
    let mut answer = one(words, licences)?;
    while words.next_if_eq(&"AND").is_some() {
        answer &= one(words, licences)?;
    }
    Ok(answer)
}

/// `a`, `a WITH exception` or `(…)`. An exception makes a different licence.
fn one(words: &mut Words<'_>, licences: &[&str]) -> anyhow::Result<bool> {
    if words.next_if_eq(&"(").is_some() {
        let answer = any(words, licences)?;
        return if words.next() == Some(")") { Ok(answer) } else { bail!("a parenthesis stays open") };
    }
    let mut name = id(words)?.to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        name = format!("{name} WITH {}", id(words)?);
    }
    Ok(licences.contains(&name.as_str()))
}

fn id<'a>(words: &mut Words<'a>) -> anyhow::Result<&'a str> {
    let word = words.next().filter(|word| !["(", ")", "AND", "OR", "WITH"].contains(word));
    word.context("a name is missing")
}

fn duplicates(locked: &[Locked<'_>], policy: &Policy<'_>) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for package in locked {
        versions.entry(package.name).or_default().push(package.version.to_string());
    }
    versions.retain(|_, versions| versions.len() > 1);
    let waived: BTreeSet<&str> = policy.duplicates.iter().flat_map(|(names, _)| *names).copied().collect();
    let unwaived = versions.iter().filter(|(name, _)| !waived.contains(*name));
    let mut faults: Vec<String> = unwaived
        .map(|(name, versions)| format!("there are several versions of {name}: {}", versions.join(", ")))
        .collect();
    faults.extend(unused(waived, &versions.keys().copied().collect()));
    faults
}

fn advisories(locked: &[Locked<'_>], snapshot: &Snapshot, policy: &Policy<'_>) -> Vec<String> {
    let mut faults = vec![];
    let mut affecting = BTreeSet::new();
    for Locked { name, version, .. } in locked.iter().filter(|package| package.source.is_some()) {
        if !snapshot.crates.contains(*name) {
            faults.push(format!("nobody looked for advisories on {name}: {ADVISORIES} says how"));
        }
        for advisory in snapshot.advisories.iter().filter(|advisory| advisory.affects(name, version)) {
            let Advisory { id, kind, words, .. } = advisory;
            affecting.insert(id.as_str());
            if !policy.advisories.iter().any(|(waived, _)| waived == id) {
                faults.push(format!("{name} {version} is affected by {id} ({kind}): {words}"));
            }
        }
    }
    faults.extend(unused(policy.advisories.iter().map(|(id, _)| *id), &affecting));
    faults
}

/// Returns the waivers that are not needed any more: a waiver must go when its reason does.
fn unused<'a>(waived: impl IntoIterator<Item = &'a str>, needed: &BTreeSet<&str>) -> Vec<String> {
    let unused = waived.into_iter().filter(|name| !needed.contains(name));
    unused.map(|name| format!("the waiver of {name} is not needed any more")).collect()
}

/// The advisories on the crates that were looked up, as of a date.
#[derive(Debug)]
struct Snapshot {
    date: jiff::civil::Date,
    advisories: Vec<Advisory>,
    crates: BTreeSet<String>,
}

#[derive(Debug)]
struct Advisory {
    id: String,
    name: String,
    kind: String,
    /// The versions without the fault: those that fix it, and those that never had it.
    sound: Vec<VersionReq>,
    words: String,
}

impl Advisory {
    /// Returns true if the advisory affects this version. A pre-release is affected unless it is named.
    fn affects(&self, name: &str, version: &Version) -> bool {
        self.name == name
            && self.kind != "withdrawn"
            && !self.sound.iter().any(|sound| sound.matches(version))
    }
}

impl Snapshot {
    fn read(text: &str) -> anyhow::Result<Self> {
        const KINDS: [&str; 5] = ["vulnerability", "unsound", "unmaintained", "notice", "withdrawn"];
        let (mut date, mut advisories, mut crates) = (None, vec![], BTreeSet::new());
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(day) = line.strip_prefix("date: ") {
                date = Some(day.parse().with_context(|| format!("{ADVISORIES}: no date: {day}"))?);
                continue;
            }
            if let Some(names) = line.strip_prefix("crates: ") {
                crates.extend(names.split_whitespace().map(str::to_owned));
                continue;
            }
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let [id, name, kind, patched, unaffected, words] = fields[..] else {
                bail!("{ADVISORIES}: not six fields: {line}")
            };
            if !KINDS.contains(&kind) {
                bail!("{ADVISORIES}: {id} is of no known kind: {kind}");
            }
            let ranges = [patched, unaffected].into_iter().flat_map(|ranges| ranges.split(';'));
            let ranges = ranges.filter(|range| !range.trim().is_empty()).map(str::parse);
            let sound = ranges
                .collect::<Result<_, _>>()
                .with_context(|| format!("{ADVISORIES}: {id} has versions that cannot be read"))?;
            let [id, name, kind, words] = [id, name, kind, words].map(str::to_owned);
            advisories.push(Advisory { id, name, kind, sound, words });
        }
        Ok(Self { date: date.with_context(|| format!("{ADVISORIES} has no date"))?, advisories, crates })
    }
}

fn text<'a>(value: &'a Value, field: &str) -> anyhow::Result<&'a str> {
    value[field].as_str().with_context(|| format!("cargo metadata: no {field}"))
}

fn list<'a>(value: &'a Value, field: &str) -> anyhow::Result<&'a Vec<Value>> {
    value[field].as_array().with_context(|| format!("cargo metadata: no {field}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STRICT: Policy<'static> =
        Policy { licences: &["MIT", "ISC"], unlicensed: &[], duplicates: &[], advisories: &[] };

    const SNAPSHOT: &str = "\
        # a comment\n\
        date: 2026-10-02\n\
        crates: ours theirs\n\
        RUSTSEC-1 | theirs | unsound | >= 1.2.3, < 2.0.0; >= 2.1.0 | < 1.0.0 | words\n\
        RUSTSEC-2 | theirs | withdrawn |  |  | words\n";

    /// Cargo.lock with a crate of the workspace and one of crates.io.
    fn lock(version: &str) -> String {
        format!(
            "version = 4\n\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\ndependencies = [\n \"theirs\",\n]\n\n\
             [[package]]\nname = \"theirs\"\nversion = \"{version}\"\nsource = \"{CRATES_IO}\"\nchecksum = \"c0ffee\"\n"
        )
    }

    /// The same two crates in the form of `cargo metadata`.
    fn house() -> Value {
        json!({
            "workspace_root": "/house",
            "workspace_members": ["path+ours"],
            "packages": [
                {"id": "path+ours", "name": "ours", "version": "0.1.0", "source": null, "license": "MIT",
                    "manifest_path": "/house/ours/Cargo.toml"},
                {"id": "registry+theirs", "name": "theirs", "version": "1.2.3", "source": CRATES_IO, "license": "MIT",
                    "manifest_path": "/registry/theirs/Cargo.toml"},
            ],
        })
    }

    #[track_caller]
    fn check(lock: &str, metadata: &Value, policy: &Policy<'_>, expected: &[&str]) {
        let faults = faults(lock, metadata, &Snapshot::read(SNAPSHOT).unwrap(), policy).unwrap();
        assert_eq!(faults.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn s08_what_we_depend_on_is_in_order() {
        super::check().unwrap();
        check(&lock("1.2.3"), &house(), &STRICT, &[]);
    }

    #[test]
    fn s08_a_crate_comes_from_crates_io_with_a_checksum_or_from_this_workspace() {
        let mut metadata = house();
        let elsewhere = [
            ("git+https://example.org/theirs#c0ffee", "comes from git+https://example.org/theirs#c0ffee"),
            ("registry+https://example.org/index", "comes from registry+https://example.org/index"),
        ];
        for (source, expected) in elsewhere {
            let expected = format!("theirs 1.2.3 {expected}, and not from crates.io");
            check(&lock("1.2.3").replace(CRATES_IO, source), &house(), &STRICT, &[&expected]);
            metadata["packages"][1]["source"] = json!(source);
            check(&lock("1.2.3"), &metadata, &STRICT, &[&expected]);
        }

        let unsealed = lock("1.2.3").replace("checksum = \"c0ffee\"\n", "");
        check(&unsealed, &house(), &STRICT, &["theirs 1.2.3 has no checksum"]);

        metadata["packages"][1]["source"] = Value::Null;
        let outside = "theirs 1.2.3 comes from a folder outside of the workspace";
        check(&lock("1.2.3"), &metadata, &STRICT, &[outside]);
        metadata["workspace_members"] = json!(["path+ours", "registry+theirs"]);
        check(&lock("1.2.3"), &metadata, &STRICT, &[outside]);
    }

    #[test]
    fn s08_a_licence_is_one_that_we_accept() {
        let check_licence = |licence: Value, policy: &Policy<'_>, expected: &[&str]| {
            let mut metadata = house();
            metadata["packages"][1]["license"] = licence;
            check(&lock("1.2.3"), &metadata, policy, expected);
        };
        check_licence(json!("ISC OR GPL-3.0-only"), &STRICT, &[]);
        let refused = "theirs 1.2.3 is under GPL-3.0-only, which we do not accept";
        check_licence(json!("GPL-3.0-only"), &STRICT, &[refused]);
        let unread = "theirs 1.2.3: cannot read its licence MIT OR: a name is missing";
        check_licence(json!("MIT OR"), &STRICT, &[unread]);
        check_licence(Value::Null, &STRICT, &["theirs 1.2.3 names no licence"]);
        let waiving = Policy { unlicensed: &[("theirs", "in its README")], ..STRICT };
        check_licence(Value::Null, &waiving, &[]);
        check_licence(json!("MIT"), &waiving, &["the waiver of theirs is not needed any more"]);
    }

    #[test]
    fn s08_expressions_of_licences_are_read_as_spdx_means_them() {
        let allowed = &["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
        let check = |expression: &str, expected: bool| {
            assert_eq!(accepted(expression, allowed).unwrap(), expected, "{expression}");
        };
        check("MIT", true);
        check("mit", false);
        check("Apache-2.0", false);
        check("Apache-2.0 WITH LLVM-exception", true);
        check("MIT WITH LLVM-exception", false);
        check("GPL-2.0-only OR MIT", true);
        check("MIT AND GPL-2.0-only", false);
        check("MIT AND ISC", true);
        check("MIT OR ISC AND GPL-2.0-only", true);
        check("(MIT OR ISC) AND GPL-2.0-only", false);
        check("(GPL-2.0-only OR (MIT)) AND ISC", true);
        check("Apache-2.0/MIT", true);
        check("Apache-2.0 / BSL-1.0", false);
        for garbage in
            ["", "(", "(MIT", "MIT)", "MIT ISC", "AND MIT", "MIT OR", "MIT WITH", "MIT WITH OR ISC", "()"]
        {
            assert!(accepted(garbage, allowed).is_err(), "{garbage}");
        }
    }

    #[test]
    fn s08_a_second_version_of_a_crate_needs_a_reason_and_a_reason_a_second_version() {
        let twice = lock("1.2.3") + lock("2.1.0").split_at(lock("2.1.0").rfind("[[package]]").unwrap()).1;
        let waiving = Policy { duplicates: &[(&["theirs"], "one is behind")], ..STRICT };
        check(&twice, &house(), &STRICT, &["there are several versions of theirs: 1.2.3, 2.1.0"]);
        check(&twice, &house(), &waiving, &[]);
        check(&lock("1.2.3"), &house(), &waiving, &["the waiver of theirs is not needed any more"]);
    }

    #[test]
    fn s08_a_version_with_a_known_fault_needs_a_reason_and_a_stranger_a_look() {
        let affected = |version: &str| format!("theirs {version} is affected by RUSTSEC-1 (unsound): words");
        for sound in ["0.9.9", "1.2.3", "1.9.0", "2.1.0"] {
            check(&lock(sound), &house(), &STRICT, &[]);
        }
        for unsound in ["1.0.0", "1.2.2", "2.0.0", "2.1.0-rc.1"] {
            check(&lock(unsound), &house(), &STRICT, &[&affected(unsound)]);
        }
        let waiving = Policy { advisories: &[("RUSTSEC-1", "we do not call it")], ..STRICT };
        check(&lock("1.2.2"), &house(), &waiving, &[]);
        check(&lock("1.2.3"), &house(), &waiving, &["the waiver of RUSTSEC-1 is not needed any more"]);

        let stranger = lock("1.2.3").replace("name = \"theirs\"", "name = \"stranger\"");
        let unread = "nobody looked for advisories on stranger: xtask/advisories.txt says how";
        check(&stranger, &house(), &STRICT, &[unread]);

        for garbage in ["", "crates: a", "date: today", "date: 2026-10-02\nRUSTSEC-1 | theirs | unsound"] {
            assert!(Snapshot::read(garbage).is_err(), "{garbage}");
        }
        assert!(Snapshot::read(&SNAPSHOT.replace("unsound", "unheard")).is_err());
        assert!(Snapshot::read(&SNAPSHOT.replace("< 1.0.0", "before 1.0.0")).is_err());
    }

    #[test]
    fn s08_a_lock_file_that_is_not_current_is_refused() {
        let folder = std::env::temp_dir().join(format!("postly-deps-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("src")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("src/lib.rs", "");
        write(
            "Cargo.toml",
            "[package]\nname = \"ours\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
        );
        write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n");
        let current = metadata(&folder);
        write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"ours\"\nversion = \"0.0.9\"\n");
        let stale = metadata(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(current.is_ok(), "{current:?}");
        let stale = stale.unwrap_err().to_string();
        assert!(stale.contains("lock file"), "{stale}");
    }
}
