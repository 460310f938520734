//! The language for short messages: of the posts, of the reply around them, and of the account.

use postly_simulator::{Channel, ModelBehaviour, RequestKind};
use postly_testkit::{Options, TestApp, for_each_engine, for_each_engine_with};
use serde_json::{Value, json};

/// The behaviour of a model that writes these posts and names this language.
fn answer(language: &str, texts: [&str; 3]) -> ModelBehaviour {
    let variants = texts.map(|text| json!({ "text": text, "angle": "angle" }));
    let content = json!({
        "kind": "post", "platform": "general", "industry": "food", "objective": "promotion", "tone": "warm",
        "language": language, "variants": variants,
    });
    ModelBehaviour::Content(content.to_string())
}

const ENGLISH: [&str; 3] = [
    "Pizza night just got better: -20% on the one you have been dreaming about.",
    "Hungry already? Pick your pizza, bring your friends and take -20% off the bill.",
    "Dough stretched by hand, tomato, basil and a hot oven: our pizza is waiting for you at -20%.",
];
const SPANISH: [&str; 3] = [
    "Esta noche hay pizza y viene con un -20% para todos nuestros vecinos.",
    "¿Ya tienes hambre? Elige tu pizza, trae a tus amigos y llévate un -20%.",
    "Masa estirada a mano, tomate, albahaca y un horno muy caliente: nuestra pizza te espera con un -20%.",
];

/// Returns each request to the model: its instructions, and the fields of the task.
fn requests(app: &TestApp) -> Vec<(String, Value)> {
    let journal = app.world.journal();
    let completions = journal.iter().filter(|entry| entry.kind == RequestKind::Completion);
    completions
        .map(|entry| {
            let body: Value = serde_json::from_slice(&entry.body).unwrap();
            let text = |at: usize| body["messages"][at]["content"].as_str().unwrap().to_owned();
            (text(0), serde_json::from_str(&text(1)).unwrap())
        })
        .collect()
}

async fn languages(app: &TestApp) -> (Vec<String>, Vec<String>) {
    let authors = app.texts("SELECT language FROM authors ORDER BY id").await;
    (authors, app.texts("SELECT language FROM generations ORDER BY id").await)
}

#[tokio::test]
async fn a_new_number_that_writes_a_short_english_brief_is_answered_in_english() {
    for options in [Options::default(), Options { offline: true, ..Options::default() }] {
        for_each_engine_with(options, async |app| {
            let briefs = [
                (Channel::Meta, "+33639981201", "New menu at our restaurant, come taste it"),
                (Channel::Twilio, "+33639981202", "We open on Sunday, make a post"),
            ];
            for (channel, number, brief) in briefs {
                let lea = app.author_of(channel, number);
                lea.says(brief).await;
                let reply = lea.texts().concat();
                assert!(reply.contains("*3 posts written for you:*"), "{brief}: {reply}");
                assert!(reply.contains("Credits left: 4"), "{brief}: {reply}");
                assert!(reply.contains("HELP for the commands"), "{brief}: {reply}");
            }
            let english = || vec!["en".to_owned(); 2];
            assert_eq!(languages(app).await, (english(), english()));
            assert_eq!(app.count("SELECT COUNT(*) FROM authors WHERE language_settled = 1").await, 2);
            assert!(requests(app).iter().all(|(_, task)| task["language"] == "en"));
        })
        .await;
    }
}

#[tokio::test]
async fn short_briefs_in_spanish_and_portuguese_are_read_as_what_they_are() {
    for_each_engine(async |app| {
        app.author_of(Channel::Meta, "+33639981201")
            .says("post instagram para mañana: croissants recién hechos")
            .await;
        app.author_of(Channel::Meta, "+33639981202").says("Feliz natal a todos os clientes da padaria").await;
        let asked: Vec<Value> = requests(app).into_iter().map(|(_, task)| task["language"].clone()).collect();
        assert_eq!(asked.first(), Some(&json!("es")));
        assert_eq!(asked.last(), Some(&json!("pt")));
        assert_eq!(languages(app).await.0, ["es", "pt"]);
    })
    .await;
}

