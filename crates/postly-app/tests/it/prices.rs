//! Prices that the provider reports, and alerts to the operator.

use std::sync::{Arc, Mutex};

use postly_simulator::{Channel, MessageStatus, Rules, Webhook};
use postly_testkit::{TestApp, for_each_engine};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

const PRICES: &str = "SELECT COALESCE(price_category, '-') || ' ' || COALESCE(price_kind, '-') || ' ' || \
    COALESCE(price_model, '-') || ' ' || COALESCE(CAST(billable AS TEXT), '-') FROM attempts ORDER BY id";

/// A status with another pricing, or with none.
fn priced(app: &TestApp, id: &str, status: MessageStatus, pricing: Option<Value>) -> Webhook {
    let webhook = app.world.webhook_status(id, status, None);
    let mut body: Value = serde_json::from_slice(&webhook.body).unwrap();
    let status = body.pointer_mut("/entry/0/changes/0/value/statuses/0").unwrap();
    match pricing {
        Some(pricing) => status["pricing"] = pricing,
        None => drop(status.as_object_mut().unwrap().remove("pricing")),
    }
    app.world.webhook_raw(Channel::Meta, body.to_string())
}

#[tokio::test]
async fn the_price_of_each_message_is_known_from_whichever_status_tells_it() {
    for_each_engine(async |app| {
        app.world.set_rules(Rules { free_service_messages: 1, ..Rules::default() });
        let fatou = app.author();
        for _ in 0..3 {
            fatou.says("SOLDE").await;
        }
        let ids: Vec<String> = fatou.received().into_iter().map(|message| message.id).collect();
        let statuses = [
            app.world.webhook_status(&ids[0], MessageStatus::Sent, None),
            priced(app, &ids[0], MessageStatus::Delivered, None),
            app.world.webhook_status(&ids[1], MessageStatus::Delivered, None),
            priced(app, &ids[2], MessageStatus::Sent, None),
        ];
        for status in statuses {
            assert_eq!(app.deliver(&status).await.status, 200);
            app.run_until_idle().await;
        }
        assert_eq!(
            app.texts(PRICES).await,
            ["service free_customer_service PMP 0", "service regular PMP 1", "- - - -"]
        );
        // Meta has announced the removal of `billable`; the other fields are still stored.
        let without = serde_json::json!({ "pricing_model": "PMP", "type": "regular", "category": "utility" });
        app.deliver(&priced(app, &ids[2], MessageStatus::Delivered, Some(without))).await;
        app.run_until_idle().await;
        assert_eq!(app.texts(PRICES).await[2], "utility regular PMP -");
    })
    .await;
}

/// The alerts among the logged lines.
#[derive(Clone, Default)]
struct Alerts(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Alerts {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Field<'a>(&'a Alerts);
        impl tracing::field::Visit for Field<'_> {
            fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
                if field.name() == "alert" {
                    self.0.0.lock().unwrap().push(value.to_owned());
                }
            }
            fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn std::fmt::Debug) {}
        }
        if *event.metadata().level() <= tracing::Level::WARN {
            event.record(&mut Field(self));
        }
    }
}

#[tokio::test]
async fn an_operator_hears_once_of_each_pause_and_of_each_message_billed_as_an_assistants() {
    let alerts = Alerts::default();
    let _logging = tracing::subscriber::set_default(tracing_subscriber::registry().with(alerts.clone()));
    for_each_engine(async |app| {
        alerts.0.lock().unwrap().clear();
        let fatou = app.author();
        fatou.says("SOLDE").await;
        fatou.says("AIDE").await;
        let ids: Vec<String> = fatou.received().into_iter().map(|message| message.id).collect();
        let assistant = serde_json::json!({ "billable": true, "pricing_model": "PMP", "type": "regular", "category": "general_purpose_ai" });
        for status in [MessageStatus::Sent, MessageStatus::Delivered] {
            app.deliver(&priced(app, &ids[0], status, Some(assistant.clone()))).await;
            app.run_until_idle().await;
        }
        assert_eq!(*alerts.0.lock().unwrap(), ["general_purpose_ai"]);
        fatou.says("SOLDE").await;
        let third = fatou.received().pop().unwrap().id;
        for id in [&ids[1], &third] {
            app.deliver(&app.world.webhook_status(id, MessageStatus::Failed, Some(131_042))).await;
            app.run_until_idle().await;
        }
        assert_eq!(*alerts.0.lock().unwrap(), ["general_purpose_ai", "sender_stopped"]);
    })
    .await;
}
