//! `/credits`: the balance, and the text of each ledger entry.

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use postly_app::{Offer, ReceiptError, operator::AuthorSelector};
use postly_domain::{LedgerReason, id::PaymentId};

use super::{
    accepts_pages, frame::Frame, member::Member, moment::Moment, not_found, page, redirect, texts::Texts,
};
use crate::{
    extract::{Cursor, PathId},
    problem::{Code, Problem},
    site::AppState,
};

/// The page, with the note that Stripe does not answer.
const NO_RECEIPT: &str = "/credits?receipt=unavailable";

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/credits", get(show))
        .route("/credits/receipt/{payment}", get(receipt))
        .route("/api/credits.csv", get(csv))
}

#[derive(Template)]
#[template(path = "credits.html")]
struct CreditsPage<'a> {
    t: &'a Texts,
    f: Frame,
    available: i64,
    held: i64,
    /// The text about payments that are not confirmed yet.
    pending: Option<String>,
    /// The packs for sale; none without a shop.
    packs: Vec<Offer>,
    entries: Vec<Line>,
    /// True if Stripe did not name a receipt.
    lacks_receipt: bool,
    next: Option<String>,
}

/// The text of one ledger entry.
struct Line {
    created_at: Moment,
    reason: String,
    note: String,
    delta: String,
    is_gain: bool,
    /// The address that leads to the receipt of a purchase.
    receipt: Option<String>,
}

async fn show(
    State(state): State<AppState>,
    member: Member,
    RawQuery(query): RawQuery,
    Cursor(cursor): Cursor,
) -> Response {
    let frame = Frame::of_member(&member.author, "/credits");
    let pending = match state.app.payments.pending_credits(&member.author).await {
        Ok(credits) => credits,
        Err(error) => return Problem::from(error).into_response(),
    };
    let found = state.app.operator.credits(&AuthorSelector::Id(member.author), cursor.as_deref()).await;
    let (wallet, entries, next) = match found {
        Ok(found) => found,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let (t, f) = (member.t, frame);
    let lines = entries.into_iter().map(|entry| Line {
        created_at: Moment::new(entry.created_at),
        reason: t.reason(&entry.reason).to_owned(),
        note: entry.note.unwrap_or_default(),
        delta: format!("{:+}", entry.delta),
        is_gain: entry.delta > 0,
        receipt: entry
            .reference
            .filter(|_| entry.reason == LedgerReason::Purchase.as_str())
            .map(|payment| format!("/credits/receipt/{payment}")),
    });
    let shown = CreditsPage {
        t,
        f,
        available: wallet.available(),
        held: wallet.held,
        pending: (pending > 0)
            .then(|| state.app.payments.shop_count(member.profile.language, "shop-return-pending", pending)),
        packs: state.app.payments.offers(member.profile.language).unwrap_or_default(),
        entries: lines.collect(),
        lacks_receipt: query.is_some_and(|query| NO_RECEIPT == format!("/credits?{query}")),
        next,
    };
    page(StatusCode::OK, &shown)
}

/// Leads to Stripe's receipt of a purchase.
async fn receipt(State(state): State<AppState>, member: Member, PathId(payment): PathId) -> Response {
    match state.app.payments.receipt(&member.author, &PaymentId::new(payment)).await {
        Ok(url) => redirect(&url),
        Err(ReceiptError::NotFound) => not_found(member.t, Frame::of_member(&member.author, "/credits")),
        Err(ReceiptError::Stripe(_) | ReceiptError::TooMany) => redirect(NO_RECEIPT),
        Err(ReceiptError::Store(error)) => Problem::from(error).into_response(),
    }
}

/// The statement as CSV (RFC 4180), oldest entry last: at most 10,000 entries.
#[utoipa::path(
    get,
    path = "/api/credits.csv",
    tag = "money",
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The statement as CSV (RFC 4180).", body = String, content_type = "text/csv"),
        (status = 303, description = "A browser without a session is led to the login."),
    ),
)]
pub(crate) async fn csv(
    State(state): State<AppState>,
    headers: HeaderMap,
    member: Result<Member, Response>,
) -> Response {
    let member = match member {
        Ok(member) => member,
        // A browser is redirected to the login; a program gets a problem.
        Err(refusal) if refusal.status().is_redirection() && !accepts_pages(&headers) => {
            return Problem::new(Code::Unauthenticated).into_response();
        }
        Err(refusal) => return refusal,
    };
    // Pages of 50, which limits the file to some MB. If the statement is longer, the last line has the
    // address of the rest.
    const MAX_PAGES: usize = 200;
    let mut text = String::from("date,change,reason,note,reference\r\n");
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let found =
            state.app.operator.credits(&AuthorSelector::Id(member.author.clone()), cursor.as_deref()).await;
        let (_, entries, next) = match found {
            Ok(found) => found,
            Err(error) => return Problem::internal(&error).into_response(),
        };
        for entry in entries {
            let at = postly_app::rfc3339(entry.created_at);
            let fields = [
                at.as_str(),
                &entry.delta.to_string(),
                member.t.reason(&entry.reason),
                entry.note.as_deref().unwrap_or_default(),
                entry.reference.as_deref().unwrap_or_default(),
            ];
            text.push_str(&fields.map(csv_field).join(","));
            text.push_str("\r\n");
        }
        match next {
            Some(next) => cursor = Some(next),
            None => {
                cursor = None;
                break;
            }
        }
    }
    if let Some(next) = cursor {
        // Written in the file, so that a reader does not take it for the whole statement.
        text.push_str(&csv_field(&format!("/api/credits?cursor={next}")));
        text.push_str("\r\n");
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"postly-credits.csv\""),
    ];
    (headers, text).into_response()
}

/// Returns a quoted field. A leading formula sign is neutralized, because a spreadsheet would evaluate it.
fn csv_field(field: &str) -> String {
    let is_number = field.parse::<i64>().is_ok();
    let armed = !is_number && field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("\"{}{}\"", if armed { "'" } else { "" }, field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::csv_field;

    #[test]
    fn a_field_is_quoted_and_a_formula_is_disarmed() {
        for (field, expected) in [
            ("a", "\"a\""),
            ("a\"b", "\"a\"\"b\""),
            ("=1+1", "\"'=1+1\""),
            ("-3", "\"-3\""),
            ("+5", "\"+5\""),
        ] {
            assert_eq!(csv_field(field), expected);
        }
    }
}
