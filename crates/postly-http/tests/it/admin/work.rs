//! `/admin/stuck`, `/admin/switches` and `/admin/log`.

use postly_simulator::{Channel, Fault, FaultKind, Upstream};
use postly_testkit::for_each_engine;

use super::desk::Desk;

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

#[tokio::test]
async fn a_dead_letter_is_listed_with_its_reason_and_replayed_once() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        visitor.get("/admin/stuck").await.assert_is_page(200).assert_says("None.");
        let fatou = app.author_of(Channel::Meta, "+33639981001");
        app.world.fault(Upstream::Meta, Fault::once(FaultKind::ResetBeforeAcceptance).times(2));
        fatou.says("SOLDE").await;
        app.advance_ms(31_000);
        app.run_until_idle().await;
        app.advance_ms(31_000);
        app.run_until_idle().await;
        let page = visitor.get("/admin/stuck").await;
        page.assert_is_page(200).assert_says("<b>unknown_delivery</b>").assert_says("2 attempts");
        let id = app.app.operator.dead_letters().await.unwrap().remove(0).id;
        page.assert_says(&id);
        let replay =
            async |id: &str| visitor.submit("/admin/stuck", "/admin/stuck/replay", &[("id", id)]).await;
        assert_eq!(replay(&id).await.goes_to(), "/admin/stuck");
        replay(&id).await.assert_is_page(422).assert_says("no dead letter has this id");
        replay("no <id>").await.assert_is_page(400);
        app.run_until_idle().await;
        assert_eq!(fatou.received().len(), 1);
        visitor.get("/admin/stuck").await.assert_is_page(200).assert_says("None.");

        // A message that waits for its provider is listed.
        app.world.fault(Upstream::Meta, Fault::always(FaultKind::ProviderError { code: 131_016 }));
        fatou.says("SOLDE").await;
        app.advance_ms(61_000);
        let waiting = app.texts("SELECT id FROM outbox WHERE finished_at_ms IS NULL").await.remove(0);
        visitor
            .get("/admin/stuck")
            .await
            .assert_is_page(200)
            .assert_says(&format!("outbox · <a href=\"/admin/messages/{waiting}\""));
        app.world.clear_faults();

        // Nothing is sent after the service window has closed.
        app.advance_ms(25 * 3_600_000);
        app.run_until_idle().await;
        let visitor = desk.operator().await;
        let id = app.app.operator.dead_letters().await.unwrap().remove(0).id;
        let late = visitor.submit("/admin/stuck", "/admin/stuck/replay", &[("id", &id)]).await;
        late.assert_is_page(422).assert_says("its window has closed");
        assert_eq!(fatou.received().len(), 1);
        desk.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_switch_stops_generation_and_lets_it_go_on() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        let fatou = app.author_of(Channel::Meta, "+33639981001");
        let switch = async |target: &str, to: &str, reason: &str| {
            let fields = [("target", target), ("to", to), ("reason", reason)];
            visitor.submit("/admin/switches", "/admin/switches", &fields).await
        };
        visitor.get("/admin/switches").await.assert_is_page(200).assert_says("Pause generation");
        assert_eq!(switch("generation", "pause", "modèle cher").await.goes_to(), "/admin/switches");
        let page = visitor.get("/admin/switches").await;
        page.assert_is_page(200).assert_says("Paused since").assert_says("Resume generation");
        visitor.get("/admin").await.assert_is_page(200).assert_says("generation is paused by an operator");
        fatou.says(BRIEF).await;
        assert!(fatou.last_text().contains("en pause"), "{}", fatou.last_text());
        assert_eq!(fatou.ledger().await, ["+5 trial"]);
        assert_eq!(switch("generation", "resume", "").await.goes_to(), "/admin/switches");
        fatou.says(BRIEF).await;
        assert!(fatou.last_text().contains("*3.*"));
        switch("everything", "pause", "").await.assert_is_page(400);
        let log = visitor.get("/admin/log").await;
        log.assert_is_page(200)
            .assert_says("<b>pause</b> by <bdi>Awa Diop</bdi> · done")
            .assert_says("modèle cher");
        log.assert_says("<b>resume</b>").assert_says("<b>log_in</b>");
        desk.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_audit_log_is_read_page_by_page_and_kept_for_three_years() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        for _ in 0..30 {
            for to in ["pause", "resume"] {
                visitor.submit("/admin/switches", "/admin/switches", &[("target", "meta"), ("to", to)]).await;
            }
        }
        let first = visitor.get("/admin/log").await;
        first.assert_is_page(200);
        assert_eq!(
            first.text.matches("<b>pause</b>").count() + first.text.matches("<b>resume</b>").count(),
            50
        );
        let next = first.text.split("href=\"/admin/log?cursor=").nth(1).unwrap().split('"').next().unwrap();
        let second = visitor.get(&format!("/admin/log?cursor={next}")).await;
        second.assert_is_page(200).assert_says("<b>log_in</b>");
        assert_eq!(
            second.text.matches("<b>pause</b>").count() + second.text.matches("<b>resume</b>").count(),
            10
        );
        assert!(!second.text.contains("Older"));
        app.advance_ms((3 * 365 - 1) * 86_400_000);
        app.sweep().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM audit_log").await, 61);
        app.advance_ms(2 * 86_400_000);
        app.sweep().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM audit_log").await, 0);
        desk.close().await;
    })
    .await;
}
