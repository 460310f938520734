//! The links that twitter-text finds in a text.

use std::{collections::HashSet, ops::Range, sync::LazyLock};

use crate::tlds::TLDS;

/// The longest link with its scheme, in code units (`MAX_URL_LENGTH`).
const LONGEST_LINK: usize = 4096;
/// The longest label of a host (`MAX_DOMAIN_LABEL_LENGTH`).
const LONGEST_LABEL: usize = 63;
/// The longest name of a short link of X (`MAX_TCO_SLUG_LENGTH`).
const LONGEST_SLUG: usize = 40;
/// The scheme that is added to the length of a link without one.
const DEFAULT_SCHEME: usize = "https://".len();

/// The starts of the links of a text, and the number of code units of each.
pub(super) fn of(units: &[u16]) -> Vec<(usize, usize)> {
    let mut links = Vec::new();
    if !units.contains(&DOT) {
        return links;
    }
    let hosts = Hosts::of(units);
    let mut from = 0;
    while let Some(found) = next(&hosts, from) {
        from = found.end;
        links.extend(found.links(units));
    }
    links
}

const DOT: u16 = b'.' as u16;
const SLASH: u16 = b'/' as u16;

/// A match of twitter-text's pattern of a link.
struct Match {
    /// The character before the link; `None` at the start of the text.
    before: Option<u16>,
    start: usize,
    has_scheme: bool,
    host: Range<usize>,
    has_path: bool,
    end: usize,
}

fn next(hosts: &Hosts<'_>, from: usize) -> Option<Match> {
    (from..hosts.units.len()).find_map(|at| {
        let before = hosts.units.get(at).copied().filter(|unit| may_precede(*unit));
        let behind = before.and_then(|_| hosts.link_at(at + 1, before));
        behind.or_else(|| if at == 0 { hosts.link_at(0, None) } else { None })
    })
}

impl Match {
    /// The links in the match. Without a scheme, only the parts of the host in Latin letters count.
    fn links(&self, units: &[u16]) -> Vec<(usize, usize)> {
        let length = self.end - self.start;
        let scheme = if self.has_scheme { self.host.start - self.start } else { DEFAULT_SCHEME };
        let host = units.get(self.host.clone()).unwrap_or_default();
        if !is_valid_host(host) || scheme + length > LONGEST_LINK {
            return Vec::new();
        }
        if self.has_scheme {
            let link = units.get(self.start..self.end).unwrap_or_default();
            return match short_link(link) {
                Some((slug, _)) if slug > LONGEST_SLUG => Vec::new(),
                Some((_, length)) => vec![(self.start, length)],
                None => vec![(self.start, length)],
            };
        }
        if self.before.is_some_and(|unit| is_one_of(unit, "-_./")) {
            return Vec::new();
        }
        let mut links = Vec::new();
        let mut found_to = 0;
        for latin in latin_hosts(host) {
            // The library searches the name again, and may find an earlier occurrence than its match.
            let name = host.get(latin).unwrap_or_default();
            let Some(at) = position(host, name, found_to) else { continue };
            found_to = at + name.len();
            links.push((self.start + at, name.len()));
        }
        if let (Some((_, last)), true) = (links.last_mut(), self.has_path) {
            *last += length - host.len();
        }
        links
    }
}

fn position(host: &[u16], name: &[u16], from: usize) -> Option<usize> {
    (from..=host.len().checked_sub(name.len())?).find(|at| host.get(*at..at + name.len()) == Some(name))
}

/// The labels of a text, read once, so that a long text is not read again from each of its characters.
struct Hosts<'a> {
    units: &'a [u16],
    /// For each position, the end of the label that includes it.
    label_end: Vec<usize>,
    /// For each position, the number of underscores before it.
    underscores: Vec<usize>,
    /// For each position after a full stop, the end of the longest host that begins there.
    behind_dot: Vec<Option<usize>>,
}

