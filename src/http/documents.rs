//! The published documents of the functions, and a page to browse them.

use crate::functions::{Registry, documents};
use axum::{
    Router,
    http::{HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use bytes::Bytes;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// What the page needs: its own scripts and styles, and calls to this server.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

/// `/api/function_spec.json`, `/api/openapi.json`, `/api/functions.ts` and the page `/api/docs`. Made once.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(registry: &Registry, url: &str) -> Router<S> {
    let json = "application/json";
    let page: Router<S> = SwaggerUi::new("/api/docs").config(Config::new(["/api/openapi.json"])).into();
    let policy = HeaderValue::from_static(PAGE_POLICY);
    Router::new()
        .route("/api/function_spec.json", text(json, documents::function_spec(registry, url).to_string()))
        .route("/api/openapi.json", text(json, documents::openapi(registry, url).to_string()))
        .route("/api/functions.ts", text("text/plain; charset=utf-8", documents::typescript(registry)))
        .merge(page.layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, policy)))
}

fn text<S: Clone + Send + Sync + 'static>(
    kind: &'static str,
    text: String,
) -> axum::routing::MethodRouter<S> {
    let text = Bytes::from(text);
    get(move || {
        let text = text.clone();
        async move { ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response() }
    })
}
