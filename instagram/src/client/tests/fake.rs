//! A server on a thread of its own that plays one act per connection and keeps what it was asked.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
};

#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Reads the request, writes these bytes, closes.
    Answer(String),
    /// Reads the request, writes these bytes, says no more.
    AnswerThenHang(String),
    /// Reads the request, says nothing until the client goes.
    Hang,
    /// Reads the request and closes.
    CloseUnanswered,
    /// Reads the first byte of the request and resets the connection.
    ResetWhileReading,
}

pub(super) fn answer(status: u16, headers: &str, body: &str) -> Act {
    let length = body.len();
    Act::Answer(format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    ))
}

pub(super) struct Fake {
    pub(super) url: String,
    asked: Receiver<String>,
}

impl Fake {
    pub(super) fn start(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, asked) = channel();
        thread::spawn(move || {
            for act in script {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let request = match act {
                    Act::ResetWhileReading => String::from_utf8_lossy(&read_one(&mut stream)).into_owned(),
                    _ => read_request(&mut stream),
                };
                // The test may have ended already.
                let _ = sender.send(request);
                match act {
                    Act::Answer(bytes) => drop(stream.write_all(bytes.as_bytes())),
                    Act::AnswerThenHang(bytes) => {
                        let _ = stream.write_all(bytes.as_bytes());
                        let _ = stream.read_to_end(&mut Vec::new());
                    }
                    Act::Hang => drop(stream.read_to_end(&mut Vec::new())),
                    // Closing with unread bytes makes the system send a reset.
                    Act::CloseUnanswered | Act::ResetWhileReading => {}
                }
            }
        });
        Self { url, asked }
    }

    /// What was asked until now.
    pub(super) fn requests(&self) -> Vec<String> {
        self.asked.try_iter().collect()
    }
}

fn read_one(stream: &mut TcpStream) -> Vec<u8> {
    let mut byte = [0];
    let read = stream.read(&mut byte).unwrap_or(0);
    byte[..read].to_vec()
}

/// Headers and as many bytes as they announce; what came until the client went away otherwise.
fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                return text;
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            _ => return text,
        }
    }
}
