//! Figures of the sources: words of comments, lengths, and lines by kind. `cargo xtask census [REVISION]`
//! prints them for the working copy or a revision; `cargo xtask tidy` fails beyond the limits of words.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::tidy::sources;

/// The most *what* in 10,000 words of comments.
const MOST_WHAT: f64 = 20.0;
/// The most *who*, *whoever*, *whom* and *whose* in 10,000 words of comments.
const MOST_WHO: f64 = 10.0;
/// The most comments of a hundred that open with one of [`OPENERS`].
const MOST_OPENERS: f64 = 3.0;
/// The code's width (rustfmt.toml).
const WIDTH: usize = 110;
/// The length in lines from which a function is long.
const LONG_FUNCTION: usize = 70;

/// Words that open a riddle instead of a sentence.
const OPENERS: [&str; 11] =
    ["what", "which", "who", "whoever", "whom", "whose", "where", "whether", "how", "why", "when"];
const WHO: [&str; 4] = ["who", "whoever", "whom", "whose"];

/// Crates that are tools, not product.
const TOOLS: [&str; 4] = ["postly-campaign", "postly-postgres", "postly-simulator", "postly-testkit"];

/// The figures of a set of files.
#[derive(Default)]
pub(crate) struct Figures {
    words: usize,
    what: usize,
    who: usize,
    comments: usize,
    openers: usize,
    functions: usize,
    long_functions: usize,
    lengths: Vec<usize>,
    product: usize,
    tests: usize,
    tools: usize,
    methods: BTreeMap<String, usize>,
    /// Comment lines wider than the code, by file and line.
    wide: Vec<String>,
}

