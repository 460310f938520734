//! The providers' error bodies, with the HTTP statuses of their published tables.

use serde_json::{Value, json};

use crate::ids;
use crate::reply::Reply;

/// Code, HTTP status, title, from Meta's "Error codes" page.
const META: [(i64, u16, &str); 40] = [
    (0, 401, "AuthException"),
    (1, 400, "API Unknown"),
    (2, 503, "API Service"),
    (3, 500, "API Method"),
    (4, 400, "API Too Many Calls"),
    (10, 403, "Permission Denied"),
    (33, 400, "Parameter value is not valid"),
    (100, 400, "Invalid parameter"),
    (190, 401, "Access token has expired"),
    (368, 403, "Temporarily blocked for policies violations"),
    (80007, 400, "Rate limit issues"),
    (130_429, 400, "Rate limit hit"),
    (130_472, 400, "User's number is part of an experiment"),
    (130_497, 403, "Business account is restricted from messaging users in this country"),
    (131_000, 500, "Something went wrong"),
    (131_005, 403, "Access denied"),
    (131_008, 400, "Required parameter is missing"),
    (131_009, 400, "Parameter value is not valid"),
    (131_016, 500, "Service unavailable"),
    (131_021, 400, "Recipient cannot be sender"),
    (131_026, 400, "Message undeliverable"),
    (131_030, 400, "Recipient not in allowed list"),
    (131_031, 403, "Account has been locked"),
    (131_042, 400, "Business eligibility payment issue"),
    (131_045, 500, "Incorrect certificate"),
    (131_047, 400, "Re-engagement message"),
    (131_048, 400, "Spam rate limit hit"),
    (131_049, 400, "This message was not delivered to maintain healthy ecosystem engagement."),
    (131_050, 400, "User has stopped marketing messages"),
    (131_051, 400, "Unsupported message type"),
    (131_056, 400, "(Business Account, Consumer Account) pair rate limit hit"),
    (131_057, 500, "Account in maintenance mode"),
    (131_062, 400, "Business-scoped user ID recipients are not supported for this message"),
    (132_000, 400, "Template Param Count Mismatch"),
    (132_001, 404, "Template does not exist"),
    (132_012, 400, "Template Parameter Format Mismatch"),
    (132_015, 400, "Template is Paused"),
    (133_004, 503, "Server Temporarily Unavailable"),
    (133_010, 400, "Phone number not registered"),
    (137_000, 400, "Recipient identity key hash mismatch"),
];

/// Code, HTTP status, message, from Twilio's error dictionary. A code that is only reported by status has 400
/// here.
const TWILIO: [(i64, u16, &str); 23] = [
    (20_001, 400, "Unknown parameters"),
    (20_003, 401, "Authenticate"),
    (20_404, 404, "The requested resource was not found"),
    (20_429, 429, "Too Many Requests"),
    (20_500, 500, "Internal Server Error"),
    (20_503, 503, "Service Unavailable"),
    (21_211, 400, "Invalid 'To' Phone Number"),
    (21_604, 400, "A 'To' phone number is required"),
    (21_603, 400, "A 'From' phone number is required"),
    (21_608, 400, "The number is unverified"),
    (21_609, 400, "Invalid 'StatusCallback' URL"),
    (21_610, 400, "Attempt to send to unsubscribed recipient"),
    (21_611, 429, "This 'From' number has exceeded the maximum number of queued messages"),
    (21_617, 400, "The concatenated message body exceeds the 1600 character limit"),
    (21_619, 400, "A text message body or media urls must be specified"),
    (21_655, 400, "The ContentSid is Invalid"),
    (21_656, 400, "The ContentVariables Parameter is invalid"),
    (63_007, 400, "Twilio could not find a Channel with the specified From address"),
    (63_015, 400, "Channel Sandbox can only send messages to phone numbers that have joined the Sandbox"),
    (
        63_016,
        400,
        "Failed to send freeform message because you are outside the allowed window. If you are using WhatsApp, please use a Message Template.",
    ),
    (63_018, 429, "Rate limit exceeded for Channel"),
    (63_024, 400, "Invalid message recipient"),
    (63_049, 400, "Meta chose not to deliver this WhatsApp marketing message"),
];

