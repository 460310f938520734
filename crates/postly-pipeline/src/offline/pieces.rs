//! Cuts a sentence of a brief into facts: subject, offer, price, time, place, contact, call to act.

use std::sync::LazyLock;

use postly_domain::text::fold;

use super::keywords::Starts;
use crate::{
    facts::{self, Fact, of_post},
    offer::find_period,
    tokens::{Kind as TokenKind, Token, folded_words, lists, span, tokens},
};

/// The kind of information in a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    What,
    Price,
    When,
    Where,
    Contact,
    Act,
    Note,
    Apology,
    Thanks,
    Wish,
    Sign,
    Quote,
}

/// A piece of a brief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// True if no comma separates this piece from the one before.
    pub(super) joined: bool,
}

static STARTS: LazyLock<Starts> = LazyLock::new(|| Starts::read(include_str!("piece_words.txt")));

/// A sentence shorter than this, in characters, is cut only at its commas.
const SHORTEST_CUT: usize = 36;

/// Words that a piece cannot end with, because another word must follow.
const DANGLING: &str = "et ou de d du des le la les l un une a au aux en pour par sur avec chez est sont dans sous vers jusqu and or of at \
    on in the for with is are to from by a an y o con para por de del el la los las un una e em com um uma no na nos nas do da dos das \
    ao aos و في من على الى عن مع our your my nos notre votre seront sera will be we re \
    faut doit peut ne n se vous je tu ce qu must can should you they sr sra dr dra mme mr mrs ms st \
    starts start begins runs opens closes commence commencent debute demarre reprend ouvre rouvre ferme lieu instead rather reopen reopens \
    lun mar mer jeu ven sam dim mon tue tues wed weds thu thurs fri sat sun mie jue vie sab seg ter qua qui sex \
    plutot lugar so solo seulement uniquement empieza empiezan comienza abre cierra comeca comecam fecha يبدا تبدا";

/// Words that join a piece to the one before.
const JOINING: &str = "et ou mais puis ni and or but then y e o ou mas pero ni و qui que dont who which que";

/// Cuts a sentence into its pieces, in order. Together they hold every word of it.
pub(super) fn cut(text: &str) -> Vec<Piece> {
    let all = tokens(text);
    let mut cuts: Vec<usize> = vec![];
    for at in 1..all.len() {
        let before = all.get(cuts.last().copied().unwrap_or(0)..at).unwrap_or_default();
        // "…, 14 King Street, and we now have …": a fact between two others ends before the "and".
        let closed =
            || !cuts.is_empty() && !matches!(kind_of(&trimmed(span(text, before))), Kind::What | Kind::Note);
        let parted = is_comma(text, &all, at) && !inside_brackets(&all, at) && (!joins(&all, at) || closed());
        if parted || closes_quote(&all, at) {
            cuts.push(at);
        }
    }
    let mut spans: Vec<(usize, usize)> = vec![];
    let mut start = 0;
    for cut in cuts.iter().copied().chain([all.len()]) {
        spans.extend(cut_within(text, &all, start, cut));
        start = cut;
    }
    let mut pieces: Vec<(Piece, usize, usize)> = vec![];
    for (from, to) in spans {
        let Some(words) = all.get(from..to) else { continue };
        let piece = trimmed(span(text, words));
        if piece.is_empty() {
            continue;
        }
        let kind = kind_of(&piece);
        match pieces.last_mut() {
            // A list continues: "foie gras, chapon, bûche".
            Some((last, begin, end))
                if kind == Kind::What && last.kind == Kind::What && !is_clause(&piece) =>
            {
                *end = to;
                last.text = trimmed(all.get(*begin..to).map_or("", |words| span(text, words)));
            }
            // "22 Mill Road, Cambridge".
            Some((last, begin, end)) if kind == Kind::What && last.kind == Kind::Where && is_town(&piece) => {
                *end = to;
                last.text = trimmed(all.get(*begin..to).map_or("", |words| span(text, words)));
            }
            _ => {
                let joined = from > 0 && !cuts.contains(&from);
                pieces.push((Piece { kind, text: piece, joined }, from, to));
            }
        }
    }
    pieces.into_iter().map(|(piece, ..)| piece).collect()
}

