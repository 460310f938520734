//! Reads a one-time code from typed or pasted text (RULES 7.7).

use crate::digits::decimal;

/// The longest message of WhatsApp; a longer text is no pasted message.
const MOST_CHARS: usize = 4_096;
/// The digits of a code.
const DIGITS: usize = 6;

/// Returns the six digits in a text, as ASCII. `None` unless exactly one run of digits in it has six.
///
/// Digits of any script count; blanks, dots and dashes between digits, and invisible characters, do not end a
/// run; a line end or any other character does.
pub(crate) fn read(text: &str) -> Option<String> {
    if text.chars().nth(MOST_CHARS).is_some() {
        return None;
    }
    let mut runs = vec![String::new()];
    for c in text.chars() {
        let Some(run) = runs.last_mut() else { break };
        if let Some(digit) = decimal(c) {
            run.push(digit);
        } else if !is_invisible(c) && !is_joint(c) {
            runs.push(String::new());
        }
    }
    let mut codes = runs.into_iter().filter(|run| run.len() == DIGITS);
    codes.next().filter(|_| codes.next().is_none())
}

/// Returns true for a character that people and telephones put between the digits of one number.
fn is_joint(c: char) -> bool {
    let is_line_end = matches!(c, '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    (c.is_whitespace() && !is_line_end) || is_dot(c) || is_dash(c)
}

fn is_dot(c: char) -> bool {
    matches!(
        c,
        '.' | '·'
            | '•'
            | '․'
            | '‧'
            | '∙'
            | '⋅'
            | '。'
            | '｡'
            | '．'
            | '・'
            | '･'
            | '﹒'
            | '۔'
            | '܁'
            | '܂'
    )
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '֊' | '־' | '‐'..='―' | '⁃' | '−' | '⸺' | '⸻' | '〜' | '〰' | '﹘' | '﹣' | '－')
}

/// Characters that are not shown (Unicode's Default_Ignorable_Code_Point), and controls that are no white
/// space.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    ) || (c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*, sample::select};

    const BUBBLE: &str = "🔐 Votre code de vérification Postly-AI: *123456*\n⏰ Valide 10 minutes\n🛡️ Ne partagez jamais ce code";

    #[test]
    fn o29_a_code_is_read_as_a_person_pastes_it() {
        for text in [
            "123456",
            "123 456",
            " 123-456 ",
            "*123456*",
            "123456.",
            "123456\n",
            "123456\r\n",
            "1 2 3 4 5 6",
            "1  2  3  4  5  6                              ",
            "12.34.56",
            "123\u{a0}456",
            "123\u{202f}456",
            "123 – 456",
            "\u{200e}123456\u{200f}",
            "\u{2068}123\u{200b}456\u{2069}",
            "\u{61c}١٢٣٤٥٦",
            "１２３４５６",
            "۱۲۳۴۵۶",
            "१२३४५६",
            "Votre code : 123456",
            BUBBLE,
            // A field of one line drops the line ends of a pasted text.
            &BUBBLE.replace('\n', ""),
            "*123456* est votre code de vérification. Pour votre sécurité, ne partagez pas ce code.",
            "123456\n10",
            "10 minutes\n123456",
        ] {
            assert_eq!(read(text).as_deref(), Some("123456"), "{text:?}");
        }
    }

    #[test]
    fn o29_what_does_not_have_exactly_one_run_of_six_digits_is_no_code() {
        for text in [
            "",
            "12345",
            "1234567",
            "+12345",
            "12345a",
            "123a456",
            "123\n456",
            "123,456",
            "123/456",
            "123456 7",
            "123456 ou 654321",
            "123456 123456",
            "O12345",
            "①②③④⑤⑥",
            &"1".repeat(1_000_000),
            &format!("123456{}", "x".repeat(MOST_CHARS)),
        ] {
            assert_eq!(read(text), None, "{:?}", text.chars().take(40).collect::<String>());
        }
    }

    /// A digit, as any script writes it.
    fn digit() -> impl Strategy<Value = (char, char)> {
        let zeros = ['0', '٠', '۰', '०', '০', '๐', '０', '𝟎', '𞥐'];
        (select(zeros.to_vec()), 0_u32..10).prop_map(|(zero, value)| {
            let shown = char::from_u32(u32::from(zero) + value).expect("a digit");
            (shown, char::from_digit(value, 10).expect("a digit"))
        })
    }

    proptest! {
        #[test]
        fn six_digits_are_the_code_whatever_stands_between_and_around_them(
            digits in vec(digit(), 6),
            between in vec(vec(select(vec![' ', '\u{a0}', '\t', '.', '-', '–', '\u{200b}', '\u{200f}', '\u{feff}']), 0..4), 5),
            before in vec(select(vec!["*", "code : ", "Voici\n", "12 345a", "🔐", "«", "10\r\n"]), 0..3),
            after in vec(select(vec!["*", "\n10 minutes", "!", "»", "\n12345", ".", " ", "\u{2028}7"]), 0..3),
        ) {
            // The last piece before the digits may not be joined to them, nor the first piece after them.
            let mut text: String = before.concat();
            if text.chars().next_back().is_some_and(|last| decimal(last).is_some() || is_joint(last)) {
                text.push('\n');
            }
            let mut expected = String::new();
            for (index, (shown, value)) in digits.iter().enumerate() {
                text.push(*shown);
                text.extend(between.get(index).into_iter().flatten());
                expected.push(*value);
            }
            text.push('\n');
            text.push_str(&after.concat());
            prop_assert_eq!(read(&text), Some(expected), "{:?}", text);
        }

        #[test]
        fn another_number_of_digits_is_never_a_code(
            digits in prop_oneof![vec(digit(), 0..6), vec(digit(), 7..20)],
            joint in select(vec!["", " ", ".", "-", "\u{200b}"]),
        ) {
            let shown: Vec<String> = digits.iter().map(|(shown, _)| shown.to_string()).collect();
            prop_assert_eq!(read(&shown.join(joint)), None);
        }

        #[test]
        fn whatever_is_read_is_six_ascii_digits(text in "[0-9٠-٩a .\\-]{0,12}") {
            if let Some(code) = read(&text) {
                prop_assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()));
            }
        }
    }
}
