//! One long conversation with every command, button, follow-up, voice note and photo, over both providers and
//! in two languages: the kind of each reply, the number of its messages, and the entry of the ledger.

use postly_simulator::{Channel, MediaFile, MessageKind};
use postly_testkit::{Options, TestApp, TestAuthor, for_each_engine_with};

/// The action of a step.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// The author writes a text.
    Says(&'static str),
    /// The author records these words.
    Speaks(&'static str),
    /// The author sends a photo.
    Shows(Option<&'static str>),
    /// The author taps this button of the last message. Twilio shows none, so the author types its label.
    Taps(&'static str),
    /// The author opens the web app with the code of the last message.
    LogsIn,
    /// The operator answers the author who asked for a person.
    OperatorAnswers,
}
use Act::{LogsIn, OperatorAnswers, Says, Shows, Speaks, Taps};

/// A step: its action in French and in Spanish, and what follows from it.
struct Step {
    act: [Act; 2],
    /// The beginning of the first message of the reply.
    mark: &'static str,
    /// A part of the reply in each language.
    part: [&'static str; 2],
    messages: usize,
    entry: Option<&'static str>,
}

const fn free(act: [Act; 2], mark: &'static str, part: [&'static str; 2]) -> Step {
    Step { act, mark, part, messages: 1, entry: None }
}

const fn entered(entry: &'static str, act: [Act; 2], mark: &'static str, part: [&'static str; 2]) -> Step {
    Step { act, mark, part, messages: 1, entry: Some(entry) }
}

const SPENT: &str = "-1 whatsapp_generation";

const STEPS: &[Step] = &[
    // Commands.
    entered(
        "+5 trial",
        [Says("AIDE"), Says("AYUDA")],
        "📣",
        ["écrit vos posts", "escribe tus publicaciones"],
    ),
    free([Says("solde"), Says("saldo")], "💳", ["Crédits restants: 5", "Créditos restantes: 5"]),
    free([Says("RECHARGER"), Says("RECARGAR")], "💳 *Re", ["/recharge#", "/recharge#"]),
    free([Says("je veux recharger"), Says("quiero recargar")], "💳 *Re", ["/recharge#", "/recharge#"]),
    free([Says("LANG"), Says("IDIOMA")], "🌍", ["français", "español"]),
    free([Says("LANG en"), Says("IDIOMA en")], "🌍", ["English", "English"]),
    free([Says("LANG fr"), Says("LANG es")], "🌍", ["français", "español"]),
    free([Says("EXPORT"), Says("EXPORTAR")], "🔐", ["(JSON)", "(JSON)"]),
    free([Says("CONNEXION"), Says("CONEXIÓN")], "🔐", ["code", "código"]),
    Step { messages: 0, ..entered("+5 welcome", [LogsIn, LogsIn], "", ["", ""]) },
    // The brand memory.
    free(
        [
            Says("Retiens : on tutoie, jamais « discount »"),
            Says("Recuerda: nunca «barato», estamos en Triana"),
        ],
        "🧠",
        ["jamais « discount »", "nunca «barato»"],
    ),
    free([Says("Ma marque"), Says("Mi marca")], "🧠", ["on tutoie", "Triana"]),
    free([Says("Oublie 1"), Says("Olvida 1")], "🧠", ["discount", "1."]),
    free([Says("oublie ma marque"), Says("olvida mi marca")], "🧠", ["oublié", "Olvidado"]),
    // A brief and its follow-ups.
    free([Says("2"), Says("2")], "🤔", ["posts récents", "posts recientes"]),
    free([Says("plus court"), Says("más corto")], "🤔", ["posts récents", "posts recientes"]),
    entered(
        SPENT,
        [
            Says("Crée un post promo pour Instagram, -20 % sur les croissants ce week-end"),
            Says("Crea un post para Instagram, -20 % en los cruasanes este fin de semana"),
        ],
        "✨",
        ["croissants", "cruasanes"],
    ),
    free([Taps("3"), Taps("3")], "", ["croissants", "cruasanes"]),
    free([Says("2"), Says("la segunda me gusta")], "", ["croissants", "cruasanes"]),
    entered("+0 free_refinement", [Says("plus court"), Says("más corto")], "✏️", ["modifiés", "modificados"]),
    entered("-1 refinement", [Says("en anglais"), Says("en inglés")], "✏️", ["modifiés", "modificados"]),
    free([Says("j'aime la première"), Says("me quedo con el primero")], "", ["", ""]),
    // Talk.
    free([Says("combien ça coûte ?"), Says("cuánto cuesta esto?")], "📣", ["20 crédits", "20 créditos"]),
    free([Says("Comment ça marche ?"), Says("¿Cómo funciona?")], "📣", ["AIDE", "AYUDA"]),
    free(
        [Says("je suis pas content, remboursez moi"), Says("no me gusta ninguno, devolvedme el crédito")],
        "💬",
        ["remboursement", "reembolso"],
    ),
    free([Says("merci"), Says("gracias")], "😊", ["plaisir", "gusto"]),
    free([Says("écris moi un poème"), Says("cuéntame un chiste")], "🙂", ["débité", "descontado"]),
    // Too vague, with an answer, with OK, and cancelled.
    free([Says("promo"), Says("promoción")], "✍️", ["promo", "promoción"]),
    entered(
        SPENT,
        [Says("les pulls, -20 % samedi"), Says("un 30 % en bolsos, solo el sábado")],
        "✨",
        ["pulls", "bolsos"],
    ),
    free([Says("croissant"), Says("pan")], "✍️", ["croissant", "pan"]),
    entered(SPENT, [Says("OK"), Says("OK")], "✨", ["croissant", "pan"]),
    free([Says("soldes"), Says("quiero un anuncio")], "✍️", ["soldes", "anuncio"]),
    free([Says("annuler"), Says("déjalo")], "👌", ["annulé", "Cancelado"]),
    free([Says("annuler"), Says("cancelar")], "👌", ["attente", "pendiente"]),
    // Voice notes and photos.
    entered(
        SPENT,
        [
            Speaks("Crée un post promo pour Instagram, -20 % sur les croissants ce week-end"),
            Speaks("Crea un post para Instagram, -20 % en los cruasanes este fin de semana"),
        ],
        "🎙️",
        ["*3.*", "*3.*"],
    ),
    free([Speaks(""), Speaks("")], "🎙️", ["pas compris", "No he entendido"]),
    entered(
        SPENT,
        [
            Shows(Some("-20 % sur les croissants ce week-end")),
            Shows(Some("-20 % en los cruasanes este fin de semana")),
        ],
        "✨",
        ["croissants", "cruasanes"],
    ),
    entered(SPENT, [Shows(None), Shows(None)], "✨", ["🖼️", "🖼️"]),
    free([Shows(Some("Solde")), Shows(Some("Saldo"))], "💳", ["Crédits restants", "Créditos restantes"]),
    // A person.
    free(
        [Says("je veux parler à un humain"), Says("quiero hablar con una persona")],
        "🙋",
        ["personne", "persona"],
    ),
    Step {
        messages: 0,
        ..free(
            [Says("Brioche à 4 € samedi au marché"), Says("Roscones a 4 € el sábado en el mercado")],
            "",
            ["", ""],
        )
    },
    free([OperatorAnswers, OperatorAnswers], "Bonjour", ["Claire", "Claire"]),
    free([Says("START"), Says("START")], "🔔", ["retrouver", "vuelta"]),
    // Out, in again, and gone.
    free([Says("STOP"), Says("BAJA")], "🔕", ["noté", "Anotado"]),
    free([Says("START"), Says("ALTA")], "🔔", ["retrouver", "vuelta"]),
    free([Says("SUPPRIMER"), Says("ELIMINAR")], "🗑️", ["OUI", "SÍ"]),
];

async fn send(app: &TestApp, author: &TestAuthor<'_>, kind: MessageKind) {
    assert_eq!(app.deliver(&author.sends(kind)).await.status, 200);
    app.run_until_idle().await;
}

async fn act(app: &TestApp, author: &TestAuthor<'_>, act: Act) {
    match act {
        Says(text) => author.says(text).await,
        Speaks(words) => send(app, author, MessageKind::Recording(MediaFile::voice_note(words))).await,
        Shows(caption) => {
            let caption = caption.map(str::to_owned);
            send(app, author, MessageKind::Photo { file: MediaFile::photo(), caption }).await;
        }
        Taps(label) => match author.received().pop().and_then(|message| message.tap(label)) {
            Some(tap) => send(app, author, tap).await,
            None => {
                assert_eq!(author.person.channel, Channel::Twilio, "Meta shows buttons");
                author.says(label).await;
            }
        },
        LogsIn => {
            let number = format!("+{}", author.person.number);
            app.browser().verify(&number, &author.last_code()).await.ok();
        }
        OperatorAnswers => {
            let open = app.app.operator.handoffs().await.unwrap();
            app.app.operator.answer_handoff(&open[0].id, "Bonjour, ici Claire.").await.unwrap();
            app.run_until_idle().await;
        }
    }
}

/// The messages after the first `before`, with the addresses of their buttons.
fn replies(author: &TestAuthor<'_>, before: usize) -> Vec<String> {
    let messages = author.received().split_off(before);
    let shown = messages.into_iter().map(|message| {
        let links = message.buttons.into_iter().filter_map(|button| button.opens);
        std::iter::once(message.body).chain(links).collect::<Vec<_>>().join("\n")
    });
    shown.collect()
}

async fn walk(app: &TestApp, author: &TestAuthor<'_>, language: usize) {
    let mut ledger: Vec<&str> = vec![];
    for step in STEPS {
        let name = format!("{:?} {:?} {:?}", app.engine, author.person.channel, step.act[language]);
        let before = author.received().len();
        act(app, author, step.act[language]).await;
        let replies = replies(author, before);
        assert_eq!(replies.len(), step.messages, "{name}: {replies:?}");
        let whole = replies.concat();
        assert!(whole.starts_with(step.mark), "{name}: {whole}");
        assert!(whole.contains(step.part[language]), "{name}: {whole}");
        ledger.extend(step.entry);
        assert_eq!(author.ledger().await, ledger, "{name}");
        assert_eq!(author.wallet().await.held, 0, "{name}");
        // Another code may be asked for a minute later.
        app.advance_ms(61_000);
    }
    let before = author.received().len();
    author.says(["OUI", "SÍ"][language]).await;
    let replies = replies(author, before);
    assert!(replies.len() == 1 && replies[0].starts_with("✅"), "{replies:?}");
    assert!(app.app.people.account(&author.who()).await.is_err(), "erased");
}

#[tokio::test]
async fn every_step_of_a_conversation_is_answered_and_charged_alike_over_both_providers() {
    let options = Options { voice: true, vision: true, shop: true, ..Options::default() };
    for_each_engine_with(options, async |app| {
        for (language, channel, number) in [
            (0, Channel::Meta, "+33639981501"),
            (0, Channel::Twilio, "+33639981502"),
            (1, Channel::Meta, "+34639981503"),
            (1, Channel::Twilio, "+34639981504"),
        ] {
            walk(app, &app.author_of(channel, number), language).await;
        }
    })
    .await;
}