/// True if a piece is a complete sentence: it begins with its subject and has a verb.
fn is_clause(piece: &str) -> bool {
    const SUBJECTS: &str = "le la les l on nous vous notre nos tout toute personne je j il elle c ca the we our you it everything i el los las nuestro \
        nuestra nuestros nuestras todo nadie ninguem todos o os as a nosso nossa tudo";
    const VERBS: &str = "est sont sommes sera seront serons ferme fermera ferment ouvre ouvrira rouvre rouvrira revient doit doivent recrute propose fermons \
        ouvrons rouvrons proposons revenons avons reste restera aura fetons is are will we opens closes reopens has have must \
        goes esta estara sera seran abre abrira cierra cerrara abrimos cerramos tenemos debe vuelve volvemos está estará abre \
        abrirá fecha fechará abrimos fechamos temos deve volta voltamos";
    let words = folded_words(piece);
    words.len() >= 3
        && words.first().is_some_and(|word| lists(SUBJECTS, word))
        && words.iter().skip(1).take(5).any(|word| lists(VERBS, word))
}

/// True for the second figure of "25, 35 et 50 €": one fact.
fn in_figures(all: &[Token], at: usize) -> bool {
    let is_figure = |at: Option<usize>| {
        at.and_then(|at| all.get(at))
            .is_some_and(|token| token.folded.chars().all(|digit| digit.is_ascii_digit()))
    };
    let goes_on = all.get(at + 1).is_some_and(|token| lists(", et and y e ou or o", &token.folded));
    is_figure(at.checked_sub(2)) && is_figure(Some(at)) && goes_on && is_figure(Some(at + 2))
}

/// True if a token is the first after a separating comma or dash.
fn is_comma(text: &str, all: &[Token], at: usize) -> bool {
    let Some((before, token)) = at.checked_sub(1).and_then(|b| all.get(b)).zip(all.get(at)) else {
        return false;
    };
    let spaced = before.end < token.start;
    let parts = matches!(before.folded.as_str(), "," | "،" | ";" | "؛" | "|" | "·" | "•");
    let dash = matches!(before.folded.as_str(), "-" | "–" | "—" | "/")
        && spaced
        && at >= 2
        && all.get(at - 2).is_some_and(|earlier| earlier.end < before.start);
    // The colon before a quotation.
    let quote = before.is(":") && matches!(text.get(token.start..token.end), Some("\"" | "«" | "“"));
    (parts && (spaced || before.is("|")) && !in_figures(all, at)) || dash || quote
}

fn joins(all: &[Token], at: usize) -> bool {
    all.get(at).is_some_and(|token| JOINING.split_whitespace().any(|word| token.is(word)))
}

/// True if a quotation ends right before a token, and more than its punctuation follows.
fn closes_quote(all: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| all.get(before));
    let marks = all.get(..at).unwrap_or_default().iter().filter(|token| token.is("\"")).count();
    let closed = before.is_some_and(|token| match token.folded.as_str() {
        "»" | "”" => true,
        "\"" => marks % 2 == 0,
        _ => false,
    });
    closed && all.get(at).is_some_and(|token| token.kind == TokenKind::Word)
}

/// True between brackets or quotation marks.
fn inside_brackets(all: &[Token], at: usize) -> bool {
    let before = all.get(..at).unwrap_or_default();
    let count = |mark: &str| before.iter().filter(|token| token.is(mark)).count();
    count("(") > count(")") || count("«") > count("»") || count("“") > count("”") || count("\"") % 2 == 1
}

