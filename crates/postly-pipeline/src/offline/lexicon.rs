//! The words of requests for posts, in our five languages, folded.
//!
//! They are instructions, not subjects, so they stay out of the posts.

use postly_domain::Language;

use crate::tokens::{lists, words_of};

/// Nouns for the requested text.
const NOUNS: &str = "post posts publication publications texte textes legende legendes annonce message story stories \
    statut tweet reel reels contenu visuel communication pub publicite propositions versions caption \
    captions text ad status description descriptif descripcion descricao epingle announcement content update publicacion publicaciones texto textos anuncio \
    mensaje publicacao publicacoes mensagem legenda منشور منشورا منشورات بوست نص اعلان رسالة";

/// Verbs of a request.
const VERBS: &str = "publie publier publiez publica publicar publique anuncia anuncie انشر cree creer crees creez crée fais fais-moi fait faites faites-moi faire ecris ecris-moi ecrire \
    ecrivez redige rediger redige-moi genere generer generes prepare prepare-moi preparer donne \
    donne-moi propose propose-moi imagine veux voudrais voudrai aimerais souhaite souhaiterais peux-tu \
    peux peut-tu pourrais-tu pouvez-vous pourriez-vous faut besoin create write make draft generate \
    give want need would like can could help aide-moi crea crear escribe escribir haz hazme \
    quiero necesito prepara genera redacta puedes cria crie criar escreve escreva escrever faz faca \
    fazer quero preciso gera gere podes pode اكتب انشئ اعمل اريد ارجو صمم حضر اكتبي gen";

/// Small words inside a request, and before and after its verbs and nouns.
const GLUE: &str = "tu t est-ce si moi me nous m j je i you us il d de un une des a an some the trois three 3 tres le la les l please \
    svp stp s'il te plait vous et and quelques petit petite nouveau bonjour salut coucou hello hi hey \
    bonsoir hola ola merci thanks una unos uma um por favor مرحبا السلام عليكم لي من فضلك للنشر";

/// Adjectives of style.
const STYLES: &str = "promo promotionnel promotionnels promotionnelle promotional promocional promocionales drole droles \
    fun funny pro professionnel professional court courts courte short sympa sympas chaleureux joli \
    jolis beau bon super accrocheur accrocheurs catchy friendly elegant chic humoristique marketing \
    publicitaire commercial vendeur percutant simple nice good great quick rapide divertido corto \
    profesional curto engageant engaging special ترويجي ترويجيا قصير";

/// Destinations of the posts.
const PLACES: &str = "instagram insta ig facebook fb linkedin twitter tiktok tik-tok whatsapp reseaux sociaux social \
    media network networks page pagina compte redes sociales sociais x انستغرام انستقرام فيسبوك واتساب تيكتوك \
    لينكدان";

/// Words between the request and its subject.
const CONNECTORS: &str = "pour sur a propos concernant afin de qui que qu dit dise dire annonce annoncer annoncant parle \
    parlant parler presente presenter presentant promouvoir explique expliquer informer informe \
    prevenir mentionne mentionner met mettre mets en avant valeur for about on to announcing announce \
    announces saying say says that promoting promote telling tell presenting introducing introduce \
    para sobre anunciar anunciando promocionar dizer decir promover acerca da do del mes clients \
    clientes customers people leur dis dis-leur rappelle rappeler precise preciser indique indiquer \
    ajoute ajouter insiste add mention include remind celebrate feter عن حول بخصوص ل لاعلان على في \
    بمناسبة";

pub(crate) fn is_noun(word: &str) -> bool {
    lists(NOUNS, word)
}

pub(crate) fn is_verb(word: &str) -> bool {
    lists(VERBS, word)
}

pub(crate) fn is_style(word: &str) -> bool {
    lists(STYLES, word)
}

pub(crate) fn is_place(word: &str) -> bool {
    lists(PLACES, word)
}

pub(crate) fn is_connector(word: &str) -> bool {
    lists(CONNECTORS, word)
}

