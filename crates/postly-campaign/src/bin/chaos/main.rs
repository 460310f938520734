//! What it takes to make the service lose a message or a credit. See docs/RELIABILITY.md.

fn main() {}
