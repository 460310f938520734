//! Parses a brief for the composer.

use std::{collections::HashMap, sync::LazyLock};

use postly_domain::{Language, brand::Address, post::Platform, text::fold};

use super::{
    instructions, lexicon, mend,
    occasion::{self, Feast, Occasion},
    pieces::{self, Kind, Piece},
    request,
    tone::Tone,
    trade::Trade,
};
use crate::{
    language, networks,
    offer::{self},
    tokens::{Kind as TokenKind, Token, folded_words, lists, sentence_ranges, span},
    wishes::{self, Wishes},
};

/// The most sentences of a brief that posts can hold.
const MOST_SENTENCES: usize = 24;

/// The most pieces: a post cannot have more lines.
const MOST_PIECES: usize = 40;

/// The way in which customers can respond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Visit,
    Contact,
    Online,
    Write,
}

impl Mode {
    /// The name in the data files.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Contact => "contact",
            Self::Online => "online",
            Self::Write => "write",
        }
    }
}

/// A parsed brief.
pub(super) struct Reading {
    /// The sentences; the posts are about the first.
    pub(super) sentences: Vec<Sentence>,
    /// The business and its place, if the request names them: "Chez Léa à Lyon".
    pub(super) signature: Option<String>,
    /// The place, in the form of a hashtag.
    pub(super) place: Option<String>,
    pub(super) trade: Trade,
    pub(super) occasion: Occasion,
    pub(super) feast: Option<Feast>,
    pub(super) tone: Tone,
    pub(super) wishes: Wishes,
    pub(super) mode: Mode,
    /// True for "tu", false for "vous".
    pub(super) familiar: bool,
    /// True if instructions are left in the content.
    pub(super) is_unclear: bool,
    /// True if the brief has more than posts can hold.
    pub(super) overflows: bool,
}

/// A sentence of the brief.
pub(super) struct Sentence {
    pub(super) pieces: Vec<Piece>,
    pub(super) exclaimed: bool,
    /// True if the sentence is a question of the brief.
    pub(super) question: bool,
}

impl Reading {
    /// Parses a brief, and corrects its spelling if asked. `usual` is the form of address if the brief names
    /// none.
    pub(super) fn of(brief: &str, language: Language, usual: Option<Address>, mends: bool) -> Self {
        let words = folded_words(brief);
        let familiar = is_familiar(&words, language, usual);
        let whole = brief;
        let typed = language::detect_language(whole).certain().unwrap_or(language);
        let languages = [language, typed];
        let (requested, named) = request::remove(whole);
        let instructions::Content { text, signature } = instructions::remove(&requested, &languages);
        let signature = signature.or(named);
        let brief = text.as_str();
        let all = networks::tokens_of_brief(brief);
        let mut sentences: Vec<Sentence> = Vec::new();
        let mut content = String::new();
        for range in sentence_ranges(brief, &all) {
            let Some(tokens) = all.get(range.0..range.1) else { continue };
            let to = request::trim_end(brief, tokens);
            let Some(words) = tokens.get(..to) else { continue };
            let text = without_wishes(brief, words);
            content.push_str(&text);
            content.push(' ');
            let ends_in = |mark: &str| {
                tokens
                    .iter()
                    .rev()
                    .take_while(|token| token.kind == TokenKind::Mark)
                    .any(|token| token.is(mark))
            };
            let printed = Printed { language, familiar, mends };
            let pieces = if !sentences.is_empty() && pieces::is_name(&text) {
                vec![Piece { kind: Kind::Where, text: pieces::trimmed(&text), joined: false }]
            } else {
                printed.pieces(&text)
            };
            if !pieces.is_empty() {
                // "Tu peux faire ça ?" is addressed to us.
                let question = ends_in("?") || ends_in("؟");
                sentences.push(Sentence { pieces, exclaimed: ends_in("!"), question });
            }
        }
        let offer = offer::find(whole);
        let content_words = folded_words(&content);
        let occasion = occasion_of(&words, &content_words, offer.is_some());
        for sentence in &mut sentences {
            if let Some(first) = sentence.pieces.first_mut() {
                first.text = mend::capital(&announced(&first.text, occasion));
            }
        }
        let overflows = sentences.len() > MOST_SENTENCES
            || sentences.iter().map(|sentence| sentence.pieces.len()).sum::<usize>() > MOST_PIECES;
        if !occasion.is_grave() {
            lead_first(&mut sentences, offer.as_ref().map(|offer| offer.amount.as_str()));
        }
        let trade = Trade::read(&words);
        Self {
            mode: mode_of(&words, &sentences, trade),
            sentences,
            signature: signature.filter(|name| !name.is_empty()),
            place: place(whole, &networks::tokens_of_brief(whole)),
            trade,
            occasion,
            feast: Feast::read(&words),
            tone: Tone::read(&words, language),
            wishes: wishes::read(whole),
            familiar,
            is_unclear: instructions::are_left(&content, &languages),
            overflows,
        }
    }

