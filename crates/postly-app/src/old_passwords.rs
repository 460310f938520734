//! Password hashes of another program: bcrypt, until the next login replaces them.

/// The accepted costs: bcrypt has none below 4, and 14 takes a core for a second.
const COSTS: std::ops::RangeInclusive<u32> = 4..=14;

/// The reason why a hash cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OldHashError {
    NotBcrypt,
    Cost,
}

/// Checks that a text is a bcrypt hash (`$2a$`, `$2b$` or `$2y$`) that can be compared in bounded time.
/// `$2x$` marks hashes of a faulty implementation.
pub(crate) fn check(hash: &str) -> Result<(), OldHashError> {
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|prefix| hash.strip_prefix(prefix));
    let (cost, salted) = rest.and_then(|rest| rest.split_once('$')).ok_or(OldHashError::NotBcrypt)?;
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
    if cost.len() != 2 || salted.len() != 53 || !salted.bytes().all(is_base64) {
        return Err(OldHashError::NotBcrypt);
    }
    let cost: u32 = cost.parse().map_err(|_| OldHashError::NotBcrypt)?;
    if COSTS.contains(&cost) { Ok(()) } else { Err(OldHashError::Cost) }
}

/// True if a stored hash is one of bcrypt.
pub(crate) fn is_old(hash: &str) -> bool {
    check(hash).is_ok()
}

/// Compares a password with a bcrypt hash. Bytes after the 72nd are ignored, as by the program that made the
/// hash.
pub(crate) fn verify(password: &str, hash: &str) -> bool {
    is_old(hash) && bcrypt::verify(password, hash).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by npm `bcryptjs` 3.0.3 and by libxcrypt 4.4.33, from `crème brûlée`.
    const MADE: [&str; 2] = [BCRYPTJS, LIBXCRYPT];
    const BCRYPTJS: &str = "$2b$04$G1ZIEjmumaJQMDwCFwRFDuKGvLiFVxzBuP.yVjZFHehqA.zubmEU.";
    const LIBXCRYPT: &str = "$2y$04$abcdefghijklmnopqrstuuSXxILBM7OMjz06pU6DjD56dCH23CHyO";

    #[test]
    fn a_hash_of_another_program_verifies() {
        for hash in MADE {
            assert!(verify("crème brûlée", hash), "{hash}");
            assert!(!verify("creme brulee", hash), "{hash}");
        }
    }

    #[test]
    fn bytes_after_the_72nd_do_not_count() {
        let hash = "$2b$04$Pv/txP58s5ejq8jRuVvFN.CPPFi60IA0RPz8krIgHlY/Y65Dq1f3a";
        assert!(verify(&"a".repeat(100), hash));
        assert!(verify(&"a".repeat(72), hash));
        assert!(!verify(&"a".repeat(71), hash));
    }

    #[test]
    fn other_hashes_are_refused() {
        for (hash, expected) in [
            ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA", OldHashError::NotBcrypt),
            ("5f4dcc3b5aa765d61d8327deb882cf99", OldHashError::NotBcrypt),
            ("", OldHashError::NotBcrypt),
            (&BCRYPTJS.replace("$2b$", "$2x$"), OldHashError::NotBcrypt),
            (&BCRYPTJS[..59], OldHashError::NotBcrypt),
            (&BCRYPTJS.replace("$04$", "$31$"), OldHashError::Cost),
            (&BCRYPTJS.replace("$04$", "$03$"), OldHashError::Cost),
        ] {
            assert_eq!(check(hash), Err(expected), "{hash}");
            assert!(!verify("crème brûlée", hash));
        }
    }
}
