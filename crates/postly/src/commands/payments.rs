//! `postly payments`.

use postly_app::{RefundOrder, RefundPaymentError, admin::RefundRequest, rfc3339};
use postly_domain::{
    AdminAction, Language, RefundReason,
    id::PaymentId,
    refund::{RefundState, RequestState},
};
use serde_json::json;

use super::{Failure, desk::Desk, say, say_json};
use crate::cli::{PaymentRefund, PaymentsCommand};

/// `postly payments`.
pub(crate) async fn run(command: PaymentsCommand) -> Result<(), Failure> {
    match command {
        PaymentsCommand::List { who, output } => {
            let desk = Desk::open().await?;
            let lines = desk.admin.payments_of(&desk.who(&who).await?).await?;
            if output.json {
                let lines: Vec<_> = lines
                    .iter()
                    .map(|line| {
                        json!({
                            "id": line.id.as_ref().map(PaymentId::as_str),
                            "pack": line.pack,
                            "credits": line.credits,
                            "takenBack": line.taken_back,
                            "state": line.state.as_str(),
                            "amount": line.paid.amount,
                            "refundable": line.left.amount,
                            "currency": line.paid.currency.as_str(),
                            "disputed": line.is_disputed,
                            "refundOpen": line.is_refund_open,
                            "createdAt": rfc3339(line.created_at),
                        })
                    })
                    .collect();
                say_json(&lines.into());
            } else if lines.is_empty() {
                say("This author has paid nothing.");
            } else {
                for line in &lines {
                    let disputed = if line.is_disputed { "  disputed" } else { "" };
                    let open = if line.is_refund_open { "  a refund waits for Stripe's answer" } else { "" };
                    say(&format!(
                        "{}  {}  {}  {} ({} left to refund)  {} credits, {} taken back{disputed}{open}",
                        rfc3339(line.created_at),
                        line.id.as_ref().map_or("-", PaymentId::as_str),
                        line.state.as_str(),
                        line.paid.display(Language::En),
                        line.left.display(Language::En),
                        line.credits,
                        line.taken_back,
                    ));
                }
            }
            Ok(())
        }
        PaymentsCommand::Refund(args) => refund(&args).await,
    }
}

/// `postly payments refund`.
async fn refund(args: &PaymentRefund) -> Result<(), Failure> {
    let desk = Desk::open_with_shop().await?;
    let payment = PaymentId::new(args.id.clone());
    let reason = RefundReason::from(args.reason);
    let made_by = args.by.as_deref();
    let subject =
        desk.admin.payment_page(&payment).await?.map_or_else(String::new, |found| found.author.to_string());
    let amount = args.amount.as_deref().unwrap_or_default();
    let all = if amount.is_empty() { "all that is left" } else { amount };
    let note = format!("{all} of payment {payment} ({}): {}", reason.as_str(), args.note);
    let order = RefundOrder { payment: &payment, amount, reason, made_by, form_key: None };
    let work = desk.payments.refund_payment(&order);
    let act = desk.act(AdminAction::RefundPayment, &subject, &note, made_by, work);
    match act.await {
        Ok(request) => {
            tell(&request, args.output.json);
            // The money stayed with us.
            if request.refund_state == Some(RefundState::Failed) { Err(Failure::Silent) } else { Ok(()) }
        }
        Err(RefundPaymentError::NoShop) => Err(Failure::Usage(
            "STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET are missing: a refund is made at Stripe".to_owned(),
        )),
        Err(error) => Err(Failure::Failed(error.into())),
    }
}

fn tell(request: &RefundRequest, is_json: bool) {
    let state = request.refund_state.map(RefundState::as_str);
    if is_json {
        say_json(&json!({
            "id": request.id,
            "payment": request.payment.as_str(),
            "refund": request.refund,
            "amount": request.amount.amount,
            "currency": request.amount.currency.as_str(),
            "state": state.unwrap_or(RequestState::Made.as_str()),
        }));
    } else {
        say(&format!(
            "Refund {} of {}: {}.",
            request.refund.as_deref().unwrap_or_default(),
            request.amount.display(Language::En),
            state.unwrap_or("made")
        ));
    }
}

impl From<crate::cli::Reason> for RefundReason {
    fn from(reason: crate::cli::Reason) -> Self {
        match reason {
            crate::cli::Reason::RequestedByCustomer => Self::RequestedByCustomer,
            crate::cli::Reason::Duplicate => Self::Duplicate,
            crate::cli::Reason::Fraudulent => Self::Fraudulent,
        }
    }
}
