//! `/admin/authors`: search, adjustments, blocks and refunds.

use postly_simulator::Channel;
use postly_testkit::{EngineName, Options, TestApp, for_each_engine};

use super::desk::{Desk, Visitor};

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const FATOU: &str = "+33639981001";

/// Searches for an author, and returns the address of their page.
async fn find(visitor: &Visitor, who: &str) -> String {
    visitor.submit("/admin/authors", "/admin/authors", &[("who", who)]).await.goes_to().to_owned()
}

#[tokio::test]
async fn an_author_is_found_by_id_number_and_address_and_each_view_is_recorded() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        let fatou = app.author_of(Channel::Meta, FATOU);
        fatou.says(BRIEF).await;
        app.browser().sign_up("lea@example.com").await.ok();
        let address = find(&visitor, "06 39 98 10 01").await;
        let id = address.rsplit('/').next().unwrap().to_owned();
        for who in [FATOU, "0033639981001", &id, &id.to_uppercase(), &format!(" {FATOU} ")] {
            assert_eq!(find(&visitor, who).await, address, "{who}");
        }
        let page = visitor.get(&address).await;
        page.assert_is_page(200);
        for text in [
            FATOU,
            "croissants",
            "whatsapp_generation",
            ">+5<",
            ">-1<",
            "<dt>Available</dt><dd><b>4</b>",
            "result",
        ] {
            page.assert_says(text);
        }
        let other = find(&visitor, "LEA@example.com").await;
        assert_ne!(other, address);
        visitor.get(&other).await.assert_is_page(200).assert_says("lea@example.com").assert_says("No entry.");
        for (who, status) in [("+33639989999", 404), ("nobody@example.com", 404), ("x y", 400), ("\0", 400)] {
            let page = visitor.submit("/admin/authors", "/admin/authors", &[("who", who)]).await;
            page.assert_is_page(status);
        }
        visitor.get("/admin/authors/00000000-0000-7000-8000-000000000000").await.assert_is_page(404);
        let views = app
            .texts(
                "SELECT operator || ' ' || subject FROM audit_log WHERE action = 'view_author' ORDER BY id",
            )
            .await;
        let other = other.rsplit('/').next().unwrap();
        assert_eq!(views, [format!("Awa Diop {id}"), format!("Awa Diop {other}")]);
        let log = visitor.get(&format!("/admin/log?subject={id}")).await;
        log.assert_is_page(200).assert_says("<b>view_author</b> by <bdi>Awa Diop</bdi> · done");
        // The log contains only the ids of authors.
        assert!(!app.rows("audit_log").await.join("\n").contains("639981001"));
        desk.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_adjustment_has_a_reason_and_a_maker_and_a_form_sent_twice_is_one() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        let fatou = app.author_of(Channel::Meta, FATOU);
        fatou.says("SOLDE").await;
        let address = find(&visitor, FATOU).await;
        let adjust = format!("{address}/adjust");
        let key = "a-key-of-some-length";
        let fields = [("direction", "grant"), ("amount", "7"), ("reason", "geste <b>"), ("key", key)];
        assert_eq!(visitor.submit(&address, &adjust, &fields).await.goes_to(), address);
        let again = visitor.submit(&address, &adjust, &fields).await;
        again.assert_is_page(422).assert_says("the form was sent twice");
        assert_eq!(fatou.credits().await, 12);
        let page = visitor.get(&address).await;
        page.assert_is_page(200).assert_says("geste &#60;b&#62;").assert_says("by <bdi>Awa Diop</bdi>");
        for (direction, amount, reason, key) in [
            ("grant", "7", " ", "another-key-of-some-length"),
            ("grant", "0", "x", "another-key-of-some-length"),
            ("grant", "-3", "x", "another-key-of-some-length"),
            ("grant", "1000001", "x", "another-key-of-some-length"),
            ("deduct", "13", "x", "another-key-of-some-length"),
            ("steal", "1", "x", "another-key-of-some-length"),
            ("grant", "7", "x", "short"),
        ] {
            let fields = [("direction", direction), ("amount", amount), ("reason", reason), ("key", key)];
            visitor.submit(&address, &adjust, &fields).await.assert_is_page(422);
        }
        let fields = [
            ("direction", "deduct"),
            ("amount", "2"),
            ("reason", "erreur"),
            ("key", "a-third-key-of-length"),
        ];
        assert_eq!(visitor.submit(&address, &adjust, &fields).await.goes_to(), address);
        assert_eq!(fatou.ledger().await, ["+5 trial", "+7 adjustment", "-2 adjustment"]);
        let log = app
            .texts(
                "SELECT note || ' | ' || outcome FROM audit_log WHERE action = 'adjust_credits' ORDER BY id",
            )
            .await;
        assert_eq!(
            (log[0].as_str(), log.last().unwrap().as_str()),
            ("+7: geste <b> | done", "-2: erreur | done")
        );
        assert!(log[1].starts_with("+7: geste <b> | failed: this was done before"), "{log:#?}");
        desk.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_author_is_blocked_and_unblocked_by_their_page() {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    let desk = Desk::of(&app).await;
    let visitor = desk.operator().await;
    let fatou = app.author_of(Channel::Meta, FATOU);
    fatou.says("SOLDE").await;
    let address = find(&visitor, FATOU).await;
    let block = format!("{address}/block");
    assert_eq!(visitor.submit(&address, &block, &[("reason", "spam")]).await.goes_to(), address);
    visitor.get(&address).await.assert_is_page(200).assert_says("Blocked since");
    fatou.says(BRIEF).await;
    assert_eq!(fatou.ledger().await, ["+5 trial"]);
    assert_eq!(visitor.submit(&address, &format!("{address}/unblock"), &[]).await.goes_to(), address);
    fatou.says(BRIEF).await;
    assert!(fatou.last_text().contains("*3.*"));
    let log = app
        .texts("SELECT action || ' ' || note FROM audit_log WHERE action LIKE '%block%' ORDER BY id")
        .await;
    assert_eq!(log, ["block_author spam", "unblock_author "]);
    app.assert_audit_is_clean().await;
    desk.close().await;
    app.stop().await;
}

#[tokio::test]
async fn an_operator_gives_the_credit_of_a_generation_back_once_with_a_reason() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        let fatou = app.author_of(Channel::Meta, FATOU);
        fatou.says(BRIEF).await;
        let address = find(&visitor, FATOU).await;
        let generation = app.texts("SELECT id FROM generations").await.remove(0);
        let refund = format!("/admin/generations/{generation}/refund");
        let fields = |reason: &'static str| [("reason", reason)];
        visitor.submit(&address, &refund, &fields(" ")).await.assert_is_page(422);
        assert_eq!(visitor.submit(&address, &refund, &fields("posts hors sujet")).await.goes_to(), address);
        visitor
            .submit(&address, &refund, &fields("encore"))
            .await
            .assert_is_page(422)
            .assert_says("given back before");
        assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation", "+1 refund"]);
        let page = visitor.get(&address).await;
        page.assert_is_page(200).assert_says("posts hors sujet").assert_says(" · refunded");
        page.assert_says("by <bdi>Awa Diop</bdi>");
        let unknown = "/admin/generations/00000000-0000-7000-8000-000000000000/refund";
        visitor.submit(&address, unknown, &fields("x")).await.assert_is_page(404);
        app.assert_audit_is_clean().await;
        desk.close().await;
    })
    .await;
}
