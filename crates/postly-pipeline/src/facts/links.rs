//! Links, e-mail addresses and @mentions.

use crate::tlds::is_tld;

/// The position of a link in a text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkSpan {
    /// The first byte.
    pub(crate) start: usize,
    /// The byte after the last.
    pub(crate) end: usize,
    /// True for a @mention, false for a link.
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
                links_in(text, start, at, &mut spans);
            }
            (None, false) | (Some(_), true) => {}
        }
    }
    spans
}

/// Returns a link in a form in which two spellings of it are equal.
pub(crate) fn canonical(link: &str) -> String {
    let link = link.to_lowercase();
    let link = link.split_once("://").map_or(link.as_str(), |(_, rest)| rest);
    link.strip_prefix("www.").unwrap_or(link).trim_end_matches('/').to_owned()
}

fn is_link_char(c: char) -> bool {
    c.is_alphanumeric() || "-._~:/?#@&=+%$".contains(c)
}

fn is_host_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Adds the links of a piece of link characters.
fn links_in(text: &str, start: usize, end: usize, spans: &mut Vec<LinkSpan>) {
    let Some(piece) = text.get(start..end) else { return };
    // Every link and mention holds one of these characters; most words hold none.
    if !piece.contains(['.', '/', '@']) {
        return;
    }
    let head = whole_from(piece);
    let mut at = 0;
    while at < head.unwrap_or(piece.len()) {
        let Some(found) = next_link(piece, at, head.unwrap_or(piece.len())) else { break };
        at = found.end;
        spans.push(LinkSpan { start: start + found.start, end: start + found.end, mention: found.mention });
    }
    let Some(head) = head.filter(|head| *head >= at) else { return };
    let whole = piece.get(head..).unwrap_or_default();
    let body = trimmed(whole);
    // A scheme with nothing after it is no link.
    let rest = whole.split_once("://").map_or(whole, |(_, rest)| rest);
    if rest.chars().any(char::is_alphanumeric) {
        spans.push(LinkSpan { start: start + head, end: start + head + body.len(), mention: false });
    }
}

/// Removes the punctuation after a link.
fn trimmed(link: &str) -> &str {
    link.trim_end_matches(['.', ':', '?', '-', '&', '/', '~'])
}

/// Returns the start of a link that needs no known top-level domain, because it has a scheme or "www.".
fn whole_from(piece: &str) -> Option<usize> {
    let scheme = piece.find("://").and_then(|colon| {
        let before = piece.get(..colon)?;
        let letters = before.bytes().rev().take_while(u8::is_ascii_alphabetic).count();
        (letters > 0).then_some(colon - letters)
    });
    let lower = piece.to_ascii_lowercase();
    let www = lower
        .match_indices("www.")
        .map(|(at, _)| at)
        .find(|at| !piece.get(..*at).is_some_and(|before| before.ends_with(char::is_alphanumeric)));
    [scheme, www].into_iter().flatten().min()
}

/// Returns the next link of a piece in a range: a mention, or a host with a known top-level domain, the name
/// before its "@" and the path after it.
fn next_link(piece: &str, from: usize, to: usize) -> Option<LinkSpan> {
    let mut at = from;
    while at < to {
        let rest = piece.get(at..to)?;
        let first = rest.chars().next()?;
        if !is_host_char(first) {
            at += first.len_utf8();
            continue;
        }
        let run = rest.find(|c| !is_host_char(c)).unwrap_or(rest.len());
        let end = at + run;
        let before = piece.get(from..at).unwrap_or_default();
        let found = match before.strip_suffix('@') {
            Some(before) => addressed(piece, from, at, end, before),
            None => host_in(piece.get(at..end)?).map(|(host, host_end)| LinkSpan {
                start: at + host,
                end: path_end(piece, at + host_end, to),
                mention: false,
            }),
        };
        // "lea.paris@gmail.com": the host before the "@" is part of an address.
        let goes_on = |span: &LinkSpan| span.end == end && piece.get(end..).is_some_and(is_address);
        match found.filter(|span| span.mention || !goes_on(span)) {
            Some(span) => return Some(span),
            None => at = end,
        }
    }
    None
}

fn is_address(rest: &str) -> bool {
    rest.strip_prefix('@').is_some_and(|host| host.starts_with(char::is_alphanumeric))
}

