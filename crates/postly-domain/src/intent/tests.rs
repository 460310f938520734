//! Messages and their classification. The labelled sets of `eval/` hold more.

use super::*;

fn name(intent: &Intent) -> &'static str {
    match intent {
        Intent::Brief(_) => "brief",
        Intent::TooVague(_) => "ask",
        Intent::Choose(_) => "choice",
        Intent::Change(_) => "change",
        Intent::NothingToChange => "nothing",
        Intent::Cancel => "cancel",
        Intent::Human => "human",
        Intent::Refund => "refund",
        Intent::Question => "question",
        Intent::OffTopic => "off_topic",
        Intent::Chat => "chat",
        Intent::Command(_) => "command",
        Intent::Lesson(_) => "lesson",
    }
}

fn after_a_result() -> State {
    State { has_result: true, ..State::default() }
}

#[test]
fn a_brief_has_a_subject_and_one_more_thing() {
    for (text, expected) in [
        ("Crée un post promo pour Instagram", "brief"),
        ("Un autre post promo pour Facebook, -10 % demain", "brief"),
        ("promo", "ask"),
        ("croissant", "ask"),
        ("croissants -20%", "brief"),
        ("supprime mon compte", "command"),
        ("je veux recharger", "command"),
        ("plus court", "nothing"),
        ("2", "nothing"),
        ("annuler", "cancel"),
        ("je suis pas content, remboursez moi", "refund"),
        ("je veux parler à un humain", "human"),
        ("écris moi un poème", "off_topic"),
        ("can you translate it to French?", "nothing"),
        ("on se voit samedi à 18h ?", "question"),
        ("tu me dois 20 €", "chat"),
        ("GEN bonjour", "brief"),
    ] {
        assert_eq!(name(&interpret(text, &State::default())), expected, "{text:?}");
    }
}

#[test]
fn after_a_result_a_choice_and_a_change_are_understood() {
    for (text, expected) in [
        ("2", Intent::Choose(2)),
        ("2️⃣", Intent::Choose(2)),
        ("j'aime la deuxième", Intent::Choose(2)),
        ("I'll take the last one", Intent::Choose(3)),
    ] {
        assert_eq!(interpret(text, &after_a_result()), expected, "{text:?}");
    }
    for (text, expected) in [
        ("plus court", Wish::Shorter),
        ("refais", Wish::Again),
        ("en anglais", Wish::InLanguage(Language::En)),
        ("mets pas de hashtags", Wish::WithoutHashtags),
        ("en fait c'est dimanche 17h", Wish::Correct("en fait c'est dimanche 17h".to_owned())),
        ("ajoute 12 €", Wish::Add("12 €".to_owned())),
        ("tutoie", Wish::Informal),
    ] {
        let Intent::Change(change) = interpret(text, &after_a_result()) else { panic!("{text:?}") };
        assert_eq!(change.wish, expected, "{text:?}");
    }
}

#[test]
fn a_number_names_a_post_only_where_it_is_told_as_one() {
    for (text, variant) in [
        ("en fait c'est le 2 décembre", None),
        ("en fait c'est 3 € le café", None),
        ("une autre version", None),
        ("le 2 en anglais", Some(2)),
        ("plus court, le post 3", Some(3)),
    ] {
        let Intent::Change(change) = interpret(text, &after_a_result()) else { panic!("{text:?}") };
        assert_eq!(change.variant, variant, "{text:?}");
    }
    for text in ["très bien", "gostei dos textos", "3 sur 3, bravo"] {
        assert!(!matches!(interpret(text, &after_a_result()), Intent::Choose(_)), "{text:?}");
    }
}

#[test]
fn the_answer_to_our_question_completes_what_was_asked_about() {
    let state = State { asked_about: Some("promo".to_owned()), ..State::default() };
    let Intent::Brief(brief) = interpret("les pulls", &state) else { panic!("no brief") };
    assert_eq!(brief.as_str(), "promo, les pulls");
    assert_eq!(name(&interpret("annule", &state)), "cancel");
    let Intent::Brief(brief) = interpret("ok", &state) else { panic!("no brief") };
    assert_eq!(brief.as_str(), "promo");
}

#[test]
fn a_lesson_is_no_brief_and_gen_writes_all_the_same() {
    let state = State::default();
    for text in
        ["Retiens : on est à Lyon 7e, fermé le lundi", "Oublie 2", "Ma marque", "What do you remember?"]
    {
        assert!(
            matches!(interpret(text, &state), Intent::Lesson(_)),
            "{text}: {:?}",
            interpret(text, &state)
        );
    }
    assert!(matches!(interpret("GEN retiens : fermé le lundi", &state), Intent::Brief(_)));
    assert!(matches!(interpret("Retenez la date : soldes samedi à Lyon", &state), Intent::Brief(_)));
}

#[test]
fn only_a_plain_yes_writes_a_late_brief() {
    let late = "-20 % sur les croissants samedi";
    let state = State { late_brief: Some(late.to_owned()), ..State::default() };
    for text in ["ok", "Oui !", "yes please", "sí", "sim", "نعم", "d’accord"] {
        assert_eq!(interpret(text, &state), Intent::Brief(Brief::parse(late).unwrap()), "{text}");
    }
    for text in ["non", "no", "não", "لا", "trop tard"] {
        assert_eq!(interpret(text, &state), Intent::Cancel, "{text}");
    }
    for text in ["vu", "bonne soirée", "Trop tard, c'est fini", "merci", "je ne sais pas", "SOLDE"] {
        assert!(!matches!(interpret(text, &state), Intent::Brief(_)), "{text}");
    }
}

#[test]
fn after_a_result_a_text_with_facts_is_not_off_topic() {
    let text = "oui oui c bon pour samedi 15h, pensez à amener le chèque d'acompte de 50€ madame";
    assert_eq!(interpret(text, &State::default()), Intent::OffTopic);
    assert!(matches!(interpret(text, &after_a_result()), Intent::TooVague(_) | Intent::Change(_)));
}