impl<'a> Hosts<'a> {
    fn of(units: &'a [u16]) -> Self {
        let mut label_end = vec![units.len(); units.len() + 1];
        let mut underscores = vec![0; units.len() + 1];
        for (at, unit) in units.iter().enumerate() {
            let before = underscores.get(at).copied().unwrap_or(0);
            if let Some(count) = underscores.get_mut(at + 1) {
                *count = before + usize::from(*unit == u16::from(b'_'));
            }
        }
        for (at, unit) in units.iter().enumerate().rev() {
            let end = if is_host_char(*unit) || is_one_of(*unit, "-_") {
                label_end.get(at + 1).copied().unwrap_or(units.len())
            } else {
                at
            };
            if let Some(entry) = label_end.get_mut(at) {
                *entry = end;
            }
        }
        let mut hosts = Self { units, label_end, underscores, behind_dot: vec![None; units.len() + 1] };
        for (at, _) in units.iter().enumerate().rev().filter(|(_, unit)| **unit == DOT) {
            let end = hosts.host_end(at + 1);
            if let Some(entry) = hosts.behind_dot.get_mut(at + 1) {
                *entry = end;
            }
        }
        hosts
    }

    fn unit(&self, at: usize) -> Option<u16> {
        self.units.get(at).copied()
    }

    /// The end of the longest host that begins here.
    fn host_end(&self, start: usize) -> Option<usize> {
        let end = self.label_end.get(start).copied()?;
        let is_label = end > start
            && self.unit(end) == Some(DOT)
            && self.unit(start).is_some_and(is_host_char)
            && self.unit(end - 1).is_some_and(is_host_char);
        if !is_label {
            return None;
        }
        let longer = self.behind_dot.get(end + 1).copied().flatten();
        // The label before the top-level domain may hold no underscore.
        let is_name = || self.underscores.get(start) == self.underscores.get(end);
        longer.or_else(|| if is_name() { ending(self.units, end + 1, self.units.len()) } else { None })
    }

    fn link_at(&self, start: usize, before: Option<u16>) -> Option<Match> {
        let scheme = ["http://", "https://"].iter().find(|scheme| self.starts_with(start, scheme));
        let host_start = start + scheme.map_or(0, |scheme| scheme.len());
        let host_end = self.host_end(host_start)?;
        let mut end = host_end;
        if self.unit(end) == Some(u16::from(b':')) {
            let digits = self.run(end + 1, is_digit);
            end = if digits > end + 1 { digits } else { end };
        }
        let has_path = self.unit(end) == Some(SLASH);
        if has_path {
            end = self.path_end(end + 1);
        }
        if self.unit(end) == Some(u16::from(b'?')) {
            end = query_end(self.units, end).unwrap_or(end);
        }
        let host = host_start..host_end;
        Some(Match { before, start, has_scheme: scheme.is_some(), host, has_path, end })
    }

    fn starts_with(&self, at: usize, ascii: &str) -> bool {
        ascii.bytes().enumerate().all(|(offset, byte)| {
            self.unit(at + offset).is_some_and(|unit| to_ascii_lowercase(unit) == u16::from(byte))
        })
    }

    fn run(&self, from: usize, belongs: impl Fn(u16) -> bool) -> usize {
        let length = self.units.iter().skip(from).take_while(|unit| belongs(**unit)).count();
        from + length
    }

    /// The end of a path that begins here, after its slash: after its last character that may end a path.
    fn path_end(&self, start: usize) -> usize {
        let mut end = start;
        let mut at = start;
        while let Some(unit) = self.unit(at) {
            if is_path_char(unit) {
                at += 1;
                end = if ends_path(unit) { at } else { end };
            } else if let Some(behind) = self.parens_end(at) {
                at = behind;
                end = at;
            } else {
                break;
            }
        }
        end
    }

