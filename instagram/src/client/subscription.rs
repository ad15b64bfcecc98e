//! The subscription of an account to webhooks. Without it no event comes and some sends fail.

use super::{Client, read::list};
use crate::{
    errors::Target,
    ids::{AccountId, segment},
    json::Raw,
    outcome::{Answer, CallError},
    webhook::decode::text,
};
use secrecy::SecretString;
use std::sync::Arc;

/// Every field the product understands and the platform offers here.
pub const FIELDS: &str = "messages,message_edit,message_reactions,messaging_postbacks,messaging_referral,messaging_seen,messaging_optins,messaging_handover,comments,live_comments";
/// What the product can not do without; for apps that may not use some of [`FIELDS`].
pub const FIELDS_MINIMAL: &str = "messages,messaging_postbacks,comments";
/// The platform's code for a parameter or a method that is refused.
const BAD_PARAMETER: u32 = 100;

/// An app that gets an account's webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribedApp {
    /// The app; compare with the own app id.
    pub id: Arc<str>,
    /// The fields it gets.
    pub fields: Vec<Arc<str>>,
}

/// How far a subscription went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// With [`FIELDS`].
    Full,
    /// Only with [`FIELDS_MINIMAL`]: the app may not use all fields.
    Minimal,
}

impl Client {
    /// Subscribes the account. Falls back once from the account's id to `me`, and once to the minimal fields. May
    /// be repeated freely.
    pub async fn subscribe(
        &self,
        token: &SecretString,
        account: &AccountId,
    ) -> Answer<Result<Subscribed, CallError>> {
        let own = segment(account.as_str()).to_string();
        let mut path = own.as_str();
        let mut answer = self.subscribe_at(token, path, FIELDS).await;
        if is_bad_parameter(&answer.value, true) {
            path = "me";
            answer = self.subscribe_at(token, path, FIELDS).await;
        }
        if !is_bad_parameter(&answer.value, false) {
            return Answer { value: answer.value.map(|()| Subscribed::Full), usage: answer.usage };
        }
        let answer = self.subscribe_at(token, path, FIELDS_MINIMAL).await;
        Answer { value: answer.value.map(|()| Subscribed::Minimal), usage: answer.usage }
    }

    async fn subscribe_at(
        &self,
        token: &SecretString,
        path: &str,
        fields: &str,
    ) -> Answer<Result<(), CallError>> {
        let url = format!("{}/{path}/subscribed_apps", self.graph);
        let request = self.http.post(url).query(&[("subscribed_fields", fields)]);
        self.read(request, token, Target::Object, succeeded).await
    }

    /// The apps that get the account's webhooks; the own one is missing when the platform unsubscribed it.
    pub async fn subscriptions(
        &self,
        token: &SecretString,
        account: &AccountId,
    ) -> Answer<Result<Vec<SubscribedApp>, CallError>> {
        let path = format!("{}/subscribed_apps", segment(account.as_str()));
        let parse = |body: Raw<'_>| body.get("data").map(|data| list(data, app));
        self.read(self.get(&path, &[]), token, Target::Object, parse).await
    }

    /// Ends the subscription. May be repeated freely.
    pub async fn unsubscribe(
        &self,
        token: &SecretString,
        account: &AccountId,
    ) -> Answer<Result<(), CallError>> {
        let url = format!("{}/{}/subscribed_apps", self.graph, segment(account.as_str()));
        self.read(self.http.delete(url), token, Target::Object, succeeded).await
    }
}

fn succeeded(body: Raw<'_>) -> Option<()> {
    body.get("success").and_then(Raw::bool).filter(|&success| success).map(drop)
}

fn is_bad_parameter<T>(value: &Result<T, CallError>, of_method: bool) -> bool {
    match value {
        Err(CallError::Refused(refusal)) if refusal.code == BAD_PARAMETER => {
            !of_method || refusal.message.starts_with("Unsupported request")
        }
        _ => false,
    }
}

fn app(body: Raw<'_>) -> Option<SubscribedApp> {
    let id = body.get("id").and_then(text::id_label)?;
    Some(SubscribedApp {
        id,
        fields: body.get("subscribed_fields").map(|all| list(all, text::label)).unwrap_or_default(),
    })
}
