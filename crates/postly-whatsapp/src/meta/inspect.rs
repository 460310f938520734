//! Meta's answers about a token, a number, templates and webhooks (developers.facebook.com, WhatsApp Business
//! Platform, and Graph API: `debug_token`, `/{app}/subscriptions`; read on 2026-11-30).

use postly_domain::PhoneE164;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::inbound::displayed_number;
use crate::{
    MetaConfig,
    inspect::{InspectError, Inspected, Inspector, ask, objects, text, texts, url},
};

/// The permission to read the account, and the one to send.
const MANAGEMENT: &str = "whatsapp_business_management";

/// An access token, as Meta describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaToken {
    /// True unless it has expired or was revoked.
    pub is_valid: bool,
    /// The app of the token.
    pub app_id: String,
    /// The end of the token in seconds since the epoch; `None` if it has none.
    pub expires_at_s: Option<i64>,
    /// The granted permissions.
    pub scopes: Vec<String>,
    /// The WhatsApp Business Accounts that it may manage; also empty if Meta lists none.
    pub accounts: Vec<String>,
}

/// A business number, as Meta describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaNumber {
    /// The number as people see it.
    pub display: String,
    /// `CONNECTED`, or the state that keeps it from sending.
    pub status: Option<String>,
    /// `GREEN`, `YELLOW`, `RED` or `UNKNOWN`.
    pub quality: Option<String>,
    /// The address that receives its webhooks.
    pub callback: Option<String>,
    /// Meta's time: the `Date` of the answer.
    pub date: Option<String>,
}

impl MetaNumber {
    /// Returns the number, unless the displayed form cannot be read.
    pub fn phone(&self) -> Option<PhoneE164> {
        displayed_number(&self.display)
    }
}

/// One translation of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaTemplate {
    /// The language, as Meta names it.
    pub language: String,
    /// `APPROVED`, or the state that keeps it from being sent.
    pub status: String,
    /// `AUTHENTICATION`, `UTILITY` or `MARKETING`.
    pub category: String,
}

/// The webhook of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaSubscription {
    /// The address that receives it.
    pub callback: String,
    /// True while Meta delivers to it.
    pub is_active: bool,
    /// The subscribed fields.
    pub fields: Vec<String>,
}

impl Inspector {
    /// Describes the access token.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn meta_token(&self, config: &MetaConfig) -> Result<MetaToken, InspectError> {
        let query = [("input_token", config.access_token.expose_secret())];
        let found = self.graph(config, &["debug_token"], &query).await?;
        let data = found.body.get("data").ok_or(InspectError::Unreadable)?;
        let granted = objects(data, "granular_scopes");
        let of_management = granted.filter(|granted| text(granted, "scope").as_deref() == Some(MANAGEMENT));
        Ok(MetaToken {
            is_valid: data.get("is_valid").and_then(Value::as_bool).unwrap_or(false),
            app_id: text(data, "app_id").unwrap_or_default(),
            expires_at_s: data.get("expires_at").and_then(Value::as_i64).filter(|end| *end != 0),
            scopes: texts(data, "scopes"),
            accounts: of_management.flat_map(|granted| texts(granted, "target_ids")).collect(),
        })
    }

    /// Describes the business number.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn meta_number(&self, config: &MetaConfig) -> Result<MetaNumber, InspectError> {
        let fields = "display_phone_number,verified_name,quality_rating,status,webhook_configuration";
        let Inspected { body, date } =
            self.graph(config, &[&config.phone_number_id], &[("fields", fields)]).await?;
        let webhooks = body.get("webhook_configuration");
        // The order in which Meta looks for an address.
        let callback = ["phone_number", "whatsapp_business_account", "application"]
            .iter()
            .find_map(|level| text(webhooks?, level).filter(|url| !url.is_empty()));
        Ok(MetaNumber {
            display: text(&body, "display_phone_number").ok_or(InspectError::Unreadable)?,
            status: text(&body, "status"),
            quality: text(&body, "quality_rating"),
            callback,
            date,
        })
    }

    /// Lists the translations of the template of codes in an account.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn meta_templates(
        &self,
        config: &MetaConfig,
        account: &str,
    ) -> Result<Vec<MetaTemplate>, InspectError> {
        let query = [
            ("name", config.otp_template.as_str()),
            ("fields", "name,language,status,category"),
            ("limit", "100"),
        ];
        let found = self.graph(config, &[account, "message_templates"], &query).await?;
        // Meta also returns names that contain the text.
        let own = objects(&found.body, "data")
            .filter(|template| text(template, "name").as_ref() == Some(&config.otp_template));
        let read = |template: &Value| {
            Some(MetaTemplate {
                language: text(template, "language")?,
                status: text(template, "status")?,
                category: text(template, "category").unwrap_or_default(),
            })
        };
        Ok(own.filter_map(read).collect())
    }

    /// Lists the apps to which an account sends its webhooks.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn meta_subscribed_apps(
        &self,
        config: &MetaConfig,
        account: &str,
    ) -> Result<Vec<String>, InspectError> {
        let found = self.graph(config, &[account, "subscribed_apps"], &[]).await?;
        let apps = objects(&found.body, "data").filter_map(|app| app.get("whatsapp_business_api_data"));
        Ok(apps.filter_map(|app| text(app, "id")).collect())
    }

    /// Describes the webhook of an app for WhatsApp; `None` if it has none. It needs the app's own secret.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn meta_subscription(
        &self,
        config: &MetaConfig,
        app_id: &str,
        app_secret: &SecretString,
    ) -> Result<Option<MetaSubscription>, InspectError> {
        let url = url(&config.base_url, &[&config.version, app_id, "subscriptions"], &[])?;
        let token = format!("{app_id}|{}", app_secret.expose_secret());
        let found = ask(self.get(url).bearer_auth(token), code).await?;
        let subscription = objects(&found.body, "data").find(|subscription| {
            text(subscription, "object").as_deref() == Some("whatsapp_business_account")
        });
        Ok(subscription.map(|subscription| MetaSubscription {
            callback: text(subscription, "callback_url").unwrap_or_default(),
            is_active: subscription.get("active").and_then(Value::as_bool).unwrap_or(false),
            fields: objects(subscription, "fields")
                .filter_map(|field| text(field, "name").or_else(|| field.as_str().map(str::to_owned)))
                .collect(),
        }))
    }

    async fn graph(
        &self,
        config: &MetaConfig,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Inspected, InspectError> {
        let segments = [&[config.version.as_str()], path].concat();
        let url = url(&config.base_url, &segments, query)?;
        ask(self.get(url).bearer_auth(config.access_token.expose_secret()), code).await
    }
}

fn code(body: &Value) -> Option<i64> {
    body.get("error")?.get("code")?.as_i64()
}
