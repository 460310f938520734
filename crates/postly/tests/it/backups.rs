//! Backups of a running service. A restored service does not repeat its earlier work.

use std::path::{Path, PathBuf};

use postly_simulator::{Channel, Fault, FaultKind, Person, SimulatorConfig, StatusPolicy, Upstream};
use postly_testkit::{Database, EngineName};
use serde_json::{Value, json};

use crate::{
    outside::Outside,
    process::{Folder, Ran, Variables, run},
};

const FATOU: &str = "+33612345678";
const MARIE: &str = "+33612345679";
const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

/// A service on SQLite with a folder for its backups.
struct Shop {
    outside: Outside,
    folder: PathBuf,
}

impl Shop {
    async fn open() -> Self {
        let outside = Outside::silent(EngineName::Sqlite).await;
        let folder = outside.folder.path().join("backups");
        Self { outside, folder }
    }

    /// The configuration with another database file.
    fn variables(&self, file: &Path) -> Variables {
        let mut all = self.outside.variables();
        all.retain(|(name, _)| name != "DATABASE_URL");
        all.push(("DATABASE_URL".to_owned(), format!("sqlite://{}", file.display())));
        all
    }

    async fn backup(&self, more: &[&str]) -> Ran {
        let folder = self.folder.display().to_string();
        let args = [&["backup", "--to", &folder, "--json"], more].concat();
        run(&self.outside.folder, &args, &self.outside.variables()).await
    }

    async fn restore(&self, to: &Path, more: &[&str]) -> Ran {
        let folder = self.folder.display().to_string();
        let args = [&["restore", "--from", &folder, "--verify", "--json"], more].concat();
        run(&self.outside.folder, &args, &self.variables(to)).await
    }

    /// Runs a command on another database file.
    async fn on(&self, file: &Path, args: &[&str]) -> Ran {
        run(&self.outside.folder, args, &self.variables(file)).await
    }

    fn copies(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    fn person(&self, number: &str) -> Person {
        self.outside.simulator.person(Channel::Meta, number)
    }

    fn posts(&self, person: &Person) -> usize {
        self.outside.phone(person).matches("*1.* ").count()
    }
}

#[tokio::test]
async fn a_backup_under_load_is_whole_and_restores_with_every_balance() {
    let shop = Shop::open().await;
    let service = shop.outside.serve(&[]).await;
    let people: Vec<Person> = (0..8).map(|n| shop.person(&format!("+3363998200{n}"))).collect();
    let load = async {
        for _ in 0..3 {
            for person in &people {
                shop.outside.deliver_for_sure(&shop.outside.simulator.webhook_text(person, BRIEF)).await;
            }
        }
    };
    let (ran, ()) = tokio::join!(shop.backup(&[]), load);
    let made = ran.exits(0).json();
    assert_eq!(
        (&made["ok"], &made["encrypted"], &made["removed"]),
        (&json!(true), &json!(false), &json!([]))
    );
    assert_eq!(
        std::fs::metadata(made["path"].as_str().unwrap()).unwrap().len(),
        made["bytes"].as_u64().unwrap()
    );
    shop.outside.until_idle().await;
    shop.backup(&[]).await.exits(0);
    assert_eq!(shop.copies().len(), 2, "{:?}", shop.copies());

    let other = shop.outside.folder.path().join("elsewhere/restored.db");
    let restored = shop.restore(&other, &[]).await.exits(0).json();
    assert_eq!((&restored["audited"], &restored["erased"]), (&json!(true), &json!(0)), "{restored}");
    for person in &people {
        let show = ["credits", "show", "--phone", &format!("+{}", person.number), "--json"];
        let (before, after) = (shop.outside.postly(&show).await, shop.on(&other, &show).await);
        assert_eq!(before.exits(0).json(), after.exits(0).json());
    }
    shop.on(&other, &["audit"]).await.exits(0);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&other).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
    service.stop().await;
    shop.outside.end().await;
}

#[tokio::test]
async fn the_oldest_copies_go_and_nothing_else() {
    let shop = Shop::open().await;
    std::fs::create_dir(&shop.folder).unwrap();
    std::fs::write(shop.folder.join("notes.db"), "not ours").unwrap();
    for _ in 0..4 {
        shop.backup(&["--keep", "2"]).await.exits(0);
    }
    let names = shop.copies();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&"notes.db".to_owned()));
    let last = shop.backup(&["--keep", "1"]).await.exits(0).json();
    assert_eq!(last["removed"].as_array().unwrap().len(), 2, "{last}");
    shop.backup(&["--keep", "0"]).await.exits(2);
    shop.outside.end().await;
}

