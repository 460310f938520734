//! Sealed messages, which only this service can decrypt, and keyed hashes of codes and numbers, which cannot
//! be reversed.

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use postly_domain::{
    Code, Language, Purpose,
    id::{ChallengeId, MessageId},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Returns a keyed hash as hexadecimal text. One-time grants are recorded by it, so it must never change.
pub fn keyed_hash(key: &SecretString, text: &str) -> String {
    mac(key).map_or_else(String::new, |mac| {
        hex::encode(mac.chain_update(text.as_bytes()).finalize().into_bytes())
    })
}

fn mac(key: &SecretString) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length.
    <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key.expose_secret().as_bytes()).ok()
}

/// Returns SHA-256 in hexadecimal. It protects only a secret with enough random bits that it cannot be
/// guessed.
pub(crate) fn plain_hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Returns random bytes of the system's generator.
///
/// # Errors
/// Fails if the generator fails.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// The system's random generator failed.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the system's random generator does not answer")]
pub struct NoRandomness;

/// The peppers of one-time codes, newest first. The newest is used for new hashes and seals; all of them are
/// tried for reading.
#[derive(Debug, Clone)]
pub(crate) struct CodeKeys {
    list: Vec<SecretString>,
}

/// The encrypted content of a message in the outbox, until the provider has answered.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sealed {
    /// The code, for the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// The language of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<Language>,
    /// The text, including its secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// The buttons below the text: ids and titles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) buttons: Vec<(String, String)>,
    /// The link of a button below the text: the label, and a secret address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<(String, String)>,
    /// The recipient's address, if it must not be stored in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
}

impl CodeKeys {
    /// Wraps peppers, newest first.
    pub(crate) fn new(list: Vec<SecretString>) -> Self {
        Self { list }
    }

    /// Draws a new code.
    pub(crate) fn draw() -> Result<Code, NoRandomness> {
        loop {
            if let Some(code) = Code::from_random(u32::from_le_bytes(random()?)) {
                return Ok(code);
            }
        }
    }

    /// Returns the stored form of a code: an HMAC-SHA-256 over challenge, purpose, phone and code (RULES
    /// 7.1).
    pub(crate) fn code_hash(
        &self,
        challenge: &ChallengeId,
        purpose: Purpose,
        phone: &str,
        code: &Code,
    ) -> String {
        self.list
            .first()
            .map_or_else(String::new, |pepper| code_hash(pepper, challenge, purpose, phone, code))
    }

    /// True if a code matches a hash under any of the peppers. The time does not depend on the result.
    pub(crate) fn is_code(
        &self,
        hash: &str,
        challenge: &ChallengeId,
        purpose: Purpose,
        phone: &str,
        code: &Code,
    ) -> bool {
        let right = self.list.iter().fold(subtle::Choice::from(0), |right, pepper| {
            right | code_hash(pepper, challenge, purpose, phone, code).as_bytes().ct_eq(hash.as_bytes())
        });
        right.into()
    }

    /// Encrypts the content of a message. It can be decrypted for this message only.
    pub(crate) fn seal(&self, message: &MessageId, sealed: &Sealed) -> Result<String, NoRandomness> {
        let nonce: [u8; 12] = random()?;
        let text = serde_json::to_vec(sealed).unwrap_or_default();
        let payload = Payload { msg: &text, aad: message.as_str().as_bytes() };
        let cipher = self.list.first().map(cipher).ok_or(NoRandomness)?;
        let mut bytes = nonce.to_vec();
        bytes.extend(cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| NoRandomness)?);
        Ok(BASE64_STANDARD.encode(bytes))
    }

    /// Decrypts the result of [`CodeKeys::seal`]. `None` if its pepper is no longer configured.
    pub(crate) fn unseal(&self, message: &MessageId, sealed: &str) -> Option<Sealed> {
        let bytes = BASE64_STANDARD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_first_chunk::<12>()?;
        self.list.iter().find_map(|pepper| {
            let payload = Payload { msg: text, aad: message.as_str().as_bytes() };
            let plain = cipher(pepper).decrypt(&Nonce::from(*nonce), payload).ok()?;
            serde_json::from_slice(&plain).ok()
        })
    }
}

fn code_hash(
    pepper: &SecretString,
    challenge: &ChallengeId,
    purpose: Purpose,
    phone: &str,
    code: &Code,
) -> String {
    let Some(mut mac) = mac(pepper) else { return String::new() };
    for part in [challenge.as_str(), purpose.as_str(), phone, code.as_str()] {
        // Each part is hashed with its length, so that no two lists of parts have the same input.
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part.as_bytes());
    }
    hex::encode(mac.finalize().into_bytes())
}

