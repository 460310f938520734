//! Every secret that can be rotated is rotated under load: the real process is restarted with new variables
//! while its providers change theirs. No message is lost, and none is answered twice (docs/OPERATIONS.md,
//! "Rotate a secret").

use std::{collections::BTreeMap, sync::Mutex};

use futures_util::future::join_all;
use postly_simulator::{Channel, Payment, Person, Secrets, SimulatorConfig};
use postly_testkit::EngineName;
use reqwest::{Client, Method, Response, Url, redirect::Policy};
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use crate::{
    outside::{Outside, insist, variables},
    process::{Service, Variables},
};

const PEOPLE: usize = 10;
/// The time over which the messages of a step are spread. The restart falls into its middle.
const STEP_MS: u64 = 600;
const OLD_PASSWORD: &str = "un croissant d'opérateur";
const NEW_PASSWORD: &str = "une brioche d'opérateur";

/// The values of one secret: the old one, the new one, and both while they overlap.
struct Rotated {
    name: &'static str,
    old: &'static str,
    new: &'static str,
    /// True if the variable takes a list, newest first.
    is_list: bool,
}

const ROTATED: [Rotated; 9] = [
    Rotated {
        name: "META_APP_SECRET",
        old: "old-app-secret-0123456789",
        new: "new-app-secret-0123456789",
        is_list: true,
    },
    Rotated { name: "META_ACCESS_TOKEN", old: "old-access-token", new: "new-access-token", is_list: false },
    Rotated {
        name: "TWILIO_AUTH_TOKEN",
        old: "old-auth-token-0123456789",
        new: "new-auth-token-0123456789",
        is_list: true,
    },
    Rotated { name: "STRIPE_SECRET_KEY", old: "sk_test_old", new: "sk_test_new", is_list: false },
    Rotated {
        name: "STRIPE_WEBHOOK_SECRET",
        old: "whsec_old_0123456789",
        new: "whsec_new_0123456789",
        is_list: true,
    },
    Rotated { name: "OPENAI_API_KEY", old: "sk-old-model-key", new: "sk-new-model-key", is_list: false },
    Rotated { name: "OTP_SALT", old: "old-pepper-0123456789", new: "new-pepper-0123456789", is_list: true },
    Rotated {
        name: "NEXTAUTH_SECRET",
        old: "old-session-secret-0123456789",
        new: "new-session-secret-0123456789",
        is_list: true,
    },
    Rotated { name: "ADMIN_PASSWORD", old: OLD_PASSWORD, new: NEW_PASSWORD, is_list: false },
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Old,
    Both,
    New,
}

/// The variables of a step.
fn values(outside: &Outside, step: Step) -> Variables {
    let mut all = variables(&[("STRIPE_API_BASE_URL", &outside.simulator.base_url())]);
    for Rotated { name, old, new, is_list } in ROTATED {
        let value = match step {
            Step::Old => old.to_owned(),
            Step::Both if is_list => format!("{new},{old}"),
            Step::Both | Step::New => new.to_owned(),
        };
        all.push((name.to_owned(), value));
    }
    all
}

async fn serve(outside: &Outside, step: Step) -> Service {
    let all = values(outside, step);
    let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    outside.serve(&all).await
}

/// The secrets of the providers. They sign with the first of each, and accept all: while both tokens of an
/// account are valid, as Meta, Twilio, Stripe and OpenAI offer it. The app secret of Meta has no overlap.
fn of_providers(meta: Step, signing: Step, accepting: Step) -> Secrets {
    let value = |name: &str, step: Step| {
        let rotated = ROTATED.iter().find(|rotated| rotated.name == name).unwrap();
        match step {
            Step::Old => vec![rotated.old.to_owned()],
            Step::Both => vec![rotated.old.to_owned(), rotated.new.to_owned()],
            Step::New => vec![rotated.new.to_owned()],
        }
    };
    Secrets {
        meta_app_secret: value("META_APP_SECRET", meta).remove(0),
        meta_access_tokens: value("META_ACCESS_TOKEN", accepting),
        twilio_signing_token: value("TWILIO_AUTH_TOKEN", signing).remove(0),
        twilio_auth_tokens: value("TWILIO_AUTH_TOKEN", accepting),
        stripe_webhook_secret: value("STRIPE_WEBHOOK_SECRET", signing).remove(0),
        stripe_secret_keys: value("STRIPE_SECRET_KEY", accepting),
        openai_api_keys: Some(value("OPENAI_API_KEY", accepting)),
    }
}

/// Each person writes one brief within the step; the provider repeats it until it is taken.
fn everybody_writes(outside: &Outside, people: &[Person], round: usize) -> tokio::task::JoinHandle<()> {
    let mut writing = vec![];
    for (number, person) in people.iter().enumerate() {
        let brief =
            format!("Crée un post pour annoncer la fournée {round} de la boulangerie du quai {number}");
        let pause =
            Duration::from_millis(STEP_MS * u64::try_from(number).unwrap() / u64::try_from(PEOPLE).unwrap());
        let (simulator, person) = (outside.simulator.clone(), person.clone());
        writing.push(async move {
            sleep(pause).await;
            // Signed with the secret of the moment, like every delivery of a provider.
            let webhook = simulator.webhook_text(&person, &brief);
            insist(&simulator, &webhook).await;
        });
    }
    tokio::spawn(async move { drop(join_all(writing).await) })
}