/// Cuts a long piece before the facts that readers look for: a time at its end, a call to act, a contact, a
/// starting price.
fn cut_within(text: &str, all: &[Token], from: usize, to: usize) -> Vec<(usize, usize)> {
    let Some(words) = all.get(from..to) else { return vec![] };
    if span(text, words).chars().count() < SHORTEST_CUT
        || words.iter().any(|token| token.is("\"") || token.is("«"))
        || STARTS.begins("act", words)
    {
        return vec![(from, to)];
    }
    let mut cuts: Vec<usize> = vec![];
    for at in from + 2..to {
        let rest = all.get(at..to).unwrap_or_default();
        let acts = starts_act(all, at);
        let after_always = STARTS.begins("always", all.get(at - 1..).unwrap_or_default())
            && all.get(at).is_some_and(|token| token.kind == TokenKind::Word);
        let marked = acts
            || after_always
            || STARTS.begins("always", rest)
            || STARTS.begins("until", rest)
            || (STARTS.begins("from", rest) && has_figure(rest.get(..6).unwrap_or(rest)))
            || (STARTS.begins("note", rest) && !is_negated(all, at));
        if marked && may_end(text, all, from, at) && !inside_brackets(all, at) {
            cuts.push(at);
            // A call to act includes all words after it.
            if acts {
                break;
            }
        }
    }
    cuts.extend(time_cuts(text, all, (from, to), &cuts));
    cuts.sort_unstable();
    cuts.dedup();
    let mut spans = vec![];
    let mut start = from;
    for cut in cuts.into_iter().chain([to]) {
        if cut > start {
            spans.push((start, cut));
        }
        start = cut;
    }
    // A piece of one word is joined to the piece before it.
    let mut joined: Vec<(usize, usize)> = vec![];
    for (begin, end) in spans {
        match joined.last_mut() {
            Some((_, last))
                if end - begin < 2 && !is_contact(text, all.get(begin..end).unwrap_or_default()) =>
            {
                *last = end;
            }
            _ => joined.push((begin, end)),
        }
    }
    joined
}

/// True if the "pas" at a token belongs to a verb before it: "la famille ne souhaite pas de fleurs".
fn is_negated(all: &[Token], at: usize) -> bool {
    /// The distance between "ne" and "pas", in tokens.
    const NEAR: usize = 4;
    all.get(at).is_some_and(|token| token.is("pas"))
        && all
            .get(at.saturating_sub(NEAR)..at)
            .unwrap_or_default()
            .iter()
            .any(|token| token.is("ne") || token.is("n"))
}

/// The cuts around the time in a piece: before a time at its end, and after a time that a place follows.
fn time_cuts(text: &str, all: &[Token], (from, to): (usize, usize), cuts: &[usize]) -> Vec<usize> {
    let words = all.get(from..to).unwrap_or_default();
    let Some((begin, end)) = find_period(text, words) else { return vec![] };
    let (begin, end) = (from + begin, from + end);
    let marks = words.iter().rev().take_while(|token| is_stop(token)).count();
    let one = all.get(begin..end).unwrap_or_default();
    // "Le retard de samedi", "un contrat de 39h": not the time of an event.
    let qualifies = one
        .first()
        .is_some_and(|token| token.is("de") && one.get(1).is_none_or(|next| next.kind == TokenKind::Word))
        || (one.len() == 1 && is_long(one));
    let in_call = STARTS.begins("act", words)
        || cuts.iter().any(|cut| *cut < begin && STARTS.begins("act", all.get(*cut..).unwrap_or_default()));
    if qualifies
        || in_call
        || begin < from + 3
        || cuts.iter().any(|cut| (begin..end).contains(cut))
        || !may_end(text, all, from, begin)
    {
        return vec![];
    }
    if end == to - marks || cuts.contains(&end) {
        return vec![begin];
    }
    let rest = all.get(end..to - marks).unwrap_or_default();
    let place = rest.first().is_some_and(|token| {
        matches!(
            token.folded.as_str(),
            "a" | "au" | "aux" | "chez" | "at" | "in" | "en" | "dans" | "no" | "na" | "em" | "في" | "ب"
        ) || token.kind == TokenKind::Number && STARTS.begins("street", rest.get(1..).unwrap_or_default())
    });
    if place && (2..=7).contains(&rest.len()) { vec![begin, end] } else { vec![] }
}

