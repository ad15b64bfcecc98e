//! How a server begins and ends: what the door says while the state is read back, while it drains, and when the journal
//! failed.

use crate::world::{BAKERY, World, message, sign};
use greenroom::{
    config::Config,
    parts::Replacements,
    running::{self, Running},
};
use greenroom_actors::user::{Command, plan::Plan};
use greenroom_persistence::memory;
use reqwest::{Response, header};
use serde_json::Value;
use std::{net::SocketAddr, path::Path, sync::mpsc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

fn config(data: &Path) -> Config {
    let mut config = Config::default();
    config.data.dir = data.to_owned();
    config.sandbox.listen.set_port(0);
    config
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let door = listener.local_addr().unwrap();
    (listener, door)
}

async fn get(http: &reqwest::Client, door: SocketAddr, path: &str) -> Response {
    http.get(format!("http://{door}{path}")).send().await.unwrap()
}

/// Status and word of `/health/ready`.
async fn readiness(http: &reqwest::Client, door: SocketAddr) -> (u16, String) {
    let answer = get(http, door, "/health/ready").await;
    let status = answer.status().as_u16();
    (status, answer.json::<Value>().await.unwrap()["status"].as_str().unwrap().to_owned())
}

async fn on_memory() -> (Running, memory::MemoryHandle, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let (stores, memory) = memory::open();
    let mut config = config(data.path());
    config.data.engine = "memory".to_owned();
    let replacements = Replacements { stores: Some(stores), ..Replacements::default() };
    let running = running::start_on(listener().await.0, config, replacements, |_, _, _| {}).await.unwrap();
    (running, memory, data)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_state_is_read_back_the_door_lives_and_takes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let first =
        running::start_on(listener().await.0, config(data.path()), Replacements::default(), |_, _, _| {});
    let first = first.await.unwrap();
    first.app.users.ask("bakery", Command::SetPlan(Plan::Growth), 0).await.unwrap();
    first.stop().await;

    let (socket, door) = listener().await;
    let (reading, at_work) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let progress = move |_: &str, _, _| {
        let _ = reading.send(());
        // Fails once the test let it go on, and then goes on.
        let _ = wait.recv();
    };
    let start =
        tokio::spawn(running::start_on(socket, config(data.path()), Replacements::default(), progress));
    tokio::task::spawn_blocking(move || at_work.recv()).await.unwrap().unwrap();
    let http = greenroom_instagram::plain::client_builder().unwrap().build().unwrap();
    assert_eq!(get(&http, door, "/health/live").await.status(), 200);
    assert_eq!(readiness(&http, door).await, (503, "recovering".to_owned()));
    let webhook = http.post(format!("http://{door}/api/webhooks/instagram")).body("{}").send().await.unwrap();
    assert_eq!(webhook.status(), 503);
    assert_eq!(webhook.headers()[header::RETRY_AFTER], "30");

    drop(go_on);
    let running = start.await.unwrap().unwrap();
    assert_eq!(readiness(&http, door).await, (200, "ready".to_owned()), "on the connection of before");
    running.stop().await;
}

#[tokio::test]
async fn a_journal_that_failed_makes_the_door_unready_for_good() {
    let world = World::bakery().await;
    world.memory.fail_for_good("no disk");
    assert_eq!(readiness(&world.http, world.door).await, (503, "failed".to_owned()));
    assert_eq!(get(&world.http, world.door, "/health/live").await.status(), 200);
    let body = message(BAKERY.account, "1", "m_1", "hello", world.now()).to_string();
    let request = world.http.post(world.webhook_url()).header("x-hub-signature-256", sign(body.as_bytes()));
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key(header::RETRY_AFTER));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_journal_failed_ends_by_itself_and_says_why() {
    let (running, memory, _data) = on_memory().await;
    memory.fail_for_good("no disk");
    let ended = running.serve(&CancellationToken::new()).await;
    assert!(ended.unwrap_err().to_string().contains("no disk"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_is_announced_before_the_door_closes() {
    let (running, _memory, _data) = on_memory().await;
    let http = greenroom_instagram::plain::client_builder().unwrap().build().unwrap();
    assert_eq!(readiness(&http, running.address).await, (200, "ready".to_owned()));
    running.app.announce_stop();
    assert_eq!(readiness(&http, running.address).await, (503, "draining".to_owned()));
    running.stop().await;
}
