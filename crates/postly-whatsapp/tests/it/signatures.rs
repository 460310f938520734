//! Signature checks: vectors made with the providers' own code, and near misses.

use http::HeaderMap;
use postly_whatsapp::{
    MetaSecrets, SignatureError, TwilioSecrets, VerifiedWebhook, Verifier, WEBHOOK_PATH, WebhookRequest,
};
use serde_json::Value;

use crate::support::{BASE, SECRET, headers, meta_signature, verifier};

fn verify(
    verifier: &Verifier,
    target: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<VerifiedWebhook, SignatureError> {
    verifier.verify(&WebhookRequest { target, headers, body })
}

fn twilio_vectors() -> Value {
    serde_json::from_str(include_str!("../../testdata/vectors/twilio_signatures.json")).unwrap()
}

/// The data to check one vector.
struct Vector {
    verifier: Verifier,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Vector {
    fn new(vectors: &Value, vector: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let secrets = TwilioSecrets {
            auth_tokens: vec!["an-older-token".to_owned().into(), text(&vectors["token"]).into()],
            shared_keys: vec![(text(&vectors["key"]), text(&vectors["key_secret"]).into())],
        };
        let mut headers = vec![
            ("x-twilio-signature", text(&vector["signature"])),
            ("content-type", text(&vector["content_type"])),
        ];
        if let Some(settings) = vector["settings"].as_str() {
            headers.push(("x-twilio-webhooks-signature-settings", settings.to_owned()));
        }
        Self {
            verifier: Verifier::new(None, Some(secrets), &text(&vector["public_base_url"])).unwrap(),
            target: text(&vector["target"]),
            headers,
            body: text(&vector["body"]).into_bytes(),
        }
    }

    fn check(&self) -> Result<VerifiedWebhook, SignatureError> {
        let pairs: Vec<(&'static str, &str)> = self.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        verify(&self.verifier, &self.target, &headers(&pairs), &self.body)
    }
}

#[test]
fn t01_t03_t04_what_twilios_own_code_signs_is_believed_and_nothing_changed_is() {
    let vectors = twilio_vectors();
    let accepted = vectors["accepted"].as_array().unwrap();
    assert_eq!(accepted.len(), 20);
    for case in accepted {
        let name = &case["name"];
        let vector = Vector::new(&vectors, case);
        let verified = vector.check().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(verified.body(), vector.body);
        assert_eq!(verified.is_json(), case["content_type"] == "application/json");

        // One more byte at the end, one changed byte at the start.
        let mut longer = Vector::new(&vectors, case);
        longer.body.extend(b"&x");
        assert!(longer.check().is_err(), "{name}: longer body");
        if !vector.body.is_empty() {
            let mut changed = Vector::new(&vectors, case);
            changed.body[0] ^= 1;
            assert!(changed.check().is_err(), "{name}: changed body");
        }
        let mut elsewhere = Vector::new(&vectors, case);
        elsewhere.target.push_str(if elsewhere.target.contains('?') { "&x=1" } else { "?x=1" });
        assert!(elsewhere.check().is_err(), "{name}: changed target");
        let mut unset = Vector::new(&vectors, case);
        unset.headers.retain(|(name, _)| *name != "x-twilio-webhooks-signature-settings");
        assert_eq!(unset.check().is_ok(), case["settings"].is_null(), "{name}: settings dropped");
    }
    for case in vectors["refused"].as_array().unwrap() {
        assert_eq!(
            Vector::new(&vectors, case).check().err(),
            Some(SignatureError::Wrong),
            "{}",
            case["name"]
        );
    }
}

#[test]
fn t05_a_form_is_believed_exactly_as_it_was_signed() {
    let vectors = twilio_vectors();
    let case = &vectors["accepted"][3];
    assert_eq!(case["name"], "empty values");
    let body = case["body"].as_str().unwrap();
    let check = |body: String, believed: bool| {
        let mut vector = Vector::new(&vectors, case);
        vector.body = body.clone().into_bytes();
        assert_eq!(vector.check().is_ok(), believed, "{body}");
    };
    check(body.replace("gen+promo", "gen%20promo"), true);
    check(body.replace("gen+promo", "gen+promo+"), false);
    check(body.replace("&ButtonText=", ""), false);
    check(format!("{body}&AccountSid=AC1"), false);
    check(format!("{body}&NumMedia=0"), true); // the same value once more: a set
    check(format!("{body}&NumMedia=1"), false);
    check(body.replace("Body=", "body="), false);
    check(body.replace("gen+promo", "gen+promo%FF"), false);
}

#[test]
fn t06_a_json_delivery_needs_the_hash_of_its_body_in_its_signed_address() {
    let vectors = twilio_vectors();
    let json = vectors["accepted"].as_array().unwrap().iter().find(|case| case["name"] == "json").unwrap();
    let check = |change: &dyn Fn(&mut Vector), expected| {
        let mut vector = Vector::new(&vectors, json);
        change(&mut vector);
        assert_eq!(vector.check().err(), Some(expected));
    };
    check(&|vector| vector.body.push(b' '), SignatureError::Wrong);
    check(&|vector| vector.target = WEBHOOK_PATH.to_owned(), SignatureError::Malformed);
    check(&|vector| vector.target.push_str("&bodySHA256=00"), SignatureError::Malformed);
    // Read as a form, the same bytes have another signature.
    check(&|vector| vector.headers[1].1 = "application/x-www-form-urlencoded".into(), SignatureError::Wrong);
    check(&|vector| vector.headers[1].1 = "text/plain".into(), SignatureError::Malformed);
    check(&|vector| vector.headers.truncate(1), SignatureError::Malformed);
}

#[test]
fn the_settings_header_only_ever_names_a_key_of_ours() {
    let vectors = twilio_vectors();
    let shared = vectors["accepted"].as_array().unwrap().iter().find(|case| case["name"] == "shared key");
    let check = |settings: &str, believed: bool| {
        let mut vector = Vector::new(&vectors, shared.unwrap());
        vector.headers[2].1 = settings.to_owned();
        assert_eq!(vector.check().is_ok(), believed, "{settings}");
    };
    check("key=webhooks_sharedkey_01,algorithm=HMAC_SHA256", true);
    check("algorithm=HMAC_SHA256, key=webhooks_sharedkey_01, future=1", true);
    for settings in [
        "",
        "key=webhooks_sharedkey_01",
        "algorithm=HMAC_SHA256",
        "key=another,algorithm=HMAC_SHA256",
        "key=webhooks_sharedkey_01,algorithm=HMAC_SHA1",
        "key=webhooks_sharedkey_01,algorithm=none",
        "key=another,key=webhooks_sharedkey_01,algorithm=HMAC_SHA256",
        "HMAC_SHA256",
    ] {
        check(settings, false);
    }
    let mut twice = Vector::new(&vectors, shared.unwrap());
    twice.headers.push(twice.headers[2].clone());
    assert_eq!(twice.check().err(), Some(SignatureError::Ambiguous));
}

#[test]
fn t07_twilios_base64_is_read_strictly() {
    let vectors = twilio_vectors();
    let case = &vectors["accepted"][0];
    let good = case["signature"].as_str().unwrap();
    for bad in [
        String::new(),
        format!(" {good}x"),
        good.trim_end_matches('=').to_owned(),
        good.replace('=', "A"),
        format!("{good}{good}"),
        "_".repeat(28),
        "A".repeat(65_536),
        // Nineteen and twenty-one bytes.
        "AAAAAAAAAAAAAAAAAAAAAAAAAA==".to_owned(),
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        // A last character with bits that no encoder sets.
        "AAAAAAAAAAAAAAAAAAAAAAAAAAB=".to_owned(),
    ] {
        let mut vector = Vector::new(&vectors, case);
        vector.headers[0].1 = bad.clone();
        assert!(vector.check().is_err(), "{bad}");
    }
    let mut vector = Vector::new(&vectors, case);
    vector.headers[0].1 = good.to_owned();
    assert!(vector.check().is_ok());
}

#[test]
fn t02_forwarded_headers_and_absolute_targets_have_no_say() {
    let vectors = twilio_vectors();
    let case = &vectors["accepted"][0];
    let mut vector = Vector::new(&vectors, case);
    vector.headers.extend([
        ("host", "evil.example".to_owned()),
        ("x-forwarded-host", "evil.example".to_owned()),
        ("x-forwarded-proto", "http".to_owned()),
    ]);
    assert!(vector.check().is_ok());
    vector.target = format!("{BASE}{WEBHOOK_PATH}");
    assert_eq!(vector.check().err(), Some(SignatureError::Malformed));
}

#[test]
fn the_attempt_comes_from_the_signed_address() {
    let vectors = twilio_vectors();
    let query = vectors["accepted"].as_array().unwrap().iter().find(|case| case["name"] == "query").unwrap();
    let verified = Vector::new(&vectors, query).check().unwrap();
    assert_eq!(verified.attempt().map(ToString::to_string).as_deref(), Some("0192f0c1-7b7e"));
    let plain = Vector::new(&vectors, &vectors["accepted"][0]).check().unwrap();
    assert_eq!(plain.attempt(), None);
}

#[test]
fn w02_w05_w09_metas_vectors_are_believed_and_nothing_changed_is() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../testdata/vectors/meta_signatures.json")).unwrap();
    let secret = vectors["secret"].as_str().unwrap();
    let secrets = |list: &[&str]| MetaSecrets {
        app_secrets: list.iter().map(|secret| (*secret).to_owned().into()).collect(),
    };
    let current = Verifier::new(Some(secrets(&["a-newer-secret", secret])), None, BASE).unwrap();
    let removed = Verifier::new(Some(secrets(&["a-newer-secret"])), None, BASE).unwrap();
    for vector in vectors["vectors"].as_array().unwrap() {
        let body = vector["body"].as_str().unwrap();
        let headers = headers(&[("x-hub-signature-256", vector["signature"].as_str().unwrap())]);
        let check = |verifier: &Verifier, body: &str| {
            verify(verifier, WEBHOOK_PATH, &headers, body.as_bytes()).map(|_| ())
        };
        assert_eq!(check(&current, body), Ok(()), "{body}");
        assert_eq!(check(&current, &format!("{body} ")), Err(SignatureError::Wrong));
        assert_eq!(check(&removed, body), Err(SignatureError::Wrong));
    }
}

#[test]
fn w02_w03_w04_metas_signature_is_read_strictly() {
    let body = br#"{"object":"whatsapp_business_account"}"#;
    let good = meta_signature(SECRET, body);
    let check = |value: &str, expected: Result<(), SignatureError>| {
        let headers = headers(&[("x-hub-signature-256", value)]);
        assert_eq!(verify(&verifier(), WEBHOOK_PATH, &headers, body).map(|_| ()), expected, "{value}");
    };
    check(&good, Ok(()));
    let hex = good.trim_start_matches("sha256=");
    for bad in [
        String::new(),
        hex.to_owned(),
        format!("sha1={hex}"),
        "sha256=".to_owned(),
        format!("sha256={}", hex.to_uppercase()),
        format!("SHA256={hex}"),
        format!("sha256={hex}0"),
        format!("sha256={}", &hex[2..]),
        format!("sha256= {hex}"),
        format!("sha256={}", "g".repeat(64)),
        format!("{good}, {good}"),
        format!("sha256={}", "a".repeat(65_536)),
    ] {
        check(&bad, Err(SignatureError::Malformed));
    }
    check(&format!("sha256={}", "0".repeat(64)), Err(SignatureError::Wrong));
    check(&meta_signature("verify-token", body), Err(SignatureError::Wrong));
    check(&meta_signature("", body), Err(SignatureError::Wrong));
    let flipped = if hex.ends_with('0') { "1" } else { "0" };
    check(&format!("sha256={}{flipped}", &hex[..63]), Err(SignatureError::Wrong));
}

#[test]
fn w01_w07_t11_one_signature_of_one_provider_or_none_at_all() {
    let body = b"{}";
    let good = meta_signature(SECRET, body);
    let check = |pairs: &[(&'static str, &str)], expected| {
        assert_eq!(verify(&verifier(), WEBHOOK_PATH, &headers(pairs), body).err(), Some(expected));
    };
    check(&[], SignatureError::Missing);
    check(&[("x-hub-signature", "sha1=0000000000000000000000000000000000000000")], SignatureError::Missing);
    check(&[("x-hub-signature-256", &good), ("x-hub-signature-256", "sha256=0")], SignatureError::Ambiguous);
    check(&[("x-hub-signature-256", &good), ("x-hub-signature-256", &good)], SignatureError::Ambiguous);
    check(&[("x-hub-signature-256", &good), ("x-twilio-signature", "x")], SignatureError::Ambiguous);
    // Meta's signature under Twilio's name is not tried as Meta's.
    check(&[("x-twilio-signature", &good), ("content-type", "application/json")], SignatureError::Malformed);
    let nobody = Verifier::new(None, None, BASE).unwrap();
    for name in ["x-hub-signature-256", "x-twilio-signature"] {
        let headers = headers(&[(name, &good)]);
        assert_eq!(verify(&nobody, WEBHOOK_PATH, &headers, body).err(), Some(SignatureError::NotConfigured));
    }
    // The older header beside the newer one has no effect.
    let both = headers(&[("x-hub-signature-256", &good), ("x-hub-signature", "sha1=00")]);
    assert!(verify(&verifier(), WEBHOOK_PATH, &both, body).is_ok());
}

#[test]
fn s05_nothing_that_is_printed_shows_a_body_or_a_secret() {
    let printed = format!("{:?} {:?}", verifier(), crate::support::meta(b"33612345678"));
    for secret in [SECRET, crate::support::TOKEN, "33612345678"] {
        assert!(!printed.contains(secret));
    }
}
