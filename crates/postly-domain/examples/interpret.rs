//! Reads labelled messages (`id language after label text`, tab-separated) and prints those that are read as something else.

use postly_domain::{
    Command,
    intent::{Intent, State, interpret},
    small_talk::SmallTalk,
};

fn label(intent: &Intent) -> String {
    match intent {
        Intent::Brief(_) => "brief".into(),
        Intent::TooVague(_) => "ask".into(),
        Intent::Choose(_) => "choice".into(),
        Intent::Change(_) => "change".into(),
        Intent::NothingToChange => "nothing".into(),
        Intent::Cancel => "cancel".into(),
        Intent::Human => "human".into(),
        Intent::Refund => "refund".into(),
        Intent::Question => "question".into(),
        Intent::OffTopic => "off_topic".into(),
        Intent::Chat => "chat".into(),
        Intent::Command(command) => match command {
            Command::SmallTalk(SmallTalk::Price) => "price".into(),
            Command::SmallTalk(SmallTalk::AboutUs) => "question".into(),
            Command::SmallTalk(_) => "chat".into(),
            Command::SetLanguage(_) | Command::ShowLanguage | Command::UnknownLanguage => {
                "command:language".into()
            }
            Command::HowToStop => "command:stop".into(),
            other => format!("command:{}", format!("{other:?}").to_lowercase()),
        },
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name a file")?;
    let (mut right, mut all, mut debits, mut missed, mut briefs) = (0, 0, 0, 0, 0);
    for line in std::fs::read_to_string(path)?.lines().skip(1) {
        let [id, language, after, expected, text] = line.splitn(5, '\t').collect::<Vec<_>>()[..] else {
            continue;
        };
        let text = text.replace("\\n", "\n");
        let state = State {
            has_result: after == "result",
            asked_about: (after == "question").then(|| "promo".to_owned()),
        };
        let read = label(&interpret(&text, &state));
        all += 1;
        let paid = |label: &str| label == "brief" || label == "answer";
        briefs += usize::from(paid(expected));
        let same = read == expected || paid(&read) && paid(expected);
        right += usize::from(same);
        if paid(&read) && !paid(expected) {
            debits += 1;
        }
        missed += usize::from(paid(expected) && !paid(&read));
        if !same {
            let sign = if paid(&read) && !paid(expected) {
                "DEBIT"
            } else if paid(expected) {
                "MISS "
            } else {
                "     "
            };
            println!("{sign} {id} {language} {after} {expected} -> {read}: {text}");
        }
    }
    println!("{right} of {all}; {debits} debits; {missed} of {briefs} briefs missed");
    Ok(())
}
