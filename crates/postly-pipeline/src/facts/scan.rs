//! Figures: numbers, percentages, prices, times, phones.

use super::{Fact, links, wordings::WORDINGS};

/// A fact and its position.
struct Found {
    start: usize,
    end: usize,
    fact: Fact,
}

/// The links of a normalised text, and the text with its links blanked.
pub(super) fn links(plain: &str) -> (Vec<Fact>, String) {
    let mut text = plain.to_owned();
    let mut facts = Vec::new();
    for span in links::link_spans(plain) {
        if let Some(link) = plain.get(span.start..span.end) {
            facts.push(Fact::Link(links::canonical(link)));
            text.replace_range(span.start..span.end, &" ".repeat(span.end - span.start));
        }
    }
    (facts, text)
}

/// The months of dates in figures: "12/05" and "12.05.2025" name May.
pub(super) fn months_in_figures(plain: &str) -> Vec<Fact> {
    let is_figure = |c: char| c.is_ascii_digit() || matches!(c, '/' | '.' | '-');
    plain
        .split(|c: char| !is_figure(c))
        .filter_map(|piece| {
            let mut parts = piece.split(['/', '.', '-']);
            let day: u8 = parts.next()?.parse().ok()?;
            let month: u8 = parts.next()?.parse().ok()?;
            ((1..=31).contains(&day) && (1..=12).contains(&month)).then_some(Fact::Month(month))
        })
        .collect()
}

