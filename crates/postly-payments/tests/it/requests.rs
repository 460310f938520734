//! Our request for a Checkout Session against the parameters of Stripe's own library.

use postly_domain::{Currency, Language, Money, Pack, id::AuthorId};
use postly_payments::{API_VERSION, NewCheckout, Stripe, StripeConfig};
use serde_json::Value;

use crate::server::{Server, answer};

/// The fields that we send.
async fn sent(language: Language, currency: &str, tax_code: Option<&str>) -> (String, Vec<(String, String)>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::answering(&[&answer(400, &[], "{}")]).await;
    let config = StripeConfig {
        secret_key: "sk_test_1".to_owned().into(),
        api_base_url: server.url.clone(),
        tax_code: tax_code.map(str::to_owned),
    };
    let price = Money { amount: 990, currency: Currency::parse(currency).unwrap() };
    let new = NewCheckout {
        author: &AuthorId::new("usr_1"),
        pack: &Pack { id: "m".to_owned(), credits: 50, price },
        name: "50 crédits",
        language,
        success_url: "https://p/s?sid={CHECKOUT_SESSION_ID}",
        cancel_url: "https://p/c",
    };
    assert!(Stripe::new(config).unwrap().create_checkout(&new, "k").await.is_err());
    let body = server.seen().remove(0).body;
    let fields = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    (body, fields)
}

/// The parameter with a name such as `line_items[0][quantity]`, in the tree of `create_params`.
fn parameter<'a>(tree: &'a Value, name: &str) -> Option<&'a Value> {
    let parts: Vec<&str> = name.split(['[', ']']).filter(|part| !part.is_empty()).collect();
    let mut found: Option<&Value> = None;
    let mut fields = tree.get("params");
    for part in parts {
        if let Some(leaf) = found.and_then(Value::as_str) {
            // Free keys of a dictionary.
            return leaf.contains("Dict[str, str]").then_some(found).flatten();
        }
        let is_list = found.is_some_and(|it| it["_type"].as_str().is_some_and(|kind| kind.contains("List[")));
        if is_list && part.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        found = Some(fields?.get(part)?);
        fields = found.and_then(|found| found.get("fields"));
    }
    found
}

/// Returns true if a value can be read as the declared type of a parameter.
pub(crate) fn fits(kind: &str, value: &str) -> bool {
    if let Some(words) = kind.split("Literal[").nth(1).and_then(|rest| rest.split(']').next()) {
        return words.split(", ").any(|word| word == value);
    }
    if kind.contains("bool") {
        return matches!(value, "true" | "false");
    }
    if kind.contains("int") {
        return value.parse::<i64>().is_ok();
    }
    kind.contains("str")
}

#[tokio::test]
async fn every_field_of_our_request_is_one_of_the_version_that_it_names() {
    let tree: Value = serde_json::from_str(include_str!(
        "../../testdata/checkout_session_create_params.2026-10-28.endive.json"
    ))
    .unwrap();
    assert_eq!(tree["api_version"], API_VERSION);
    for language in Language::ALL {
        for tax_code in [None, Some("txcd_10105001")] {
            let (_, fields) = sent(language, "eur", tax_code).await;
            for (name, value) in &fields {
                let found = parameter(&tree, name).unwrap_or_else(|| panic!("{name} is no parameter"));
                let kind = found.as_str().unwrap_or_else(|| panic!("{name} is no leaf: {found}"));
                assert!(fits(kind, value), "{name}={value} is no {kind}");
            }
        }
    }
    // The check detects the cases that it is for.
    assert!(parameter(&tree, "payment_method_types[0]").is_none());
    assert!(parameter(&tree, "line_items[0][amount]").is_none());
    assert!(!fits("NotRequired[Literal[auto, fr]|str]", "ar"));
}

#[tokio::test]
async fn the_request_is_the_documented_one_with_its_brackets_as_the_libraries_write_them() {
    let (body, fields) = sent(Language::Fr, "eur", None).await;
    // The wire form that the official libraries made of the same session.
    for part in [
        "mode=payment&success_url=https%3A%2F%2Fp%2Fs%3Fsid%3D%7BCHECKOUT_SESSION_ID%7D",
        "line_items[0][quantity]=1&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=990",
        "line_items[0][price_data][product_data][name]=50+cr%C3%A9dits",
        "client_reference_id=usr_1",
        "payment_intent_data[metadata][author_id]=usr_1",
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    assert!(!fields.iter().any(|(name, _)| name.contains("managed") || name.contains("tax_code")));
    assert!(!body.contains("payment_method_types"));

    let (_, managed) = sent(Language::Ar, "eur", Some("txcd_10105001")).await;
    for (name, value) in [
        ("managed_payments[enabled]", "true"),
        ("line_items[0][price_data][product_data][tax_code]", "txcd_10105001"),
        ("locale", "auto"),
    ] {
        assert!(managed.contains(&(name.to_owned(), value.to_owned())), "{name}");
    }
}
