//! Reads the words around the name of a network, to tell the destination of the posts from their content.

use crate::{
    offline::lexicon,
    tokens::{Kind, Token, lists},
};

/// A brief, and the names of networks in it.
pub(super) struct Around<'a> {
    pub(super) brief: &'a str,
    pub(super) tokens: &'a [Token],
    /// The tokens of names without another meaning, or that are certainly a network here.
    pub(super) names: Vec<(usize, usize)>,
}

/// The number of words before a name in which an invitation counts.
const FAR: usize = 7;
/// The number of words before a name in which a word of trade counts: "livraison sur …".
const NEAR: usize = 3;

impl Around<'_> {
    fn word(&self, at: usize) -> Option<&str> {
        self.tokens.get(at).map(|token| token.folded.as_str())
    }

    /// The words before a token, nearest first, back to the end of the previous sentence.
    fn before(&self, at: usize, most: usize) -> impl Iterator<Item = (usize, &str)> {
        let words = self.tokens.get(..at).unwrap_or_default().iter().enumerate().rev().take(most);
        words
            .map(|(at, token)| (at, token.folded.as_str()))
            .take_while(|(_, word)| !matches!(*word, "." | "!" | "?" | ":" | ";" | "؟" | "؛"))
    }

    /// True if the name belongs to the content of the posts: "suivez-nous sur", "par", "livraison sur".
    pub(super) fn is_content(&self, from: usize) -> bool {
        let by = from.checked_sub(1).and_then(|at| self.word(at)).is_some_and(|word| lists(BY, word));
        // A comma ends the invitation, except in a list of networks.
        let in_clause = |at: usize, word: &str| !is_comma(word) || at > 0 && self.is_name(at - 1);
        let invites = self
            .before(from, FAR)
            .take_while(|(at, word)| !is_post(word) && !is_request(word) && in_clause(*at, word))
            .any(|(_, word)| word.split('-').any(|part| lists(INVITATIONS, part)));
        let trades = self.before(from, NEAR).take_while(|(_, word)| !is_post(word));
        by || invites || trades.into_iter().any(|(_, word)| lists(TRADE, word))
    }

    /// "4,9 sur Google"
    fn is_rating(&self, from: usize) -> bool {
        let before = from.checked_sub(2).and_then(|at| self.tokens.get(at));
        before.is_some_and(|token| token.kind == Kind::Number)
    }

    fn is_name(&self, at: usize) -> bool {
        self.names.iter().any(|(first, end)| (*first..*end).contains(&at))
    }

    /// True if posts go to a network without known limits: its name is beside a word for a post, or after a
    /// preposition.
    pub(super) fn is_place(&self, from: usize, to: usize) -> bool {
        if self.is_content(from) || self.is_rating(from) {
            return false;
        }
        let behind_preposition = self
            .before(from, 2)
            .find(|(_, word)| !lists(ARTICLES, word))
            .is_some_and(|(_, word)| lists(PREPOSITIONS, word));
        let heads = from == 0 && self.word(to) == Some(":");
        behind_preposition || heads || self.is_beside_a_post(from, to)
    }

    /// True if a word for a post, or the name of another network, is beside the name.
    pub(super) fn is_beside_a_post(&self, from: usize, to: usize) -> bool {
        if self.goes_on(to) || self.is_content(from) || self.is_rating(from) {
            return false;
        }
        let mut listed = false;
        for (at, word) in self.before(from, FAR) {
            if is_post(word) || (self.is_name(at) && listed) {
                return true;
            }
            if lists(LISTS, word) {
                listed = true;
            } else if !(lists(PREPOSITIONS, word)
                || lists(ARTICLES, word)
                || lexicon::is_style(word)
                || self.is_name(at))
            {
                break;
            }
        }
        let after_list = self.word(to).is_some_and(|word| lists(LISTS, word)) && self.is_name(to + 1);
        self.word(to).is_some_and(is_post) || self.is_name(to) || after_list
    }

    /// True if a capitalised name follows "sur" and ends there.
    pub(super) fn is_place_by_its_capital(&self, from: usize, to: usize) -> bool {
        let Some(token) = self.tokens.get(from) else { return false };
        let has_capital =
            self.brief.get(token.start..).is_some_and(|rest| rest.starts_with(char::is_uppercase));
        let shouts = !self.brief.chars().any(char::is_lowercase);
        let behind = from.checked_sub(1).and_then(|at| self.word(at)).is_some_and(|word| lists(ON, word));
        let ends = self.tokens.get(to).is_none_or(|next| {
            next.kind == Kind::Mark || lexicon::is_connector(&next.folded) || lists(LISTS, &next.folded)
        });
        has_capital && !shouts && behind && ends && !self.is_content(from)
    }

    /// True if the brief asks for an e-mail: "écris un mail", "newsletter : …", "texte pour la newsletter".
    pub(super) fn is_asked_for(&self, from: usize, to: usize) -> bool {
        if self.is_content(from) || self.address_follows(to) {
            return false;
        }
        let mut before = self.before(from, FAR).skip_while(|(_, word)| {
            lists(ARTICLES, word)
                || lists(PREPOSITIONS, word)
                || lexicon::is_style(word)
                || (lexicon::is_glue(word) && !matches!(*word, "nous" | "us"))
        });
        match before.next() {
            Some((_, word)) => is_post(word) || is_request(word),
            None => from == 0 || self.before(from, FAR).all(|(_, word)| !matches!(word, "nous" | "us")),
        }
    }

    fn address_follows(&self, to: usize) -> bool {
        let near = self.tokens.get(to..).unwrap_or_default().iter().take(2);
        near.into_iter().any(|token| token.kind == Kind::Link)
    }

    /// True if the name is the first word of a longer one: "snap peas", "pour X personnes".
    fn goes_on(&self, to: usize) -> bool {
        let Some(next) = self.tokens.get(to).filter(|next| next.kind == Kind::Word) else { return false };
        let raw = self.brief.get(next.start..next.end).unwrap_or_default();
        let word = next.folded.as_str();
        let known = lexicon::is_connector(word)
            || lexicon::is_glue(word)
            || lexicon::is_style(word)
            || lexicon::is_noun(word)
            || lexicon::is_verb(word)
            || lexicon::is_place(word)
            || lists(PREPOSITIONS, word)
            || lists(LISTS, word)
            || lists(ARTICLES, word);
        !known && raw.starts_with(char::is_lowercase)
    }
}

