//! A tab of a browser without a script: it sends forms, keeps cookies, and returns redirects without
//! following them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use postly_testkit::TestApp;

use crate::wire::{ask, status};

pub(crate) struct Tab<'a> {
    app: &'a TestApp,
    address: String,
    jar: Mutex<BTreeMap<String, String>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Returns the value of the first header with this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the target of a redirect.
    #[track_caller]
    pub(crate) fn goes_to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.header("location").expect("a place to go")
    }
}

impl<'a> Tab<'a> {
    /// Opens a tab with a client address of its own.
    pub(crate) fn new(app: &'a TestApp) -> Self {
        static SEEN: AtomicU32 = AtomicU32::new(0);
        let number = SEEN.fetch_add(1, Ordering::Relaxed);
        let address = format!("203.0.{}.{}", number / 250, 1 + number % 250);
        Self { app, address, jar: Mutex::default() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    /// Sends a form of one of our pages.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs: Vec<_> =
            fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("origin", "https://postly.example")];
        self.send("POST", path, &headers, &pairs.join("&")).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let cookies: Vec<_> =
            self.jar.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: postly.example\r\nconnection: close\r\nx-forwarded-for: {}\r\n\
             user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n\
             cookie: {}\r\ncontent-length: {}\r\n",
            self.address,
            cookies.join("; "),
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let answer = ask(self.app, format!("{request}\r\n{body}")).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
        let answer = Answer { status: status(head), head: head.to_owned(), body: body.to_owned() };
        self.keep(&answer);
        answer
    }

    fn keep(&self, answer: &Answer) {
        let mut jar = self.jar.lock().unwrap();
        for line in answer.head.lines() {
            let Some(cookie) = line.strip_prefix("set-cookie: ") else { continue };
            let (pair, attributes) = cookie.split_once(';').expect("a cookie has attributes");
            let (name, value) = pair.split_once('=').expect("a cookie has a value");
            if attributes.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// Encodes a form value: every byte except letters and digits is escaped.
fn escaped(text: &str) -> String {
    let byte = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.as_bytes().iter().map(byte).collect()
}
