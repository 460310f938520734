use axum::http::{HeaderMap, HeaderValue, header};
use postly_http::CookieKeys;
use serde_json::Value;

use crate::{
    mutate::{mutate, script},
    target::fuzz,
};

/// Fragments with a meaning in cookies and tokens.
const TOKENS: [&str; 16] = [
    ".",
    "..",
    "=",
    ";",
    "; ",
    "next-auth.session-token",
    "next-auth.session-token.0",
    "next-auth.session-token.9=",
    "authjs.session-token=",
    "__Secure-",
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0",
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0",
    "AAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAA",
    "\t",
    "\u{fc}",
];

#[test]
fn o34_any_cookie_is_read_or_not_and_only_what_was_sealed_is() {
    let text = include_str!("../../testdata/session_cookie/vectors.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let now_s = file["made_at_s"].as_i64().unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    let samples: Vec<Vec<u8>> =
        vectors.iter().map(|vector| vector["cookie"].as_str().unwrap().as_bytes().to_vec()).collect();
    let secrets = || vectors.iter().flat_map(|vector| vector["secrets"].as_array().unwrap());
    let keys = [false, true].map(|https| {
        let secrets: Vec<_> = secrets().map(|secret| secret.as_str().unwrap().into()).collect();
        CookieKeys::new(&secrets, https)
    });
    fuzz(file!(), &script(), |script| {
        let cookies = mutate(&samples, &script, &TOKENS);
        let Ok(cookies) = HeaderValue::from_bytes(&cookies) else { return };
        let request = HeaderMap::from_iter([(header::COOKIE, cookies)]);
        for keys in &keys {
            for claims in
                [keys.read(&request, now_s), keys.read_shared(&request, now_s)].into_iter().flatten()
            {
                assert_eq!(claims.sub, "01990000-0000-7000-8000-000000000001");
                assert_eq!(claims.issued_at_s, now_s);
            }
            assert!(keys.clear(&request).len() <= 11);
        }
    });
}
