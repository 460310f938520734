//! The networks that a brief names as the destination of its posts.
//!
//! "Un post pour Threads" names one; "suivez-nous sur Instagram" is content, and "new threads" are clothes.

use std::{collections::HashMap, sync::LazyLock};

use postly_domain::post::Platform;

use crate::{
    offline::lexicon,
    tokens::{Kind, Token, tokens},
};

mod context;

/// The spellings of the networks in briefs.
const NAMES: &str = include_str!("../data/network_names.txt");

/// A network that can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    /// A network with limits in our table.
    Known(Platform),
    /// A network without.
    Unknown(&'static str),
}

/// One spelling of a network.
struct Spelling {
    network: Network,
    /// The words of the phrase; the first is the key of the table.
    words: Vec<&'static str>,
    /// The other senses of the phrase.
    sense: Sense,
}

/// The meaning of a phrase besides its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    /// None.
    Sure,
    /// It is also a common word.
    Common,
    /// It also names the requested text: an e-mail is both a text and a network.
    AskedFor,
}

/// The spellings by their first word, longest first.
static SPELLINGS: LazyLock<HashMap<String, Vec<Spelling>>> = LazyLock::new(|| {
    let mut spellings: HashMap<String, Vec<Spelling>> = HashMap::new();
    for line in NAMES.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, phrases)) = line.split_once(" = ") else { continue };
        let sense = match (name.contains('~'), name.contains('!')) {
            (true, _) => Sense::Common,
            (_, true) => Sense::AskedFor,
            (false, false) => Sense::Sure,
        };
        let bare = name.trim_start_matches(['*', '~', '!']);
        let network = match Platform::parse(bare) {
            Some(platform) if !name.starts_with('*') => Network::Known(platform),
            _ => Network::Unknown(bare),
        };
        for phrase in phrases.split(", ") {
            let words: Vec<&str> = phrase.split(' ').collect();
            let Some(first) = words.first() else { continue };
            let entry = spellings.entry(first.to_lowercase()).or_default();
            entry.push(Spelling { network, words, sense });
        }
    }
    for entry in spellings.values_mut() {
        entry.sort_by_key(|spelling| std::cmp::Reverse(spelling.words.len()));
    }
    spellings
});

/// The networks that a brief names, each once, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Named {
    /// Networks with known limits.
    pub(crate) known: Vec<Platform>,
    /// Networks with unknown limits.
    pub(crate) unknown: Vec<&'static str>,
}

impl Named {
    /// The platform of the posts, if the author has not chosen one elsewhere: the only network named;
    /// [`Platform::General`] if there are several, or one without known limits; `None` if there is none.
    pub(crate) fn platform(&self) -> Option<Platform> {
        match (self.known.as_slice(), self.unknown.is_empty()) {
            ([], true) => None,
            ([only], true) => Some(*only),
            _ => Some(Platform::General),
        }
    }
}

/// Reads the networks that a brief names.
pub(crate) fn named(brief: &str) -> Named {
    let tokens = tokens(brief);
    let mut named = Named::default();
    for found in mentions(brief, &tokens).into_iter().filter(|mention| mention.is_destination) {
        match found.network {
            Network::Known(platform) if !named.known.contains(&platform) => named.known.push(platform),
            Network::Unknown(name) if !named.unknown.contains(&name) => named.unknown.push(name),
            Network::Known(_) | Network::Unknown(_) => {}
        }
    }
    named
}

/// The networks whose limits apply to posts for this platform: a text for several must respect the limits of
/// each.
pub(crate) fn held_to(brief: &str, platform: Platform) -> Vec<Platform> {
    let mut platforms = vec![platform];
    if platform == Platform::General {
        platforms.extend(named(brief).known);
    }
    platforms
}

/// The tokens of a brief. The name of a network is merged into one token that the lexicon knows: a place or,
/// for an e-mail, the requested text.
pub(crate) fn tokens_of_brief(brief: &str) -> Vec<Token> {
    let mut tokens = tokens(brief);
    let found = mentions(brief, &tokens);
    for mention in found.into_iter().rev().filter(|mention| mention.is_destination) {
        let word =
            |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |token| token.folded.as_str());
        // "Un snap" names the requested text.
        let is_one =
            matches!(word(mention.from.checked_sub(1)), "un" | "une" | "a" | "an" | "una" | "um" | "uma")
                && !lexicon::is_noun(word(Some(mention.to)));
        let folded = if mention.sense == Sense::AskedFor || is_one { "post" } else { "instagram" };
        let (Some(first), Some(last)) = (tokens.get(mention.from), tokens.get(mention.to - 1)) else {
            continue;
        };
        // A word that the lexicon knows stays unchanged.
        if mention.to - mention.from == 1
            && (lexicon::is_place(&first.folded) || lexicon::is_noun(&first.folded))
        {
            continue;
        }
        // "para o Bluesky", "for the newsletter"
        let has_article = matches!(word(mention.from.checked_sub(1)), "o" | "el" | "the");
        let from = mention.from - usize::from(has_article);
        let merged = Token { kind: Kind::Word, start: first.start, end: last.end, folded: folded.to_owned() };
        tokens.splice(from..mention.to, [merged]);
    }
    tokens
}

