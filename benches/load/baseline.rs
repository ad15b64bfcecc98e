//! What the machine gives at best: the same door with almost nothing behind it.

use crate::{payload::SECRET, stage};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use greenroom::server;
use greenroom_instagram::signature::{SIGNATURE_HEADER, SecretList};
use greenroom_persistence::{DueChange, EntityId, Erase, NewRecord, Seq, Stores, embedded};
use parking_lot::Mutex;
use secrecy::SecretString;
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::sync::CancellationToken;

/// Entities that raw bodies are appended to, more than there are requests at once.
const ENTITIES: usize = 4_096;

/// A running baseline.
pub(crate) struct Baseline {
    pub(crate) address: SocketAddr,
    runtime: Runtime,
    stop: CancellationToken,
    stores: Option<Stores>,
    _temporary: TempDir,
}

struct Door {
    secrets: SecretList,
    journal: Option<Stores>,
    /// Free entities with the seq of their last record.
    entities: Mutex<Vec<(EntityId, Seq)>>,
}

impl Baseline {
    /// Signature check only, or also a durable append of the raw body.
    pub(crate) fn start(durable: bool) -> anyhow::Result<Self> {
        let runtime = stage::server_runtime()?;
        let temporary = stage::temporary()?;
        let stores = if durable {
            Some(embedded::open(&embedded::Options::new(temporary.path()), &mut |_| ())?.stores)
        } else {
            None
        };
        let mut entities = Vec::with_capacity(ENTITIES);
        for n in 0..ENTITIES {
            entities.push((EntityId::new("baseline", &n.to_string())?, Seq::ZERO));
        }
        let door = Door {
            secrets: SecretList::new([SecretString::from(SECRET)])?,
            journal: stores.clone(),
            entities: Mutex::new(entities),
        };
        let router = Router::new().route("/api/webhooks/instagram", post(receive)).with_state(Arc::new(door));
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        runtime.spawn(server::run(listener, router, stop.clone(), Duration::from_secs(1)));
        Ok(Self { address, runtime, stop, stores, _temporary: temporary })
    }

    pub(crate) fn stop(self) {
        self.stop.cancel();
        if let Some(stores) = &self.stores {
            self.runtime.block_on(stores.journal.close());
        }
        self.runtime.shutdown_timeout(Duration::from_secs(5));
    }
}

async fn receive(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signatures = headers.get_all(SIGNATURE_HEADER).iter().map(|value| value.as_bytes());
    if door.secrets.verify(signatures, &body).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let Some(stores) = &door.journal else { return StatusCode::OK };
    let taken = door.entities.lock().pop();
    let Some((entity, seq)) = taken else { return StatusCode::SERVICE_UNAVAILABLE };
    let record = NewRecord {
        entity: entity.clone(),
        expected_seq: seq,
        payload: body.to_vec(),
        rows: Vec::new(),
        directory: Vec::new(),
        due: DueChange::Unchanged,
        erase: Erase::Nothing,
    };
    match stores.journal.append(record).await {
        Ok(committed) => {
            door.entities.lock().push((entity, committed.seq));
            StatusCode::OK
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
