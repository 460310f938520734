//! `/legal`, `/terms` and `/privacy`: templates in five languages, filled in with the operator's variables.

use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use postly_app::Legal;
use postly_i18n::Value;

use super::{frame::Frame, page, texts::Texts};
use crate::{extract::RequestContext, site::AppState};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/legal", get(async |state, visitor| show(state, &visitor, NOTICE)))
        .route("/terms", get(async |state, visitor| show(state, &visitor, TERMS)))
        .route("/privacy", get(async |state, visitor| show(state, &visitor, PRIVACY)))
}

/// A text in sections, with the keys `legal-NAME-1-title`, `legal-NAME-1` and so on.
#[derive(Clone, Copy)]
struct Document {
    name: &'static str,
    sections: usize,
}

const NOTICE: Document = Document { name: "notice", sections: 4 };
const TERMS: Document = Document { name: "terms", sections: 8 };
const PRIVACY: Document = Document { name: "privacy", sections: 7 };

#[derive(Template)]
#[template(path = "legal.html")]
struct LegalPage<'a> {
    t: &'a Texts,
    f: Frame,
    title: &'a str,
    sections: Vec<(String, String)>,
    /// The operator's own terms: a sentence and their address.
    own_terms: Option<(String, String)>,
}

fn show(State(state): State<AppState>, visitor: &RequestContext, document: Document) -> Response {
    let t = Texts::of_visitor(visitor);
    let legal = state.app.core.legal();
    let retention = state.app.core.retention();
    let days = |ms: i64| Value::Number(ms);
    let filled = Filled::new(t, legal);
    let values = [
        ("name", Value::Text(&filled.name)),
        ("address", Value::Text(&filled.address)),
        ("contact", Value::Text(&filled.contact)),
        ("events", days(retention.events_days)),
        ("messages", days(retention.messages_days)),
    ];
    let (title, here) = match document.name {
        "notice" => (&t.legal, "/legal"),
        "terms" => (&t.terms, "/terms"),
        _ => (&t.privacy, "/privacy"),
    };
    let own_terms = legal.terms_url.as_ref().filter(|_| document.name == "terms");
    let own_terms = own_terms.map(|url| (t.format("legal-own-terms", &values), url.clone()));
    // Shown alone, because two texts of terms would contradict each other.
    let sections = if own_terms.is_some() { 0 } else { document.sections };
    let section = |number: usize| {
        let key = format!("legal-{}-{number}", document.name);
        (t.format(&format!("{key}-title"), &[]), t.format(&key, &values))
    };
    let sections = (1..=sections).map(section).collect();
    page(StatusCode::OK, &LegalPage { t, f: Frame::of(visitor, here), title, sections, own_terms })
}

/// The variables of the operator, with a neutral sentence for each missing one.
struct Filled {
    name: String,
    address: String,
    contact: String,
}

impl Filled {
    fn new(t: &Texts, legal: &Legal) -> Self {
        let text = |key: &str| t.format(key, &[]);
        Self {
            name: legal.name.clone().unwrap_or_else(|| text("legal-operator")),
            address: legal.address.clone().unwrap_or_else(|| text("legal-unset")),
            contact: match &legal.support_email {
                Some(email) => t.format("legal-contact", &[("email", Value::Text(email))]),
                None => text("legal-no-contact"),
            },
        }
    }
}