    /// All pieces, in order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.sentences.iter().flat_map(|sentence| &sentence.pieces)
    }

    /// True if the posts are for colleagues and clients rather than for consumers.
    pub(super) fn is_formal(&self, platform: Platform) -> bool {
        platform == Platform::Linkedin || self.trade.is_formal() || self.tone == Tone::Professional
    }
}

/// The occasion of the posts. Words of the request count for a few that authors name there ("un post promo");
/// "cierra con un saludo" closes no shop.
fn occasion_of(words: &[String], content: &[String], has_offer: bool) -> Occasion {
    match Occasion::read(content, has_offer) {
        Occasion::News => match Occasion::read(words, has_offer) {
            asked @ (Occasion::Offer
            | Occasion::Festive
            | Occasion::Hiring
            | Occasion::New
            | Occasion::Event
            | Occasion::Opening) => asked,
            _ => Occasion::News,
        },
        other => other,
    }
}

/// Moves the sentence with the offer to the front, else the first that states its subject.
fn lead_first(sentences: &mut Vec<Sentence>, amount: Option<&str>) {
    let with_amount = amount.and_then(|amount| {
        sentences.iter().position(|sentence| sentence.pieces.iter().any(|piece| piece.text.contains(amount)))
    });
    let says_what = |sentence: &Sentence| {
        sentence
            .pieces
            .first()
            .is_some_and(|piece| matches!(piece.kind, Kind::What | Kind::Price | Kind::Quote | Kind::Thanks))
    };
    if let Some(at) = with_amount.or_else(|| sentences.iter().position(says_what)) {
        let lead = sentences.remove(at);
        sentences.insert(0, lead);
    }
    // "Sorry, we are closed on Monday": the closing comes first.
    if let Some(lead) = sentences.first_mut()
        && lead.pieces.first().is_some_and(|piece| matches!(piece.kind, Kind::Apology | Kind::When))
        && let Some(at) = lead.pieces.iter().position(|piece| matches!(piece.kind, Kind::What | Kind::Price))
    {
        let mut news = lead.pieces.remove(at);
        news.joined = false;
        news.text = mend::capital(&news.text);
        lead.pieces.insert(0, news);
    }
}

fn mode_of(words: &[String], sentences: &[Sentence], trade: Trade) -> Mode {
    let pieces = || sentences.iter().flat_map(|sentence| &sentence.pieces);
    let has_contact = pieces().any(|piece| matches!(piece.kind, Kind::Contact | Kind::Act));
    let has_link =
        pieces().any(|piece| crate::facts::link_spans(&piece.text).iter().any(|link| !link.mention));
    let home = occasion::names("home", words) || trade == Trade::Home;
    let online = occasion::names("online", words);
    let has_place = pieces().any(|piece| piece.kind == Kind::Where);
    if occasion::names("clearance", words) && !online {
        Mode::Visit
    } else if online && has_link && !has_place {
        Mode::Online
    } else if home || (online && !has_place) {
        if has_contact { Mode::Contact } else { Mode::Write }
    } else if trade.has_counter() || has_place || occasion::names("place", words) {
        Mode::Visit
    } else if has_contact {
        Mode::Contact
    } else {
        Mode::Write
    }
}

/// True if the posts say "tu": by the wish in the brief, else by the author's usual form, else by the custom
/// of the language.
fn is_familiar(words: &[String], language: Language, usual: Option<Address>) -> bool {
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let asked = has(&["tutoie", "tutoyant", "tutoiement", "tutoyer", "tutea", "tuteando"]);
    let polite = has(&["vouvoie", "vouvoyant", "vouvoiement", "vouvoyer", "usted", "ustedes"]);
    if asked || polite {
        return asked;
    }
    usual.map_or(language == Language::Es, |usual| usual == Address::Informal)
}

