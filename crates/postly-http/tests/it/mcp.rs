//! `/mcp`: an agent with an API token uses the wallet, the guard and the limits of its author.

use postly_testkit::{
    Answer, Options, PUBLIC_BASE_URL, TestApp, TestBrowser, for_each_engine, for_each_engine_with,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::generations::{BRIEF, available, generate, logged_in};

/// The two supported revisions of the protocol.
const WITH_INITIALIZE: &str = "2025-11-25";
const WITHOUT: &str = "2026-07-28";

/// A program with a token of an author.
struct Agent<'a> {
    app: &'a TestApp,
    authorization: String,
    revision: &'static str,
}

impl<'a> Agent<'a> {
    async fn of(app: &'a TestApp, browser: &TestBrowser) -> Self {
        let made = browser.post("/api/tokens", &json!({ "name": "agent" })).await.ok().json();
        let authorization = format!("Bearer {}", made["secret"].as_str().unwrap());
        Self { app, authorization, revision: WITH_INITIALIZE }
    }

    /// Sends a body, with additional headers.
    async fn send(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut all = vec![
            ("authorization", self.authorization.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        all.retain(|(name, _)| headers.iter().all(|(other, _)| other != name));
        all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
        self.app.browser().send(Method::POST, "/mcp", &all, Some(body.to_owned())).await
    }

    /// Sends a JSON-RPC request as a client of the revision does, and returns the response message.
    async fn request(&self, method: &str, params: Value) -> Value {
        let mut params = params;
        let name = params["name"].as_str().unwrap_or_default().to_owned();
        let mut headers = vec![("mcp-protocol-version", self.revision)];
        if self.revision == WITHOUT {
            headers.extend([("mcp-method", method), ("mcp-name", &name)]);
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": self.revision,
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let answer = self.send(&headers, &body.to_string()).await.ok();
        assert_eq!(answer.headers["content-type"], "application/json");
        assert!(!answer.headers.contains_key("mcp-session-id"));
        let message = answer.json();
        assert_eq!((&message["jsonrpc"], &message["id"]), (&json!("2.0"), &json!(7)));
        message
    }

    /// Calls a tool, and returns its result.
    async fn call(&self, tool: &str, arguments: Value) -> Value {
        let message = self.request("tools/call", json!({ "name": tool, "arguments": arguments })).await;
        assert!(message["result"].is_object(), "{message}");
        message["result"].clone()
    }

    /// Calls a tool that must succeed, and returns its body.
    async fn done(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], false, "{result}");
        let body = &result["structuredContent"];
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(&text, body);
        body.clone()
    }

    /// Calls a tool that must refuse, and returns the `code` of its problem and the sentence.
    async fn refused(&self, tool: &str, arguments: Value) -> (String, String) {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        let (problem, sentence) = (&result["_meta"]["problem"], &result["content"][0]["text"]);
        // The one sentence that differs from the HTTP API names no header.
        assert!(&problem["detail"] == sentence || problem["code"] == "idempotency_key_needed", "{result}");
        assert_eq!(result["structuredContent"], Value::Null);
        (problem["code"].as_str().unwrap().to_owned(), sentence.as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn an_agent_writes_refines_and_reads_with_the_wallet_of_its_author() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 5).await;
        let mut agent = Agent::of(app, &browser).await;
        let hello = json!({
            "protocolVersion": WITH_INITIALIZE, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" },
        });
        let hello = agent.request("initialize", hello).await;
        assert_eq!(hello["result"]["protocolVersion"], WITH_INITIALIZE);
        assert_eq!(hello["result"]["serverInfo"]["name"], "postly");
        agent.revision = WITHOUT;
        let hello = agent.request("server/discover", json!({})).await;
        let revisions = hello["result"]["supportedVersions"].as_array().unwrap();
        assert!([WITH_INITIALIZE, WITHOUT].iter().all(|revision| revisions.contains(&json!(revision))));

        for revision in [WITH_INITIALIZE, WITHOUT] {
            agent.revision = revision;
            let tools = agent.request("tools/list", json!({})).await["result"]["tools"].clone();
            let conforms = |tool: &str, body: &Value| {
                let described = tools.as_array().unwrap().iter().find(|found| found["name"] == tool).unwrap();
                let schema = jsonschema::validator_for(&described["outputSchema"]).unwrap();
                let faults: Vec<_> = schema.iter_errors(body).map(|fault| fault.to_string()).collect();
                assert!(faults.is_empty(), "{tool}: {faults:?}");
            };
            let before = available(&browser).await;
            let write = json!({ "brief": BRIEF, "platform": "facebook", "idempotency_key": revision });
            let written = agent.done("write_posts", write.clone()).await;
            conforms("write_posts", &written);
            assert_eq!(written["variants"].as_array().unwrap().len(), 3);
            assert_eq!((&written["platform"], &written["available"]), (&json!("facebook"), &json!(before - 1)));
            // A retry returns the same result, and is charged once.
            assert_eq!(agent.done("write_posts", write).await, written);
            assert_eq!(available(&browser).await, before - 1);

            let change = json!({
                "generation_id": written["id"], "instruction": "plus court", "variant": 1,
                "idempotency_key": format!("{revision} shorter"),
            });
            let changed = agent.done("refine", change.clone()).await;
            conforms("refine", &changed);
            assert_ne!(changed["id"], written["id"]);
            assert_eq!(agent.done("refine", change).await, changed);
            let balance = agent.done("balance", json!({})).await;
            conforms("balance", &balance);
            assert_eq!(balance, json!({ "available": before - 1, "held": 0 }), "the first change is free");

            let history = agent.done("history", json!({ "q": "croissants" })).await;
            conforms("history", &history);
            assert_eq!(history["generations"][0]["id"], changed["id"]);
            assert_eq!(agent.done("history", json!({ "q": "introuvable" })).await["generations"], json!([]));
            // The same result as on the web.
            let listed = browser.get("/api/generations?q=croissants").await.json();
            assert_eq!(listed, history);
        }
        app.assert_audit_is_clean().await;
    })
    .await;
}

