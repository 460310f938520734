//! `/admin/messages`: the timeline of one message.

use postly_simulator::{Channel, MessageStatus};
use postly_testkit::for_each_engine;

use super::desk::Desk;

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

#[tokio::test]
async fn a_timeline_tells_a_message_from_its_webhook_to_its_ticks_by_any_of_its_ids() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        for (channel, number) in [(Channel::Meta, "+33639981001"), (Channel::Twilio, "+33639981002")] {
            let fatou = app.author_of(channel, number);
            fatou.says(BRIEF).await;
            let message = fatou.received().pop().unwrap();
            for status in [MessageStatus::Sent, MessageStatus::Delivered, MessageStatus::Read] {
                app.advance_ms(1_000);
                app.deliver(&app.world.webhook_status(&message.id, status, None)).await;
                app.run_until_idle().await;
            }
            let newest = async |sql| app.texts(sql).await.pop().unwrap();
            let event = newest("SELECT id FROM inbox WHERE kind = 'message' ORDER BY id").await;
            let attempt = newest("SELECT id FROM attempts ORDER BY id").await;
            let generation = newest("SELECT id FROM generations ORDER BY id").await;
            let outbox = newest("SELECT id FROM outbox ORDER BY id").await;
            for id in [&event, &attempt, &generation, &outbox, &message.id, &format!(" {event} ")] {
                let found = visitor.submit("/admin/messages", "/admin/messages", &[("id", id)]).await;
                assert_eq!(found.goes_to(), format!("/admin/messages/{event}"), "{id}");
            }
            let page = visitor.get(&format!("/admin/messages/{event}")).await;
            page.assert_is_page(200);
            let mut rest = page.text.as_str();
            for step in [
                "Webhook received and stored",
                "Credit held",
                "Model gpt-6-luna (draft): ok",
                "whatsapp_generation -1",
                "Posts saved",
                "Queued: result",
                "Event ended: answered",
                "Attempt to send: read",
                "Status: sent",
                "Status: delivered",
                "Status: read",
            ] {
                let found = rest.find(step);
                rest = &rest
                    [found.unwrap_or_else(|| panic!("{step} is missing, or too early: {}", page.text))..];
            }
            for text in [
                "Model gpt-6-luna (draft): ok",
                "tokens in",
                "Posts saved",
                "Queued: result",
                "Event ended: answered",
                &attempt,
                &message.id,
                &generation,
                "croissants",
            ] {
                page.assert_says(text);
            }
        }
        // Untrusted text from a provider.
        let fatou = app.author_of(Channel::Meta, "+33639981001");
        let help = fatou.writes("AIDE <script>");
        app.deliver(&help).await;
        app.run_until_idle().await;
        let body: serde_json::Value = serde_json::from_slice(&help.body).unwrap();
        let named = body["entry"][0]["changes"][0]["value"]["messages"][0]["id"].as_str().unwrap();
        let found = visitor.submit("/admin/messages", "/admin/messages", &[("id", named)]).await;
        let page = visitor.get(found.goes_to()).await;
        page.assert_is_page(200).assert_says("AIDE &#60;script&#62;");

        visitor.submit("/admin/messages", "/admin/messages", &[("id", "nothing")]).await.assert_is_page(404);
        visitor.get("/admin/messages/nothing").await.assert_is_page(404);
        let views = app.count("SELECT COUNT(*) FROM audit_log WHERE action = 'view_message'").await;
        assert_eq!(views, 3, "what is not found is not seen");
        desk.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_timeline_of_a_failed_writing_tells_the_release_and_one_of_the_web_its_calls() {
    for_each_engine(async |app| {
        let desk = Desk::of(app).await;
        let visitor = desk.operator().await;
        app.world.model(postly_simulator::ModelBehaviour::Garbage);
        let fatou = app.author_of(Channel::Meta, "+33639981001");
        fatou.says(BRIEF).await;
        let event = app.texts("SELECT id FROM inbox WHERE kind = 'message'").await.remove(0);
        let page = visitor.get(&format!("/admin/messages/{event}")).await;
        page.assert_is_page(200).assert_says("Hold released: nothing is charged").assert_says("(repair)");
        app.world.model(postly_simulator::ModelBehaviour::default());

        fatou.says("LOGIN").await;
        let browser = app.browser();
        browser.verify("+33639981001", &fatou.last_code()).await.ok();
        let headers = [
            ("content-type", "application/json"),
            ("sec-fetch-site", "same-origin"),
            ("idempotency-key", "k1"),
        ];
        let body = serde_json::json!({ "brief": BRIEF }).to_string();
        browser.send(reqwest::Method::POST, "/api/generations", &headers, Some(body)).await.ok();
        let generation = app.texts("SELECT id FROM generations ORDER BY id").await.pop().unwrap();
        let page = visitor.get(&format!("/admin/messages/{generation}")).await;
        page.assert_is_page(200).assert_says("web_generation -1").assert_says("(draft)");
        desk.close().await;
    })
    .await;
}