    /// The end of parentheses with a path in them, at most two deep.
    fn parens_end(&self, at: usize) -> Option<usize> {
        let is = |at: usize, c: u8| self.unit(at) == Some(u16::from(c));
        if !is(at, b'(') {
            return None;
        }
        let inner = self.run(at + 1, is_path_char);
        if inner > at + 1 && is(inner, b')') {
            return Some(inner + 1);
        }
        if !is(inner, b'(') {
            return None;
        }
        let innermost = self.run(inner + 1, is_path_char);
        if innermost == inner + 1 || !is(innermost, b')') {
            return None;
        }
        let rest = self.run(innermost + 1, is_path_char);
        is(rest, b')').then_some(rest + 1)
    }
}

/// The end of a query with its question mark here; `None` if no character of it may end a query.
fn query_end(units: &[u16], question: usize) -> Option<usize> {
    let query = units.iter().skip(question + 1).take_while(|unit| is_query_char(**unit));
    let length = query
        .enumerate()
        .filter(|(_, unit)| is_ascii_alphanumeric(**unit) || is_one_of(**unit, "-_&=#/"))
        .map(|(at, _)| at + 1)
        .last()?;
    Some(question + 1 + length)
}

/// The top-level domains that twitter-text knows.
struct Names {
    /// The names in ASCII, in lower case.
    ascii: HashSet<Vec<u16>>,
    /// The other names in upper case, longest first: if one is a prefix of the other, the library prefers the
    /// longer.
    other: Vec<Vec<u16>>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let names = TLDS.iter().filter(|(_, known)| known.to_x).map(|(name, _)| *name);
    let (ascii, other): (Vec<&str>, Vec<&str>) = names.partition(|name| name.is_ascii());
    let mut other: Vec<Vec<u16>> =
        other.into_iter().map(|name| name.encode_utf16().map(upper_case).collect()).collect();
    other.sort_by_key(|name| std::cmp::Reverse(name.len()));
    Names { ascii: ascii.into_iter().map(|name| name.encode_utf16().collect()).collect(), other }
});

/// The end of a top-level domain that begins here. It is followed by none of `[0-9a-zA-Z@+-]`, or is
/// Punycode.
fn ending(units: &[u16], start: usize, text_end: usize) -> Option<usize> {
    let rest = units.get(start..text_end)?;
    let stands_alone = |end: usize| {
        !rest.get(end).is_some_and(|unit| is_ascii_alphanumeric(*unit) || is_one_of(*unit, "@+-"))
    };
    let ascii: Vec<u16> = rest
        .iter()
        .take_while(|unit| is_ascii_alphanumeric(**unit))
        .take(LONGEST_LABEL + 1)
        .map(|unit| to_ascii_lowercase(*unit))
        .collect();
    if NAMES.ascii.contains(&ascii) && stands_alone(ascii.len()) {
        return Some(start + ascii.len());
    }
    let is_name = |name: &&Vec<u16>| {
        rest.len() >= name.len()
            && name.iter().zip(rest).all(|(one, other)| *one == upper_case(*other))
            && stands_alone(name.len())
    };
    if let Some(name) = NAMES.other.iter().find(is_name) {
        return Some(start + name.len());
    }
    let prefix: String = rest.iter().take(4).map(|unit| ascii_char(to_ascii_lowercase(*unit))).collect();
    let encoded = rest
        .iter()
        .skip(4)
        .take_while(|unit| is_ascii_alphanumeric(**unit) || **unit == u16::from(b'-'))
        .count();
    (prefix == "xn--" && encoded > 0).then_some(start + 4 + encoded)
}

/// The parts of a host that are hosts of Latin letters.
fn latin_hosts(host: &[u16]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < host.len() {
        let mut behind_dots = Vec::new();
        let mut label = at;
        let mut end = at;
        loop {
            while host.get(end).is_some_and(|unit| is_latin_host_char(*unit)) {
                end += 1;
            }
            if end == label || host.get(end) != Some(&DOT) {
                break;
            }
            end += 1;
            label = end;
            behind_dots.push(end);
        }
        let match_end = behind_dots.into_iter().rev().find_map(|dot| ending(host, dot, host.len()));
        if let Some(end) = match_end {
            found.push(at..end);
        }
        at = match_end.unwrap_or(end.max(at + 1));
    }
    found
}

