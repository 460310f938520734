//! One-time codes of the second factor (RFC 6238): HMAC-SHA-1, 30 s, six digits, as authenticator apps make
//! them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use postly_domain::UnixMillis;
use secrecy::{ExposeSecret as _, SecretSlice};
use sha1::Sha1;

/// The validity of a code.
const STEP_MS: i64 = 30_000;
/// The number of steps that the clock of the phone may differ, each way.
const DRIFT: i64 = 1;
/// The shortest secret: 80 bits, as some services still issue (RFC 4226 requires 128).
const SHORTEST_BYTES: usize = 10;
/// The longest secret. A file is not read as one by mistake.
const LONGEST_BYTES: usize = 128;

/// The secret shared with the operator's authenticator.
#[derive(Clone)]
pub(super) struct TotpSecret(SecretSlice<u8>);

impl TotpSecret {
    /// Reads base32 (RFC 4648) of at least 80 bits, in either case, with or without blanks, dashes and
    /// padding.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = base32(text)?;
        let fits = (SHORTEST_BYTES..=LONGEST_BYTES).contains(&bytes.len());
        fits.then(|| Self(SecretSlice::from(bytes)))
    }

    /// Returns the step of a code that is valid at an instant; `None` for a wrong code.
    pub(super) fn step_of(&self, typed: &str, now: UnixMillis) -> Option<i64> {
        let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        let step = now.0.div_euclid(STEP_MS);
        // Every candidate is compared, so that the time reveals nothing.
        (step - DRIFT..=step + DRIFT).fold(None, |found, step| {
            let right = self
                .code(step)
                .is_some_and(|code| subtle::ConstantTimeEq::ct_eq(code.as_bytes(), typed.as_bytes()).into());
            if right { Some(step) } else { found }
        })
    }

    /// Computes the code of a step (RFC 4226, 5.3).
    fn code(&self, step: i64) -> Option<String> {
        let mac = Hmac::<Sha1>::new_from_slice(self.0.expose_secret()).ok()?;
        let digest = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
        let offset = usize::from(digest.last()? & 0x0f);
        let word: [u8; 4] = digest.get(offset..offset + 4)?.try_into().ok()?;
        Some(format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000))
    }
}

fn base32(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut buffer, mut bits) = (vec![], 0_u32, 0);
    let digits = text.bytes().filter(|byte| !matches!(byte, b' ' | b'-'));
    let digits: Vec<u8> = digits.collect();
    let end = digits.iter().position(|byte| *byte == b'=').unwrap_or(digits.len());
    if digits.iter().skip(end).any(|byte| *byte != b'=') {
        return None;
    }
    for digit in digits.iter().take(end) {
        let value = ALPHABET.iter().position(|known| *known == digit.to_ascii_uppercase())?;
        buffer = (buffer << 5) | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
            buffer &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the ASCII secret `12345678901234567890`. Of its codes the tests use the last six
    /// digits.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = TotpSecret::parse(RFC).unwrap();
        for (secs, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = UnixMillis(secs * 1_000);
            assert_eq!(secret.code(secs / 30).as_deref(), Some(code));
            for (later_ms, holds) in
                [(0, true), (-30_000, true), (30_000, true), (-60_000, false), (60_000, false)]
            {
                let step = secret.step_of(code, now.plus_ms(later_ms));
                assert_eq!(step, holds.then_some(secs / 30), "{code} {later_ms}");
            }
        }
        assert!(secret.step_of(" 287 082 ", UnixMillis(59_000)).is_some());
        for wrong in ["", "28708", "2870820", "287083", "２８７０８２"] {
            assert_eq!(secret.step_of(wrong, UnixMillis(59_000)), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_base32_of_80_bits() {
        for (text, is_secret) in [
            ("JBSWY3DPEHPK3PXP", true),
            ("jbsw y3dp-ehpk 3pxp", true),
            ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", true),
            ("JBSWY3DPEHPK3PXPJA======", true),
            ("JBSWY3DPEHPK3PX", false),
            ("JBSWY3DPEHPK3PX1", false),
            ("JBSWY3DPEHPK=PXP", false),
            ("", false),
        ] {
            assert_eq!(TotpSecret::parse(text).is_some(), is_secret, "{text}");
        }
    }
}
