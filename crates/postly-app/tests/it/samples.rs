//! The official and synthetic samples of the providers, with our ids and the present time: each event ends in
//! the outcome that is listed here.

use postly_simulator::{Channel, Rules};
use postly_testkit::{EngineName, Options, TestApp};

/// Each sample with the outcomes of its events, sorted by kind and outcome.
const META: &[(&str, &[&str])] = &[
    ("account_disabled.json", &["unknown applied "]),
    ("account_partner_added.json", &["unknown ignored unknown_kind"]),
    (
        "batch_2_entries_4_changes_4_messages_1_duplicate_1_status.json",
        &[
            "message answered balance",
            "message answered login",
            "message answered result",
            "status ignored unknown_message",
        ],
    ),
    ("contact_request_shared.json", &["message answered number_shared"]),
    ("contact_shared_other.json", &["message answered unreadable"]),
    ("document_with_caption.json", &["message answered result"]),
    // The message that is edited was never received.
    ("edit_caption.json", &["message applied "]),
    ("edit_text.json", &["message applied "]),
    ("not_whatsapp_object.json", &["unknown ignored unknown_kind"]),
    ("openapi__button_message.json", &["message answered stopped"]),
    ("openapi__contact_sharing_message.json", &["message answered unreadable"]),
    ("openapi__group_create_message.json", &["unknown ignored unknown_kind"]),
    ("openapi__group_remove_participants.json", &["unknown ignored unknown_kind"]),
    ("openapi__group_settings_update.json", &["unknown ignored unknown_kind"]),
    ("openapi__image_message.json", &["message answered missing_brief"]),
    ("openapi__interactive_button_reply_message.json", &["message answered cancelled"]),
    ("openapi__interactive_list_reply_message.json", &["message answered missing_brief"]),
    ("openapi__location_message.json", &["message answered unreadable"]),
    ("openapi__order_message.json", &["message ignored nothing_to_say"]),
    ("openapi__reaction_message.json", &["message ignored nothing_to_say"]),
    ("openapi__system_message.json", &["identity_change ignored unknown_identity"]),
    ("openapi__text_message.json", &["message answered question"]),
    ("openapi__text_message_from_click_to_whatsapp_ad.json", &["message answered small_talk"]),
    ("openapi__text_message_with_context_product_inquiry.json", &["message answered small_talk"]),
    ("openapi__unsupported_message.json", &["message answered unreadable"]),
    ("quality_flagged.json", &["unknown applied "]),
    ("quality_throughput_upgrade.json", &["unknown applied "]),
    ("reaction_removed.json", &["message ignored nothing_to_say"]),
    ("revoke.json", &["message applied "]),
    ("status_failed_131047.json", &["status ignored unknown_message"]),
    ("status_played.json", &["status ignored unknown_message"]),
    ("status_sent_opaque_data.json", &["status ignored unknown_message"]),
    ("system_customer_identity_changed.json", &["identity_change ignored unknown_identity"]),
    ("system_user_changed_number_and_id.json", &["identity_change ignored unknown_identity"]),
    ("system_user_changed_user_id.json", &["identity_change ignored unknown_identity"]),
    ("system_user_changed_user_id_in_body.json", &["identity_change ignored unknown_identity"]),
    ("template_paused.json", &["unknown applied "]),
    ("text_fr_emoji.json", &["message answered result"]),
    ("unknown_future_type.json", &["message ignored nothing_to_say"]),
    ("unsupported_edit.json", &["message ignored nothing_to_say"]),
    ("user_id_update.json", &["identity_change ignored unknown_identity"]),
    ("voice_note.json", &["message answered unreadable"]),
];

const TWILIO: &[(&str, &[&str])] = &[
    ("inbound_bsuid_only.form", &["message answered result"]),
    ("inbound_button_reply.form", &["message answered missing_brief"]),
    ("inbound_document.form", &["message answered unreadable"]),
    ("inbound_forwarded.form", &["message answered ask_more"]),
    ("inbound_image_with_caption.form", &["message answered missing_brief"]),
    ("inbound_list_reply_UNVERIFIED_field_names.form", &["message answered missing_brief"]),
    ("inbound_location.form", &["message answered unreadable"]),
    ("inbound_phone_and_bsuid.form", &["message answered result"]),
    ("inbound_sandbox_join.form", &["message answered small_talk"]),
    ("inbound_text.form", &["message answered result"]),
    ("inbound_voice.form", &["message answered unreadable"]),
    ("status_delivered.form", &["status ignored unknown_message"]),
    ("status_failed_63024.form", &["status ignored unknown_message"]),
    ("status_read.form", &["status ignored unknown_message"]),
    ("status_sent.form", &["status ignored unknown_message"]),
    ("status_undelivered_63016.form", &["status ignored unknown_message"]),
];

fn folder(channel: Channel) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../postly-whatsapp/testdata").join(channel.name())
}

/// The sample as our provider would send it now: to our number or account, with the present second.
fn rewritten(app: &TestApp, channel: Channel, sample: &str) -> String {
    let accounts = app.world.config();
    match channel {
        Channel::Meta => {
            let mut value: serde_json::Value = serde_json::from_str(sample).expect("a sample is JSON");
            rewrite(&mut value, &accounts.meta.phone_number_id, &(app.world.now_ms() / 1000).to_string());
            value.to_string()
        }
        Channel::Twilio => sample
            .trim_end()
            .replace("AC00000000000000000000000000000001", &accounts.twilio.account_sid)
            .replace(
                "%2B14155238886",
                &accounts.twilio.from.trim_start_matches("whatsapp:").replace('+', "%2B"),
            ),
    }
}

fn rewrite(value: &mut serde_json::Value, phone_number_id: &str, now: &str) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "phone_number_id" => *field = phone_number_id.into(),
                    "timestamp" => *field = now.into(),
                    _ => rewrite(field, phone_number_id, now),
                }
            }
        }
        serde_json::Value::Array(items) => {
            for item in items {
                rewrite(item, phone_number_id, now);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn w19_w20_w22_every_sample_ends_in_the_outcome_written_beside_it() {
    for engine in EngineName::ALL {
        for (channel, samples) in [(Channel::Meta, META), (Channel::Twilio, TWILIO)] {
            for (name, expected) in samples {
                let app = TestApp::start(engine, &Options::default()).await;
                // The simulated world has no messages of these people, and would report the replies as too
                // late.
                app.world.set_rules(Rules { service_window: false, ..Rules::default() });
                let sample = std::fs::read_to_string(folder(channel).join(name)).expect(name);
                let webhook = app.world.webhook_raw(channel, rewritten(&app, channel, &sample));
                assert_eq!(app.deliver(&webhook).await.status, 200, "{name}");
                app.run_until_idle().await;
                // A vague text waits for another message.
                app.advance_ms(1_500);
                app.run_until_idle().await;
                let mut ended =
                    app.texts("SELECT kind || ' ' || state || ' ' || COALESCE(outcome, '') FROM inbox").await;
                ended.sort();
                assert_eq!(ended, *expected, "{name} on {engine:?}");
                app.assert_audit_is_clean().await;
                app.stop().await;
            }
        }
    }
}

#[test]
fn no_sample_is_left_out() {
    for (channel, samples) in [(Channel::Meta, META), (Channel::Twilio, TWILIO)] {
        for entry in std::fs::read_dir(folder(channel)).expect("the samples") {
            let name = entry.expect("an entry").file_name().into_string().expect("a name");
            let is_sample = name.ends_with(".json") || name.ends_with(".form");
            assert!(!is_sample || samples.iter().any(|(sample, _)| *sample == name), "{name}");
        }
    }
}
