//! The program under test as a process of its own: started, told apart from its last life, killed.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    time::Duration,
};
use tempfile::TempDir;

/// A start that takes longer failed; a debug build on a busy machine takes about a second.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// A soft stop that takes longer failed.
const STOP_DEADLINE: Duration = Duration::from_secs(60);
/// What the program says when requests are answered.
const WELCOME: &str = "Greenroom serves on ";
/// Small files and short rests, so that few records see rotation, checkpoints, flushes and passivation.
const SETTINGS: [&str; 6] = [
    "sandbox.demo=false",
    "data.segment_bytes=131072",
    "data.checkpoint_bytes=1048576",
    "data.cache_bytes=8388608",
    "data.idle=1s",
    "server.shutdown_deadline=10s",
];

/// A data folder, the logs of the lives that used it, and how they are started.
pub(crate) struct Home {
    place: Option<TempDir>,
    root: PathBuf,
    sandbox: String,
    lives: usize,
}

/// A running process.
pub(crate) struct Server {
    child: Child,
    lines: mpsc::Receiver<String>,
    /// `http://127.0.0.1:port`.
    pub(crate) base: String,
    log: PathBuf,
}

/// What `greenroom verify` found.
pub(crate) struct Verified {
    pub(crate) is_sound: bool,
    pub(crate) text: String,
}

impl Home {
    pub(crate) fn new(sandbox: &str) -> Self {
        let place = tempfile::Builder::new().prefix("greenroom-crash-").tempdir().unwrap();
        let root = place.path().to_owned();
        let keep = super::number("GREENROOM_CRASH_KEEP").is_some();
        if keep {
            println!("data and logs stay in {}", root.display());
        }
        let place = if keep {
            let _ = place.keep();
            None
        } else {
            Some(place)
        };
        Self { place, root, sandbox: sandbox.to_owned(), lives: 0 }
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The operator's token.
    pub(crate) fn token(&self) -> String {
        fs::read_to_string(self.data().join("operator-token")).unwrap().trim().to_owned()
    }

    /// Lives so far.
    pub(crate) fn lives(&self) -> usize {
        self.lives
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
        command.current_dir(&self.root).env_clear().env("RUST_BACKTRACE", "1").stdin(Stdio::null());
        command.arg("--data").arg(self.data()).args(["--listen", "127.0.0.1:0"]);
        command.args(["--set", &format!("sandbox.url={}", self.sandbox)]);
        for setting in SETTINGS {
            command.args(["--set", setting]);
        }
        command
    }

    fn log(&self) -> PathBuf {
        self.root.join(format!("life-{}.log", self.lives))
    }

    /// Starts a process and does not wait for anything.
    fn spawn(&mut self) -> (Child, mpsc::Receiver<String>, PathBuf) {
        self.lives += 1;
        let log = self.log();
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::from(File::create(&log).unwrap()))
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        (child, lines, log)
    }

    /// Starts a process and kills it before it can have come far.
    pub(crate) fn start_and_kill_after(&mut self, delay: Duration) {
        let (mut child, ..) = self.spawn();
        std::thread::sleep(delay);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts a process; returns when it answers requests.
    pub(crate) fn start(&mut self) -> Server {
        let (mut child, lines, log) = self.spawn();
        let base = loop {
            match lines.recv_timeout(START_DEADLINE) {
                Ok(line) => {
                    if let Some(base) = line.strip_prefix(WELCOME) {
                        break base.to_owned();
                    }
                }
                Err(error) => {
                    let _ = child.kill();
                    let status = child.wait();
                    panic!("no start ({error}, {status:?}):\n{}", fs::read_to_string(&log).unwrap());
                }
            }
        };
        Server { child, lines, base, log }
    }

    /// Starts a process that must refuse to start; what it said.
    pub(crate) fn start_refused(&mut self) -> String {
        let (mut child, lines, log) = self.spawn();
        while let Ok(line) = lines.recv_timeout(START_DEADLINE) {
            if line.starts_with(WELCOME) {
                let _ = child.kill();
                let _ = child.wait();
                panic!("it started:\n{}", fs::read_to_string(&log).unwrap());
            }
        }
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(1), "it ended with {status}");
        fs::read_to_string(&log).unwrap()
    }

    /// `greenroom verify`.
    pub(crate) fn verify(&self) -> Verified {
        let Output { status, stdout, stderr } = self.command().arg("verify").output().unwrap();
        let text = format!("{}{}", String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
        let is_sound = text.contains("sound: no problem found");
        assert_eq!(status.success(), is_sound, "exit code and words of verify differ: {status}\n{text}");
        Verified { is_sound, text }
    }

    /// Segments of the journal, oldest first.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let mut found = files(&self.data().join("journal"));
        found.retain(|file| file.extension().is_some_and(|extension| extension == "seg"));
        found
    }

    /// The folder of the working set.
    pub(crate) fn working_set(&self) -> PathBuf {
        self.data().join("sled")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.place.is_some() && std::thread::panicking() {
            let logs = (1..=self.lives).rev().take(2).map(|life| self.root.join(format!("life-{life}.log")));
            for log in logs {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let tail: Vec<&str> = text.lines().rev().take(25).collect();
                println!("--- end of {}", log.display());
                tail.iter().rev().for_each(|line| println!("{line}"));
            }
        }
    }
}

/// All files below a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

impl Server {
    /// Ends the process at once, whatever it is doing.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), None, "the process ended by itself ({status}):\n{}", self.log());
    }

    /// Ends it as an operator would, and waits.
    pub(crate) fn stop(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut told = false;
        while let Ok(line) = self.lines.recv_timeout(STOP_DEADLINE) {
            told |= line.starts_with("stopped: everything acknowledged is on disk");
        }
        let status: ExitStatus = self.child.wait().unwrap();
        assert!(status.success() && told, "the stop was not soft ({status}):\n{}", self.log());
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Verified {
    /// Where the journal ends.
    pub(crate) fn position(&self) -> u64 {
        let line = self.text.lines().find(|line| line.starts_with("journal ")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("no position in {line:?}"))
    }
}
