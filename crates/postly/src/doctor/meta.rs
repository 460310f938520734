//! Checks of the account at Meta: token, number, template, and the target of webhooks.

use postly_whatsapp::{
    MetaConfig, WEBHOOK_PATH,
    inspect::{InspectError, Inspector, MetaNumber, MetaSubscription, MetaToken},
};

use super::{Finding, database, template};
use crate::config::Meta;

/// A token that expires within this time must be replaced now.
const TOKEN_WARNING_DAYS: i64 = 14;
/// Meta's code for an invalid or expired token.
const INVALID_TOKEN: i64 = 190;
/// Without this field no message arrives; the others announce restrictions before authors notice them.
const NEEDED_FIELD: &str = "messages";
const SCOPES: [&str; 2] = ["whatsapp_business_messaging", "whatsapp_business_management"];

/// Examines the account.
pub(super) async fn examine(inspector: &Inspector, account: &Meta, public: &str) -> Vec<Finding> {
    let config = &account.send;
    let (token, number) = tokio::join!(inspector.meta_token(config), inspector.meta_number(config));
    let mut findings = vec![];
    let token = match token {
        Ok(token) if token.is_valid => Some(token),
        Ok(_)
        | Err(
            InspectError::Refused { code: INVALID_TOKEN, .. } | InspectError::Refused { status: 401, .. },
        ) => {
            findings.push(Finding::error(
                "meta.token",
                "Meta refuses META_ACCESS_TOKEN: it has expired, was revoked, or is none",
                "No message leaves through Meta.",
                "Make a token of a system user without an end (Business settings, System users, Generate token), with the \
                 permissions whatsapp_business_messaging and whatsapp_business_management, and set META_ACCESS_TOKEN.",
            ));
            return findings;
        }
        Err(InspectError::Unreachable) => {
            findings.push(unreachable(config));
            return findings;
        }
        Err(error) => {
            findings.push(odd("the token", &error));
            None
        }
    };
    if let Some(token) = &token {
        findings.extend(token_findings(token));
    }
    number_findings(config, number, &mut findings);
    if let Some(token) = token {
        findings.extend(account_findings(inspector, account, &token, public).await);
    }
    findings
}

fn unreachable(config: &MetaConfig) -> Finding {
    Finding::error(
        "meta.unreachable",
        format!("{} does not answer within 5 s", config.base_url),
        "No message leaves through Meta while this lasts.",
        "Check the network, the firewall and META_GRAPH_BASE_URL; see metastatus.com.",
    )
}

fn odd(what: &str, error: &InspectError) -> Finding {
    Finding::warning(
        "meta.unclear",
        format!("Meta did not describe {what}: {error}"),
        "This check could not be made.",
        "Run postly doctor again; if it stays, look the code up in Meta's page \"Error codes\".",
    )
}

fn token_findings(token: &MetaToken) -> Vec<Finding> {
    let mut findings = vec![];
    let missing: Vec<&str> =
        SCOPES.into_iter().filter(|scope| !token.scopes.iter().any(|has| has == scope)).collect();
    if !missing.is_empty() {
        findings.push(Finding::error(
            "meta.permissions",
            format!("META_ACCESS_TOKEN lacks {}", missing.join(" and ")),
            "Without whatsapp_business_messaging no message leaves; without whatsapp_business_management templates and \
             webhooks cannot be looked at.",
            "Make a new token of the system user with both permissions, and set META_ACCESS_TOKEN.",
        ));
    }
    if let Some(end) = token.expires_at_s {
        let days = (end - database::now_ms() / 1000) / 86_400;
        if days < TOKEN_WARNING_DAYS {
            findings.push(Finding::warning(
                "meta.token_expires",
                format!("META_ACCESS_TOKEN ends in {days} days"),
                "From then on no message leaves through Meta.",
                "Make a token of a system user without an end, and set META_ACCESS_TOKEN.",
            ));
        }
    }
    findings
}

