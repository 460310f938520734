//! The session cookie with forged tokens and with those of next-auth.

use axum::http::{HeaderMap, HeaderValue, header};
use postly_http::{Claims, CookieKeys};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use crate::forge::{self, Forged};

const NOW_S: i64 = 1_800_000_000;
const SECRET: &str = "a secret of 32 bytes, or so, for tests";
const OLDER: &str = "the secret of last year, for tests";
const V4: &str = "next-auth.session-token";
const V5: &str = "authjs.session-token";

fn keys(secrets: &[&str]) -> CookieKeys {
    CookieKeys::new(&secrets.iter().map(|secret| SecretString::from(*secret)).collect::<Vec<_>>(), false)
}

fn claims() -> Claims {
    Claims {
        sub: "author-1".to_owned(),
        sid: Some("session-1".to_owned()),
        email: Some("fatou@example.org".to_owned()),
        issued_at_s: NOW_S,
        expires_at_s: NOW_S + 3600,
    }
}

fn request(cookies: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(cookies).unwrap())])
}

/// Returns the part of a `Set-Cookie` that a browser sends back.
fn pair(set_cookie: &HeaderValue) -> &str {
    set_cookie.to_str().unwrap().split(';').next().unwrap()
}

/// Reads a token as a v4 cookie, then as a v5 cookie.
fn sub(keys: &CookieKeys, token: &str) -> Option<String> {
    let read = |name| keys.read_shared(&request(&format!("{name}={token}")), NOW_S);
    read(V4).or_else(|| read(V5)).map(|claims| claims.sub)
}

/// Returns the payload of a valid session, with changed fields.
fn payload(change: &serde_json::Value) -> String {
    let mut payload = json!({"sub": "author-1", "iat": NOW_S, "exp": NOW_S + 3600});
    payload.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    payload.to_string()
}

#[test]
fn o32_a_session_cookie_is_for_this_host_over_this_scheme_and_for_a_while() {
    let check = |https: bool, name: &str, secure: &str| {
        let keys = CookieKeys::new(&[SECRET.into()], https);
        assert_eq!(keys.name(), name);
        let cookie = keys.issue(&claims()).unwrap();
        assert!(cookie.is_sensitive());
        let (pair, attributes) = cookie.to_str().unwrap().split_once("; ").unwrap();
        assert!(pair.starts_with(&format!("{name}=eyJ")) && cookie.len() < 1000, "{pair}");
        assert_eq!(
            attributes,
            format!(
                "Path=/; Expires=Fri, 15 Jan 2027 09:00:00 GMT; Max-Age=3600; HttpOnly{secure}; SameSite=Lax"
            )
        );
        assert_eq!(keys.read(&request(pair), NOW_S), Some(claims()));
        // Two cookies differ, even for the same session.
        assert_ne!(cookie, keys.issue(&claims()).unwrap());

        // The cookie is removed under the same name and attributes, so that a browser finds it, and with its
        // pieces.
        let brought = request(&format!("{name}.1=b; {name}={pair}; {name}.0=a; {name}.x=c; other.0=d"));
        let gone = format!(
            "=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly{secure}; SameSite=Lax"
        );
        let expected: Vec<String> = [".0", ".1", ""].map(|chunk| format!("{name}{chunk}{gone}")).to_vec();
        assert_eq!(keys.clear(&brought), expected);
        assert_eq!(keys.clear_chunks(&brought), expected[..2]);
        assert_eq!(keys.clear(&HeaderMap::new()), expected[2..]);
    };
    check(false, "next-auth.session-token", "");
    check(true, "__Secure-next-auth.session-token", "; Secure");
    // A cookie of the other scheme is not read, because browsers protect `__Secure-`.
    let https = CookieKeys::new(&[SECRET.into()], true);
    let plain = keys(&[SECRET]).issue(&claims()).unwrap();
    assert_eq!(https.read_shared(&request(pair(&plain)), NOW_S), None);
}

