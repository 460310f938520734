//! Checks of the public address: the internet must reach this very service there.

use std::time::Duration;

use postly_whatsapp::WEBHOOK_PATH;
use reqwest::{Client, StatusCode, redirect};
use secrecy::ExposeSecret as _;

use super::Finding;
use crate::config::Config;

const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The response echoes a challenge; a page of another service is longer.
const MAX_ANSWER_BYTES: usize = 4096;

/// Calls the webhook through PUBLIC_BASE_URL as the providers do.
pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    call(config).await.err().into_iter().collect()
}

async fn call(config: &Config) -> Result<(), Finding> {
    let address = format!("{}{WEBHOOK_PATH}", config.public_base_url);
    let client = Client::builder().timeout(TIME_LIMIT).redirect(redirect::Policy::none()).build();
    let client = client.map_err(|_| unreachable(&address, "the HTTP client cannot be made"))?;
    let request = match &config.meta {
        Some(meta) => client.get(&address).query(&[
            ("hub.mode", "subscribe"),
            ("hub.verify_token", meta.verify_token.expose_secret()),
            ("hub.challenge", CHALLENGE),
        ]),
        // The request is unsigned: this service refuses it with an empty body.
        None => client.post(&address),
    };
    let mut response = request.send().await.map_err(|error| {
        let reason = if error.is_timeout() {
            "no answer within 5 s"
        } else if error.is_connect() {
            "no connection, or no valid certificate"
        } else {
            "the connection broke"
        };
        unreachable(&address, reason)
    })?;
    let status = response.status();
    let mut body = vec![];
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            break;
        }
    }
    match (&config.meta, status) {
        (Some(_), StatusCode::OK) if body == CHALLENGE.as_bytes() => Ok(()),
        (Some(_), StatusCode::FORBIDDEN) if body.is_empty() => Err(Finding::error(
            "public.verify_token",
            format!("{address} refuses META_VERIFY_TOKEN"),
            "The service that runs there has another META_VERIFY_TOKEN than this command: Meta's handshake would fail.",
            "Restart the service with the present configuration, or run this command with the service's.",
        )),
        (None, StatusCode::UNAUTHORIZED) if body.is_empty() => Ok(()),
        (_, status) if status.is_redirection() => Err(Finding::error(
            "public.redirect",
            format!("{address} redirects (status {})", status.as_u16()),
            "Providers do not follow redirects: no message arrives.",
            "Set PUBLIC_BASE_URL to the final address, scheme and host included, and register that one.",
        )),
        (_, StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) => {
            let reason = format!("the proxy answers {}", status.as_u16());
            Err(unreachable(&address, &reason))
        }
        (_, status) => Err(Finding::error(
            "public.other_service",
            format!("{address} answers {}, not as this service does", status.as_u16()),
            "Another program answers at that address, or the proxy does not pass /api/whatsapp on.",
            format!("Let the proxy pass {WEBHOOK_PATH} to BIND_ADDRESS ({}).", config.bind_address),
        )),
    }
}

const CHALLENGE: &str = "postly-doctor-1158201444";

fn unreachable(address: &str, reason: &str) -> Finding {
    Finding::error(
        "public.unreachable",
        format!("{address} cannot be reached from here: {reason}"),
        "Providers cannot deliver a message, and links in messages lead nowhere.",
        "Start the service, and check DNS, certificate, proxy and firewall. (A network that does not let its own machines \
         call its public address is no fault: try from elsewhere.)",
    )
}
