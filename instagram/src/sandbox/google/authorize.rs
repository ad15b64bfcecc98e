//! The page where a person is chosen.

use super::{Google, Grant};
use crate::sandbox::{
    SandboxState,
    delivery::is_loopback_host,
    form,
    page::{escape_html, html_page},
};
use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, Uri, header},
};
use reqwest::Url;
use std::fmt::Write;

/// What a product asks for.
struct Asked<'a> {
    client_id: &'a str,
    redirect_uri: Url,
    /// As written, to be compared byte for byte.
    redirect_text: &'a str,
    scope: &'a str,
    state: Option<&'a str>,
}

fn read(query: &[(String, String)]) -> Result<Asked<'_>, &'static str> {
    let get = |name: &str| form::first(query, name);
    let client_id = get("client_id").filter(|id| !id.is_empty()).ok_or("Error 401: invalid_client")?;
    let redirect_text = get("redirect_uri").ok_or("Error 400: invalid_request (redirect_uri is missing)")?;
    let redirect_uri = Url::parse(redirect_text).map_err(|_| "Error 400: redirect_uri_mismatch")?;
    if !redirect_uri.host_str().is_some_and(is_loopback_host) || redirect_uri.fragment().is_some() {
        return Err("Error 400: redirect_uri_mismatch");
    }
    if get("response_type") != Some("code") {
        return Err("Error 400: unsupported_response_type");
    }
    let scope = get("scope").unwrap_or_default();
    if !scope.split(' ').any(|scope| scope == "openid") {
        return Err("Error 400: invalid_scope");
    }
    if get("code_challenge").is_some() && get("code_challenge_method") != Some("S256") {
        return Err("Error 400: invalid_request (code_challenge_method)");
    }
    Ok(Asked { client_id, redirect_uri, redirect_text, scope, state: get("state") })
}

/// `GET /google/o/oauth2/v2/auth`
pub(crate) fn authorize(state: &SandboxState, uri: &Uri) -> Response<Body> {
    let query = form::pairs(uri.query().unwrap_or_default());
    let get = |name: &str| form::first(&query, name);
    let asked = match read(&query) {
        Ok(asked) => asked,
        Err(reason) => {
            return html_page(StatusCode::BAD_REQUEST, "Sign in with Google", &escape_html(reason));
        }
    };
    state.locked(|world| match form::first(&query, "sandbox_login").map(str::trim) {
        None => ask(&world.google, &query, get("login_hint")),
        Some("deny") => back(&asked, &[("error", "access_denied")]),
        Some(email) => {
            let Some(user) = world.google.user_or_new(email) else {
                return html_page(
                    StatusCode::BAD_REQUEST,
                    "Sign in with Google",
                    "There is no such account.",
                );
            };
            let grant = Grant {
                email: user.email.clone(),
                client_id: asked.client_id.to_owned(),
                redirect_uri: asked.redirect_text.to_owned(),
                scope: asked.scope.to_owned(),
                nonce: get("nonce").map(str::to_owned),
                challenge: get("code_challenge").map(str::to_owned),
                offline: get("access_type") == Some("offline"),
                at: world.now,
            };
            let code = world.google.issue_code(grant);
            back(&asked, &[("code", &code), ("scope", asked.scope), ("authuser", "0"), ("prompt", "consent")])
        }
    })
}

fn back(asked: &Asked<'_>, answer: &[(&str, &str)]) -> Response<Body> {
    let mut to = asked.redirect_uri.clone();
    {
        let mut pairs = to.query_pairs_mut();
        if let Some(state) = asked.state {
            pairs.append_pair("state", state);
        }
        pairs.extend_pairs(answer);
    }
    let Ok(to) = HeaderValue::from_str(to.as_str()) else {
        return html_page(StatusCode::BAD_REQUEST, "Sign in with Google", "Error 400: redirect_uri_mismatch");
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(header::LOCATION, to);
    response
}

fn ask(google: &Google, query: &[(String, String)], hint: Option<&str>) -> Response<Body> {
    let kept = hidden(query);
    let mut body = format!("<p>An app wants to know who you are.</p><form method=get>{kept}");
    for user in google.users.iter().take(100) {
        let (email, name) = (escape_html(&user.email), escape_html(&user.name));
        // Writing to a string can not fail.
        let _ = write!(
            body,
            "<p><button name=sandbox_login value=\"{email}\">Continue as {name} ({email})</button></p>"
        );
    }
    let hint = escape_html(hint.unwrap_or_default());
    let _ = write!(
        body,
        "<p><button name=sandbox_login value=deny>Cancel</button></p></form><form method=get>{kept}<p><input type=email \
         name=sandbox_login value=\"{hint}\" placeholder=\"somebody@example.com\" required> <button>Continue as somebody \
         else</button></p></form>"
    );
    html_page(StatusCode::OK, "Sign in with Google (sandbox)", &body)
}

/// What the product asked for, carried along by the page.
fn hidden(query: &[(String, String)]) -> String {
    let mut fields = String::new();
    for (name, value) in query.iter().filter(|(name, _)| name != "sandbox_login") {
        let (name, value) = (escape_html(name), escape_html(value));
        let _ = write!(fields, "<input type=hidden name=\"{name}\" value=\"{value}\">");
    }
    fields
}
