//! `postly users`.

use postly_app::rfc3339;
use postly_domain::{AdminAction, PhoneE164};
use serde_json::json;

use super::{Failure, desk::Desk, say, say_json};
use crate::cli::{Output, UsersCommand, WhoArgs};

/// `postly users`.
pub(crate) async fn users(command: UsersCommand) -> Result<(), Failure> {
    match command {
        UsersCommand::Show { who, output } => show(&who, output).await,
        UsersCommand::Export { who, output: _ } => {
            let desk = Desk::open().await?;
            let who = desk.who(&who).await?;
            let (subject, work) = (desk.subject(&who).await, desk.accounts.export_of(&who));
            let export = desk.act(AdminAction::Export, &subject, "", None, work).await?;
            say(&serde_json::to_string_pretty(&export)?);
            Ok(())
        }
        UsersCommand::Erase { who, output } => erase(&who, output).await,
        UsersCommand::Block { who, output } => block(&who, output, true).await,
        UsersCommand::Unblock { who, output } => block(&who, output, false).await,
        UsersCommand::ResetPassword { who, output } => reset_password(&who, output).await,
    }
}

/// `postly users show`.
async fn show(who: &WhoArgs, output: Output) -> Result<(), Failure> {
    let desk = Desk::open().await?;
    let account = desk.people.account(&desk.who(who).await?).await?;
    let identities: Vec<_> = account
        .identities
        .iter()
        .map(|identity| {
            json!({
                "provider": identity.provider.as_str(),
                "providerUserId": identity.address,
                "phone": identity.phone.as_ref().map(PhoneE164::as_str),
                "bsuid": identity.bsuid,
                "stopped": identity.stopped_at.is_some(),
            })
        })
        .collect();
    let shown = json!({
        "id": account.author.id.as_str(),
        "email": account.author.email,
        "language": account.author.language.code(),
        "available": account.wallet.available(),
        "held": account.wallet.held,
        "identities": identities,
        "createdAt": rfc3339(account.author.created_at),
    });
    if output.json {
        say_json(&shown);
    } else {
        say(&serde_json::to_string_pretty(&shown)?);
        if let Some(since) = account.author.blocked_at {
            note(&format!("this author is blocked since {}", rfc3339(since)));
        }
    }
    Ok(())
}

/// `postly users erase`.
async fn erase(who: &WhoArgs, output: Output) -> Result<(), Failure> {
    let desk = Desk::open_with_key().await?;
    let id = desk.people.account(&desk.who(who).await?).await?.author.id;
    desk.act(AdminAction::Erase, id.as_str(), "", None, desk.erasure.erase(&id)).await?;
    if output.json {
        say_json(&json!({ "erased": id.as_str() }));
    } else {
        say(&format!("Erased author {id}: her ledger is left, without her name."));
    }
    Ok(())
}

/// `postly users block` and `unblock`. Both succeed if the author already is in the requested state.
async fn block(who: &WhoArgs, output: Output, is_blocked: bool) -> Result<(), Failure> {
    let desk = Desk::open().await?;
    let action = if is_blocked { AdminAction::Block } else { AdminAction::Unblock };
    let who = desk.who(who).await?;
    let (subject, work) = (desk.subject(&who).await, desk.operator.set_blocked(&who, is_blocked));
    let (id, changed) = desk.act(action, &subject, "", None, work).await?;
    if output.json {
        say_json(&json!({ "id": id.as_str(), "blocked": is_blocked, "changed": changed }));
    } else {
        let already = if changed { "" } else { " already" };
        let state = if is_blocked { "blocked" } else { "not blocked" };
        say(&format!("Author {id} is {state}{already}."));
    }
    Ok(())
}

/// `postly users reset-password`: standard output holds only the link, which is a secret.
async fn reset_password(who: &WhoArgs, output: Output) -> Result<(), Failure> {
    let desk = Desk::open().await?;
    let who = desk.who(who).await?;
    let (subject, work) = (desk.subject(&who).await, desk.accounts.new_password_reset(&who));
    let reset = desk.act(AdminAction::ResetPassword, &subject, "", None, work).await?;
    let expires_at = rfc3339(reset.expires_at);
    if output.json {
        say_json(&json!({ "id": reset.author.as_str(), "url": reset.url, "expiresAt": expires_at }));
    } else {
        say(&reset.url);
        note(&format!(
            "the link sets a new password once, until {expires_at}: send it to nobody but the author"
        ));
    }
    Ok(())
}

/// Writes a line to standard error, because standard output holds the result.
#[expect(clippy::print_stderr, reason = "standard output belongs to the answer")]
fn note(text: &str) {
    eprintln!("postly: {text}");
}
