//! The rules of a send at the Graph API, from its published schema. They are stricter than the real ones in a
//! single point: a number without `+` is refused, because Meta would prepend the business's own country code
//! and write to a stranger.

use serde_json::Value;

use crate::config::Rules;
use crate::fields::{Checked, Fields, Refusal, invalid, units, wrong};
use crate::person::{MessageKind, PhoneButton};

/// The longest body of a text or a list, the longest body of another interactive message, and the longest
/// header or footer.
const TEXT: usize = 4096;
const INTERACTIVE: usize = 1024;
const FOOTER: usize = 60;
/// The limit of rows of a list, over all its sections.
const ROWS: usize = 10;
/// The longest code of an authentication template.
const CODE: usize = 15;
/// The recipient of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recipient {
    /// `to`: the digits of the number.
    Number(String),
    /// `recipient`: a business-scoped id.
    Bsuid(String),
}

/// A message that satisfies the rules.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) recipient: Recipient,
    /// The recipient as it was written, echoed in the response.
    pub(crate) input: String,
    /// The text on the phone.
    pub(crate) body: String,
    pub(crate) buttons: Vec<PhoneButton>,
    pub(crate) reply_to: Option<String>,
    pub(crate) correlation: Option<String>,
    /// The name of the template; none for a free-form message.
    pub(crate) template: Option<String>,
}

/// A parsed `POST …/messages`.
#[derive(Debug)]
pub(crate) enum Request {
    Send(Outgoing),
    /// Marks a message as read, and with `typing` shows the typing indicator.
    Read {
        message_id: String,
        typing: bool,
    },
}

/// Reads the body of a `POST …/messages`.
pub(crate) fn read(body: &[u8], rules: &Rules) -> Checked<Request> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| invalid(format!("The body is not JSON: {error}")))?;
    let root = Fields::of(&value, "")?;
    root.exactly("messaging_product", "whatsapp")?;
    if root.get("status").is_some() { mark_read(&root) } else { send(&root, rules).map(Request::Send) }
}

fn mark_read(root: &Fields<'_>) -> Checked<Request> {
    root.only(&["messaging_product", "status", "message_id", "typing_indicator"])?;
    root.exactly("status", "read")?;
    let message_id = wamid(root, "message_id")?;
    let typing = root.get("typing_indicator").is_some();
    if typing {
        let indicator = root.object("typing_indicator")?;
        indicator.only(&["type"])?;
        indicator.exactly("type", "text")?;
    }
    Ok(Request::Read { message_id, typing })
}

fn send(root: &Fields<'_>, rules: &Rules) -> Checked<Outgoing> {
    if root.get("recipient_type").is_some() {
        root.exactly("recipient_type", "individual")?;
    }
    let (recipient, input) = recipient(root)?;
    let kind = root.text("type", 64)?;
    root.only(&[
        "messaging_product",
        "recipient_type",
        "to",
        "recipient",
        "type",
        "context",
        "biz_opaque_callback_data",
        "message_activity_sharing",
        "recipient_identity_key_hash",
        kind,
    ])?;
    root.optional_bool("message_activity_sharing")?;
    root.optional_text("recipient_identity_key_hash", 512)?;
    let correlation = root.optional_text("biz_opaque_callback_data", 512)?.map(str::to_owned);
    let reply_to = match root.get("context") {
        None => None,
        Some(_) => {
            let context = root.object("context")?;
            context.only(&["message_id"])?;
            Some(wamid(&context, "message_id")?)
        }
    };
    let mut template = None;
    let (body, buttons) = match kind {
        "text" => (text(&root.object("text")?)?, Vec::new()),
        "interactive" => interactive(&root.object("interactive")?)?,
        "reaction" => {
            let reaction = root.object("reaction")?;
            reaction.only(&["message_id", "emoji"])?;
            wamid(&reaction, "message_id")?;
            let emoji =
                reaction.need("emoji")?.as_str().ok_or_else(|| invalid("Param emoji must be a string."))?;
            (emoji.to_owned(), Vec::new())
        }
        "template" => {
            let asked = root.object("template")?;
            let (name, shown) = otp_template(&asked, &recipient, rules)?;
            template = Some(name);
            (shown, vec![PhoneButton::silent("Copier le code")])
        }
        other => {
            let details = format!("The simulator does not carry messages of type {other}.");
            return Err(Refusal { code: 131_051, details });
        }
    };
    Ok(Outgoing { recipient, input, body, buttons, reply_to, correlation, template })
}

