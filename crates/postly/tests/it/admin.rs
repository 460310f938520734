//! The operator's pages of a whole process: a password opens them, and the log holds no secret.

use postly_testkit::EngineName;
use reqwest::{Client, Response, redirect::Policy};

use crate::outside::Outside;

const PASSWORD: &str = "un croissant d'opérateur";

fn form_token(page: &str) -> String {
    let rest = page.split("name=\"form_token\" value=\"").nth(1).unwrap_or_default();
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn cookie(response: &Response) -> String {
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_password_opens_the_pages_of_a_process_and_stands_in_no_log() {
    for engine in EngineName::ALL {
        let outside = Outside::start(engine).await;
        let off = outside.serve(&[]).await;
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        let at = |address: std::net::SocketAddr, path: &str| format!("http://{address}{path}");
        assert_eq!(client.get(at(off.admin, "/admin")).send().await.unwrap().status(), 404);
        off.stop().await;

        let service = outside.serve(&[("ADMIN_PASSWORD", PASSWORD)]).await;
        assert_eq!(client.get(at(service.public, "/admin")).send().await.unwrap().status(), 404);
        let away = client.get(at(service.admin, "/admin")).send().await.unwrap();
        assert_eq!(
            (away.status().as_u16(), &away.headers()["location"]),
            (303, &"/admin/login".parse().unwrap())
        );
        let login = client.get(at(service.admin, "/admin/login")).send().await.unwrap();
        let before = cookie(&login);
        let token = form_token(&login.text().await.unwrap());
        let fields = [("name", "Awa Diop"), ("password", PASSWORD), ("form_token", token.as_str())];
        let post = client.post(at(service.admin, "/admin/login")).header("cookie", before).form(&fields);
        let opened = post.send().await.unwrap();
        assert_eq!(opened.status(), 303);
        let session = cookie(&opened);
        let page = client.get(at(service.admin, "/admin")).header("cookie", &session).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let page = page.text().await.unwrap();
        assert!(page.contains("Log out Awa Diop"), "{page}");
        let css = page.split('"').find(|text| text.ends_with(".css")).unwrap();
        assert_eq!(client.get(at(service.admin, css)).send().await.unwrap().status(), 200);
        let log = service.stop().await.join("\n");
        for secret in [PASSWORD, session.split_once('=').unwrap().1, "Awa"] {
            assert!(!log.contains(secret), "{secret}: {log}");
        }
        outside.end().await;
    }
}

#[tokio::test]
async fn a_password_that_is_too_short_or_a_broken_hash_refuses_the_start() {
    let outside = Outside::start(EngineName::Sqlite).await;
    for (name, value, told) in [
        ("ADMIN_PASSWORD", "un croissan", "ADMIN_PASSWORD is too short: at least 12 characters"),
        ("ADMIN_PASSWORD", "$argon2id$v=19$broken", "ADMIN_PASSWORD cannot be read"),
        ("ADMIN_TOTP_SECRET", "JBSWY3DPEHPK3PXP", "ADMIN_TOTP_SECRET is set, but ADMIN_PASSWORD is not"),
    ] {
        let mut all = outside.variables();
        all.push((name.to_owned(), value.to_owned()));
        let ran = crate::process::run(&outside.folder, &["serve"], &all).await.exits(2);
        assert!(ran.err.contains(told) && !ran.err.contains(value), "{ran:?}");
    }
    outside.end().await;
}

#[tokio::test]
async fn s23_each_command_that_changes_something_is_recorded_with_its_maker_and_its_end() {
    const NUMBER: &str = "+33612345678";
    for engine in EngineName::ALL {
        let outside = Outside::start(engine).await;
        let service = outside.serve(&[]).await;
        let credits = async |what: &str, by: &[&str]| {
            let args = ["credits", what, "--phone", NUMBER, "--amount", "3", "--reason", "un geste"];
            outside.postly(&[&args[..], by].concat()).await
        };
        credits("grant", &[]).await.exits(0);
        credits("grant", &["--by", "Awa Diop"]).await.exits(0);
        credits("deduct", &[]).await.exits(0);
        credits("deduct", &[]).await.exits(0);
        credits("deduct", &[]).await.exits(1);
        for command in ["block", "unblock", "export", "erase"] {
            let args = ["users", command, "--phone", NUMBER];
            crate::process::run(&outside.folder, &args, &outside.variables()).await.exits(0);
        }
        outside.postly(&["users", "block", "--phone", NUMBER]).await.exits(1);
        for command in ["pause", "resume"] {
            outside.postly(&[command, "generation"]).await.exits(0);
        }
        let log = "SELECT action || ' | ' || note || ' | ' || CASE WHEN operator = 'Awa Diop' THEN 'Awa' \
             WHEN operator LIKE '%(command)' THEN 'account' ELSE operator END || ' | ' || \
             CASE WHEN outcome = 'done' THEN outcome ELSE 'failed' END FROM audit_log ORDER BY id";
        assert_eq!(
            outside.database.texts(log).await,
            [
                "adjust_credits | +3: un geste | account | done",
                "adjust_credits | +3: un geste | Awa | done",
                "adjust_credits | -3: un geste | account | done",
                "adjust_credits | -3: un geste | account | done",
                "adjust_credits | -3: un geste | account | failed",
                "block_author |  | account | done",
                "unblock_author |  | account | done",
                "export_author |  | account | done",
                "erase_author |  | account | done",
                "block_author |  | account | failed",
                "pause |  | account | done",
                "resume |  | account | done",
            ]
        );
        service.stop().await;
        outside.end().await;
    }
}