/// Returns true if each label of a host fits the domain name system.
fn is_valid_host(host: &[u16]) -> bool {
    let xn = "xn--".encode_utf16().collect::<Vec<_>>();
    if host.starts_with(&xn) && latin_hosts(host).is_empty() {
        return false;
    }
    host.split(|unit| *unit == DOT).all(|label| (1..=LONGEST_LABEL).contains(&encoded_length(label)))
}

/// The slug and the length of a short link of X, if the link begins with one.
fn short_link(link: &[u16]) -> Option<(usize, usize)> {
    let lower: Vec<u16> = link.iter().map(|unit| to_ascii_lowercase(*unit)).collect();
    let head = ["http://t.co/", "https://t.co/"]
        .iter()
        .find(|head| lower.starts_with(&head.encode_utf16().collect::<Vec<_>>()))?
        .len();
    let slug = link.iter().skip(head).take_while(|unit| is_ascii_alphanumeric(**unit)).count();
    let end = head + slug;
    let query = link.get(end).filter(|unit| **unit == u16::from(b'?')).and_then(|_| query_end(link, end));
    (slug > 0).then_some((slug, query.unwrap_or(end)))
}

/// The length of a label in Punycode, by RFC 3492. Full stops other than the ASCII one separate labels there.
fn encoded_length(label: &[u16]) -> usize {
    let is_stop = |unit: &u16| matches!(unit, 0x3002 | 0xFF0E | 0xFF61);
    let parts = label.split(is_stop).map(|part| {
        if part.iter().all(|unit| *unit < 0x80) { part.len() } else { "xn--".len() + punycode_length(part) }
    });
    parts.sum::<usize>() + label.iter().filter(|unit| is_stop(unit)).count()
}

fn punycode_length(label: &[u16]) -> usize {
    const BASE: u64 = 36;
    let points: Vec<u64> = char::decode_utf16(label.iter().copied())
        .map(|point| {
            point.map_or_else(|lone| u64::from(lone.unpaired_surrogate()), |c| u64::from(u32::from(c)))
        })
        .collect();
    // A label of more characters is never valid.
    if points.len() > LONGEST_LABEL {
        return points.len();
    }
    let basic = u64::try_from(points.iter().filter(|point| **point < 0x80).count()).unwrap_or(0);
    let mut length = usize::try_from(basic).unwrap_or(0) + usize::from(basic > 0);
    let (mut next, mut delta, mut bias, mut handled) = (0x80_u64, 0_u64, 72_u64, basic);
    let total = u64::try_from(points.len()).unwrap_or(0);
    while handled < total {
        let Some(least) = points.iter().copied().filter(|point| *point >= next).min() else { break };
        delta += (least - next) * (handled + 1);
        next = least;
        for point in &points {
            if *point < next {
                delta += 1;
            }
            if *point != next {
                continue;
            }
            let (mut rest, mut k) = (delta, BASE);
            loop {
                let threshold = k.saturating_sub(bias).clamp(1, 26);
                length += 1;
                if rest < threshold {
                    break;
                }
                rest = (rest - threshold) / (BASE - threshold);
                k += BASE;
            }
            bias = adapt(delta, handled + 1, handled == basic);
            delta = 0;
            handled += 1;
        }
        delta += 1;
        next += 1;
    }
    length
}

fn adapt(delta: u64, points: u64, is_first: bool) -> u64 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

fn ascii_char(unit: u16) -> char {
    u8::try_from(unit).map_or('\u{FFFD}', char::from)
}

fn is_one_of(unit: u16, ascii: &str) -> bool {
    ascii.bytes().any(|byte| u16::from(byte) == unit)
}

fn is_digit(unit: u16) -> bool {
    (0x30..=0x39).contains(&unit)
}