/// The printing of a brief's words.
struct Printed {
    language: Language,
    familiar: bool,
    mends: bool,
}

impl Printed {
    /// The pieces of a sentence, with corrected spelling.
    fn pieces(&self, text: &str) -> Vec<Piece> {
        let visible: String = text
            .chars()
            .filter(|c| !matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'))
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = if self.mends { mend::line(&line, self.language) } else { line };
        let mut pieces = pieces::cut(&line);
        // A bare "promo" is part of the request, without a subject.
        pieces.retain(|piece| {
            let says_nothing =
                |word: &String| lexicon::is_style(word) || lexicon::is_noun(word) || lexicon::is_glue(word);
            !folded_words(&piece.text).iter().all(says_nothing)
                || piece.kind == Kind::Thanks && pieces_are_thanks(&piece.text)
        });
        for piece in &mut pieces {
            if piece.kind == Kind::Act && self.mends {
                piece.text = acting(&piece.text, self.language, self.familiar);
            }
            // The words of a customer stay theirs.
            let quotes = piece.kind == Kind::Quote || piece.text.contains(['"', '«', '“']);
            if matches!(self.language, Language::Fr | Language::En) && !quotes {
                piece.text = ours(&piece.text, self.language);
            }
        }
        if self.mends {
            self.mend_pieces(&mut pieces);
        }
        pieces
    }

    /// Corrects the layout of pieces: a "sorry" at the end, the dishes of a menu, quotation marks.
    fn mend_pieces(&self, pieces: &mut Vec<Piece>) {
        let book = super::book::of(self.language);
        for piece in pieces.iter_mut() {
            if piece.kind == Kind::Quote && piece.text.ends_with(['"', '»', '”']) {
                let words = piece.text.trim_matches(|c: char| "\"«»“” ".contains(c));
                let quoted = book.section("label", "quote").first().copied().unwrap_or("“%”");
                piece.text = quoted.replace('%', &mend::capital(words));
            }
            if let Some(menu) = mend::menu(&piece.text, self.language) {
                piece.text = menu;
            }
        }
        let sorry = book.section("label", "sorry").first().copied();
        let Some((last, sorry)) = pieces.last_mut().zip(sorry) else { return };
        let Some((rest, word)) = last.text.rsplit_once(' ') else { return };
        let bare = matches!(
            fold(word).as_str(),
            "sorry"
                | "desole"
                | "desolee"
                | "desoles"
                | "desolees"
                | "pardon"
                | "perdon"
                | "desculpe"
                | "desculpem"
                | "عذرا"
        );
        if bare && last.kind != Kind::Apology {
            last.text = pieces::trimmed(rest);
            let text = super::book::address(sorry, self.familiar);
            pieces.push(Piece { kind: Kind::Apology, text, joined: false });
        }
    }
}

/// A bare "Merci !" at the end of a brief is addressed to us.
fn pieces_are_thanks(text: &str) -> bool {
    folded_words(text).len() > 1
}

/// The words of a typed beginning, and its printed form.
type Beginning = (Vec<&'static str>, String);

/// Turns the beginning of a call to act into an invitation: "reserver avant" → "Réservez avant".
fn acting(text: &str, language: Language, familiar: bool) -> String {
    static ACTS: LazyLock<HashMap<&'static str, Vec<Beginning>>> = LazyLock::new(|| {
        let lines = include_str!("act.txt").lines().filter_map(|line| line.split_once(": "));
        lines
            .map(|(code, pairs)| {
                let mut acts: Vec<Beginning> = pairs
                    .split(' ')
                    .filter_map(|pair| pair.split_once('='))
                    .map(|(typed, printed)| (typed.split('_').collect(), printed.replace('_', " ")))
                    .collect();
                acts.sort_by_key(|(typed, _)| std::cmp::Reverse(typed.len()));
                (code, acts)
            })
            .collect()
    });
    let words: Vec<&str> = text.split(' ').collect();
    let acts = ACTS.get(language.code()).map_or(&[][..], Vec::as_slice);
    let found = acts.iter().find(|(typed, _)| {
        words.len() > typed.len() && typed.iter().zip(&words).all(|(typed, word)| fold(word) == *typed)
    });
    match found {
        Some((typed, printed)) => {
            let rest = words.get(typed.len()..).unwrap_or_default().join(" ");
            format!("{} {rest}", super::book::address(printed, familiar))
        }
        None => text.to_owned(),
    }
}