#[tokio::test]
async fn whoever_was_erased_after_the_copy_stays_erased() {
    let shop = Shop::open().await;
    let service = shop.outside.serve(&[]).await;
    let (fatou, marie) = (shop.person(FATOU), shop.person(MARIE));
    let first = shop.outside.simulator.webhook_text(&fatou, BRIEF);
    shop.outside.deliver_for_sure(&first).await;
    shop.outside.deliver_for_sure(&shop.outside.simulator.webhook_text(&marie, BRIEF)).await;
    shop.outside.until_idle().await;
    shop.backup(&[]).await.exits(0);
    for text in ["SUPPRIMER", "Oui"] {
        shop.outside.deliver_for_sure(&shop.outside.simulator.webhook_text(&fatou, text)).await;
        shop.outside.until_idle().await;
    }
    service.kill().await;
    let recorded = std::fs::read_to_string(shop.folder.join("erasures.jsonl")).unwrap();
    assert!(recorded.lines().count() >= 2 && !recorded.contains(FATOU.trim_start_matches('+')), "{recorded}");

    let other = shop.outside.folder.path().join("restored.db");
    let mut keyless = shop.variables(&other);
    keyless.retain(|(name, _)| name != "IDENTITY_HASH_KEY");
    let folder = shop.folder.display().to_string();
    let ran = run(&shop.outside.folder, &["restore", "--from", &folder], &keyless).await.exits(2);
    assert!(ran.err.contains("IDENTITY_HASH_KEY") && !other.exists(), "{ran:?}");
    let restored = shop.restore(&other, &[]).await.exits(0).json();
    assert_eq!(restored["erased"], 1, "{restored}");
    shop.on(&other, &["users", "show", "--phone", FATOU]).await.exits(1);
    shop.on(&other, &["users", "show", "--phone", MARIE]).await.exits(0);
    shop.outside.end().await;
}

/// Serves a restored file, and points the providers to the new service.
async fn serve_restored(shop: &Shop, file: &Path) -> crate::process::Service {
    let url = format!("sqlite://{}", file.display());
    shop.outside.serve(&[("DATABASE_URL", &url)]).await
}

#[tokio::test]
async fn what_was_answered_before_the_loss_is_not_answered_again() {
    let shop = Shop::open().await;
    let service = shop.outside.serve(&[]).await;
    let (fatou, marie) = (shop.person(FATOU), shop.person(MARIE));
    let (before, waiting) = (
        shop.outside.simulator.webhook_text(&fatou, BRIEF),
        shop.outside.simulator.webhook_text(&marie, BRIEF),
    );
    shop.outside.deliver_for_sure(&before).await;
    shop.outside.until_idle().await;
    // Marie's reply waits during the copy, and is sent after it.
    shop.outside.simulator.fault(Upstream::Meta, Fault::always(FaultKind::ProviderError { code: 2 }));
    shop.outside.deliver_for_sure(&waiting).await;
    shop.outside.until("SELECT COUNT(*) FROM outbox WHERE finished_at_ms IS NULL", 1).await;
    shop.backup(&[]).await.exits(0);
    shop.outside.simulator.clear_faults();
    shop.outside.pauses_end().await;
    shop.outside.until("SELECT COUNT(*) FROM outbox WHERE state = 'accepted'", 2).await;
    // This message arrives and is answered after the copy.
    let after = shop.outside.simulator.webhook_text(&fatou, "SOLDE");
    shop.outside.deliver_for_sure(&after).await;
    shop.outside.until("SELECT COUNT(*) FROM outbox WHERE state = 'accepted'", 3).await;
    shop.outside.until_idle().await;
    let answered = (shop.posts(&fatou), shop.posts(&marie), shop.outside.simulator.accepted_messages().len());
    assert_eq!((answered.0, answered.1), (1, 1));
    service.kill().await;

    let other = shop.outside.folder.path().join("restored.db");
    // A provider's times have whole seconds.
    let lost_s = shop.outside.simulator.now_ms() / 1000 + 1;
    let lost_at = jiff::Timestamp::from_second(lost_s).unwrap().to_string();
    let restored = shop.restore(&other, &["--lost-at", &lost_at]).await.exits(0).json();
    assert_eq!((&restored["endedMessages"], &restored["endedEvents"]), (&json!(1), &json!(0)), "{restored}");
    let service = serve_restored(&shop, &other).await;
    for webhook in [&before, &waiting, &after] {
        assert_eq!(shop.outside.simulator.deliver(webhook).await.status, 200);
    }
    // A new message is answered. Once its reply has arrived, replies to the others would have arrived as
    // well.
    while shop.outside.simulator.now_ms() < lost_s * 1000 {
        tokio::time::sleep(crate::outside::LOOK_AGAIN).await;
    }
    let new = shop.outside.simulator.webhook_text(&marie, "AIDE");
    shop.outside.deliver_for_sure(&new).await;
    shop.outside.simulator.wait_for_messages(&marie, 2, crate::process::PATIENCE).await;
    let again = (shop.posts(&fatou), shop.posts(&marie), shop.outside.simulator.accepted_messages().len());
    assert_eq!(again, (answered.0, answered.1, answered.2 + 1));
    service.stop().await;
    let letters = shop.on(&other, &["dead-letters", "list", "--json"]).await.exits(0).json();
    let reasons: Vec<&Value> = letters.as_array().unwrap().iter().map(|letter| &letter["reason"]).collect();
    assert_eq!(reasons, ["restored"], "{letters}");
    shop.on(&other, &["audit"]).await.exits(0);
    shop.outside.end().await;
}

