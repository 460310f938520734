//! The service with an author whose agents may write, for clients of the Model Context Protocol that are not ours.
//!
//! Prints one line of JSON, the address and two tokens of which one is revoked, and runs until its standard input ends.

#![expect(clippy::print_stdout, reason = "the line is this example's whole answer")]

use std::io::Read as _;

use anyhow::Context as _;
use postly_domain::id::AuthorId;
use postly_testkit::{EngineName, Options, TestApp};

/// Enough for every client.
const CREDITS: i64 = 50;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    app.author().has_credits(CREDITS).await;
    let author = app.texts("SELECT id FROM authors").await.pop().context("an author")?;
    let author = AuthorId::new(author);
    let good = app.app.make_token(&author, "agent").await?;
    let revoked = app.app.make_token(&author, "revoked").await?;
    app.app.revoke_token(&author, &revoked.token.id).await?;
    println!(
        "{}",
        serde_json::json!({
            "url": format!("{}/mcp", app.base_url),
            "token": good.secret,
            "revoked": revoked.secret,
            "credits": CREDITS,
        })
    );
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    app.assert_audit_is_clean().await;
    app.stop().await;
    Ok(())
}