/// Removes the pieces between commas that are wishes or requests from a sentence.
fn without_wishes(brief: &str, content: &[Token]) -> String {
    let mut pieces: Vec<&[Token]> = Vec::new();
    let mut start = 0;
    for (at, token) in content.iter().enumerate() {
        if token.kind == TokenKind::Mark && matches!(token.folded.as_str(), "," | "،") {
            pieces.extend(content.get(start..at));
            start = at + 1;
        }
    }
    pieces.extend(content.get(start..));
    let kept = |piece: &&[Token]| {
        let text = fold(span(brief, piece));
        let stripped = request::strip(brief, piece);
        let only_request = stripped.asked && stripped.from >= piece.len();
        !text.is_empty() && !lexicon::is_wish(&text) && !only_request
    };
    if pieces.iter().all(kept) {
        return span(brief, content).to_owned();
    }
    pieces.iter().filter(|piece| kept(piece)).map(|piece| span(brief, piece)).collect::<Vec<_>>().join(", ")
}

/// Replaces "mon" by "notre", as a business speaks, unless the author writes "je" or names a relative.
fn ours(text: &str, language: Language) -> String {
    const RELATIVES: &str = "mum mom dad mother father wife husband son daughter sister brother nan gran grandad family boyfriend girlfriend \
        beau belle mere pere mari femme fils fille soeur frere grand-mere grand-pere mamie papi compagnon compagne famille enfants copain copine";
    let words = folded_words(text);
    if words.iter().any(|word| matches!(word.as_str(), "je" | "j" | "moi" | "i" | "me" | "m" | "yo" | "eu")) {
        return text.to_owned();
    }
    let all: Vec<&str> = text.split(' ').collect();
    let replaced = all.iter().enumerate().map(|(at, word)| {
        let next = all.get(at + 1).map(|next| fold(next)).unwrap_or_default();
        if lists(RELATIVES, next.trim_matches(|c: char| !c.is_alphanumeric())) {
            return *word;
        }
        match (language, *word) {
            (Language::Fr, "mon" | "ma") => "notre",
            (Language::Fr, "mes")
                if !matches!(words.first().map(String::as_str), Some("el" | "este" | "no")) =>
            {
                "nos"
            }
            (Language::Fr, "Mon" | "Ma") => "Notre",
            (Language::En, "my") => "our",
            (Language::En, "My") => "Our",
            (_, other) => other,
        }
    });
    replaced.collect::<Vec<_>>().join(" ")
}

/// Completes a fragment of an announcement: "cherche un apprenti" → "On cherche un apprenti".
fn announced(text: &str, occasion: Occasion) -> String {
    let (head, rest) = text.split_once(' ').unwrap_or((text, ""));
    match (fold(head).as_str(), occasion) {
        ("cherche" | "recherche" | "recrute" | "embauche", Occasion::Hiring) => {
            format!("On {} {rest}", head.to_lowercase())
        }
        ("looking" | "hiring", Occasion::Hiring) => format!("We're {} {rest}", head.to_lowercase()),
        ("je" | "j", Occasion::Hiring)
            if rest.starts_with("cherche ")
                || rest.starts_with("recherche ")
                || rest.starts_with("recrute ") =>
        {
            format!("On {rest}")
        }
        ("remercier" | "remercie", _) if !rest.is_empty() => match rest.split_once(' ') {
            Some(("les", rest)) => format!("Merci aux {rest}"),
            Some(("le", rest)) => format!("Merci au {rest}"),
            _ => format!("Merci à {rest}"),
        },
        ("closed", Occasion::Closing) => format!("We're closed {rest}"),
        ("open", Occasion::Hours) => format!("We're open {rest}"),
        ("thank" | "thanking", _) if !rest.is_empty() && !rest.starts_with("you") => {
            format!("Thank you to {rest}")
        }
        ("excusez", _) if rest.starts_with("nous ") => format!("Excusez-{rest}"),
        _ => text.to_owned(),
    }
    .trim_end()
    .to_owned()
}