fn is_comma(word: &str) -> bool {
    matches!(word, "," | "،")
}

/// A word for the requested text.
fn is_post(word: &str) -> bool {
    (lexicon::is_noun(word) && !matches!(word, "message" | "statut" | "status"))
        || matches!(
            word,
            "contenido"
                | "conteudo"
                | "copy"
                | "descriptif"
                | "description"
                | "descripcion"
                | "descricao"
                | "منشورات"
        )
}

/// A verb that asks for a text.
fn is_request(word: &str) -> bool {
    lexicon::is_verb(word) || matches!(word, "envoie-moi" | "redigez" | "preparez" | "compose")
}

const PREPOSITIONS: &str = "pour sur for on para en no na em de du a to in dans على في ل الى";

/// The prepositions that only denote a place.
const ON: &str = "sur on en em no على";

const ARTICLES: &str = "le la les l un une des ma mon mes notre nos ton ta votre the a an my our your el los las una mi \
    mis nuestra nuestro nuestros o os as um uma minha meu nossa nosso seu sua tu su page compte canal chaine \
    profil channel account cuenta pagina perfil conta صفحه صفحة صفحتنا قناه قناة قناتنا حساب حسابنا";

/// The words between two networks of a list.
const LISTS: &str = "et and y e ou or o و او , ، / + &";

/// Words that turn a name into a channel of contact: "par WhatsApp".
const BY: &str = "par via by por per through عبر avis reviews resenas avaliacoes etoiles stars";

/// Invitations to customers: the words after them belong to the content.
const INVITATIONS: &str = "suivez suivre suis retrouvez retrouver rejoignez rejoindre abonnez abonner likez contactez \
    contacter ecrivez-nous reservez commandez inscrivez inscription laissez notez partagez envoyez repondez appelez \
    trouvez follow find join subscribe siguenos siganos encuentranos encuentra unete suscribete contactanos dejanos \
    siga sigam segue encontre encontra encontrem inscreva inscreve assine تابعونا تابعنا تابعوا احجز احجزوا اطلب \
    اطلبوا تواصلوا راسلونا اشترك اشتركوا";

/// Other uses of a network than posting: "livraison sur Uber Eats".
const TRADE: &str = "livraison livraisons livre reservation reservations reserver commande commandes commander vente \
    vendu vendus disponible disponibles dispo boutique note rdv rendez-vous playlist serveur place delivery order \
    orders shop available rated sold contact entrega entregas reserva reservas reservar reserve reservem pide pedir \
    pedidos peca pecam venta tienda nota contacte vendas disponivel loja توصيل متوفر متجر";
