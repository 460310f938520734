//! Reads session tokens from the cookies of a request.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, HeaderValue, header};

use super::jwe::MAX_TOKEN_BYTES;

/// The total length of `Cookie` headers that is read. It is the limit of Node.js for all headers together, so
/// no site with NextAuth has ever read more.
const MAX_COOKIE_BYTES: usize = 16 * 1024;

/// The pieces of one cookie: 10 pieces of 3,933 bytes exceed [`MAX_COOKIE_BYTES`], and a number has one
/// digit.
const MAX_CHUNKS: usize = 10;

/// The tokens of one name that are tried. A browser sends a cookie of this name once for each path and domain
/// that set it. Two occur after a site has moved; more are an attack.
const MAX_TOKENS: usize = 5;

/// Returns the tokens in the cookies of this name and in their pieces (`name.0`, `name.1`…), joined as in
/// next-auth's `SessionStore`. Whole tokens precede joined ones, because the pieces are leftovers. Otherwise
/// the order is the browser's: longer path first, then older cookie first.
pub(super) fn tokens(request: &HeaderMap, name: &str) -> Vec<String> {
    let size: usize = request.get_all(header::COOKIE).iter().map(HeaderValue::len).sum();
    if size > MAX_COOKIE_BYTES {
        return vec![];
    }
    let whole =
        pairs(request).filter(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value.to_vec());
    let pieces = chunks(request, name)
        .into_iter()
        .map(|chunks| chunks.into_iter().flatten().collect::<Vec<_>>().concat());
    let mut tokens = vec![];
    for token in whole.chain(pieces).filter(|token| (1..=MAX_TOKEN_BYTES).contains(&token.len())) {
        if let Ok(token) = String::from_utf8(token)
            && !tokens.contains(&token)
        {
            tokens.push(token);
        }
        if tokens.len() == MAX_TOKENS {
            break;
        }
    }
    tokens
}

/// Returns the names of the pieces in a request, each once.
pub(super) fn chunk_names(request: &HeaderMap, name: &str) -> Vec<String> {
    let numbers: BTreeSet<usize> = numbered(request, name).map(|(number, _)| number).collect();
    numbers.into_iter().map(|number| format!("{name}.{number}")).collect()
}

/// Groups the pieces by cookie, each at the index of its number. A repeated number begins another cookie,
/// because a browser sends the cookies of one path together.
fn chunks<'a>(request: &'a HeaderMap, name: &str) -> Vec<[Option<&'a [u8]>; MAX_CHUNKS]> {
    let mut cookies: Vec<[Option<&[u8]>; MAX_CHUNKS]> = vec![];
    for (number, value) in numbered(request, name) {
        let is_free =
            |chunks: &mut [Option<&[u8]>; MAX_CHUNKS]| chunks.get(number).is_some_and(Option::is_none);
        if !cookies.last_mut().is_some_and(is_free) {
            cookies.push([None; MAX_CHUNKS]);
        }
        if let Some(chunk) = cookies.last_mut().and_then(|chunks| chunks.get_mut(number)) {
            *chunk = Some(value);
        }
    }
    cookies
}

/// Returns the numbers and values of pieces, in the order of the request.
fn numbered<'a>(request: &'a HeaderMap, name: &str) -> impl Iterator<Item = (usize, &'a [u8])> {
    pairs(request).filter_map(move |(found, value)| {
        match found.strip_prefix(name.as_bytes())?.strip_prefix(b".")? {
            [digit @ b'0'..=b'9'] => Some((usize::from(digit - b'0'), value)),
            _ => None,
        }
    })
}

/// Returns names and values as they are: none of ours is quoted or escaped.
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
        let check = |cookies: &str, expected: &[&str]| {
            assert_eq!(tokens(&request(&[cookies.as_bytes()]), "s.t"), expected, "{cookies}");
        };
        check("", &[]);
        check("s.t", &[]);
        check("s.t=", &[]);
        check("s.t=a", &["a"]);
        check("a=b; s.t = a=b ;c", &["a=b"]);
        check("x=s.t=a; S.T=b; s.tt=c; xs.t=d; s.t.=e; s.t.00=f; s.t.10=g; s.t.a=h; s.t.0.0=i", &[]);
        check("s.t.1=b; s.t.0=a; s.t.2=c", &["abc"]);
        check("s.t.0=a; s.t=whole", &["whole", "a"]);
        check("s.t=; s.t.0=a", &["a"]);
        let found = |cookies: &[&[u8]]| tokens(&request(cookies), "s.t");
        assert_eq!(found(&[b"a=\xff\x80; s.t.0=a", b"s.t.1=b"]), ["ab"]);
        assert_eq!(found(&[b"s.t=\xff; s.t=a"]), ["a"]);
        assert!(tokens(&HeaderMap::new(), "s.t").is_empty());
    }

    #[test]
    fn each_cookie_of_a_name_is_tried_once_and_so_are_the_pieces_of_each() {
        let check = |cookies: &str, expected: &[&str]| {
            assert_eq!(tokens(&request(&[cookies.as_bytes()]), "s.t"), expected, "{cookies}");
        };
        check("s.t=first; s.t=second", &["first", "second"]);
        check("s.t=same; x=y; s.t=same", &["same"]);
        check("s.t.1=b; s.t.0=a; s.t.2=c; s.t.0=d", &["abc", "d"]);
        check("s.t.0=a; s.t.1=b; s.t.0=c; s.t.1=d; s.t.2=e", &["ab", "cde"]);
        check("s.t.0=a; s.t.1=b; s.t.0=c; s.t.1=d; s.t=whole", &["whole", "ab", "cd"]);
        check("s.t=1; s.t=2; s.t=3; s.t.0=4; s.t=5; s.t=6; s.t=7", &["1", "2", "3", "5", "6"]);
    }

    #[test]
    fn a_token_and_the_cookies_around_it_have_a_bound() {
        let found = |cookies: String| {
            let found = tokens(&request(&[cookies.as_bytes()]), "s.t");
            found.iter().map(String::len).collect::<Vec<_>>()
        };
        assert_eq!(found(format!("s.t={}", "a".repeat(8192))), [8192]);
        assert_eq!(found(format!("s.t={}; s.t=a", "a".repeat(8193))), [1]);
        assert_eq!(found(format!("s.t.0={}; s.t.1={}", "a".repeat(5000), "b".repeat(5000))), [0; 0]);
        assert_eq!(found(format!("s.t=a; x={}", "x".repeat(16_375))), [1]);
        assert_eq!(found(format!("s.t=a; x={}", "x".repeat(16_376))), [0; 0]);
    }

    #[test]
    fn pieces_are_named_once_each() {
        let names = |cookies: &str| chunk_names(&request(&[cookies.as_bytes()]), "s.t");
        assert_eq!(names("s.t=x; s.t.3=; s.t.0=a; s.t.0=b; s.t.x=c"), ["s.t.0", "s.t.3"]);
        assert!(names("s.t=x").is_empty());
    }
}
