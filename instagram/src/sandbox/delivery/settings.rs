//! How webhooks are delivered; set by `PUT /_sandbox/delivery`.

use crate::sandbox::{
    control::Refused,
    limits::{BATCH_MAX, COPIES_MAX, DELIVERY_CONCURRENCY_MAX},
    world::app::{APP_SECRET, META_SECRET},
};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The key that signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Secret {
    /// The Instagram product's secret.
    #[default]
    First,
    /// The Meta app's secret.
    Second,
    /// Neither.
    Wrong,
}

impl Secret {
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::First => APP_SECRET,
            Self::Second => META_SECRET,
            Self::Wrong => "sandbox-wrong-secret",
        }
    }
}

/// Where messaging items lie in an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MessageForm {
    /// `entry[].messaging[]`.
    #[default]
    Messaging,
    /// `entry[].changes[]`.
    Changes,
}

/// Where comments lie in an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CommentForm {
    /// `entry[].changes[]`.
    #[default]
    Changes,
    /// `field` and `value` in the entry itself.
    Entry,
}

/// The outermost value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TopForm {
    /// One object.
    #[default]
    Object,
    /// A list of such objects.
    Array,
}

/// The forms that the platform mixes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Form {
    pub(crate) messages: MessageForm,
    pub(crate) comments: CommentForm,
    pub(crate) top: TopForm,
}

/// The `message_edit` with `num_edit` 0 that may come with a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CompanionEdit {
    /// Does not come.
    #[default]
    None,
    /// Ahead of the message.
    Before,
    /// Behind the message.
    After,
    /// Behind the message, without sender and recipient.
    Bare,
    /// The message itself does not come.
    Instead,
}

/// How webhooks are delivered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The product's endpoint; without one updates wait.
    pub(crate) url: Option<String>,
    pub(crate) form: Form,
    pub(crate) secret: Secret,
    /// Non-ASCII as `\uXXXX`, `/` as `\/`.
    pub(crate) escape: bool,
    /// Updates of one body.
    pub(crate) batch_max: usize,
    /// How long a body is collected, milliseconds.
    pub(crate) batch_ms: u64,
    /// Extra deliveries of each update.
    pub(crate) duplicates: u32,
    pub(crate) duplicate_delay_ms: u64,
    /// Share of updates held back until after a later one.
    pub(crate) reorder: f64,
    pub(crate) companion_edit: CompanionEdit,
    pub(crate) latency_ms: u64,
    pub(crate) jitter_ms: u64,
    /// Longer counts as a failure although the product may have stored it.
    pub(crate) timeout_ms: u64,
    /// Seconds before each retry; then every `retry_every`.
    pub(crate) retry: Vec<u64>,
    pub(crate) retry_every: u64,
    /// Seconds after which an update is given up; stands for 36 hours.
    pub(crate) give_up_after_s: u64,
    /// Seconds of unbroken failure after which an account is unsubscribed; stands for one hour.
    pub(crate) disable_after_s: u64,
    pub(crate) numeric_ids: bool,
    /// Requests in flight at one time.
    pub(crate) concurrency: usize,
    /// Time from a send to its echo, milliseconds.
    pub(crate) echo_delay_ms: u64,
    /// The echo is delivered before the send is answered.
    pub(crate) echo_before_answer: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: None,
            form: Form::default(),
            secret: Secret::First,
            escape: true,
            batch_max: 1,
            batch_ms: 0,
            duplicates: 0,
            duplicate_delay_ms: 0,
            reorder: 0.0,
            companion_edit: CompanionEdit::None,
            latency_ms: 0,
            jitter_ms: 0,
            timeout_ms: 5_000,
            retry: vec![0, 1, 2, 5, 10],
            retry_every: 30,
            give_up_after_s: 36 * 60,
            disable_after_s: 60,
            numeric_ids: false,
            concurrency: 16,
            echo_delay_ms: 50,
            echo_before_answer: false,
        }
    }
}

/// Whether webhooks may go there: plain `http`, on this machine unless `allow_remote`.
pub(crate) fn is_allowed_target(url: &Url, allow_remote: bool) -> bool {
    url.scheme() == "http" && (allow_remote || url.host_str().is_some_and(is_loopback_host))
}

/// Whether a host name stands for this machine.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Settings {
    /// These settings with the members of `change` in place of their own.
    pub(crate) fn with(&self, change: Value, allow_remote: bool) -> Result<Self, Refused> {
        let Value::Object(change) = change else { return Err(Refused::bad("an object is needed")) };
        let mut merged = serde_json::to_value(self).map_err(|error| Refused::bad(error.to_string()))?;
        if let Value::Object(members) = &mut merged {
            members.extend(change);
        }
        let new: Self = serde_json::from_value(merged).map_err(|error| Refused::bad(error.to_string()))?;
        new.check(allow_remote)?;
        Ok(new)
    }

    fn check(&self, allow_remote: bool) -> Result<(), Refused> {
        if let Some(url) = &self.url {
            let allowed = Url::parse(url).is_ok_and(|url| is_allowed_target(&url, allow_remote));
            if !allowed {
                return Err(Refused::bad("url must be plain http on this machine"));
            }
        }
        let bounds = [
            (1..=BATCH_MAX).contains(&self.batch_max),
            (1..=DELIVERY_CONCURRENCY_MAX).contains(&self.concurrency),
            self.duplicates <= COPIES_MAX,
            (0.0..=1.0).contains(&self.reorder),
            self.retry.len() <= 100,
            self.retry_every >= 1,
            (1..=600_000).contains(&self.timeout_ms),
        ];
        if bounds.contains(&false) {
            return Err(Refused::bad("a value is outside of its limits"));
        }
        Ok(())
    }

    /// Milliseconds before retry number `n` (from 0).
    pub(crate) fn retry_delay(&self, n: usize) -> u64 {
        self.retry.get(n).copied().unwrap_or(self.retry_every) * 1_000
    }
}
