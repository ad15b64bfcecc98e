//! Every route, on one page.

use super::{
    admin, auth, documents,
    error::{ApiError, Code},
    exports, health, import, instagram,
    limits::{RETRY_AFTER, WebhookLimits},
    mailbox, provision, realtime, storage, webhook,
};
use crate::{
    config,
    functions::{Functions, Registry},
    parts::App,
    places::Places,
    realtime::{STREAMS_MAX, STREAMS_OF_OWNER_MAX},
    sync::{self, Sync},
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::IntoResponse,
    routing::{any, delete, get, post, put},
};
use rand::TryRng;
use std::sync::Arc;
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};

/// What handlers receive.
#[derive(Clone)]
pub struct Door {
    /// The running application.
    pub app: Arc<App>,
    /// Admission of webhooks.
    pub webhooks: WebhookLimits,
    /// The functions, for live clients and over plain HTTP.
    pub live: Arc<Sync<Functions>>,
    /// Admission of streams of what happens.
    pub(super) streams: Arc<Places>,
}

impl Door {
    /// The door to a running application.
    #[must_use]
    pub fn new(app: Arc<App>, server: &config::Server) -> Self {
        let functions = Functions::new(Arc::clone(&app), Registry::product());
        // It only makes the names of failures differ from run to run.
        let seed = rand::rngs::SysRng.try_next_u64().unwrap_or_default();
        let live = Sync::new(
            Arc::new(functions),
            Arc::clone(&app.clock),
            app.auth.addresses.clone(),
            sync::Limits::default(),
            seed,
        );
        let streams = Arc::new(Places::new(STREAMS_MAX, STREAMS_OF_OWNER_MAX));
        Self { app, webhooks: WebhookLimits::new(server), live, streams }
    }
}

/// What is answered while the state is read back: the process lives, is not ready, and takes nothing.
pub(super) fn waiting() -> Router {
    let busy = || async { ApiError::new(Code::Unavailable, "recovering").retry_after(RETRY_AFTER) };
    let routes = Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::recovering))
        .fallback(busy);
    secured(routes)
}

/// The whole surface.
pub fn router(door: Door) -> Router {
    let workspace = Router::new()
        .route("/explain/{id}", get(admin::explain))
        .route("/outbox", get(admin::outbox))
        .route("/outbox/{id}/{operation}", post(admin::outbox_operation))
        .route("/safety-stop", delete(admin::lift_safety_stop))
        .route("/quarantine", get(admin::quarantine))
        .route("/instagram", put(provision::connect))
        .route("/plan", put(provision::set_plan))
        .route("/settings", put(provision::set_settings))
        .route("/automations", post(provision::create_automation))
        .layer(DefaultBodyLimit::max(provision::BODY_BYTES_MAX));
    let admin = Router::new()
        .nest("/workspaces/{workspace}", workspace)
        .route("/workspaces", get(admin::workspace_of))
        .route("/keys/reseal", post(admin::reseal))
        .route("/intake", get(admin::intake))
        .route("/automatic-sends", get(admin::automatic_sends).put(admin::stop_automatic_sends))
        .route(
            "/import/identities",
            post(import::identities).layer(DefaultBodyLimit::max(import::BODY_BYTES_MAX)),
        )
        .route_layer(axum::middleware::from_fn_with_state(door.clone(), admin::authenticate));
    let accounts = instagram::routes()
        .route("/api/auth/{*path}", any(auth::serve))
        .route_layer(axum::middleware::from_fn_with_state(door.clone(), auth::limit));
    let routes = Router::new()
        .route(
            "/api/webhooks/instagram",
            get(webhook::handshake).post(webhook::receive).fallback(webhook::other_method),
        )
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .nest("/api/admin", admin)
        .route("/api/exports/{token}", get(exports::download))
        .route("/__sandbox/mail", get(mailbox::list))
        .route("/api/realtime", get(realtime::subscribe))
        .merge(accounts)
        .merge(storage_routes())
        .merge(documents::routes(door.live.product().registry(), door.app.auth.origins.own()))
        .merge(sync::routes(Arc::clone(&door.live)))
        .route("/.well-known/openid-configuration", get(auth::discovery))
        .fallback(not_found)
        .with_state(door);
    secured(routes)
}

/// Files are uploaded and shown from pages of any origin.
fn storage_routes() -> Router<Door> {
    Router::new()
        .route("/api/storage/upload", post(storage::upload).options(not_found))
        .route("/api/storage/{id}", get(storage::serve).options(not_found))
        .route_layer(axum::middleware::from_fn(sync::allow_any_origin))
}

/// One layer of five, outermost first: every call of `layer` boxes each route once more, and each request pays.
fn secured(routes: Router) -> Router {
    routes.layer((
        security_header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        security_header(header::REFERRER_POLICY, "no-referrer"),
        security_header(header::X_FRAME_OPTIONS, "DENY"),
        security_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        CatchPanicLayer::new(),
    ))
}

fn security_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

async fn not_found() -> impl IntoResponse {
    StatusCode::NOT_FOUND
}