fn is_ascii_alphanumeric(unit: u16) -> bool {
    u8::try_from(unit).is_ok_and(|byte| byte.is_ascii_alphanumeric())
}

fn to_ascii_lowercase(unit: u16) -> u16 {
    u8::try_from(unit).map_or(unit, |byte| u16::from(byte.to_ascii_lowercase()))
}

/// The upper case of a code unit, as compared by a JavaScript pattern that ignores case.
fn upper_case(unit: u16) -> u16 {
    let Some(c) = char::from_u32(u32::from(unit)) else { return unit };
    let mut upper = c.to_uppercase();
    match (upper.next().and_then(|upper| u16::try_from(u32::from(upper)).ok()), upper.next()) {
        (Some(upper), None) if unit < 0x80 || upper >= 0x80 => upper,
        _ => unit,
    }
}

fn is_space(unit: u16) -> bool {
    matches!(unit, 0x09..=0x0D | 0x20 | 0x85 | 0xA0 | 0x1680 | 0x180E | 0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F | 0x205F | 0x3000)
}

fn is_direction_mark(unit: u16) -> bool {
    matches!(unit, 0x202A..=0x202E | 0x061C | 0x200E | 0x200F | 0x2066..=0x2069)
}

fn is_invalid(unit: u16) -> bool {
    matches!(unit, 0xFFFE | 0xFEFF | 0xFFFF)
}

/// `validUrlPrecedingChars`
fn may_precede(unit: u16) -> bool {
    !is_ascii_alphanumeric(unit)
        && !is_one_of(unit, "@$#")
        && !is_invalid(unit)
        && !matches!(unit, 0xFF20 | 0xFF03)
}

/// `validDomainChars`
fn is_host_char(unit: u16) -> bool {
    !is_one_of(unit, "!'#%&()*+,\\-./:;<=>?@[]^_{|}~$")
        && !is_space(unit)
        && !is_invalid(unit)
        && !is_direction_mark(unit)
}

/// The class of `validAsciiDomain`.
fn is_latin_host_char(unit: u16) -> bool {
    is_ascii_alphanumeric(unit) || unit == u16::from(b'-') || is_accented(unit)
}

/// `validGeneralUrlPathChars`
fn is_path_char(unit: u16) -> bool {
    is_ascii_alphanumeric(unit)
        || is_one_of(unit, "!*';:=+,.$/%#[]-_~@|&")
        || unit == 0x2013
        || is_accented(unit)
        || is_cyrillic(unit)
}

/// `validUrlPathEndingChars`, parentheses aside.
fn ends_path(unit: u16) -> bool {
    is_ascii_alphanumeric(unit) || is_one_of(unit, "+-=_#/") || is_accented(unit) || is_cyrillic(unit)
}

/// `validUrlQueryChars`
fn is_query_char(unit: u16) -> bool {
    is_ascii_alphanumeric(unit) || is_one_of(unit, "!?*'@();:&=+$/%#[]-_.,~|")
}

/// `latinAccentChars`, with the characters that JavaScript treats as their other case.
fn is_accented(unit: u16) -> bool {
    matches!(
        unit,
        0xC0..=0xD6 | 0xD8..=0xF6 | 0xF8..=0x24F | 0x253..=0x254 | 0x256..=0x257 | 0x259 | 0x25B | 0x260 | 0x263
            | 0x268..=0x269 | 0x26F | 0x272 | 0x275 | 0x280 | 0x283 | 0x288..=0x28C | 0x292 | 0x2BB | 0x300..=0x36F
            | 0x399 | 0x3B9 | 0x1E00..=0x1EFF | 0x1FBE | 0x2C65..=0x2C66 | 0x2C7E..=0x2C7F | 0xA7DC
    )
}

/// `cyrillicLettersAndMarks`, with the characters that JavaScript treats as their other case.
fn is_cyrillic(unit: u16) -> bool {
    matches!(unit, 0x400..=0x4FF | 0x1C80..=0x1C87)
}