/// Returns the recipient. `to` wins if both parameters are given.
fn recipient(root: &Fields<'_>) -> Checked<(Recipient, String)> {
    if root.get("to").is_none() && root.get("recipient").is_some() {
        let bsuid = root.text("recipient", 256)?;
        let shaped = bsuid.split_once('.').is_some_and(|(country, rest)| {
            let id = rest.strip_prefix("ENT.").unwrap_or(rest);
            country.len() == 2
                && country.bytes().all(|byte| byte.is_ascii_uppercase())
                && (1..=128).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        if !shaped {
            return Err(wrong("Param recipient is not a business-scoped user id."));
        }
        return Ok((Recipient::Bsuid(bsuid.to_owned()), bsuid.to_owned()));
    }
    let to = root.text("to", 32)?;
    let digits = to.strip_prefix('+').unwrap_or_default();
    let shaped = (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    if !shaped {
        return Err(wrong("Param to must be a plus sign, a country code and a number."));
    }
    Ok((Recipient::Number(digits.to_owned()), to.to_owned()))
}

fn wamid(fields: &Fields<'_>, key: &str) -> Checked<String> {
    let id = fields.text(key, 512)?;
    if id.starts_with("wamid.") {
        Ok(id.to_owned())
    } else {
        Err(wrong(format!("Param {key} is not a message id.")))
    }
}

fn text(text: &Fields<'_>) -> Checked<String> {
    text.only(&["body", "preview_url"])?;
    text.optional_bool("preview_url")?;
    Ok(text.text("body", TEXT)?.to_owned())
}

fn interactive(asked: &Fields<'_>) -> Checked<(String, Vec<PhoneButton>)> {
    asked.only(&["type", "header", "body", "footer", "action"])?;
    let kind = asked.text("type", 64)?;
    let body = asked.object("body")?;
    body.only(&["text"])?;
    let mut shown = body.text("text", if kind == "list" { TEXT } else { INTERACTIVE })?.to_owned();
    if asked.get("header").is_some() {
        let header = asked.object("header")?;
        header.exactly("type", "text")?;
        header.only(&["type", "text"])?;
        shown = format!("*{}*\n{shown}", header.text("text", FOOTER)?);
    }
    if asked.get("footer").is_some() {
        let footer = asked.object("footer")?;
        footer.only(&["text"])?;
        shown = format!("{shown}\n_{}_", footer.text("text", FOOTER)?);
    }
    let action = asked.object("action")?;
    let buttons = match kind {
        "button" => reply_buttons(&action)?,
        "list" => rows(&action)?,
        "cta_url" => {
            action.only(&["name", "parameters"])?;
            action.exactly("name", "cta_url")?;
            let parameters = action.object("parameters")?;
            parameters.only(&["display_text", "url"])?;
            let url = parameters.text("url", 2000)?;
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return Err(wrong("Param url must be a web address."));
            }
            vec![PhoneButton::link(parameters.text("display_text", 20)?, url)]
        }
        "request_contact_info" => {
            action.only(&["name"])?;
            action.exactly("name", "request_contact_info")?;
            vec![PhoneButton::silent("Partager mon numéro")]
        }
        "location_request_message" => {
            action.only(&["name"])?;
            action.exactly("name", "send_location")?;
            vec![PhoneButton::silent("Envoyer ma position")]
        }
        other => return Err(wrong(format!("Param interactive['type'] cannot be \"{other}\"."))),
    };
    Ok((shown, buttons))
}

fn reply_buttons(action: &Fields<'_>) -> Checked<Vec<PhoneButton>> {
    action.only(&["buttons"])?;
    let mut buttons: Vec<PhoneButton> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for button in action.list("buttons", 3)? {
        button.only(&["type", "reply"])?;
        button.exactly("type", "reply")?;
        let reply = button.object("reply")?;
        reply.only(&["id", "title"])?;
        let (id, title) = (reply.text("id", 256)?.to_owned(), reply.text("title", 20)?.to_owned());
        if id.trim() != id {
            return Err(wrong("A button's id cannot begin or end with a space."));
        }
        if buttons.iter().any(|button| button.title == title) || seen.contains(&id) {
            return Err(wrong("Buttons must have different ids and titles."));
        }
        seen.push(id.clone());
        buttons.push(PhoneButton {
            title: title.clone(),
            sends: Some(MessageKind::ButtonReply { id, title }),
            opens: None,
        });
    }
    Ok(buttons)
}

fn rows(action: &Fields<'_>) -> Checked<Vec<PhoneButton>> {
    action.only(&["button", "sections"])?;
    action.text("button", 20)?;
    let sections = action.list("sections", 10)?;
    let mut rows = Vec::new();
    for section in &sections {
        section.only(&["title", "rows"])?;
        let title = section.optional_text("title", 24)?;
        if title.is_none() && sections.len() > 1 {
            return Err(invalid("Each of several sections needs a title."));
        }
        for row in section.list("rows", ROWS)? {
            row.only(&["id", "title", "description"])?;
            let id = row.text("id", 200)?.to_owned();
            row.optional_text("description", 72)?;
            let title = row.text("title", 24)?.to_owned();
            rows.push(PhoneButton {
                opens: None,
                title: title.clone(),
                sends: Some(MessageKind::ListReply { id, title }),
            });
        }
    }
    if rows.len() > ROWS {
        return Err(invalid("A list has at most 10 rows over all its sections."));
    }
    Ok(rows)
}

/// An authentication template: the same code in the body and in the copy button.
fn otp_template(asked: &Fields<'_>, recipient: &Recipient, rules: &Rules) -> Checked<(String, String)> {
    asked.only(&["name", "language", "components"])?;
    let name = asked.text("name", 512)?;
    let language = asked.object("language")?;
    language.only(&["code", "policy"])?;
    let language = language.text("code", 15)?;
    if language.len() < 2 || !language.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        return Err(wrong("Param language['code'] is not a language."));
    }
    if !rules.otp_templates.iter().any(|known| known == name)
        || !rules.otp_languages.iter().any(|known| known == language)
    {
        return Err(Refusal {
            code: 132_001,
            details: format!("Template name ({name}) does not exist in the translation ({language})"),
        });
    }
    if matches!(recipient, Recipient::Bsuid(_)) {
        return Err(Refusal {
            code: 131_062,
            details: "Authentication templates need a phone number.".to_owned(),
        });
    }
    let mismatch = |details: &str| Refusal { code: 132_000, details: details.to_owned() };
    let [body, button]: [Fields<'_>; 2] = asked
        .list("components", 2)?
        .try_into()
        .map_err(|_| mismatch("An authentication template takes one body and one button."))?;
    body.only(&["type", "parameters"])?;
    body.exactly("type", "body")?;
    button.only(&["type", "sub_type", "index", "parameters"])?;
    button.exactly("type", "button")?;
    button.exactly("sub_type", "url")?;
    if !matches!(button.need("index")?, Value::String(index) if index == "0")
        && button.need("index")?.as_i64() != Some(0)
    {
        return Err(wrong("Param index must be \"0\"."));
    }
    let code = only_parameter(&body)?;
    if only_parameter(&button)? != code {
        return Err(mismatch("The code of the button is not the code of the body."));
    }
    if units(code) > CODE {
        return Err(Refusal { code: 132_012, details: format!("A code has at most {CODE} characters.") });
    }
    Ok((name.to_owned(), shown_code(language, code)))
}

/// Returns the text of an authentication template. Meta writes it; its documentation shows the English and
/// the Spanish text, and the others follow them.
fn shown_code(language: &str, code: &str) -> String {
    match language.split('_').next() {
        Some("es") => format!("Tu código de verificación es *{code}*. Por tu seguridad, no lo compartas."),
        Some("pt") => format!("*{code}* é o seu código de verificação. Para sua segurança, não o partilhe."),
        Some("ar") => format!("*{code}* هو رمز التحقق الخاص بك. من أجل أمانك، لا تشارك هذا الرمز."),
        Some("fr") => {
            format!("*{code}* est votre code de vérification. Pour votre sécurité, ne partagez pas ce code.")
        }
        _ => format!("*{code}* is your verification code. For your security, do not share this code."),
    }
}

fn only_parameter<'a>(component: &Fields<'a>) -> Checked<&'a str> {
    let [parameter]: [Fields<'a>; 1] = component
        .list("parameters", 1)?
        .try_into()
        .map_err(|_| Refusal { code: 132_000, details: "One parameter is expected.".to_owned() })?;
    parameter.only(&["type", "text"])?;
    parameter.exactly("type", "text")?;
    parameter.text("text", 32_768)
}
