//! The client of object_store, with our HTTP library.

use std::time::Duration;

use http_body_util::BodyExt as _;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
        HttpService,
    },
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait for an answer, and for the next bytes of one. A part of an upload has to be sent within
/// it: 8 MiB in two minutes is a line of 0.6 Mbit/s.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// Hands one client to object_store.
#[derive(Debug)]
pub(super) struct Connector(Client);

impl Connector {
    pub(super) fn new() -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // A redirect would send a copy to a host that is not configured.
            .redirect(reqwest::redirect::Policy::none())
            // object_store retries.
            .retry(reqwest::retry::never())
            .build()?;
        Ok(Self(Client(client)))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

#[derive(Debug, Clone)]
struct Client(reqwest::Client);

#[async_trait::async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap)).map_err(failed)?;
        let response = self.0.execute(request).await.map_err(failed)?;
        let response: http::Response<reqwest::Body> = response.into();
        Ok(response.map(|body| HttpResponseBody::new(body.map_err(failed))))
    }
}

/// Classifies an error, which decides whether object_store tries again. The address is left out: it is in
/// the error of object_store as well.
fn failed(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_request() || error.is_body() {
        HttpErrorKind::Interrupted
    } else if error.is_decode() {
        HttpErrorKind::Decode
    } else {
        HttpErrorKind::Unknown
    };
    HttpError::new(kind, error.without_url())
}