fn number_findings(
    config: &MetaConfig,
    number: Result<MetaNumber, InspectError>,
    findings: &mut Vec<Finding>,
) {
    let number = match number {
        Ok(number) => number,
        Err(InspectError::Refused { status: 400..500, code }) => {
            findings.push(Finding::error(
                "meta.number",
                format!("Meta knows no number with the id of META_PHONE_NUMBER_ID for this token (code {code})"),
                "No message leaves, and those that arrive are taken for another number's.",
                "Copy the phone number id (not the number, and not the account's id) from WhatsApp Manager, API setup, \
                 and let the token's system user manage that account.",
            ));
            return;
        }
        Err(error) => {
            findings.push(odd("the number", &error));
            return;
        }
    };
    if let Some(status) = number.status.as_deref().filter(|status| *status != "CONNECTED") {
        findings.push(Finding::error(
            "meta.number_status",
            format!("The number {} is {status}, not CONNECTED", number.display),
            "It sends nothing until it is registered and not restricted.",
            format!(
                "Register it: POST {}/{}/{}/register with {{\"messaging_product\":\"whatsapp\",\"pin\":\"…\"}}, or read in \
                 WhatsApp Manager what restricts it.",
                config.base_url, config.version, config.phone_number_id
            ),
        ));
    }
    if number.quality.as_deref() == Some("RED") {
        findings.push(Finding::warning(
            "meta.number_quality",
            "Meta rates the quality of the number RED",
            "Authors block or report it; Meta lowers its limits and may stop it.",
            "Read the reasons in WhatsApp Manager, Insights, and what authors were sent lately.",
        ));
    }
    let date = number.date.as_deref().and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    if let Some(date) = date {
        // The header has whole seconds, and the response took up to 5 s.
        let ahead = date.timestamp().as_millisecond() - database::now_ms();
        if ahead.abs() > 10_000 {
            findings.extend(database::skew("clock.skew", "provider", ahead));
        }
    }
}

/// Examines the templates and webhooks of the business account, and the app's subscription.
async fn account_findings(
    inspector: &Inspector,
    account: &Meta,
    token: &MetaToken,
    public: &str,
) -> Vec<Finding> {
    let config = &account.send;
    let mut findings = vec![];
    let secret = account.app_secrets.first();
    let subscription = async {
        match secret {
            Some(secret) => Some(inspector.meta_subscription(config, &token.app_id, secret).await),
            None => None,
        }
    };
    let Some(waba) = token.accounts.first() else {
        findings.push(Finding::warning(
            "meta.account_unknown",
            "Meta does not name the WhatsApp Business Account of META_ACCESS_TOKEN",
            "Templates and the account's webhooks could not be looked at.",
            "Give the system user the account as an asset (Business settings, Accounts, WhatsApp accounts), and make a \
             new token.",
        ));
        if let Some(subscription) = subscription.await {
            findings.extend(webhook_findings(subscription, public));
        }
        return findings;
    };
    let (templates, apps, subscription) = tokio::join!(
        inspector.meta_templates(config, waba),
        inspector.meta_subscribed_apps(config, waba),
        subscription
    );
    match templates {
        Ok(templates) => findings.extend(template::examine(config, waba, &templates)),
        Err(error) => findings.push(odd("the templates", &error)),
    }
    match apps {
        Ok(apps) if apps.contains(&token.app_id) => {}
        Ok(_) => findings.push(Finding::error(
            "meta.app_not_subscribed",
            format!("The account {waba} sends its webhooks to other apps than {}", token.app_id),
            "No message of an author arrives.",
            format!(
                "curl -X POST '{}/{}/{waba}/subscribed_apps' -H \"Authorization: Bearer $META_ACCESS_TOKEN\"",
                config.base_url, config.version
            ),
        )),
        Err(error) => findings.push(odd("the subscribed apps", &error)),
    }
    if let Some(subscription) = subscription {
        findings.extend(webhook_findings(subscription, public));
    }
    findings
}

fn webhook_findings(
    subscription: Result<Option<MetaSubscription>, InspectError>,
    public: &str,
) -> Vec<Finding> {
    let ours = format!("{public}{WEBHOOK_PATH}");
    let register = format!(
        "In the app's dashboard, WhatsApp, Configuration: callback URL {ours}, verify token as in META_VERIFY_TOKEN, and \
         subscribe to the field messages."
    );
    match subscription {
        Err(InspectError::Refused { status: 400 | 401 | 403, .. }) => vec![Finding::error(
            "meta.app_secret",
            "META_APP_SECRET is not the secret of the app that META_ACCESS_TOKEN belongs to",
            "Every webhook of Meta is refused as not authentic, and no message arrives.",
            "Copy the app secret from the app's dashboard, App settings, Basic. While it rotates, set the new one before the \
             old one, separated by a comma.",
        )],
        Err(error) => vec![odd("the webhook", &error)],
        Ok(None) => vec![Finding::error(
            "meta.webhook_missing",
            "The app has no webhook for WhatsApp",
            "No message of an author arrives.",
            register,
        )],
        Ok(Some(webhook)) => {
            let mut findings = vec![];
            if webhook.callback != ours || !webhook.is_active {
                let state = if webhook.is_active { "goes to" } else { "is not active at" };
                findings.push(Finding::error(
                    "meta.callback",
                    format!("The app's webhook {state} {}, not {ours}", webhook.callback),
                    "No message of an author arrives here.",
                    register.clone(),
                ));
            }
            if !webhook.fields.iter().any(|field| field == NEEDED_FIELD) {
                findings.push(Finding::error(
                    "meta.fields",
                    "The app's webhook does not bring the field messages",
                    "Neither messages nor delivery statuses arrive.",
                    register,
                ));
            }
            findings
        }
    }
}