/// A mark that ends a piece.
fn is_stop(token: &Token) -> bool {
    token.kind == TokenKind::Mark && !matches!(token.folded.as_str(), "%" | "€" | ")")
}

/// True for "39h": more hours than a day has.
fn is_long(words: &[Token]) -> bool {
    words.first().is_some_and(|token| {
        let hours: String = token.folded.chars().take_while(char::is_ascii_digit).collect();
        token.folded.ends_with('h') && hours.parse::<u32>().is_ok_and(|hours| hours > 24)
    })
}

/// True if a call to act, or a contact, begins at a token.
fn starts_act(all: &[Token], at: usize) -> bool {
    let rest = all.get(at..).unwrap_or_default();
    let lead = all.get(at).is_some_and(|token| {
        matches!(
            token.folded.as_str(),
            "au" | "tel" | "at" | "sur" | "on" | "al" | "en" | "pelo" | "no" | "whatsapp"
        )
    });
    let is_contact =
        |at: usize| all.get(at).is_some_and(|token| token.kind == TokenKind::Link) || begins_phone(all, at);
    let verb = STARTS.begins("act", rest);
    let verb_before =
        at.checked_sub(1).is_some_and(|before| STARTS.begins("act", all.get(before..).unwrap_or_default()));
    verb && !verb_before && tells_how(rest)
        || (!verb_before && lead && begins_phone(all, at + 1))
        || (begins_phone(all, at) && !goes_on(all, at) && is_contact(at))
}

/// True if a contact or a date follows a call to act within a few words: "commande" alone may be a noun.
fn tells_how(rest: &[Token]) -> bool {
    const NEAR: usize = 9;
    (1..NEAR.min(rest.len()))
        .any(|at| rest.get(at).is_some_and(|token| token.kind == TokenKind::Link) || begins_phone(rest, at))
        || rest.first().is_some_and(|token| token.folded.starts_with("sur"))
        || rest.len() > 2
            && rest
                .iter()
                .take(NEAR)
                .any(|token| token.is("cv") || token.folded.starts_with("curricul") || token.is("whatsapp"))
}

/// True if the token before belongs to the contact: "au 06 …", "tel : 06 …".
fn goes_on(all: &[Token], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|before| all.get(before)) else { return true };
    before.kind == TokenKind::Number
        || (before.kind == TokenKind::Mark && !matches!(before.folded.as_str(), ")" | "!"))
        || DANGLING.split_whitespace().any(|word| before.is(word))
        || STARTS.begins("act", all.get(at - 1..).unwrap_or_default())
        || matches!(
            before.folded.as_str(),
            "whatsapp" | "tel" | "phone" | "telefono" | "telefone" | "numero" | "number"
        )
}

/// True if a phone number begins at a token.
fn begins_phone(all: &[Token], at: usize) -> bool {
    let mut digits = 0;
    let mut plus = false;
    for (offset, token) in all.get(at..).unwrap_or_default().iter().enumerate().take(12) {
        match token.kind {
            TokenKind::Number => digits += token.folded.chars().filter(char::is_ascii_digit).count(),
            TokenKind::Mark if token.is("+") && offset == 0 => plus = true,
            TokenKind::Mark if matches!(token.folded.as_str(), "." | "-" | "(" | ")") => {}
            TokenKind::Mark | TokenKind::Word | TokenKind::Link => break,
        }
        if offset == 0 && token.kind == TokenKind::Number && token.folded.len() < 2 {
            return false;
        }
    }
    digits >= 9 || (plus && digits >= 8)
}

fn is_contact(text: &str, words: &[Token]) -> bool {
    let _ = text;
    words.iter().any(|token| token.kind == TokenKind::Link) || begins_phone(words, 0)
}

fn has_figure(words: &[Token]) -> bool {
    words.iter().any(|token| token.kind == TokenKind::Number)
}

