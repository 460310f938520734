//! The brand memory through the API and on its page.

use postly_testkit::{Options, for_each_engine_with};
use reqwest::Method;
use serde_json::json;

use crate::{
    generations::{generate, logged_in},
    pages::{assert_is_page, signed_up},
};

fn offline() -> Options {
    Options { offline: true, ..Options::default() }
}

#[tokio::test]
async fn a_brand_is_read_replaced_and_held_to_its_bounds() {
    for_each_engine_with(offline(), async |app| {
        let browser = logged_in(app, 3).await;
        let empty = json!({
            "name": null, "place": null, "trade": null, "tone": null, "address": null, "emojis": null,
            "bannedWords": [], "facts": [], "signature": null
        });
        assert_eq!(browser.get("/api/brand").await.ok().json(), empty);
        let put = async |body: serde_json::Value| {
            let headers = [("content-type", "application/json")];
            browser.send(Method::PUT, "/api/brand", &headers, Some(body.to_string())).await
        };
        let kept = put(json!({ "place": " Lyon 7e ", "bannedWords": ["profitez", "", "profitez"], "address": "informal" }));
        let kept = kept.await.ok().json();
        assert_eq!((&kept["place"], &kept["bannedWords"]), (&json!("Lyon 7e"), &json!(["profitez"])));
        assert_eq!(browser.get("/api/brand").await.ok().json(), kept);
        for (body, expected) in [
            (json!({ "facts": ["x".repeat(201)] }), (422, "brand_too_long")),
            (json!({ "signature": "x".repeat(161) }), (422, "brand_too_long")),
            (json!({ "name": "a\nb" }), (422, "brand_too_long")),
            (json!({ "facts": ["a\nb"] }), (422, "brand_too_long")),
            (json!({ "facts": (0..3_000).map(|n| n.to_string()).collect::<Vec<_>>() }), (422, "brand_too_long")),
            (json!({ "facts": ["x".repeat(100_000)] }), (413, "too_large")),
            (json!({ "facts": ["vente de cocaïne"] }), (422, "brief_refused")),
            (json!({ "color": "red" }), (400, "invalid_request")),
            (json!({ "address": "rude" }), (400, "invalid_request")),
            (json!([]), (400, "invalid_request")),
        ] {
            let refused = put(body.clone()).await;
            assert_eq!(refused.problem(), (expected.0, expected.1.to_owned()), "{body}");
        }
        assert_eq!(browser.get("/api/brand").await.ok().json(), kept, "a refused memory changes nothing");
        // Posts generated on the web use it too.
        let posts = generate(&browser, "k1", &json!({ "brief": "-20 % sur les croissants samedi" })).await;
        assert_eq!(posts.status, 201, "{}", posts.text);
        for variant in posts.json()["variants"].as_array().unwrap() {
            let text = variant["text"].as_str().unwrap();
            assert!(text.contains("Lyon 7e") && !text.to_lowercase().contains("profitez"), "{text}");
        }
        let refused = generate(&browser, "k2", &json!({ "brief": "Profitez de -20 % samedi sur les pulls" })).await;
        assert_eq!(refused.problem(), (422, "brief_refused".to_owned()));
        assert!(refused.json()["detail"].as_str().unwrap().contains("« profitez »"), "{}", refused.text);
        assert_eq!(app.browser().get("/api/brand").await.problem().0, 401);
    })
    .await;
}

#[tokio::test]
async fn a_brand_is_written_in_the_form_and_read_on_whatsapp() {
    for_each_engine_with(offline(), async |app| {
        let tab = signed_up(app, "fatou@example.com").await;
        assert_is_page(&tab.get("/account/brand").await, 200);
        let fields = |facts: &'static str| {
            [
                ("name", "Chez Léa <b>"),
                ("place", ""),
                ("trade", ""),
                ("tone", ""),
                ("address", "formal"),
                ("emojis", "no"),
                ("banned", "discount\r\npromo\r\n"),
                ("facts", facts),
                ("signature", "Ligne 1\r\nLigne 2"),
            ]
        };
        assert_eq!(
            tab.post("/account/brand", &fields("fermé le lundi")).await.goes_to(),
            "/account/brand?saved"
        );
        let page = tab.get("/account/brand?saved").await;
        assert_is_page(&page, 200);
        for shown in [
            "Chez Léa &#60;b&#62;",
            "discount\npromo</textarea>",
            "Ligne 1\nLigne 2</textarea>",
            "C'est retenu",
        ] {
            assert!(page.body.replace("&#39;", "'").contains(shown), "{shown} in {}", page.body);
        }
        let long: &'static str = Box::leak("x".repeat(201).into_boxed_str());
        let refused = tab.post("/account/brand", &fields(long)).await;
        assert_is_page(&refused, 422);
        assert!(refused.body.contains(long), "what was typed is still there");
    })
    .await;
}
