//! The golden file of markup.

use postly_whatsapp::markup::to_whatsapp;

#[test]
fn markdown_becomes_what_whatsapp_shows() {
    let text = |line: &str| line[1..].strip_prefix(' ').unwrap_or_default().replace('⏎', "\n");
    let mut cases = 0;
    let mut once = false;
    let mut input = None;
    for line in include_str!("../golden/markup.txt").lines() {
        match line.chars().next() {
            Some('<') => input = Some(text(line)),
            Some('>') => {
                let input = input.take().expect("an input before each result");
                let result = to_whatsapp(&input);
                assert_eq!(result, text(line), "{input:?}");
                if !once {
                    assert_eq!(to_whatsapp(&result), result, "{input:?}, a second time");
                }
                once = false;
                cases += 1;
            }
            Some('o') => once = true,
            _ => {}
        }
    }
    assert!(cases >= 60, "{cases}");
}
