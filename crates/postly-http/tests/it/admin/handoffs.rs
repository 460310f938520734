//! `/admin/handoffs`: replying to the author of a handoff, and closing the handoff.

use postly_simulator::Channel;
use postly_testkit::for_each_engine;

use super::desk::Desk;

#[tokio::test]
async fn a_request_is_answered_within_24_hours_and_handed_back() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        visitor.get("/admin/handoffs").await.assert_is_page(200).assert_says("Nobody asks");
        let lea = app.author_of(Channel::Meta, "+33639981001");
        lea.says("je veux parler à un humain").await;
        let list = visitor.get("/admin/handoffs").await;
        list.assert_is_page(200).assert_says("Answer until");
        let id = list.text.split("/admin/handoffs/").nth(1).unwrap().split('"').next().unwrap();
        let address = format!("/admin/handoffs/{id}");
        let reply = format!("{address}/reply");
        let page = visitor.get(&address).await;
        page.assert_is_page(200).assert_says("parler à un humain").assert_says("Send");
        let fields = [("text", "Bonjour, ici Awa. Je regarde."), ("key", "a-key-of-some-length")];
        for _ in 0..2 {
            assert_eq!(visitor.submit(&address, &reply, &fields).await.goes_to(), address, "a double click");
        }
        app.run_until_idle().await;
        assert_eq!(
            lea.texts().iter().filter(|text| text.contains("ici Awa")).count(),
            1,
            "{:#?}",
            lea.texts()
        );
        visitor.get(&address).await.assert_is_page(200).assert_says("Je regarde");
        for (text, key) in [(" ", "another-key-of-length"), ("x", "short")] {
            visitor.submit(&address, &reply, &[("text", text), ("key", key)]).await.assert_is_page(422);
        }

        app.advance_ms(11 * 3_600_000);
        let visitor = desk.operator().await;
        app.advance_ms(11 * 3_600_000);
        lea.says("vous êtes là ?").await;
        app.advance_ms(24 * 3_600_000);
        let visitor = {
            drop(visitor);
            desk.operator().await
        };
        let late = visitor.get(&address).await;
        late.assert_is_page(200).assert_says("no free text until the author writes again");
        assert!(!late.text.contains("<textarea"));
        let fields = [("text", "trop tard"), ("key", "a-third-key-of-some-length")];
        visitor.submit(&address, &reply, &fields).await.assert_is_page(422).assert_says("24 hours ago");

        assert_eq!(
            visitor.submit(&address, &format!("{address}/close"), &[]).await.goes_to(),
            "/admin/handoffs"
        );
        visitor.submit("/admin", &format!("{address}/close"), &[]).await.assert_is_page(422);
        visitor.get(&address).await.assert_is_page(404);
        let log = app
            .texts("SELECT action || ' ' || outcome FROM audit_log WHERE action LIKE '%handoff' ORDER BY id")
            .await;
        assert_eq!(log.first().unwrap(), "answer_handoff done");
        assert_eq!(log[log.len() - 2], "close_handoff done");
        assert!(log.last().unwrap().starts_with("close_handoff failed: no open request"), "{log:#?}");
        desk.close().await;
    })
    .await;
}
