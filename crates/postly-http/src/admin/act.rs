//! Actions from forms: each is recorded, runs an operator's command, and responds with a page.

use std::fmt::Display;

use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use postly_app::{StoreError, admin::Act};
use postly_domain::AdminAction;

use super::{AdminState, Shell, redirect, say, session::Operator};
use crate::problem::Problem;

/// The action of a form.
pub(super) struct FormAct<'a> {
    pub(super) action: AdminAction,
    /// The id of the affected row.
    pub(super) subject: &'a str,
    /// The operator's reason.
    pub(super) note: &'a str,
    /// The page that shows the change, and to which a refusal links.
    pub(super) back: &'a str,
}

/// Records an action, runs it, and redirects to the page that shows the change. A refusal is shown on its own
/// page.
pub(super) async fn act<T, E>(
    state: &AdminState,
    operator: &Operator,
    form: &FormAct<'_>,
    work: impl Future<Output = Result<T, E>>,
) -> Response
where
    E: From<StoreError> + Display + std::error::Error + 'static,
{
    let FormAct { action, subject, note, back } = *form;
    let record = Act { operator: operator.name(), action, subject, note };
    match state.app.admin.audited(&record, work).await {
        Ok(_) => redirect(back),
        Err(error) => refused(operator, &error, back),
    }
}

/// Responds with the page of a refusal, which changed nothing.
pub(super) fn refused<E: Display + std::error::Error + 'static>(
    operator: &Operator,
    error: &E,
    back: &str,
) -> Response {
    // A database failure is not a refusal. It is a source of the command's error.
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(this) = cause {
        if this.is::<StoreError>() {
            return Problem::internal(error).into_response();
        }
        cause = this.source();
    }
    let text = format!("Nothing was changed: {error}.");
    say(StatusCode::UNPROCESSABLE_ENTITY, Shell::of(operator, ""), "Not done", &text, back)
}

/// Returns true if the text may be the key of a form that acts once: 16 to 64 letters, digits, `-` or `_`.
pub(super) fn is_key(text: &str) -> bool {
    (16..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
