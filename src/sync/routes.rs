//! Every route of the protocol, on one page.

use super::{
    Product, Sync,
    http::{self, cors},
    socket,
};
use axum::{
    Router,
    middleware::from_fn,
    routing::{get, post},
};
use std::sync::Arc;

/// The routes of the protocol, to be merged into the surface.
///
/// Clients that were given an address with a slash at its end ask with two: both are served.
pub fn routes<P: Product, S: Clone + Send + std::marker::Sync + 'static>(room: Arc<Sync<P>>) -> Router<S> {
    let mut calls = Router::new();
    let mut sockets = Router::new();
    for base in ["", "/"] {
        let at = |path: &str| format!("{base}{path}");
        calls = calls
            .route(&at("/api/query"), get(http::query_by_address::<P>).post(http::query::<P>))
            .route(&at("/api/mutation"), post(http::mutation::<P>))
            .route(&at("/api/action"), post(http::action::<P>))
            .route(&at("/api/query_ts"), post(http::query_ts::<P>))
            .route(&at("/api/query_at_ts"), post(http::query_at_ts::<P>))
            .route(&at("/api/query_batch"), post(http::query_batch::<P>))
            .route(&at("/api/run/{*path}"), post(http::run_by_address::<P>))
            .route(&at("/api/debug_event"), post(http::debug_event))
            .route(&at("/version"), get(http::version));
        sockets = sockets
            .route(&at("/api/sync"), get(socket::unversioned::<P>))
            .route(&at("/api/{version}/sync"), get(socket::versioned::<P>));
    }
    calls.route_layer(from_fn(cors::allow)).merge(sockets).with_state(room)
}
