//! `/admin/payments/{id}`: one payment, and the form that refunds it in two steps.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use postly_app::{
    Admin, RefundOrder, RefundPaymentError,
    admin::{Act, PaymentLine, PaymentPage, RefundRequest},
    explain_refusal,
};
use postly_domain::{
    AdminAction, Language, Money, RefundReason, UnixMillis,
    id::PaymentId,
    payment::{CheckoutState, Dispute, DisputeEnd},
    refund::RequestState,
};
use serde::Deserialize;

use super::{
    AUTHORS, AdminState, Shell,
    act::{is_key, refused},
    not_found, page, redirect, say,
    session::{Operator, OwnForm},
};
use crate::{extract::PathId, pages::moment::Moment, problem::Problem};

pub(super) fn router() -> Router<AdminState> {
    Router::new()
        .route("/admin/payments/{id}", get(show))
        .route("/admin/payments/{id}/check", post(check))
        .route("/admin/payments/{id}/refund", post(refund))
}

/// An amount on the operator's pages, which are in English.
pub(super) fn shown(money: &Money) -> String {
    money.display(Language::En)
}

/// The state of a payment in words.
pub(super) fn state_of(line: &PaymentLine) -> String {
    let state = match line.state {
        CheckoutState::Open => "not paid yet",
        CheckoutState::Expired => "expired",
        CheckoutState::Pending => "pending: the money has not come yet",
        CheckoutState::Failed => "failed: the money did not come",
        CheckoutState::Paid => "paid",
    };
    let mut words = vec![state.to_owned()];
    if line.left.amount < line.paid.amount && line.state == CheckoutState::Paid {
        let refunded = line.paid.amount - line.left.amount;
        words.push(format!("{} refunded", shown(&Money { amount: refunded, ..line.paid.clone() })));
    }
    if line.is_disputed {
        words.push("disputed".to_owned());
    }
    if line.is_refund_open {
        words.push("a refund waits for Stripe's answer".to_owned());
    }
    words.join(", ")
}

#[derive(Template)]
#[template(path = "admin/payment.html")]
struct ShowPage {
    s: Shell,
    id: String,
    p: PaymentPage,
    paid: String,
    left: String,
    state: String,
    can_refund: bool,
    created_at: Moment,
    error: String,
}

impl ShowPage {
    fn moment(&self, at: &UnixMillis) -> Moment {
        Moment::new(*at)
    }

    fn money(&self, money: &Money) -> String {
        shown(money)
    }

    fn dispute(&self, dispute: &Dispute) -> &'static str {
        match dispute.end {
            None => "open",
            Some(DisputeEnd::Lost) => "lost",
            Some(DisputeEnd::WarningClosed) => "closed as an inquiry",
            Some(DisputeEnd::Won) => "won",
        }
    }

    fn outcome(&self, request: &RefundRequest) -> String {
        let code = request.code.as_deref().unwrap_or("no answer");
        match (request.state, request.refund_state) {
            (RequestState::Open, _) => format!(
                "Stripe has not answered ({code}) after {} calls. The service asks again with the same key, so that it is \
                 refunded once: do not refund it in Stripe's dashboard as well.",
                request.tries
            ),
            (RequestState::Made, Some(state)) => state.as_str().to_owned(),
            (RequestState::Made, None) => "made".to_owned(),
            (RequestState::Refused, _) => {
                format!("refused, nothing was refunded: {}", explain_refusal(code))
            }
            (RequestState::NotMade, _) => {
                "not made: Stripe never answered, and lists no such refund".to_owned()
            }
        }
    }
}

async fn shown_payment(
    state: &AdminState,
    operator: &Operator,
    id: String,
    status: StatusCode,
    error: String,
) -> Result<Response, Problem> {
    let Some(found) = state.app.admin.payment_page(&PaymentId::new(id.clone())).await? else {
        return Ok(not_found(operator, AUTHORS));
    };
    let subject = found.author.as_str();
    let note = format!("payment {id}");
    let view = Act { operator: operator.name(), action: AdminAction::ViewAuthor, subject, note: &note };
    state.app.admin.note_view(&view).await?;
    let line = &found.line;
    let template = ShowPage {
        s: Shell::of(operator, AUTHORS),
        paid: shown(&line.paid),
        left: shown(&line.left),
        state: state_of(line),
        can_refund: line.state == CheckoutState::Paid && line.left.amount > 0 && !line.is_refund_open,
        created_at: Moment::new(line.created_at),
        id,
        p: found,
        error,
    };
    Ok(page(status, &template))
}

