//! Converts Markdown, which models write despite their instructions, into WhatsApp markup.
//!
//! WhatsApp knows `*bold*`, `_italic_`, `~struck~`, code, lists and quotes, and nothing else. In doubt a
//! character stays as it is: an extra star is ugly, a changed price or address is wrong.

/// Rewrites Markdown as WhatsApp markup.
///
/// Addresses, e-mails, hashtags, code, `2*3*4` and `snake_case` are never altered. A single `*x*` is read as
/// WhatsApp's own bold and kept, so that text already in WhatsApp's markup passes unchanged.
pub fn to_whatsapp(markdown: &str) -> String {
    let mut in_fence = false;
    let lines = markdown.split('\n').map(|line| {
        if line.trim_start().starts_with(FENCE) {
            in_fence ^= line.matches(FENCE).count() % 2 == 1;
            line.to_owned()
        } else if in_fence {
            line.to_owned()
        } else {
            block(line)
        }
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    // Code is the only mark that spans line breaks: left open, it would extend to later text.
    if text.matches(FENCE).count() % 2 == 1
        && let Some(open) = text.rfind(FENCE)
    {
        text.replace_range(open..open + FENCE.len(), "");
    }
    text
}

const FENCE: &str = "```";

/// Rewrites one line outside of code.
fn block(line: &str) -> String {
    // The marks of a quote are WhatsApp's own.
    let rest = line.trim_start_matches(|c: char| c == '>' || c.is_whitespace());
    let indent = line.strip_suffix(rest).unwrap_or_default();
    if is_rule(rest) {
        return format!("{indent}---");
    }
    if let Some(title) = heading(rest) {
        let title = inline(title, true);
        return if title.is_empty() { title } else { format!("{}*{title}*", indent.trim_start()) };
    }
    match rest.split_at_checked(2) {
        // A line such as "+ 20 % offert" is arithmetic, not a list.
        Some(("+ ", item)) if !item.trim_start().starts_with(|c: char| c.is_ascii_digit()) => {
            format!("{indent}- {}", inline(item, false))
        }
        Some(("* ", item)) => format!("{indent}- {}", inline(item, false)),
        _ => format!("{indent}{}", inline(rest, false)),
    }
}

/// A line of three or more stars or underscores, which Markdown draws as a rule. Dashes are kept.
fn is_rule(rest: &str) -> bool {
    let marks: String = rest.chars().filter(|c| !c.is_whitespace()).collect();
    marks.len() >= 3 && (marks.chars().all(|c| c == '*') || marks.chars().all(|c| c == '_'))
}

/// The text of a heading. A hashtag has no space after its mark.
fn heading(rest: &str) -> Option<&str> {
    let title = rest.trim_start_matches('#');
    let level = rest.len() - title.len();
    if !(1..=6).contains(&level) || !(title.is_empty() || title.starts_with([' ', '\t'])) {
        return None;
    }
    let title = title.trim();
    // Closing marks follow a space: `## C# ##`.
    let open = title.trim_end_matches('#');
    Some(if open.is_empty() || open.ends_with([' ', '\t']) { open.trim_end() } else { title })
}

/// The deepest nesting of marks. Deeper marks are kept as they are, so that no text can exhaust the stack.
const MAX_DEPTH: usize = 8;

fn inline(text: &str, bold: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    Line::new(&chars).write(bold, 0, &mut out);
    out
}

/// The characters of one line, with an index built in a single pass. Lookups use the index, so the time is
/// linear for every text.
struct Line<'a> {
    chars: &'a [char],
    /// The end of each text that must not be changed, by its start.
    verbatim: Vec<Option<usize>>,
    /// The place of each closing bracket, by its opening one.
    brackets: Vec<Option<usize>>,
}

impl<'a> Line<'a> {
    fn new(chars: &'a [char]) -> Self {
        let mut verbatim_ends = vec![None; chars.len()];
        let mut at = 0;
        while let Some(place) = verbatim_ends.get_mut(at) {
            *place = verbatim(chars, at);
            at = place.unwrap_or(at + if is_escape(chars, at) { 2 } else { 1 });
        }
        Self { chars, verbatim: verbatim_ends, brackets: brackets(chars) }
    }

    fn get(&self, at: usize) -> Option<char> {
        self.chars.get(at).copied()
    }

    fn verbatim(&self, at: usize) -> Option<usize> {
        self.verbatim.get(at).copied().flatten()
    }

    /// Rewrites the line. `bold` is true if the surroundings are already bold.
    fn write(&self, bold: bool, depth: usize, out: &mut String) {
        let mut at = 0;
        while let Some(c) = self.get(at) {
            at = if let Some(end) = self.verbatim(at) {
                self.literal(at, end - at, out)
            } else if is_escape(self.chars, at) {
                self.literal(at + 1, 1, out)
            } else if depth >= MAX_DEPTH {
                self.literal(at, 1, out)
            } else if let Some(link) = self.link(at) {
                link.write(bold, depth, out);
                link.end
            } else if matches!(c, '*' | '_' | '~') {
                self.emphasis(at, c, bold, depth, out)
            } else {
                self.literal(at, 1, out)
            };
        }
    }

    fn literal(&self, at: usize, length: usize, out: &mut String) -> usize {
        out.extend(slice(self.chars, at, at + length));
        at + length
    }

    /// Rewrites a pair of marks and the text between them, or keeps the mark. Returns the place to continue
    /// from.
    fn emphasis(&self, at: usize, mark: char, bold: bool, depth: usize, out: &mut String) -> usize {
        let length = run(self.chars, at);
        let opens = !before(self.chars, at).is_some_and(char::is_alphanumeric)
            && self.get(at + length).is_some_and(|c| !c.is_whitespace());
        let start = at + length;
        let close = opens.then(|| self.closing(start, mark, length)).flatten();
        let Some(close) = close else { return self.literal(at, length, out) };
        let (marks, inner_bold) = match (mark, length, bold) {
            ('~', 1 | 2, _) => ("~", bold),
            ('_', 1, _) => ("_", bold),
            // Within bold, WhatsApp would read a single star as its end.
            ('*', 1, true) | ('*' | '_', 3, true) => ("_", true),
            ('*', 1, false) | ('*' | '_', 2, false) => ("*", true),
            ('*' | '_', 2, true) => ("", true),
            ('*' | '_', 3, false) => ("*_", true),
            _ => return self.literal(at, length, out),
        };
        out.push_str(marks);
        Line::new(slice(self.chars, start, close)).write(inner_bold, depth + 1, out);
        out.extend(marks.chars().rev());
        close + length
    }

    /// The place of the marks that close those before `from`.
    fn closing(&self, from: usize, mark: char, length: usize) -> Option<usize> {
        let mut at = from;
        while let Some(c) = self.get(at) {
            at = if let Some(end) = self.verbatim(at) {
                end
            } else if is_escape(self.chars, at) {
                at + 2
            } else if let Some(link) = self.link(at) {
                link.end
            } else if c == mark {
                let found = run(self.chars, at);
                let closes = at > from
                    && before(self.chars, at).is_some_and(|c| !c.is_whitespace())
                    && !self.get(at + found).is_some_and(char::is_alphanumeric);
                // A run of three may close one pair within the other.
                if closes && (found == length || (found == 3 && length < 3)) {
                    return Some(at + found - length);
                }
                at + found
            } else {
                at + 1
            };
        }
        None
    }

    /// Reads `[label](url)`, `[label](url "title")`, `![label](url)` or `<url>`.
    fn link(&self, at: usize) -> Option<Link<'a>> {
        let at = match self.get(at)? {
            '[' => at,
            '!' if self.get(at + 1) == Some('[') => at + 1,
            '<' => {
                let end = address(self.chars, at + 1).or_else(|| email(self.chars, at + 1))?;
                let url = slice(self.chars, at + 1, end).iter().collect();
                return (self.get(end) == Some('>')).then_some(Link { label: &[], url, end: end + 1 });
            }
            _ => return None,
        };
        let label_end = self.brackets.get(at).copied().flatten()?;
        let open = (self.get(label_end + 1) == Some('(')).then_some(label_end + 1)?;
        let end = self.brackets.get(open).copied().flatten()?;
        let inside: String = slice(self.chars, open + 1, end).iter().collect();
        let inside = inside.trim();
        let (url, title) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        let title_is_quoted = title.trim_start().starts_with(['"', '\'', '(']);
        let url = url.trim_start_matches('<').trim_end_matches('>');
        let is_link = !url.is_empty() && (title.is_empty() || title_is_quoted);
        is_link.then(|| Link {
            label: slice(self.chars, at + 1, label_end),
            url: url.to_owned(),
            end: end + 1,
        })
    }
}

