//! The forms that Twilio posts to the service, field for field as captured.

use crate::attachment::Attachment;
use crate::config::TwilioAccount;
use crate::errors::twilio_message;
use crate::person::{MessageKind, Person};
use crate::world::{Accepted, MessageStatus};

/// Returns Twilio's address of a person: the number, or the business-scoped id if the number is hidden.
pub(crate) fn address(person: &Person) -> String {
    match &person.bsuid {
        Some(bsuid) if person.phone_hidden => format!("whatsapp:{bsuid}"),
        _ => format!("whatsapp:+{}", person.number),
    }
}

/// The fields of a file that can be had.
pub(crate) struct FileFields {
    content_type: String,
    url: String,
}

impl FileFields {
    /// The fields of a file of this message.
    pub(crate) fn of(base_url: &str, account: &TwilioAccount, message: &str, file: &Attachment) -> Self {
        // Twilio leaves the parameters of the type out.
        let content_type = file.file.content_type.split(';').next().unwrap_or_default().to_owned();
        let account = &account.account_sid;
        let message = message.replacen("SM", "MM", 1);
        let url = format!("{base_url}/2010-04-01/Accounts/{account}/Messages/{message}/Media/{}", file.sid());
        Self { content_type, url }
    }
}

/// Builds the form of a message to the service.
pub(crate) fn message(
    account: &TwilioAccount,
    person: &Person,
    id: &str,
    kind: &MessageKind,
    file: Option<&FileFields>,
) -> Vec<u8> {
    let (message_type, body, mut more) = content(account, kind);
    if let Some(FileFields { content_type, url }) = file {
        more.clear();
        more.push(("MediaContentType0".to_owned(), content_type.clone()));
        more.push(("MediaUrl0".to_owned(), url.clone()));
    }
    let media = if more.iter().any(|(name, _)| name == "MediaUrl0") { "1" } else { "0" };
    let from = address(person);
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("SmsMessageSid", id)
        .append_pair("NumMedia", media)
        .append_pair("ProfileName", &person.name);
    form.append_pair("MessageType", message_type).append_pair("SmsSid", id);
    if !person.phone_hidden {
        form.append_pair("WaId", &person.number);
    }
    form.append_pair("SmsStatus", "received").append_pair("Body", &body).append_pair("To", &account.from);
    form.append_pair("NumSegments", "1").append_pair("ReferralNumMedia", "0").append_pair("MessageSid", id);
    form.append_pair("AccountSid", &account.account_sid).append_pair("From", &from);
    form.append_pair("ApiVersion", "2010-04-01");
    if let Some(bsuid) = &person.bsuid {
        form.append_pair("ExternalUserId", &format!("whatsapp:{bsuid}"));
    }
    form.extend_pairs(more);
    form.finish().into_bytes()
}

