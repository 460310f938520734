//! Errors as clients see them: `application/problem+json` (RFC 9457) with a stable `code`.

use std::{any::Any, borrow::Cow};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use postly_app::StoreError;
use postly_domain::metric;
use serde::Serialize;

use crate::REQUEST_ID;

/// The stable codes of problems, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The address does not exist.
    NotFound,
    /// The address does not accept this method.
    MethodNotAllowed,
    /// The body is not the expected JSON object.
    InvalidRequest,
    /// The body is not JSON.
    NotJson,
    /// The body is too long.
    TooLarge,
    /// A browser sent the request from another site.
    CrossSite,
    /// The request has no valid session or token.
    Unauthenticated,
    /// The session belongs to another author.
    Forbidden,
    /// The phone number cannot be parsed.
    InvalidPhone,
    /// The code is invalid. The cause is not disclosed.
    InvalidCode,
    /// The number belongs to another full account.
    NumberTaken,
    /// The e-mail address cannot be parsed.
    InvalidEmail,
    /// The password is too short or too common.
    WeakPassword,
    /// The e-mail address already has an account.
    EmailTaken,
    /// The address is unknown or the password is wrong. The response does not tell the two apart.
    InvalidCredentials,
    /// The old password is missing, and no number was proved recently.
    ProofNeeded,
    /// Too many requests.
    RateLimited,
    /// The text is a command, small talk or off topic.
    NotABrief,
    /// The brief is too vague.
    BriefTooVague,
    /// The service does not write about the topic of the brief.
    BriefRefused,
    /// The Idempotency-Key is missing, empty or too long.
    IdempotencyKeyNeeded,
    /// The Idempotency-Key was used for another request.
    IdempotencyMismatch,
    /// No credit is available.
    InsufficientCredits,
    /// The generation failed; nothing is charged.
    GenerationFailed,
    /// The WhatsApp number of the service is not known yet.
    NoWhatsapp,
    /// No pack has this id.
    UnknownPack,
    /// The link is unknown or has expired.
    InvalidLink,
    /// Stripe did not create a Checkout Session.
    PaymentUnavailable,
    /// The name of a token is empty, too long, or not one line.
    InvalidName,
    /// The brand memory exceeds a limit.
    BrandTooLong,
    /// The author has the maximum number of tokens.
    TooManyTokens,
    /// The database does not respond. A retry may succeed.
    Unavailable,
    /// An internal error of the service.
    Internal,
}

impl Code {
    /// Returns the code as programs see it.
    pub(crate) fn name(self) -> &'static str {
        self.parts().1
    }

    /// Returns the sentence for people.
    pub(crate) fn detail(self) -> &'static str {
        self.parts().2
    }

    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "There is nothing at this address."),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This address does not know this method.",
            ),
            Self::InvalidRequest => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "The body is not the JSON object that is asked for: a field is missing, unknown or of another kind.",
            ),
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send JSON, with Content-Type: application/json.",
            ),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too long."),
            Self::CrossSite => {
                (StatusCode::FORBIDDEN, "cross_site", "This can only be done from our own pages.")
            }
            Self::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, "unauthenticated", "Connectez-vous pour continuer.")
            }
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Ce compte n'est pas le vôtre."),
            Self::InvalidPhone => (
                StatusCode::BAD_REQUEST,
                "invalid_phone",
                "Numéro de téléphone invalide : écrivez-le avec son indicatif, par exemple +33 6 12 34 56 78.",
            ),
            Self::InvalidCode => (StatusCode::BAD_REQUEST, "invalid_code", "Code invalide ou expiré"),
            Self::NumberTaken => {
                (StatusCode::CONFLICT, "number_taken", "Ce numéro est déjà lié à un autre compte.")
            }
            Self::InvalidEmail => (
                StatusCode::BAD_REQUEST,
                "invalid_email",
                "Adresse e-mail invalide : écrivez-la comme nom@exemple.fr.",
            ),
            Self::WeakPassword => (
                StatusCode::BAD_REQUEST,
                "weak_password",
                "Choisissez un mot de passe de 8 caractères au moins, et pas l'un des plus courants.",
            ),
            Self::EmailTaken => {
                (StatusCode::CONFLICT, "email_taken", "Cette adresse e-mail a déjà un compte.")
            }
            Self::InvalidCredentials => {
                (StatusCode::BAD_REQUEST, "invalid_credentials", "Adresse e-mail ou mot de passe incorrect.")
            }
            Self::ProofNeeded => (
                StatusCode::FORBIDDEN,
                "proof_needed",
                "Donnez votre mot de passe actuel, ou reconnectez-vous par WhatsApp.",
            ),
            Self::NotABrief => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "not_a_brief",
                "Décrivez ce que vous voulez annoncer : rien n'a été débité.",
            ),
            Self::BriefTooVague => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "brief_too_vague",
                "Dites-en un peu plus : l'offre, la date, le réseau. Rien n'a été débité.",
            ),
            Self::BriefRefused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "brief_refused",
                "Nous n'écrivons pas de posts à ce sujet. Rien n'a été débité.",
            ),
            Self::IdempotencyKeyNeeded => (
                StatusCode::BAD_REQUEST,
                "idempotency_key_needed",
                "Envoyez un en-tête Idempotency-Key de 1 à 255 octets, nouveau pour chaque demande.",
            ),
            Self::IdempotencyMismatch => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_mismatch",
                "Cette Idempotency-Key a déjà servi à une autre demande.",
            ),
            Self::InsufficientCredits => {
                (StatusCode::PAYMENT_REQUIRED, "insufficient_credits", "Crédits insuffisants.")
            }
            Self::GenerationFailed => (
                StatusCode::BAD_GATEWAY,
                "generation_failed",
                "Erreur lors de la génération. Réessayez plus tard. Aucun crédit n'a été débité.",
            ),
            Self::RateLimited => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "Trop de demandes. Réessayez dans quelques minutes.",
            ),
            Self::NoWhatsapp => (
                StatusCode::NOT_FOUND,
                "no_whatsapp",
                "Notre numéro WhatsApp n'est pas encore connu. Demandez un code.",
            ),
            Self::UnknownPack => (StatusCode::BAD_REQUEST, "unknown_pack", "Ce pack n'existe pas."),
            Self::InvalidLink => (
                StatusCode::BAD_REQUEST,
                "invalid_link",
                "Ce lien n'est plus valable. Écrivez RECHARGER sur WhatsApp pour en recevoir un autre.",
            ),
            Self::PaymentUnavailable => (
                StatusCode::BAD_GATEWAY,
                "payment_unavailable",
                "Le paiement n'est pas disponible pour le moment. Rien n'a été débité.",
            ),
            Self::InvalidName => (
                StatusCode::BAD_REQUEST,
                "invalid_name",
                "Donnez un nom de 1 à 60 caractères, sur une ligne.",
            ),
            Self::BrandTooLong => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "brand_too_long",
                "20 faits de 200 caractères, 30 mots interdits de 60, une signature de 160 caractères, le reste 80 sur une ligne.",
            ),
            Self::TooManyTokens => (
                StatusCode::CONFLICT,
                "too_many_tokens",
                "Vous avez déjà 10 jetons : révoquez-en un avant d'en créer un autre.",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Service momentanément indisponible. Réessayez dans un instant.",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Something went wrong on our side. Try again later.",
            ),
        }
    }
}