/// The town: the capitalised word after "à", "in", "en", "em".
fn place(brief: &str, tokens: &[Token]) -> Option<String> {
    tokens.iter().enumerate().find_map(|(at, preposition)| {
        let name = tokens.get(at + 1)?;
        let raw = brief.get(preposition.start..preposition.end)?;
        let town = brief.get(name.start..name.end)?;
        let folded = name.folded.as_str();
        // "Pas à Pas": a name, and no town.
        let repeats = at > 0 && tokens.get(at - 1).is_some_and(|before| before.folded == name.folded);
        let good = !repeats
            && matches!(raw, "à" | "À" | "in" | "en" | "em")
            && name.kind == TokenKind::Word
            && town.chars().next().is_some_and(char::is_uppercase)
            && (3..=20).contains(&town.chars().count())
            && town.chars().all(char::is_alphabetic)
            && town.chars().any(char::is_lowercase)
            && !crate::facts::is_month(folded)
            && !crate::facts::is_weekday(folded)
            && !lexicon::is_place(folded)
            && Language::from_folded_name(folded).is_none();
        // "À Saint Étienne", "in New York", "en Casa Pepa": a part of a name is not used.
        let goes_on = tokens.get(at + 2).is_some_and(|next| {
            next.kind == TokenKind::Word
                && brief.get(name.end..next.start) == Some(" ")
                && brief.get(next.start..).is_some_and(|rest| rest.starts_with(char::is_uppercase))
        });
        let whole = !matches!(
            folded,
            "saint"
                | "sainte"
                | "new"
                | "la"
                | "le"
                | "les"
                | "los"
                | "las"
                | "san"
                | "sao"
                | "santa"
                | "bar"
                | "rio"
                | "porto"
        );
        (good && whole && !goes_on).then(|| town.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(brief: &str) -> Vec<String> {
        Reading::of(brief, Language::Fr, None, true).pieces().map(|piece| piece.text.clone()).collect()
    }

    #[test]
    fn the_request_is_cut_away_and_the_content_kept() {
        for (brief, expected) in [
            ("Crée un post promo pour Instagram", vec![]),
            ("Fais-moi un post pour ma boulangerie : baguette à 1,20 €", vec!["Baguette à 1,20 €"]),
            ("Fais un post sur notre soirée jazz samedi, sans emoji", vec!["Notre soirée jazz samedi"]),
            (
                "Bonjour, peux-tu m'écrire un post pour annoncer l'ouverture de mon salon samedi ? Merci",
                vec!["L'ouverture de notre salon samedi"],
            ),
            ("J'ouvre mon salon samedi", vec!["J'ouvre mon salon samedi"]),
            ("peux tu me faire un post chic pour notre nouvelle carte", vec!["Notre nouvelle carte"]),
            ("promo", vec![]),
            ("Fait maison et servi chaud", vec!["Fait maison et servi chaud"]),
            ("cherche un apprenti", vec!["On cherche un apprenti"]),
            ("Un post pour dire que le magasin est fermé lundi", vec!["Le magasin est fermé lundi"]),
            ("Fermé lundi. Retour mardi à 9h30 !", vec!["Fermé lundi", "Retour mardi à 9h30"]),
            ("Suivez-nous sur Instagram", vec!["Suivez-nous sur Instagram"]),
            ("Crée un post promo pour Instagram, brunch dimanche", vec!["Brunch dimanche"]),
            ("Bonjour, peux-tu faire une pub pour Facebook : brunch dimanche ?", vec!["Brunch dimanche"]),
            ("Fais une story pour ma page Facebook : brocante dimanche", vec!["Brocante dimanche"]),
            ("I need a promo post for my Facebook page: brunch today", vec!["Brunch today"]),
            ("hola! puedes hacerme una publicación promo para Instagram, brunch hoy", vec!["Brunch hoy"]),
            ("preciso de um post promocional pro instagram, brunch hoje", vec!["Brunch hoje"]),
            ("اكتب لي منشور ترويجي للانستغرام: خصم", vec!["خصم"]),
            ("Brunch dimanche\nFais un post pour Facebook : venez tôt", vec!["Brunch dimanche", "Venez tôt"]),
            ("On ouvre samedi. Fais un post Instagram : brunch", vec!["On ouvre samedi", "Brunch"]),
        ] {
            assert_eq!(lines(brief), expected, "{brief}");
        }
        let reading = Reading::of(
            "Écris un post pour ma boulangerie Chez Léa à Lyon, tarte au citron 3,50 €",
            Language::Fr,
            None,
            true,
        );
        assert_eq!(reading.signature.as_deref(), Some("Chez Léa à Lyon"));
        assert_eq!(reading.place.as_deref(), Some("Lyon"));
    }
}