/// Returns the type, the body, and the fields specific to the type.
fn content(account: &TwilioAccount, kind: &MessageKind) -> (&'static str, String, Vec<(String, String)>) {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let media = |content_type: &str| {
        let url = format!(
            "https://api.twilio.com/2010-04-01/Accounts/{}/Messages/MM33333333333333333333333333333333/Media/ME33333333333333333333333333333333",
            account.account_sid
        );
        vec![pair("MediaContentType0", content_type), ("MediaUrl0".to_owned(), url)]
    };
    match kind {
        MessageKind::Text(body) => ("text", body.clone(), Vec::new()),
        // The fields that Twilio's guide to click-to-WhatsApp ads names.
        MessageKind::FromAd(body) => (
            "text",
            body.clone(),
            vec![
                pair("ReferralBody", "Vos posts prêts en une minute"),
                pair("ReferralHeadline", "Écrivez-nous"),
                pair("ReferralSourceId", "120226305854810726"),
                pair("ReferralSourceType", "ad"),
                pair("ReferralSourceUrl", "https://fb.me/3cr4Wqqkv"),
            ],
        ),
        MessageKind::Reaction { message_id, emoji } => (
            "reaction",
            emoji.clone().unwrap_or_default(),
            vec![
                pair("OriginalRepliedMessageSid", message_id),
                pair("OriginalRepliedMessageSender", &account.from),
            ],
        ),
        MessageKind::Audio { .. } => ("audio", String::new(), media("audio/ogg")),
        MessageKind::Image { caption } => ("image", caption.clone().unwrap_or_default(), media("image/jpeg")),
        MessageKind::Recording(_) => ("audio", String::new(), Vec::new()),
        MessageKind::Photo { caption, .. } => ("image", caption.clone().unwrap_or_default(), Vec::new()),
        MessageKind::Video { caption } => ("video", caption.clone().unwrap_or_default(), media("video/mp4")),
        // Without a caption, the body is the name of the file.
        MessageKind::Document { caption } => {
            let body = caption.clone().unwrap_or_else(|| "menu.pdf".to_owned());
            ("document", body, media("application/pdf"))
        }
        MessageKind::Sticker => ("sticker", String::new(), media("image/webp")),
        MessageKind::Location => (
            "location",
            String::new(),
            vec![
                pair("Latitude", "45.764"),
                pair("Longitude", "4.8357"),
                pair("Address", "Lyon"),
                pair("Label", "Boutique"),
            ],
        ),
        MessageKind::Contacts | MessageKind::OwnNumber => ("contacts", String::new(), media("text/vcard")),
        MessageKind::Button { payload: id, text } | MessageKind::ButtonReply { id, title: text } => {
            let sid = "MM33333333333333333333333333333333";
            let fields = vec![
                pair("ButtonText", text),
                pair("ButtonPayload", id),
                pair("OriginalRepliedMessageSender", &account.from),
                pair("OriginalRepliedMessageSid", sid),
            ];
            ("button", text.clone(), fields)
        }
        MessageKind::ListReply { id, title } => {
            ("interactive", title.clone(), vec![pair("ListId", id), pair("ListTitle", title)])
        }
        MessageKind::Unsupported | MessageKind::Revoke { .. } | MessageKind::Edit { .. } => {
            ("unsupported", String::new(), Vec::new())
        }
        MessageKind::Unknown => ("hologram", String::new(), Vec::new()),
        MessageKind::ChangedNumber { new_number } => ("system", new_number.clone(), Vec::new()),
        MessageKind::ChangedUserId { new_bsuid } => ("system", new_bsuid.clone(), Vec::new()),
        MessageKind::ChangedIdentityKey => ("system", String::new(), Vec::new()),
    }
}

/// Returns Twilio's name of a status. Outside the window a message is "undelivered" rather than "failed".
pub(crate) fn status_name(status: MessageStatus, code: Option<i64>) -> &'static str {
    match (status, code) {
        (MessageStatus::Failed, Some(63_016 | 63_049)) => "undelivered",
        (MessageStatus::Accepted, _) => "queued",
        (MessageStatus::Played, _) => "read",
        (MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read | MessageStatus::Failed, _) => {
            status.name()
        }
    }
}

/// Builds the form of a status callback.
pub(crate) fn status(
    account: &TwilioAccount,
    id: &str,
    to: Option<&Accepted>,
    status: MessageStatus,
    code: Option<i64>,
) -> Vec<u8> {
    let name = status_name(status, code);
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("ChannelPrefix", "whatsapp").append_pair("ApiVersion", "2010-04-01");
    form.append_pair("MessageStatus", name).append_pair("SmsSid", id).append_pair("SmsStatus", name);
    if let Some(message) = to {
        form.append_pair("To", &format!("whatsapp:+{}", message.number));
    }
    form.append_pair("From", &account.from).append_pair("MessageSid", id);
    form.append_pair("AccountSid", &account.account_sid).append_pair("StructuredMessage", "false");
    match status {
        MessageStatus::Delivered => drop(form.append_pair("EventType", "DELIVERED")),
        MessageStatus::Read | MessageStatus::Played => drop(form.append_pair("EventType", "READ")),
        MessageStatus::Failed => {
            let code = code.unwrap_or(63_024);
            form.append_pair("ErrorCode", &code.to_string())
                .append_pair("ErrorMessage", twilio_message(code));
        }
        MessageStatus::Accepted | MessageStatus::Sent => {}
    }
    form.finish().into_bytes()
}
