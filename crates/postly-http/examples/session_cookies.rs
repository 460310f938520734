//! Writes session cookies of this service for next-auth to read, one JSON object a line.
//!
//! `cargo run -p postly-http --example session_cookies -- FILE`

use std::{error::Error, fmt::Write as _};

use postly_http::{Claims, CookieKeys};
use serde_json::json;

/// In 2023 and in 2100, because next-auth compares with the system clock.
const ISSUED_AT_S: i64 = 1_700_000_000;
const EXPIRES_AT_S: i64 = 4_102_444_800;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name the file to write")?;
    let mut text = String::new();
    for secret in ["a secret of 32 bytes, or so, for tests", "c2VjcmV0cw==", "un secret à accents, ключ, 🔑"]
    {
        for (https, sid, email) in [
            (false, Some("01990000-0000-7000-8000-0000000000aa"), Some("fatou@example.org")),
            (true, Some("01990000-0000-7000-8000-0000000000ab"), None),
            (true, None, Some("à@exemple.sn")),
        ] {
            let claims = Claims {
                sub: "01990000-0000-7000-8000-000000000001".to_owned(),
                sid: sid.map(str::to_owned),
                email: email.map(str::to_owned),
                issued_at_s: ISSUED_AT_S,
                expires_at_s: EXPIRES_AT_S,
            };
            let cookie = CookieKeys::new(&[secret.into(), "an older secret".into()], https).issue(&claims)?;
            let line = json!({
                "secret": secret,
                "https": https,
                "set_cookie": cookie.to_str()?,
                "claims": {
                    "sub": claims.sub, "sid": sid, "email": email, "issued_at_s": ISSUED_AT_S,
                    "expires_at_s": EXPIRES_AT_S,
                },
            });
            writeln!(text, "{line}")?;
        }
    }
    Ok(std::fs::write(path, text)?)
}
