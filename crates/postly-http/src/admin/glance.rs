//! `/admin`: the state of the service.

use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use postly_app::{
    PauseTarget,
    admin::{Figures, Glance},
};
use postly_domain::{Currency, Language, Money, UnixMillis};

use super::{AdminState, HOME, Shell, chart::Chart, page, session::Operator};
use crate::{pages::moment::Moment, problem::Problem};

pub(super) fn router() -> Router<AdminState> {
    Router::new().route(HOME, get(show))
}

#[derive(Template)]
#[template(path = "admin/glance.html")]
struct GlancePage {
    s: Shell,
    now: Moment,
    received: i64,
    answered: i64,
    failures: i64,
    dead: i64,
    undelivered: i64,
    sold: i64,
    spent: i64,
    refunded: i64,
    revenue: String,
    model_cost: String,
    whatsapp_cost: String,
    margin: String,
    queues: Vec<(&'static str, i64, String)>,
    alerts: Vec<(String, String, Moment)>,
    notes: Vec<String>,
    chart: Chart,
}

async fn show(State(state): State<AdminState>, operator: Operator) -> Result<Response, Problem> {
    let glance = state.app.admin.glance().await?;
    let today = glance.today();
    let queues = glance.queues.iter().map(|state| {
        let age =
            state.oldest_at.map_or_else(|| "–".to_owned(), |oldest| duration(glance.now.since_ms(oldest)));
        (state.queue.as_str(), state.depth, age)
    });
    let alerts = glance.alerts.iter();
    let shown = GlancePage {
        s: Shell::of(&operator, HOME),
        now: Moment::new(glance.now),
        received: today.get("received"),
        answered: today.get("answered"),
        failures: today.get("dead") + today.get("undelivered"),
        dead: today.get("dead"),
        undelivered: today.get("undelivered"),
        sold: today.get("sold"),
        spent: today.get("spent"),
        refunded: today.get("refunded"),
        revenue: revenue(&today),
        model_cost: model_cost(&today),
        whatsapp_cost: whatsapp_cost(&today),
        margin: margin(&today),
        queues: queues.collect(),
        alerts: alerts
            .map(|alert| (alert.name.clone(), alert.subject.clone(), Moment::new(alert.since)))
            .collect(),
        notes: notes(&glance),
        chart: Chart::of(&glance.days),
    };
    Ok(page(StatusCode::OK, &shown))
}

/// Returns an amount in English notation, with the code of an unknown currency.
fn money(currency: &str, amount: i64) -> String {
    match Currency::parse(currency) {
        Some(currency) => Money { amount, currency }.display(Language::En),
        None => format!("{amount} {currency}"),
    }
}

fn revenue(today: &Figures) -> String {
    let all: Vec<String> = today.revenue().map(|(currency, amount)| money(currency, amount)).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(" + ") }
}

/// Returns an amount in dollars, to the hundredth of a cent. The unit of `microunits` is a millionth of a
/// dollar.
pub(super) fn dollars(microunits: i64) -> String {
    let sign = if microunits < 0 { "-" } else { "" };
    let units = microunits.unsigned_abs() / 100;
    format!("{sign}${}.{:04}", units / 10_000, units % 10_000)
}

fn model_cost(today: &Figures) -> String {
    let unpriced = match today.get("unpriced") {
        0 => String::new(),
        unpriced => format!(", and {unpriced} of {} calls have no known price", today.get("calls")),
    };
    format!("{}{unpriced}", dollars(today.get("price")))
}

/// Describes the cost of WhatsApp messages. Providers report no price, only the category of a message and if
/// it is billed.
fn whatsapp_cost(today: &Figures) -> String {
    let (sends, told, billable) = (today.get("sends"), today.get("told"), today.get("billable"));
    if sends == 0 {
        return "nothing was sent".to_owned();
    }
    format!(
        "not known: the providers tell no price. Of {sends} sends they classified {told} and bill {billable}"
    )
}

/// Returns the revenue less the cost of models. Amounts of several currencies are not converted.
fn margin(today: &Figures) -> String {
    let cost = today.get("price");
    let revenue: Vec<(&str, i64)> = today.revenue().collect();
    match revenue.as_slice() {
        [] => dollars(-cost),
        // One cent is 10,000 microunits.
        [("usd", cents)] => dollars(cents.saturating_mul(10_000) - cost),
        _ => format!("{} less {} (not converted)", self::revenue(today), dollars(cost)),
    }
}

/// Returns a duration in its two largest units.
pub(super) fn duration(millis: i64) -> String {
    let secs = millis.max(0) / 1_000;
    match (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60, secs % 60) {
        (0, 0, 0, secs) => format!("{secs} s"),
        (0, 0, minutes, secs) => format!("{minutes} min {secs} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, _, _) => format!("{days} d {hours} h"),
    }
}

/// Returns conditions that the operator should know before reading the figures.
fn notes(glance: &Glance) -> Vec<String> {
    let mut notes = vec![];
    for target in [PauseTarget::Generation, PauseTarget::Meta, PauseTarget::Twilio] {
        if let Some(since) = glance.pauses.of(target) {
            let since: UnixMillis = since;
            notes.push(format!(
                "{} is paused by an operator since {}",
                target.as_str(),
                Moment::new(since).shown
            ));
        }
    }
    if let Some(since) = glance.database_fails_since {
        let age = duration(glance.now.since_ms(since));
        notes.push(format!("the database has taken no write for {age}: webhooks are refused; `postly doctor` looks at the disk"));
    }
    for failure in &glance.failures {
        let age = duration(glance.now.since_ms(failure.since));
        notes.push(match failure.upstream.as_str() {
            // It may answer and refuse.
            "model" => format!("no call of the model has succeeded for {age}: see model_rejected in the log"),
            upstream => format!("{upstream} has not answered for {age}"),
        });
    }
    for (provider, senders) in &glance.paused_senders {
        notes.push(format!(
            "{provider} does not let {senders} of our numbers send: sender_stopped in the log says why, and what to do"
        ));
    }
    for (of, count) in &glance.refused_signatures {
        notes.push(format!(
            "{count} webhooks signed as of {of} were refused, and none verified since: is its secret right?"
        ));
    }
    if glance.handoffs > 0 {
        notes.push(format!("Conversations that ask for a person: {}", glance.handoffs));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_durations_are_written_for_people() {
        assert_eq!(dollars(1_234_567), "$1.2345");
        assert_eq!(dollars(-20_000), "-$0.0200");
        assert_eq!(dollars(0), "$0.0000");
        for (millis, expected) in [
            (-5, "0 s"),
            (59_999, "59 s"),
            (61_000, "1 min 1 s"),
            (3_600_000, "1 h 0 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(millis), expected);
        }
    }
}
