//! Logs: structured lines on standard error. They never hold a code, a token, a number or a text.

#[cfg(feature = "otel")]
mod traces;

use std::{io::IsTerminal as _, str::FromStr as _};

use postly_domain::TRACE;
use tracing_subscriber::{
    EnvFilter,
    filter::{Directive, LevelFilter},
    fmt,
};
#[cfg(feature = "otel")]
use tracing_subscriber::{Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Logs everything from `info` on, and only errors or warnings of the libraries: sqlx warns of each slow
/// statement, and an operator cannot mend a single one. `RUST_LOG` overrides this, except for the library
/// behind `/mcp`, which logs briefs and posts, and for the spans of traces.
fn filter() -> EnvFilter {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=error,hyper=warn,reqwest=warn"));
    let off =
        |target| Directive::from_str(&format!("{target}=off")).unwrap_or_else(|_| LevelFilter::WARN.into());
    filter.add_directive(off("rmcp")).add_directive(off(TRACE))
}

/// The parts that a stop of the service ends.
#[derive(Default)]
pub(crate) struct Telemetry {
    #[cfg(feature = "otel")]
    traces: Option<traces::Traces>,
}

impl Telemetry {
    /// Exports the last traces, for a bounded time.
    pub(crate) async fn stop(self) {
        #[cfg(feature = "otel")]
        if let Some(traces) = self.traces {
            traces.stop().await;
        }
    }
}

/// Logs JSON lines, for machines; and exports traces to an address, if one is given and this build can.
pub(crate) fn json(traces_to: Option<&str>) -> anyhow::Result<Telemetry> {
    #[cfg(feature = "otel")]
    if let Some(endpoint) = traces_to {
        let (traces, layer) = traces::layer(endpoint)?;
        let log = fmt::layer().with_writer(std::io::stderr).json().flatten_event(true).with_filter(filter());
        tracing_subscriber::registry().with(log).with(layer).init();
        return Ok(Telemetry { traces: Some(traces) });
    }
    fmt().with_env_filter(filter()).with_writer(std::io::stderr).json().flatten_event(true).init();
    if traces_to.is_some() {
        tracing::warn!(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and this build exports no traces: build it with the feature otel"
        );
    }
    Ok(Telemetry::default())
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
