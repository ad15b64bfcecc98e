//! The JavaScript half: installs what the lock file names, once, and runs the flows with what they are told.

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

/// Oldest Node that the flows run on.
const NODE_MAJOR_MIN: u32 = 20;
/// Where the lock file of the installed packages is kept, below `node_modules` so that it goes with them.
const INSTALLED_LOCK: &str = "node_modules/.installed-lock.json";
/// How the last line of a run begins.
const SUMMARY: &str = "clients: ";

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

/// Runs `script` below this folder with the variables and returns its counts; what it prints is passed on line by line.
///
/// Blocks. Panics with a message for the reader when Node or npm is missing or the script does not end in order.
pub(crate) fn run(script: &str, variables: &[(&str, String)]) -> Outcome {
    install();
    let mut child = Command::new("node")
        .arg(script)
        .current_dir(folder())
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut outcome = None;
    for line in BufReader::new(child.stdout.take().expect("stdout is piped")).lines() {
        let line = line.expect("node prints text");
        outcome = parse(&line).or(outcome);
        // Past the capture of the test harness, so that a long run can be watched.
        writeln!(io::stderr(), "{line}").expect("stderr takes text");
    }
    let status = child.wait().expect("node ends");
    let outcome = outcome.unwrap_or_else(|| panic!("{script} ended with {status} and told no counts"));
    assert!(status.success(), "{script} ended with {status}: {outcome:?}");
    outcome
}

/// Installs the packages unless those of this very lock file are there.
fn install() {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _installing = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    demand_node();
    let lock = fs::read(folder().join("package-lock.json")).expect("the lock file is readable");
    let installed = folder().join(INSTALLED_LOCK);
    if fs::read(&installed).is_ok_and(|of_before| of_before == lock) {
        return;
    }
    let npm = Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder()).status();
    let status = npm.unwrap_or_else(|error| panic!("npm is needed for the official clients: {error}"));
    assert!(status.success(), "npm ci ended with {status}; it needs the package registry once per lock file");
    fs::write(installed, lock).expect("node_modules is writable");
}

fn demand_node() {
    let answer = Command::new("node").arg("--version").output();
    let answer = answer.unwrap_or_else(|error| {
        panic!("node {NODE_MAJOR_MIN} or newer is needed for the official clients: {error}")
    });
    let version = String::from_utf8_lossy(&answer.stdout);
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    assert!(
        major.is_some_and(|major: u32| major >= NODE_MAJOR_MIN),
        "node {NODE_MAJOR_MIN} or newer is needed for the official clients, this is {version}"
    );
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// `clients: passed=N failed=N skipped=N`.
fn parse(line: &str) -> Option<Outcome> {
    let mut outcome = Outcome::default();
    for word in line.strip_prefix(SUMMARY)?.split(' ') {
        let (name, count) = word.split_once('=')?;
        let place = match name {
            "passed" => &mut outcome.passed,
            "failed" => &mut outcome.failed,
            "skipped" => &mut outcome.skipped,
            _ => return None,
        };
        *place = count.parse().ok()?;
    }
    Some(outcome)
}
