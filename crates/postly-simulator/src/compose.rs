//! The texts of the simulated model: the brief's own words in one sentence, and around them phrases that
//! differ from post to post and promise nothing. The only numbers are those of the brief.

/// The limit of words copied from the brief: more would make the posts alike, and too long.
const CORE_WORDS: usize = 60;
/// The limit of copied characters for a platform that allows 280.
const SHORT_CORE_CHARS: usize = 120;

/// The phrases before and after the brief.
type Frame = (&'static str, &'static str);

const FRENCH: [Frame; 4] = [
    (
        "Envie de vous faire plaisir près de chez vous ? ",
        ". Notre équipe prépare tout avec soin, poussez la porte quand vous passez dans le quartier !",
    ),
    (
        "Derrière le comptoir, ça sent déjà bon le travail bien fait. Au programme : ",
        ". Venez en famille, racontez-nous vos goûts, on adore échanger avec chacun.",
    ),
    (
        "La bonne nouvelle du moment tient en une phrase. ",
        ". Et vous, qui allez-vous inviter ? Identifiez cette personne en commentaire, elle appréciera sûrement.",
    ),
    (
        "Un petit mot pour nos fidèles : ",
        ". Gardez cette publication sous la main, partagez-la autour de vous.",
    ),
];

const ENGLISH: [Frame; 4] = [
    (
        "Feel like treating yourself close to home? ",
        ". Our team prepares everything with care, so push the door next time you walk by!",
    ),
    (
        "Behind the counter, hard work already smells wonderful. On the menu: ",
        ". Bring the family along, tell us what they love, every chat makes us smile.",
    ),
    (
        "Good news fits in a single line. ",
        ". Who would you invite? Tag that lucky friend below and start planning together.",
    ),
    ("Just a short note for regulars: ", ". Keep this post handy, share it around town."),
];

const SPANISH: [Frame; 4] = [
    (
        "¿Te apetece darte un capricho cerca de casa? ",
        ". Nuestro equipo lo prepara todo con mimo, ¡pasa a vernos cuando andes por el barrio!",
    ),
    (
        "Detrás del mostrador ya huele a trabajo bien hecho. En la carta: ",
        ". Ven en familia, cuéntanos tus gustos, nos encanta charlar con cada persona.",
    ),
    (
        "La buena noticia cabe en una frase. ",
        ". ¿A quién vas a invitar? Menciona a esa persona abajo, seguro que se alegra.",
    ),
    ("Unas palabras para nuestra gente de siempre: ", ". Guarda esta publicación, compártela con los tuyos."),
];

const SHORT_FRENCH: [Frame; 3] = [
    ("Envie de vous faire plaisir ? ", ". Poussez la porte !"),
    ("Au programme chez nous : ", ". Venez en famille."),
    ("La bonne nouvelle du moment : ", ". Qui invitez-vous ?"),
];

const SHORT_SPANISH: [Frame; 3] = [
    ("¿Te apetece un capricho? ", ". ¡Pasa a vernos!"),
    ("En nuestra carta: ", ". Ven en familia."),
    ("La buena noticia: ", ". ¿A quién vas a invitar?"),
];

const SHORT_ENGLISH: [Frame; 3] = [
    ("Feel like a treat? ", ". Push the door!"),
    ("On our menu: ", ". Bring the family along."),
    ("Good news today: ", ". Who would you invite?"),
];

/// Guesses the language of a brief if the request leaves it to the model: English if the brief has a common
/// English word, otherwise French.
pub(crate) fn language(brief: &str) -> &'static str {
    const ENGLISH_WORDS: [&str; 10] =
        ["the", "our", "your", "and", "for", "with", "from", "come", "now", "today"];
    let brief = brief.to_lowercase();
    let english = brief.split(|c: char| !c.is_alphabetic()).any(|word| ENGLISH_WORDS.contains(&word));
    if english { "en" } else { "fr" }
}

/// The frames of a language, and those of a platform with short posts. English for a language without.
fn frames(language: &str) -> (&'static [Frame; 4], &'static [Frame; 3]) {
    match language.to_lowercase().get(..2) {
        Some("fr") => (&FRENCH, &SHORT_FRENCH),
        Some("es") => (&SPANISH, &SHORT_SPANISH),
        _ => (&ENGLISH, &SHORT_ENGLISH),
    }
}

/// Writes three clearly different posts.
pub(crate) fn texts(brief: &str, language: &str, platform: &str) -> Vec<String> {
    let (long, short) = frames(language);
    let is_short = matches!(platform.to_lowercase().as_str(), "x" | "twitter");
    let frames = if is_short { short.as_slice() } else { long.as_slice() };
    let core = core(brief, if is_short { SHORT_CORE_CHARS } else { usize::MAX });
    frames.iter().take(3).map(|(before, after)| format!("{before}{core}{after}")).collect()
}

