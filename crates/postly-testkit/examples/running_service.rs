//! The service with one author, for clients of others.
//!
//! Prints one line of JSON with its address, the author's login and two tokens, one of them revoked, and runs
//! until its standard input ends.

#![expect(clippy::print_stdout, reason = "the line is this example's whole answer")]

use std::io::Read as _;

use anyhow::Context as _;
use postly_domain::id::AuthorId;
use postly_testkit::{
    EngineName, Options, PASSWORD, PUBLIC_BASE_URL, SESSION_COOKIE, SESSION_SECRET, TestApp,
};

/// Enough for every client.
const CREDITS: i64 = 50;
const EMAIL: &str = "fatou@example.com";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = TestApp::start(EngineName::Sqlite, &Options { shop: true, ..Options::default() }).await;
    let browser = app.browser();
    let author = browser.sign_up(EMAIL).await.ok().json();
    let session = browser.session().context("a session")?;
    let author = AuthorId::new(author.pointer("/user/id").and_then(|id| id.as_str()).context("an author")?);
    app.app
        .operator
        .adjust(&postly_app::operator::AuthorSelector::Id(author.clone()), CREDITS, "for a test")
        .await?;
    let good = app.app.accounts.make_token(&author, "agent").await?;
    let revoked = app.app.accounts.make_token(&author, "revoked").await?;
    app.app.accounts.revoke_token(&author, &revoked.token.id).await?;
    println!(
        "{}",
        serde_json::json!({
            "base_url": app.base_url,
            "public_base_url": PUBLIC_BASE_URL,
            "session_secret": SESSION_SECRET,
            "session_cookie": format!("{SESSION_COOKIE}={session}"),
            "email": EMAIL,
            "password": PASSWORD,
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