/// Pairs square brackets with square ones and round ones with round ones.
fn brackets(chars: &[char]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; chars.len()];
    let (mut square, mut round) = (vec![], vec![]);
    let mut escaped = false;
    for (at, c) in chars.iter().enumerate() {
        let opened = match c {
            _ if escaped => None,
            '[' | '(' => {
                if *c == '[' { &mut square } else { &mut round }.push(at);
                None
            }
            ']' => square.pop(),
            ')' => round.pop(),
            _ => None,
        };
        if let Some(place) = opened.and_then(|opened: usize| pairs.get_mut(opened)) {
            *place = Some(at);
        }
        escaped = *c == '\\' && !escaped;
    }
    pairs
}

/// The end of the text at `at` that must not be changed: code, an address, an e-mail, a hashtag.
fn verbatim(chars: &[char], at: usize) -> Option<usize> {
    if chars.get(at) == Some(&'`') {
        return Some(code(chars, at));
    }
    if before(chars, at).is_some_and(char::is_alphanumeric) {
        return None;
    }
    address(chars, at).or_else(|| email(chars, at)).or_else(|| tag(chars, at))
}

/// The end of a code span; or, if nothing closes it, of the marks alone.
fn code(chars: &[char], at: usize) -> usize {
    let length = run(chars, at);
    let start = at + length;
    let mut end = start;
    while let Some(c) = chars.get(end) {
        let found = if *c == '`' { run(chars, end) } else { 1 };
        end += found;
        if *c == '`' && found == length {
            return end;
        }
    }
    start
}

