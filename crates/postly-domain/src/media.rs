//! The files of voice notes and photos: their names at a provider, and their types by their first bytes.

use std::sync::Arc;

/// The kind of a file that an author may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A voice note, or another recording.
    Voice,
    /// A photo.
    Photo,
}

impl MediaKind {
    /// The name in the database and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Photo => "photo",
        }
    }

    /// Reads [`MediaKind::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Voice, Self::Photo].into_iter().find(|kind| kind.as_str() == text)
    }

    /// The largest file that WhatsApp carries, in bytes (Meta, "Media": audio 16 MB, images 5 MB).
    pub fn most_bytes(self) -> usize {
        const MIB: usize = 1024 * 1024;
        match self {
            Self::Voice => 16 * MIB,
            Self::Photo => 5 * MIB,
        }
    }

    /// True if a content type names a file of this kind, with any parameters.
    pub fn takes(self, content_type: &str) -> bool {
        let (family, _) = content_type.trim().split_once('/').unwrap_or_default();
        family.eq_ignore_ascii_case(match self {
            Self::Voice => "audio",
            Self::Photo => "image",
        })
    }
}

/// The source of a file at its provider.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// An id, which the provider exchanges for an address (Meta).
    Id(String),
    /// An address (Twilio), as the webhook names it, and not yet compared with the allowed hosts.
    Url(String),
}

/// A file that came with a message, not yet downloaded.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundMedia {
    /// The kind of the file.
    pub kind: MediaKind,
    /// The source of the file.
    pub source: MediaSource,
    /// The content type that the provider declares.
    pub content_type: String,
    /// The SHA-256 of the file, if the provider reports it.
    pub sha256: Option<[u8; 32]>,
}

/// Shows the kind only, so that no address is logged.
impl std::fmt::Debug for InboundMedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InboundMedia({})", self.kind.as_str())
    }
}

/// The type of a file, by its first bytes. Only types that a model accepts are here (OpenAI: "Speech to
/// text", "Images and vision"); WhatsApp also carries AAC and AMR, which no model accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// Ogg, with Opus in a voice note.
    Ogg,
    /// MPEG audio.
    Mp3,
    /// MPEG-4 with sound.
    M4a,
    /// Waveform audio.
    Wav,
    /// WebM with sound.
    Webm,
    /// Free lossless audio.
    Flac,
    /// A JPEG picture.
    Jpeg,
    /// A PNG picture.
    Png,
    /// A WebP picture.
    Webp,
}

impl FileType {
    /// Returns the type of a file, if it is one of these.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let at = |offset: usize, mark: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(mark));
        match bytes {
            _ if at(0, b"OggS") => Some(Self::Ogg),
            _ if at(0, b"ID3") => Some(Self::Mp3),
            _ if at(4, b"ftyp") => Some(Self::M4a),
            _ if at(0, b"RIFF") && at(8, b"WAVE") => Some(Self::Wav),
            _ if at(0, b"RIFF") && at(8, b"WEBP") => Some(Self::Webp),
            _ if at(0, b"\x1A\x45\xDF\xA3") => Some(Self::Webm),
            _ if at(0, b"fLaC") => Some(Self::Flac),
            _ if at(0, b"\xFF\xD8\xFF") => Some(Self::Jpeg),
            _ if at(0, b"\x89PNG\r\n\x1A\n") => Some(Self::Png),
            // A frame of MPEG audio. Layer 00 is AAC.
            [0xFF, second, ..] if second & 0xE0 == 0xE0 && second & 0x06 != 0 => Some(Self::Mp3),
            _ => None,
        }
    }

    /// The kind of files of this type.
    pub fn kind(self) -> MediaKind {
        match self {
            Self::Ogg | Self::Mp3 | Self::M4a | Self::Wav | Self::Webm | Self::Flac => MediaKind::Voice,
            Self::Jpeg | Self::Png | Self::Webp => MediaKind::Photo,
        }
    }

    /// The content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Ogg => "audio/ogg",
            Self::Mp3 => "audio/mpeg",
            Self::M4a => "audio/mp4",
            Self::Wav => "audio/wav",
            Self::Webm => "audio/webm",
            Self::Flac => "audio/flac",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    /// The extension of a file name, on which model servers rely.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Ogg => "ogg",
            Self::Mp3 => "mp3",
            Self::M4a => "m4a",
            Self::Wav => "wav",
            Self::Webm => "webm",
            Self::Flac => "flac",
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

