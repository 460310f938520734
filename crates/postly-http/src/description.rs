//! `/api/openapi.json` and `/api/docs`: the description of the API, generated from the code.

use std::sync::LazyLock;

use askama::Template;
use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, Ref, RefOr, ResponseBuilder,
        path::{Operation, Parameter, ParameterIn},
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::{
    extract::RequestContext,
    pages::{Frame, Texts, page},
    problem::{PROBLEM_TYPE, ProblemBody},
    site::AppState,
};

pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/api/openapi.json", get(json)).route("/api/docs", get(docs))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Postly-AI",
        description = "Briefs become posts, paid from the balance that WhatsApp shares. A program bears an API token \
                       (`Authorization: Bearer …`), a browser the session cookie. Times are RFC 3339 in UTC; lists are \
                       newest first, with `?cursor=` the last `next`. Errors are `application/problem+json` with a \
                       stable `code`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        crate::auth::request_otp,
        crate::auth::verify_otp,
        crate::auth::open_link,
        crate::auth::new_phrase,
        crate::auth::verify_phrase,
        crate::auth::sign_up,
        crate::auth::log_in,
        crate::auth::log_out,
        crate::auth::sessions,
        crate::auth::end_sessions,
        crate::auth::show_session,
        crate::auth::end_session,
        crate::me::show,
        crate::me::change,
        crate::me::erase,
        crate::me::export,
        crate::me::credits,
        crate::generations::create,
        crate::generations::list,
        crate::generations::show,
        crate::generations::mark_used,
        crate::generations::refine,
        crate::events::watch,
        crate::brand::show,
        crate::brand::replace,
        crate::tokens::make,
        crate::tokens::list,
        crate::tokens::revoke,
        crate::billing::packs,
        crate::billing::checkout,
        crate::pages::credits::csv,
    ),
    components(schemas(ProblemBody<'_>)),
    modifiers(&Security, &Problems),
)]
struct Description;

/// Adds the two security schemes: token and session.
struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let session =
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("__Secure-next-auth.session-token")));
        components.add_security_scheme("token", token);
        components.add_security_scheme("session", session);
    }
}

/// Adds the problems that operations have in common, and a schema for every problem.
struct Problems;

/// The component for problems that an operation does not describe itself.
const PROBLEM: &str = "Problem";

impl Modify for Problems {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let body = Content::new(Some(RefOr::Ref(Ref::from_schema_name("ProblemBody"))));
        let components = openapi.components.get_or_insert_default();
        let problem = ResponseBuilder::new()
            .description("A problem; its `code` says which.")
            .content(PROBLEM_TYPE, body.clone())
            .build();
        components.responses.insert(PROBLEM.to_owned(), RefOr::T(problem));
        for (path, item) in &mut openapi.paths.paths {
            let reads = item.get.as_mut().map(|operation| (operation, true));
            let changes = [&mut item.post, &mut item.patch, &mut item.delete, &mut item.put];
            let changes = changes.into_iter().flatten().map(|operation| (operation, false));
            for (operation, reads) in reads.into_iter().chain(changes) {
                let common = common_problems(path, operation, reads);
                let responses = &mut operation.responses.responses;
                for response in responses.iter_mut().filter(|(status, _)| is_problem(status)) {
                    if let (_, RefOr::T(response)) = response {
                        response.content.insert(PROBLEM_TYPE.to_owned(), RefOr::T(body.clone()));
                    }
                }
                for status in common {
                    let problem = RefOr::Ref(Ref::from_response_name(PROBLEM));
                    responses.entry(status.to_string()).or_insert(problem);
                }
                let late = ResponseBuilder::new().description("The request took longer than 30 s.").build();
                responses.insert("408".to_owned(), RefOr::T(late));
            }
        }
    }
}

/// Returns the statuses of problems that an operation may have: for parameters or a body, for required proof,
/// and for any operation.
fn common_problems(path: &str, operation: &Operation, reads: bool) -> Vec<u16> {
    let has_body = operation.request_body.is_some();
    // A path with an unknown id is 404, not 400.
    let is_read = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => parameter.parameter_in != ParameterIn::Path,
        RefOr::Ref(_) => true,
    };
    let has_parameters = operation.parameters.iter().flatten().any(is_read);
    let conditions = [
        (400, has_body || has_parameters),
        (401, operation.security.is_some()),
        (403, !reads),
        (404, path.contains("{id}")),
        (413, has_body),
        (415, has_body),
        (500, true),
        (503, true),
    ];
    conditions.into_iter().filter_map(|(status, holds)| holds.then_some(status)).collect()
}

fn is_problem(status: &str) -> bool {
    status.starts_with(['4', '5'])
}

