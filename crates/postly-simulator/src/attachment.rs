//! The files that people attach: a photo, or a voice note with a text for the simulated model.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::ids;
use crate::person::MessageKind;

/// A picture of three croissants, drawn for this purpose (written by Pillow 13.0.0).
const SHOP: &[u8] = include_bytes!("../media/shop.jpg");
/// The default duration of a voice note, in seconds.
const SECONDS: u32 = 2;
/// The tag before the text of a voice note.
const TAG: &str = "DESCRIPTION=";
/// The most files that are kept; older ones are gone, as at the providers.
const MOST_KEPT: usize = 200;

/// A file on a person's phone.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaFile {
    /// Its content type, as the phone declares it.
    pub content_type: String,
    /// Its whole content.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for MediaFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MediaFile({}, {} bytes)", self.content_type, self.bytes.len())
    }
}

impl MediaFile {
    /// A voice note as WhatsApp records one: mono Opus in Ogg. It has two seconds of silence, which the
    /// simulated model transcribes as these words; without words, as nothing.
    pub fn voice_note(words: &str) -> Self {
        Self { content_type: "audio/ogg; codecs=opus".to_owned(), bytes: ogg_opus(words, SECONDS) }
    }

    /// The same, with another declared duration.
    pub fn voice_note_of(words: &str, seconds: u32) -> Self {
        Self { bytes: ogg_opus(words, seconds), ..Self::voice_note("") }
    }

    /// A photo.
    pub fn photo() -> Self {
        Self { content_type: "image/jpeg".to_owned(), bytes: SHOP.to_vec() }
    }

    /// Returns the simulated model's transcript. Every recording from elsewhere has the same one.
    pub(crate) fn words(bytes: &[u8]) -> String {
        let Some(at) = bytes.windows(TAG.len()).position(|window| window == TAG.as_bytes()) else {
            return "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end".to_owned();
        };
        let length = at.checked_sub(4).and_then(|from| bytes.get(from..at)?.first_chunk::<4>());
        let length = length.map_or(0, |length| u32::from_le_bytes(*length));
        let text = bytes.get(at + TAG.len()..at.saturating_add(usize::try_from(length).unwrap_or(0)));
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    }
}

/// The file of a message, with the provider's id.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) id: String,
    pub(crate) file: MediaFile,
}

impl Attachment {
    /// Returns the file of a message, if the provider has one.
    pub(crate) fn of(kind: &MessageKind) -> Option<Self> {
        let file = match kind {
            MessageKind::Audio { .. } => MediaFile::voice_note(""),
            MessageKind::Image { .. } => MediaFile::photo(),
            MessageKind::Recording(file) | MessageKind::Photo { file, .. } => file.clone(),
            _ => return None,
        };
        Some(Self { id: ids::media(), file })
    }

    /// The hash in a webhook of Meta.
    pub(crate) fn sha256(&self) -> String {
        STANDARD.encode(Sha256::digest(&self.file.bytes))
    }

    /// Twilio's SID of the file.
    pub(crate) fn sid(&self) -> String {
        format!("ME{:0>32}", self.id)
    }
}

/// The files that the providers hold.
#[derive(Default)]
pub(crate) struct Attachments(Vec<Attachment>);

impl Attachments {
    pub(crate) fn keep(&mut self, attachment: &Attachment) {
        if self.0.len() >= MOST_KEPT {
            self.0.remove(0);
        }
        self.0.push(attachment.clone());
    }

    /// The file with this id at Meta, or this SID at Twilio.
    pub(crate) fn get(&self, name: &str) -> Option<Attachment> {
        self.0.iter().find(|known| known.id == name || known.sid() == name).cloned()
    }
}

/// An Ogg Opus file (RFC 3533, RFC 7845) with silent frames and one comment.
fn ogg_opus(words: &str, seconds: u32) -> Vec<u8> {
    const PRE_SKIP: u16 = 312;
    // 20 ms of silence: a CELT frame of full band, mono.
    const SILENCE: &[u8] = &[0xF8, 0xFF, 0xFE];
    const FRAMES_A_SECOND: usize = 50;
    let sized = |text: &str| {
        let length = u32::try_from(text.len()).unwrap_or(0).to_le_bytes();
        [length.as_slice(), text.as_bytes()].concat()
    };
    let rate = 48_000_u32.to_le_bytes();
    let head =
        [b"OpusHead\x01\x01".as_slice(), &PRE_SKIP.to_le_bytes(), &rate, &0_u16.to_le_bytes(), &[0]].concat();
    let comment = sized(&format!("{TAG}{words}"));
    let tags =
        [b"OpusTags".to_vec(), sized("Postly-AI simulator"), 1_u32.to_le_bytes().to_vec(), comment].concat();
    let end = u64::from(PRE_SKIP) + 48_000 * u64::from(seconds);
    let frames = vec![SILENCE; FRAMES_A_SECOND * usize::try_from(seconds).unwrap_or(0).min(5)];
    [page(0, 2, 0, &[&head]), page(1, 0, 0, &[&tags]), page(2, 4, end, &frames)].concat()
}

/// Returns one page of a stream.
fn page(number: u32, flags: u8, position: u64, packets: &[&[u8]]) -> Vec<u8> {
    let mut lacing = vec![];
    for packet in packets {
        lacing.extend(std::iter::repeat_n(255, packet.len() / 255));
        lacing.push(u8::try_from(packet.len() % 255).unwrap_or(0));
    }
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend_from_slice(&position.to_le_bytes());
    page.extend_from_slice(&7_u32.to_le_bytes());
    page.extend_from_slice(&number.to_le_bytes());
    page.extend_from_slice(&[0; 4]);
    page.push(u8::try_from(lacing.len()).unwrap_or(255));
    page.extend_from_slice(&lacing);
    packets.iter().for_each(|packet| page.extend_from_slice(packet));
    let sum = checksum(&page).to_le_bytes();
    page.splice(22..26, sum);
    page
}

/// The checksum of a page (RFC 3533, 6): CRC-32 with the polynomial 0x04C11DB7, neither reflected nor
/// inverted.
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << 24), |sum, _| {
            if sum & 0x8000_0000 == 0 { sum << 1 } else { (sum << 1) ^ 0x04C1_1DB7 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_note_says_its_words_and_another_recording_says_the_usual() {
        for words in ["", "Solde", "Été 🥐", &"long ".repeat(500)] {
            assert_eq!(MediaFile::words(&MediaFile::voice_note(words).bytes), words);
        }
        assert!(MediaFile::words(b"OggS and a real voice").starts_with("Crée un post"));
    }

    #[test]
    fn the_checksum_is_that_of_a_file_that_another_library_wrote() {
        // The first page of a file by FFmpeg (PyAV 18.1.0).
        let page = b"OggS\0\x02\0\0\0\0\0\0\0\0\x7b\x45\xeb\x80\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
        assert_eq!(checksum(page).to_le_bytes(), [0x97, 0xd0, 0xea, 0x6e]);
    }
}