async fn show(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    shown_payment(&state, &operator, id, StatusCode::OK, String::new()).await
}

#[derive(Deserialize)]
struct CheckForm {
    #[serde(default)]
    amount: String,
    reason: String,
    note: String,
}

#[derive(Template)]
#[template(path = "admin/refund.html")]
struct CheckPage {
    s: Shell,
    id: String,
    amount: String,
    typed: String,
    credits: i64,
    owed: i64,
    reason: RefundReason,
    note: String,
    key: String,
}

/// The first step: shows what the refund would do, and changes nothing.
async fn check(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
    OwnForm(form): OwnForm<CheckForm>,
) -> Result<Response, Problem> {
    let note = form.note.trim();
    let Some(reason) = RefundReason::parse(&form.reason).filter(|_| !note.is_empty()) else {
        let error = "Choose a reason, and write why: it stands in the log.".to_owned();
        return shown_payment(&state, &operator, id, StatusCode::UNPROCESSABLE_ENTITY, error).await;
    };
    let preview = match state.app.payments.preview_refund(&PaymentId::new(id.clone()), &form.amount).await {
        Ok(preview) => preview,
        Err(RefundPaymentError::UnknownPayment) => return Ok(not_found(&operator, AUTHORS)),
        Err(RefundPaymentError::Store(error)) => return Err(error.into()),
        Err(error) => {
            let error = format!("Nothing was changed: {error}.");
            return shown_payment(&state, &operator, id, StatusCode::UNPROCESSABLE_ENTITY, error).await;
        }
    };
    let template = CheckPage {
        s: Shell::of(&operator, AUTHORS),
        id,
        amount: shown(&preview.amount),
        // The amount that was shown, also if it was left empty and something changes before the second step.
        typed: preview.amount.plain(),
        credits: preview.credits,
        owed: preview.owed,
        reason,
        note: note.to_owned(),
        key: Admin::admin_token().map_err(|error| Problem::internal(&error))?,
    };
    Ok(page(StatusCode::OK, &template))
}

#[derive(Deserialize)]
struct RefundForm {
    amount: String,
    reason: String,
    note: String,
    key: String,
}

/// The second step: refunds.
async fn refund(
    State(state): State<AdminState>,
    operator: Operator,
    PathId(id): PathId,
    OwnForm(form): OwnForm<RefundForm>,
) -> Result<Response, Problem> {
    let back = format!("/admin/payments/{id}");
    let (note, amount) = (form.note.trim(), form.amount.trim());
    let reason = RefundReason::parse(&form.reason);
    let Some(reason) = reason.filter(|_| !note.is_empty() && !amount.is_empty() && is_key(&form.key)) else {
        let text = "Open the payment again, and fill in its form.";
        let shell = Shell::of(&operator, AUTHORS);
        return Ok(say(StatusCode::UNPROCESSABLE_ENTITY, shell, "Not done", text, &back));
    };
    let payment = PaymentId::new(id);
    let Some(found) = state.app.admin.payment_page(&payment).await? else {
        return Ok(not_found(&operator, AUTHORS));
    };
    let name = operator.name();
    let order = RefundOrder {
        payment: &payment,
        amount,
        reason,
        made_by: Some(name.as_str()),
        form_key: Some(&form.key),
    };
    let subject = found.author.as_str();
    let recorded = format!("{amount} of payment {payment} ({}): {note}", reason.as_str());
    let act = Act { operator: name, action: AdminAction::RefundPayment, subject, note: &recorded };
    match state.app.admin.audited(&act, state.app.payments.refund_payment(&order)).await {
        // The page of the payment shows how far an open request is.
        Ok(_) | Err(RefundPaymentError::NoAnswer(_)) => Ok(redirect(&back)),
        Err(error) => Ok(refused(&operator, &error, &back)),
    }
}
