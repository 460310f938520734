//! Errors as clients see them: `application/problem+json` (RFC 9457) with a stable `code`.

use std::any::Any;

use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::REQUEST_ID;

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// There is nothing here.
    NotFound,
    /// Our fault.
    Internal,
}

impl Code {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "There is nothing at this address."),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Something went wrong on our side. Try again later.",
            ),
        }
    }
}

/// An error a client sees.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    request_id: String,
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
    /// The same sentence as `detail`, for clients written against the guide.
    error: &'a str,
}

impl Problem {
    /// A problem of a request.
    pub fn new(code: Code, request_id: impl Into<String>) -> Self {
        Self { code, request_id: request_id.into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, detail) = self.code.parts();
        let body = ProblemBody {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            code,
            request_id: &self.request_id,
            error: detail,
        };
        let mut response = (status, Json(body)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// The answer to every address that is none of ours.
pub(crate) async fn not_found(request: Request) -> Problem {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    Problem::new(Code::NotFound, id)
}

/// Marks an answer that was made where the id of its request is not known.
#[derive(Clone)]
struct Nameless;

/// The answer when a handler panicked. What it said goes to the log of the panic hook, not to the client.
pub(crate) fn panicked(_panic: Box<dyn Any + Send + 'static>) -> Response {
    metrics::counter!("panics_total").increment(1);
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(Nameless);
    response
}

/// Writes the problem of an answer that is nameless, now that its headers name the request.
pub(crate) fn named(response: Response) -> Response {
    if response.extensions().get::<Nameless>().is_none() {
        return response;
    }
    let id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let problem = Problem::new(Code::Internal, id).into_response();
    let (mut head, _) = response.into_parts();
    let (written, body) = problem.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(written.headers);
    Response::from_parts(head, body)
}
