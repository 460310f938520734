//! Signature checks: webhooks signed by Stripe's own library, and near misses.

use hmac::{Hmac, KeyInit, Mac as _};
use http::{HeaderMap, HeaderValue};
use postly_domain::UnixMillis;
use postly_payments::{SignatureError, WebhookSecrets};
use serde_json::Value;
use sha2::Sha256;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../testdata/signatures.json")).unwrap()
}

fn verify(secrets: &[&str], header: &str, body: &str, now_s: i64) -> Result<(), SignatureError> {
    let secrets = secrets.iter().map(|secret| (*secret).to_owned().into()).collect();
    let mut headers = HeaderMap::new();
    headers.append("stripe-signature", HeaderValue::from_str(header).unwrap());
    // At the end of the second: whole seconds are compared.
    WebhookSecrets::new(secrets).verify(&headers, body.as_bytes(), UnixMillis(now_s * 1_000 + 999))
}

#[test]
fn c05_what_the_official_libraries_sign_is_believed_and_nothing_else_under_its_signature() {
    let vectors = vectors();
    let (secret, time) = (vectors["secret"].as_str().unwrap(), vectors["time"].as_i64().unwrap());
    let all = vectors["vectors"].as_array().unwrap();
    assert!(all.len() >= 6);
    for vector in all {
        let name = &vector["name"];
        let (body, header) = (vector["body"].as_str().unwrap(), vector["header"].as_str().unwrap());
        assert_eq!(verify(&[secret], header, body, time), Ok(()), "{name}");
        // During a rotation a secret is valid at any place in the list.
        assert_eq!(verify(&["whsec_another", secret], header, body, time), Ok(()), "{name}");
        assert_eq!(verify(&["whsec_another"], header, body, time), Err(SignatureError::Wrong), "{name}");
        let spaced = body.replacen(':', ": ", 1);
        for other in [format!("{body} "), format!("\u{FEFF}{body}"), spaced, String::new()] {
            assert_eq!(verify(&[secret], header, &other, time), Err(SignatureError::Wrong), "{name}");
        }
    }
}

#[test]
fn c05_without_a_secret_nothing_is_believed() {
    let vectors = vectors();
    let time = vectors["time"].as_i64().unwrap();
    let signature = {
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"").unwrap();
        hex::encode(mac.chain_update(format!("{time}.{{}}")).finalize().into_bytes())
    };
    let header = format!("t={time},v1={signature}");
    for secrets in [&[][..], &[""], &["", "whsec_another"]] {
        assert_eq!(verify(secrets, &header, "{}", time), Err(SignatureError::Wrong), "{secrets:?}");
    }
}

#[test]
fn c06_three_hundred_whole_seconds_pass_on_either_side_and_one_more_does_not() {
    let vectors = vectors();
    let (secret, time) = (vectors["secret"].as_str().unwrap(), vectors["time"].as_i64().unwrap());
    let vector = &vectors["vectors"][0];
    let (body, header) = (vector["body"].as_str().unwrap(), vector["header"].as_str().unwrap());
    for (later, expected) in [
        (-301, Err(SignatureError::Stale)),
        (-300, Ok(())),
        (0, Ok(())),
        (300, Ok(())),
        (301, Err(SignatureError::Stale)),
        (31_536_000, Err(SignatureError::Stale)),
    ] {
        assert_eq!(verify(&[secret], header, body, time + later), expected, "{later}");
    }
}

#[test]
fn c05_a_header_that_two_readers_may_read_differently_is_refused() {
    let vectors = vectors();
    let (secret, time) = (vectors["secret"].as_str().unwrap(), vectors["time"].as_i64().unwrap());
    let vector = &vectors["vectors"][0];
    let (body, header) = (vector["body"].as_str().unwrap(), vector["header"].as_str().unwrap());
    let v1 = header.split_once("v1=").unwrap().1;
    let upper = v1.to_uppercase();
    let half = &v1[..32];
    for (header, expected) in [
        (format!("t={time},t={time},v1={v1}"), SignatureError::Ambiguous),
        (format!("t={time},v1={v1},t=1"), SignatureError::Ambiguous),
        (format!("v1={v1}"), SignatureError::Malformed),
        (format!("t=,v1={v1}"), SignatureError::Malformed),
        (format!("t=+{time},v1={v1}"), SignatureError::Malformed),
        (format!("t={time}.0,v1={v1}"), SignatureError::Malformed),
        (format!("t=99999999999999999999,v1={v1}"), SignatureError::Malformed),
        (format!("t={time},v0={v1}"), SignatureError::Wrong),
        (format!("t={time},v1={upper}"), SignatureError::Wrong),
        (format!("t={time}, v1={v1}"), SignatureError::Wrong),
        (format!("t={time},v1={half}"), SignatureError::Wrong),
        (format!("t={time},v1="), SignatureError::Wrong),
        (format!("t={time}"), SignatureError::Wrong),
        (String::new(), SignatureError::Malformed),
    ] {
        assert_eq!(verify(&[secret], &header, body, time), Err(expected), "{header}");
    }
    // Foreign items beside a valid signature have no effect.
    for header in [format!("t={time},v1=,v1={half},v1={v1}"), format!("x,v2=1,t={time},=,v1={v1},")] {
        assert_eq!(verify(&[secret], &header, body, time), Ok(()), "{header}");
    }
    let mut headers = HeaderMap::new();
    let secrets = WebhookSecrets::new(vec![secret.to_owned().into()]);
    let now = UnixMillis::from_secs(time);
    assert_eq!(secrets.verify(&headers, body.as_bytes(), now), Err(SignatureError::Missing));
    for _ in 0..2 {
        headers.append("stripe-signature", HeaderValue::from_str(header).unwrap());
    }
    assert_eq!(secrets.verify(&headers, body.as_bytes(), now), Err(SignatureError::Ambiguous));
}
