//! The words and phrases by which messages to the brand memory are read: French, English, Spanish,
//! Portuguese, Arabic. Folded.

/// The words that open a lesson. A colon or one of [`THAT`] follows: *retenez la date* is no lesson.
#[rustfmt::skip]
pub(super) const REMEMBER: &[&str] = &[
    "retiens", "retiens bien", "retenez", "memorise", "memorisez", "souviens-toi", "souviens toi",
    "souvenez-vous", "rappelle-toi", "a retenir", "remember", "please remember", "keep in mind", "recuerda",
    "recuerde", "memoriza", "ten en cuenta", "lembra", "lembre", "lembre-se", "memorize", "guarda", "تذكر",
    "تذكري", "احفظ", "احفظي",
];

#[rustfmt::skip]
pub(super) const THAT: &[&str] = &[
    "que", "qu'", "that", "de que", "ان",
];

#[rustfmt::skip]
pub(super) const FORGET: &[&str] = &[
    "oublie", "oubliez", "oublie le", "oublie la regle", "oubliez la regle", "forget", "forget rule",
    "forget number", "olvida", "olvida el", "olvida la regla", "esquece", "esqueca", "esquece o",
    "esquece a regra", "انس", "انسي", "انس رقم",
];

#[rustfmt::skip]
pub(super) const FORGET_ALL: &[&str] = &[
    "oublie tout ce que tu sais", "oublie tout ce que tu as retenu", "oublie toutes les regles",
    "oubliez tout ce que vous avez retenu", "oublie ma marque", "vide ta memoire", "efface ta memoire",
    "forget everything you know", "forget everything you remember", "forget all rules", "forget my brand",
    "clear your memory", "olvida todo lo que sabes", "olvida todas las reglas", "olvida mi marca",
    "borra tu memoria", "esquece tudo o que sabes", "esquece tudo o que sabe", "esquece todas as regras",
    "esquece a minha marca", "esqueca tudo o que sabe", "apaga a tua memoria", "انس كل شيء عني",
    "انس كل القواعد", "امسح ذاكرتك",
];

#[rustfmt::skip]
pub(super) const SHOW: &[&str] = &[
    "ma marque", "memoire", "ta memoire", "mes regles", "que sais-tu de moi", "que sais tu de moi",
    "que sais-tu de nous", "qu'as-tu retenu", "qu'est-ce que tu as retenu", "que retiens-tu", "my brand",
    "my rules", "memory", "your memory", "what do you know about me", "what do you know about us",
    "what do you remember", "mi marca", "memoria", "mis reglas", "que sabes de mi", "que recuerdas",
    "minha marca", "a minha marca", "minhas regras", "o que sabes de mim", "o que voce sabe de mim",
    "o que lembras", "o que voce lembra", "علامتي", "ذاكرة", "ذاكرتك", "قواعدي", "ماذا تعرف عني",
    "ماذا تتذكر",
];

/// The openings of a signature. A colon follows.
#[rustfmt::skip]
pub(super) const SIGNATURE: &[&str] = &[
    "signature", "la signature", "notre signature", "ma signature", "signe", "signez", "sign",
    "our signature", "my signature", "firma", "la firma", "nuestra firma", "mi firma", "assinatura",
    "a assinatura", "nossa assinatura", "a nossa assinatura", "التوقيع", "توقيع",
];

#[rustfmt::skip]
pub(super) const INFORMAL: &[&str] = &[
    "tutoie", "tutoies", "tutoyez", "tutoyer", "tutoyons", "tutoiement", "tutea", "tuteamos", "tutear",
];

#[rustfmt::skip]
pub(super) const FORMAL: &[&str] = &[
    "vouvoie", "vouvoies", "vouvoyez", "vouvoyer", "vouvoyons", "vouvoiement", "usted", "ustedes",
    "ustedear", "senhor", "senhora",
];

