//! Checks of the account at Stripe: key, and the destination of events.

use postly_payments::{API_VERSION, EventDestination, Stripe, StripeConfig, StripeError};

use super::Finding;
use crate::config::ShopConfig;

const WEBHOOK_PATH: &str = "/api/stripe/webhook";

/// Examines the shop.
pub(super) async fn examine(shop: Option<&ShopConfig>, public: &str) -> Vec<Finding> {
    let Some(shop) = shop else {
        return vec![Finding::info(
            "stripe.missing",
            "STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET are not set",
            "Nothing is for sale: authors without credits are sent to the web site.",
            "Set both to sell packs.",
        )];
    };
    let config = StripeConfig {
        secret_key: shop.secret_key.clone(),
        api_base_url: shop.api_base_url.clone(),
        tax_code: shop.tax_code.clone(),
    };
    let Ok(stripe) = Stripe::new(config) else {
        return vec![Finding::error(
            "stripe.key",
            "STRIPE_SECRET_KEY or STRIPE_API_BASE_URL cannot be used in a request",
            "Nothing can be bought.",
            "Copy the key again from Stripe's dashboard, Developers, API keys.",
        )];
    };
    let (key, destinations) = tokio::join!(stripe.check_key(), stripe.event_destinations());
    let mut findings = vec![];
    if let Err(error) = key {
        findings.push(refused(&error, &shop.api_base_url));
        return findings;
    }
    if stripe.livemode() == Some(false) && public.starts_with("https://") {
        findings.push(Finding::warning(
            "stripe.test_mode",
            "STRIPE_SECRET_KEY is a key of test mode",
            "Buyers get credits for test cards, and nobody pays.",
            "Set the key and the webhook secret of live mode before you open the shop.",
        ));
    }
    match destinations {
        Ok(destinations) => findings.extend(webhook(&destinations, public)),
        Err(error) => findings.push(Finding::info(
            "stripe.webhook_unknown",
            format!("Stripe does not show where events go: {error}"),
            "A restricted key may not be allowed to read event destinations. Without a webhook payments are granted by the \
             hourly sweep and by the return page alone, and refunds are not seen.",
            format!("Look in Stripe's dashboard, Workbench, Webhooks, for {public}{WEBHOOK_PATH}."),
        )),
    }
    findings
}

fn refused(error: &StripeError, base_url: &str) -> Finding {
    match error {
        StripeError::Refused { status: 401, .. } => Finding::error(
            "stripe.key",
            "Stripe refuses STRIPE_SECRET_KEY",
            "Nothing can be bought.",
            "Make a key in Stripe's dashboard, Developers, API keys, and set STRIPE_SECRET_KEY.",
        ),
        StripeError::Refused { status: 403, .. } => Finding::error(
            "stripe.permission",
            "STRIPE_SECRET_KEY may not read Checkout Sessions",
            "Packs cannot be sold, or paid ones not granted when the webhook fails.",
            "Give the restricted key write permission for Checkout Sessions and refunds, and read permission for PaymentIntents, \
             charges and event destinations.",
        ),
        StripeError::Refused { status, .. } => Finding::error(
            "stripe.refused",
            format!("Stripe refuses to list Checkout Sessions (status {status})"),
            "Nothing can be bought.",
            "Read the logs in Stripe's dashboard, Developers.",
        ),
        StripeError::Unavailable(_) => Finding::error(
            "stripe.unreachable",
            format!("{base_url} does not answer within 5 s"),
            "Nothing can be bought while this lasts.",
            "Check the network, the firewall and STRIPE_API_BASE_URL; see status.stripe.com.",
        ),
    }
}

fn webhook(destinations: &[EventDestination], public: &str) -> Vec<Finding> {
    let ours = format!("{public}{WEBHOOK_PATH}");
    let add = format!(
        "In Stripe's dashboard, Workbench, Webhooks, add a destination of payload style snapshot to {ours} with the events \
         checkout.session.*, charge.succeeded, charge.refunded, refund.* and charge.dispute.*, and set its secret as \
         STRIPE_WEBHOOK_SECRET."
    );
    let here = || destinations.iter().filter(|destination| destination.url == ours);
    let Some(destination) = here().find(|destination| destination.is_snapshot).or_else(|| here().next())
    else {
        return vec![Finding::error(
            "stripe.webhook_missing",
            format!("No event destination at Stripe goes to {ours}"),
            "Payments are granted late, by the hourly sweep, and refunds and disputes are never seen.",
            add,
        )];
    };
    let mut findings = vec![];
    if !destination.is_snapshot {
        findings.push(Finding::error(
            "stripe.webhook_thin",
            "The event destination at Stripe sends thin events",
            "A thin event does not hold its object: it is ignored, and nothing is granted by it.",
            add.clone(),
        ));
    }
    if !destination.is_enabled {
        findings.push(Finding::error(
            "stripe.webhook_disabled",
            "The event destination at Stripe is disabled",
            "No event arrives. Stripe disables a destination that fails for days.",
            "Enable it in Stripe's dashboard, Workbench, Webhooks, and resend what failed.",
        ));
    }
    let missing = destination.missing_events();
    if destination.is_snapshot && !missing.is_empty() {
        findings.push(Finding::error(
            "stripe.webhook_events",
            format!("The event destination at Stripe does not send {}", missing.join(", ")),
            "Payments, refunds or disputes go unseen.",
            add,
        ));
    }
    let version = destination.api_version.as_deref().unwrap_or(API_VERSION);
    if version < "2020" || version.get(..4) > API_VERSION.get(..4) {
        findings.push(Finding::warning(
            "stripe.webhook_version",
            format!("The event destination at Stripe writes version {version} of the API; this service knows {API_VERSION}"),
            "Fields may have moved: an event that cannot be read grants nothing and raises an alert.",
            format!("Add a destination with API version {API_VERSION}, and delete this one."),
        ));
    }
    findings
}
