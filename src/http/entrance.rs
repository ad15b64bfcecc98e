//! The door before and after recovery: it answers from the first moment, and takes work once there is somebody to do it.

use super::router::waiting;
use axum::{Router, extract::Request, response::Response, routing::future::RouteFuture};
use hyper::body::Incoming;
use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};
use tower::Service;

/// Serves "recovering" until it is opened, then the whole surface, also on connections that are open already.
#[derive(Clone)]
pub struct Entrance {
    waiting: Router,
    whole: Arc<OnceLock<Router>>,
}

impl Default for Entrance {
    fn default() -> Self {
        Self { waiting: waiting(), whole: Arc::default() }
    }
}

impl Entrance {
    /// From now on everything is served. Only the first surface counts.
    pub fn open(&self, whole: Router) {
        // A second surface would be a second start of the same door, which nobody makes.
        let _ = self.whole.set(whole);
    }
}

impl Service<Request<Incoming>> for Entrance {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        self.whole.get().unwrap_or(&self.waiting).clone().call(request)
    }
}