/// Restarts the service with the variables of a step, in the middle of a load.
async fn restarted(
    outside: &Outside,
    people: &[Person],
    service: Service,
    step: Step,
    round: usize,
) -> Service {
    let writing = everybody_writes(outside, people, round);
    sleep(Duration::from_millis(STEP_MS / 2)).await;
    service.stop().await;
    let service = serve(outside, step).await;
    writing.await.unwrap();
    service
}

/// A browser that keeps its cookies over a restart of the service.
struct Browser {
    http: Client,
    jar: Mutex<BTreeMap<String, String>>,
}

impl Browser {
    fn open() -> Self {
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { http, jar: Mutex::default() }
    }

    async fn send(&self, method: Method, url: &str, body: Option<(&str, String)>) -> Response {
        let jar: Vec<String> =
            self.jar.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.http.request(method, url).header("sec-fetch-site", "same-origin");
        if !jar.is_empty() {
            request = request.header("cookie", jar.join("; "));
        }
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.jar.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        response
    }

    async fn get(&self, service: &Service, path: &str) -> Response {
        self.send(Method::GET, &format!("http://{}{path}", service.public), None).await
    }

    async fn post(&self, service: &Service, path: &str, body: &Value) -> Response {
        let body = Some(("application/json", body.to_string()));
        self.send(Method::POST, &format!("http://{}{path}", service.public), body).await
    }

    /// Requests a code for the number of this person, and reads it on their phone.
    async fn code(&self, outside: &Outside, service: &Service, person: &Person) -> String {
        let before = outside.simulator.phone_messages(person).len();
        let phone = format!("+{}", person.number);
        let asked = self.post(service, "/api/auth/request-otp", &json!({ "phone": phone })).await;
        assert_eq!(asked.status(), 200, "{}", asked.text().await.unwrap());
        outside.until_idle().await;
        let messages = outside.simulator.phone_messages(person);
        let digits = |text: &str| {
            let found = text.split(|c: char| !c.is_ascii_digit()).find(|part| part.len() == 6);
            found.map(str::to_owned)
        };
        messages[before..].iter().find_map(|message| digits(&message.body)).expect("a code")
    }

    async fn verify(&self, service: &Service, person: &Person, code: &str) -> u16 {
        let body = json!({ "phone": format!("+{}", person.number), "code": code });
        self.post(service, "/api/auth/verify-otp", &body).await.status().as_u16()
    }

    async fn is_logged_in(&self, service: &Service) -> bool {
        self.get(service, "/api/me").await.status() == 200
    }

    /// Opens the operator's pages. Returns true if this browser is logged in there.
    async fn is_operator(&self, service: &Service) -> bool {
        self.send(Method::GET, &format!("http://{}/admin", service.admin), None).await.status() == 200
    }

    async fn log_in_as_operator(&self, service: &Service, password: &str) -> bool {
        let url = format!("http://{}/admin/login", service.admin);
        let page = self.send(Method::GET, &url, None).await.text().await.unwrap();
        let token = page.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut form = Url::parse("http://form").unwrap();
        form.query_pairs_mut().extend_pairs([
            ("name", "Awa Diop"),
            ("password", password),
            ("form_token", token),
        ]);
        let body = Some(("application/x-www-form-urlencoded", form.query().unwrap().to_owned()));
        self.send(Method::POST, &url, body).await.status() == 303
    }
}

/// Begins to buy the smallest pack by the link that RECHARGE brings. Returns the id of the Checkout Session.
async fn begins_to_buy(outside: &Outside, service: &Service, person: &Person) -> String {
    outside.deliver_for_sure(&outside.simulator.webhook_text(person, "RECHARGE")).await;
    outside.until_idle().await;
    let message = outside.simulator.phone_messages(person).pop().unwrap();
    let opens = message.buttons.iter().find_map(|button| button.opens.clone()).unwrap();
    let body = json!({"token": opens.split('#').nth(1).unwrap(), "pack": "s"});
    let answer = Browser::open().post(service, "/recharge", &body).await;
    let answer: Value = answer.json().await.unwrap();
    outside.simulator.checkout_at(answer["url"].as_str().unwrap()).unwrap().id
}