#[tokio::test]
async fn a_page_of_the_history_leads_to_the_next() {
    for_each_engine_with(Options { offline: true, ..Options::default() }, async |app| {
        let browser = logged_in(app, 30).await;
        let agent = Agent::of(app, &browser).await;
        for number in 0..21 {
            let write = json!({ "brief": BRIEF, "idempotency_key": number.to_string() });
            agent.done("write_posts", write).await;
            app.advance_ms(7_000);
        }
        let first = agent.done("history", json!({})).await;
        assert_eq!(first["generations"].as_array().unwrap().len(), 20);
        let second = agent.done("history", json!({ "cursor": first["next"] })).await;
        assert_eq!((second["generations"].as_array().unwrap().len(), &second["next"]), (1, &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn a_tool_refuses_with_the_code_and_the_sentence_of_the_http_api() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 1).await;
        let agent = Agent::of(app, &browser).await;
        let write = |brief: &str, key: &str| json!({ "brief": brief, "idempotency_key": key });
        for (brief, code) in [
            ("merci", "not_a_brief"),
            ("   ", "brief_too_vague"),
            ("GEN post pour vendre de la cocaïne", "brief_refused"),
        ] {
            let on_the_web = generate(&browser, "web", &json!({ "brief": brief })).await.json();
            let refused = agent.refused("write_posts", write(brief, "mcp")).await;
            assert_eq!(refused, (code.to_owned(), on_the_web["detail"].as_str().unwrap().to_owned()));
        }
        let credits = available(&browser).await;
        for number in 0..credits {
            agent.done("write_posts", write(BRIEF, &format!("paid {number}"))).await;
            app.advance_ms(10_000);
        }
        assert_eq!(
            agent.refused("write_posts", write("GEN promo tarte", "paid 0")).await.0,
            "idempotency_mismatch"
        );
        let (code, sentence) = agent.refused("write_posts", write(BRIEF, "one more")).await;
        assert_eq!(code, "insufficient_credits");
        assert!(sentence.contains("Crédits insuffisants"), "{sentence}");
        let unknown = json!({ "generation_id": "none", "instruction": "plus court", "idempotency_key": "u" });
        assert_eq!(agent.refused("refine", unknown).await.0, "not_found");

        // The error names the bad argument, so that the agent can correct its call.
        for (tool, arguments, named) in [
            ("write_posts", json!({ "brief": BRIEF }), "idempotency_key"),
            ("write_posts", json!({ "idempotency_key": "k" }), "brief"),
            ("write_posts", json!({ "brief": 7, "idempotency_key": "k" }), "string"),
            ("write_posts", json!({ "brief": BRIEF, "idempotency_key": "k", "style": "x" }), "style"),
            ("write_posts", write(BRIEF, ""), "idempotency_key"),
            ("write_posts", write(BRIEF, &"k".repeat(256)), "idempotency_key"),
            ("balance", json!({ "of": "somebody" }), "of"),
            ("history", json!({ "cursor": [] }), "string"),
        ] {
            let (code, sentence) = agent.refused(tool, arguments).await;
            assert!(["invalid_request", "idempotency_key_needed"].contains(&code.as_str()), "{code}");
            assert!(sentence.contains(named), "{sentence}");
        }
        for (tool, arguments) in [
            ("write_posts", json!({ "brief": BRIEF, "platform": "myspace", "idempotency_key": "k" })),
            ("write_posts", json!({ "brief": BRIEF, "language": "tlh", "idempotency_key": "k" })),
            (
                "refine",
                json!({ "generation_id": "x", "instruction": "x", "variant": 4, "idempotency_key": "k" }),
            ),
            ("history", json!({ "q": "a\u{0}b" })),
        ] {
            assert_eq!(agent.refused(tool, arguments).await.0, "invalid_request");
        }
        let unknown = agent.request("tools/call", json!({ "name": "pay", "arguments": {} })).await;
        assert_eq!(unknown["error"]["code"], -32602);
        assert_eq!(available(&browser).await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_agent_and_the_web_share_the_requests_of_a_minute() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 20).await;
        let agent = Agent::of(app, &browser).await;
        for number in 0..5 {
            generate(&browser, &format!("web {number}"), &json!({ "brief": BRIEF })).await.ok();
            let write = json!({ "brief": BRIEF, "idempotency_key": format!("mcp {number}") });
            agent.done("write_posts", write).await;
        }
        let write = json!({ "brief": BRIEF, "idempotency_key": "one more" });
        let result = agent.call("write_posts", write).await;
        assert_eq!(
            (&result["isError"], &result["_meta"]["problem"]["code"]),
            (&json!(true), &json!("rate_limited"))
        );
        assert!(result["_meta"]["problem"]["retry_after_s"].as_i64().unwrap() > 0, "{result}");
    })
    .await;
}

#[tokio::test]
async fn nothing_but_a_living_token_opens_the_endpoint() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 2).await;
        let agent = Agent::of(app, &browser).await;
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
        agent.send(&[], &list).await.ok();

        let json_kind = [("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
        let by_cookie = browser.send(Method::POST, "/mcp", &json_kind, Some(list.clone())).await;
        for refused in [
            by_cookie,
            agent.send(&[("authorization", "")], &list).await,
            agent.send(&[("authorization", "Bearer postly_unknown")], &list).await,
            agent.send(&[("authorization", "Basic eDp5")], &list).await,
        ] {
            assert_eq!(refused.problem(), (401, "unauthenticated".to_owned()));
            assert_eq!(refused.headers["www-authenticate"], "Bearer");
            assert_eq!(refused.headers["content-type"], "application/problem+json");
        }
        let id = browser.get("/api/tokens").await.json()["tokens"][0]["id"].as_str().unwrap().to_owned();
        browser.delete(&format!("/api/tokens/{id}")).await.ok();
        assert_eq!(agent.send(&[], &list).await.problem(), (401, "unauthenticated".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn another_host_or_origin_is_refused_and_who_looks_for_a_login_is_told_in_json() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 2).await;
        let agent = Agent::of(app, &browser).await;
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
        for own in [
            &[("host", "postly.example")][..],
            &[("host", "POSTLY.example:443")],
            &[("host", "localhost:8080")],
            &[("host", "postly.example"), ("origin", PUBLIC_BASE_URL)],
        ] {
            agent.send(own, &list).await.ok();
        }
        for foreign in [
            &[("host", "evil.example")][..],
            &[("host", "postly.example.evil.example")],
            &[("host", "localhost.evil.example")],
            &[("host", "@")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", "http://postly.example")],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
        ] {
            let refused = agent.send(foreign, &list).await;
            assert_eq!(refused.problem(), (403, "cross_site".to_owned()), "{foreign:?}");
            // The token is not checked at all.
            let mut bare = foreign.to_vec();
            bare.push(("authorization", ""));
            assert_eq!(agent.send(&bare, &list).await.status, 403, "{foreign:?}");
        }
        let page = [("accept", "text/html,application/json;q=0.5")];
        for (method, path, status) in [
            (Method::GET, "/.well-known/oauth-protected-resource/mcp", 404),
            (Method::GET, "/.well-known/oauth-protected-resource", 404),
            (Method::GET, "/.well-known/oauth-authorization-server", 404),
            (Method::GET, "/.well-known/openid-configuration", 404),
            (Method::GET, "/mcp", 405),
            (Method::DELETE, "/mcp", 405),
        ] {
            let answer = app.browser().send(method.clone(), path, &page, None).await;
            assert_eq!(answer.status, status, "{method} {path}");
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{method} {path}");
        }
        let register =
            app.browser().send(Method::POST, "/register", &[("accept", "application/json")], None).await;
        assert_eq!(register.problem(), (404, "not_found".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn whatever_is_sent_is_answered_in_json_and_is_no_fault_of_ours() {
    for_each_engine(async |app| {
        let browser = logged_in(app, 2).await;
        let agent = Agent::of(app, &browser).await;
        let deep = "[".repeat(100_000);
        let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        for (body, status) in [
            ("", 400),
            ("{", 400),
            ("null", 400),
            ("[]", 400),
            (deep.as_str(), 400),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, 400),
            (&format!("[{list}]"), 400),
            (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, 400),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, 200),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","arguments":[]}}"#, 200),
            (r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///etc/passwd"}}"#, 200),
            (r#"{"jsonrpc":"2.0","id":1,"method":"nonsense"}"#, 200),
            (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, 202),
        ] {
            let answer = agent.send(&[], body).await;
            let head: String = body.chars().take(80).collect();
            assert_eq!(answer.status, status, "{head}: {answer:?}");
            assert!(answer.status == 202 || answer.json().is_object(), "{head}: {answer:?}");
        }
        let long = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
        assert_eq!(agent.send(&[], &long).await.problem(), (413, "too_large".to_owned()));
        let typed = agent.send(&[("content-type", "text/plain")], list).await;
        assert_eq!(typed.problem(), (415, "unsupported_media_type".to_owned()));
        let accept = agent.send(&[("accept", "*/*")], list).await;
        assert_eq!((accept.status.as_u16(), accept.json()["error"]["code"].clone()), (406, json!(-32600)));
        let old = agent.send(&[("mcp-protocol-version", "1999-01-01")], list).await;
        assert_eq!(old.status, 400, "{old:?}");
        agent.send(&[], list).await.ok();
    })
    .await;
}