fn address(chars: &[char], at: usize) -> Option<usize> {
    let starts = |prefix: &str| {
        let mut given = slice(chars, at, chars.len()).iter();
        prefix.chars().all(|c| given.next().is_some_and(|given| given.eq_ignore_ascii_case(&c)))
    };
    let prefix = ["https://", "http://", "www."].into_iter().find(|prefix| starts(prefix))?.len();
    let mut depth = 0_i32;
    let mut end = at + prefix;
    while let Some(&c) = chars.get(end) {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' if depth == 0 => break,
            ')' | ']' => depth -= 1,
            '<' | '>' | '"' | '«' | '»' | '`' => break,
            // Marks around the address end it; marks followed by more of the address belong to it.
            '*' | '~' if chars.get(end + 1) == Some(&c) => {
                let next = chars.get(end + run(chars, end));
                if !next.is_some_and(|next| next.is_alphanumeric() || *next == '/') {
                    break;
                }
            }
            _ if c.is_whitespace() => break,
            _ => {}
        }
        end += 1;
    }
    let end = trimmed(chars, at, end, |c| ".,;:!?*_~'’".contains(c));
    (end > at + prefix).then_some(end)
}

fn email(chars: &[char], at: usize) -> Option<usize> {
    let is_local = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    if before(chars, at).is_some_and(is_local) {
        return None;
    }
    let sign = skip(chars, at, is_local);
    if sign == at || chars.get(sign) != Some(&'@') {
        return None;
    }
    let end = skip(chars, sign + 1, |c| c.is_alphanumeric() || ".-".contains(c));
    let end = trimmed(chars, at, end, |c| ".-".contains(c));
    let domain = slice(chars, sign + 1, end.max(sign + 1));
    // Underscores on both sides are marks around the address rather than part of it.
    let marked = chars.get(at) == Some(&'_') && chars.get(end) == Some(&'_');
    (domain.contains(&'.') && !marked).then_some(end)
}

