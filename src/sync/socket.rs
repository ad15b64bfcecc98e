//! Sockets of the protocol: the upgrade, and frames in and out of one.

use super::{
    Product, Sync,
    connection::{self, Client, Close, Frame},
    limits::MESSAGE_BYTES_MAX,
};
use axum::{
    extract::{
        Path, State,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    http::{Extensions, HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{Sink, StreamExt, task::Poll};
use greenroom_actors::ports::Clock;
use std::{
    borrow::Cow,
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, ready},
    time::Duration,
};

/// Buffers of a socket; the library's own would be 256 KiB for each connection.
const READ_BUFFER_BYTES: usize = 4096;
/// Time for the last frames to leave and for the client to take note of the end.
const LINGER: Duration = Duration::from_secs(5);
/// First version that puts transitions together from parts.
const CHUNKS_SINCE: (u64, u64) = (1, 28);
/// Hint to whoever is not let in.
const RETRY_AFTER_S: &str = "5";

/// `GET /api/sync`: clients in other languages.
pub(super) async fn unversioned<P: Product>(
    State(room): State<Arc<Sync<P>>>,
    headers: HeaderMap,
    extensions: Extensions,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(room, &headers, &extensions, upgrade, Client { takes_chunks: false })
}

/// `GET /api/{version}/sync`: any version, those that do not parse included.
pub(super) async fn versioned<P: Product>(
    State(room): State<Arc<Sync<P>>>,
    Path(version): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
    upgrade: WebSocketUpgrade,
) -> Response {
    let takes_chunks = parse_version(&version).is_some_and(|version| version >= CHUNKS_SINCE);
    open(room, &headers, &extensions, upgrade, Client { takes_chunks })
}

fn open<P: Product>(
    room: Arc<Sync<P>>,
    headers: &HeaderMap,
    extensions: &Extensions,
    upgrade: WebSocketUpgrade,
    client: Client,
) -> Response {
    let place = if room.stop.is_cancelled() { None } else { room.admit(headers, extensions) };
    let Some(place) = place else {
        room.counters.refused.increment(1);
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER_S)]).into_response();
    };
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .on_upgrade(move |socket| {
            let tasks = room.tasks.clone();
            tasks.track_future(async move {
                connection::run(room, Wire::new(socket), client).await;
                drop(place);
            })
        })
}

/// Major and minor of a semantic version.
fn parse_version(text: &str) -> Option<(u64, u64)> {
    let mut parts = text.splitn(3, '.');
    let (major, minor, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let patch = rest.split(['-', '+']).next()?;
    patch.parse::<u64>().ok()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// What came of a socket.
pub(super) enum Arrived {
    /// A frame of so many bytes has left, and with it a transition or not.
    Written(usize, bool),
    /// A text frame.
    Text(Utf8Bytes),
    /// A sign of life.
    Other,
    /// A frame that is not allowed.
    Wrong(&'static str),
    /// The end.
    Gone,
}

/// A socket and what waits for it.
pub(super) struct Wire {
    socket: WebSocket,
    queue: VecDeque<Frame>,
    /// Handed to the socket and perhaps not written.
    leaving: Option<(usize, bool)>,
    must_flush: bool,
    must_ping: bool,
}

impl Wire {
    fn new(socket: WebSocket) -> Self {
        Self { socket, queue: VecDeque::new(), leaving: None, must_flush: false, must_ping: false }
    }

    /// Appends a frame.
    pub(super) fn queue(&mut self, frame: Frame) {
        self.queue.push_back(frame);
    }

    /// Sends a ping of the transport when there is room.
    pub(super) const fn ping(&mut self) {
        self.must_ping = true;
    }

    /// The next thing that happens; frames are written on the way. Cancel-safe.
    pub(super) async fn next(&mut self, reads: bool) -> Arrived {
        poll_fn(|cx| self.poll_next(cx, reads)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, reads: bool) -> Poll<Arrived> {
        match self.poll_write(cx) {
            Poll::Ready(Ok(Some((bytes, ended_transition)))) => {
                return Poll::Ready(Arrived::Written(bytes, ended_transition));
            }
            Poll::Ready(Err(_)) => return Poll::Ready(Arrived::Gone),
            Poll::Ready(Ok(None)) | Poll::Pending => {}
        }
        if !reads {
            return Poll::Pending;
        }
        Poll::Ready(match ready!(self.socket.poll_next_unpin(cx)) {
            Some(Ok(Message::Text(text))) => Arrived::Text(text),
            Some(Ok(Message::Binary(_))) => Arrived::Wrong("a frame is binary"),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Arrived::Other,
            Some(Err(error)) if is_too_large(&error) => Arrived::Wrong("a message is too large"),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Arrived::Gone,
        })
    }

    /// Writes what can be written. Nothing when there is nothing to write.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<(usize, bool)>, axum::Error>> {
        loop {
            if self.must_flush {
                ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
                self.must_flush = false;
            }
            if let Some(left) = self.leaving.take() {
                return Poll::Ready(Ok(Some(left)));
            }
            if !self.must_ping && self.queue.is_empty() {
                return Poll::Ready(Ok(None));
            }
            ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
            if self.must_ping {
                self.must_ping = false;
                Pin::new(&mut self.socket).start_send(Message::Ping(Vec::new().into()))?;
            } else if let Some(frame) = self.queue.pop_front() {
                self.leaving = Some((frame.text.len(), frame.ends_transition));
                Pin::new(&mut self.socket).start_send(Message::Text(text(frame.text)))?;
                if self.queue.is_empty() {
                    self.queue.shrink_to(2);
                }
            }
            self.must_flush = true;
        }
    }

    /// Writes what waits, says goodbye, and waits a little for the client to have read it: a socket that is dropped with
    /// unread bytes in it takes the last frames along.
    pub(super) async fn finish(&mut self, close: Close, clock: &dyn Clock) {
        tokio::select! {
            () = self.say_goodbye(close) => {}
            () = clock.sleep(LINGER) => {}
        }
    }

    async fn say_goodbye(&mut self, close: Close) {
        while !matches!(poll_fn(|cx| self.poll_write(cx)).await, Ok(None) | Err(_)) {}
        let frame = close.code.map(|code| CloseFrame { code, reason: close.reason.into() });
        if self.socket.send(Message::Close(frame)).await.is_ok() {
            while let Some(Ok(_)) = self.socket.next().await {}
        }
    }
}

fn text(text: Cow<'static, str>) -> Utf8Bytes {
    match text {
        Cow::Borrowed(text) => Utf8Bytes::from_static(text),
        Cow::Owned(text) => text.into(),
    }
}

/// The library's error is wrapped, and its kind is told by its words only.
fn is_too_large(error: &axum::Error) -> bool {
    error.to_string().contains("too large") || error.to_string().contains("too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_tell_who_takes_parts() {
        for (version, takes) in [
            ("1.28.0", true),
            ("1.48.0", true),
            ("1.49.0-alpha.1", true),
            ("2.0.0", true),
            ("10.0.0", true),
            ("1.27.9", false),
            ("0.99.0", false),
            ("1.48", false),
            ("latest", false),
            ("", false),
            ("1.48.x", false),
        ] {
            assert_eq!(parse_version(version).is_some_and(|v| v >= CHUNKS_SINCE), takes, "{version}");
        }
    }
}
