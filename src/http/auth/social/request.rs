//! The body that begins a sign-in or a link.

use super::super::{Outcome, call::Call};
use super::round_trip::{self, Link, RoundTrip};
use crate::auth::{
    answer::Answer,
    cookie::{Name, STATE_SECONDS},
    error::AuthError,
    google::{Authorization, RESERVED_PARAMETERS, RESERVED_PROBLEM},
    pkce,
    random::Kind,
    validate::{self, Fields, Shape},
};
use greenroom_actors::signin;
use secrecy::SecretString;
use serde_json::json;

/// What a client asks for.
pub(super) struct Request {
    pub(super) provider: String,
    callback: Option<String>,
    new_user: Option<String>,
    error: Option<String>,
    stays: bool,
    scopes: Vec<String>,
    login_hint: Option<String>,
    additional: Vec<(String, String)>,
    pub(super) id_token: Option<GivenIdToken>,
}

/// An id token that the client got by itself.
pub(super) struct GivenIdToken {
    pub(super) token: SecretString,
    pub(super) nonce: Option<String>,
    pub(super) access: Option<SecretString>,
    pub(super) refresh: Option<SecretString>,
    /// When the access token ends, in Unix seconds.
    pub(super) expires_at: Option<f64>,
}

/// Reads the body.
pub(super) fn read(call: &Call) -> Result<Request, AuthError> {
    validate::body(call.body.as_ref(), Shape::Object, |fields| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Request {
            provider: fields.choice("provider").to_owned(),
            callback: owned(fields.optional_string("callbackURL")),
            new_user: owned(fields.optional_string("newUserCallbackURL")),
            error: owned(fields.optional_string("errorCallbackURL")),
            stays: fields.optional_bool("disableRedirect").unwrap_or_default(),
            id_token: fields.optional_object("idToken", id_token),
            scopes: fields
                .optional_strings("scopes")
                .map(|scopes| scopes.into_iter().map(str::to_owned).collect())
                .unwrap_or_default(),
            login_hint: {
                fields.optional_bool("requestSignUp");
                owned(fields.optional_string("loginHint"))
            },
            additional: additional(fields),
        }
    })
}

fn id_token(fields: &mut Fields<'_>) -> GivenIdToken {
    let secret = |text: Option<&str>| text.map(SecretString::from);
    GivenIdToken {
        token: SecretString::from(fields.string("token")),
        nonce: fields.optional_string("nonce").map(str::to_owned),
        access: secret(fields.optional_string("accessToken")),
        refresh: secret(fields.optional_string("refreshToken")),
        expires_at: fields.optional_number("expiresAt"),
    }
}

/// Further parameters of the provider's page. What ties the round trip together is not theirs to set.
fn additional(fields: &mut Fields<'_>) -> Vec<(String, String)> {
    fields.optional_record("additionalData");
    let pairs = fields.optional_string_record("additionalParams").unwrap_or_default();
    if pairs.iter().any(|(name, _)| RESERVED_PARAMETERS.contains(name)) {
        fields.problem("additionalParams", RESERVED_PROBLEM);
    }
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Begins a round trip: the answer says where to go, and the browser gets the state as a cookie.
pub(super) async fn begin(call: &mut Call, request: &Request, link: Option<Link>) -> Outcome {
    let client = super::provider(call, &request.provider)?;
    let owner = round_trip::owner(call, link.as_ref());
    let state = signin::draw(owner.as_ref(), || call.random(Kind::State))?;
    let verifier = call.random(Kind::CodeVerifier)?;
    let redirect_uri = round_trip::redirect_uri(call);
    let scopes: Vec<&str> = request.scopes.iter().map(String::as_str).collect();
    let additional: Vec<(&str, &str)> =
        request.additional.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let url = client.authorization_url(&Authorization {
        state: &state,
        redirect_uri: &redirect_uri,
        code_challenge: &pkce::challenge(&verifier),
        scopes: &scopes,
        login_hint: request.login_hint.as_deref(),
        hosted_domain: None,
        additional: &additional,
    });
    let own = call.auth().origins.own().to_owned();
    let round_trip = RoundTrip {
        callback_url: request.callback.clone().filter(|target| !target.is_empty()).unwrap_or(own),
        error_url: request.error.clone(),
        new_user_url: request.new_user.clone(),
        code_verifier: verifier,
        link,
    };
    round_trip::start(call, &state, &round_trip).await?;
    let cookie = call.auth().cookies.set_signed(Name::State, &state, Some(STATE_SECONDS));
    call.set_cookies([cookie]);
    let answer = Answer::json(&json!({ "url": url, "redirect": !request.stays }));
    Ok(if request.stays { answer } else { answer.location(&url) })
}
