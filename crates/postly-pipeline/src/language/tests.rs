use super::*;

/// The briefs of `cases.txt`, each with its language; for `None`, the detection must not be sure.
fn cases() -> Vec<(Option<Language>, &'static str)> {
    let lines = include_str!("cases.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once('|').unwrap())
        .map(|(code, brief)| (Language::from_code(code), brief))
        .collect()
}

#[test]
fn a_short_brief_is_never_surely_in_another_language_than_its_own() {
    let cases = cases();
    let (mut wrong, mut unsure) = (vec![], vec![]);
    for (expected, brief) in &cases {
        match detect_language(brief) {
            Detection { best, sure: true, .. } if best != *expected => {
                wrong.push(format!("surely {best:?}, not {expected:?}: {brief}"));
            }
            Detection { best, sure: false, .. } if expected.is_some() => {
                unsure.push(format!("perhaps {best:?}, {expected:?}: {brief}"));
            }
            _ => {}
        }
    }
    println!("wrong and sure: {wrong:#?}\nunsure: {unsure:#?}");
    for language in Language::ALL {
        let count = cases.iter().filter(|(expected, _)| *expected == Some(language)).count();
        assert!(count >= 30, "{language}: {count}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // An unsure result is safe, but too many of them would make the detection useless.
    assert!(unsure.len() * 5 <= cases.len(), "{unsure:#?}");
}

#[test]
fn a_guess_that_is_not_sure_is_hardly_ever_wrong() {
    let cases = cases();
    let wrong = |(expected, brief): &&(Option<Language>, &str)| {
        let best = detect_language(brief).best;
        expected.is_some() && best.is_some() && best != *expected
    };
    let wrong: Vec<_> = cases.iter().filter(wrong).collect();
    assert!(wrong.len() <= 2, "{wrong:#?}");
}

#[test]
fn names_quotes_and_borrowed_words_do_not_tell_a_language() {
    let check = |text: &str, expected: Option<Language>| {
        assert_eq!(detect_language(text).certain(), expected, "{text}");
    };
    check("Happy Hour The Crown, 18h", None);
    check(
        "avis google : \"great food and the best service in the city\" merci pour tout",
        Some(Language::Fr),
    );
    check("Tapas y Vino opens this Friday with live music", Some(Language::En));
    check("El Corte Fino : nouvelle collection, venez nous voir", Some(Language::Fr));
    check("Nouvelle carte dimanche, venez goûter / New menu on Sunday, come taste", None);
    check("#soldes #promo #nouveau", None);
    check("contact@une-boutique.fr www.les-fleurs.fr", None);
}

#[test]
fn a_language_asked_for_by_name_wins() {
    for (text, expected) in [
        ("Fais un post en anglais sur nos croissants du dimanche", Some(Language::En)),
        ("Fais un post en anglais pour Instagram : -20 % sur les croissants", Some(Language::En)),
        ("-20 % sur les croissants, en anglais", Some(Language::En)),
        ("-20 % sur les croissants, en anglais svp", Some(Language::En)),
        ("Fais un post sur nos croissants en anglais", Some(Language::En)),
        ("En anglais : nouvelle carte dès lundi", Some(Language::En)),
        ("Écris en espagnol notre promo du lundi", Some(Language::Es)),
        ("Rédige un texte en espagnol pour nos clients", Some(Language::Es)),
        ("A post in French about our new menu", Some(Language::Fr)),
        ("New menu from Monday. In Spanish please", Some(Language::Es)),
        ("write it in Arabic, 20% off", Some(Language::Ar)),
        ("Un post en inglés sobre nuestra tienda", Some(Language::En)),
        ("2x1 en cañas, en inglés", Some(Language::En)),
        ("Um post em inglês sobre a nossa loja", Some(Language::En)),
        ("promoção de bolos, em francês por favor", Some(Language::Fr)),
        ("اكتب منشورا بالإنجليزية عن مطعمنا", Some(Language::En)),
        ("خصم 20% على البيتزا، باللغة الفرنسية", Some(Language::Fr)),
        ("Fais un post sur mes cours en anglais du mercredi", None),
        ("Fais un post sur mes cours de cuisine en anglais", None),
        ("Ateliers en anglais tous les mercredis", None),
        ("Nous parlons en anglais et en espagnol", None),
        ("English lessons in English for kids", None),
        ("Clases en inglés los martes", None),
        ("Fais un post : nos ateliers, en anglais", None),
        ("دروس بالإنجليزية كل ثلاثاء", None),
        ("ouvert en semaine", None),
    ] {
        assert_eq!(requested_language(text), expected, "{text}");
    }
}
