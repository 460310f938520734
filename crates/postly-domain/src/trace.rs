//! Spans of traces.

/// The target of the spans that are exported as traces and never logged. They hold ids, names and outcomes
/// only: no text, number or code.
pub const TRACE: &str = "postly_trace";