/// A hashtag or a mention.
fn tag(chars: &[char], at: usize) -> Option<usize> {
    if !matches!(chars.get(at), Some('#' | '@')) {
        return None;
    }
    let end = skip(chars, at + 1, |c| c.is_alphanumeric() || c == '_');
    let end = trimmed(chars, at, end, |c| c == '_');
    (end > at + 1).then_some(end)
}

/// A link: its label, its URL, and the place of its end.
struct Link<'a> {
    label: &'a [char],
    url: String,
    end: usize,
}

impl Link<'_> {
    /// WhatsApp has no links with a label, so both are written, unless they are equal.
    fn write(&self, bold: bool, depth: usize, out: &mut String) {
        let label: String = self.label.iter().collect();
        let bare = |text: &str| {
            let text = text.trim().to_lowercase();
            let schemes = ["https://", "http://", "mailto:", "tel:"];
            let text =
                schemes.iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(&text).to_owned();
            text.trim_start_matches("www.").trim_end_matches('/').to_owned()
        };
        if label.trim().is_empty() || bare(&label) == bare(&self.url) {
            let shown = ["mailto:", "tel:"].iter().find_map(|scheme| self.url.strip_prefix(scheme));
            out.push_str(shown.unwrap_or(&self.url));
            return;
        }
        Line::new(self.label).write(bold, depth + 1, out);
        out.push_str(&format!(" ({})", self.url));
    }
}

/// Returns true if a backslash at this place escapes the mark after it.
fn is_escape(chars: &[char], at: usize) -> bool {
    chars.get(at) == Some(&'\\') && chars.get(at + 1).is_some_and(char::is_ascii_punctuation)
}

/// The length of the run of equal characters at `at`.
fn run(chars: &[char], at: usize) -> usize {
    let mark = chars.get(at);
    slice(chars, at, chars.len()).iter().take_while(|c| Some(*c) == mark).count()
}

fn before(chars: &[char], at: usize) -> Option<char> {
    chars.get(at.checked_sub(1)?).copied()
}

fn skip(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    from + slice(chars, from, chars.len()).iter().take_while(|c| wanted(**c)).count()
}

fn trimmed(chars: &[char], start: usize, end: usize, unwanted: impl Fn(char) -> bool) -> usize {
    end - slice(chars, start, end).iter().rev().take_while(|c| unwanted(**c)).count()
}

fn slice(chars: &[char], start: usize, end: usize) -> &[char] {
    chars.get(start..end.min(chars.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_text_passes_unchanged(text in "[a-zéà0-9 .,;:!?'€%()\n-]{0,200}") {
            prop_assert_eq!(to_whatsapp(&text), text);
        }

        #[test]
        fn letters_are_never_lost(text in "[a-c*_~`#\\[\\]()<>\\\\! \n]{0,80}") {
            let letters = |text: &str| text.chars().filter(char::is_ascii_lowercase).collect::<String>();
            // The title of a link is not shown; this text contains none.
            prop_assert_eq!(letters(&to_whatsapp(&text)), letters(&text));
        }

        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,200}") {
            to_whatsapp(&text);
        }
    }

    #[test]
    fn l07_code_that_is_left_open_does_not_reach_what_follows() {
        for (text, expected) in [
            ("```pain", "pain"),
            ("pain\n```", "pain\n"),
            ("```a```\n```b", "```a```\nb"),
            ("un ``` deux", "un  deux"),
            ("`````", "``"),
            ("```\na\n```", "```\na\n```"),
        ] {
            assert_eq!(to_whatsapp(text), expected);
        }
    }

    #[test]
    fn a_long_line_of_marks_is_no_trap() {
        for piece in ["*a ", "**a", "[", "*[", "`", "_*", "a@", "![](", "***a* ", "*` "] {
            assert!(!to_whatsapp(&piece.repeat(2_000)).is_empty());
        }
        for (open, close) in [("_*", "*_"), ("[", "](u)"), ("> ", ""), ("**", "**")] {
            assert!(!to_whatsapp(&format!("{}a{}", open.repeat(20_000), close.repeat(20_000))).is_empty());
        }
    }
}
