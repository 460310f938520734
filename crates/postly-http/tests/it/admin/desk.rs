//! The operator's listener of a service, and a browser for its pages that follows no redirects by itself.

use std::{collections::BTreeMap, sync::Mutex};

use postly_app::{Shutdown, admin::AdminAccess};
use postly_http::{AdminPages, Metrics, Network, operator_router, serve};
use postly_testkit::TestApp;
use reqwest::{Client, Method, StatusCode, header::HeaderMap, redirect::Policy};
use secrecy::SecretString;
use tokio::{sync::watch, task::JoinHandle};

pub(crate) const PASSWORD: &str = "un croissant d'opérateur";
pub(crate) const NAME: &str = "Awa Diop";

/// The operator's listener.
pub(crate) struct Desk {
    base_url: String,
    server: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Desk {
    /// With [`PASSWORD`].
    pub(crate) async fn of(app: &TestApp) -> Self {
        Self::with(app, Some((PASSWORD, None))).await
    }

    /// With a password or its hash, and an optional second factor. Without `proof` the pages are off.
    pub(crate) async fn with(app: &TestApp, proof: Option<(&str, Option<&str>)>) -> Self {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let pages = proof.map(|(password, totp)| AdminPages {
            access: AdminAccess::new(secret(password), totp.map(secret).as_ref()).unwrap(),
            trusted_proxies: vec![Network::parse("127.0.0.1").unwrap()],
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, shutdown) = Shutdown::new();
        let router = operator_router(app.app.clone(), Metrics::collect(), shutdown.clone(), pages);
        let server = tokio::spawn(serve(listener, router, postly_http::MAX_CONNECTIONS, shutdown));
        Self { base_url, server, stop }
    }

    pub(crate) async fn close(self) {
        self.stop.send(true).unwrap();
        self.server.await.unwrap();
    }

    /// Returns a browser at a client address.
    pub(crate) fn visitor(&self, address: &str) -> Visitor {
        let http = Client::builder().redirect(Policy::none()).build().unwrap();
        let base_url = self.base_url.clone();
        Visitor { http, base_url, address: address.to_owned(), jar: Mutex::default() }
    }

    /// Returns a browser in which [`NAME`] is logged in.
    pub(crate) async fn operator(&self) -> Visitor {
        let visitor = self.visitor("192.0.2.1");
        assert_eq!(visitor.log_in(NAME, PASSWORD, "").await.goes_to(), "/admin");
        visitor
    }
}

/// A browser without a script.
pub(crate) struct Visitor {
    http: Client,
    base_url: String,
    address: String,
    pub(crate) jar: Mutex<BTreeMap<String, String>>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    #[track_caller]
    pub(crate) fn goes_to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text);
        self.header("location")
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).expect(name).to_str().unwrap()
    }

    /// Asserts the status and the properties of every operator's page.
    #[track_caller]
    pub(crate) fn assert_is_page(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(self.header(name), value, "{name}");
        }
        let csp = self.header("content-security-policy");
        for part in ["default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"]
        {
            assert!(csp.contains(part) && !csp.contains("script-src"), "{csp}");
        }
        for inline in [" style=", "<style", "<script", " onclick=", "javascript:"] {
            assert!(!self.text.contains(inline), "{inline}");
        }
        // Each field has a label, each form has its token, and every error is announced to screen readers.
        for kind in ["<input ", "<select ", "<textarea "] {
            for field in self.text.split(kind).skip(1) {
                let field = field.split('>').next().unwrap();
                let id = field.split("id=\"").nth(1).and_then(|rest| rest.split('"').next());
                let is_labelled = id.is_some_and(|id| self.text.contains(&format!("for=\"{id}\"")));
                assert!(is_labelled || field.contains("type=\"hidden\""), "{field}");
            }
        }
        for form in self.text.split("<form ").skip(1) {
            let form = form.split("</form>").next().unwrap();
            assert!(form.contains("method=\"get\"") || form.contains("name=\"form_token\""), "{form}");
        }
        for id in self.text.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert_eq!(self.text.matches(&format!(" id=\"{id}\"")).count(), 1, "{id} stands twice");
        }
        assert_eq!(self.text.matches("class=\"error\"").count(), self.text.matches("role=\"alert\"").count());
        assert_eq!(self.text.matches("<h1").count(), 1);
        self
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, text: &str) -> &Self {
        assert!(self.text.contains(text), "{text:?} is not in {}", self.text);
        self
    }

    /// Returns a figure of a page: the content of the `dd` after its `dt`.
    #[track_caller]
    pub(crate) fn figure(&self, name: &str) -> &str {
        let rest = self.text.split(&format!("<dt>{name}</dt><dd")).nth(1);
        rest.expect(name).split_once('>').unwrap().1.split("</dd>").next().unwrap()
    }

    /// Returns the token of the forms of the page.
    pub(crate) fn form_token(&self) -> String {
        let rest = self.text.split("name=\"form_token\" value=\"").nth(1).unwrap_or_default();
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Visitor {
    pub(crate) async fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, &[], String::new()).await
    }

    /// Sends a form of `page` to `path`, with its token.
    pub(crate) async fn submit(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.get(page).await.form_token();
        let fields: Vec<_> = fields.iter().copied().chain([("form_token", token.as_str())]).collect();
        self.post(path, &fields, &[]).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Page {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers: Vec<_> = headers.iter().copied().chain([kind]).collect();
        self.send(Method::POST, path, &headers, body.finish()).await
    }

    pub(crate) async fn log_in(&self, name: &str, password: &str, code: &str) -> Page {
        let fields = [("name", name), ("password", password), ("code", code)];
        self.submit("/admin/login", "/admin/login", &fields).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Page {
        let mut request = self.http.request(method, format!("{}{path}", self.base_url)).body(body);
        request = request.header("x-forwarded-for", &self.address);
        let cookies: Vec<String> =
            self.jar.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut jar = self.jar.lock().unwrap();
            if attributes.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        Page { status, headers, text: response.text().await.unwrap() }
    }
}
