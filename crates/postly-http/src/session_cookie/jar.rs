//! The cookies of a request.

use axum::http::{HeaderMap, HeaderValue, header};

use super::jwe::MAX_TOKEN_BYTES;

/// The longest `Cookie` headers that are looked at, together: what Node.js takes of all headers, so no site with
/// NextAuth has ever read more.
const MAX_COOKIE_BYTES: usize = 16 * 1024;

/// How many pieces a cookie may have: so many of 3,933 bytes do not fit in [`MAX_COOKIE_BYTES`], and a number has one
/// digit.
const MAX_CHUNKS: usize = 10;

/// The token in a cookie of this name, or in its pieces (`name.0`, `name.1`…), put together as next-auth's
/// `SessionStore` does. The whole goes before the pieces: those were left behind. Of two with one name the first counts.
pub(super) fn token(request: &HeaderMap, name: &str) -> Option<String> {
    let size: usize = request.get_all(header::COOKIE).iter().map(HeaderValue::len).sum();
    if size > MAX_COOKIE_BYTES {
        return None;
    }
    let whole = pairs(request).find(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value);
    let token = match whole {
        Some(value) if !value.is_empty() => value.to_vec(),
        _ => chunks(request, name).into_iter().flatten().flatten().copied().collect(),
    };
    let is_bounded = (1..=MAX_TOKEN_BYTES).contains(&token.len());
    is_bounded.then(|| String::from_utf8(token).ok())?
}

/// The names of the pieces that a request brought.
pub(super) fn chunk_names(request: &HeaderMap, name: &str) -> Vec<String> {
    let chunks = chunks(request, name).into_iter().enumerate();
    chunks.filter_map(|(number, chunk)| chunk.map(|_| format!("{name}.{number}"))).collect()
}

fn chunks<'a>(request: &'a HeaderMap, name: &str) -> [Option<&'a [u8]>; MAX_CHUNKS] {
    let mut chunks = [None; MAX_CHUNKS];
    for (found, value) in pairs(request) {
        let number = found.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"."));
        let Some([digit @ b'0'..=b'9']) = number else { continue };
        if let Some(chunk) = chunks.get_mut(usize::from(digit - b'0')) {
            chunk.get_or_insert(value);
        }
    }
    chunks
}

/// Names and values, as they stand there: nothing of ours is quoted or escaped.
fn pairs(request: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let headers = request.get_all(header::COOKIE).iter();
    headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b';')).filter_map(|pair| {
        let mut sides = pair.splitn(2, |byte| *byte == b'=');
        Some((sides.next()?.trim_ascii(), sides.next()?.trim_ascii()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cookies: &[&[u8]]) -> HeaderMap {
        let value = |bytes: &&[u8]| (header::COOKIE, HeaderValue::from_bytes(bytes).unwrap());
        cookies.iter().map(value).collect()
    }

    #[test]
    fn a_token_is_found_whole_or_in_pieces() {
        let check = |cookies: &str, expected: Option<&str>| {
            assert_eq!(token(&request(&[cookies.as_bytes()]), "s.t").as_deref(), expected, "{cookies}");
        };
        check("", None);
        check("s.t", None);
        check("s.t=", None);
        check("s.t=a", Some("a"));
        check("a=b; s.t = a=b ;c", Some("a=b"));
        check("s.t=first; s.t=second", Some("first"));
        check("x=s.t=a; S.T=b; s.tt=c; xs.t=d; s.t.=e; s.t.00=f; s.t.10=g; s.t.a=h; s.t.0.0=i", None);
        check("s.t.1=b; s.t.0=a; s.t.2=c; s.t.0=d", Some("abc"));
        check("s.t.0=a; s.t=whole", Some("whole"));
        check("s.t=; s.t.0=a", Some("a"));
        assert_eq!(token(&request(&[b"a=\xff\x80; s.t.0=a", b"s.t.1=b"]), "s.t").as_deref(), Some("ab"));
        assert_eq!(token(&request(&[b"s.t=\xff"]), "s.t"), None);
        assert_eq!(token(&HeaderMap::new(), "s.t"), None);
    }

    #[test]
    fn a_token_and_the_cookies_around_it_have_a_bound() {
        let found = |cookies: String| token(&request(&[cookies.as_bytes()]), "s.t").map(|token| token.len());
        assert_eq!(found(format!("s.t={}", "a".repeat(8192))), Some(8192));
        assert_eq!(found(format!("s.t={}", "a".repeat(8193))), None);
        assert_eq!(found(format!("s.t.0={}; s.t.1={}", "a".repeat(5000), "b".repeat(5000))), None);
        assert_eq!(found(format!("s.t=a; x={}", "x".repeat(16_375))), Some(1));
        assert_eq!(found(format!("s.t=a; x={}", "x".repeat(16_376))), None);
    }

    #[test]
    fn pieces_are_named_once_each() {
        let names = |cookies: &str| chunk_names(&request(&[cookies.as_bytes()]), "s.t");
        assert_eq!(names("s.t=x; s.t.3=; s.t.0=a; s.t.0=b; s.t.x=c"), ["s.t.0", "s.t.3"]);
        assert!(names("s.t=x").is_empty());
    }
}
