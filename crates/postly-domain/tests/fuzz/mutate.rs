//! Samples with small random changes: pure noise would be refused at the first brace.

use proptest::{collection::vec, prelude::*};

/// One change: the operation, the place, the length, and the index of a token.
pub(crate) type Edit = (u8, u16, u8, u16);

/// The index of a sample, and the changes to make in order.
pub(crate) type Script = (u8, Vec<Edit>);

/// The most changes of a sample: more of them leave nothing of it.
const MOST_EDITS: usize = 12;

/// Any script.
pub(crate) fn script() -> impl Strategy<Value = Script> {
    (any::<u8>(), vec(any::<Edit>(), 0..MOST_EDITS))
}

/// Applies a script. `tokens` are the significant words of the format.
pub(crate) fn mutate(samples: &[Vec<u8>], (sample, edits): &Script, tokens: &[&str]) -> Vec<u8> {
    let mut bytes = samples[usize::from(*sample) % samples.len()].clone();
    for (what, at, far, with) in edits {
        let start = usize::from(*at) % (bytes.len() + 1);
        let end = (start + usize::from(*far)).min(bytes.len());
        let token = tokens[usize::from(*with) % tokens.len()];
        match what % 8 {
            // Most often replaces one word by another, so that the form survives.
            0 | 1 => drop(bytes.splice(start..end.min(start + token.len()), token.bytes())),
            2 => drop(bytes.splice(start..start, token.bytes())),
            3 => drop(bytes.drain(start..end)),
            4 => {
                let copy = bytes[start..end].to_vec();
                let to = usize::from(*with) % (bytes.len() + 1);
                drop(bytes.splice(to..to, copy));
            }
            5 => {
                if let Some(byte) = bytes.get_mut(start) {
                    *byte = with.to_le_bytes()[0];
                }
            }
            6 => drop(splice_value(&mut bytes, start, token)),
            _ => bytes.truncate(start.max(end)),
        }
    }
    bytes
}

/// Replaces the next quoted text, or the next value of a form, by a token.
fn splice_value(bytes: &mut Vec<u8>, from: usize, token: &str) -> Option<()> {
    let is_edge = |byte: &u8| matches!(byte, b'"' | b'=' | b'&');
    let start = from + bytes.get(from..)?.iter().position(is_edge)? + 1;
    let end = start + bytes.get(start..)?.iter().position(is_edge)?;
    bytes.splice(start..end, token.bytes());
    Some(())
}
