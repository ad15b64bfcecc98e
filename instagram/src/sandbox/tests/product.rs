//! A product of a few lines: it takes webhooks and answers as told.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;
use std::{collections::VecDeque, net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, sync::watch};

#[derive(Clone)]
pub(super) struct Received {
    pub(super) signature: String,
    pub(super) body: Bytes,
}

#[derive(Default)]
struct Inbox {
    received: Mutex<Vec<Received>>,
    /// Statuses of the next answers; then 200.
    answers: Mutex<VecDeque<u16>>,
    callbacks: Mutex<Vec<String>>,
}

pub(super) struct Product {
    address: SocketAddr,
    inbox: Arc<Inbox>,
    count: Arc<watch::Sender<usize>>,
}

type Shared = (Arc<Inbox>, Arc<watch::Sender<usize>>);

async fn receive(State((inbox, count)): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers.get("x-hub-signature-256").map(|value| value.to_str().unwrap().to_owned());
    inbox.received.lock().push(Received { signature: signature.unwrap_or_default(), body });
    count.send_modify(|count| *count += 1);
    let status = inbox.answers.lock().pop_front().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}

async fn called_back(State((inbox, _)): State<Shared>, body: String) -> &'static str {
    inbox.callbacks.lock().push(body);
    r#"{"url":"https://app.example.com/privacy/deletion/fictcode0001","confirmation_code":"fictcode0001"}"#
}

impl Product {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (inbox, count) = (Arc::new(Inbox::default()), Arc::new(watch::Sender::new(0)));
        let app = Router::new()
            .route("/api/webhooks/instagram", post(receive))
            .route("/api/auth/instagram/deauthorize", post(called_back))
            .route("/api/auth/instagram/data-deletion", post(called_back))
            .with_state((Arc::clone(&inbox), Arc::clone(&count)));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, inbox, count }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/api/webhooks/instagram", self.address)
    }

    pub(super) fn answer_next(&self, statuses: &[u16]) {
        self.inbox.answers.lock().extend(statuses);
    }

    pub(super) async fn received(&self, at_least: usize) -> Vec<Received> {
        self.count.subscribe().wait_for(|count| *count >= at_least).await.unwrap();
        self.inbox.received.lock().clone()
    }

    pub(super) fn received_now(&self) -> usize {
        self.inbox.received.lock().len()
    }

    pub(super) fn callbacks(&self) -> Vec<String> {
        self.inbox.callbacks.lock().clone()
    }

    /// All items of all bodies, in order of arrival.
    pub(super) async fn items(&self, at_least_bodies: usize) -> Vec<Value> {
        let bodies = self.received(at_least_bodies).await;
        let mut items = Vec::new();
        for received in bodies {
            let body: Value = serde_json::from_slice(&received.body).unwrap();
            for entry in body["entry"].as_array().unwrap() {
                for list in ["messaging", "changes", "standby"] {
                    items.extend(entry[list].as_array().into_iter().flatten().cloned());
                }
            }
        }
        items
    }
}