/// True if the words before a cut can stand alone.
fn may_end(text: &str, all: &[Token], from: usize, at: usize) -> bool {
    let Some(last) = all.get(from..at).and_then(<[Token]>::last) else { return false };
    let elided = text.get(last.start..).is_some_and(|rest| rest.starts_with(['\'', '’', '+', ':', '(', '-']));
    at >= from + 2 && !elided && !DANGLING.split_whitespace().any(|word| last.is(word))
}

/// Returns the kind of a piece.
fn kind_of(piece: &str) -> Kind {
    let all = tokens(piece);
    let found = |name: &'static str| STARTS.begins(name, &all);
    let folded = fold(piece);
    let contact_only = {
        let links = facts::link_spans(piece);
        let left: String = links.iter().rev().fold(piece.to_owned(), |mut left, link| {
            left.replace_range(link.start..link.end, "");
            left
        });
        (!links.is_empty() && left.chars().filter(|c| c.is_alphanumeric()).count() < 3)
            || begins_phone(&all, 0)
            || all.len() < 14
                && begins_phone(&all, 1)
                && all.first().is_some_and(|t| t.kind == TokenKind::Word)
    };
    if folded.starts_with(['"', '«', '“']) {
        Kind::Quote
    } else if found("apology") {
        Kind::Apology
    } else if found("wish") {
        Kind::Wish
    } else if found("thanks") {
        Kind::Thanks
    } else if found("sign") && all.len() < 9 {
        Kind::Sign
    } else if found("act") && (all.len() < 3 || tells_how(&all) || facts_of(piece).0) {
        Kind::Act
    } else if contact_only {
        Kind::Contact
    } else if found("note") {
        Kind::Note
    } else if is_time(piece, &all) {
        Kind::When
    } else if is_place(piece, &all) {
        Kind::Where
    } else if facts_of(piece).1 {
        Kind::Price
    } else {
        Kind::What
    }
}

/// Detects a time and a price in a piece, in this order.
fn facts_of(piece: &str) -> (bool, bool) {
    let facts = of_post(piece);
    let time = facts
        .iter()
        .any(|fact| matches!(fact, Fact::Time(_) | Fact::Date { .. } | Fact::Weekday(_) | Fact::Month(_)));
    let price = facts.iter().any(|fact| matches!(fact, Fact::Money(..) | Fact::Percent(_)));
    (time, price)
}

/// True if a piece states a time and hardly more.
fn is_time(piece: &str, all: &[Token]) -> bool {
    const MORE: usize = 2;
    const LEADS: &str =
        "debut fin mi courant inicio comienzos early late back complet le la les el los week nur";
    let leads = |from: usize| {
        from == 0
            || from == 1
                && all
                    .first()
                    .is_some_and(|token| token.kind == TokenKind::Mark || lists(LEADS, &token.folded))
    };
    !(all.len() == 1 && is_long(all))
        && find_period(piece, all).is_some_and(|(from, to)| leads(from) && all.len() - to <= MORE)
        || (STARTS.begins("always", all) && all.len() < 10)
}

/// True if a piece is a name of one to three words, like that of a town.
fn is_town(piece: &str) -> bool {
    let words = tokens(piece);
    let capital = |token: &Token| {
        piece.get(token.start..token.end).is_some_and(|raw| raw.starts_with(char::is_uppercase))
    };
    (1..=3).contains(&words.len()) && words.iter().all(capital)
}

/// True if a sentence is a name and its town: "Bean & Gone, Bristol".
pub(super) fn is_name(sentence: &str) -> bool {
    const LINKS: &str = "& , de la le les du des d l of the and et y e da do ' -";
    let all = tokens(trimmed(sentence).as_str()).len();
    let text = trimmed(sentence);
    let capital = |token: &Token| {
        text.get(token.start..token.end).is_some_and(|raw| raw.starts_with(char::is_uppercase))
    };
    (2..=7).contains(&all) && tokens(&text).iter().all(|token| capital(token) || lists(LINKS, &token.folded))
}

