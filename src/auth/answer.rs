//! What the auth endpoints answer, as responses of the web framework. The only file here that knows it.

use super::{error::AuthError, redirect};
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;

/// The header of the contract beside the standard one.
const X_RETRY_AFTER: HeaderName = HeaderName::from_static("x-retry-after");

/// An answer that grows: status, body, cookies.
#[derive(Debug)]
pub struct Answer(Response<Body>);

impl Answer {
    /// 200 with a JSON body.
    #[must_use]
    pub fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => Self(json(StatusCode::OK, bytes)),
            Err(_) => Self::error(&AuthError::Internal),
        }
    }

    /// 200 with text that is JSON already.
    #[must_use]
    pub fn json_text(text: impl Into<String>) -> Self {
        Self(json(StatusCode::OK, text.into().into_bytes()))
    }

    /// 302 without a body. What a header cannot carry is percent-encoded.
    #[must_use]
    pub fn redirect(target: &str) -> Self {
        Self(empty(StatusCode::FOUND)).location(target)
    }

    /// 200 with a page.
    #[must_use]
    pub fn html(page: String) -> Self {
        let mut response = Response::new(Body::from(page));
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Self(response)
    }

    /// A refusal.
    #[must_use]
    pub fn error(error: &AuthError) -> Self {
        let wire = error.to_wire();
        let status = StatusCode::from_u16(wire.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = match wire.body.map(|body| serde_json::to_vec(&body)) {
            Some(Ok(bytes)) => json(status, bytes),
            None | Some(Err(_)) => empty(status),
        };
        if let Some(seconds) = wire.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            if wire.is_rate_limit {
                response.headers_mut().insert(X_RETRY_AFTER, HeaderValue::from(seconds));
            }
        }
        Self(response)
    }

    /// Adds `Location`, whatever the status.
    #[must_use]
    pub fn location(mut self, target: &str) -> Self {
        if let Ok(value) = HeaderValue::try_from(redirect::location(target)) {
            self.0.headers_mut().insert(header::LOCATION, value);
        }
        self
    }

    /// Adds cookies, in order.
    #[must_use]
    pub fn cookies(mut self, cookies: impl IntoIterator<Item = String>) -> Self {
        for cookie in cookies {
            if let Ok(mut value) = HeaderValue::try_from(cookie) {
                value.set_sensitive(true);
                self.0.headers_mut().append(header::SET_COOKIE, value);
            }
        }
        self
    }

    /// Must not be kept by anybody, as `get-session` asks for.
    #[must_use]
    pub fn uncacheable(mut self) -> Self {
        self.0.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.0.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response<Body> {
        self.0
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response<Body> {
        Answer::error(&self).0
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn json(status: StatusCode, bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::error::Refusal;
    use http_body_util::BodyExt;

    fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    async fn text(response: Response<Body>) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn errors_with_and_without_a_body() {
        let response = AuthError::from(Refusal::Unauthorized).into_response();
        assert_eq!(
            (response.status().as_u16(), header(&response, "content-type")),
            (401, Some("application/json"))
        );
        assert_eq!(text(response).await, r#"{"message":"Unauthorized","code":"UNAUTHORIZED"}"#);
        let response = AuthError::NotFound.into_response();
        assert_eq!((response.status().as_u16(), header(&response, "content-type")), (404, None));
        assert_eq!(text(response).await, "");
    }

    #[tokio::test]
    async fn a_rate_limit_tells_when_twice() {
        let response = AuthError::TooManyRequests { retry_after_s: 4 }.into_response();
        assert_eq!(header(&response, "x-retry-after"), Some("4"));
        assert_eq!(header(&response, "retry-after"), Some("4"));
        let response =
            AuthError::Overloaded { retry_after: std::time::Duration::from_secs(2) }.into_response();
        assert_eq!((header(&response, "x-retry-after"), header(&response, "retry-after")), (None, Some("2")));
    }

    #[tokio::test]
    async fn redirects_are_empty_and_cookies_keep_their_order() {
        let answer = Answer::redirect("/a b?x=ä").cookies(["a=1".to_owned(), "b=2".to_owned()]).uncacheable();
        let response = answer.into_response();
        assert_eq!(response.status().as_u16(), 302);
        assert_eq!(header(&response, "location"), Some("/a%20b?x=%C3%A4"));
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(text(Answer::json_text("null").into_response()).await, "null");
    }
}
