//! Twilio's answers about the account, its WhatsApp senders and the content of codes (twilio.com/docs:
//! Accounts, Senders API and Content API; read on 2026-11-30).

use secrecy::ExposeSecret;
use serde_json::Value;

use crate::{
    TwilioConfig,
    inspect::{InspectError, Inspector, ask, objects, text, url},
    send::TWILIO_API,
};

/// The hosts of the other two APIs; a stand-in serves all of them.
const MESSAGING: &str = "https://messaging.twilio.com";
const CONTENT: &str = "https://content.twilio.com";

/// The account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwilioAccount {
    /// `active`, `suspended` or `closed`.
    pub status: String,
    /// True for an account that is not paid for yet: it reaches verified numbers only.
    pub is_trial: bool,
}

/// A WhatsApp sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwilioSender {
    /// `ONLINE`, or the state that keeps it from sending.
    pub status: String,
    /// The address that receives its messages.
    pub callback: Option<String>,
}

/// The content of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwilioContent {
    /// True if it is an authentication template.
    pub is_authentication: bool,
    /// The decision of WhatsApp: `approved`, `pending`, `rejected`, `unsubmitted` and others.
    pub approval: String,
}

impl Inspector {
    /// Describes the account.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn twilio_account(&self, config: &TwilioConfig) -> Result<TwilioAccount, InspectError> {
        let file = format!("{}.json", config.account_sid);
        let body = self.twilio(config, TWILIO_API, &["2010-04-01", "Accounts", &file], &[]).await?;
        Ok(TwilioAccount {
            status: text(&body, "status").ok_or(InspectError::Unreadable)?,
            is_trial: text(&body, "type").as_deref() == Some("Trial"),
        })
    }

    /// Describes the sender; `None` if the account has no such WhatsApp sender.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn twilio_sender(&self, config: &TwilioConfig) -> Result<Option<TwilioSender>, InspectError> {
        let query = [("Channel", "whatsapp"), ("PageSize", "1000")];
        let body = self.twilio(config, MESSAGING, &["v2", "Channels", "Senders"], &query).await?;
        let digits = |number: &str| number.chars().filter(char::is_ascii_digit).collect::<String>();
        let own = objects(&body, "senders")
            .find(|sender| text(sender, "sender_id").is_some_and(|id| digits(&id) == digits(&config.from)));
        let callback = |sender: &Value| text(sender.get("webhook")?, "callback_url");
        Ok(own.map(|sender| TwilioSender {
            status: text(sender, "status").unwrap_or_default(),
            callback: callback(sender).filter(|url| !url.is_empty()),
        }))
    }

    /// Describes the content of codes; `None` if the account has no content with this id.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn twilio_content(
        &self,
        config: &TwilioConfig,
        sid: &str,
    ) -> Result<Option<TwilioContent>, InspectError> {
        let found = self.twilio(config, CONTENT, &["v1", "Content", sid], &[]).await;
        let body = match found {
            Ok(body) => body,
            Err(InspectError::Refused { status: 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_authentication =
            body.get("types").is_some_and(|types| types.get("whatsapp/authentication").is_some());
        let approval = self.twilio(config, CONTENT, &["v1", "Content", sid, "ApprovalRequests"], &[]).await?;
        let approval = approval.get("whatsapp").and_then(|whatsapp| text(whatsapp, "status"));
        Ok(Some(TwilioContent { is_authentication, approval: approval.unwrap_or_default() }))
    }

    async fn twilio(
        &self,
        config: &TwilioConfig,
        host: &str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Value, InspectError> {
        let base = config.api_base_url.trim_end_matches('/');
        let base = if base == TWILIO_API { host } else { base };
        let request = self.get(url(base, path, query)?);
        let token = config.auth_token.expose_secret();
        let code = |body: &Value| body.get("code")?.as_i64();
        Ok(ask(request.basic_auth(&config.account_sid, Some(token)), code).await?.body)
    }
}