/// A mention of a network, with the range of its tokens.
struct Mention {
    network: Network,
    from: usize,
    to: usize,
    sense: Sense,
    is_destination: bool,
}

/// Returns the networks mentioned in a brief, in order.
fn mentions(brief: &str, tokens: &[Token]) -> Vec<Mention> {
    let mut found: Vec<(usize, usize, &Spelling)> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match spelling_at(brief, tokens, at) {
            Some((to, spelling)) => {
                found.push((at, to, spelling));
                at = to;
            }
            None => at += 1,
        }
    }
    let sure = found.iter().filter(|(_, _, spelling)| spelling.sense == Sense::Sure);
    let names = sure.map(|(from, to, _)| (*from, *to)).collect();
    let mut around = context::Around { brief, tokens, names };
    let mut mentions = Vec::new();
    for (from, to, spelling) in found {
        let is_destination = match (spelling.network, spelling.sense) {
            (_, Sense::AskedFor) => around.is_asked_for(from, to),
            (Network::Known(Platform::X | Platform::Threads | Platform::Snapchat), Sense::Common) => {
                around.is_beside_a_post(from, to) || around.is_place_by_its_capital(from, to)
            }
            (_, Sense::Common) => around.is_beside_a_post(from, to),
            (Network::Known(_), Sense::Sure) => !around.is_content(from),
            (Network::Unknown(_), Sense::Sure) => around.is_place(from, to),
        };
        // The next name in a list is also a network: "Instagram, Threads et X".
        if is_destination && spelling.sense == Sense::Common {
            around.names.push((from, to));
        }
        mentions.push(Mention { network: spelling.network, from, to, sense: spelling.sense, is_destination });
    }
    mentions
}

/// The longest spelling that begins with this token, and the index of the token after it.
fn spelling_at(brief: &str, tokens: &[Token], at: usize) -> Option<(usize, &'static Spelling)> {
    let first = tokens.get(at).filter(|token| token.kind == Kind::Word)?;
    let head = first.folded.split('-').next().unwrap_or_default();
    spelling_from(brief, tokens, at, head)
        .or_else(|| without_article(head).find_map(|head| spelling_from(brief, tokens, at, head)))
}

fn spelling_from(brief: &str, tokens: &[Token], at: usize, head: &str) -> Option<(usize, &'static Spelling)> {
    let spellings = SPELLINGS.get(head)?;
    spellings.iter().find_map(|spelling| end_of(brief, tokens, at, head, spelling).map(|to| (to, spelling)))
}

/// The index of the token after this spelling. `None` if the tokens here do not match all of it.
fn end_of(brief: &str, tokens: &[Token], at: usize, head: &str, spelling: &Spelling) -> Option<usize> {
    let mut wanted = spelling.words.iter();
    let mut to = at;
    let mut left = wanted.len();
    while left > 0 {
        let token = tokens.get(to)?;
        to += 1;
        // "d'établissement": the apostrophe is a token of its own.
        if token.is("'") && to > at + 1 {
            continue;
        }
        if token.kind != Kind::Word {
            return None;
        }
        for (number, part) in token.folded.split('-').enumerate() {
            let part = if to == at + 1 && number == 0 { head } else { part };
            let word = wanted.next()?;
            left -= 1;
            let has_capital = word.chars().any(char::is_uppercase);
            let same = if has_capital { brief.get(token.start..token.end)? == *word } else { part == *word };
            if !same {
                return None;
            }
        }
    }
    Some(to)
}

/// Removes the particles that are joined to an Arabic word: "على", "و", "ل", "ب", "ال".
fn without_article(word: &str) -> impl Iterator<Item = &str> {
    const PARTICLES: [&str; 8] = ["وال", "بال", "لل", "ال", "لال", "و", "ل", "ب"];
    PARTICLES
        .into_iter()
        .filter_map(|particle| word.strip_prefix(particle))
        .filter(|rest| rest.chars().count() > 2)
}

#[cfg(test)]
mod tests;