pub(crate) fn is_glue(word: &str) -> bool {
    lists(GLUE, word)
}

/// True if a word can only belong to the request. Such a word is never part of the subject of a discount.
pub(crate) fn is_instruction(word: &str) -> bool {
    is_noun(word)
        || is_verb(word)
        || (is_place(word) && word != "x" && word != "page")
        || matches!(word, "pour" | "for" | "para" | "sur")
}

/// True for a word before "boulangerie", "salon" … that makes it the author's own.
pub(crate) fn is_possessive(word: &str) -> bool {
    matches!(
        word,
        "ma" | "mon"
            | "mes"
            | "notre"
            | "nos"
            | "my"
            | "our"
            | "mi"
            | "nuestra"
            | "nuestro"
            | "minha"
            | "meu"
            | "nossa"
            | "nosso"
    )
}

/// True if a phrase between commas or stops is a wish for the form of the posts, not part of the content.
pub(crate) fn is_wish(folded: &str) -> bool {
    const HEADS: &[&str] = &[
        "sans ",
        "avec des emoji",
        "avec emoji",
        "avec des hashtag",
        "avec hashtag",
        "pas de ",
        "pas d",
        "style ",
        "en mode ",
        "en vouvoyant",
        "en tutoyant",
        "tutoie",
        "vouvoie",
        "tu peux",
        "no ",
        "without ",
        "with emoji",
        "with hashtag",
        "tone",
        "in a ",
        "sin ",
        "sem ",
        "con emoji",
        "com emoji",
        "بدون ",
        "un ton ",
        "d'un ton",
        "avec un ton",
        "avec humour",
        "plutot ",
    ];
    const THINGS: &[&str] = &[
        "emoji",
        "emojis",
        "emoticone",
        "emoticones",
        "smiley",
        "hashtag",
        "hashtags",
        "ton",
        "tone",
        "style",
        "tono",
        "tom",
        "vouvoyant",
        "tutoyant",
        "tutoie",
        "vouvoie",
        "humour",
        "court",
        "mode",
        "#",
        "ايموجي",
        "هاشتاغ",
        "هاشتاج",
    ];
    if is_counted_wish(folded) {
        return true;
    }
    let words = folded.split(|c: char| !(c.is_alphanumeric() || c == '#'));
    folded.chars().count() < 60
        && HEADS.iter().any(|head| folded.starts_with(head))
        && words.into_iter().any(|word| THINGS.contains(&word))
}

/// "Avec 15 hashtags", "10 hashtags max", "de 500 caractères".
fn is_counted_wish(folded: &str) -> bool {
    const BEFORE: &str = "avec with con com مع et and y e environ about de of max maxi maximum";
    const AFTER: &str = "max maxi maximum environ par post per each";
    const THINGS: &str =
        "emoji emojis caracteres characters signes mots words palabras palavras حرف حرفا كلمة ايموجي";
    let mut words = words_of(folded).peekable();
    while words.next_if(|word| lists(BEFORE, word)).is_some() {}
    let is_number = |word: &str| {
        crate::facts::plain_digits(word).parse::<u32>().is_ok() || crate::facts::number_word(word).is_some()
    };
    if !words.next().is_some_and(is_number) {
        return false;
    }
    let is_thing = |word: &&str| lists(THINGS, word) || crate::wishes::is_hashtag(word);
    // At most one adjective may be between.
    let named =
        words.next().is_some_and(|word| is_thing(&word) || words.next().is_some_and(|word| is_thing(&word)));
    named && words.all(|word| lists(AFTER, word))
}

/// Selects the word of a language, from those in French, English, Spanish, Portuguese and Arabic.
pub(super) fn in_language([fr, en, es, pt, ar]: [&'static str; 5], language: Language) -> &'static str {
    match language {
        Language::Fr => fr,
        Language::En => en,
        Language::Es => es,
        Language::Pt => pt,
        Language::Ar => ar,
    }
}
