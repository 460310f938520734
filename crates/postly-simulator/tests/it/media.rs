//! Files that people attach, and how the providers and the model server take them.

use postly_simulator::MediaFile;
use serde_json::{Value, json};

use crate::{NUMBER, Scene, answer};

async fn attach(scene: &Scene, channel: &str, fields: Value) -> u16 {
    let mut body = json!({"channel": channel, "number": NUMBER});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    answer(scene.client.post(format!("{}/send", scene.world.phone_url())).json(&body)).await.unwrap().0
}

#[tokio::test]
async fn a_photo_from_the_phone_is_had_from_meta_for_the_token() {
    let scene = Scene::set().await;
    let file = json!({"type": "image/png", "data": "iVBORw0KGgoAAA=="});
    assert_eq!(attach(&scene, "meta", json!({"file": file, "text": "Promo"})).await, 202);
    let event: Value = serde_json::from_slice(&scene.service.wait_for(1).await[0].body).unwrap();
    let image = &event["entry"][0]["changes"][0]["value"]["messages"][0]["image"];
    assert_eq!((&image["caption"], &image["mime_type"]), (&json!("Promo"), &json!("image/png")));
    let id = image["id"].as_str().unwrap();
    let node = format!("{}/v25.0/{id}", scene.world.base_url());
    assert_eq!(answer(scene.client.get(&node)).await.unwrap().0, 401);
    let token = scene.world.config().meta.access_token.clone();
    let (status, node) = answer(scene.client.get(&node).bearer_auth(&token)).await.unwrap();
    assert_eq!((status, &node["file_size"], &node["sha256"]), (200, &json!(10), &image["sha256"]));
    let url = node["url"].as_str().unwrap();
    assert_eq!(scene.client.get(url).send().await.unwrap().status().as_u16(), 401);
    let file = scene.client.get(url).bearer_auth(&token).send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "image/png");
    assert_eq!(&file.bytes().await.unwrap()[..], b"\x89PNG\r\n\x1a\n\0\0");
}

#[tokio::test]
async fn a_voice_note_from_the_phone_is_had_from_twilios_storage_without_credentials() {
    let scene = Scene::set().await;
    assert_eq!(attach(&scene, "twilio", json!({"sample": "voice"})).await, 202);
    let form = scene.service.wait_for(1).await[0].body.clone();
    let form: Vec<(String, String)> = form_urlencoded::parse(&form).into_owned().collect();
    let field = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!((field("NumMedia"), field("MediaContentType0")), (Some("1"), Some("audio/ogg")));
    let url = field("MediaUrl0").unwrap();
    let account = scene.world.config().twilio.clone();
    assert_eq!(answer(scene.client.get(url)).await.unwrap().0, 401);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let request = || client.get(url).basic_auth(&account.account_sid, Some(&account.auth_token));
    let answer = request().send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 307);
    let there = answer.headers()["location"].to_str().unwrap().to_owned();
    let file = client.get(&there).send().await.unwrap();
    assert_eq!(file.status().as_u16(), 200);
    assert!(file.bytes().await.unwrap().starts_with(b"OggS"));
    let with = client.get(&there).basic_auth(&account.account_sid, Some(&account.auth_token));
    assert_eq!(with.send().await.unwrap().status().as_u16(), 400);
}

#[tokio::test]
async fn what_is_no_photo_and_no_recording_is_not_attached() {
    let scene = Scene::set().await;
    for fields in [
        json!({"file": {"type": "text/html", "data": "PGI+"}}),
        json!({"file": {"type": "image/png", "data": ""}}),
        json!({"file": {"type": "image/png", "data": "%"}}),
        json!({"file": "x"}),
        json!({"sample": "film"}),
    ] {
        assert_eq!(attach(&scene, "meta", fields.clone()).await, 400, "{fields}");
    }
    assert_eq!(attach(&scene, "meta", json!({"sample": "photo"})).await, 202);
}

#[tokio::test]
async fn the_model_server_hears_what_a_voice_note_says_and_checks_the_form() {
    let scene = Scene::set().await;
    let url = format!("{}/audio/transcriptions", scene.world.openai_base_url());
    let form = |fields: &str, name: &str, file: &[u8]| {
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-transcribe\r\n{fields}\
             --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: audio/ogg\r\n\r\n"
        );
        [head.as_bytes(), file, b"\r\n--b--\r\n"].concat()
    };
    let ask = async |body: Vec<u8>| {
        let mut request = scene.client.post(&url).header("content-type", "multipart/form-data; boundary=b");
        if let Some(key) = &scene.world.config().openai_api_key {
            request = request.bearer_auth(key);
        }
        answer(request.body(body)).await.unwrap()
    };
    let note = MediaFile::voice_note("Solde 🥐").bytes;
    let (status, heard) = ask(form("", "voice.ogg", &note)).await;
    assert_eq!((status, &heard["text"]), (200, &json!("Solde 🥐")));
    let unknown = "--b\r\nContent-Disposition: form-data; name=\"keyword\"\r\n\r\nx\r\n";
    let (status, refused) = ask(form(unknown, "voice.ogg", &note)).await;
    assert_eq!((status, &refused["error"]["param"]), (400, &json!("keyword")));
    assert_eq!(ask(form("", "voice", &note)).await.0, 400);
    assert_eq!(ask(form("", "voice.ogg", b"OggS")).await.0, 400);
    assert_eq!(ask(b"nothing".to_vec()).await.0, 400);
}