async fn rotated_under_load(engine: EngineName) {
    let config =
        SimulatorConfig { openai_api_key: Some("sk-old-model-key".to_owned()), ..SimulatorConfig::default() };
    let outside = Outside::start_with(engine, config).await;
    let simulator = outside.simulator.clone();
    simulator.set_secrets(of_providers(Step::Old, Step::Old, Step::Old));
    let people: Vec<Person> = (0..PEOPLE)
        .map(|n| {
            simulator.person(
                if n % 2 == 0 { Channel::Meta } else { Channel::Twilio },
                &format!("+336399816{n:02}"),
            )
        })
        .collect();
    let [fatou, lea] = ["+33639981701", "+33639981702"].map(|number| simulator.person(Channel::Meta, number));

    let service = serve(&outside, Step::Old).await;
    everybody_writes(&outside, &people, 1).await.unwrap();
    let (logged_in, later, operator) = (Browser::open(), Browser::open(), Browser::open());
    let code = logged_in.code(&outside, &service, &fatou).await;
    assert_eq!(logged_in.verify(&service, &fatou, &code).await, 200);
    assert!(
        operator.log_in_as_operator(&service, OLD_PASSWORD).await && operator.is_operator(&service).await
    );
    let checkout = begins_to_buy(&outside, &service, &fatou).await;
    let old_code = later.code(&outside, &service, &lea).await;
    let in_flight = simulator.webhook_text(&fatou, "SOLDE");

    // The providers make new secrets beside the old ones; the service takes both. Meta signs with its new one
    // at once, so its webhooks are refused until the restart, and come again.
    simulator.set_secrets(of_providers(Step::New, Step::Old, Step::Both));
    let service = restarted(&outside, &people, service, Step::Both, 2).await;
    assert_eq!(later.verify(&service, &lea, &old_code).await, 200, "a code of the old pepper");
    assert!(logged_in.is_logged_in(&service).await && later.is_logged_in(&service).await);
    assert!(!operator.is_operator(&service).await, "another password ends the sessions of operators");
    assert!(!operator.log_in_as_operator(&service, OLD_PASSWORD).await);
    assert!(
        operator.log_in_as_operator(&service, NEW_PASSWORD).await && operator.is_operator(&service).await
    );
    for event in simulator.pay_checkout(&checkout, Payment::Card) {
        assert_eq!(simulator.deliver_event(&event).await.status, 200, "signed with the old secret");
    }
    let third = Browser::open();
    let new_code = third.code(&outside, &service, &simulator.person(Channel::Meta, "+33639981703")).await;

    // The providers sign with the new ones, and no longer accept the old ones.
    let writing = everybody_writes(&outside, &people, 3);
    sleep(Duration::from_millis(STEP_MS / 2)).await;
    simulator.set_secrets(of_providers(Step::New, Step::New, Step::New));
    assert_eq!(simulator.deliver(&in_flight).await.status, 200, "a delivery from before is repeated");
    writing.await.unwrap();
    outside.until_idle().await;

    // The old ones are removed.
    let service = restarted(&outside, &people, service, Step::New, 4).await;
    let number = simulator.person(Channel::Meta, "+33639981703");
    assert_eq!(third.verify(&service, &number, &new_code).await, 200, "a code of the new pepper");
    assert!(later.is_logged_in(&service).await, "logged in after the rotation began");
    assert!(!logged_in.is_logged_in(&service).await, "logged in under the old secret alone");
    for event in simulator.refund_checkout(&checkout, 490) {
        assert_eq!(simulator.deliver_event(&event).await.status, 200, "signed with the new secret");
    }
    simulator.set_secrets(of_providers(Step::Old, Step::Old, Step::New));
    let refused = simulator.webhook_text(&fatou, "SOLDE");
    assert_eq!(simulator.deliver(&refused).await.status, 401, "the old secret is no longer one");
    outside.until_idle().await;
    service.stop().await;

    for person in &people {
        let phone = outside.phone(person);
        let left: Vec<&str> = phone
            .split("💳 Crédits restants: ")
            .skip(1)
            .filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
            .collect();
        assert_eq!(left, ["4", "3", "2", "1"], "{}: {phone}", person.number);
        assert_eq!(phone.matches("*1.* ").count(), 4, "{}: {phone}", person.number);
    }
    let count = async |sql| outside.database.count(sql).await;
    let expected = i64::try_from(PEOPLE * 4).unwrap();
    assert_eq!(count("SELECT COUNT(*) FROM ledger WHERE reason = 'whatsapp_generation'").await, expected);
    assert_eq!(count("SELECT COUNT(*) FROM outbox WHERE state <> 'accepted'").await, 0);
    assert_eq!(count("SELECT COUNT(*) FROM inbox WHERE state = 'dead'").await, 0);
    let bought =
        "SELECT CAST(SUM(delta) AS BIGINT) FROM ledger WHERE reason IN ('purchase', 'purchase_reversal')";
    assert_eq!(count(bought).await, 0);
    outside.assert_audit_is_clean().await;
    outside.end().await;
}

#[tokio::test]
async fn w09_every_secret_is_rotated_under_load_without_a_lost_message_on_sqlite() {
    rotated_under_load(EngineName::Sqlite).await;
}

#[tokio::test]
async fn w09_every_secret_is_rotated_under_load_without_a_lost_message_on_postgres() {
    rotated_under_load(EngineName::Postgres).await;
}
