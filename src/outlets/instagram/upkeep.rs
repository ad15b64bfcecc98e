//! What keeps a connection alive: fresh tokens, and the subscription to webhooks.

use super::{NoAccess, TOKEN_FIELD, UserOutlet, count};
use greenroom_actors::{
    EntityId, Sealed, Timestamp,
    outbox::Fingerprint,
    user::{
        command::{RefreshOutcome, WebhooksOutcome},
        effect::Access,
    },
};
use greenroom_instagram::{
    client::{FIELDS, FIELDS_MINIMAL, SubscribedApp},
    errors::ErrorClass,
    outcome::CallError,
};
use greenroom_persistence::secret::Field;
use secrecy::ExposeSecret;
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

/// Tokens are refreshed no faster than one in this time (product rule).
const REFRESH_SPACING: Duration = Duration::from_secs(1);
/// Those that have to wait for their turn come back within this time, spread over it.
const TURNS_WITHIN_MS: u64 = 600_000;

/// Spaces out the refreshes of all workspaces.
#[derive(Debug)]
pub(super) struct RefreshTurns(AtomicI64);

impl Default for RefreshTurns {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl RefreshTurns {
    /// Takes the turn at `now`; otherwise says how long to wait before asking for one again.
    fn take(&self, workspace: &EntityId, now: Timestamp) -> Result<(), Duration> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            (now.since(Timestamp::from_millis(last)) >= REFRESH_SPACING).then_some(now.as_millis())
        });
        taken.map(drop).map_err(|_| {
            let drawn =
                Fingerprint::of(&format!("{workspace} {}", now.as_millis())).share_of(TURNS_WITHIN_MS);
            REFRESH_SPACING + Duration::from_millis(drawn)
        })
    }
}

