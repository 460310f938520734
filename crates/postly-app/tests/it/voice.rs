//! Voice notes: transcribed once, echoed, and handled like text. A voice note without a transcription is
//! free.

use postly_simulator::{
    Channel, Fault, FaultKind, MediaFile, MessageKind, ModelBehaviour, ModelServer, RefusalForm, RequestKind,
    Upstream, Webhook,
};
use postly_testkit::{Options, TestApp, TestAuthor, for_each_engine_with};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const HEARD: &str = "🎙️ J'ai entendu : « ";
const TRANSCRIPTIONS: &str = "SELECT COUNT(*) FROM model_calls WHERE stage = 'transcription'";

fn voice() -> Options {
    Options { voice: true, ..Options::default() }
}

/// An author at each provider.
fn authors(app: &TestApp) -> [TestAuthor<'_>; 2] {
    [app.author_of(Channel::Meta, "+33639981301"), app.author_of(Channel::Twilio, "+33639981302")]
}

async fn sends(app: &TestApp, author: &TestAuthor<'_>, kind: MessageKind) {
    assert_eq!(app.deliver(&author.sends(kind)).await.status, 200);
    app.run_until_idle().await;
}

fn note(words: &str) -> MessageKind {
    MessageKind::Recording(MediaFile::voice_note(words))
}

fn requests(app: &TestApp, kind: RequestKind) -> usize {
    app.world.journal().iter().filter(|entry| entry.kind == kind).count()
}

/// A voice note whose file the provider no longer has.
fn lost(app: &TestApp, author: &TestAuthor<'_>) -> Webhook {
    let body = author.sends(note(BRIEF)).body;
    let body = match author.person.channel {
        Channel::Meta => {
            let mut body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            *body.pointer_mut("/entry/0/changes/0/value/messages/0/audio/id").unwrap() = "1".into();
            body.to_string()
        }
        Channel::Twilio => {
            let form = form_urlencoded::parse(&body).map(|(name, value)| {
                let url = name == "MediaUrl0";
                (name, if url { format!("{value}0").into() } else { value })
            });
            form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
        }
    };
    app.world.webhook_raw(author.person.channel, body)
}

#[tokio::test]
async fn a_brief_that_is_said_is_echoed_written_and_paid_once() {
    for_each_engine_with(voice(), async |app| {
        for (number, fatou) in (1..).zip(authors(app)) {
            let webhook = fatou.sends(note(BRIEF));
            for _ in 0..2 {
                assert_eq!(app.deliver(&webhook).await.status, 200);
                app.run_until_idle().await;
            }
            let reply = fatou.texts().concat();
            assert!(reply.starts_with(&format!("{HEARD}{BRIEF} »\n\n✨ *3 Posts")), "{reply}");
            assert!(reply.contains("*3.*") && reply.contains("💳 Crédits restants: 4"), "{reply}");
            assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
            assert_eq!(app.count(TRANSCRIPTIONS).await, number);
            // The echo is not one of the posts.
            fatou.says("1").await;
            assert!(!fatou.last_text().contains("entendu") && fatou.last_text().contains("-20 %"));
        }
        let calls =
            app.texts("SELECT model || ' ' || outcome FROM model_calls WHERE stage = 'transcription'");
        assert_eq!(calls.await, ["gpt-transcribe ok", "gpt-transcribe ok"]);
        let price =
            "SELECT COUNT(*) FROM model_calls WHERE stage = 'transcription' AND price_microunits = 150";
        assert_eq!(app.count(price).await, 2);
        assert_eq!(app.texts("SELECT transcript FROM media").await, [BRIEF, BRIEF]);
    })
    .await;
}

