//! A response before it is written to a socket.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::stream;
use serde_json::Value;

/// Long enough for the first half of a torn body to be sent, short enough not to slow tests.
const TEAR: Duration = Duration::from_millis(30);

/// The response of a fake.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The id of the message, if this request made the fake accept one.
    pub(crate) accepted: Option<String>,
    /// The provider's own error code.
    pub(crate) code: Option<i64>,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into(), accepted: None, code: None }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub(crate) fn with_code(mut self, code: i64) -> Self {
        self.code = Some(code);
        self
    }

    pub(crate) fn accepting(mut self, id: &str) -> Self {
        self.accepted = Some(id.to_owned());
        self
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Converts to the whole response.
    pub(crate) fn into_response(self) -> Response {
        let body = Body::from(self.body.clone());
        self.assemble(body)
    }

    /// Converts to a response with the full `Content-Length` and only half of the bytes, after which the
    /// connection closes.
    pub(crate) fn into_torn_response(mut self) -> Response {
        let length = self.body.len();
        let half = Bytes::copy_from_slice(self.body.get(..length / 2).unwrap_or_default());
        self.headers.push(("content-length".to_owned(), length.to_string()));
        let parts = stream::unfold(Some(half), async |state| match state {
            Some(half) if !half.is_empty() => Some((Ok(half), Some(Bytes::new()))),
            Some(_) => {
                tokio::time::sleep(TEAR).await;
                Some((Err(io::Error::from(io::ErrorKind::BrokenPipe)), None))
            }
            None => None,
        });
        self.assemble(Body::from_stream(parts))
    }

    /// Converts to the whole response, sent a few bytes at a time.
    pub(crate) fn into_slow_response(self, pause: Duration) -> Response {
        let pieces: Vec<Bytes> = self.body.chunks(8).map(Bytes::copy_from_slice).collect();
        let parts = stream::unfold(pieces.into_iter(), move |mut pieces| async move {
            let piece = pieces.next()?;
            tokio::time::sleep(pause).await;
            Some((Ok::<_, Infallible>(piece), pieces))
        });
        self.assemble(Body::from_stream(parts))
    }

    fn assemble(self, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}
