//! A browser in a test: real HTTP, a cookie jar, and its own address.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use postly_http::{Claims, CookieKeys};
use reqwest::{Method, StatusCode, header::HeaderMap};
use secrecy::SecretString;
use serde_json::Value;

/// A browser: it returns the cookies that it receives.
pub struct TestBrowser {
    http: reqwest::Client,
    base_url: String,
    /// The client address that the proxy reports.
    pub address: String,
    languages: String,
    jar: Mutex<BTreeMap<String, String>>,
}

/// An answer of the service.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, unchanged.
    pub text: String,
}

impl Answer {
    /// The body as JSON; null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The `code` of a problem.
    pub fn code(&self) -> String {
        self.json().get("code").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Status and code, for comparison.
    pub fn problem(&self) -> (u16, String) {
        (self.status.as_u16(), self.code())
    }

    /// The parts of an answer that could distinguish its cause: all but the id and time of the request.
    pub fn features(&self) -> (u16, Vec<(String, String)>, Value) {
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        headers.sort();
        let mut body = self.json();
        if let Some(id) = body.get_mut("request_id") {
            *id = Value::Null;
        }
        (self.status.as_u16(), headers, body)
    }

    /// Panics unless the status is a success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.status.is_success(), "{self:?}");
        self
    }
}

impl TestBrowser {
    /// Creates a browser without cookies.
    pub fn new(base_url: &str) -> Self {
        Self::by(reqwest::Client::builder().build().expect("a client"), base_url)
    }

    /// Creates a browser with an existing client, because creating a client takes longer than a request.
    pub(crate) fn by(http: reqwest::Client, base_url: &str) -> Self {
        static SEEN: AtomicU32 = AtomicU32::new(0);
        let number = SEEN.fetch_add(1, Ordering::Relaxed);
        Self {
            http,
            base_url: base_url.to_owned(),
            address: format!("198.51.{}.{}", number / 250 % 250, 1 + number % 250),
            languages: String::new(),
            jar: Mutex::default(),
        }
    }

    /// Creates another browser at the same address.
    pub fn beside(&self) -> Self {
        Self { address: self.address.clone(), ..Self::by(self.http.clone(), &self.base_url) }
    }

    /// Sets the client address.
    #[must_use]
    pub fn at(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    /// Sets the languages that it asks for (`Accept-Language`).
    #[must_use]
    pub fn reading(mut self, languages: &str) -> Self {
        languages.clone_into(&mut self.languages);
        self
    }

    /// The value of a stored cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Stores a cookie from another source.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value.to_owned());
    }

    /// The session cookie.
    pub fn session(&self) -> Option<String> {
        self.cookie(SESSION_COOKIE)
    }

    /// Sends a request with these headers and this body, and the stored cookies.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base_url))
            .header("x-forwarded-for", &self.address)
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0");
        let cookies: Vec<String> = self
            .jar
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if !self.languages.is_empty() {
            request = request.header("accept-language", &self.languages);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.expect("the service answers");
        let (status, headers) = (response.status(), response.headers().clone());
        self.keep(&headers);
        Answer { status, headers, text: response.text().await.expect("a whole body") }
    }

    fn keep(&self, headers: &HeaderMap) {
        let mut jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        for cookie in headers.get_all("set-cookie") {
            let text = cookie.to_str().expect("a cookie is text");
            let (pair, attributes) = text.split_once(';').expect("a cookie has attributes");
            let (name, value) = pair.split_once('=').expect("a cookie has a value");
            if attributes.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Sends a GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    /// Sends a DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[("sec-fetch-site", "same-origin")], None).await
    }

    /// Posts JSON, as our own pages do.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    /// Sends JSON by any method.
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
        self.send(method, path, &headers, Some(body.to_string())).await
    }

    /// Requests a code.
    pub async fn request_code(&self, phone: &str) -> Answer {
        self.post("/api/auth/request-otp", &serde_json::json!({ "phone": phone })).await
    }

    /// Enters a code.
    pub async fn verify(&self, phone: &str, code: &str) -> Answer {
        self.post("/api/auth/verify-otp", &serde_json::json!({ "phone": phone, "code": code })).await
    }

    /// Signs up.
    pub async fn sign_up(&self, email: &str) -> Answer {
        let body = serde_json::json!({ "email": email, "password": PASSWORD });
        self.post("/api/auth/signup", &body).await
    }

    /// Requests the logged-in author.
    pub async fn me(&self) -> Answer {
        self.get("/api/me").await
    }
}

/// The name of the session cookie on https, the scheme of the tests' public address.
pub const SESSION_COOKIE: &str = "__Secure-next-auth.session-token";
/// The password of every sign-up in a test.
pub const PASSWORD: &str = "un croissant doré";

/// A session cookie made with [`SESSION_SECRET`](crate::SESSION_SECRET), as another NextAuth app makes it.
pub fn session_cookie(sub: &str, sid: Option<&str>, now_ms: i64) -> String {
    let keys = CookieKeys::new(&[SecretString::from(crate::SESSION_SECRET.to_owned())], true);
    let claims = Claims {
        sub: sub.to_owned(),
        sid: sid.map(str::to_owned),
        email: None,
        issued_at_s: now_ms / 1000,
        expires_at_s: now_ms / 1000 + 3_600,
    };
    let cookie = keys.issue(&claims).expect("a cookie");
    let (_, value) = cookie.to_str().expect("text").split_once('=').expect("a value");
    value.split(';').next().unwrap_or_default().to_owned()
}