impl UserOutlet {
    /// Asks for a fresh token and seals it. The workspace has to look whether it lives.
    pub(super) async fn refresh(&self, workspace: &EntityId, access: &Access) -> RefreshOutcome {
        let opened = match self.open(workspace, access) {
            Ok(opened) => opened,
            Err(NoAccess::Limited(after)) => return RefreshOutcome::Later { after },
            Err(error) => {
                tracing::error!(%error, "a token is not refreshed");
                return RefreshOutcome::TokenRefused;
            }
        };
        if let Err(after) = self.turns.take(workspace, self.clock.now()) {
            return RefreshOutcome::Later { after };
        }
        let outcome = match self.client.refresh_token(&opened.token).await.value {
            Ok(fresh) => {
                let field = Field { tenant: workspace.as_str(), name: TOKEN_FIELD };
                let sealed = self.keyring.seal(field, fresh.token.expose_secret(), &mut rand::rngs::SysRng);
                match sealed {
                    Ok(sealed) => RefreshOutcome::Renewed {
                        token: Sealed::from(sealed),
                        expires_at: self.clock.now() + fresh.lifetime,
                    },
                    Err(error) => {
                        tracing::error!(%error, "a fresh token is not sealed");
                        RefreshOutcome::Failed { retry_after: None }
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, workspace = workspace.key(), "a token is not refreshed yet");
                failure(&error)
            }
        };
        let word = match outcome {
            RefreshOutcome::Renewed { .. } => "renewed",
            RefreshOutcome::Refused | RefreshOutcome::TokenRefused => "refused",
            RefreshOutcome::Failed { .. } | RefreshOutcome::Later { .. } => "failed",
        };
        count("refresh_token", word);
        outcome
    }

    pub(super) async fn subscribe(&self, workspace: &EntityId, access: &Access) -> WebhooksOutcome {
        let opened = match self.open(workspace, access) {
            Ok(opened) => opened,
            Err(error) => return no_access(&error),
        };
        let answer = self.client.subscribe(&opened.token, &opened.account).await.value;
        count("subscribe", if answer.is_ok() { "subscribed" } else { "failed" });
        match answer {
            Ok(_) => WebhooksOutcome::Subscribed,
            Err(error) => {
                tracing::warn!(%error, workspace = workspace.key(), "webhooks are not subscribed yet");
                unanswered(&error)
            }
        }
    }

    pub(super) async fn read_subscription(&self, workspace: &EntityId, access: &Access) -> WebhooksOutcome {
        let opened = match self.open(workspace, access) {
            Ok(opened) => opened,
            Err(error) => return no_access(&error),
        };
        let answer = self.client.subscriptions(&opened.token, &opened.account).await.value;
        count("read_subscription", if answer.is_ok() { "read" } else { "failed" });
        match answer {
            Ok(apps) => stand(&apps, &self.app_id),
            Err(error) => unanswered(&error),
        }
    }
}

/// How the own app is subscribed.
fn stand(apps: &[SubscribedApp], own: &str) -> WebhooksOutcome {
    let Some(app) = apps.iter().find(|app| *app.id == *own) else { return WebhooksOutcome::Missing };
    let has_all = |fields: &str| fields.split(',').all(|field| app.fields.iter().any(|has| **has == *field));
    if has_all(FIELDS) {
        WebhooksOutcome::Whole
    } else if has_all(FIELDS_MINIMAL) {
        WebhooksOutcome::Partial
    } else {
        WebhooksOutcome::Missing
    }
}

/// Only the platform's own words say that a token is dead: a proxy may answer 401 too.
fn refuses_token(error: &CallError) -> bool {
    match error {
        CallError::Refused(refusal) => refusal.class == ErrorClass::Token && refusal.code != 0,
        _ => matches!(error, CallError::BadToken),
    }
}

fn failure(error: &CallError) -> RefreshOutcome {
    match error {
        _ if refuses_token(error) => RefreshOutcome::TokenRefused,
        CallError::Refused(refusal) if !error.is_retryable() && (400..500).contains(&refusal.status) => {
            RefreshOutcome::Refused
        }
        _ => RefreshOutcome::Failed { retry_after: error.retry_after() },
    }
}

fn unanswered(error: &CallError) -> WebhooksOutcome {
    if refuses_token(error) {
        WebhooksOutcome::TokenRefused
    } else {
        WebhooksOutcome::Failed { retry_after: error.retry_after() }
    }
}

const fn no_access(error: &NoAccess) -> WebhooksOutcome {
    match error {
        NoAccess::Limited(wait) => WebhooksOutcome::Failed { retry_after: Some(*wait) },
        NoAccess::Sealed(_) | NoAccess::Account => WebhooksOutcome::TokenRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_app_with_what_the_product_needs_counts_as_subscribed() {
        let app = |id: &str, fields: &str| SubscribedApp {
            id: id.into(),
            fields: fields.split(',').map(Into::into).collect(),
        };
        let other = app("2", FIELDS);
        for (own, expected) in [
            (None, WebhooksOutcome::Missing),
            (Some(app("1", FIELDS)), WebhooksOutcome::Whole),
            (Some(app("1", FIELDS_MINIMAL)), WebhooksOutcome::Partial),
            (Some(app("1", "messages,messaging_postbacks")), WebhooksOutcome::Missing),
            (Some(app("1", "")), WebhooksOutcome::Missing),
        ] {
            let apps: Vec<_> = std::iter::once(other.clone()).chain(own).collect();
            assert_eq!(stand(&apps, "1"), expected, "{apps:?}");
        }
    }

    #[test]
    fn tokens_are_refreshed_one_at_a_time_and_the_others_are_spread() {
        let turns = RefreshTurns::default();
        let now = Timestamp::from_millis(1_000_000);
        let workspace = |n: u32| EntityId::new("user", &format!("w{n}")).unwrap();
        assert_eq!(turns.take(&workspace(0), now), Ok(()));
        let waits: std::collections::BTreeSet<Duration> =
            (1..100).map(|n| turns.take(&workspace(n), now).unwrap_err()).collect();
        assert!(waits.len() > 90 && waits.iter().all(|wait| *wait >= REFRESH_SPACING));
        assert!(*waits.last().unwrap() <= REFRESH_SPACING + Duration::from_millis(TURNS_WITHIN_MS));
        assert_eq!(turns.take(&workspace(1), now + REFRESH_SPACING), Ok(()));
    }
}
