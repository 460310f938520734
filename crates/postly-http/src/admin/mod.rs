//! The operator's pages (RULES 1.5): on the operator's listener, protected by `ADMIN_PASSWORD`, in English,
//! without a script.
//!
//! Each form carries a token that only the pages of its own browser have. Each view of personal content and
//! each change is recorded in the audit log. Every change runs an operator's command.

mod act;
mod authors;
mod chart;
mod glance;
mod handoffs;
mod log;
mod login;
mod messages;
mod payments;
mod session;
mod stuck;
mod switches;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use postly_app::{App, admin::AdminAccess};

use crate::{
    pages::{assets, redirect},
    problem::Problem,
    site::Network,
};
use session::Operator;

/// The longest form: a reply to an author of 4,096 characters, each of three bytes, with every byte escaped.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The addresses of the pages.
pub(crate) const HOME: &str = "/admin";
pub(crate) const LOGIN: &str = "/admin/login";

pub(crate) const AUTHORS: &str = "/admin/authors";
pub(crate) const MESSAGES: &str = "/admin/messages";
pub(crate) const HANDOFFS: &str = "/admin/handoffs";
pub(crate) const STUCK: &str = "/admin/stuck";
pub(crate) const SWITCHES: &str = "/admin/switches";
pub(crate) const LOG: &str = "/admin/log";

/// The navigation: addresses and their names.
pub(crate) const NAVIGATION: [(&str, &str); 7] = [
    (HOME, "Today"),
    (AUTHORS, "Authors"),
    (MESSAGES, "Messages"),
    (HANDOFFS, "Handoffs"),
    (STUCK, "Stuck"),
    (SWITCHES, "Switches"),
    (LOG, "Log"),
];

/// The configuration of the operator's pages.
#[derive(Debug, Clone)]
pub struct AdminPages {
    /// The proof that the login requires.
    pub access: AdminAccess,
    /// The proxies that are trusted to send `X-Forwarded-For` and `X-Forwarded-Proto`.
    pub trusted_proxies: Vec<Network>,
}

/// The state of the handlers.
#[derive(Clone)]
struct AdminState {
    app: App,
    pages: Arc<AdminPages>,
}

pub(crate) fn router(app: App, pages: AdminPages) -> Router {
    Router::new()
        .merge(authors::router())
        .merge(glance::router())
        .merge(handoffs::router())
        .merge(log::router())
        .merge(login::router())
        .merge(messages::router())
        .merge(payments::router())
        .merge(stuck::router())
        .merge(switches::router())
        .merge(assets::router())
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .with_state(AdminState { app, pages: Arc::new(pages) })
}

/// The headers of every page. With `same-origin`, browsers send the origin of a form.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; \
         base-uri 'none'",
    ),
    (header::REFERRER_POLICY, "same-origin"),
];

fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, HEADERS, html).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// The layout of every page: the operator, and the token of its forms.
struct Shell {
    /// The name of the operator; `None` before the login.
    operator: Option<String>,
    form_token: String,
    /// The address of the page in the navigation.
    here: &'static str,
}

impl Shell {
    fn of(operator: &Operator, here: &'static str) -> Self {
        Self { operator: Some(operator.name().to_string()), form_token: operator.form_token.clone(), here }
    }

    fn is_at(&self, address: &str) -> bool {
        self.here == address
    }
}

#[derive(Template)]
#[template(path = "admin/message.html")]
struct MessagePage<'a> {
    s: Shell,
    title: &'a str,
    text: &'a str,
    /// The address of the link back.
    back: &'a str,
}

/// Responds with a page that shows one text.
fn say(status: StatusCode, shell: Shell, title: &str, text: &str, back: &str) -> Response {
    page(status, &MessagePage { s: shell, title, text, back })
}

/// Responds with the page for an unknown id.
fn not_found(operator: &Operator, back: &str) -> Response {
    let text = "Nothing has this id. It may be gone: messages are kept for a limited time.";
    say(StatusCode::NOT_FOUND, Shell::of(operator, ""), "Not found", text, back)
}
