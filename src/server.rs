//! The listening socket: accepts, bounds and ends connections.
//!
//! Used instead of the framework's own loop because that one has neither a bound on connections nor a time limit for
//! request heads (a client that sends one header a minute would hold its connection for ever). HTTP/1.1 only: telling the
//! versions apart has no time limit in the library, and a proxy that ends TLS speaks HTTP/1.1 to us.

use axum::{Extension, extract::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1::Builder};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Layer, Service};

/// Connections open at the same time; further ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 20_000;
/// Time within which a request head must have arrived, counted from when it could have begun: so it also ends idle
/// connections.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest request head, in bytes.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Pause after the system refused to accept (out of descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end of a connection: a client, or the proxy before it. An extension of every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Serves until `stop`, then lets requests in flight finish within `grace`.
pub async fn run<S>(listener: TcpListener, service: S, stop: CancellationToken, grace: Duration)
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let tasks = TaskTracker::new();
    let builder = builder();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &connections) => accepted,
        };
        let (stream, peer, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                pause().await;
                continue;
            }
        };
        let service = TowerToHyperService::new(Extension(Peer(peer)).layer(service.clone()));
        let connection = builder.serve_connection(wrap(stream), service).with_upgrades();
        let stop = stop.clone();
        tasks.spawn(async move {
            let mut connection = pin!(connection);
            // A connection that breaks is the client's business.
            tokio::select! {
                _ = connection.as_mut() => {}
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
            drop(permit);
        });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(grace, tasks.wait()).await.is_err() {
        tracing::warn!("connections were still open at the deadline");
    }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

fn wrap(stream: TcpStream) -> TokioIo<TcpStream> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY on a connection");
    }
    TokioIo::new(stream)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .pipeline_flush(true);
    builder
}

#[expect(clippy::disallowed_methods, reason = "backs off from the operating system, not from the domain")]
async fn pause() {
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
