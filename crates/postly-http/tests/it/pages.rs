//! The pages, as a browser without a script uses them.

use postly_simulator::Channel;
use postly_testkit::{EngineName, Options, PASSWORD, TestApp, code_in, for_each_engine};
use serde_json::json;

use crate::tab::{Answer, Tab};

pub(crate) const FATOU: &str = "+33639981001";
const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                   form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The target after a sign-up: the forms that link a number.
const SIGNED_UP: &str = "/account?done=signup#number-ways";

pub(crate) fn code_on_the_phone(app: &TestApp, number: &str) -> String {
    let person = app.world.person(Channel::Meta, number);
    code_in(&app.world.phone_messages(&person).pop().expect("a message").body)
}

/// Asserts the status and the properties of every page.
#[track_caller]
pub(crate) fn assert_is_page(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", CSP),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("vary", "accept-language"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.body.len() < 60_000, "{} bytes", answer.body.len());
    for inline in [" style=", "<style", " onclick=", "javascript:", "http://"] {
        assert!(!answer.body.contains(inline), "{inline}");
    }
    // Each field has a label, and every error is announced to screen readers.
    for field in answer.body.split("<input ").skip(1).chain(answer.body.split("<select ").skip(1)) {
        let field = field.split('>').next().unwrap();
        let id = field.split("id=\"").nth(1).and_then(|rest| rest.split('"').next());
        let is_labelled = id.is_some_and(|id| answer.body.contains(&format!("for=\"{id}\"")));
        assert!(is_labelled || field.contains("hidden") || field.contains("checkbox"), "{field}");
    }
    assert_eq!(answer.body.matches("class=\"error\"").count(), answer.body.matches("role=\"alert\"").count());
}

/// Returns the error beside a form.
pub(crate) fn error<'a>(answer: &'a Answer, form: &str) -> &'a str {
    let place = format!("id=\"{form}-error\">");
    answer.body.split(&place).nth(1).and_then(|rest| rest.split("</p>").next()).unwrap_or_default()
}

#[tokio::test]
async fn s16_every_page_and_asset_has_its_headers_and_is_small() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let tab = Tab::new(&app);
    for path in ["/login", "/signup", "/legal", "/terms", "/privacy"] {
        let page = tab.get(path).await;
        assert_is_page(&page, 200);
        assert!(page.body.contains("<html lang=\"fr\" dir=\"ltr\">"));
        let english = tab.send("GET", path, &[("accept-language", "en-GB,en;q=0.9,fr;q=0.1")], "").await;
        assert_is_page(&english, 200);
        assert!(
            english.body.contains("<html lang=\"en\" dir=\"ltr\">") && !english.body.contains("Se connecter")
        );
        // Every page links to the legal pages of the operator.
        for link in ["/legal", "/terms", "/privacy"] {
            assert!(page.body.contains(&format!("<a href=\"{link}\">")), "{path}: {link}");
        }
    }
    let page = tab.get("/login").await;
    let mut size = page.body.len();
    for (extension, kind) in [("css", "text/css; charset=utf-8"), ("js", "text/javascript; charset=utf-8")] {
        let path = page.body.split('"').find(|text| text.ends_with(extension)).unwrap();
        let version = path.strip_prefix("/assets/page.").unwrap().strip_suffix(extension).unwrap();
        assert_eq!(version.len(), 9, "{version}");
        let asset = tab.get(path).await;
        assert_eq!((asset.status, asset.header("content-type")), (200, Some(kind)));
        assert_eq!(asset.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(asset.header("x-content-type-options"), Some("nosniff"));
        size += asset.body.len();
    }
    assert!(size < 60_000, "the first page has {size} bytes");
    assert_eq!(tab.get("/assets/page.00000000.css").await.status, 404);
    assert_eq!(tab.get("/assets/../Cargo.toml").await.status, 404);
    app.stop().await;
}

