//! Text that accompanies a file, forms of STOP, and the openings that WhatsApp proposes.

use postly_simulator::{Channel, MessageKind};
use postly_testkit::{TestApp, TestAuthor, for_each_engine};

/// An author at each provider.
fn authors(app: &TestApp) -> [TestAuthor<'_>; 2] {
    [app.author_of(Channel::Meta, "+33639981020"), app.author_of(Channel::Twilio, "+33639981021")]
}

async fn sends(app: &TestApp, author: &TestAuthor<'_>, kind: MessageKind) {
    assert_eq!(app.deliver(&author.sends(kind)).await.status, 200);
    app.run_until_idle().await;
}

fn caption(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn button(payload: &str, text: &str) -> MessageKind {
    MessageKind::Button { payload: payload.to_owned(), text: text.to_owned() }
}

#[tokio::test]
async fn a_captioned_photo_video_or_document_is_the_brief_or_the_command_below_it() {
    for_each_engine(async |app| {
        for fatou in authors(app) {
            let brief = "-20 % sur les croissants ce week-end";
            for (number, kind) in [
                MessageKind::Image { caption: caption(brief) },
                MessageKind::Video { caption: caption(brief) },
                MessageKind::Document { caption: caption(brief) },
            ]
            .into_iter()
            .enumerate()
            {
                sends(app, &fatou, kind).await;
                assert!(fatou.last_text().contains("*3.*"), "{}", fatou.last_text());
                assert_eq!(fatou.credits().await, 4 - i64::try_from(number).unwrap());
            }
            sends(app, &fatou, MessageKind::Image { caption: caption("Solde ?") }).await;
            assert!(fatou.last_text().contains("💳 Crédits restants: 2"), "{}", fatou.last_text());
            sends(app, &fatou, MessageKind::Video { caption: caption("STOP") }).await;
            assert!(fatou.last_text().contains("🔕"), "{}", fatou.last_text());
            // One or two words may only describe the picture: the reply is a free question.
            sends(app, &fatou, MessageKind::Image { caption: caption("ma vitrine") }).await;
            assert!(fatou.last_text().contains("Que voulez-vous annoncer ?"), "{}", fatou.last_text());
            assert_eq!(fatou.credits().await, 2);
        }
    })
    .await;
}

#[tokio::test]
async fn a_captioned_message_is_answered_after_the_days_hint() {
    for_each_engine(async |app| {
        for fatou in authors(app) {
            sends(app, &fatou, MessageKind::Image { caption: None }).await;
            // The name of a file is not a caption.
            sends(app, &fatou, MessageKind::Document { caption: None }).await;
            assert_eq!(fatou.received().len(), 1);
            assert!(fatou.last_text().contains("Je ne lis que du texte"));
            sends(app, &fatou, MessageKind::Image { caption: caption("Promo -10 % sur les tartes") }).await;
            assert_eq!(fatou.received().len(), 2);
            assert!(fatou.last_text().contains("*3.*"), "{}", fatou.last_text());
            sends(app, &fatou, MessageKind::Video { caption: None }).await;
            assert_eq!(fatou.received().len(), 2);
        }
    })
    .await;
}

#[tokio::test]
async fn the_label_of_a_tap_is_read_when_the_button_is_not_ours() {
    for_each_engine(async |app| {
        for fatou in authors(app) {
            sends(app, &fatou, button("old:1", "Aide")).await;
            assert!(fatou.last_text().contains("*Postly-AI écrit vos posts*"));
            let row = MessageKind::ListReply { id: "balance-row".to_owned(), title: "Solde".to_owned() };
            sends(app, &fatou, row).await;
            assert!(fatou.last_text().contains("💳 Crédits restants: 5"), "{}", fatou.last_text());
            sends(app, &fatou, button("old:2", "Confirmer")).await;
            assert!(fatou.last_text().contains("Que voulez-vous annoncer ?"), "{}", fatou.last_text());
            assert_eq!(fatou.credits().await, 5);
            let reply =
                MessageKind::ButtonReply { id: "old:3".to_owned(), title: "Post promo tartes".to_owned() };
            sends(app, &fatou, reply).await;
            assert!(fatou.last_text().contains("*3.*"), "{}", fatou.last_text());
            assert_eq!(fatou.credits().await, 4);
        }
    })
    .await;
}

#[tokio::test]
async fn l21_stop_promotions_and_its_like_opt_out_tapped_and_typed() {
    for_each_engine(async |app| {
        for fatou in authors(app) {
            let name = fatou.person.number.clone();
            let stopped = async || {
                let rows = app.rows("identities").await;
                rows.into_iter().find(|row| row.contains(&name)).expect("an identity")
            };
            fatou.says("bonjour").await;
            let before = stopped().await;
            for (number, way) in [
                button("Stop promotions", "Stop promotions"),
                button("x", "Arrêter les promotions"),
                MessageKind::Text("END".to_owned()),
                MessageKind::Text("opt out".to_owned()),
                MessageKind::Text("Stop all".to_owned()),
                MessageKind::Text("FIN".to_owned()),
                MessageKind::Text("Darme de baja".to_owned()),
                MessageKind::Text("Parar promoções".to_owned()),
                MessageKind::Text("إلغاء الاشتراك".to_owned()),
            ]
            .into_iter()
            .enumerate()
            {
                app.advance_ms(60_000);
                sends(app, &fatou, way.clone()).await;
                assert!(fatou.last_text().contains("🔕 C'est noté"), "{way:?}: {}", fatou.last_text());
                assert_ne!(stopped().await, before, "{way:?}");
                fatou.says("START").await;
                assert_eq!(stopped().await, before, "{number}");
            }
            assert_eq!(fatou.ledger().await, ["+5 trial"]);
        }
    })
    .await;
}

#[tokio::test]
async fn an_unclear_wish_to_be_left_alone_is_told_how_to_stop() {
    for_each_engine(async |app| {
        for fatou in authors(app) {
            fatou.says("arrêtez de m'écrire").await;
            assert!(fatou.last_text().contains("Répondez *STOP*"), "{}", fatou.last_text());
            for text in [
                "laissez-moi tranquille",
                "stop sending me messages",
                "deja de escribirme",
                "me deixa em paz",
            ] {
                fatou.says(text).await;
                assert!(fatou.last_text().contains("*STOP*"), "{text}: {}", fatou.last_text());
            }
            assert_eq!(fatou.ledger().await, ["+5 trial"]);
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM identities WHERE stopped_at_ms IS NOT NULL").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) FROM model_calls").await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_opening_that_whatsapp_proposes_is_greeted_for_free_in_its_language() {
    for_each_engine(async |app| {
        for (number, (text, part)) in (0..).zip([
            ("Bonjour ! Puis-je en savoir plus à ce sujet ?", "j'écris 3 posts"),
            ("Puis-je en savoir plus à ce sujet ?", "j'écris 3 posts"),
            ("Can I get more info on this?", "I write 3 ready-to-paste posts"),
            ("Hello! Can I get more info on this?", "I write 3 ready-to-paste posts"),
            ("¡Hola! Quiero más información", "3 publicaciones listas para pegar"),
            ("Olá! Posso obter mais informações sobre isto?", "3 posts prontos para colar"),
            ("مرحبًا! هل يمكنني الحصول على مزيد من المعلومات حول هذا؟", "3 منشورات جاهزة للنسخ"),
        ]) {
            for (channel, prefix) in [(Channel::Meta, "+3363998110"), (Channel::Twilio, "+3363998120")] {
                let fatou = app.author_of(channel, &format!("{prefix}{number}"));
                sends(app, &fatou, MessageKind::FromAd(text.to_owned())).await;
                assert_eq!(fatou.received().len(), 1, "{text}");
                assert!(fatou.last_text().contains(part), "{text}: {}", fatou.last_text());
                // The same without the ad.
                fatou.says(text).await;
                assert!(fatou.last_text().contains(part), "{text}: {}", fatou.last_text());
                assert_eq!(fatou.ledger().await, ["+5 trial"]);
            }
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM model_calls").await, 0);
    })
    .await;
}
