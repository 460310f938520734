//! `/admin/log`: the audit log.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
    routing::get,
};
use postly_app::admin::Record;

use super::{AdminState, LOG, Shell, page, session::Operator};
use crate::{extract::Cursor, pages::moment::Moment, problem::Problem};

pub(super) fn router() -> Router<AdminState> {
    Router::new().route(LOG, get(show))
}

#[derive(Template)]
#[template(path = "admin/log.html")]
struct LogPage {
    s: Shell,
    records: Vec<Record>,
    subject: Option<String>,
    /// The address of the next page.
    next: Option<String>,
}

impl LogPage {
    fn moment(&self, at: &postly_domain::UnixMillis) -> Moment {
        Moment::new(*at)
    }
}

async fn show(
    State(state): State<AdminState>,
    operator: Operator,
    Cursor(cursor): Cursor,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let subject = form_urlencoded::parse(query).find(|(name, _)| name == "subject");
    let subject = subject.map(|(_, value)| value.into_owned()).filter(|value| !value.contains('\0'));
    let (records, next) = state.app.admin.audit_log(subject.as_deref(), cursor.as_deref()).await?;
    let next = next.map(|next| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("cursor", &next);
        if let Some(subject) = &subject {
            query.append_pair("subject", subject);
        }
        format!("{LOG}?{}", query.finish())
    });
    Ok(page(StatusCode::OK, &LogPage { s: Shell::of(&operator, LOG), records, subject, next }))
}
