//! Every route of the sandbox, on one page.

use super::{
    SandboxState,
    call::{self, Host},
    control, form, google,
    limits::BODY_MAX,
    oauth, page,
};
use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header},
    middleware::{self, Next},
    routing::{any, get, post},
};
use bytes::Bytes;
use serde_json::{Value, json};

/// All routes. Each played host has its prefix, so that paths below it are the real ones.
pub(crate) fn router(state: SandboxState) -> Router {
    let control = Router::new()
        .route("/_sandbox", get(overview))
        .route("/_sandbox/form/{action}", post(submit))
        .route("/_sandbox/{*path}", any(control_api))
        .layer(middleware::from_fn(same_site_only));
    Router::new()
        .route("/ig-www/oauth/authorize", get(authorize))
        .route("/google/o/oauth2/v2/auth", get(google_page))
        .route("/google/{*path}", any(google_host))
        .route("/ig-api/{*path}", any(api_host))
        .route("/ig-graph/{*path}", any(graph_host))
        .route("/cdn/{*path}", get(file))
        .merge(control)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(state)
}

/// A page of another site must not steer the sandbox of somebody's machine.
async fn same_site_only(request: Request, next: Next) -> Response<Body> {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let foreign = matches!(site, Some("cross-site" | "same-site"));
    if foreign && request.method() != Method::GET {
        return json_response(StatusCode::FORBIDDEN, &json!({"error": "cross-site request"}));
    }
    next.run(request).await
}

async fn authorize(State(state): State<SandboxState>, uri: Uri) -> Response<Body> {
    oauth::authorize(&state, &uri)
}

async fn google_page(State(state): State<SandboxState>, uri: Uri) -> Response<Body> {
    google::authorize(&state, &uri)
}

async fn google_host(
    State(state): State<SandboxState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    google::ensure_key(&state).await;
    call::answer(&state, Host::Google, "/google", (method, &uri, &headers), body).await
}

async fn api_host(
    State(state): State<SandboxState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    call::answer(&state, Host::Api, "/ig-api", (method, &uri, &headers), body).await
}

async fn graph_host(
    State(state): State<SandboxState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    call::answer(&state, Host::Graph, "/ig-graph", (method, &uri, &headers), body).await
}

async fn control_api(
    State(state): State<SandboxState>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response<Body> {
    let body = if body.is_empty() {
        Value::Object(serde_json::Map::new())
    } else {
        match serde_json::from_slice(&body) {
            Ok(body) => body,
            Err(_) => {
                return json_response(StatusCode::BAD_REQUEST, &json!({"error": "the body is not json"}));
            }
        }
    };
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let target = target.strip_prefix("/_sandbox").unwrap_or(target);
    match state.control(method.as_str(), target, body).await {
        Ok(answer) => json_response(StatusCode::OK, &answer),
        Err(refused) => json_response(refused.status(), &json!({"error": refused.to_string()})),
    }
}

async fn overview(State(state): State<SandboxState>) -> Response<Body> {
    page::overview(&state)
}

async fn submit(State(state): State<SandboxState>, uri: Uri, body: Bytes) -> Response<Body> {
    let action = uri.path().strip_prefix("/_sandbox/form/").unwrap_or_default();
    let members = form::pairs(&String::from_utf8_lossy(&body));
    let members = members.into_iter().filter(|(_, value)| !value.is_empty());
    let body = Value::Object(members.map(|(name, value)| (name, Value::String(value))).collect());
    match control::form(&state, action, body).await {
        Ok(_) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/_sandbox"));
            response
        }
        Err(refused) => page::html_page(refused.status(), "Sorry", &page::escape_html(&refused.to_string())),
    }
}

/// Any file of the content delivery network: one transparent pixel.
async fn file() -> Response<Body> {
    let mut response = Response::new(Body::from(page::PIXEL));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    response
}

fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