/// A file in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaFile {
    /// The type of its first bytes.
    pub file_type: FileType,
    /// The whole file, never more than [`MediaKind::most_bytes`].
    pub bytes: Arc<[u8]>,
}

/// Shows the type and the length, and no content.
impl std::fmt::Debug for MediaFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MediaFile({}, {} bytes)", self.file_type.content_type(), self.bytes.len())
    }
}

/// The duration of an Ogg Opus file in whole seconds, rounded up, from the position of its last page
/// (RFC 7845, 4: in samples at 48 kHz). `None` for any other file, or one without such a page. A file may
/// state a wrong position.
pub fn ogg_opus_seconds(bytes: &[u8]) -> Option<u32> {
    const HEAD: &[u8] = b"OpusHead";
    const PAGE: &[u8] = b"OggS";
    const SAMPLES_A_SECOND: u64 = 48_000;
    let first = bytes.get(..64.min(bytes.len()))?;
    if !first.starts_with(PAGE) || !first.windows(HEAD.len()).any(|window| window == HEAD) {
        return None;
    }
    // The last page of a file starts within 64 KiB of its end, because no page is longer.
    let tail = bytes.get(bytes.len().saturating_sub(66_000)..)?;
    let start = tail.windows(PAGE.len()).rposition(|window| window == PAGE)?;
    let position = tail.get(start + 6..start + 14)?.first_chunk::<8>()?;
    let samples = u64::from_le_bytes(*position);
    // All ones: no packet ends on the page.
    (samples != u64::MAX).then(|| u32::try_from(samples.div_ceil(SAMPLES_A_SECOND)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_the_type_of_its_first_bytes() {
        for (bytes, expected) in [
            (b"OggS\0\x02".as_slice(), Some(FileType::Ogg)),
            (b"ID3\x04", Some(FileType::Mp3)),
            (b"\xFF\xFB\x90\x44", Some(FileType::Mp3)),
            (b"\0\0\0\x1cftypM4A ", Some(FileType::M4a)),
            (b"RIFF\x24\0\0\0WAVEfmt ", Some(FileType::Wav)),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some(FileType::Webp)),
            (b"\x1A\x45\xDF\xA3\x9f", Some(FileType::Webm)),
            (b"fLaC\0", Some(FileType::Flac)),
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", Some(FileType::Jpeg)),
            (b"\x89PNG\r\n\x1A\n\0", Some(FileType::Png)),
            // AAC in ADTS, AMR, a page, a program, nothing.
            (b"\xFF\xF1\x50\x80", None),
            (b"#!AMR\n", None),
            (b"<!doctype html>", None),
            (b"\x7fELF", None),
            (b"GIF89a", None),
            (b"", None),
        ] {
            assert_eq!(FileType::of(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_declared_type_is_of_one_kind() {
        for kind in [MediaKind::Voice, MediaKind::Photo] {
            assert_eq!(MediaKind::parse(kind.as_str()), Some(kind));
        }
        assert!(MediaKind::Voice.takes("audio/ogg; codecs=opus"));
        assert!(MediaKind::Photo.takes("IMAGE/jpeg"));
        for other in ["", "audio", "image/png", "text/html", "application/ogg"] {
            assert!(!MediaKind::Voice.takes(other), "{other}");
        }
    }

    #[test]
    fn the_duration_is_that_of_the_last_page() {
        let page = |position: u64| [b"OggS\0\0".as_slice(), &position.to_le_bytes(), &[0; 14]].concat();
        let head = [page(0), b"OpusHead".to_vec()].concat();
        let file = |last: u64| [head.clone(), page(960), page(last)].concat();
        assert_eq!(ogg_opus_seconds(&file(48_000)), Some(1));
        assert_eq!(ogg_opus_seconds(&file(48_001)), Some(2));
        assert_eq!(ogg_opus_seconds(&file(u64::MAX - 1)), Some(u32::MAX));
        assert_eq!(ogg_opus_seconds(&file(u64::MAX)), None);
        assert_eq!(ogg_opus_seconds(&head[..20]), None);
        assert_eq!(ogg_opus_seconds(b"OggS"), None);
        assert_eq!(ogg_opus_seconds(b""), None);
    }
}
