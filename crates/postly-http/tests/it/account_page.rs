//! The account page, as a browser without a script uses it.

use postly_simulator::Channel;
use postly_testkit::{EngineName, Options, PASSWORD, TestApp, for_each_engine};

use crate::{
    pages::{FATOU, assert_is_page, code_on_the_phone, error, signed_up},
    tab::{Answer, Tab},
};

#[tokio::test]
async fn an_account_links_a_number_and_never_one_of_another_account() {
    for_each_engine(async |app| {
        app.author().says("bonjour").await;
        let tab = signed_up(app, "fatou@example.com").await;
        let account = tab.get("/account").await;
        let id = account.body.split("name=\"userId\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let asked = tab.post("/account/code", &[("phone", FATOU), ("userId", id)]).await;
        assert_is_page(&asked, 200);
        app.run_until_idle().await;
        let code = code_on_the_phone(app, FATOU);
        assert_eq!(
            tab.post("/account/verify", &[("phone", FATOU), ("code", &code)]).await.goes_to(),
            "/account?done=number"
        );
        assert!(tab.get("/account").await.body.contains(&format!("<dd><bdi dir=\"ltr\">{FATOU}</bdi></dd>")));

        // The form of one account, sent with the session of another.
        let other = signed_up(app, "awa@example.com").await;
        let refused = other.post("/account/code", &[("phone", FATOU), ("userId", id)]).await;
        assert_is_page(&refused, 403);
        app.advance_ms(61_000);
        other.post("/account/code", &[("phone", FATOU)]).await;
        app.run_until_idle().await;
        let code = code_on_the_phone(app, FATOU);
        let taken = other.post("/account/verify", &[("phone", FATOU), ("code", &code)]).await;
        assert_is_page(&taken, 409);
        assert_eq!(error(&taken, "code"), "Ce numéro est déjà lié à un autre compte.");
    })
    .await;
}

#[tokio::test]
async fn an_account_says_when_its_number_was_changed() {
    for_each_engine(async |app| {
        let tab = signed_up(app, "fatou@example.com").await;
        for number in [FATOU, "+33639981002"] {
            assert!(
                !tab.get("/account").await.body.contains("Numéro changé le"),
                "{number} is not there yet"
            );
            app.author_of(Channel::Meta, number).says("bonjour").await;
            tab.post("/account/code", &[("phone", number)]).await;
            app.run_until_idle().await;
            let code = code_on_the_phone(app, number);
            let linked = tab.post("/account/verify", &[("phone", number), ("code", &code)]).await;
            assert_eq!(linked.goes_to(), "/account?done=number");
        }
        let account = tab.get("/account").await;
        assert_is_page(&account, 200);
        assert!(account.body.contains("Numéro changé le"), "{}", account.body);
    })
    .await;
}

#[tokio::test]
async fn o36_o37_sessions_are_listed_and_ended_one_by_one_and_all_at_once() {
    for_each_engine(async |app| {
        let fields = [("email", "fatou@example.com"), ("password", PASSWORD)];
        let (tab, phone) = (signed_up(app, "fatou@example.com").await, Tab::new(app));
        phone.post("/login/password", &fields).await;
        let page = tab.get("/account").await;
        let ids: Vec<&str> = page
            .body
            .split("name=\"id\" value=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(ids.len(), 2);
        // Another author cannot end these sessions.
        let stranger = signed_up(app, "awa@example.com").await;
        for id in &ids {
            stranger.post("/account/sessions/end", &[("id", id)]).await;
        }
        assert_eq!(phone.get("/account").await.status, 200);
        let rows: Vec<&str> = page.body.split("<li>").skip(1).collect();
        let theirs = rows.iter().position(|row| !row.contains("ce navigateur")).unwrap();
        assert_eq!(
            tab.post("/account/sessions/end", &[("id", ids[theirs])]).await.goes_to(),
            "/account?done=session"
        );
        assert_eq!(phone.get("/account").await.goes_to(), "/login");
        assert_eq!(tab.get("/account").await.status, 200);

        phone.post("/login/password", &fields).await;
        assert_eq!(tab.post("/account/sessions/end-all", &[]).await.goes_to(), "/login");
        for ended in [&tab, &phone] {
            assert_eq!(ended.get("/account").await.goes_to(), "/login");
        }
    })
    .await;
}

#[tokio::test]
async fn s12_an_account_is_erased_in_two_steps_and_not_in_one() {
    for_each_engine(async |app| {
        let tab = signed_up(app, "fatou@example.com").await;
        assert_eq!(
            tab.post("/account/language", &[("language", "en")]).await.goes_to(),
            "/account?done=language"
        );
        assert!(tab.get("/account").await.body.contains("value=\"en\" lang=\"en\" selected"));
        assert_is_page(&tab.get("/account/erase").await, 200);
        let unsure = tab.post("/account/erase", &[]).await;
        assert_is_page(&unsure, 400);
        assert_eq!(error(&unsure, "erase"), "Tick the box to confirm.");
        assert_eq!(tab.get("/account").await.status, 200);
        let erased = tab.post("/account/erase", &[("sure", "yes")]).await;
        assert_is_page(&erased, 200);
        assert_eq!(tab.get("/account").await.goes_to(), "/login");
        assert_eq!(app.count("SELECT COUNT(*) FROM authors WHERE email IS NOT NULL").await, 0);
    })
    .await;
}

#[tokio::test]
async fn nothing_that_somebody_wrote_becomes_a_part_of_a_page() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    const WRITTEN: &str = "\"'><script>alert(1)</script>&amp;{{7*7}}";
    let tab = signed_up(&app, "fatou@example.com").await;
    let check = |page: &Answer| {
        assert!(page.body.contains("&#60;script&#62;alert(1)"), "{}", page.body);
        assert!(!page.body.contains("<script>") && !page.body.contains("\"'>"), "{}", page.body);
    };
    // Set in the database, because the API refuses such an address.
    app.change(&format!("UPDATE authors SET email = '{}'", WRITTEN.replace('\'', "''"))).await;
    app.change(&format!("UPDATE sessions SET label = '{}'", WRITTEN.replace('\'', "''"))).await;
    let account = tab.get("/account").await;
    assert_is_page(&account, 200);
    check(&account);
    assert_eq!(
        account.body.matches("&#60;script&#62;").count(),
        4,
        "the address in the list and in its field, the browser, and its button"
    );
    check(&tab.post("/account/code", &[("phone", WRITTEN)]).await);
    check(&Tab::new(&app).post("/login/code", &[("phone", WRITTEN)]).await);
    check(&Tab::new(&app).post("/login/password", &[("email", WRITTEN), ("password", WRITTEN)]).await);
    check(&Tab::new(&app).post("/signup", &[("email", WRITTEN), ("password", WRITTEN)]).await);
    app.stop().await;
}

#[tokio::test]
async fn where_a_login_leads_there_is_a_page() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let tab = signed_up(&app, "fatou@example.com").await;
    assert_eq!(tab.get("/").await.goes_to(), "/dashboard");
    assert_eq!(Tab::new(&app).get("/dashboard").await.goes_to(), "/login");
    assert_is_page(&tab.get("/dashboard").await, 200);
    assert_is_page(&tab.get("/account").await, 200);
    assert_eq!(Tab::new(&app).get("/account").await.goes_to(), "/login");
    app.stop().await;
}