#[tokio::test]
async fn a_number_and_its_code_log_in_without_a_script() {
    for_each_engine(async |app| {
        let fatou = app.author();
        fatou.says("bonjour").await;
        let tab = Tab::new(app);
        let wrong = tab.post("/login/code", &[("phone", "douze")]).await;
        assert_is_page(&wrong, 400);
        assert!(error(&wrong, "number").starts_with("Numéro de téléphone invalide"), "{}", wrong.body);
        assert!(wrong.body.contains("value=\"douze\""), "what was typed stays");

        let asked = tab.post("/login/code", &[("phone", FATOU)]).await;
        assert_is_page(&asked, 200);
        app.run_until_idle().await;
        let code = code_on_the_phone(app, FATOU);
        assert!(!asked.body.contains(&code));
        let field = asked.body.split("<input").find(|field| field.contains("name=\"code\"")).unwrap();
        let field = field.split('>').next().unwrap();
        assert!(field.contains("inputmode=\"numeric\"") && field.contains("autocomplete=\"one-time-code\""));
        assert!(!field.contains("maxlength"), "a pasted bubble must not be cut: {field}");
        let bad = if code == "000000" { "000001" } else { "000000" };
        let wrong = tab.post("/login/verify", &[("phone", FATOU), ("code", bad)]).await;
        assert_is_page(&wrong, 400);
        assert_eq!(error(&wrong, "code"), "Code invalide ou expiré");
        let stranger = Tab::new(app).post("/login/verify", &[("phone", FATOU), ("code", &code)]).await;
        assert_eq!(error(&stranger, "code"), "Code invalide ou expiré", "another browser's code");

        // The whole message, pasted.
        let bubble = format!(
            "🔐 Votre code de vérification Postly-AI: *{code}*⏰ Valide 10 minutes🛡️ Ne partagez jamais ce code"
        );
        let entered = tab.post("/login/verify", &[("phone", FATOU), ("code", &bubble)]).await;
        assert_eq!(entered.goes_to(), "/dashboard");
        let account = tab.get("/account").await;
        assert_is_page(&account, 200);
        for text in [FATOU, "<b>10</b>", "Firefox · Linux", "ce navigateur"] {
            assert!(account.body.contains(text), "{text}");
        }
        // A logged-in author cannot use the login forms, where a code would link a number.
        assert_eq!(tab.post("/login/code", &[("phone", FATOU)]).await.goes_to(), "/account");
        assert!(tab.get("/login").await.body.contains("Votre session est ouverte"));
    })
    .await;
}

#[tokio::test]
async fn a_phrase_logs_in_without_a_script_and_is_nowhere_to_read() {
    for_each_engine(async |app| {
        let fatou = app.author();
        let tab = Tab::new(app);
        let unknown = tab.post("/login/phrase", &[]).await;
        assert_is_page(&unknown, 404);
        assert!(error(&unknown, "phrase").contains("pas encore connu"));
        fatou.says("bonjour").await;
        let page = tab.post("/login/phrase", &[]).await;
        assert_is_page(&page, 200);
        assert!(page.body.contains("src=\"data:image/svg+xml;base64,"));
        let url = page.body.split("href=\"").find_map(|rest| rest.strip_prefix("https://wa.me/")).unwrap();
        let text = url.split("?text=").nth(1).unwrap().split('"').next().unwrap();
        let shown = text.replace("%20", " ").replace("%23", "#");
        let phrase = shown.strip_prefix("Postly-AI #").unwrap();
        assert_eq!(page.body.matches(phrase).count(), 1, "only in the address");
        fatou.says(&shown).await;
        let code = code_on_the_phone(app, FATOU);
        let wrong = Tab::new(app).post("/login/phrase/verify", &[("code", &code)]).await;
        assert_is_page(&wrong, 400);
        assert_eq!(error(&wrong, "phrase-code"), "Code invalide ou expiré");
        assert_eq!(tab.post("/login/phrase/verify", &[("code", &code)]).await.goes_to(), "/dashboard");
        assert!(tab.get("/account").await.body.contains(FATOU));
    })
    .await;
}

#[tokio::test]
async fn an_address_and_a_password_sign_up_and_log_in_without_a_script() {
    for_each_engine(async |app| {
        let tab = Tab::new(app);
        let fields = [("email", "fatou@example.com"), ("password", PASSWORD)];
        let weak = tab.post("/signup", &[("email", "fatou@example.com"), ("password", "short")]).await;
        assert_is_page(&weak, 400);
        assert!(error(&weak, "password").contains("8 caractères"), "{}", weak.body);
        assert!(weak.body.contains("value=\"fatou@example.com\"") && !weak.body.contains("value=\"short\""));
        let secret = weak.body.split("<input id=\"secret\"").nth(1).unwrap().split('>').next().unwrap();
        assert!(secret.contains("aria-invalid") && weak.body.matches("aria-invalid").count() == 1);
        assert_eq!(tab.post("/signup", &fields).await.goes_to(), SIGNED_UP);
        assert!(tab.get("/account").await.body.contains("fatou@example.com"));
        assert_eq!(tab.post("/account/logout", &[]).await.goes_to(), "/login");
        assert_eq!(tab.get("/account").await.goes_to(), "/login");

        let other = Tab::new(app);
        assert_eq!(
            error(&other.post("/signup", &fields).await, "password"),
            "Cette adresse e-mail a déjà un compte."
        );
        let wrong = [("email", "fatou@example.com"), ("password", "un autre mot")];
        let refused = other.post("/login/password", &wrong).await;
        assert_is_page(&refused, 400);
        assert_eq!(error(&refused, "password"), "Adresse e-mail ou mot de passe incorrect.");
        assert_eq!(other.post("/login/password", &fields).await.goes_to(), "/dashboard");
    })
    .await;
}

