//! The landing page and the pages behind a login, as a browser without a script uses them.

use postly_simulator::Channel;
use postly_testkit::{EngineName, Options, TestApp, for_each_engine, for_each_engine_with};

use crate::{
    pages::{FATOU, assert_is_page, code_on_the_phone},
    tab::Tab,
};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

/// Returns a browser logged in as an author with 10 credits.
async fn logged_in(app: &TestApp) -> Tab<'_> {
    let fatou = app.author_of(Channel::Meta, FATOU);
    fatou.says("LOGIN").await;
    let tab = Tab::new(app);
    let code = code_on_the_phone(app, FATOU);
    assert_eq!(tab.post("/login/verify", &[("phone", FATOU), ("code", &code)]).await.goes_to(), "/dashboard");
    tab
}

/// Returns the value of a hidden field.
fn hidden<'a>(body: &'a str, name: &str) -> &'a str {
    let mark = format!("name=\"{name}\" value=\"");
    body.split(&mark).nth(1).and_then(|rest| rest.split('"').next()).unwrap()
}

#[tokio::test]
async fn a_brief_on_the_dashboard_becomes_three_posts_once_however_often_the_form_is_sent() {
    for_each_engine(async |app| {
        let tab = logged_in(app).await;
        let dashboard = tab.get("/dashboard").await;
        assert_is_page(&dashboard, 200);
        let key = hidden(&dashboard.body, "key");
        let fields = [("key", key), ("brief", BRIEF), ("platform", ""), ("language", "")];
        let posts = tab.post("/dashboard", &fields).await.goes_to().to_owned();
        assert!(posts.starts_with("/history/"), "{posts}");
        assert_eq!(tab.post("/dashboard", &fields).await.goes_to(), posts, "a double click");
        let page = tab.get(&posts).await;
        assert_is_page(&page, 200);
        assert_eq!(page.body.matches("class=\"preview\"").count(), 3);
        assert!(page.body.contains("/2200"), "the limit of Instagram");
        let credits = tab.get("/credits").await;
        assert_is_page(&credits, 200);
        assert!(credits.body.contains("3 posts demandés sur le web") && credits.body.contains(">-1<"));
        let used = tab.post(&format!("{posts}/used"), &[("used", "2")]).await;
        assert_eq!(used.goes_to(), posts);
        assert!(tab.get(&posts).await.body.contains("Utilisé"));
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_result_is_changed_from_its_page_the_first_time_for_free() {
    for_each_engine_with(Options { offline: true, ..Options::default() }, async |app| {
        let tab = logged_in(app).await;
        let dashboard = tab.get("/dashboard").await;
        let key = hidden(&dashboard.body, "key");
        let fields = [
            ("key", key),
            ("brief", "Post Instagram : brunch samedi 15h à 12 €"),
            ("platform", ""),
            ("language", ""),
        ];
        let posts = tab.post("/dashboard", &fields).await.goes_to().to_owned();
        let change =
            |key: &'static str, instruction: &'static str| [("key", key), ("instruction", instruction)];
        let refine = format!("{posts}/refine");
        let changed =
            tab.post(&refine, &change("k1", "en fait c'est dimanche 17h")).await.goes_to().to_owned();
        assert_ne!(changed, posts);
        assert_eq!(
            tab.post(&refine, &change("k1", "en fait c'est dimanche 17h")).await.goes_to(),
            changed,
            "a double click"
        );
        let page = tab.get(&changed).await;
        assert_is_page(&page, 200);
        assert!(page.body.contains("dimanche") && !page.body.contains("samedi"), "{}", page.body);
        let credits = tab.get("/credits").await;
        assert!(credits.body.contains("Modification offerte"), "{}", credits.body);

        let further = tab.post(&format!("{changed}/refine"), &change("k2", "sans hashtags")).await;
        assert!(further.goes_to().starts_with("/history/"));
        assert!(tab.get("/credits").await.body.contains("Modification"));
        let refused = tab.post(&refine, &change("k3", "plus drôle")).await;
        assert_is_page(&refused, 422);
        assert!(
            refused.body.contains("rédacteur intégré") && refused.body.contains("plus drôle"),
            "{}",
            refused.body
        );
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_text_that_is_no_brief_is_kept_in_the_form_with_the_reason_beside_it() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let tab = logged_in(&app).await;
    let fields =
        [("key", "k1"), ("brief", "GEN poster sur la cocaïne <b>"), ("platform", "x"), ("language", "en")];
    let refused = tab.post("/dashboard", &fields).await;
    assert_is_page(&refused, 422);
    assert!(refused.body.contains("cocaïne &#60;b&#62;"));
    assert!(
        refused.body.contains("value=\"x\" selected")
            && refused.body.contains("value=\"en\" lang=\"en\" selected")
    );
    app.stop().await;
}

#[tokio::test]
async fn the_landing_page_shows_our_number_once_meta_has_named_it() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let before = Tab::new(&app).get("/").await;
    assert!(!before.body.contains("https://wa.me/"));
    app.author_of(Channel::Meta, FATOU).says("bonjour").await;
    let after = Tab::new(&app).get("/").await;
    assert!(after.body.contains("href=\"https://wa.me/15550783881\">+1 555-078-3881</a>"), "{}", after.body);
    assert!(after.body.contains("src=\"data:image/svg+xml;base64,"), "its QR code");
    app.stop().await;
}

#[tokio::test]
async fn the_history_holds_the_posts_of_both_channels_and_keeps_its_search() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let tab = logged_in(&app).await;
    app.author_of(Channel::Meta, FATOU).says(BRIEF).await;
    let all = tab.get("/history").await;
    assert_is_page(&all, 200);
    assert!(all.body.contains("croissants") && all.body.contains("WhatsApp"));
    let none = tab.get("/history?q=macarons&origin=web").await;
    assert_is_page(&none, 200);
    assert!(none.body.contains("Aucun post ne correspond") && none.body.contains("value=\"macarons\""));
    assert_is_page(&tab.get("/history/00000000-0000-7000-8000-000000000000").await, 404);
    app.stop().await;
}

#[tokio::test]
async fn every_page_is_there_in_five_languages_and_arabic_runs_from_right_to_left() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    for (language, dir) in [("fr", "ltr"), ("en", "ltr"), ("es", "ltr"), ("pt", "ltr"), ("ar", "rtl")] {
        for path in ["/", "/login", "/signup", "/legal", "/terms", "/privacy"] {
            let page = Tab::new(&app).send("GET", path, &[("accept-language", language)], "").await;
            assert_is_page(&page, 200);
            assert!(page.body.contains(&format!("<html lang=\"{language}\" dir=\"{dir}\">")), "{path}");
            let missing = ["page-", "legal-"].iter().any(|key| page.body.contains(key));
            assert!(!missing, "{path}: a text is missing");
        }
    }
    // After the login, the language of the account counts.
    let tab = logged_in(&app).await;
    assert_eq!(
        tab.post("/account/language", &[("language", "ar")]).await.goes_to(),
        "/account?done=language"
    );
    for path in ["/dashboard", "/history", "/credits", "/account"] {
        let page = tab.get(path).await;
        assert_is_page(&page, 200);
        assert!(page.body.contains("<html lang=\"ar\" dir=\"rtl\">"), "{path}");
    }
    app.stop().await;
}

#[tokio::test]
async fn an_unknown_address_is_a_page_for_a_browser_and_a_problem_for_a_program() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let page = Tab::new(&app).send("GET", "/nowhere", &[("accept", "text/html,*/*;q=0.8")], "").await;
    assert_is_page(&page, 404);
    let problem = app.browser().get("/nowhere").await;
    assert_eq!(problem.problem(), (404, "not_found".to_owned()));
    app.stop().await;
}

#[tokio::test]
async fn the_statement_is_downloaded_as_csv_by_its_author_only() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let tab = logged_in(&app).await;
    let csv = tab.get("/api/credits.csv").await;
    assert_eq!((csv.status, csv.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    assert!(csv.body.starts_with("date,change,reason,note,reference\r\n") && csv.body.contains("\"5\""));
    let browser = [("accept", "text/html,*/*;q=0.8")];
    assert_eq!(Tab::new(&app).send("GET", "/api/credits.csv", &browser, "").await.goes_to(), "/login");
    let program = app.browser().get("/api/credits.csv").await;
    assert_eq!(program.problem(), (401, "unauthenticated".to_owned()));
    app.stop().await;
}