/// The description as served, and as checked in.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = serde_json::to_string_pretty(&Description::openapi()).unwrap_or_default();
    text.push('\n');
    text
});

async fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// An operation on the documentation page.
struct Described {
    method: String,
    path: String,
    summary: String,
    fields: Vec<Field>,
    responses: Vec<(String, String)>,
}

/// A parameter or a field of the body.
struct Field {
    name: String,
    place: &'static str,
    kind: String,
    required: bool,
    description: String,
}

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage<'a> {
    t: &'a Texts,
    f: Frame,
    lead: String,
    groups: Vec<(&'static str, Vec<Described>)>,
}

async fn docs(visitor: RequestContext) -> Response {
    let t = Texts::of_visitor(&visitor);
    let described: Value = serde_json::from_str(&TEXT).unwrap_or_default();
    let lead = text(&described, "/info/description").replace('`', "");
    let groups = ["posts", "account", "codes", "money"].map(|tag| (tag, operations(&described, tag)));
    page(StatusCode::OK, &DocsPage { t, f: Frame::of(&visitor, "/api/docs"), lead, groups: groups.into() })
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn operations(described: &Value, tag: &str) -> Vec<Described> {
    let paths = described.get("paths").and_then(Value::as_object).into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, operation)| (path, method, operation))
    });
    all.filter(|(_, _, operation)| operation.pointer("/tags/0").and_then(Value::as_str) == Some(tag))
        .map(|(path, method, operation)| Described {
            method: method.to_uppercase(),
            path: path.clone(),
            summary: [text(operation, "/summary"), text(operation, "/description")]
                .join("\n")
                .trim()
                .to_owned(),
            fields: parameters(operation).chain(body_fields(described, operation)).collect(),
            responses: responses(operation),
        })
        .collect()
}

fn parameters(operation: &Value) -> impl Iterator<Item = Field> {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    parameters.map(|parameter| Field {
        name: text(parameter, "/name"),
        place: match parameter.get("in").and_then(Value::as_str) {
            Some("path") => "path",
            Some("header") => "header",
            _ => "query",
        },
        kind: "string".to_owned(),
        required: parameter.get("required").and_then(Value::as_bool).unwrap_or(false),
        description: text(parameter, "/description"),
    })
}

fn body_fields(described: &Value, operation: &Value) -> Vec<Field> {
    let name = text(operation, "/requestBody/content/application~1json/schema/$ref");
    let Some(schema) = name.strip_prefix('#').and_then(|pointer| described.pointer(pointer)) else {
        return vec![];
    };
    let required = |name: &str| {
        let list = schema.get("required").and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|found| found == name))
    };
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties
        .map(|(name, property)| Field {
            name: name.clone(),
            place: "body",
            kind: match property.get("type") {
                Some(Value::String(one)) => one.clone(),
                Some(Value::Array(several)) => {
                    several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")
                }
                _ => String::new(),
            },
            required: required(name),
            description: text(property, "/description"),
        })
        .collect()
}

fn responses(operation: &Value) -> Vec<(String, String)> {
    let responses = operation.get("responses").and_then(Value::as_object).into_iter().flatten();
    // Common problems are in the description only, not on the page.
    responses
        .filter(|(status, response)| *status != "408" && response.get("$ref").is_none())
        .map(|(status, response)| (status.clone(), text(response, "/description")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares `docs/openapi.json` with the code. `POSTLY_ACCEPT=1` rewrites the file.
    #[test]
    fn the_description_that_is_checked_in_is_that_of_the_code() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        if std::env::var_os("POSTLY_ACCEPT").is_some() {
            std::fs::write(file, TEXT.as_str()).unwrap();
        }
        let known = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            known == *TEXT,
            "docs/openapi.json is old: run this test with POSTLY_ACCEPT=1 and look at the difference"
        );
    }

    #[test]
    fn every_operation_is_on_the_page_with_its_fields() {
        let described: Value = serde_json::from_str(&TEXT).unwrap();
        assert_eq!(described["openapi"], "3.1.0");
        let tags = ["posts", "account", "codes", "money"];
        let all: Vec<Described> = tags.iter().flat_map(|tag| operations(&described, tag)).collect();
        let count: usize = described["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|item| item.as_object().unwrap().len())
            .sum();
        assert_eq!(all.len(), count);
        let create =
            all.iter().find(|found| found.method == "POST" && found.path == "/api/generations").unwrap();
        let names: Vec<_> = create.fields.iter().map(|field| (field.name.as_str(), field.required)).collect();
        assert_eq!(
            names,
            [
                ("Idempotency-Key", true),
                ("brief", true),
                ("language", false),
                ("platform", false),
                ("tone", false)
            ]
        );
        assert!(all.iter().all(|found| !found.summary.is_empty() && !found.responses.is_empty()));
    }
}