/// True if a piece is an address or a venue.
fn is_place(piece: &str, all: &[Token]) -> bool {
    let capital = |token: &Token| {
        piece.get(token.start..token.end).is_some_and(|raw| raw.starts_with(char::is_uppercase))
    };
    let numbered = all.first().is_some_and(|token| token.kind == TokenKind::Number)
        && all.iter().take(5).enumerate().any(|(at, _)| {
            let rest = all.get(at..).unwrap_or_default();
            // "2 cours d'essai": lessons, and no street.
            let lessons = rest.first().is_some_and(|word| word.is("cours"))
                && rest
                    .get(1)
                    .is_some_and(|next| next.is("d") || next.is("de") || next.folded.starts_with("d'"));
            STARTS.begins("street", rest) && !lessons
        });
    let venue = all.len() <= 5
        && all.first().is_some_and(capital)
        && (0..all.len()).any(|at| STARTS.begins("venue", all.get(at..).unwrap_or_default()));
    let leads = all.first().is_some_and(|token| {
        matches!(
            token.folded.as_str(),
            "a" | "au" | "in" | "at" | "en" | "em" | "no" | "na" | "chez" | "devant"
        )
    }) && all.len() <= 7
        // "No pets" and "no devoluciones" are no places; "no Porto" is.
        && (all.iter().skip(1).take(3).any(capital)
            || all.len() <= 3 && !all.first().is_some_and(|token| token.is("no") || token.is("na")));
    let shop = all.len() <= 8 && STARTS.begins("shop", all) && all.iter().skip(1).take(3).any(capital);
    let around =
        all.len() <= 6 && all.iter().any(|token| STARTS.begins("around", std::slice::from_ref(token)));
    numbered
        || venue
        || (leads && !STARTS.begins("from", all))
        || around
        || shop
        || (STARTS.begins("where", all) && all.len() <= 8)
}

/// Removes the punctuation around a piece.
pub(super) fn trimmed(text: &str) -> String {
    let text = text.trim_end_matches([
        ' ', '.', ',', ';', ':', '!', '?', '-', '–', '—', '*', '_', '،', '؟', '؛', '…', '|', '·',
    ]);
    let mut line = text;
    loop {
        let rest = line.trim_start_matches([
            ' ', ',', ';', ':', '.', '!', '?', '•', '*', '·', '،', '>', '…', '_', '/', '\\', '|', '¡', '¿',
        ]);
        // A dash is a bullet, unless it is the sign of a discount.
        let rest = match rest.strip_prefix(['-', '–', '—']) {
            Some(after) if !after.trim_start().starts_with(|c: char| c.is_numeric()) => after,
            _ => rest,
        };
        if rest.len() == line.len() {
            return line.to_owned();
        }
        line = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(Kind, &str)]) {
        let found: Vec<(Kind, String)> =
            cut(text).into_iter().map(|piece| (piece.kind, piece.text)).collect();
        let expected: Vec<(Kind, String)> =
            expected.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_sentence_is_cut_into_its_facts() {
        use Kind::{Act, Contact, Price, What, When, Where};
        check(
            "Nous cherchons un apprenti boulanger H/F, CAP en alternance, envoyer CV à contact@example.com",
            &[
                (What, "Nous cherchons un apprenti boulanger H/F, CAP en alternance"),
                (Act, "envoyer CV à contact@example.com"),
            ],
        );
        check(
            "menu de noel a 45€ foie gras chapon buche, reserver avant le 15 decembre au 01 99 00 12 34",
            &[
                (Price, "menu de noel a 45€ foie gras chapon buche"),
                (Act, "reserver avant le 15 decembre au 01 99 00 12 34"),
            ],
        );
        check(
            "Crêpes party samedi 6 juin, 12 rue de la Paix, 5 €, 06 39 98 12 34",
            &[
                (What, "Crêpes party samedi 6 juin"),
                (Where, "12 rue de la Paix"),
                (Price, "5 €"),
                (Contact, "06 39 98 12 34"),
            ],
        );
        check(
            "-20 % sur tous les croissants au beurre ce week-end",
            &[(Price, "-20 % sur tous les croissants au beurre"), (When, "ce week-end")],
        );
    }
}
