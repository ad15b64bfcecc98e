//! The program as an operator types it: the real binary, its output and its exit codes.

use crate::world::{BAKERY, World};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
};

/// Lines that a server prints at most before the one that is waited for.
const LINES_MAX: usize = 1_000;

/// The binary with a data folder of its own and nothing from outside.
pub(crate) fn greenroom(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
    command.env_clear().current_dir(data).arg("--data").arg(data);
    command.args(["--listen", "127.0.0.1:0", "--set", "sandbox.listen=127.0.0.1:0"]);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A demo day on a fresh data folder, with everything logged; played once for all tests that look at it.
pub(crate) struct DemoDay {
    pub(crate) data: PathBuf,
    pub(crate) transcript: String,
    pub(crate) log: String,
    is_success: bool,
}

pub(crate) fn demo_day() -> &'static DemoDay {
    static DAY: OnceLock<DemoDay> = OnceLock::new();
    DAY.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let output = greenroom(dir.path()).args(["--set", "log.filter=trace", "demo"]).output().unwrap();
        DemoDay {
            data: dir.keep(),
            transcript: text(&output.stdout),
            log: text(&output.stderr),
            is_success: output.status.success(),
        }
    })
}

/// A copy of the demo day's data, for a test that changes it.
fn copy_of_demo_data() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&demo_day().data, copy.path());
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A running server; killed when a test fails.
struct Server {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command.arg("serve").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Reads on until a line contains `part`.
    fn line_with(&mut self, part: &str) -> String {
        let mut seen = String::new();
        for _ in 0..LINES_MAX {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                break;
            }
            if line.contains(part) {
                return line;
            }
            seen.push_str(&line);
        }
        panic!("no line with {part:?} in:\n{seen}");
    }

    /// Asks it to stop; what it still printed.
    fn interrupt(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        rest
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(command: &mut Command) -> (bool, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.success(), text(&stdout), text(&stderr))
}

#[test]
fn config_prints_every_setting_and_masks_secrets() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("greenroom.toml"),
        "[instagram]\napp_id = \"990000000000001\"\napp_secrets = [\"hush-from-file\"]\nverify_token = \"hush-token\"\n[auth]\nbase_url = \"https://app.example.com\"\n",
    )
    .unwrap();
    let mut command = greenroom(dir.path());
    command.env("GREENROOM_DATA__KEYS", "k:hush-from-environment").arg("config");
    let (_, stdout, stderr) = run(&mut command);
    assert!(!format!("{stdout}{stderr}").contains("hush"), "{stdout}{stderr}");
    let mut command = greenroom(dir.path());
    let (ok, stdout, stderr) = run(command.arg("config"));
    assert!(ok, "{stderr}");
    assert!(stdout.contains("instagram.app_secrets = [\"********\"]"), "{stdout}");
    assert!(stdout.contains("instagram.app_id = \"990000000000001\""), "{stdout}");
    let (ok, reference, _) = run(greenroom(dir.path()).args(["config", "--reference"]));
    assert!(ok && reference.contains("# bounds: ") && !reference.contains("hush"), "{reference}");
}

#[test]
fn a_wrong_setting_stops_the_start_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&["--set", "server.webhook_body_bytes_max=1"], "server.webhook_body_bytes_max"),
        (&["--set", "data.engine=postgres"], "data.engine"),
        (&["--set", "data.idle=soon"], "data.idle"),
        (&["--set", "server.novelty=1"], "novelty"),
        (&["--set", "sandbox.listen=0.0.0.0:4010"], "sandbox.listen"),
        (&["--set", "instagram.app_id=17"], "instagram.app_secrets"),
    ];
    for (arguments, key) in cases {
        let (ok, _, stderr) = run(greenroom(dir.path()).args(arguments).arg("config"));
        assert!(!ok, "{arguments:?} was taken");
        assert!(stderr.contains(key), "{arguments:?}: {stderr}");
    }
    let (ok, _, stderr) = run(greenroom(dir.path()).env("GREENROOM_SERVER__LISTEN", "nowhere").arg("config"));
    assert!(ok || stderr.contains("server.listen"), "{stderr}");
    let (ok, _, stderr) = run(greenroom(dir.path()).args(["--config", "missing.toml", "config"]));
    assert!(!ok && stderr.contains("missing.toml"), "{stderr}");
    assert!(!dir.path().join("journal").exists(), "a refused start leaves no data behind");
}

#[test]
fn the_demo_day_tells_each_scene_with_its_reason_and_ends_well() {
    let day = demo_day();
    assert!(day.is_success, "{}\n{}", day.transcript, tail(&day.log));
    for line in [
        "POST /api/auth/sign-up/email          200  owner@bakery.example",
        "GET  /api/auth/instagram              302  to the consent page of Instagram",
        "GET  /ig-www/oauth/authorize          302  agreed as fictional.bakery",
        "GET  /api/auth/instagram/callback     302  /settings?success=instagram_connected",
        "A day at fictional.bakery",
        "▶ person 900000000000001 writes: Hi! What is the PRICE of the sourdough class?",
        "◀ bakery answers by message:",
        "rule \"Prices\" on the word \"price\"",
        "▶ person 900000000000003 comments: LINK please",
        "◀ bakery answers privately: Here is the recipe",
        "◀ bakery answers publicly: Sent you a message!",
        "left to a human: ",
        "⚡ Instagram delivers everything 3 times",
        "⚡ Instagram will take the next reply and then cut the connection",
        "Messages that anybody got twice: 0.",
    ] {
        assert!(day.transcript.contains(line), "{line:?} is missing in:\n{}", day.transcript);
    }
    let refund = day.transcript.find("I want a refund").unwrap();
    let next = day.transcript[refund..].find("\n\n").map_or(day.transcript.len(), |end| refund + end);
    assert!(
        !day.transcript[refund..next].contains("◀ bakery"),
        "the refund was answered:\n{}",
        day.transcript
    );
}