fn cipher(pepper: &SecretString) -> Aes256Gcm {
    let mut key = [0; 32];
    // RFC 5869 allows 255 times 32 bytes, so 32 bytes cannot fail.
    let expanded =
        Hkdf::<Sha256>::new(None, pepper.expose_secret().as_bytes()).expand(b"postly outbox seal", &mut key);
    debug_assert!(expanded.is_ok());
    Aes256Gcm::new(&key.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peppers(list: &[&str]) -> CodeKeys {
        CodeKeys::new(list.iter().map(|text| SecretString::from((*text).to_owned())).collect())
    }

    #[test]
    fn o25_a_hash_is_of_one_code_for_one_challenge_purpose_and_number() {
        let peppers = peppers(&["a pepper of sixteen"]);
        let code = Code::parse("123456").unwrap();
        let (one, other) = (ChallengeId::new("1"), ChallengeId::new("2"));
        let hash = peppers.code_hash(&one, Purpose::Login, "+33612345678", &code);
        assert_eq!(hash.len(), 64);
        assert!(peppers.is_code(&hash, &one, Purpose::Login, "+33612345678", &code));
        assert!(!peppers.is_code(&hash, &other, Purpose::Login, "+33612345678", &code));
        assert!(!peppers.is_code(&hash, &one, Purpose::Link, "+33612345678", &code));
        assert!(!peppers.is_code(&hash, &one, Purpose::Login, "+33612345679", &code));
        assert!(!peppers.is_code(
            &hash,
            &one,
            Purpose::Login,
            "+33612345678",
            &Code::parse("123457").unwrap()
        ));
        assert_ne!(hash, peppers.code_hash(&one, Purpose::Login, "+33612345679", &code));
    }

    #[test]
    fn the_hash_of_a_name_is_hmac_sha_256_for_ever() {
        // RFC 4231, test case 2.
        let key = SecretString::from("Jefe".to_owned());
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(keyed_hash(&key, "what do ya want for nothing?"), expected);
    }

    #[test]
    fn an_older_pepper_still_reads_and_does_not_make() {
        let code = Code::parse("123456").unwrap();
        let (challenge, message) = (ChallengeId::new("1"), MessageId::new("m"));
        let old = peppers(&["an old pepper of some length"]);
        let hash = old.code_hash(&challenge, Purpose::Login, "", &code);
        let sealed =
            old.seal(&message, &Sealed { code: Some("123456".to_owned()), ..Sealed::default() }).unwrap();
        let both = peppers(&["a new pepper of some length", "an old pepper of some length"]);
        assert!(both.is_code(&hash, &challenge, Purpose::Login, "", &code));
        assert_eq!(both.unseal(&message, &sealed).unwrap().code.as_deref(), Some("123456"));
        assert_ne!(both.code_hash(&challenge, Purpose::Login, "", &code), hash);
        let new = peppers(&["a new pepper of some length"]);
        assert!(!new.is_code(&hash, &challenge, Purpose::Login, "", &code));
        assert!(new.unseal(&message, &sealed).is_none());
    }

    #[test]
    fn what_is_sealed_for_one_message_cannot_be_moved_to_another() {
        let peppers = peppers(&["a pepper of sixteen"]);
        let sealed = peppers.seal(&MessageId::new("m"), &Sealed::default()).unwrap();
        assert!(!sealed.contains("code"));
        assert!(peppers.unseal(&MessageId::new("n"), &sealed).is_none());
        assert!(peppers.unseal(&MessageId::new("m"), "AAAA").is_none());
        assert!(peppers.unseal(&MessageId::new("m"), "not base64").is_none());
    }

    #[test]
    fn o24_drawn_codes_show_every_digit_in_every_place() {
        // 20,000 codes: each of the 60 pairs of place and digit is expected 2,000 times, with a standard
        // deviation of 42. A deviation of eight times that occurs once in some 10^14 runs.
        let mut counts = [[0_i32; 10]; 6];
        for _ in 0..20_000 {
            let code = CodeKeys::draw().unwrap();
            for (place, digit) in code.as_str().bytes().enumerate() {
                counts[place][usize::from(digit - b'0')] += 1;
            }
        }
        for count in counts.iter().flatten() {
            assert!((count - 2_000).abs() < 8 * 43, "{counts:?}");
        }
    }
}