#[tokio::test]
async fn what_lets_somebody_in_does_not_come_back() {
    let shop = Shop::open().await;
    let service = shop.outside.serve(&[]).await;
    let client = reqwest::Client::new();
    let body = json!({ "email": "fatou@example.com", "password": "un croissant doré" });
    let url = format!("http://{}/api/auth/signup", service.public);
    let signed_up = client.post(url).json(&body).send().await.unwrap();
    assert_eq!(signed_up.status(), 201);
    let mut cookies =
        signed_up.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let session = cookies.rfind(|cookie| cookie.contains("session-token=ey")).unwrap();
    let session = session.split(';').next().unwrap().to_owned();
    let me = async |service: &crate::process::Service| {
        let url = format!("http://{}/api/me", service.public);
        client.get(url).header("cookie", &session).send().await.unwrap().status().as_u16()
    };
    assert_eq!(me(&service).await, 200);
    let reset = ["users", "reset-password", "--email", "fatou@example.com"];
    let link = shop.outside.postly(&reset).await.exits(0).out;
    let token = link.trim().split_once('#').unwrap().1.to_owned();
    shop.backup(&[]).await.exits(0);
    service.kill().await;
    let other = shop.outside.folder.path().join("restored.db");
    shop.restore(&other, &[]).await.exits(0);
    let service = serve_restored(&shop, &other).await;
    assert_eq!(me(&service).await, 401, "the session was ended, or may have been");
    let form = client
        .post(format!("http://{}/reset", service.public))
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("token={token}&password=une+brioche+ti%C3%A8de"));
    assert_eq!(form.send().await.unwrap().status().as_u16(), 400, "the link was used, or may have been");
    service.stop().await;
    shop.outside.end().await;
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_leaves_everything_as_it_was() {
    let shop = Shop::open().await;
    let refused = |ran: Ran, words: &str| {
        assert!(ran.out.is_empty() && ran.err.contains(words), "{words}: {ran:?}");
    };
    let file = shop.outside.folder.file("there.db", "something");
    refused(shop.outside.postly(&["backup", "--to", &file]).await.exits(2), "is there already");
    refused(shop.outside.postly(&["backup", "--to", "one.db", "--keep", "2"]).await.exits(2), "--keep");
    refused(shop.outside.postly(&["restore", "--from", "nowhere"]).await.exits(2), "there is no nowhere");
    shop.backup(&[]).await.exits(0);
    let here = PathBuf::from(shop.outside.database.url.strip_prefix("sqlite://").unwrap());
    refused(shop.restore(&here, &[]).await.exits(2), "is not overwritten");

    let copy = shop.folder.join(shop.copies().into_iter().find(|name| name.ends_with(".db")).unwrap());
    let bytes = std::fs::read(&copy).unwrap();
    let other = shop.outside.folder.path().join("restored.db");
    for (broken, how) in [
        (bytes[..bytes.len() / 2].to_vec(), "cut"),
        (
            bytes.iter().enumerate().map(|(at, byte)| if at % 4096 > 3000 { !byte } else { *byte }).collect(),
            "garbled",
        ),
        (
            b"not a database at all, but long enough to be read as the header of one of some hundred bytes"
                .to_vec(),
            "text",
        ),
        (vec![], "empty"),
    ] {
        std::fs::write(&copy, broken).unwrap();
        let ran = shop.restore(&other, &[]).await;
        assert!(matches!(ran.code, Some(1 | 2)) && ran.out.is_empty(), "{how}: {ran:?}");
        assert!(!other.exists(), "{how}");
    }
    let left: Vec<_> = std::fs::read_dir(shop.outside.folder.path()).unwrap().collect();
    let partial =
        left.iter().filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("partial"));
    assert_eq!(partial.count(), 0, "nothing half done is left");
    shop.outside.end().await;

    let config = SimulatorConfig { statuses: StatusPolicy::silent(), ..SimulatorConfig::default() };
    let outside = Outside::on(Database::fresh(EngineName::Postgres).await, config).await;
    for args in [
        ["backup", "--to", "backups"],
        ["restore", "--from", "backups"],
        ["backup", "--to", "s3://backups/postly"],
    ] {
        let ran = outside.postly(&args).await.exits(2);
        assert!(ran.err.contains("pg_dump") && ran.out.is_empty(), "{ran:?}");
    }
    outside.end().await;
}

