//! The extractor for pages behind a login.

use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use postly_app::Profile;
use postly_domain::id::AuthorId;

use super::{redirect, steps::LOGIN, texts::Texts};
use crate::{
    extract::Reader,
    problem::{Code, Problem},
    site::AppState,
};

/// A logged-in author, with the texts of the author's language. Other requests are redirected to the login.
pub(crate) struct Member {
    pub(super) author: AuthorId,
    pub(super) profile: Profile,
    pub(super) t: &'static Texts,
}

impl FromRequestParts<AppState> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let author = match Reader::from_request_parts(parts, state).await {
            Ok(Reader(author)) => author,
            Err(problem) if problem.code() == Code::Unauthenticated => return Err(redirect(LOGIN)),
            Err(problem) => return Err(problem.into_response()),
        };
        let profile = state
            .app
            .accounts
            .profile(&author)
            .await
            .map_err(|error| Problem::from(error).into_response())?;
        Ok(Self { author, t: Texts::of_language(profile.language), profile })
    }
}