#[test]
fn o34_a_bit_changed_in_any_part_of_a_token_is_refused() {
    let keys = keys(&[SECRET, OLDER]);
    let ours = pair(&keys.issue(&claims()).unwrap()).split_once('=').unwrap().1.to_owned();
    let cbc = Forged::v5(&payload(&json!({}))).with_kid(&forge::thumbprint(SECRET, V5));
    for token in [ours, cbc.seal(SECRET, V5)] {
        assert_eq!(sub(&keys, &token).as_deref(), Some("author-1"));
        for at in 0..token.len() {
            for bit in 0..7 {
                let mut changed = token.clone().into_bytes();
                changed[at] ^= 1 << bit;
                // Skip bytes that a header cannot hold, because no browser sends them.
                let Ok(cookies) = HeaderValue::from_bytes(&[V4.as_bytes(), b"=", &changed].concat()) else {
                    continue;
                };
                let mut requests = vec![HeaderMap::from_iter([(header::COOKIE, cookies)])];
                let v5 = HeaderValue::from_bytes(&[V5.as_bytes(), b"=", &changed].concat()).unwrap();
                requests.push(HeaderMap::from_iter([(header::COOKIE, v5)]));
                for request in requests {
                    assert_eq!(keys.read_shared(&request, NOW_S), None, "byte {at}, bit {bit}");
                }
            }
        }
        for cut in 0..token.len() {
            assert_eq!(sub(&keys, &token[..cut]), None, "{cut}");
        }
        for spoiled in [format!("{token}="), format!("{token}."), format!(".{token}"), format!("{token}A")] {
            assert_eq!(sub(&keys, &spoiled), None, "{spoiled}");
        }
    }
}

