//! Decoding of forms as bytes. Usual decoders repair invalid UTF-8, and a signature must not hold for
//! repaired text.

/// The decoded names and values, in their order.
pub(crate) fn pairs(body: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let mut sides = pair.splitn(2, |byte| *byte == b'=');
            let name = sides.next().unwrap_or_default();
            let value = sides.next().unwrap_or_default();
            (decode(name), decode(value))
        })
        .collect()
}

/// Decodes `+` and `%XX`. A `%` that starts no such escape stands for itself.
fn decode(encoded: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => match escaped(after) {
                Some((value, after)) => {
                    decoded.push(value);
                    rest = after;
                }
                None => decoded.push(b'%'),
            },
            _ => decoded.push(*byte),
        }
    }
    decoded
}

fn escaped(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = rest.split_at_checked(2)?;
    let mut value = [0_u8];
    hex::decode_to_slice(digits, &mut value).ok()?;
    Some((value[0], after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_byte_for_byte() {
        let check = |body: &[u8], expected: &[(&[u8], &[u8])]| {
            let pairs = pairs(body);
            let pairs: Vec<(&[u8], &[u8])> =
                pairs.iter().map(|(n, v)| (n.as_slice(), v.as_slice())).collect();
            assert_eq!(pairs, expected);
        };
        check(b"", &[]);
        check(b"a=1&&b=&c&=d", &[(b"a", b"1"), (b"b", b""), (b"c", b""), (b"", b"d")]);
        check(b"a=x+y%20z%2B&b=1=2", &[(b"a", b"x y z+"), (b"b", b"1=2")]);
        check(b"a=%C3%A9&b=%FF&c=%zz%4", &[(b"a", "é".as_bytes()), (b"b", b"\xff"), (b"c", b"%zz%4")]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_valid_text_is_decoded_as_everybody_decodes_it(text in "[a-zé%+&=0-9\u{1F600} ]{0,60}") {
            let ours: Vec<(String, String)> = pairs(text.as_bytes())
                .into_iter()
                .map(|(n, v)| (String::from_utf8_lossy(&n).into_owned(), String::from_utf8_lossy(&v).into_owned()))
                .collect();
            let theirs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
            proptest::prop_assert_eq!(ours, theirs);
        }
    }
}
