//! Encrypted tokens in compact form (RFC 7516, 3.1), with the two ciphers of session cookies.

use aes_gcm::aead::{Aead as _, Payload};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _, block_padding::Pkcs7};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha512;
use subtle::ConstantTimeEq as _;

use super::{
    claims::object,
    keys::{CbcKey, GcmKey},
};

/// The longest token that is parsed. Ours have about 400 bytes; a larger token of another site must still fit
/// into a few cookies of 4,096 bytes.
pub(super) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The length of the nonce, by RFC 7518, 5.3.
pub(super) const GCM_IV_BYTES: usize = 12;
const GCM_TAG_BYTES: usize = 16;
/// By RFC 7518, 5.2.5: one AES block, and half of an HMAC-SHA-512.
const CBC_IV_BYTES: usize = 16;
const CBC_TAG_BYTES: usize = 32;

/// The header of a next-auth token.
const V4_HEADER: &str = r#"{"alg":"dir","enc":"A256GCM"}"#;

/// The ciphers that NextAuth and Auth.js use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    A256Gcm,
    A256CbcHs512,
}

/// A parsed token, not yet decrypted.
#[derive(Debug)]
pub(super) struct Jwe<'a> {
    pub(super) encryption: Encryption,
    pub(super) kid: Option<String>,
    /// The header in its original encoding, which is authenticated too.
    header: &'a str,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

/// The accepted fields of a header. Compression (`zip`), extensions (`crit`) and others are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    enc: String,
    kid: Option<String>,
}

impl<'a> Jwe<'a> {
    /// Parses a token. Returns `None` unless it has five parts in strict base64url, a header of next-auth or
    /// Auth.js, and no encrypted key (`dir`).
    pub(super) fn parse(token: &'a str) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut parts = token.split('.');
        let (header, "", iv, ciphertext, tag, None) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next())
        else {
            return None;
        };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let Header { alg, enc, kid } = object(&decode(header)?)?;
        let encryption = match (alg.as_str(), enc.as_str()) {
            ("dir", "A256GCM") => Encryption::A256Gcm,
            ("dir", "A256CBC-HS512") => Encryption::A256CbcHs512,
            _ => return None,
        };
        let (iv, ciphertext, tag) = (decode(iv)?, decode(ciphertext)?, decode(tag)?);
        Some(Self { encryption, kid, header, iv, ciphertext, tag })
    }

    /// Decrypts AES-GCM. Returns `None` if the key does not match.
    pub(super) fn open_gcm(&self, key: &GcmKey) -> Option<Vec<u8>> {
        let iv: &[u8; GCM_IV_BYTES] = self.iv.as_slice().try_into().ok()?;
        let tag: &[u8; GCM_TAG_BYTES] = self.tag.as_slice().try_into().ok()?;
        let sealed = [&self.ciphertext[..], tag].concat();
        key.cipher.decrypt(iv.into(), Payload { msg: &sealed, aad: self.header.as_bytes() }).ok()
    }

    /// Decrypts AES-CBC with HMAC-SHA-512. Returns `None` if the key does not match. The padding is checked
    /// only after the tag has been verified.
    pub(super) fn open_cbc(&self, key: &CbcKey) -> Option<Vec<u8>> {
        let iv: &[u8; CBC_IV_BYTES] = self.iv.as_slice().try_into().ok()?;
        let tag: &[u8; CBC_TAG_BYTES] = self.tag.as_slice().try_into().ok()?;
        let header_bits = u64::try_from(self.header.len()).ok()?.checked_mul(8)?;
        let mac = Hmac::<Sha512>::new_from_slice(&key.mac)
            .ok()?
            .chain_update(self.header)
            .chain_update(iv)
            .chain_update(&self.ciphertext)
            .chain_update(header_bits.to_be_bytes())
            .finalize()
            .into_bytes();
        if !bool::from(mac.get(..CBC_TAG_BYTES)?.ct_eq(tag)) {
            return None;
        }
        let mut bytes = self.ciphertext.clone();
        let opened = cbc::Decryptor::<aes::Aes256>::new((&key.cipher).into(), iv.into())
            .decrypt_padded::<Pkcs7>(&mut bytes)
            .ok()?
            .len();
        bytes.truncate(opened);
        Some(bytes)
    }
}

/// Encrypts a token in the form of next-auth. The `iv` must be new. Returns `None` for more than 64 GB, the
/// limit of AES-GCM.
pub(super) fn seal(key: &GcmKey, iv: [u8; GCM_IV_BYTES], payload: &str) -> Option<String> {
    let header = URL_SAFE_NO_PAD.encode(V4_HEADER);
    let payload = Payload { msg: payload.as_bytes(), aad: header.as_bytes() };
    let sealed = key.cipher.encrypt((&iv).into(), payload).ok()?;
    let (ciphertext, tag) = sealed.split_last_chunk::<GCM_TAG_BYTES>()?;
    let [iv, ciphertext, tag] = [&iv[..], ciphertext, tag].map(|part| URL_SAFE_NO_PAD.encode(part));
    Some(format!("{header}..{iv}.{ciphertext}.{tag}"))
}