/// Makes a key of `age` in a file; returns its path and the public key. `None` if `age` is not installed.
fn age_key(folder: &Folder, name: &str) -> Option<(String, String)> {
    let made = std::process::Command::new("age-keygen").output().ok()?;
    let text = String::from_utf8(made.stdout).unwrap();
    let public = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    Some((folder.file(name, &text), public))
}

#[tokio::test]
async fn s22_an_encrypted_copy_opens_with_its_key_alone() {
    let shop = Shop::open().await;
    let grant = ["credits", "grant", "--phone", FATOU, "--amount", "7", "--reason", "a marker to find"];
    shop.outside.postly(&grant).await.exits(0);
    shop.backup(&["--age-recipient", "nonsense"]).await.exits(2);
    let folder = &shop.outside.folder;
    let path = format!("PATH={}", std::env::var("PATH").unwrap());
    let (Some((key, public)), Some((other, _))) = (age_key(folder, "key.txt"), age_key(folder, "other.txt"))
    else {
        // Without the program, no plain copy is written instead.
        let public = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        let ran = shop.backup(&["--age-recipient", public]).await.exits(2);
        assert!(ran.err.contains("apt-get install age") && !shop.folder.exists(), "{ran:?}");
        return shop.outside.end().await;
    };
    let with_path = |mut variables: Variables| {
        let (name, value) = path.split_once('=').unwrap();
        variables.push((name.to_owned(), value.to_owned()));
        variables
    };
    let to = shop.folder.display().to_string();
    let args = ["backup", "--to", &to, "--age-recipient", &public, "--json"];
    let made = run(folder, &args, &with_path(shop.outside.variables())).await.exits(0).json();
    assert_eq!(made["encrypted"], true);
    let copy = PathBuf::from(made["path"].as_str().unwrap());
    let bytes = std::fs::read(&copy).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1"));
    assert!(!bytes.windows(16).any(|window| window == b"a marker to find"), "nothing is in clear");
    for place in [shop.folder.as_path(), folder.path()] {
        let mut names = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.all(|name| !name.to_string_lossy().contains("partial")), "{}", place.display());
    }

    let target = folder.path().join("restored.db");
    let without = shop.restore(&target, &[]).await.exits(2);
    assert!(without.err.contains("--age-identity"), "{without:?}");
    let restore = async |key: &str| {
        let args = ["restore", "--from", &to, "--verify", "--age-identity", key];
        run(folder, &args, &with_path(shop.variables(&target))).await
    };
    restore(&other).await.exits(1);
    // A truncated copy is refused, although most of it can be decrypted.
    std::fs::write(&copy, &bytes[..bytes.len() - 16]).unwrap();
    restore(&key).await.exits(1);
    assert!(!target.exists());
    std::fs::write(&copy, &bytes).unwrap();
    restore(&key).await.exits(0);
    let shown = shop.on(&target, &["credits", "show", "--phone", FATOU, "--json"]).await.exits(0).json();
    assert_eq!(shown["available"], 7);
    shop.outside.end().await;
}