#[tokio::test]
async fn a_brief_without_a_language_leaves_it_to_the_model_and_the_account_open() {
    for_each_engine(async |app| {
        for (number, language, posts, header) in [
            ("+33639981201", "en", ENGLISH, "*3 posts written for you:*"),
            ("+33639981202", "es", SPANISH, "*3 publicaciones"),
        ] {
            app.world.model(answer(language, posts));
            let lea = app.author_of(Channel::Meta, number);
            lea.says("promo pizza -20%").await;
            let reply = lea.texts().concat();
            assert!(posts.iter().all(|post| reply.contains(post)), "{reply}");
            assert!(reply.contains(header), "{reply}");
        }
        for (system, task) in requests(app) {
            assert_eq!(task["language"], Value::Null);
            assert!(!system.contains("French"), "{system}");
        }
        let stages = app.texts("SELECT stage FROM model_calls ORDER BY id").await;
        assert_eq!(stages, ["draft", "draft"]);
        assert_eq!(app.count("SELECT COUNT(*) FROM authors WHERE language_settled = 1").await, 0);

        // A later message in an unambiguous language settles it, and the next short one uses the settled
        // language.
        app.world.model(ModelBehaviour::Compose);
        let lea = app.author_of(Channel::Meta, "+33639981201");
        lea.says("Crée un post pour la fête des voisins, dimanche chez nous").await;
        assert!(lea.last_text().contains("Crédits restants"), "{}", lea.last_text());
        let (authors, posts) = languages(app).await;
        assert_eq!(
            (authors.as_slice(), posts.last().map(String::as_str)),
            (&["fr".to_owned(), "es".to_owned()][..], Some("fr"))
        );
        app.world.model(answer("en", ENGLISH));
        lea.says("promo pizza -20%").await;
        assert!(lea.last_text().contains("Crédits restants"), "{}", lea.last_text());
        let (system, task) = requests(app).pop().unwrap();
        assert_eq!(task["language"], Value::Null);
        assert!(system.contains("where the brief does not show its language, French"), "{system}");
    })
    .await;
}

#[tokio::test]
async fn the_posts_tell_their_language_where_the_label_of_the_model_is_wrong() {
    for_each_engine(async |app| {
        app.world.model(answer("fr", ENGLISH));
        let lea = app.author();
        lea.says("promo pizza -20%").await;
        assert!(lea.texts().concat().contains("*3 posts written for you:*"));
        assert_eq!(languages(app).await.1, ["en"]);
    })
    .await;
}

#[tokio::test]
async fn a_settled_language_stays_whatever_the_posts_are_in() {
    for_each_engine(async |app| {
        let lea = app.author();
        lea.says("Fais un post en anglais sur nos croissants du dimanche").await;
        assert!(lea.texts().concat().contains("*3 Posts générés pour vous:*"), "{:?}", lea.texts());
        lea.says("Write a post about our new summer menu, starting on Friday").await;
        assert!(lea.last_text().contains("Crédits restants"), "{}", lea.last_text());
        let (authors, posts) = languages(app).await;
        assert_eq!((authors, posts), (vec!["fr".to_owned()], vec!["en".to_owned(), "en".to_owned()]));
        lea.says("LANG en").await;
        lea.says("Crée un post sur nos croissants du dimanche").await;
        assert!(lea.last_text().contains("Credits left"), "{}", lea.last_text());
        assert_eq!(languages(app).await.0, ["en"]);
    })
    .await;
}

#[tokio::test]
async fn a_greeting_in_doubt_does_not_fix_the_language() {
    for_each_engine(async |app| {
        let lea = app.author();
        lea.says("promo").await;
        assert_eq!(app.count("SELECT COUNT(*) FROM authors WHERE language_settled = 1").await, 0);
        lea.says("Precisamos de um post sobre a nossa padaria, abrimos na segunda").await;
        assert_eq!(languages(app).await.0, ["pt"]);
        assert_eq!(app.count("SELECT COUNT(*) FROM authors WHERE language_settled = 1").await, 1);
    })
    .await;
}
