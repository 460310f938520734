//! Links, e-mail addresses and @mentions.

/// Endings of the host names a shop has, or a shortener: enough to tell a link from a missing space.
const TLDS: &[&str] = &[
    "com",
    "fr",
    "net",
    "org",
    "io",
    "co",
    "eu",
    "shop",
    "store",
    "app",
    "info",
    "be",
    "ch",
    "ca",
    "uk",
    "de",
    "es",
    "pt",
    "it",
    "ma",
    "tn",
    "dz",
    "sn",
    "ci",
    "me",
    "ly",
    "gl",
    "link",
    "page",
    "site",
    "online",
    "biz",
    "us",
    "br",
    "mx",
    "ar",
    "lu",
    "mc",
    "re",
    "paris",
    "bzh",
    "restaurant",
    "boutique",
    "ee",
    "gle",
    "test",
    "example",
];

/// Where a link stands in a text, in bytes.
pub(crate) struct LinkSpan {
    /// The first byte.
    pub(crate) start: usize,
    /// The byte after the last.
    pub(crate) end: usize,
    /// A @mention rather than a link.
    pub(crate) mention: bool,
}

/// The links, e-mail addresses and mentions of a text, in order.
pub(crate) fn link_spans(text: &str) -> Vec<LinkSpan> {
    let mut spans = Vec::new();
    let mut piece_start = None;
    let ends = text.char_indices().chain(std::iter::once((text.len(), ' ')));
    for (at, c) in ends {
        match (piece_start, is_link_char(c)) {
            (None, true) => piece_start = Some(at),
            (Some(start), false) => {
                piece_start = None;
                spans.extend(link_in(text, start, at));
            }
            (None, false) | (Some(_), true) => {}
        }
    }
    spans
}

/// The form in which two spellings of a link are equal.
pub(super) fn canonical(link: &str) -> String {
    let link = link.to_lowercase();
    let link = link.split_once("://").map_or(link.as_str(), |(_, rest)| rest);
    link.strip_prefix("www.").unwrap_or(link).trim_end_matches('/').to_owned()
}

fn is_link_char(c: char) -> bool {
    c.is_alphanumeric() || "-._~:/?#@&=+%$".contains(c)
}

fn link_in(text: &str, start: usize, end: usize) -> Option<LinkSpan> {
    let piece = text.get(start..end)?;
    // Every link and mention has one of these; most words have none.
    if !piece.contains(['.', '/', '@']) {
        return None;
    }
    // What precedes the scheme is punctuation: "→:https://…".
    let lower = piece.to_ascii_lowercase();
    let skipped = ["http://", "https://", "www."].iter().find_map(|head| lower.find(head));
    let lead = skipped
        .unwrap_or_else(|| piece.len() - piece.trim_start_matches(['.', '-', ':', '/', '?', '&']).len());
    let body = piece.get(lead..)?.trim_end_matches(['.', ':', '?', '-', '&', '/', '~']);
    let start = start + lead;
    let mention = body.strip_prefix('@').is_some_and(|name| name.chars().any(char::is_alphanumeric));
    (mention || is_link(body)).then(|| LinkSpan { start, end: start + body.len(), mention })
}

fn is_link(piece: &str) -> bool {
    let lower = piece.to_lowercase();
    if lower.contains("://") {
        return lower.len() > "http://".len();
    }
    let address = lower.strip_prefix("mailto:").unwrap_or(&lower);
    let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
    let host = host.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let Some((name, tld)) = host.rsplit_once('.') else { return false };
    let good_label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    (TLDS.contains(&tld) || lower.starts_with("www."))
        && name.split('.').all(good_label)
        && name.chars().count() >= 2
        && name.chars().any(char::is_alphabetic)
}