/// Reads the text after an "@": the host of an e-mail address, or the name of an account.
fn addressed(piece: &str, from: usize, at: usize, end: usize, before: &str) -> Option<LinkSpan> {
    let name_length: usize = before
        .chars()
        .rev()
        .take_while(|c| c.is_alphanumeric() || "._%+-~".contains(*c))
        .map(char::len_utf8)
        .sum();
    if name_length > 0 {
        let (_, host_end) = host_in(piece.get(at..end)?).filter(|(host, _)| *host == 0)?;
        return Some(LinkSpan {
            start: from + before.len() - name_length,
            end: at + host_end,
            mention: false,
        });
    }
    let name = piece.get(at..end)?.trim_end_matches(['.', '-']);
    name.contains(char::is_alphanumeric).then(|| LinkSpan {
        start: at - 1,
        end: at + name.len(),
        mention: true,
    })
}

/// Returns the start and the end of the longest host in a run of host characters.
fn host_in(run: &str) -> Option<(usize, usize)> {
    let mut found = None;
    let mut host_start = 0;
    let mut at = 0;
    for label in run.split('.') {
        let end = at + label.len();
        let bare = label.trim_matches('-');
        if bare.is_empty() {
            // After two full stops, or a dash beside one, another host may begin.
            host_start = end + 1;
        } else {
            let name = run.get(host_start..at).unwrap_or_default();
            let name_is_one = name.contains(char::is_alphabetic);
            let is_whole = label.len() == bare.len();
            if name_is_one && is_whole && is_tld(&label.to_lowercase()) && !is_initial(name, label) {
                found = Some((host_start, end));
            }
        }
        at = end + 1;
    }
    let (start, end) = found?;
    let dashes = run.get(start..end)?;
    Some((start + dashes.len() - dashes.trim_start_matches('-').len(), end))
}

/// True for "M.de La Tour": the initial of a name before a small word is no host.
fn is_initial(name: &str, label: &str) -> bool {
    let mut chars = name.chars();
    let one = chars.next().is_some_and(char::is_uppercase) && chars.as_str() == ".";
    one && label.len() == 2
}

/// Returns the end of a link with this host, including its port, path, query and fragment.
fn path_end(piece: &str, host_end: usize, to: usize) -> usize {
    let rest = piece.get(host_end..to).unwrap_or_default();
    let port = rest.strip_prefix(':').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let port = if port > 0 { port + 1 } else { 0 };
    let behind = rest.get(port..).unwrap_or_default();
    if behind.starts_with(['/', '?', '#']) {
        let link = piece.get(..to).unwrap_or_default();
        return trimmed(link).len().max(host_end);
    }
    host_end + port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = link_spans(text).iter().map(|span| &text[span.start..span.end]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_link_is_found_whatever_its_ending() {
        for link in [
            "chez-lea.nl",
            "chez-lea.coffee",
            "chez-lea.alsace",
            "chez-lea.pizza",
            "chez-lea.ai",
            "x.com",
            "t.me/lea",
            "sub.chez-lea.co.uk",
            "bit.ly/x",
            "chez-lea.fr:8080/menu?a=b#c",
            "www.lea.anything/menu",
            "https://localhost/a",
            "موقع.شبكة",
            "xn--caf-dma.xn--p1ai",
            "пример.рф",
            "CHEZ-LEA.FR",
            "chez-léa.spa",
            "lea.martin+promo@gmail.com",
            "marie.paris@lea.shop",
        ] {
            check(link, &[link]);
            check(&format!("Voir {link}."), &[link]);
            check(&format!("« {link} » : oui"), &[link]);
            check(&format!("({link}), puis"), &[link]);
        }
    }

    #[test]
    fn a_link_is_found_behind_what_it_sticks_to() {
        check("Infos:chez-lea.fr", &["chez-lea.fr"]);
        check("Infos:https://chez-lea.fr/a", &["https://chez-lea.fr/a"]);
        check("mailto:lea@lea.fr", &["lea@lea.fr"]);
        check("→:https://lea.test", &["https://lea.test"]);
        check("a.fr/b:c.fr d.fr", &["a.fr/b:c.fr", "d.fr"]);
        check("lea.fr:bob.nl", &["lea.fr", "bob.nl"]);
        check("infos/chez-lea.fr", &["chez-lea.fr"]);
        check("...chez-lea.fr...", &["chez-lea.fr"]);
        check("a..b.fr", &["b.fr"]);
        check("@chez.lea, @lea. et lea@lea", &["@chez.lea", "@lea"]);
        check("chez-lea.fr.bonjour", &["chez-lea.fr"]);
    }

    #[test]
    fn what_only_looks_like_a_link_is_none() {
        for text in [
            "12.50",
            "12.05.2025",
            "etc.",
            "9h.",
            "M.de La Tour",
            "p.m. et a.m.",
            "S.A.R.L.",
            "menu.pdf1",
            "1.2.fr1",
            "2.fr",
            "http://",
            "une/deux",
            "samedi.Venez",
            "9/10",
        ] {
            check(text, &[]);
        }
    }
}
