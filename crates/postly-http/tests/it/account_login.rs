//! The login and the tokens on the account page, as a browser without a script uses them.

use postly_simulator::Channel;
use postly_testkit::{EngineName, Legal, Options, PASSWORD, TestApp, for_each_engine};

use crate::{
    pages::{FATOU, assert_is_page, code_on_the_phone, error, signed_up},
    tab::Tab,
};

#[tokio::test]
async fn a_login_is_added_after_whatsapp_and_changed_with_the_password() {
    for_each_engine(async |app| {
        app.author_of(Channel::Meta, FATOU).says("LOGIN").await;
        let tab = Tab::new(app);
        let code = code_on_the_phone(app, FATOU);
        tab.post("/login/verify", &[("phone", FATOU), ("code", &code)]).await.goes_to();
        let account = tab.get("/account").await;
        assert!(!account.body.contains("name=\"current\""), "there is none to know");
        // An address without a password is refused.
        let alone = tab.post("/account/login", &[("email", "fatou@example.com"), ("password", "")]).await;
        assert_is_page(&alone, 400);
        assert!(error(&alone, "password").contains("8 caractères"), "{}", alone.body);
        assert!(alone.body.contains("value=\"fatou@example.com\""), "what was typed stays");
        let fields = [("email", "fatou@example.com"), ("password", PASSWORD)];
        let added = tab.post("/account/login", &fields).await;
        assert_eq!(added.goes_to(), "/account?done=login");
        let noticed = tab.get("/account?done=login").await;
        assert!(
            noticed.body.contains("role=\"status\">E-mail et mot de passe enregistrés."),
            "{}",
            noticed.body
        );
        assert!(!tab.get("/account?done=%3Cb%3E").await.body.contains("class=\"note\" role=\"status\"><b>"));

        let other = Tab::new(app);
        assert_eq!(other.post("/login/password", &fields).await.goes_to(), "/dashboard");
        let change = |password, current| {
            [("email", "fatou@example.com"), ("password", password), ("current", current)]
        };
        let new = "un éclair au café";
        let unproved = other.post("/account/login", &change(new, "")).await;
        assert_is_page(&unproved, 403);
        assert!(error(&unproved, "current").starts_with("Donnez votre mot de passe actuel"));
        let wrong = other.post("/account/login", &change(new, "un autre mot")).await;
        assert_is_page(&wrong, 400);
        assert_eq!(error(&wrong, "current"), "Mot de passe actuel incorrect.");
        let weak = other.post("/account/login", &change("short", PASSWORD)).await;
        assert!(error(&weak, "password").contains("8 caractères") && !weak.body.contains(PASSWORD));
        signed_up(app, "awa@example.com").await;
        let taken = [("email", "awa@example.com"), ("password", ""), ("current", PASSWORD)];
        let taken = other.post("/account/login", &taken).await;
        assert_eq!(error(&taken, "email"), "Cette adresse e-mail a déjà un compte.");
        let invalid = [("email", "nobody"), ("password", ""), ("current", PASSWORD)];
        assert!(
            error(&other.post("/account/login", &invalid).await, "email")
                .starts_with("Adresse e-mail invalide")
        );
        assert_eq!(
            other.post("/account/login", &change(new, PASSWORD)).await.goes_to(),
            "/account?done=login"
        );
        // The old session has ended, and the new password logs in.
        assert_eq!(tab.get("/account").await.goes_to(), "/login");
        let fresh = Tab::new(app).post("/login/password", &[fields[0], ("password", new)]).await;
        assert_eq!(fresh.goes_to(), "/dashboard");
    })
    .await;
}

#[tokio::test]
async fn a_token_is_made_shown_once_and_revoked_without_a_script() {
    for_each_engine(async |app| {
        let tab = signed_up(app, "fatou@example.com").await;
        let nameless = tab.post("/account/tokens", &[("name", " ")]).await;
        assert_is_page(&nameless, 400);
        assert!(error(&nameless, "token").starts_with("Donnez un nom"), "{}", nameless.body);
        let made = tab.post("/account/tokens", &[("name", "Ma <caisse>")]).await;
        assert_is_page(&made, 201);
        let secret = made.body.split("dir=\"ltr\">postly_").nth(1).unwrap().split('<').next().unwrap();
        assert_eq!(secret.len(), 43);
        let later = tab.get("/account").await;
        assert!(later.body.contains("<code dir=\"ltr\">https://postly.example/mcp</code>"));
        assert!(later.body.contains("Ma &#60;caisse&#62;") && !later.body.contains(secret));
        let row = later.body.split("action=\"/account/tokens/revoke\"").nth(1).unwrap();
        let id = row.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert_eq!(tab.post("/account/tokens/revoke", &[("id", &id)]).await.goes_to(), "/account?done=token");
        assert!(!tab.get("/account").await.body.contains("caisse"));
    })
    .await;
}

#[tokio::test]
async fn the_legal_pages_name_the_operator_or_say_neutrally_that_they_do_not() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let tab = Tab::new(&app);
    for path in ["/legal", "/privacy"] {
        let page = tab.get(path).await;
        assert_is_page(&page, 200);
        assert!(page.body.contains("exploitant de ce service"), "{}", page.body);
    }
    assert!(tab.get("/privacy").await.body.contains("365 jours"));
    app.stop().await;
    let legal = Legal {
        name: Some("Postly SARL".to_owned()),
        address: Some("1 rue des Halles, 69001 Lyon".to_owned()),
        support_email: Some("aide@postly.example".to_owned()),
        terms_url: Some("https://postly.example/cgv".to_owned()),
    };
    let app = TestApp::start(EngineName::Sqlite, &Options { legal, ..Options::default() }).await;
    let tab = Tab::new(&app);
    let notice = tab.get("/legal").await;
    for text in ["Postly SARL", "1 rue des Halles", "aide@postly.example"] {
        assert!(notice.body.contains(text), "{text}");
    }
    let terms = tab.get("/terms").await;
    assert_is_page(&terms, 200);
    assert!(terms.body.contains("href=\"https://postly.example/cgv\""));
    assert!(!terms.body.contains("Crédits et prix"), "two texts would contradict each other");
    app.stop().await;
}