/// `cargo xtask census`.
pub(crate) fn run(revision: Option<&str>) -> anyhow::Result<()> {
    let root = crate::root()?;
    let Some(revision) = revision else {
        Figures::of(root)?.print("working copy");
        return Ok(());
    };
    let folder = std::env::temp_dir().join(format!("postly-census-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let unpacked = unpack(root, revision, &folder);
    let figures = unpacked.and_then(|()| Figures::of(&folder));
    std::fs::remove_dir_all(&folder)?;
    figures?.print(revision);
    Ok(())
}

fn unpack(root: &Path, revision: &str, folder: &Path) -> anyhow::Result<()> {
    let mut archive = Command::new("git")
        .current_dir(root)
        .args(["archive", revision, "crates", "xtask"])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run git")?;
    let packed = archive.stdout.take().context("git has no output")?;
    let unpacked = Command::new("tar").arg("-x").current_dir(folder).stdin(packed).status()?;
    if !archive.wait()?.success() {
        bail!("git knows no revision {revision}");
    }
    if !unpacked.success() {
        bail!("cannot unpack the revision {revision}");
    }
    Ok(())
}

impl Figures {
    /// Counts every source file under `crates` and `xtask`.
    pub(crate) fn of(root: &Path) -> anyhow::Result<Self> {
        let mut figures = Self::default();
        for folder in ["crates", "xtask"] {
            for file in sources(&root.join(folder))? {
                let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
                figures.add(&name, &std::fs::read_to_string(&file)?);
            }
        }
        Ok(figures)
    }

    fn add(&mut self, name: &str, text: &str) {
        self.lengths.push(text.lines().count());
        self.add_comments(name, text);
        self.add_functions(text);
        let code = |text: &str| {
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
        };
        // Tests of a file stand at its end.
        let (product, tests) = text.split_once("#[cfg(test)]\nmod tests {").unwrap_or((text, ""));
        self.tests += code(tests);
        if name.contains("/tests") || name.contains("/machines/") {
            self.tests += code(product);
        } else if name.starts_with("xtask") || TOOLS.iter().any(|tool| name.contains(tool)) {
            self.tools += code(product);
        } else {
            self.product += code(product);
        }
    }

    fn add_comments(&mut self, name: &str, text: &str) {
        let mut comment = String::new();
        for (number, line) in (1..).zip(text.lines().chain([""])) {
            match line.trim_start().strip_prefix("//") {
                Some(words) => {
                    comment.push(' ');
                    comment.push_str(words.trim_start_matches(['/', '!']));
                    if line.chars().count() > WIDTH {
                        self.wide.push(format!("{name}:{number}"));
                    }
                }
                None => self.end_comment(&std::mem::take(&mut comment)),
            }
        }
    }

    fn end_comment(&mut self, comment: &str) {
        let words: Vec<String> = comment
            .split(|c: char| !c.is_ascii_alphabetic() && c != '\'')
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        let Some(first) = words.first() else { return };
        self.comments += 1;
        self.openers += usize::from(OPENERS.contains(&first.as_str()));
        self.words += words.len();
        self.what += words.iter().filter(|word| *word == "what").count();
        self.who += words.iter().filter(|word| WHO.contains(&word.as_str())).count();
    }

    /// Counts functions by the depth of braces, and methods by the `impl` around them.
    fn add_functions(&mut self, text: &str) {
        let (mut depth, mut open, mut owner) = (0_i32, None, None);
        for (number, line) in (0_usize..).zip(text.lines()) {
            let trimmed = line.trim_start();
            if depth == 0 && trimmed.starts_with("impl") {
                let subject = trimmed.rsplit(" for ").next().unwrap_or(trimmed);
                let subject = subject.trim_start_matches("impl").trim_start();
                let subject = subject
                    .strip_prefix('<')
                    .and_then(|rest| rest.split_once("> "))
                    .map_or(subject, |(_, rest)| rest);
                owner = subject.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty());
            }
            let before = trimmed.split("fn ").next().unwrap_or_default();
            let is_function = trimmed.contains("fn ") && before.split(' ').all(is_qualifier);
            if is_function && open.is_none() {
                open = Some((number, depth));
                if let (1, Some(owner)) = (depth, owner) {
                    *self.methods.entry(owner.to_owned()).or_default() += 1;
                }
            }
            let count = |c| i32::try_from(line.matches(c).count()).unwrap_or(0);
            depth += count('{') - count('}');
            if let Some((from, at)) = open
                && depth <= at
                && (line.contains('}') || line.ends_with(';'))
            {
                self.functions += 1;
                self.long_functions += usize::from(number - from >= LONG_FUNCTION);
                open = None;
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for a reader")]
    fn words(&self) -> [(&'static str, f64, f64); 3] {
        let of = |part: usize, whole: usize, scale: f64| part as f64 * scale / (whole as f64).max(1.0);
        [
            ("*what* in 10,000 words of comments", of(self.what, self.words, 10_000.0), MOST_WHAT),
            ("*who* and its forms in 10,000 words", of(self.who, self.words, 10_000.0), MOST_WHO),
            (
                "comments that open with a question word, %",
                of(self.openers, self.comments, 100.0),
                MOST_OPENERS,
            ),
        ]
    }

    /// The faults of words, for tidy.
    pub(crate) fn faults(&self) -> Vec<String> {
        let words = self.words().into_iter().filter(|(_, found, most)| found > most);
        let words = words.map(|(name, found, most)| format!("{name}: {found:.1}, more than {most}"));
        words
            .chain(self.wide.iter().map(|place| format!("{place} is wider than {WIDTH} characters")))
            .collect()
    }

    fn print(&self, of: &str) {
        let mut lengths = self.lengths.clone();
        lengths.sort_unstable();
        let p90 = lengths.get(lengths.len() * 9 / 10).copied().unwrap_or(0);
        let largest = self.methods.iter().max_by_key(|(_, count)| **count);
        println!("| figure | {of} |\n|---|---:|");
        for (name, found, _) in self.words() {
            println!("| {name} | {found:.1} |");
        }
        println!("| comment lines wider than {WIDTH} | {} |", self.wide.len());
        println!(
            "| functions | {} |\n| of these over {LONG_FUNCTION} lines | {} |",
            self.functions, self.long_functions
        );
        println!("| files | {} |\n| lines of a file, p90 | {p90} |", lengths.len());
        println!(
            "| lines of product | {} |\n| lines of tests | {} |\n| lines of tools | {} |",
            self.product, self.tests, self.tools
        );
        if let Some((name, count)) = largest {
            println!("| methods of the largest type, {name} | {count} |");
        }
    }
}

/// True for a word that may stand before `fn`.
fn is_qualifier(word: &str) -> bool {
    word.starts_with("pub") || matches!(word, "" | "async" | "const" | "unsafe")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_widths_and_functions_are_counted() {
        let mut figures = Figures::default();
        let wide = "x".repeat(WIDTH);
        figures.add(
            "crates/postly-app/src/a.rs",
            &format!("/// What it is.\n/// Who has it.\nfn a() {{\n{}}}\n\n// {wide}\nimpl B {{\n    fn c() {{}}\n}}\n", "    b();\n".repeat(80)),
        );
        assert_eq!((figures.what, figures.who, figures.openers, figures.comments), (1, 1, 1, 2));
        assert_eq!((figures.functions, figures.long_functions, figures.wide.len()), (2, 1, 1));
        assert_eq!(figures.methods.get("B"), Some(&1));
        assert!(figures.faults().len() >= 3);
    }
}