#[tokio::test]
async fn an_author_who_speaks_english_first_is_answered_in_english() {
    for_each_engine_with(voice(), async |app| {
        for ann in authors(app) {
            sends(app, &ann, note("Create a promo post for Instagram, 20% off all croissants this weekend"))
                .await;
            let reply = ann.texts().concat();
            assert!(reply.starts_with("🎙️ I heard: “Create a promo post"), "{reply}");
            assert!(reply.contains("*3.*") && reply.contains("20% off all croissants"), "{reply}");
            sends(app, &ann, note("What's my balance?")).await;
            assert!(ann.last_text().starts_with("🎙️ I heard: “What's my balance?”"), "{}", ann.last_text());
            sends(app, &ann, note("")).await;
            assert!(ann.last_text().contains("I could not make out"), "{}", ann.last_text());
            assert_eq!(ann.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
        }
    })
    .await;
}

#[tokio::test]
async fn commands_choices_and_changes_may_be_said() {
    for_each_engine_with(voice(), async |app| {
        for fatou in authors(app) {
            sends(app, &fatou, note("Solde.")).await;
            assert!(fatou.last_text().starts_with(HEARD), "{}", fatou.last_text());
            assert!(fatou.last_text().contains("💳 Crédits restants: 5"), "{}", fatou.last_text());
            sends(app, &fatou, note(BRIEF)).await;
            let result = fatou.last_text();
            sends(app, &fatou, note("La deuxième.")).await;
            let alone = fatou.last_text();
            assert!(result.contains(&format!("*2.* {alone}")), "{alone}");
            sends(app, &fatou, note("plus court")).await;
            assert!(fatou.texts().concat().contains("Vos 3 posts modifiés"), "{}", fatou.last_text());
            sends(app, &fatou, note("Bonjour !")).await;
            assert!(fatou.last_text().contains("👋 Bonjour"), "{}", fatou.last_text());
            sends(app, &fatou, note("Stop.")).await;
            assert!(fatou.last_text().contains("🔕 C'est noté"), "{}", fatou.last_text());
            let ledger = ["+5 trial", "-1 whatsapp_generation", "+0 free_refinement"];
            assert_eq!(fatou.ledger().await, ledger);
        }
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_heard_is_free_and_says_what_works() {
    for_each_engine_with(voice(), async |app| {
        for fatou in authors(app) {
            let page = MediaFile { content_type: "audio/ogg".to_owned(), bytes: b"<!doctype html>".to_vec() };
            let long = MessageKind::Recording(MediaFile::voice_note_of(BRIEF, 301));
            for (kind, part) in [
                (note(""), "Je n'ai pas compris ce message vocal"),
                (note("[Musique]"), "Je n'ai pas compris ce message vocal"),
                (MessageKind::Recording(page), "Je n'ai pas compris ce message vocal"),
                (long, "trop long (5 minutes au plus)"),
            ] {
                sends(app, &fatou, kind).await;
                let text = fatou.last_text();
                assert!(text.contains(part) && text.contains("Rien n'a été débité"), "{part}: {text}");
            }
            assert_eq!(app.deliver(&lost(app, &fatou)).await.status, 200);
            app.run_until_idle().await;
            assert!(fatou.last_text().contains("Je n'ai pas pu écouter"), "{}", fatou.last_text());
            app.world.fault(Upstream::Model, Fault::once(FaultKind::ProviderError { code: 401 }));
            sends(app, &fatou, note(BRIEF)).await;
            assert!(fatou.last_text().contains("Je n'ai pas pu écouter"), "{}", fatou.last_text());
            assert_eq!(fatou.ledger().await, ["+5 trial"]);
            // Replies to voice notes with only noise are limited to ten a day.
            for _ in 0..6 {
                sends(app, &fatou, note("")).await;
            }
            let told = fatou.texts().iter().filter(|text| text.contains("🎙️")).count();
            assert_eq!(told, 10);
        }
        assert_eq!(requests(app, RequestKind::Completion), 0);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_takes_no_keywords_or_languages_is_asked_without() {
    for_each_engine_with(voice(), async |app| {
        app.world.model_server(ModelServer::Refusing(vec!["languages"], RefusalForm::OpenAi));
        let [fatou, _] = authors(app);
        fatou.says("LANGUE fr").await;
        sends(app, &fatou, note("Solde")).await;
        assert!(fatou.last_text().contains("💳 Crédits restants: 5"), "{}", fatou.last_text());
        let bodies: Vec<bool> = app
            .world
            .journal()
            .iter()
            .filter(|entry| entry.kind == RequestKind::Transcription)
            .map(|entry| String::from_utf8_lossy(&entry.body).contains("languages[]"))
            .collect();
        assert_eq!(bodies, [true, false]);
        assert_eq!(app.count(TRANSCRIPTIONS).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_server_without_transcription_is_asked_once_and_authors_are_told_to_write() {
    for_each_engine_with(voice(), async |app| {
        let [fatou, bob] = authors(app);
        app.world.fault(Upstream::Model, Fault::always(FaultKind::ProviderError { code: 404 }));
        for author in [&fatou, &fatou, &bob] {
            sends(app, author, note(BRIEF)).await;
        }
        for author in [&fatou, &bob] {
            let [hint] = author.texts().try_into().unwrap();
            assert!(hint.starts_with("🙈 Je ne lis que du texte"), "{hint}");
        }
        assert_eq!(requests(app, RequestKind::Transcription), 1);
    })
    .await;
}

#[tokio::test]
async fn without_a_model_a_voice_note_gets_the_days_hint_and_nothing_is_downloaded() {
    for_each_engine_with(Options { offline: true, ..Options::default() }, async |app| {
        for fatou in authors(app) {
            sends(app, &fatou, note(BRIEF)).await;
            sends(app, &fatou, note(BRIEF)).await;
            let [hint] = fatou.texts().try_into().unwrap();
            assert!(hint.contains("Écrivez votre idée en quelques mots"), "{hint}");
            assert_eq!(fatou.ledger().await, ["+5 trial"]);
        }
        assert_eq!(requests(app, RequestKind::Lookup), 0);
        assert_eq!(app.count("SELECT COUNT(*) FROM media").await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_author_who_is_left_to_a_person_gets_no_answer_to_voice_notes_and_photos() {
    for options in [voice(), Options { offline: true, ..Options::default() }] {
        for_each_engine_with(options, async |app| {
            for fatou in authors(app) {
                fatou.says("parler à un humain").await;
                let before = fatou.received().len();
                sends(app, &fatou, note(BRIEF)).await;
                sends(app, &fatou, MessageKind::Photo { file: MediaFile::photo(), caption: None }).await;
                sends(app, &fatou, MessageKind::Location).await;
                assert_eq!(fatou.received().len(), before);
            }
            let left = "SELECT COUNT(*) FROM inbox WHERE outcome = 'handed_over'";
            assert_eq!(app.count(left).await, 6);
            assert_eq!(requests(app, RequestKind::Lookup) + requests(app, RequestKind::Transcription), 0);
            let [fatou, _] = authors(app);
            fatou.says("START").await;
            sends(app, &fatou, MessageKind::Location).await;
            assert!(fatou.last_text().starts_with("🙈"), "{}", fatou.last_text());
        })
        .await;
    }
}

/// Runs the work until the simulated world has received a request of this kind, then drops it, as if the
/// process died.
async fn dies_at(app: &TestApp, kind: RequestKind) {
    let seen = async {
        while requests(app, kind) == 0 {
            tokio::task::yield_now().await;
        }
        // No transaction is open during the request: another write succeeds at once.
        app.author_of(Channel::Meta, "+33639981309").has_credits(1).await;
    };
    tokio::select! {
        () = app.run_until_idle() => panic!("the work ended although its answer never came"),
        () = seen => {}
    }
}

#[tokio::test]
async fn a_worker_that_dies_while_it_listens_loses_and_charges_nothing() {
    for (upstream, kind) in
        [(Upstream::Meta, RequestKind::Lookup), (Upstream::Model, RequestKind::Transcription)]
    {
        for_each_engine_with(voice(), async |app| {
            let [fatou, _] = authors(app);
            fatou.says("bonjour").await;
            app.world.clear_journal();
            assert_eq!(app.deliver(&fatou.sends(note(BRIEF))).await.status, 200);
            app.world.fault(upstream, Fault::once(FaultKind::Hang).on_every_request());
            dies_at(app, kind).await;
            app.world.clear_faults();
            assert_eq!(fatou.credits().await, 5);
            app.advance_ms(61_000);
            app.run_until_idle().await;
            assert!(fatou.last_text().starts_with(HEARD), "{}", fatou.last_text());
            assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
            assert_eq!(app.count(TRANSCRIPTIONS).await, 1);
        })
        .await;
    }
}

#[tokio::test]
async fn a_worker_that_dies_while_it_writes_does_not_listen_again() {
    for_each_engine_with(voice(), async |app| {
        let [fatou, _] = authors(app);
        assert_eq!(app.deliver(&fatou.sends(note(BRIEF))).await.status, 200);
        app.world.fault(Upstream::Model, Fault::once(FaultKind::Hang).matching("\"role\""));
        dies_at(app, RequestKind::Completion).await;
        app.world.clear_faults();
        app.advance_ms(61_000);
        app.run_until_idle().await;
        assert!(fatou.texts().concat().starts_with(HEARD), "{}", fatou.last_text());
        assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
        assert_eq!(requests(app, RequestKind::Transcription), 1);
    })
    .await;
}

/// Waits until the simulated world has received a request of this kind.
async fn sees(app: &TestApp, kind: RequestKind) {
    while requests(app, kind) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_lease_lasts_for_listening_and_writing_together() {
    for_each_engine_with(voice(), async |app| {
        let [fatou, _] = authors(app);
        app.world.fault(Upstream::Model, Fault::once(FaultKind::Delay(100)));
        app.world.model(ModelBehaviour::LatencyMs(300));
        assert_eq!(app.deliver(&fatou.sends(note(BRIEF))).await.status, 200);
        let other_worker = async {
            sees(app, RequestKind::Transcription).await;
            app.advance_ms(10_000);
            sees(app, RequestKind::Completion).await;
            app.advance_ms(8_000);
            app.run_until_idle().await;
        };
        tokio::join!(app.run_until_idle(), other_worker);
        assert_eq!(requests(app, RequestKind::Completion), 1);
        assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation"]);
        assert!(fatou.texts().concat().contains("*3.*"), "{:?}", fatou.texts());
    })
    .await;
}

#[tokio::test]
async fn every_part_of_a_long_answer_that_holds_a_post_is_known_as_such() {
    for_each_engine_with(voice(), async |app| {
        let [_, bob] = authors(app);
        let line = |words: &str| format!("{words} -20 % sur les croissants ce week-end. ");
        let post = |words: &str| serde_json::json!({"text": line(words).repeat(9), "angle": "a"});
        let variants = [
            post("Le fournil ouvre tôt et la rue sent le beurre,"),
            post("Venez goûter avec vos proches autour du comptoir,"),
            post("Une douceur dorée attend chaque habitant du quartier,"),
        ];
        let body = serde_json::json!({
            "kind": "post", "platform": "instagram", "industry": "i", "objective": "o", "tone": "t",
            "language": "fr", "variants": variants,
        });
        app.world.model(ModelBehaviour::Content(body.to_string()));
        sends(app, &bob, note(BRIEF)).await;
        assert!(bob.texts().len() > 1, "{:?}", bob.texts());
        let parts = "SELECT CAST(carries_variant AS TEXT) || body FROM outbox ORDER BY id";
        for part in app.texts(parts).await {
            let has_post = ["*1.* ", "*2.* ", "*3.* "].iter().any(|mark| part.contains(mark));
            assert_eq!(part.starts_with('1'), has_post, "{part}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_heard_is_exported_erased_and_deleted_after_seven_days() {
    for_each_engine_with(voice(), async |app| {
        let [fatou, bob] = authors(app);
        for author in [&fatou, &bob] {
            sends(app, author, note("Solde du compte zibeline")).await;
        }
        let export = app.app.accounts.export_of(&fatou.who()).await.unwrap();
        let export = serde_json::to_value(&export).unwrap();
        let file = &export["media"][0];
        assert_eq!(file["kind"], "voice");
        assert_eq!(file["contentType"], "audio/ogg");
        assert_eq!(file["transcript"], "Solde du compte zibeline");
        fatou.says("SUPPRIMER").await;
        fatou.says("oui").await;
        assert_eq!(app.count("SELECT COUNT(*) FROM media").await, 1);
        app.advance_ms(7 * 86_400_000 - 1);
        app.sweep().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM media").await, 1);
        app.advance_ms(3_600_001);
        app.sweep().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM media").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_paused_service_and_a_used_up_budget_listen_to_nothing() {
    for_each_engine_with(voice(), async |app| {
        let [fatou, bob] = authors(app);
        bob.says("bonjour").await;
        app.app.pauses.pause(postly_app::PauseTarget::Generation).await.unwrap();
        sends(app, &fatou, note(BRIEF)).await;
        assert!(fatou.last_text().starts_with("⏸️"), "{}", fatou.last_text());
        app.app.pauses.resume(postly_app::PauseTarget::Generation).await.unwrap();
        let author = app.texts("SELECT author_id FROM identities ORDER BY provider LIMIT 1").await.remove(0);
        let now = app.clock.now_ms();
        for number in 0..200 {
            app.change(&format!(
                "INSERT INTO model_calls (id, author_id, model, stage, outcome, prompt_version, latency_ms, created_at_ms) \
                 VALUES ('spent-{number}', '{author}', 'm', 'draft', 'ok', '', 1, {now})"
            ))
            .await;
        }
        sends(app, &fatou, note(BRIEF)).await;
        assert!(fatou.last_text().starts_with("🌙"), "{}", fatou.last_text());
        assert_eq!(requests(app, RequestKind::Transcription), 0);
    })
    .await;
}

#[tokio::test]
async fn the_names_of_the_brand_memory_help_to_hear() {
    for_each_engine_with(voice(), async |app| {
        let [fatou, _] = authors(app);
        fatou.says("Retiens : notre boutique s'appelle Chez Léa, on est à Lyon 7e").await;
        sends(app, &fatou, note(BRIEF)).await;
        let journal = app.world.journal();
        let asked =
            journal.iter().rfind(|entry| entry.kind == RequestKind::Transcription).expect("a request");
        let body = String::from_utf8_lossy(&asked.body);
        for name in ["Chez Léa", "Lyon 7e"] {
            assert!(body.contains(&format!("name=\"keywords[]\"\r\n\r\n{name}\r\n")), "{body}");
        }
    })
    .await;
}