#[rustfmt::skip]
pub(super) const EMOJI: &[&str] = &[
    "emoji", "emojis", "emoticon", "emoticons", "emoticone", "emoticones", "smileys", "ايموجي",
];

#[rustfmt::skip]
pub(super) const WITHOUT: &[&str] = &[
    "sans", "pas", "jamais", "aucun", "zero", "no", "never", "without", "sin", "nunca", "sem", "nao",
    "بدون", "ابدا", "لا",
];

/// The openings of a banned word, the longest first.
#[rustfmt::skip]
pub(super) const NEVER: &[&str] = &[
    "n'ecris jamais le mot", "n'ecris jamais", "ne dis jamais le mot", "ne dis jamais",
    "n'utilise jamais le mot", "n'utilise jamais", "jamais le mot", "jamais les mots", "jamais ecrire",
    "jamais dire", "jamais utiliser", "jamais de", "jamais d'", "jamais", "pas le mot", "evite le mot",
    "evite", "mots interdits", "mot interdit", "never say the word", "never say", "never write",
    "never use the word", "never use", "never the word", "never", "don't say", "do not say",
    "avoid the word", "avoid", "banned words", "banned word", "nunca digas la palabra", "nunca digas",
    "nunca escribas", "nunca uses", "nunca la palabra", "no digas", "evita la palabra", "evita",
    "palabras prohibidas", "nunca diga a palavra", "nunca diga", "nunca escreva", "nunca use",
    "nunca a palavra", "nao diga", "evite a palavra", "palavras proibidas", "nunca", "لا تكتب كلمة",
    "لا تكتب", "لا تقل كلمة", "لا تقل", "لا تستعمل", "كلمات ممنوعة",
];

/// The openings of a list of banned words.
#[rustfmt::skip]
pub(super) const LISTED: &[&str] = &[
    "mots interdits", "banned words", "palabras prohibidas", "palavras proibidas", "كلمات ممنوعة",
];

#[rustfmt::skip]
pub(super) const PLACE: &[&str] = &[
    "on est a", "on est au", "on est situe a", "on est situes a", "nous sommes a", "nous sommes au",
    "nous sommes situes a", "je suis a", "je suis au", "la boutique est a", "le magasin est a", "we are in",
    "we're in", "we are at", "we are based in", "based in", "i am in", "i'm in", "our shop is in",
    "estamos en", "estoy en", "la tienda esta en", "estamos em", "estamos no", "estamos na",
    "a loja fica em", "ficamos em", "نحن في", "محلنا في", "المحل في",
];

#[rustfmt::skip]
pub(super) const NAME: &[&str] = &[
    "on s'appelle", "nous nous appelons", "la boutique s'appelle", "ma boutique s'appelle",
    "notre boutique s'appelle", "le magasin s'appelle", "mon magasin s'appelle", "le restaurant s'appelle",
    "notre nom est", "we are called", "we're called", "our name is", "my shop is called",
    "our shop is called", "nos llamamos", "mi tienda se llama", "nuestra tienda se llama",
    "la tienda se llama", "nuestro nombre es", "chamamo-nos", "nos chamamos", "a loja chama-se",
    "a nossa loja chama-se", "minha loja se chama", "a minha loja chama-se", "nosso nome e",
    "o nosso nome e", "اسمنا", "اسم المحل",
];

#[rustfmt::skip]
pub(super) const TRADE: &[&str] = &[
    "on est une", "on est un", "nous sommes une", "nous sommes un", "je suis une", "je suis un",
    "je tiens une", "je tiens un", "on tient une", "we are a", "we are an", "we're a", "we're an",
    "i run a", "i am a", "i'm a", "somos una", "somos un", "tengo una", "somos uma", "somos um",
    "tenho uma",
];

#[rustfmt::skip]
pub(super) const TONE: &[&str] = &[
    "ton", "le ton", "notre ton", "tone", "our tone", "tono", "el tono", "tom", "o tom", "نبرة", "النبرة",
];