#[test]
fn o34_a_header_that_next_auth_does_not_write_is_refused() {
    let keys = keys(&[SECRET]);
    let check = |header: &str, holds: bool| {
        let v4 = Forged::v4(&payload(&json!({}))).with_header(header);
        assert_eq!(sub(&keys, &v4.seal(SECRET, V4)).is_some(), holds, "{header}");
        let v5 = Forged::v5(&payload(&json!({}))).with_header(header);
        let is_v5 = header == r#"{"alg":"dir","enc":"A256CBC-HS512"}"#;
        assert_eq!(sub(&keys, &v5.seal(SECRET, V5)).is_some(), is_v5, "{header}");
    };
    check(r#"{"alg":"dir","enc":"A256GCM"}"#, true);
    check(r#"{"enc":"A256GCM", "alg":"dir"}"#, true);
    for alg in [
        "none",
        "None",
        "DIR",
        "HS256",
        "RSA-OAEP",
        "RSA-OAEP-256",
        "A256KW",
        "ECDH-ES",
        "PBES2-HS256+A128KW",
        "",
    ] {
        check(&json!({"alg": alg, "enc": "A256GCM"}).to_string(), false);
    }
    for enc in ["A128GCM", "A192GCM", "A256CBC-HS512", "A128CBC-HS256", "XC20P", "none", "", "a256gcm"] {
        check(&json!({"alg": "dir", "enc": enc}).to_string(), false);
    }
    for extra in [
        r#""zip":"DEF""#,
        r#""crit":["exp"],"exp":1"#,
        r#""crit":[]"#,
        r#""b64":false"#,
        r#""jwk":{"kty":"oct","k":"AA"}"#,
        r#""jku":"https://keys.example""#,
        r#""x5u":"https://keys.example""#,
        r#""typ":"JWT""#,
        r#""p2c":4294967295"#,
        r#""alg":"dir""#,
        r#""kid":"../../../dev/null""#,
        r#""kid":"' OR 1=1 --""#,
        r#""kid":"""#,
        r#""kid":7"#,
    ] {
        check(&format!(r#"{{"alg":"dir","enc":"A256GCM",{extra}}}"#), false);
    }
    for header in
        ["", "{}", "null", r#"["dir","A256GCM",null]"#, "\u{feff}{}", r#"{"alg":"dir","enc":"A256GCM"} x"#]
    {
        check(header, false);
    }
}

#[test]
fn o34_a_kid_only_chooses_among_our_secrets() {
    let keys = keys(&[SECRET, OLDER]);
    let right = forge::thumbprint(SECRET, V5);
    let sealed = |kid: &str| Forged::v5(&payload(&json!({}))).with_kid(kid).seal(SECRET, V5);
    assert!(sub(&keys, &sealed(&right)).is_some());
    let long = "k".repeat(4000);
    for kid in [
        "../../../../dev/null",
        "/proc/self/environ",
        "x' UNION SELECT 'key' --",
        "",
        "0",
        &long,
        &forge::thumbprint(OLDER, V5),
        &forge::thumbprint("another", V5),
        &forge::thumbprint(SECRET, V4),
        &right.to_lowercase(),
    ] {
        assert_eq!(sub(&keys, &sealed(kid)), None, "{kid}");
    }
}

#[test]
fn o34_what_is_not_a_sealed_token_of_ours_is_refused() {
    let keys = keys(&[SECRET]);
    let good = Forged::v4(&payload(&json!({}))).seal(SECRET, V4);
    assert!(sub(&keys, &good).is_some());
    let parts: Vec<&str> = good.split('.').collect();
    let [header, _, iv, text, tag] = parts[..] else { panic!("five parts") };
    let long = "A".repeat(64 * 1024);
    let signed = |alg: &str| forge::signed(alg, SECRET, &payload(&json!({})));
    for token in [
        String::new(),
        ".".to_owned(),
        "....".to_owned(),
        // Signed instead of encrypted, with the secret itself or with the derived key.
        signed("HS256"),
        signed("none"),
        forge::unsigned(&payload(&json!({}))),
        // An unexpected key, lengths that do not fit the cipher, other alphabets.
        format!("{header}.AAAA.{iv}.{text}.{tag}"),
        format!("{header}..{}.{text}.{tag}", &iv[..12]),
        format!("{header}..{iv}AAAA.{text}.{tag}"),
        format!("{header}..{iv}.{text}.{}", &tag[..16]),
        format!("{header}..{iv}.{text}.{tag}AA"),
        format!("{header}..{iv}.{text}."),
        format!("{header}...{text}.{tag}"),
        format!("{header}..{iv}..{tag}"),
        format!("{header}..{iv}.{text}.{tag}=="),
        format!("{header} ..{iv}.{text}.{tag}"),
        format!("%65{}", &good[1..]),
        format!("\"{good}\""),
        format!("{header}..{iv}.{text}{long}.{tag}"),
        long.clone(),
    ] {
        assert_eq!(sub(&keys, &token), None, "{}", &token[..token.len().min(300)]);
    }
    // A token over the limit, split into pieces that fit into a header.
    let heavy = Forged::v4(&payload(&json!({"picture": "A".repeat(6200)}))).seal(SECRET, V4);
    assert!(heavy.len() > 8192 && heavy.len() < 2 * 8000);
    let (one, two) = heavy.split_at(4000);
    assert_eq!(keys.read(&request(&format!("{V4}.0={one}; {V4}.1={two}")), NOW_S), None);
    let lighter = Forged::v4(&payload(&json!({"picture": "A".repeat(5800)}))).seal(SECRET, V4);
    let (one, two) = lighter.split_at(4000);
    assert!(keys.read(&request(&format!("{V4}.0={one}; {V4}.1={two}")), NOW_S).is_some());
}

#[test]
fn o34_a_token_counts_between_its_times_and_for_us() {
    let keys = keys(&[SECRET]);
    for (change, holds) in [
        (json!({}), true),
        (json!({"exp": NOW_S - 15}), false),
        (json!({"exp": NOW_S - 14}), true),
        (json!({"exp": null}), false),
        (json!({"iat": NOW_S + 16}), false),
        (json!({"nbf": NOW_S + 16}), false),
        (json!({"nbf": NOW_S - 1}), true),
        (json!({"iss": "https://issuer.example"}), false),
        (json!({"aud": "another"}), false),
        (json!({"sub": ""}), false),
        (json!({"sub": "x".repeat(129)}), false),
    ] {
        let v4 = Forged::v4(&payload(&change)).seal(SECRET, V4);
        let v5 = Forged::v5(&payload(&change)).seal(SECRET, V5);
        assert_eq!([&v4, &v5].map(|token| sub(&keys, token).is_some()), [holds; 2], "{change}");
    }
}

#[test]
fn o34_a_cookie_is_read_only_where_it_belongs() {
    let keys = keys(&[SECRET]);
    let (v4, v5) = (payload(&json!({"sub": "v4"})), payload(&json!({"sub": "v5"})));
    let (v4, v5) = (Forged::v4(&v4).seal(SECRET, V4), Forged::v5(&v5).seal(SECRET, V5));
    let check = |cookies: String, read: Option<&str>, shared: Option<&str>| {
        let request = request(&cookies);
        let sub = |claims: Option<Claims>| claims.map(|claims| claims.sub);
        assert_eq!(sub(keys.read(&request, NOW_S)).as_deref(), read, "{cookies}");
        assert_eq!(sub(keys.read_shared(&request, NOW_S)).as_deref(), shared, "{cookies}");
    };
    check(format!("{V4}={v4}"), Some("v4"), Some("v4"));
    check(format!("{V5}={v5}"), None, Some("v5"));
    check(format!("{V5}={v5}; {V4}={v4}"), Some("v4"), Some("v4"));
    check(format!("{V4}=x; {V5}={v5}"), None, Some("v5"));
    check(format!("{V4}=x; {V4}={v4}"), Some("v4"), Some("v4"));
    check(format!("{V4}=x; {V5}=y; {V5}={v5}"), None, Some("v5"));
    check(format!("{V5}={v4}; {V4}={v5}"), None, None);
    check(format!("__Secure-{V4}={v4}; __Secure-{V5}={v5}; session={v4}"), None, None);
    check(format!("__Secure-{V4}={v4}; {V4}={v4}"), Some("v4"), Some("v4"));
    let mut bearer = HeaderMap::new();
    bearer.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {v4}")).unwrap());
    assert_eq!(keys.read_shared(&bearer, NOW_S), None);
}

#[test]
fn o35_a_secret_opens_until_it_is_removed() {
    let cookie = keys(&[OLDER]).issue(&claims()).unwrap();
    let read = |secrets: &[&str]| keys(secrets).read(&request(pair(&cookie)), NOW_S);
    assert_eq!(read(&[OLDER]), Some(claims()));
    assert_eq!(read(&[SECRET, OLDER]), Some(claims()));
    assert_eq!(read(&[SECRET, "one more", OLDER]), Some(claims()));
    assert_eq!(read(&[SECRET]), None);
    assert_eq!(read(&["", &OLDER[1..], &format!("{OLDER} "), &OLDER.to_uppercase()]), None);
    // The newest secret encrypts.
    let cookie = keys(&[SECRET, OLDER]).issue(&claims()).unwrap();
    assert_eq!(keys(&[SECRET]).read(&request(pair(&cookie)), NOW_S), Some(claims()));
    assert_eq!(keys(&[OLDER]).read(&request(pair(&cookie)), NOW_S), None);
}

#[test]
fn o35_a_token_of_auth_js_without_kid_is_tried_with_the_newest_secret_only() {
    let without = Forged::v5(&payload(&json!({}))).seal(OLDER, V5);
    let kid = forge::thumbprint(OLDER, V5);
    let with = Forged::v5(&payload(&json!({}))).with_kid(&kid).seal(OLDER, V5);
    for (secrets, without_holds, with_holds) in
        [(&[OLDER, SECRET][..], true, true), (&[SECRET, OLDER], false, true), (&[SECRET], false, false)]
    {
        let keys = keys(secrets);
        assert_eq!(sub(&keys, &without).is_some(), without_holds, "{secrets:?}");
        assert_eq!(sub(&keys, &with).is_some(), with_holds, "{secrets:?}");
    }
}

#[derive(Deserialize)]
struct Vectors {
    made_at_s: i64,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    secrets: Vec<String>,
    https: bool,
    shared: bool,
    cookie: String,
    claims: Option<VectorClaims>,
}

#[derive(Deserialize)]
struct VectorClaims {
    sub: String,
    sid: Option<String>,
    email: Option<String>,
    issued_at_s: i64,
    expires_at_s: i64,
}

#[test]
fn what_next_auth_and_auth_js_made_is_read_as_they_would() {
    let Vectors { made_at_s, vectors } =
        serde_json::from_str(include_str!("../../testdata/session_cookie/vectors.json")).unwrap();
    assert_eq!(vectors.iter().filter(|vector| vector.claims.is_some()).count(), 19);
    for Vector { name, secrets, https, shared, cookie, claims } in vectors {
        let secrets: Vec<SecretString> = secrets.into_iter().map(SecretString::from).collect();
        let keys = CookieKeys::new(&secrets, https);
        let expected = claims.map(|VectorClaims { sub, sid, email, issued_at_s, expires_at_s }| Claims {
            sub,
            sid,
            email,
            issued_at_s,
            expires_at_s,
        });
        let request = request(&cookie);
        assert_eq!(keys.read_shared(&request, made_at_s), expected, "{name}");
        assert_eq!(keys.read(&request, made_at_s), expected.filter(|_| !shared), "{name}");
    }
}
