//! Logs: structured lines on standard error. They never hold a code, a token, a number or a text.

use std::{io::IsTerminal as _, str::FromStr as _};

use tracing_subscriber::{
    EnvFilter,
    filter::{Directive, LevelFilter},
    fmt,
};

/// Logs everything from `info` on, and only errors or warnings of the libraries: sqlx warns of each slow
/// statement, and an operator cannot mend a single one. `RUST_LOG` overrides this, except for the library
/// behind `/mcp`, which logs briefs and posts.
fn filter() -> EnvFilter {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=error,hyper=warn,reqwest=warn"));
    filter.add_directive(Directive::from_str("rmcp=off").unwrap_or_else(|_| LevelFilter::WARN.into()))
}

/// Logs JSON lines, for machines.
pub(crate) fn json() {
    fmt().with_env_filter(filter()).with_writer(std::io::stderr).json().flatten_event(true).init();
}

/// Logs plain lines, for a person; colours on a terminal only.
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