/// Returns the title of one of Meta's codes.
pub(crate) fn meta_title(code: i64) -> &'static str {
    META.iter().find(|row| row.0 == code).map_or("Something went wrong", |row| row.2)
}

/// Builds a Graph API error. A code that is not in the table has status 400.
pub(crate) fn meta_error(code: i64, details: &str) -> Reply {
    let status = META.iter().find(|row| row.0 == code).map_or(400, |row| row.1);
    let title = meta_title(code);
    let message =
        if details.is_empty() { format!("(#{code}) {title}") } else { format!("(#{code}) {details}") };
    let body = json!({"error": {
        "message": message,
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": if details.is_empty() { title } else { details }},
        "fbtrace_id": ids::trace(),
    }});
    Reply::json(status, &body).with_code(code)
}

/// Builds Meta's response to a missing or wrong token.
pub(crate) fn meta_unauthorized() -> Reply {
    let body = json!({"error": {
        "message": "Invalid OAuth access token - Cannot parse access token",
        "type": "OAuthException",
        "code": 190,
        "fbtrace_id": ids::trace(),
    }});
    Reply::json(401, &body).with_code(190)
}

/// Builds the `errors[]` of a failed status.
pub(crate) fn meta_status_error(code: i64) -> Value {
    let details = if code == 131_047 {
        "Message failed to send because more than 24 hours have passed since the customer last replied to this number."
    } else {
        meta_title(code)
    };
    json!([{
        "code": code,
        "title": meta_title(code),
        "message": meta_title(code),
        "error_data": {"details": details},
        "href": "/documentation/business-messaging/whatsapp/support/error-codes",
    }])
}

/// Returns the message of one of Twilio's codes.
pub(crate) fn twilio_message(code: i64) -> &'static str {
    TWILIO.iter().find(|row| row.0 == code).map_or("Unknown error", |row| row.2)
}

/// Builds a Twilio error. A code that is not in the table has status 400.
pub(crate) fn twilio_error(code: i64) -> Reply {
    twilio_error_saying(code, twilio_message(code))
}

/// Builds a Twilio error with a message that differs from the table's.
pub(crate) fn twilio_error_saying(code: i64, message: &str) -> Reply {
    let status = TWILIO.iter().find(|row| row.0 == code).map_or(400, |row| row.1);
    let body = json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status,
    });
    let reply = Reply::json(status, &body).with_code(code);
    if status == 401 { reply.with_header("www-authenticate", "Basic realm=\"Twilio API\"") } else { reply }
}

/// Builds an error of the model server.
pub(crate) fn model_error(
    status: u16,
    kind: &str,
    param: Option<&str>,
    code: Option<&str>,
    message: &str,
) -> Reply {
    Reply::json(status, &json!({"error": {"message": message, "type": kind, "param": param, "code": code}}))
        .with_code(i64::from(status))
}

/// Builds the error of the model server for this HTTP status.
pub(crate) fn model_error_of_status(status: i64) -> Reply {
    let status = u16::try_from(status).unwrap_or(500);
    let (kind, code, message) = match status {
        401 => ("invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided."),
        403 => {
            ("invalid_request_error", Some("unsupported_country_region_territory"), "Country not supported.")
        }
        404 => ("invalid_request_error", Some("model_not_found"), "The model does not exist."),
        429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached."),
        503 => ("server_error", None, "The engine is currently overloaded, please try again later."),
        500.. => ("server_error", None, "The server had an error while processing your request."),
        _ => ("invalid_request_error", None, "The request could not be processed."),
    };
    model_error(status, kind, None, code, message)
}
