//! Writes the requests of the service in a fixed story, one JSON object a line.
//!
//! `cargo run -p postly-testkit --example record_requests -- FILE`

use anyhow::Context as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let path = std::env::args_os().nth(1).context("name the file to write")?;
    let mut text = String::new();
    for line in postly_testkit::recording::record().await {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
