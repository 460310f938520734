//! The words of a text with their positions, so that a match in the folded text can be quoted as written.

use postly_domain::text::fold;

use crate::facts;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters, possibly with inner hyphens.
    Word,
    /// Starts with a digit: "12,50", "9h30", "2e", "12/05".
    Number,
    /// A link, an address or a @mention.
    Link,
    /// One visible character of another kind.
    Mark,
}

/// A piece of text and its position, in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The text after [`fold`].
    pub(crate) folded: String,
}

impl Token {
    pub(crate) fn is(&self, folded: &str) -> bool {
        self.folded == folded
    }
}

/// Cuts a text into tokens. White space separates and is dropped.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let links = facts::link_spans(text);
    let mut links = links.iter().peekable();
    let mut tokens = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        while links.peek().is_some_and(|link| link.end <= start) {
            links.next();
        }
        let (kind, end) = match links.peek() {
            Some(link) if link.start == start => (Kind::Link, link.end),
            _ if c.is_whitespace() => continue,
            _ if c.is_numeric() => (Kind::Number, number_end(text, start)),
            _ if c.is_alphabetic() => (Kind::Word, word_end(text, start)),
            _ => (Kind::Mark, start + c.len_utf8()),
        };
        while chars.peek().is_some_and(|(at, _)| *at < end) {
            chars.next();
        }
        let folded = fold(text.get(start..end).unwrap_or_default());
        // Marks of direction and similar characters fold to nothing.
        if !folded.is_empty() {
            tokens.push(Token { kind, start, end, folded });
        }
    }
    tokens
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)
}

fn word_end(text: &str, start: usize) -> usize {
    run_end(text, start, |c, next| is_word_char(c) || (c == '-' && next.is_some_and(char::is_alphabetic)))
}

fn number_end(text: &str, start: usize) -> usize {
    run_end(text, start, |c, next| {
        is_word_char(c) || (matches!(c, '.' | ',' | ':' | '/') && next.is_some_and(char::is_numeric))
    })
}

fn run_end(text: &str, start: usize, belongs: impl Fn(char, Option<char>) -> bool) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if !belongs(c, chars.peek().map(|(_, next)| *next)) {
            return start + at;
        }
    }
    text.len()
}

/// The text from the first to the last of these tokens, as written.
pub(crate) fn span<'t>(text: &'t str, tokens: &[Token]) -> &'t str {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => text.get(first.start..last.end).unwrap_or_default(),
        _ => "",
    }
}

/// The folded words of a text, without punctuation.
pub(crate) fn folded_words(text: &str) -> Vec<String> {
    words_of(&fold(text)).map(str::to_owned).collect()
}

/// The same words as one text, with single spaces between.
pub(crate) fn spaced_words(text: &str) -> String {
    let folded = fold(text);
    let mut spaced = String::with_capacity(folded.len());
    for word in words_of(&folded) {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
    spaced
}

/// The words of a folded text, without punctuation.
pub(crate) fn words_of(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// True if a list of words, separated by white space, has this word.
pub(crate) fn lists(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

/// True if these words occur side by side in the others; both in the form of [`spaced_words`].
pub(crate) fn contains_words(words: &str, wanted: &str) -> bool {
    wanted.is_empty() || format!(" {words} ").contains(&format!(" {wanted} "))
}

/// The sentences of a brief, as ranges of tokens.
pub(crate) fn sentence_ranges(brief: &str, tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate() {
        let gap = tokens.get(at + 1).and_then(|next| brief.get(token.end..next.start));
        let stop = token.kind == Kind::Mark
            && matches!(token.folded.as_str(), "." | "!" | "?" | ";" | "؟" | "؛" | "...");
        // "M. Martin", "St. John": a short capitalised word before the stop.
        let short = at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|before| {
            before.kind == Kind::Word
                && before.end - before.start <= 2
                && before.end == token.start
                && token.is(".")
                && brief
                    .get(before.start..before.end)
                    .is_some_and(|word| word.starts_with(char::is_uppercase))
        });
        let ends = gap.is_none_or(|gap| gap.contains('\n') || (stop && !short && !gap.is_empty()));
        if ends {
            sentences.push((start, at + 1));
            start = at + 1;
        }
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_where_a_reader_would() {
        let text = "Week-end à 12,50 € : -20% d'été, dès 9h30 sur www.lea.fr !";
        let cut: Vec<&str> = tokens(text).iter().map(|token| &text[token.start..token.end]).collect();
        let expected = [
            "Week-end",
            "à",
            "12,50",
            "€",
            ":",
            "-",
            "20",
            "%",
            "d",
            "'",
            "été",
            ",",
            "dès",
            "9h30",
            "sur",
            "www.lea.fr",
            "!",
        ];
        assert_eq!(cut, expected);
    }
}
