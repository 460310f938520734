//! Logs: structured lines on standard error, never a code, a token, a number or a text.

use std::{io::IsTerminal as _, str::FromStr as _};

use tracing_subscriber::{
    EnvFilter,
    filter::{Directive, LevelFilter},
    fmt,
};

/// Says everything from `info` on, and of the libraries only what is wrong: sqlx warns of each slow statement, which nobody can
/// mend one by one. `RUST_LOG` overrides it, but for the library behind `/mcp`, which logs briefs and posts.
fn filter() -> EnvFilter {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new("info,sqlx=error,rusqlite_migration=warn,hyper=warn,reqwest=warn")
    });
    filter.add_directive(Directive::from_str("rmcp=off").unwrap_or_else(|_| LevelFilter::WARN.into()))
}

/// JSON lines, for machines.
pub(crate) fn json() {
    fmt().with_env_filter(filter()).with_writer(std::io::stderr).json().flatten_event(true).init();
}

/// Plain lines, for a person at a terminal: in colours only there.
pub(crate) fn plain() {
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    fmt()
        .with_env_filter(filter())
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .compact()
        .without_time()
        .init();
}
