//! Checks of the account at Twilio: credentials, sender, and the content of codes.

use postly_whatsapp::{
    TwilioConfig, WEBHOOK_PATH,
    inspect::{InspectError, Inspector, TwilioAccount, TwilioContent, TwilioSender},
};

use super::Finding;
use crate::config::Twilio;

/// The number of Twilio's sandbox, which reaches only people who have joined it.
const SANDBOX: &str = "14155238886";

/// Examines the account.
pub(super) async fn examine(inspector: &Inspector, account: &Twilio, public: &str) -> Vec<Finding> {
    let config = &account.send;
    let content = async {
        match &config.otp_content_sid {
            Some(sid) => Some(inspector.twilio_content(config, sid).await),
            None => None,
        }
    };
    let (found, sender, content) =
        tokio::join!(inspector.twilio_account(config), inspector.twilio_sender(config), content);
    let found = match found {
        Ok(found) => found,
        Err(error) => return vec![refused(config, &error)],
    };
    let mut findings = vec![];
    account_findings(&found, &mut findings);
    match sender {
        Ok(sender) => findings.extend(sender_findings(config, sender, public)),
        Err(error) => findings.push(odd("the senders", &error)),
    }
    match content {
        None => findings.push(Finding::warning(
            "twilio.content_missing",
            "TWILIO_OTP_CONTENT_SID is not set",
            "No code leaves through Twilio outside the 24-hour window: nobody can log in on the web who has not just \
             written.",
            create(),
        )),
        Some(Ok(content)) => findings.extend(content_findings(content)),
        Some(Err(error)) => findings.push(odd("the content of codes", &error)),
    }
    findings
}

fn refused(config: &TwilioConfig, error: &InspectError) -> Finding {
    match error {
        InspectError::Refused { status: 401 | 403 | 404, .. } => Finding::error(
            "twilio.credentials",
            "Twilio refuses TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN",
            "No message leaves through Twilio, and no webhook of it is believed.",
            "Copy both from the Twilio Console, Account info (the primary token: only that one signs webhooks). While it \
             rotates, set the new one before the old one, separated by a comma.",
        ),
        InspectError::Unreachable => Finding::error(
            "twilio.unreachable",
            format!("{} does not answer within 5 s", config.api_base_url),
            "No message leaves through Twilio while this lasts.",
            "Check the network, the firewall and TWILIO_API_BASE_URL; see status.twilio.com.",
        ),
        error => odd("the account", error),
    }
}

fn odd(what: &str, error: &InspectError) -> Finding {
    Finding::warning(
        "twilio.unclear",
        format!("Twilio did not describe {what}: {error}"),
        "This check could not be made.",
        "Run postly doctor again; if it stays, look the code up in Twilio's error dictionary.",
    )
}

fn account_findings(account: &TwilioAccount, findings: &mut Vec<Finding>) {
    if account.status != "active" {
        findings.push(Finding::error(
            "twilio.account_status",
            format!("The account at Twilio is {}", account.status),
            "Twilio sends nothing for it.",
            "Settle what the Twilio Console names at its top (often an unpaid balance).",
        ));
    }
    if account.is_trial {
        findings.push(Finding::warning(
            "twilio.trial",
            "The account at Twilio is a trial",
            "It reaches only numbers that were verified in the Console, 50 messages a day.",
            "Upgrade the account in the Twilio Console, Billing.",
        ));
    }
}

fn sender_findings(config: &TwilioConfig, sender: Option<TwilioSender>, public: &str) -> Vec<Finding> {
    let digits: String = config.from.chars().filter(char::is_ascii_digit).collect();
    if digits == SANDBOX {
        return vec![Finding::warning(
            "twilio.sandbox",
            "TWILIO_WHATSAPP_FROM is Twilio's sandbox",
            "It reaches only people who joined it within three days, one message each three seconds.",
            "Register a sender of your own (Twilio Console, Messaging, Senders, WhatsApp senders).",
        )];
    }
    let ours = format!("{public}{WEBHOOK_PATH}");
    let Some(sender) = sender else {
        return vec![Finding::error(
            "twilio.sender",
            "The account at Twilio has no WhatsApp sender with the number in TWILIO_WHATSAPP_FROM",
            "Every message is refused with error 63007.",
            "Set TWILIO_WHATSAPP_FROM to a number in the Twilio Console, Messaging, Senders, WhatsApp senders.",
        )];
    };
    let mut findings = vec![];
    if !sender.status.starts_with("ONLINE") {
        findings.push(Finding::error(
            "twilio.sender_offline",
            format!("The WhatsApp sender at Twilio is {}", sender.status),
            "It sends nothing until it is ONLINE.",
            "Read the reasons in the Twilio Console, Messaging, Senders, WhatsApp senders.",
        ));
    }
    if sender.callback.as_deref() != Some(ours.as_str()) {
        let goes_to = sender.callback.as_deref().unwrap_or("no address");
        findings.push(Finding::error(
            "twilio.callback",
            format!("The messages of the sender go to {goes_to}, not to {ours}"),
            "No message of an author arrives here.",
            format!("Set the sender's webhook URL for incoming messages to {ours}, method POST."),
        ));
    }
    findings
}

fn content_findings(content: Option<TwilioContent>) -> Vec<Finding> {
    let Some(content) = content else {
        return vec![Finding::error(
            "twilio.content_unknown",
            "The account at Twilio has no content with the id in TWILIO_OTP_CONTENT_SID",
            "Every code outside the 24-hour window is refused with error 21655.",
            create(),
        )];
    };
    let mut findings = vec![];
    if !content.is_authentication {
        findings.push(Finding::error(
            "twilio.content_kind",
            "TWILIO_OTP_CONTENT_SID names content that is not of type whatsapp/authentication",
            "WhatsApp takes codes in authentication templates only.",
            create(),
        ));
    }
    if content.approval != "approved" {
        let state = if content.approval.is_empty() { "not submitted" } else { &content.approval };
        findings.push(Finding::error(
            "twilio.content_approval",
            format!("WhatsApp's approval of the content of codes: {state}"),
            "Codes outside the 24-hour window are refused until it is approved.",
            format!(
                "Submit it, or read the reason in the Twilio Console, Content Template Builder: {APPROVE}"
            ),
        ));
    }
    findings
}

const APPROVE: &str = "curl -X POST \"https://content.twilio.com/v1/Content/$SID/ApprovalRequests/whatsapp\" -u \
     \"$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN\" -H 'Content-Type: application/json' -d \
     '{\"name\":\"postly_code\",\"category\":\"AUTHENTICATION\"}'";

/// The requests that create the content and submit it for approval. The credentials stay variables.
fn create() -> String {
    let body = serde_json::json!({
        "friendly_name": "postly_code",
        "language": "fr",
        "types": {"whatsapp/authentication": {
            "add_security_recommendation": true,
            "code_expiration_minutes": 10,
            "actions": [{"type": "COPY_CODE", "copy_code_text": "Copier le code"}],
        }},
    });
    format!(
        "curl -X POST 'https://content.twilio.com/v1/Content' -u \"$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN\" -H \
         'Content-Type: application/json' -d '{body}'; with the sid in the answer as SID: {APPROVE}; then set \
         TWILIO_OTP_CONTENT_SID to it"
    )
}
