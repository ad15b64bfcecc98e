//! A real door over the test product, and sockets to it.

use super::{
    model::Model,
    product::{PATIENCE, TestProduct},
};
use crate::{
    auth::address::ClientAddresses,
    clock::SystemClock,
    server,
    sync::{Limits, Sync, routes},
};
use axum::Router;
use futures::{SinkExt, StreamExt};
use greenroom_actors::{Timestamp, ports::Clock};
use serde_json::Value as Json;
use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, protocol::CloseFrame},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The machine's clock, which a test can move ahead.
#[derive(Default)]
pub(super) struct TestClock {
    ahead: watch::Sender<Duration>,
}

impl TestClock {
    pub(super) fn advance(&self, span: Duration) {
        self.ahead.send_modify(|ahead| *ahead += span);
    }
}

#[async_trait::async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + *self.ahead.borrow()
    }

    async fn sleep_until(&self, until: Timestamp) {
        let mut moved = self.ahead.subscribe();
        loop {
            let left = until - *moved.borrow_and_update();
            tokio::select! {
                () = SystemClock.sleep_until(left) => return,
                // The sender lives in `self`.
                _ = moved.changed() => {}
            }
        }
    }
}

pub(super) struct World {
    pub(super) product: Arc<TestProduct>,
    pub(super) clock: Arc<TestClock>,
    pub(super) room: Arc<Sync<TestProduct>>,
    pub(super) address: SocketAddr,
    _stop: DropGuard,
}

impl World {
    pub(super) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    #[expect(clippy::disallowed_methods, reason = "the test is the composition root")]
    pub(super) async fn with(limit: impl FnOnce(&mut Limits)) -> Self {
        let (product, clock) = (Arc::new(TestProduct::default()), Arc::new(TestClock::default()));
        let mut limits = Limits { close_spread: Duration::ZERO, ..Limits::default() };
        limit(&mut limits);
        let (held, addresses) = (Arc::clone(&clock), ClientAddresses::default());
        let room = Sync::new(Arc::clone(&product), held, addresses, limits, 1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router: Router = routes(Arc::clone(&room));
        tokio::spawn(server::run(listener, router, stop.clone(), Duration::from_secs(1)));
        Self { product, clock, room, address, _stop: stop.drop_guard() }
    }

    pub(super) async fn socket(&self) -> Socket {
        self.socket_at("/api/1.48.0/sync").await
    }

    pub(super) async fn socket_at(&self, path: &str) -> Socket {
        let url = format!("ws://{}{path}", self.address);
        let stream = TcpStream::connect(self.address).await.unwrap();
        // As browsers do: a burst is not held back for an acknowledgement.
        stream.set_nodelay(true).unwrap();
        let stream = MaybeTlsStream::Plain(stream);
        let (socket, _) = patient(tokio_tungstenite::client_async(url, stream)).await.unwrap();
        Socket { socket, model: Model::default() }
    }

    /// Status, head and body of one HTTP exchange.
    pub(super) async fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        // A body that is refused early is not read to its end.
        let _ = stream.write_all(body.as_bytes()).await;
        let mut answer = Vec::new();
        patient(stream.read_to_end(&mut answer)).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }
}

/// Nothing that a test waits for takes long; what takes longer does not come.
pub(super) async fn patient<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(PATIENCE, what).await.expect("it comes")
}

/// What came of a socket.
pub(super) enum Came {
    Frame(Json),
    Closed(Option<(u16, String)>),
}

pub(super) struct Socket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(super) model: Model,
}

impl Socket {
    pub(super) async fn send(&mut self, message: &Json) {
        match message["type"].as_str() {
            Some("ModifyQuerySet") => self.model.query_set += 1,
            Some("Authenticate") => self.model.identity += 1,
            Some("Mutation") => self.model.open.push(message["requestId"].as_u64().unwrap()),
            _ => {}
        }
        self.send_text(message.to_string()).await;
    }

    pub(super) async fn send_text(&mut self, text: String) {
        self.socket.send(Message::Text(text.into())).await.unwrap();
    }

    /// Sends as much of it as is taken.
    pub(super) async fn try_text(&mut self, text: String) {
        let _ = self.socket.send(Message::Text(text.into())).await;
    }

    pub(super) async fn send_message(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// The next frame or the end, whatever the rules say.
    pub(super) async fn raw(&mut self) -> Came {
        loop {
            match patient(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return Came::Frame(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.map(|CloseFrame { code, reason }| (code.into(), reason.to_string()));
                    return Came::Closed(frame);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Came::Closed(Some((1006, error.to_string()))),
                None => return Came::Closed(Some((1006, String::new()))),
            }
        }
    }

    /// The next frame, which must be within the rules.
    pub(super) async fn frame(&mut self) -> Json {
        match self.raw().await {
            Came::Frame(frame) => frame,
            Came::Closed(why) => panic!("closed: {why:?}"),
        }
    }

    /// The next frame of this type, the rules minded.
    pub(super) async fn expect(&mut self, kind: &str) -> Json {
        loop {
            let frame = self.frame().await;
            let whole = self.model.receive(&frame).unwrap_or_else(|wrong| panic!("{wrong}"));
            if frame["type"] == kind {
                return frame;
            }
            if let Some(whole) = whole.filter(|_| kind == "Transition") {
                return whole;
            }
        }
    }

    /// The close, after frames of these types.
    pub(super) async fn closed(&mut self) -> (Vec<Json>, Option<(u16, String)>) {
        let mut frames = Vec::new();
        loop {
            match self.raw().await {
                Came::Frame(frame) => frames.push(frame),
                Came::Closed(why) => return (frames, why),
            }
        }
    }
}
