//! The consent page and the code exchange.

use super::{
    SandboxState,
    call::Request,
    delivery::is_loopback_host,
    form,
    page::{escape_html, html_page},
    world::{
        World,
        app::{APP_ID, APP_SECRET, SCOPES},
    },
};
use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, Uri, header},
};
use reqwest::Url;
use serde_json::{Value, json};
use std::fmt::Write;

/// What a product asks for.
struct Consent {
    redirect_uri: String,
    scopes: Vec<String>,
    state: Option<String>,
}

fn read(world: &World, query: &[(String, String)]) -> Result<Consent, &'static str> {
    let get = |name: &str| form::first(query, name);
    if get("client_id") != Some(APP_ID) {
        return Err("Invalid platform app: client_id is unknown");
    }
    let redirect_uri = get("redirect_uri").ok_or("redirect_uri is missing")?;
    let registered = &world.app.redirect_uris;
    let known = if registered.is_empty() {
        Url::parse(redirect_uri).is_ok_and(|url| url.host_str().is_some_and(is_loopback_host))
    } else {
        registered.iter().any(|uri| uri == redirect_uri)
    };
    if !known {
        return Err("Invalid redirect_uri: it is not registered for this app");
    }
    if get("response_type") != Some("code") {
        return Err("response_type must be code");
    }
    // Check boxes of the page repeat the parameter.
    let asked = query.iter().filter(|(name, _)| name == "scope").map(|(_, value)| value.as_str());
    let scopes: Vec<String> = asked
        .flat_map(|scope| scope.split([',', ' ']))
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect();
    if scopes.is_empty() || scopes.iter().any(|scope| !SCOPES.contains(&scope.as_str())) {
        return Err("Invalid scope");
    }
    Ok(Consent { redirect_uri: redirect_uri.to_owned(), scopes, state: get("state").map(str::to_owned) })
}

/// `GET /oauth/authorize`
pub(crate) fn authorize(state: &SandboxState, uri: &Uri) -> Response<Body> {
    let query = form::pairs(uri.query().unwrap_or_default());
    state.locked(|world| {
        let consent = match read(world, &query) {
            Ok(consent) => consent,
            Err(reason) => return html_page(StatusCode::BAD_REQUEST, "Sorry", &escape_html(reason)),
        };
        match form::first(&query, "sandbox_login") {
            None => ask(world, &query, &consent),
            Some("deny") => back(
                &consent,
                "error=access_denied&error_reason=user_denied&error_description=The+user+denied+your+request.",
                "",
            ),
            Some(username) => match world.accounts.find(username) {
                None => html_page(StatusCode::BAD_REQUEST, "Sorry", "There is no such account."),
                Some(account) => {
                    let uri = consent.redirect_uri.clone();
                    let code = world.issue_code(account, consent.scopes.clone(), uri);
                    back(&consent, &format!("code={code}"), "#_")
                }
            },
        }
    })
}

fn back(consent: &Consent, answer: &str, fragment: &str) -> Response<Body> {
    let joint = if consent.redirect_uri.contains('?') { '&' } else { '?' };
    let mut to = format!("{}{joint}{answer}", consent.redirect_uri);
    if let Some(state) = &consent.state {
        // Writing to a string can not fail.
        let _ = write!(to, "&state={}", form::encode(state));
    }
    to.push_str(fragment);
    let Ok(to) = HeaderValue::from_str(&to) else {
        return html_page(StatusCode::BAD_REQUEST, "Sorry", "The redirect_uri is not usable.");
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(header::LOCATION, to);
    response
}

fn ask(world: &World, query: &[(String, String)], consent: &Consent) -> Response<Body> {
    let mut body = String::from("<p>An app wants to manage your messages and comments.</p><form method=get>");
    for (name, value) in query.iter().filter(|(name, _)| name != "scope") {
        let _ = write!(
            body,
            "<input type=hidden name=\"{}\" value=\"{}\">",
            escape_html(name),
            escape_html(value)
        );
    }
    for scope in &consent.scopes {
        let scope = escape_html(scope);
        let _ = write!(
            body,
            "<p><label><input type=checkbox name=scope value=\"{scope}\" checked> {scope}</label></p>"
        );
    }
    for account in world.accounts.iter().take(100) {
        let name = escape_html(&account.username);
        let _ =
            write!(body, "<p><button name=sandbox_login value=\"{name}\">Continue as {name}</button></p>");
    }
    body.push_str("<p><button name=sandbox_login value=deny>Cancel</button></p></form>");
    html_page(StatusCode::OK, "Log in with Instagram (sandbox)", &body)
}

fn refused(message: &str) -> (u16, Value) {
    (400, json!({"error_type": "OAuthException", "code": 400, "error_message": message}))
}

/// Answers calls to `api.instagram.com`: the code exchange.
pub(crate) fn exchange(world: &mut World, request: &Request) -> (u16, Value) {
    if request.path != "/oauth/access_token" || request.method.as_str() != "POST" {
        return refused("Unsupported request");
    }
    if request.text("client_id") != Some(APP_ID) {
        return refused("Invalid platform app");
    }
    if request.text("client_secret") != Some(APP_SECRET) {
        return refused("Invalid client secret");
    }
    if request.text("grant_type") != Some("authorization_code") {
        return refused("Invalid grant_type");
    }
    let (Some(code), Some(redirect_uri)) = (request.text("code"), request.text("redirect_uri")) else {
        return refused("Missing required field code or redirect_uri");
    };
    let code = code.strip_suffix("#_").unwrap_or(code);
    let Some((account, scopes)) = world.spend_code(code, redirect_uri) else {
        return refused("Matching code was not found or was already used");
    };
    let app_scoped = world.accounts.get(account).map_or(0, |account| account.app_scoped);
    let (token, _) = world.issue_token(account, scopes.clone(), false);
    if world.app.wrapped_answers {
        let permissions = scopes.join(",");
        let user_id = app_scoped.to_string();
        return (
            200,
            json!({"data": [{"access_token": token, "user_id": user_id, "permissions": permissions}]}),
        );
    }
    (200, json!({"access_token": token, "user_id": app_scoped, "permissions": scopes}))
}