/// Removes "1.", "2)", "3️⃣" at the start of lines while they count up from one.
pub(super) fn without_list_numbers(text: &str) -> String {
    let mut next = 1u32;
    let lines = text.split('\n').map(|line| {
        let body = line.trim_start();
        let digits = body.find(|c: char| !c.is_ascii_digit()).unwrap_or(body.len());
        let (number, rest) = body.split_at(digits);
        let marked =
            rest.strip_prefix(['.', ')', '\u{20E3}']).filter(|rest| rest.is_empty() || rest.starts_with(' '));
        match marked {
            Some(rest) if number.parse() == Ok(next) => {
                next += 1;
                rest
            }
            _ => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Reads the figures of a normalised text without links.
pub(super) fn figures(text: &str) -> Vec<Fact> {
    let chars: Vec<char> = text.chars().collect();
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        if c.is_ascii_digit() {
            let figure = phone(&chars, at).unwrap_or_else(|| figure(&chars, at));
            at = figure.end;
            found.push(figure);
        } else {
            // Numerals that are not decimal digits: circled numbers beyond fifty, other scripts.
            if c.is_numeric() {
                found.push(Found { start: at, end: at + 1, fact: Fact::Number(c.to_string()) });
            }
            at += 1;
        }
    }
    share_units(&chars, &mut found);
    found.into_iter().map(|found| found.fact).collect()
}

/// In a range, the unit is written once for both figures: "de 9 à 12h", "5-10 €".
fn share_units(chars: &[char], found: &mut [Found]) {
    for at in (1..found.len()).rev() {
        let (head, tail) = found.split_at_mut(at);
        let (Some(first), Some(second)) = (head.last_mut(), tail.first()) else { continue };
        let Fact::Number(number) = &first.fact else { continue };
        let between: String = chars.get(first.end..second.start).unwrap_or_default().iter().collect();
        if !matches!(
            between.trim(),
            "-" | "à" | "a" | "to" | "until" | "al" | "et" | "and" | "y" | "e" | "ou" | "or"
        ) {
            continue;
        }
        let shared = match &second.fact {
            Fact::Time(_) if !matches!(between.trim(), "et" | "and" | "y" | "e") => {
                number.parse::<u32>().ok().filter(|hour| *hour <= 24).map(|hour| Fact::Time(hour * 60))
            }
            Fact::Percent(_) => Some(Fact::Percent(number.clone())),
            Fact::Money(_, currency) => Some(Fact::Money(number.clone(), currency)),
            Fact::Time(_)
            | Fact::Number(_)
            | Fact::Phone(_)
            | Fact::Link(_)
            | Fact::Weekday(_)
            | Fact::Month(_)
            | Fact::Date { .. }
            | Fact::Dial(_)
            | Fact::Deal(..)
            | Fact::Counted(..)
            | Fact::Relative(_) => None,
        };
        if let Some(fact) = shared {
            first.fact = fact;
        }
    }
}

fn digits_from(chars: &[char], at: usize) -> usize {
    chars.iter().skip(at).take_while(|c| c.is_ascii_digit()).count()
}

fn text_of(chars: &[char], from: usize, to: usize) -> String {
    chars.iter().take(to).skip(from).collect()
}

/// The most digits of an international number (E.164).
const MOST_PHONE_DIGITS: usize = 15;

/// Reads a phone number: it begins with a plus or a zero, or its groups are those of a phone number.
fn phone(chars: &[char], start: usize) -> Option<Found> {
    let mut digits = String::new();
    let mut groups = Vec::new();
    let mut at = start;
    loop {
        let count = digits_from(chars, at);
        digits.push_str(&text_of(chars, at, at + count));
        groups.push(count);
        at += count;
        // No phone number is longer. The limit also keeps a page of figures from being read again from each
        // of them.
        if digits.len() > MOST_PHONE_DIGITS {
            return None;
        }
        let next_is_digit = |offset: usize| chars.get(at + offset).is_some_and(char::is_ascii_digit);
        match chars.get(at) {
            Some(' ' | '.' | '-') if next_is_digit(1) => at += 1,
            // "+33 (0)6": the zero is dialled only within the country.
            Some(' ') if text_of(chars, at, at + 4) == " (0)" && next_is_digit(4) => at += 4,
            _ => break,
        }
    }
    let plus = start > 0 && chars.get(start - 1) == Some(&'+');
    let like_a_phone = match digits.len() {
        8..=15 if plus => true,
        9..=15 if digits.starts_with('0') => true,
        9..=15 => matches!(groups.as_slice(), [_] | [3, 3, 3] | [3, 3, 4] | [3, 2, 2, 2]),
        _ => false,
    };
    let digits = digits.strip_prefix("00").map_or(digits.clone(), str::to_owned);
    like_a_phone.then_some(Found { start, end: at, fact: Fact::Phone(digits) })
}

/// Reads a number with its unit: percent sign, currency, hours.
fn figure(chars: &[char], start: usize) -> Found {
    let (mut number, mut end) = number(chars, start);
    let rest = text_of(chars, end, end + 24);
    let gap = rest.len() - rest.trim_start_matches(' ').len();
    let unit = rest.get(gap..).unwrap_or_default().to_lowercase();
    let found = |end, fact| Found { start, end, fact };

    if unit.starts_with('%') || is_percent(&unit) {
        return found(end, Fact::Percent(number));
    }
    if let Some((sign, currency)) = currency_at(&unit) {
        // "12€50"
        let cents = end + gap + sign;
        if sign == 1 && digits_from(chars, cents) == 2 && !number.contains('.') {
            number = canonical(&number, &text_of(chars, cents, cents + 2));
            end = cents + 2;
        }
        // "12 euros 50", "12 euros et 50 centimes"
        if sign > 1
            && !number.contains('.')
            && let Some((digits, after)) = cents_at(chars, cents)
        {
            number = canonical(&number, &digits);
            end = after;
        }
        return found(end, Fact::Money(number, currency));
    }
    if let Some(currency) = currency_before(chars, start) {
        return found(end, Fact::Money(number, currency));
    }
    match time(chars, end, &number) {
        Some((end, minutes)) => found(end, Fact::Time(minutes)),
        None => found(end, Fact::Number(number)),
    }
}

/// True for "pour cent", "per cent" …, false for "pour centenaires".
fn is_percent(unit: &str) -> bool {
    let folded = postly_domain::text::fold(unit);
    WORDINGS.percent_signs.iter().any(|sign| {
        let rest = folded.strip_prefix(sign.join(" ").as_str());
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    })
}

/// True if a folded word names a currency.
pub(super) fn is_currency(word: &str) -> bool {
    currency_at(word).is_some_and(|(length, _)| length == word.chars().count())
}

/// The currency at the start of a text, and the length of its name in characters.
fn currency_at(unit: &str) -> Option<(usize, &'static str)> {
    for (sign, name) in [('€', "€"), ('$', "$"), ('£', "£")] {
        if unit.starts_with(sign) {
            return Some((1, name));
        }
    }
    let word: String = unit.chars().take_while(|c| c.is_alphabetic()).collect();
    let name = match word.as_str() {
        "euro" | "euros" | "eur" | "يورو" => "€",
        "dollar" | "dollars" | "usd" | "dolares" | "dólares" | "دولار" => "$",
        "pound" | "pounds" | "gbp" | "libras" => "£",
        "chf" | "francs" => "CHF",
        "dh" | "dhs" | "mad" | "dirham" | "dirhams" | "درهم" => "MAD",
        "fcfa" | "cfa" | "xof" | "xaf" => "FCFA",
        "reais" | "brl" => "R$",
        "centimes" | "cents" | "centimos" | "centavos" => "cents",
        _ => return None,
    };
    Some((word.chars().count(), name))
}

/// Reads two digits of cents after the name of a currency, followed by the end of the phrase or a word for
/// cents. Returns them and their end.
fn cents_at(chars: &[char], at: usize) -> Option<(String, usize)> {
    let behind = text_of(chars, at, at + 8);
    let glue =
        [" et ", " and ", " con ", " y ", " e ", " و", " "].iter().find(|glue| behind.starts_with(**glue))?;
    let start = at + glue.chars().count();
    let spaces = chars.iter().skip(start).take_while(|c| **c == ' ').count();
    let start = start + spaces;
    if digits_from(chars, start) != 2 {
        return None;
    }
    let end = start + 2;
    let rest = text_of(chars, end, end + 12).to_lowercase();
    let rest = rest.split('\n').next().unwrap_or_default();
    let word: String = rest.trim_start().chars().take_while(|c| c.is_alphanumeric()).collect();
    let sign = rest.trim_start().starts_with(['%', '€', '$', '£', ':'])
        || rest.starts_with(['.', ',']) && rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
    let cents =
        WORDINGS.cents.iter().any(|name| name.first() == Some(&postly_domain::text::fold(&word).as_str()));
    if sign || !(word.is_empty() || cents) {
        return None;
    }
    let gap = rest.chars().take_while(|c| *c == ' ').count();
    Some((text_of(chars, start, end), if cents { end + gap + word.chars().count() } else { end }))
}

fn currency_before(chars: &[char], start: usize) -> Option<&'static str> {
    let mut at = start.checked_sub(1)?;
    if chars.get(at) == Some(&' ') {
        at = at.checked_sub(1)?;
    }
    match chars.get(at)? {
        // "5 € 10 croissants": a sign after a figure belongs to that figure.
        _ if at > 0
            && chars.get(..at)?.iter().rev().find(|c| **c != ' ').is_some_and(char::is_ascii_digit) =>
        {
            None
        }
        '€' => Some("€"),
        '$' if at > 0 && chars.get(at - 1) == Some(&'R') => Some("R$"),
        '$' => Some("$"),
        '£' => Some("£"),
        _ => None,
    }
}

/// Reads digits with thousands and decimals. Returns their canonical form and their end.
fn number(chars: &[char], start: usize) -> (String, usize) {
    let mut end = start + digits_from(chars, start);
    let mut whole = text_of(chars, start, end);
    while whole.len() <= 3 || end > start + whole.len() {
        let grouped =
            matches!(chars.get(end), Some(' ' | '.' | ',' | '\'' | '’')) && digits_from(chars, end + 1) == 3;
        if !grouped || whole.starts_with('0') {
            break;
        }
        whole.push_str(&text_of(chars, end + 1, end + 4));
        end += 4;
    }
    let mut fraction = String::new();
    if matches!(chars.get(end), Some('.' | ',')) {
        let count = digits_from(chars, end + 1);
        let after = end + 1 + count;
        // "12.05.2025" is a date, not a number with decimals.
        let date = matches!(chars.get(after), Some('.' | '/')) && digits_from(chars, after + 1) > 0;
        if count > 0 && !date {
            fraction = text_of(chars, end + 1, after);
            end = after;
        }
    }
    (canonical(&whole, &fraction), end)
}

fn canonical(whole: &str, fraction: &str) -> String {
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// Reads the marks that make a number a time: "h", "h30", ":30", "pm". Returns their end and the time in
/// minutes.
fn time(chars: &[char], end: usize, number: &str) -> Option<(usize, u32)> {
    let hour: u32 = number.parse().ok()?;
    if hour > 99 {
        return None;
    }
    let gap = usize::from(chars.get(end) == Some(&' '));
    let sign = end + gap;
    let minutes_at =
        |at: usize| (digits_from(chars, at) == 2).then(|| text_of(chars, at, at + 2).parse().ok()).flatten();
    let (after, minutes, clock) = match chars.get(sign) {
        Some(':') if gap == 0 => (sign + 3, minutes_at(sign + 1)?, true),
        Some('h' | 'H') => {
            let at = sign + 1 + usize::from(gap == 1 && chars.get(sign + 1) == Some(&' '));
            match minutes_at(at) {
                Some(minutes) => (at + 2, minutes, true),
                None if chars.get(sign + 1).is_some_and(|c| c.is_alphabetic()) => (end, 0, false),
                None => (sign + 1, 0, true),
            }
        }
        _ => (end, 0, false),
    };
    let rest = text_of(chars, after, after + 9).to_lowercase();
    let word = rest.trim_start();
    let evening = ["pm", "p.m"].iter().any(|mark| word.starts_with(mark)) && hour < 12;
    let midnight = ["am", "a.m"].iter().any(|mark| word.starts_with(mark)) && hour == 12;
    let twelve_hours = ["am", "pm", "a.m", "p.m"]
        .iter()
        .any(|mark| word.strip_prefix(mark).is_some_and(|rest| !rest.starts_with(char::is_alphabetic)));
    let hours = ["heure", "hour", "hora", "o'clock", "o’clock"].iter().any(|mark| word.starts_with(mark));
    if !(clock || hours || twelve_hours) {
        return None;
    }
    let hour = match (twelve_hours, evening, midnight) {
        (true, true, _) => hour + 12,
        (true, _, true) => 0,
        _ => hour,
    };
    Some((after, hour * 60 + minutes))
}
