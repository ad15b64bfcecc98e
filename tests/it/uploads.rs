//! Uploads and the files that come of them, over real sockets.

use crate::{
    accounts::browser::{Answer, Browser, Person, path_of, world},
    world::World,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{io::Cursor, path::Path, time::Duration};

fn picture(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(RgbImage::new(40, 20)).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Calls a function as the official client does over HTTP.
async fn call(person: &mut Person, kind: &str, path: &str, args: Value) -> Value {
    let token = person.browser.auth("/convex/token").await.json()["token"].as_str().unwrap().to_owned();
    let body = json!({ "path": path, "format": "convex_encoded_json", "args": [args] });
    let request = person.browser.bare("POST", &format!("/api/{kind}")).bearer_auth(token).json(&body);
    let answer = Answer::read(request.send().await.unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

async fn upload_path(person: &mut Person, purpose: &str) -> String {
    let told = call(person, "mutation", "files:generateUploadUrl", json!({ "purpose": purpose })).await;
    path_of(told["value"].as_str().unwrap())
}

async fn put(browser: &Browser, path: &str, bytes: impl Into<reqwest::Body>) -> Answer {
    Answer::read(browser.bare("POST", path).body(bytes).send().await.unwrap()).await
}

async fn uploaded(person: &mut Person, purpose: &str, bytes: Vec<u8>) -> String {
    let path = upload_path(person, purpose).await;
    let answer = put(&person.browser, &path, bytes).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["storageId"].as_str().unwrap().to_owned()
}

async fn get(world: &World, id: &str, range: Option<&str>) -> reqwest::Response {
    let mut request = world.http.get(format!("http://{}/api/storage/{id}", world.door));
    if let Some(range) = range {
        request = request.header("range", range);
    }
    request.send().await.unwrap()
}

/// Files in the store of a world.
fn stored(dir: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { stored(&path) } else { 1 }).sum()
}

#[tokio::test]
async fn a_file_comes_in_by_its_address_and_goes_out_in_whole_and_in_part() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let told = call(&mut ada, "mutation", "files:generateUploadUrl", json!({})).await;
    let path = path_of(told["value"].as_str().unwrap());
    let digest = format!("sha-256={}", STANDARD.encode(Sha256::digest(b"hello")));
    let request = ada.browser.bare("POST", &path).header("origin", "https://elsewhere.example");
    let request = request.header("content-type", "text/html").header("digest", &digest).body("hello");
    let answer = Answer::read(request.send().await.unwrap()).await;
    assert_eq!((answer.status, answer.all("access-control-allow-origin")), (200, vec!["*".to_owned()]));
    let id = answer.json()["storageId"].as_str().unwrap().to_owned();
    assert_eq!(put(&ada.browser, &path, "hello").await.json()["storageId"], id, "the answer was lost");
    assert_eq!(put(&ada.browser, &path, "other").await.status, 422, "a right brings one file");
    assert_eq!(stored(&world.dir.path().join("files")), 1, "what was refused is not kept");
    let url = call(&mut ada, "query", "files:getUrl", json!({ "id": id })).await;
    assert_eq!(path_of(url["value"].as_str().unwrap()), format!("/api/storage/{id}"));
    let whole = get(&world, &id, None).await;
    let header = |name: &str| whole.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-type"), header("digest")), ("text/html".to_owned(), digest));
    assert_eq!((header("accept-ranges"), header("content-length")), ("bytes".to_owned(), "5".to_owned()));
    assert_eq!(header("content-disposition"), "attachment");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-security-policy").contains("sandbox"));
    assert_eq!(header("cache-control"), "private, max-age=2592000");
    assert_eq!(whole.text().await.unwrap(), "hello");
    let part = get(&world, &id, Some("bytes=1-3")).await;
    assert_eq!(
        (part.status(), &part.headers()["content-range"]),
        (206.try_into().unwrap(), &"bytes 1-3/5".parse().unwrap())
    );
    assert_eq!(part.text().await.unwrap(), "ell");
    assert_eq!(get(&world, &id, Some("bytes=5-")).await.status(), 416);
    call(&mut ada, "mutation", "files:deleteFile", json!({ "id": id })).await;
    assert_eq!(get(&world, &id, None).await.status(), 404);
}

#[tokio::test]
async fn what_is_not_what_it_says_is_refused() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let path = upload_path(&mut ada, "profile_picture").await;
    let png = picture(ImageFormat::Png);
    let gif = picture(ImageFormat::Gif);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>".to_vec();
    for bytes in [b"hello".to_vec(), svg, gif, png[..60].to_vec(), vec![0xff; 5 * 1_024 * 1_024 + 1]] {
        let answer = put(&ada.browser, &path, bytes.clone()).await;
        assert_eq!(answer.status, 422, "{} bytes: {}", bytes.len(), answer.text);
    }
    for digest in [format!("sha-256={}", STANDARD.encode([0; 32])), "sha-256=?".to_owned()] {
        let request = ada.browser.bare("POST", &path).header("digest", digest).body(png.clone());
        assert_eq!(request.send().await.unwrap().status(), 422);
    }
    assert_eq!(stored(world.dir.path().join("files").as_path()), 0, "nothing of it is kept");
    let (base, token) = path.split_once("token=").unwrap();
    for forged in ["", "x", "a.b", &token[1..], &format!("{token}x")] {
        let answer = put(&ada.browser, &format!("{base}token={forged}"), png.clone()).await;
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
    let mut polyglot = png.clone();
    polyglot.extend_from_slice(b"<script>alert(1)</script>");
    let id = uploaded(&mut ada, "profile_picture", polyglot).await;
    let served = get(&world, &id, None).await;
    assert_eq!(served.headers()["content-type"], "image/png");
    assert!(!String::from_utf8_lossy(&served.bytes().await.unwrap()).contains("script"));
    world.pass(Duration::from_secs(3_600)).await;
    assert_eq!(put(&ada.browser, &path, png).await.status, 401, "its hour is over");
    for id in ["..%2f..%2foperator-token", "%2e%2e", "x", &"a".repeat(32), &"a".repeat(5_000)] {
        assert_eq!(get(&world, id, None).await.status(), 404, "{id}");
    }
}

#[tokio::test]
async fn a_profile_shows_only_what_its_owner_uploaded() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let mut eve = Person::new(&world, "eve@example.com").await;
    let base64 = STANDARD.encode(picture(ImageFormat::Jpeg));
    let args =
        json!({ "base64Image": format!("data:image/jpeg;base64,{base64}"), "folder": "profile-pictures" });
    let url = call(&mut ada, "action", "upload:uploadImage", args).await["value"].clone();
    let set = async |person: &mut Person, url: &Value| {
        call(person, "mutation", "settings:updateProfileImage", json!({ "imageUrl": url })).await["value"]["success"].clone()
    };
    assert_eq!(set(&mut eve, &url).await, json!(false), "another's file");
    for foreign in
        ["https://evil.example/x.png", "javascript:alert(1)", &format!("{}/../x", url.as_str().unwrap())]
    {
        assert_eq!(set(&mut ada, &json!(foreign)).await, json!(false), "{foreign}");
    }
    assert_eq!(set(&mut ada, &url).await, json!(true));
    assert_eq!(ada.browser.whoami().await["user"]["image"], url);
    let id = url.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let eves = call(&mut eve, "query", "files:getUrl", json!({ "id": id })).await;
    assert_eq!(eves["value"], Value::Null);
    let deleted = call(&mut eve, "mutation", "files:deleteFile", json!({ "id": id })).await;
    assert_eq!(deleted["errorData"]["code"], "NOT_FOUND");
    assert_eq!(get(&world, &id, None).await.status(), 200);
    let wrong = call(&mut ada, "action", "upload:uploadImage", json!({ "base64Image": "%%%" })).await;
    assert_eq!(wrong["errorData"]["code"], "VALIDATION");
}

#[tokio::test]
async fn of_uploads_by_one_right_at_the_same_time_one_is_kept() {
    let world = world(|_| {}).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let path = upload_path(&mut ada, "attachment").await;
    let uploads = (0..8).map(|no| put(&ada.browser, &path, format!("bytes {no}")));
    let answers = futures::future::join_all(uploads).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 422 | 503)), "{statuses:?}");
    assert_eq!(stored(&world.dir.path().join("files")), 1);
    let user = world.app.users.published(&ada.id).await.unwrap().state;
    assert_eq!(user.files.iter().count(), 1);
}