#[tokio::test]
async fn o33_a_form_from_another_site_or_from_nowhere_is_refused() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let tab = signed_up(&app, "fatou@example.com").await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    for path in [
        "/login/code",
        "/login/verify",
        "/login/phrase",
        "/login/phrase/verify",
        "/login/password",
        "/signup",
        "/account/code",
        "/account/verify",
        "/account/phrase",
        "/account/phrase/verify",
        "/account/language",
        "/account/sessions/end",
        "/account/sessions/end-all",
        "/account/logout",
        "/account/login",
        "/account/tokens",
        "/account/tokens/revoke",
        "/account/erase",
    ] {
        // Without a session it would redirect to the login first.
        let who = if path.starts_with("/account") { &tab } else { &Tab::new(&app) };
        let body = "sure=yes";
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("x-nothing", "said"),
        ] {
            let refused = who.send("POST", path, &[form, (name, value)], body).await;
            assert_eq!(refused.status, 403, "{path} {name} {value}");
            assert!(refused.body.contains("cross_site"), "{}", refused.body);
        }
        let no_form = [("content-type", "text/plain"), ("sec-fetch-site", "same-origin")];
        assert_eq!(who.send("POST", path, &no_form, body).await.status, 400, "{path}");
        let long = format!("phone={}", "x".repeat(9_000));
        let too_long = who.send("POST", path, &[form, ("origin", "https://postly.example")], &long).await;
        assert_eq!(too_long.status, 413, "{path}");
        if path != "/account/erase" {
            assert_eq!(who.get(path).await.status, if path == "/signup" { 200 } else { 405 }, "{path}");
        }
    }
    assert_eq!(tab.get("/account").await.status, 200, "she is still there");
    app.stop().await;
}

#[tokio::test]
async fn o40_nobody_is_sent_anywhere_else() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    signed_up(&app, "fatou@example.com").await;
    for evil in [
        "//evil.example",
        "/%5Cevil.example",
        "%5Cevil.example",
        "javascript:alert(1)",
        "https://evil.example",
    ] {
        let query = format!("?redirect={evil}&next={evil}&callbackUrl={evil}");
        let tab = Tab::new(&app);
        let page = tab.get(&format!("/login{query}")).await;
        assert_is_page(&page, 200);
        assert!(!page.body.contains("evil") && !page.body.contains("alert(1)"));
        assert_eq!(tab.get(&format!("/account{query}")).await.goes_to(), "/login");
        let fields = [("email", "fatou@example.com"), ("password", PASSWORD)];
        assert_eq!(tab.post(&format!("/login/password{query}"), &fields).await.goes_to(), "/dashboard");
        assert_eq!(tab.post(&format!("/account/logout{query}"), &[]).await.goes_to(), "/login");
        let more = [fields[0], fields[1], ("redirect", evil)];
        assert_eq!(tab.post("/login/password", &more).await.status, 400, "a field that is none of ours");
    }
    app.stop().await;
}

#[tokio::test]
async fn o30_looking_at_the_page_of_a_link_spends_nothing() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let fatou = app.author();
    fatou.says("LOGIN").await;
    let text = fatou.last_text();
    let token = text.split("/login#").nth(1).unwrap().split_whitespace().next().unwrap();
    for path in ["/login".to_owned(), format!("/login?token={token}"), format!("/login/{token}")] {
        for method in ["GET", "HEAD"] {
            let looked = Tab::new(&app).send(method, &path, &[], "").await;
            assert!(looked.header("set-cookie").is_none() && !looked.body.contains(token), "{path}");
        }
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM challenges WHERE closed_at_ms IS NOT NULL").await, 0);
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 0);
    let browser = app.browser();
    browser.post("/api/auth/link", &json!({ "token": token })).await.ok();
    app.stop().await;
}

#[tokio::test]
async fn the_api_brings_the_phrase_as_a_picture_too() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    app.author().says("bonjour").await;
    let phrase = app.browser().post("/api/auth/phrase", &json!({})).await.ok().json();
    let qr = phrase["qr"].as_str().unwrap();
    assert!(qr.starts_with("data:image/svg+xml;base64,") && qr.len() < 40_000, "{} bytes", qr.len());
    app.stop().await;
}

/// Returns a tab after a sign-up.
pub(crate) async fn signed_up<'a>(app: &'a TestApp, email: &str) -> Tab<'a> {
    let tab = Tab::new(app);
    let entered = tab.post("/signup", &[("email", email), ("password", PASSWORD)]).await;
    assert_eq!(entered.goes_to(), SIGNED_UP);
    tab
}
