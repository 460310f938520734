//! The pages of the simulated Stripe: the payment page of a buyer, and a page that triggers events in a demo.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::reply::Reply;
use crate::server::Call;
use crate::stripe::{self, Payment, Session};
use crate::stripe_events::{self, StripeEvent};
use crate::world::World;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f6f9fc;color:#1a1f36}\
main{max-width:32rem;margin:0 auto;padding:1.5rem}section{background:#fff;border:1px solid #e3e8ee;border-radius:.75rem;\
padding:1.25rem;margin:0 0 1rem}h1{font-size:1.9rem;margin:.2rem 0}button{font:inherit;padding:.7rem 1rem;border-radius:.5rem;\
border:1px solid #635bff;background:#635bff;color:#fff;width:100%;margin:.3rem 0;cursor:pointer}\
button.second{background:#fff;color:#4f46e5}.badge{background:#ffde92;color:#5c3a00;border-radius:.3rem;padding:.1rem .5rem;\
font-size:.8rem;font-weight:700}.bad{color:#b3093c;font-weight:600}ul{list-style:none;padding:0;margin:0}li form{display:inline}\
li button{width:auto;padding:.3rem .6rem;margin:.1rem;font-size:.85rem}code{overflow-wrap:anywhere;font-size:.8rem}";
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
/// The number of tries of an event, and the pause before the first retry; it doubles.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);
/// The number of sessions on the page for the demo.
const SHOWN: usize = 20;

/// Returns true if a path belongs to these pages.
pub(crate) fn owns(path: &str) -> bool {
    path == "/stripe" || path.starts_with("/stripe/") || path.starts_with("/c/pay/")
}

/// Answers the requests of the pages.
pub(crate) fn answer(world: &Arc<World>, call: &Call) -> Reply {
    // A browser names the origin of a form, so that another site cannot trigger an action.
    let foreign = call.header("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let segments: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    match (call.method.as_str(), segments.as_slice()) {
        ("GET", ["c", "pay", id]) => pay_page(world, id, ""),
        ("POST", ["c", "pay", id]) if !foreign => pay(world, id, &field(call, "with")),
        ("GET", ["stripe"]) => desk(world),
        ("GET", ["stripe", "receipt", charge]) => receipt(world, charge),
        ("POST", ["stripe", id]) if !foreign => act(world, id, &field(call, "do")),
        _ => page(404, "<main><section>404</section></main>"),
    }
}

fn field(call: &Call, name: &str) -> String {
    let mut fields = form_urlencoded::parse(&call.body);
    fields.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn page(status: u16, body: &str) -> Reply {
    let html = format!(
        "<!doctype html><html lang=\"fr\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>Paiement · Stripe simulé</title>\
         <style>{STYLE}</style></head><body>{body}</body></html>"
    );
    Reply::new(status, "text/html; charset=utf-8", html)
        .with_header("content-security-policy", POLICY)
        .with_header("cache-control", "no-store")
        .with_header("x-content-type-options", "nosniff")
}

fn redirect(to: &str) -> Reply {
    Reply::new(303, "text/plain", "").with_header("location", to)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn price(session: &Session) -> String {
    let (whole, minor) = (session.amount / 100, session.amount % 100);
    format!("{whole},{minor:02} {}", session.currency.to_uppercase())
}

fn pay_page(world: &World, id: &str, said: &str) -> Reply {
    let account = world.stripe();
    let Some(session) = account.sessions.iter().find(|session| session.id == id) else {
        return page(404, "<main><section>Cette session n’existe pas.</section></main>");
    };
    let product = escaped(session.field("line_items[0][price_data][product_data][name]"));
    if session.status != "open" {
        return page(
            200,
            "<main><section><p>Cette session n’est plus ouverte : elle est payée ou a expiré.</p></section></main>",
        );
    }
    let said =
        if said.is_empty() { String::new() } else { format!("<p class=\"bad\" role=\"alert\">{said}</p>") };
    let buttons: String = [
        ("card", "", "Payer par carte"),
        ("declined", " class=\"second\"", "Payer avec une carte refusée"),
        ("delayed", " class=\"second\"", "Payer par prélèvement SEPA (quelques jours)"),
        ("cancel", " class=\"second\"", "Revenir sans payer"),
    ]
    .into_iter()
    .fold(String::new(), |mut buttons, (with, class, label)| {
        let _ = write!(buttons, "<button name=\"with\" value=\"{with}\"{class}>{label}</button>");
        buttons
    });
    page(
        200,
        &format!(
            "<main><p><span class=\"badge\">SIMULÉ</span> Aucun argent ne bouge.</p><section><p>{product}</p>\
             <h1>{}</h1>{said}<form method=\"post\">{buttons}</form></section></main>",
            price(session)
        ),
    )
}

fn receipt(world: &World, charge: &str) -> Reply {
    let account = world.stripe();
    let paid =
        account.sessions.iter().find(|session| session.charge.as_ref().is_some_and(|of| of.id == charge));
    let Some(session) = paid else {
        return page(404, "<main><section>Ce reçu n’existe pas.</section></main>");
    };
    let product = escaped(session.field("line_items[0][price_data][product_data][name]"));
    page(
        200,
        &format!(
            "<main><p><span class=\"badge\">SIMULÉ</span> Reçu</p><section><p>{product}</p><h1>{}</h1><p>Payé par carte. \
             <code>{charge}</code></p></section></main>",
            price(session)
        ),
    )
}

fn pay(world: &Arc<World>, id: &str, with: &str) -> Reply {
    let urls = {
        let account = world.stripe();
        let session = account.sessions.iter().find(|session| session.id == id);
        session
            .map(|session| (session.field("success_url").to_owned(), session.field("cancel_url").to_owned()))
    };
    let Some((success, cancel)) = urls else { return pay_page(world, id, "") };
    let payment = match with {
        "card" => Payment::Card,
        "delayed" => Payment::Delayed,
        "cancel" => return redirect(if cancel.is_empty() { "/stripe" } else { &cancel }),
        _ => return pay_page(world, id, "Votre carte a été refusée."),
    };
    let events = stripe::change(world, id, |session| stripe::pay(session, payment));
    follow(world, events);
    redirect(&success.replace("{CHECKOUT_SESSION_ID}", id))
}

/// Delivers the events of a change, unless they are held back.
pub(crate) fn follow(world: &Arc<World>, events: Vec<StripeEvent>) {
    if !world.stripe().holds_events {
        send(world, events);
    }
}

/// Delivers events in the background until the service takes them, within limits.
fn send(world: &Arc<World>, events: Vec<StripeEvent>) {
    let world = Arc::clone(world);
    tokio::spawn(async move {
        for event in events {
            let mut pause = PAUSE;
            for _ in 0..TRIES {
                let status = stripe_events::deliver(&world, &event).await.status;
                if (200..300).contains(&status) || world.stopped() {
                    break;
                }
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    });
}

fn desk(world: &World) -> Reply {
    let account = world.stripe();
    let mut items = String::new();
    for session in account.sessions.iter().rev().take(SHOWN) {
        let mut actions = String::new();
        for (what, label) in actions_of(session) {
            let _ = write!(
                actions,
                "<form method=\"post\" action=\"/stripe/{}\"><button class=\"second\" name=\"do\" value=\"{what}\">{label}</button></form>",
                session.id
            );
        }
        let _ = write!(
            items,
            "<li><section><p><b>{}</b> · {} · {} / {}</p><p><code>{}</code></p>{actions}</section></li>",
            price(session),
            escaped(session.field("line_items[0][price_data][product_data][name]")),
            session.status,
            session.payment_status,
            session.id
        );
    }
    if items.is_empty() {
        items.push_str(
            "<li><section>Aucun paiement pour le moment. Écrivez RECHARGER sur le téléphone.</section></li>",
        );
    }
    let (hold, hold_label) = match account.holds_events {
        false => ("hold", "Retenir les événements suivants"),
        true => ("release", "Ne plus retenir les événements"),
    };
    let mut events = String::new();
    for event in account.events.iter().rev().take(SHOWN) {
        let _ = write!(
            events,
            "<li><form method=\"post\" action=\"/stripe/{}\"><button class=\"second\" name=\"do\" value=\"send\">Envoyer {}</button></form></li>",
            event.id,
            escaped(&event.kind)
        );
    }
    page(
        200,
        &format!(
            "<main><p><span class=\"badge\">SIMULÉ</span> Ce que Stripe ferait.</p><h1>Paiements</h1><ul>{items}</ul><section>\
             <h2>Événements</h2><ul>{events}</ul>\
             <form method=\"post\" action=\"/stripe/all\"><button class=\"second\" name=\"do\" value=\"{hold}\">{hold_label}</button>\
             <button class=\"second\" name=\"do\" value=\"thin\">Envoyer un événement « thin »</button>\
             <button class=\"second\" name=\"do\" value=\"again\">Tout renvoyer, dans l’ordre inverse</button></form></section></main>"
        ),
    )
}

/// Returns the actions that are possible for a session.
fn actions_of(session: &Session) -> Vec<(&'static str, &'static str)> {
    let mut actions = vec![];
    if session.status == "open" {
        actions.push(("expire", "Expirer"));
    }
    if session.intent_status == "processing" {
        actions.extend([("succeed", "Prélèvement réussi"), ("fail", "Prélèvement échoué")]);
    }
    if session.charge.is_some() {
        actions.extend([
            ("refund_half", "Rembourser la moitié"),
            ("refund", "Rembourser le reste"),
            ("fail_refund", "Échec du remboursement"),
            ("dispute", "Litige"),
            ("won", "Litige gagné"),
            ("lost", "Litige perdu"),
        ]);
    }
    actions
}

fn act(world: &Arc<World>, id: &str, what: &str) -> Reply {
    match what {
        "hold" | "release" => world.stripe().holds_events = what == "hold",
        "thin" => send(world, vec![stripe_events::thin("v1.checkout.session.completed")]),
        "again" => send(world, world.stripe().events.iter().rev().cloned().collect()),
        "send" => send(world, world.stripe().events.iter().filter(|event| event.id == id).cloned().collect()),
        _ => follow(world, change(world, id, what)),
    }
    redirect("/stripe")
}

/// Makes a change to a session, and returns its events.
fn change(world: &World, id: &str, what: &str) -> Vec<StripeEvent> {
    stripe::change(world, id, |session| {
        let left = session.amount - session.charge.as_ref().map_or(0, stripe::Charge::refunded);
        match what {
            "expire" => stripe::expire(session),
            "succeed" => stripe::settle(session, true),
            "fail" => stripe::settle(session, false),
            "refund_half" if left > 0 => stripe::refund(session, (session.amount / 2).min(left)),
            "refund" if left > 0 => stripe::refund(session, left),
            "fail_refund" => stripe::fail_refund(session),
            "dispute" => stripe::dispute(session, session.amount, false),
            "won" | "lost" => stripe::close_dispute(session, what),
            _ => vec![],
        }
    })
}