/// Writes a surplus fourth post.
pub(crate) fn fourth(brief: &str, language: &str) -> String {
    let ([.., (before, after)], _) = frames(language);
    format!("{before}{}{after}", core(brief, usize::MAX))
}

/// Returns the subject of the brief, without the request to write a post.
fn core(brief: &str, most_chars: usize) -> String {
    const ORDERS: [&str; 14] = [
        "crée", "cree", "créer", "fais", "faire", "écris", "ecris", "rédige", "create", "write", "make",
        "post", "crea", "haz",
    ];
    let brief = brief.trim();
    let first = brief.split_whitespace().next().unwrap_or_default().to_lowercase();
    let ordered = ORDERS.contains(&first.as_str());
    let subject = match brief.split_once([',', ':']) {
        Some((_, rest)) if ordered && !rest.trim().is_empty() => rest,
        _ => brief,
    };
    let mut core = String::new();
    for word in subject.split_whitespace().take(CORE_WORDS) {
        if core.chars().count() + word.chars().count() >= most_chars {
            break;
        }
        if !core.is_empty() {
            core.push(' ');
        }
        core.push_str(word);
    }
    core.trim_end_matches(['.', '!', '?', ' ']).to_owned()
}

/// Returns the platform that the brief names; by default Instagram.
pub(crate) fn platform(brief: &str) -> &'static str {
    let brief = brief.to_lowercase();
    ["instagram", "facebook", "linkedin", "tiktok", "twitter"]
        .into_iter()
        .find(|name| brief.contains(name))
        .unwrap_or("instagram")
}

/// Returns a number that is not in the brief.
pub(crate) fn unheard_number(brief: &str) -> &'static str {
    ["37", "83", "61", "97"].into_iter().find(|number| !brief.contains(number)).unwrap_or("4173")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn words(text: &str) -> HashSet<String> {
        text.split(|character: char| !character.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    }

    fn overlap(one: &str, other: &str) -> f64 {
        let (one, other) = (words(one), words(other));
        f64::from(u32::try_from(one.intersection(&other).count()).unwrap())
            / f64::from(u32::try_from(one.union(&other).count()).unwrap())
    }

    #[test]
    fn three_posts_differ_and_carry_the_brief() {
        fn check(brief: &str, language: &str, platform: &str, carried: &str) {
            let texts = texts(brief, language, platform);
            assert_eq!(texts.len(), 3);
            for (place, text) in texts.iter().enumerate() {
                assert!(text.contains(carried), "{text}");
                for other in texts.iter().skip(place + 1) {
                    assert!(overlap(text, other) < 0.7, "{text}\n{other}");
                }
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                let known: String = brief.chars().filter(char::is_ascii_digit).collect();
                assert_eq!(digits, known);
                if platform == "x" {
                    assert!(text.chars().count() <= 280, "{text}");
                }
            }
        }
        let french = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
        check(french, "fr", "instagram", "-20 % sur les croissants ce week-end");
        check(french, "fr", "x", "-20 % sur les croissants ce week-end");
        check("Crée un post promo pour Instagram", "fr", "instagram", "Crée un post promo pour Instagram");
        check(
            "20% off all croissants this weekend!",
            "en",
            "facebook",
            "20% off all croissants this weekend",
        );
        let spanish = "Crea un post para Instagram, -20 % en los cruasanes este fin de semana";
        check(spanish, "es", "instagram", "-20 % en los cruasanes este fin de semana");
        check(spanish, "es", "x", "-20 % en los cruasanes este fin de semana");
        let long: String = (0..60)
            .map(|n| format!("mot{} ", "abcdefghij".repeat(n / 10 + 1).chars().nth(n % 10).unwrap()))
            .collect();
        check(&long, "fr", "instagram", "mota");
        let distinct = "un marché de printemps avec fromagers maraîchers fleuristes boulangers musiciens clowns jongleurs conteurs poètes potiers tisserands brodeuses vanniers forgerons luthiers sculpteurs peintres graveurs relieurs imprimeurs libraires bouquinistes chocolatiers confiseurs glaciers traiteurs brasseurs vignerons cidriers apiculteurs trufficulteurs oléiculteurs pisciculteurs éleveurs bergers tondeurs fileuses teinturiers couturières modistes chapeliers bottiers maroquiniers selliers ébénistes menuisiers";
        check(distinct, "fr", "instagram", "vignerons");
    }
}