#[test]
fn a_second_start_continues_with_the_data_of_the_first() {
    let data = copy_of_demo_data();
    let mut server = Server::start(greenroom(data.path()));
    server.line_with("Greenroom serves on http://127.0.0.1:");
    server.line_with("POST /api/auth/sign-in/email          200  owner@bakery.example");
    let back = server.line_with("The data of the last run is back: ");
    assert!(back.contains(" contacts, ") && !back.contains(": 0 contacts"), "{back}");
    server.line_with("Still serving.");
    let rest = server.interrupt();
    assert!(rest.contains("stopped: everything acknowledged is on disk"), "{rest}");
}

#[test]
fn verify_finds_the_data_of_a_clean_stop_sound_and_rebuild_renews_it() {
    let data = copy_of_demo_data();
    let (ok, stdout, stderr) = run(greenroom(data.path()).arg("verify"));
    assert!(ok && stdout.contains("sound: no problem found"), "{stdout}{stderr}");
    let (ok, stdout, stderr) = run(greenroom(data.path()).arg("rebuild"));
    assert!(ok && stdout.contains("working set renewed"), "{stdout}{stderr}");
    let (ok, stdout, stderr) = run(greenroom(data.path()).arg("verify"));
    assert!(ok && stdout.contains("sound: no problem found"), "{stdout}{stderr}");
}

#[test]
fn verify_names_the_damage_and_the_start_refuses_it() {
    let data = copy_of_demo_data();
    let segment = newest_segment(data.path());
    let mut bytes = std::fs::read(&segment).unwrap();
    let half = bytes.iter().rposition(|byte| *byte != 0).unwrap() / 2;
    // The last bytes of a group's header are zero and say nothing: another byte is damaged.
    let middle = bytes[..half].iter().rposition(|byte| *byte != 0).unwrap();
    bytes[middle] ^= 0x40;
    std::fs::write(&segment, &bytes).unwrap();
    let (ok, stdout, stderr) = run(greenroom(data.path()).arg("verify"));
    assert!(!ok, "{stdout}");
    let name = segment.file_name().unwrap().to_str().unwrap();
    assert!(
        stdout.contains("PROBLEM") && stdout.contains(name) && stdout.contains("offset"),
        "{stdout}{stderr}"
    );
    assert!(stdout.contains("stops the start"), "{stdout}");
    let (ok, _, stderr) = run(greenroom(data.path()).arg("demo"));
    assert!(!ok && stderr.contains(name), "{}", tail(&stderr));
}

fn newest_segment(data: &Path) -> PathBuf {
    let mut found = Vec::new();
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "seg")
                || path.parent().is_some_and(|parent| parent.ends_with("journal"))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found.retain(|path| path.metadata().unwrap().len() > 1_000);
    found.pop().expect("no journal segment")
}

fn tail(log: &str) -> &str {
    let start = log.len().saturating_sub(2_000);
    &log[log.ceil_char_boundary(start)..]
}

#[test]
fn commands_without_a_server_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    for arguments in [vec!["outbox", "list"], vec!["explain", "m_1"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
        command.env_clear().arg("--data").arg(dir.path()).args(["--listen", &free.to_string()]);
        let (ok, _, stderr) = run(command.args(arguments));
        assert!(!ok && stderr.contains("is `greenroom` running?"), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_and_outbox_talk_to_a_running_server() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let answered = world.dm(BAKERY, 1, "price").await;
    world.settle().await;
    let closed = json!({"kind": "graph_error", "status": 400, "code": 613, "subcode": 2_534_040, "regain_minutes": 10});
    world.fail_sends(1, 1.0, closed).await;
    world.dm(BAKERY, 2, "price").await;
    world.settle().await;
    let ask = |arguments: Vec<String>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
        command.env_clear().arg("--data").arg(world.dir.path()).args(["--listen", &world.door.to_string()]);
        command.args(arguments).args(["--workspace", BAKERY.workspace]);
        tokio::task::spawn_blocking(move || run(&mut command))
    };
    let (ok, stdout, stderr) = ask(vec!["explain".to_owned(), answered.clone()]).await.unwrap();
    assert!(ok, "{stderr}");
    for part in
        [&*answered, "verdict  replied", "rule price", "trigger \"price\"", "delivery arrived", "outbox"]
    {
        assert!(stdout.contains(part), "{part:?} is missing in:\n{stdout}");
    }
    let (ok, stdout, _) = ask(vec!["explain".to_owned(), "--json".to_owned(), answered]).await.unwrap();
    assert!(ok && serde_json::from_str::<Value>(&stdout).unwrap()["lines"].is_array());
    let (ok, _, stderr) = ask(vec!["explain".to_owned(), "m_nobody".to_owned()]).await.unwrap();
    assert!(!ok && stderr.contains("no decision on"), "{stderr}");
    let (ok, stdout, stderr) = ask(vec!["outbox".to_owned(), "list".to_owned()]).await.unwrap();
    assert!(ok, "{stderr}");
    let view: Value = serde_json::from_str(&stdout).unwrap();
    let id = view["waiting"][0]["id"].as_str().unwrap().to_owned();
    let (ok, _, stderr) = ask(vec!["outbox".to_owned(), "cancel".to_owned(), id]).await.unwrap();
    assert!(ok, "{stderr}");
    assert_eq!(world.state(BAKERY).await.outbox.open(), 0);
    world.close().await;
}
