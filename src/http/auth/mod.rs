//! `/api/auth/*`: the endpoints of the Better Auth contract, listed once, each with its own file of rules.
//!
//! The order of processing is the contract's: rate limit, route, body, origin and redirect targets, then the endpoint
//! with its schema, guards and work. Product routes under the same prefix stand in the router and never come here.

mod accounts;
mod call;
mod change_email;
mod convex;
mod deletion;
mod passwords;
mod profile;
mod reset;
mod sessions;
mod shapes;
mod sign_in;
mod sign_up;
mod social;
mod status;
mod verification;

use self::call::Call;
use super::router::Door;
use crate::auth::{
    BASE_PATH,
    answer::Answer,
    body::{self, BODY_BYTES_MAX},
    error::{AuthError, Refusal},
    redirect,
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{Method, Request, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use http_body_util::{BodyExt, LengthLimitError, Limited};

type Outcome = Result<Answer, AuthError>;
type Handler = for<'c> fn(&'c mut Call) -> BoxFuture<'c, Outcome>;

/// One endpoint. A path that ends with a slash takes one more segment, which the handler gets.
struct Endpoint {
    method: Method,
    path: &'static str,
    forms: Forms,
    handler: Handler,
}

/// Whether an endpoint takes forms beside JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forms {
    Refused,
    Taken,
}

macro_rules! endpoints {
    ($($method:ident $path:literal $forms:ident $handler:path;)*) => {
        &[$(Endpoint {
            method: Method::$method,
            path: $path,
            forms: Forms::$forms,
            handler: |call| Box::pin($handler(call)),
        },)*]
    };
}

/// The whole surface of the contract.
static ENDPOINTS: &[Endpoint] = endpoints! {
    GET  "/ok"                       Refused status::ok;
    GET  "/error"                    Refused status::error;
    POST "/sign-up/email"            Taken   sign_up::by_email;
    POST "/sign-in/email"            Taken   sign_in::by_email;
    GET  "/get-session"              Refused sessions::get;
    POST "/get-session"              Refused sessions::post;
    POST "/sign-out"                 Refused sessions::sign_out;
    GET  "/list-sessions"            Refused sessions::list;
    POST "/revoke-session"           Refused sessions::revoke;
    POST "/revoke-sessions"          Refused sessions::revoke_all;
    POST "/revoke-other-sessions"    Refused sessions::revoke_others;
    POST "/update-user"              Refused profile::update_user;
    POST "/update-session"           Refused profile::update_session;
    POST "/change-password"          Refused passwords::change;
    POST "/verify-password"          Refused passwords::verify;
    POST "/request-password-reset"   Refused reset::request;
    GET  "/reset-password/"          Refused reset::follow;
    POST "/reset-password"           Refused reset::set;
    POST "/send-verification-email"  Refused verification::send;
    GET  "/verify-email"             Refused verification::follow;
    POST "/change-email"             Refused change_email::request;
    POST "/delete-user"              Refused deletion::delete;
    GET  "/delete-user/callback"     Refused deletion::follow;
    GET  "/list-accounts"            Refused accounts::list;
    POST "/unlink-account"           Refused accounts::unlink;
    POST "/sign-in/social"           Refused social::sign_in;
    GET  "/callback/"                Refused social::back;
    POST "/callback/"                Taken   social::posted;
    POST "/one-tap/callback"         Refused social::one_tap;
    POST "/link-social"              Refused social::link;
    POST "/get-access-token"         Refused social::get_access_token;
    POST "/refresh-token"            Refused social::refresh_token;
    GET  "/account-info"             Refused social::account_info;
    GET  "/convex/token"             Refused convex::issue;
    GET  "/convex/jwks"              Refused convex::keys;
    GET  "/convex/.well-known/openid-configuration" Refused convex::discovery;
};

/// The rate limits of everything under the base path, the product's own routes among it.
pub(super) async fn limit(State(door): State<Door>, request: Request<Body>, next: Next) -> Response {
    let path = request.uri().path();
    let path = path.strip_prefix(BASE_PATH).unwrap_or(path);
    let client = door.app.auth.client_of(request.headers());
    if let Some(limiter) = &door.app.auth.limiter
        && let Err(limited) = limiter.check(door.app.clock.now(), client, path)
    {
        return AuthError::TooManyRequests { retry_after_s: limited.retry_after_s }.into_response();
    }
    next.run(request).await
}

/// Answers everything under the base path.
pub(super) async fn serve(State(door): State<Door>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix(BASE_PATH).unwrap_or_default();
    let client = door.app.auth.client_of(&parts.headers);
    let Some((endpoint, param)) = find(&parts.method, path) else {
        return AuthError::NotFound.into_response();
    };
    let address = client.map(|client| client.to_string()).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let mut call = Call::new(door, parts.headers.clone(), query, param, address);
    let outcome = run(&mut call, endpoint, &parts, body).await;
    call.until_answer().await;
    let answer = outcome.unwrap_or_else(|error| Answer::error(&error));
    let answer = answer.cookies(call.take_cookies()).cookies(call.convex_cookie());
    if path == "/get-session" { answer.uncacheable() } else { answer }.into_response()
}

/// `/.well-known/openid-configuration` at the root leads to the document of the tokens of the sync protocol.
pub(super) async fn discovery(State(door): State<Door>) -> Response {
    Answer::redirect(&format!("{}/convex/.well-known/openid-configuration", door.app.auth.base()))
        .into_response()
}

async fn run(call: &mut Call, endpoint: &Endpoint, parts: &Parts, body: Body) -> Outcome {
    if endpoint.method != Method::GET {
        let bytes = read(body).await?;
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        call.body = body::decode(kind, &bytes, endpoint.forms == Forms::Taken)?;
        call.check_origin(&endpoint.method)?;
        redirect::check_targets(&call.auth().origins, call.body.as_ref(), &call.query)?;
    }
    (endpoint.handler)(call).await
}

/// The endpoint of a path, which is taken letter by letter, and what stands for its parameter.
fn find<'p>(method: &Method, path: &'p str) -> Option<(&'static Endpoint, &'p str)> {
    ENDPOINTS.iter().filter(|endpoint| endpoint.method == *method).find_map(|endpoint| {
        let rest = path.strip_prefix(endpoint.path)?;
        let takes_one = endpoint.path.ends_with('/');
        let fits = if takes_one { !rest.is_empty() && !rest.contains('/') } else { rest.is_empty() };
        fits.then_some((endpoint, rest))
    })
}

async fn read(body: Body) -> Result<Bytes, AuthError> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(AuthError::BodyTooLarge),
        Err(_) => Err(Refusal::InvalidJson.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(method: Method, path: &str) -> Option<(&'static str, &str)> {
        find(&method, path).map(|(endpoint, param)| (endpoint.path, param))
    }

    #[test]
    fn paths_are_taken_letter_by_letter() {
        assert_eq!(path_of(Method::GET, "/ok"), Some(("/ok", "")));
        assert_eq!(path_of(Method::GET, "/reset-password/abc"), Some(("/reset-password/", "abc")));
        assert_eq!(path_of(Method::POST, "/reset-password"), Some(("/reset-password", "")));
        for other in ["/ok/", "//ok", "/OK", "/nope", "", "/reset-password/", "/reset-password/a/b"] {
            assert_eq!(path_of(Method::GET, other), None, "{other}");
        }
        for method in [Method::POST, Method::HEAD, Method::OPTIONS, Method::DELETE] {
            assert_eq!(path_of(method, "/ok"), None);
        }
    }
}
