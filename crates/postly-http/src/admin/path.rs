//! The `{id}` of a path.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use super::AdminState;
use crate::problem::{Code, Problem};

/// The longest id: longer than any id of ours or of a provider.
const LONGEST: usize = 256;

/// An id in a path. Any other text is not found.
pub(super) struct PathId(pub(super) String);

impl FromRequestParts<AdminState> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, Problem> {
        let id = Path::<String>::from_request_parts(parts, state).await.map(|Path(id)| id).ok();
        let is_id = |id: &String| {
            (1..=LONGEST).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        id.filter(is_id).map(Self).ok_or(Problem::new(Code::NotFound))
    }
}
