//! The keys that NextAuth v4 and Auth.js v5 derive from a secret.

use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use sha2::{Digest, Sha256, Sha512};

use super::jwe::Encryption;

/// All keys of one secret. Auth.js derives a separate key for each cookie name and cipher.
pub(super) struct Keys {
    pub(super) v4: GcmKey,
    pub(super) v5_cbc: CbcKey,
    pub(super) v5_gcm: GcmKey,
    v5_cbc_thumbprint: String,
    v5_gcm_thumbprint: String,
}

/// A key of A256GCM.
pub(super) struct GcmKey {
    pub(super) cipher: Aes256Gcm,
}

/// A key of A256CBC-HS512 (RFC 7518, 5.2.2.1): the first half authenticates, the second encrypts.
pub(super) struct CbcKey {
    pub(super) mac: [u8; 32],
    pub(super) cipher: [u8; 32],
}

impl Keys {
    /// Derives the keys. Returns `None` for an empty secret, as next-auth refuses it. `v5_name` is the name
    /// of the cookie in Auth.js.
    pub(super) fn derive(secret: &str, v5_name: &str) -> Option<Self> {
        if secret.is_empty() {
            return None;
        }
        let v4: [u8; 32] = derive(secret, "", "NextAuth.js Generated Encryption Key")?;
        let v5_info = format!("Auth.js Generated Encryption Key ({v5_name})");
        let gcm: [u8; 32] = derive(secret, v5_name, &v5_info)?;
        let cbc: [u8; 64] = derive(secret, v5_name, &v5_info)?;
        let (mac, cipher) = cbc.split_first_chunk::<32>()?;
        Some(Self {
            v4: GcmKey { cipher: Aes256Gcm::new((&v4).into()) },
            v5_cbc: CbcKey { mac: *mac, cipher: cipher.try_into().ok()? },
            v5_gcm: GcmKey { cipher: Aes256Gcm::new((&gcm).into()) },
            v5_cbc_thumbprint: thumbprint::<Sha512>(&cbc),
            v5_gcm_thumbprint: thumbprint::<Sha256>(&gcm),
        })
    }

    /// Returns the `kid` by which Auth.js names the key of this cipher.
    pub(super) fn v5_thumbprint(&self, encryption: Encryption) -> &str {
        match encryption {
            Encryption::A256CbcHs512 => &self.v5_cbc_thumbprint,
            Encryption::A256Gcm => &self.v5_gcm_thumbprint,
        }
    }
}

/// Derives a key from the bytes of the secret's text, without decoding it. Returns `None` for more than 8,160
/// bytes, the limit of HKDF.
fn derive<const BYTES: usize>(secret: &str, salt: &str, info: &str) -> Option<[u8; BYTES]> {
    let mut key = [0; BYTES];
    let hkdf = Hkdf::<Sha256>::new(Some(salt.as_bytes()), secret.as_bytes());
    hkdf.expand(info.as_bytes(), &mut key).ok()?;
    Some(key)
}

/// Returns the thumbprint of a symmetric key (RFC 7638). Auth.js uses the hash with as many bits as the key.
fn thumbprint<D: Digest>(key: &[u8]) -> String {
    let jwk = format!(r#"{{"k":"{}","kty":"oct"}}"#, URL_SAFE_NO_PAD.encode(key));
    URL_SAFE_NO_PAD.encode(D::digest(jwk))
}
