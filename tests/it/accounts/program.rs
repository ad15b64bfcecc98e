//! The real binary as a server of its own: its log and its data folder can be read, and it can be killed.

use super::browser::{Browser, SECRET};
use crate::cli::greenroom;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};
use tempfile::TempDir;

/// Lines that a server prints at most before its address.
const LINES_MAX: usize = 1_000;

/// A running server; killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    origin: String,
    dir: TempDir,
}

impl Program {
    /// Starts on a fresh data folder. The log goes to a file beside it.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_on(tempfile::tempdir().unwrap(), arguments)
    }

    fn start_on(dir: TempDir, arguments: &[&str]) -> Self {
        let data = dir.path().join("data");
        fs::create_dir_all(&data).unwrap();
        let log = File::options().create(true).append(true).open(dir.path().join("log")).unwrap();
        let mut command = greenroom(&data);
        command.env("GREENROOM_AUTH__SECRETS", SECRET).args(arguments);
        // The demo's owner would sign up meanwhile, with work that tests count.
        command.args(["--set", "sandbox.demo=false", "serve"]);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.by_ref().take(LINES_MAX).find_map(|line| {
            let line = line.unwrap();
            let rest = &line[line.find("http://127.0.0.1:")?..];
            let end = rest["http://".len()..].find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit());
            Some(rest[..end.map_or(rest.len(), |end| end + "http://".len())].to_owned())
        });
        // The pipe must stay open: a server that cannot print would end.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, origin: address.expect("the server names its address"), dir }
    }

    /// Kills it as `kill -9` does, and starts another on the same data.
    pub(crate) fn killed_and_restarted(mut self, arguments: &[&str]) -> Self {
        self.kill();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        Self::start_on(dir, arguments)
    }

    /// Kills it; its files stay until it is dropped.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// A fresh browser before it.
    pub(crate) fn browser(&self) -> Browser {
        Browser::at(&self.origin, &self.origin)
    }

    /// A browser with the cookies of another, before this server.
    pub(crate) fn browser_of(&self, before: &Browser) -> Browser {
        let mut browser = self.browser();
        browser.jar.clone_from(&before.jar);
        browser
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.path().join("log")).unwrap()).into_owned()
    }

    /// Every file of the data folder, its bytes as far as they are text.
    pub(crate) fn files(&self) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        collect(&self.dir.path().join("data"), &mut files);
        files
    }

    /// Passwords that were hashed or checked since the start.
    pub(crate) async fn hashes(&self) -> u64 {
        let metrics = self.browser().get("/metrics").await.text;
        let line = metrics.lines().find(|line| line.starts_with("greenroom_password_hashes_total"));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            files.push((path, text));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
