//! The request that creates a Checkout Session.

use postly_domain::{Language, Pack, id::AuthorId};

/// A Checkout Session to be created.
#[derive(Debug, Clone, Copy)]
pub struct NewCheckout<'a> {
    /// The buyer: an id that only we can link to a person.
    pub author: &'a AuthorId,
    /// The pack to buy.
    pub pack: &'a Pack,
    /// The name of the pack on Stripe's page.
    pub name: &'a str,
    /// The language of that page.
    pub language: Language,
    /// The address after the payment. Stripe replaces `{CHECKOUT_SESSION_ID}` by the session's id.
    pub success_url: &'a str,
    /// The address after a cancellation.
    pub cancel_url: &'a str,
}

/// The fields of the request. There is no `payment_method_types`: since 2026-09-30.endive it is refused, and
/// the account's settings select the methods. With `tax_code` Stripe is the merchant of record (Managed
/// Payments).
pub(crate) fn fields<'a>(new: &NewCheckout<'a>, tax_code: Option<&'a str>) -> Vec<(&'static str, String)> {
    let NewCheckout { author, pack, name, language, success_url, cancel_url } = new;
    let credits = pack.credits.to_string();
    let mut fields = vec![
        ("mode", "payment".to_owned()),
        ("success_url", (*success_url).to_owned()),
        ("cancel_url", (*cancel_url).to_owned()),
        ("locale", locale(*language).to_owned()),
        ("client_reference_id", author.to_string()),
        ("line_items[0][quantity]", "1".to_owned()),
        ("line_items[0][price_data][currency]", pack.price.currency.as_str().to_owned()),
        ("line_items[0][price_data][unit_amount]", pack.price.amount.to_string()),
        // The price includes the VAT.
        ("line_items[0][price_data][tax_behavior]", "inclusive".to_owned()),
        ("line_items[0][price_data][product_data][name]", (*name).to_owned()),
        ("metadata[author_id]", author.to_string()),
        ("metadata[pack]", pack.id.clone()),
        ("metadata[credits]", credits.clone()),
        // A refund or a dispute names the PaymentIntent, and not the session.
        ("payment_intent_data[metadata][author_id]", author.to_string()),
        ("payment_intent_data[metadata][pack]", pack.id.clone()),
        ("payment_intent_data[metadata][credits]", credits),
    ];
    if let Some(tax_code) = tax_code {
        fields.push(("managed_payments[enabled]", "true".to_owned()));
        fields.push(("line_items[0][price_data][product_data][tax_code]", tax_code.to_owned()));
    }
    fields
}

/// The language of the page. Stripe has no Arabic one: `auto` uses the browser's if Stripe has it.
fn locale(language: Language) -> &'static str {
    match language {
        Language::Ar => "auto",
        Language::Fr | Language::En | Language::Es | Language::Pt => language.code(),
    }
}

/// A form with unescaped brackets, as the official libraries write it.
pub(crate) fn form(fields: &[(&'static str, String)]) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        form.extend(form_urlencoded::byte_serialize(value.as_bytes()));
    }
    form
}