/// An error for a client. Its body is written when the response leaves, because the id of the request is
/// known only then.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    retry_after_s: Option<i64>,
}

/// A problem as it is written.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ProblemBody<'a> {
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
    /// Makes a problem with the sentence of its code.
    pub fn new(code: Code) -> Self {
        Self { code, detail: Cow::Borrowed(code.detail()), retry_after_s: None }
    }

    /// Makes a problem with its own sentence, in the author's language.
    pub(crate) fn with_detail(code: Code, detail: String) -> Self {
        Self { detail: Cow::Owned(detail), ..Self::new(code) }
    }

    /// Makes a problem for too many requests; a retry may succeed after `retry_after_s` seconds.
    pub fn rate_limited(retry_after_s: i64) -> Self {
        Self { retry_after_s: Some(retry_after_s.max(1)), ..Self::new(Code::RateLimited) }
    }

    /// Makes a problem for too much load: a retry may succeed soon.
    pub(crate) fn busy() -> Self {
        Self { retry_after_s: Some(UNAVAILABLE_SECS), ..Self::new(Code::Unavailable) }
    }

    /// Returns the body for a request with this id.
    pub(crate) fn body<'a>(&'a self, request_id: &'a str) -> ProblemBody<'a> {
        let (status, code, _) = self.code.parts();
        let detail = self.detail.as_ref();
        ProblemBody {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            code,
            request_id,
            error: detail,
        }
    }

    /// Returns the number of seconds after which a retry may succeed.
    #[cfg(feature = "mcp")]
    pub(crate) fn retry_after_s(&self) -> Option<i64> {
        self.retry_after_s
    }

    /// Returns the code.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// Returns the HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.code.parts().0
    }

    /// Makes a problem for an internal error. The error is logged, not sent to the client.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, source = error.source(), "A request failed");
        Self::new(Code::Internal)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_temporary() {
            tracing::info!(%error, source = std::error::Error::source(&error), "A request found no database");
            return Self::busy();
        }
        Self::internal(&error)
    }
}

/// The media type of problems (RFC 9457).
pub(crate) const PROBLEM_TYPE: &str = "application/problem+json";

/// The delay before a retry after [`Code::Unavailable`], in seconds: longer than a load peak, shorter than a
/// failover.
const UNAVAILABLE_SECS: i64 = 5;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.parts().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The response for every unknown address.
pub(crate) async fn not_found() -> Problem {
    Problem::new(Code::NotFound)
}

/// The response for every method that an address does not accept.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed)
}

/// The response for a panic of a handler. The message of the panic is written to the log by the panic hook,
/// not sent to the client.
pub(crate) fn panicked(_panic: Box<dyn Any + Send + 'static>) -> Response {
    metrics::counter!(metric::PANICS).increment(1);
    Problem::new(Code::Internal).into_response()
}

/// Writes the body of a response that is a problem, with the request id from its headers.
pub(crate) fn named(response: Response) -> Response {
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    let id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let (written, body) = Json(problem.body(id)).into_response().into_parts();
    let (mut head, _) = response.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(written.headers);
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
    if let Some(secs) = problem.retry_after_s {
        head.headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    Response::from_parts(head, body)
}
