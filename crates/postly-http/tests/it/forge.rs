//! Forged tokens, encrypted with the right keys. Shares no code with the implementation under test.

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cbc::cipher::{BlockModeEncrypt as _, KeyIvInit as _, block_padding::Pkcs7};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::{Digest as _, Sha256, Sha512};

/// A token of NextAuth v4 or of Auth.js v5, with its deviations.
pub(crate) struct Forged {
    is_v5: bool,
    header: Option<String>,
    kid: Option<String>,
    payload: String,
}

impl Forged {
    pub(crate) fn v4(payload: &str) -> Self {
        Self { is_v5: false, header: None, kid: None, payload: payload.to_owned() }
    }

    pub(crate) fn v5(payload: &str) -> Self {
        Self { is_v5: true, ..Self::v4(payload) }
    }

    /// Replaces the usual header.
    pub(crate) fn with_header(self, header: &str) -> Self {
        Self { header: Some(header.to_owned()), ..self }
    }

    pub(crate) fn with_kid(self, kid: &str) -> Self {
        Self { kid: Some(kid.to_owned()), ..self }
    }

    pub(crate) fn seal(&self, secret: &str, cookie: &str) -> String {
        let enc = if self.is_v5 { "A256CBC-HS512" } else { "A256GCM" };
        let usual = match &self.kid {
            Some(kid) => json!({"alg": "dir", "enc": enc, "kid": kid}),
            None => json!({"alg": "dir", "enc": enc}),
        };
        let header = encode(self.header.clone().unwrap_or_else(|| usual.to_string()));
        let (iv, text, tag) = if self.is_v5 {
            cbc(&v5_key(secret, cookie), &header, self.payload.as_bytes())
        } else {
            gcm(secret, &header, self.payload.as_bytes())
        };
        format!("{header}..{}.{}.{}", encode(iv), encode(text), encode(tag))
    }
}

/// Returns the `kid` of Auth.js.
pub(crate) fn thumbprint(secret: &str, cookie: &str) -> String {
    encode(Sha512::digest(format!(r#"{{"k":"{}","kty":"oct"}}"#, encode(v5_key(secret, cookie)))))
}

/// Returns a signed token in three parts, with the secret itself as key.
pub(crate) fn signed(alg: &str, secret: &str, payload: &str) -> String {
    let text = format!("{}.{}", encode(json!({"alg": alg, "typ": "JWT"}).to_string()), encode(payload));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", encode(mac.finalize().into_bytes()))
}

/// Returns a token in five parts without encryption.
pub(crate) fn unsigned(payload: &str) -> String {
    format!("{}...{}.", encode(r#"{"alg":"none","enc":"none"}"#), encode(payload))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn v5_key(secret: &str, cookie: &str) -> [u8; 64] {
    let mut key = [0; 64];
    let info = format!("Auth.js Generated Encryption Key ({cookie})");
    let hkdf = Hkdf::<Sha256>::new(Some(cookie.as_bytes()), secret.as_bytes());
    hkdf.expand(info.as_bytes(), &mut key).unwrap();
    key
}

fn gcm(secret: &str, header: &str, payload: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let mut key = [0; 32];
    let hkdf = Hkdf::<Sha256>::new(None, secret.as_bytes());
    hkdf.expand(b"NextAuth.js Generated Encryption Key", &mut key).unwrap();
    let payload = Payload { msg: payload, aad: header.as_bytes() };
    let mut text = Aes256Gcm::new((&key).into()).encrypt((&[7; 12]).into(), payload).unwrap();
    let tag = text.split_off(text.len() - 16);
    (vec![7; 12], text, tag)
}

fn cbc(key: &[u8; 64], header: &str, payload: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let (mac, cipher) = key.split_at(32);
    let iv = [7; 16];
    let mut text = payload.to_vec();
    text.resize(payload.len() + 16, 0);
    let encryptor = cbc::Encryptor::<aes::Aes256>::new_from_slices(cipher, &iv).unwrap();
    let text = encryptor.encrypt_padded::<Pkcs7>(&mut text, payload.len()).unwrap().to_vec();
    let bits = 8 * header.len() as u64;
    let mut tag = Hmac::<Sha512>::new_from_slice(mac).unwrap();
    for part in [header.as_bytes(), &iv, &text, &bits.to_be_bytes()] {
        tag.update(part);
    }
    (iv.to_vec(), text, tag.finalize().into_bytes().first_chunk::<32>().unwrap().to_vec())
}
