//! What the owner chose: how, when and whether the workspace answers by itself.

use super::quiet::{QuietHours, QuietHoursInput};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Longest wait before a reply is decided.
pub const REPLY_DELAY_MAX: Duration = Duration::from_secs(60);
/// Longest wait of an automatic answer that is drawn.
pub const ANSWER_DELAY_MAX: Duration = Duration::from_secs(60);
/// Longest words that tell of the automated system, in characters.
pub const DISCLOSURE_CHARS_MAX: usize = 200;
/// Longest pause of automation after the owner answered by hand.
pub const HUMAN_TAKEOVER_MAX: Duration = Duration::from_secs(1_440 * 60);
/// Shortest time after which silence is worth a follow-up (product rule).
pub const FOLLOW_UP_AFTER_MIN: Duration = Duration::from_secs(3_600);
/// Longest time after which silence is worth a follow-up (product rule).
pub const FOLLOW_UP_AFTER_MAX: Duration = Duration::from_secs(168 * 3_600);
/// Longest cool-down between two firings of one automation for one contact.
pub const COOLDOWN_MAX: Duration = Duration::from_secs(30 * 86_400);
/// Longest extra instructions, in characters.
pub const EXTRA_INSTRUCTIONS_CHARS_MAX: usize = 2_000;
/// Most stop words.
pub const STOP_WORDS_MAX: usize = 50;
/// Longest stop word, in characters.
pub const STOP_WORD_CHARS_MAX: usize = 40;
/// Longest confirmation of an opt-out, in bytes (platform limit of a text).
pub const OPT_OUT_REPLY_BYTES_MAX: usize = 1_000;
/// Highest hourly budget of automatic sends.
pub const SENDS_PER_HOUR_MAX: u32 = 3_600;

/// Owner's settings of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Answer at all.
    pub auto_reply: bool,
    /// Wait before deciding, so that several texts in a row get one answer. 0 to [`REPLY_DELAY_MAX`].
    pub reply_delay: Duration,
    /// Pause of automation for a contact after the owner answered by hand. 0 to [`HUMAN_TAKEOVER_MAX`].
    pub human_takeover: Duration,
    /// Clear the human-response lock when the owner answers by hand.
    pub auto_clear_hrn_on_reply: bool,
    /// What to do with a bare "thanks".
    pub acknowledgements: AckPolicy,
    /// How readily a message is left to a person.
    pub sensitivity: Sensitivity,
    /// Let Sidekick answer messages without text.
    pub sidekick_for_media: bool,
    /// Let Sidekick answer what no automation matched.
    pub sidekick: bool,
    /// Appended after the safety rules of the prompt. At most [`EXTRA_INSTRUCTIONS_CHARS_MAX`].
    pub extra_instructions: Option<Arc<str>>,
    /// Least time between two firings of one automation for one contact in messages. 0 to [`COOLDOWN_MAX`].
    pub dm_cooldown: Duration,
    /// Least time between two private replies of one automation to one commenter of one post. 0 to [`COOLDOWN_MAX`].
    pub comment_cooldown: Duration,
    /// A message that is exactly one of these opts the contact out. Matching form. At most [`STOP_WORDS_MAX`].
    pub stop_words: Arc<[Arc<str>]>,
    /// Sent once after an opt-out; `None` sends nothing. At most [`OPT_OUT_REPLY_BYTES_MAX`].
    pub opt_out_reply: Option<Arc<str>>,
    /// Automatic sends per rolling hour; `None` is the standard budget. At most [`SENDS_PER_HOUR_MAX`].
    pub sends_per_hour: Option<u32>,
    /// Hours in which automatic messages wait, unless their window closes before the end; `None` is never.
    #[serde(default)]
    pub quiet_hours: Option<QuietHours>,
    /// Told below the first automatic message to a contact, and again every 30 days; `None` tells nothing. At most
    /// [`DISCLOSURE_CHARS_MAX`].
    #[serde(default)]
    pub disclosure: Option<Arc<str>>,
    /// Least and longest wait of an automatic answer in the outbox; it is drawn when the answer is decided, and kept. 0 to
    /// [`ANSWER_DELAY_MAX`]. None by default: the wait before deciding ([`Settings::reply_delay`]) stands for it.
    #[serde(default)]
    pub answer_delay: (Duration, Duration),
    /// A contact who did not answer for this long is worth a follow-up. [`FOLLOW_UP_AFTER_MIN`] to
    /// [`FOLLOW_UP_AFTER_MAX`].
    #[serde(default = "follow_up_after")]
    pub follow_up_after: Duration,
}

/// A day (product rule).
const fn follow_up_after() -> Duration {
    Duration::from_secs(24 * 3_600)
}

/// What to do with a trivial acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AckPolicy {
    /// Never answer it.
    Ignore,
    /// Answer it only when our last message was a question.
    #[default]
    WhenAsked,
    /// Treat it as any message.
    Answer,
}

/// How readily a message is left to a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// From a probability of 0.35.
    Conservative,
    /// From a probability of 0.5.
    #[default]
    Balanced,
    /// From a probability of 0.7.
    Relaxed,
}

impl Sensitivity {
    /// Probability from which a message needs a person, per mille (product rule).
    #[must_use]
    pub const fn threshold_permille(self) -> u16 {
        match self {
            Self::Conservative => 350,
            Self::Balanced => 500,
            Self::Relaxed => 700,
        }
    }
}

/// Stop words of a new workspace, in matching form: whole messages that mean "write to me no more".
const STOP_WORDS: [&str; 12] = [
    "stop",
    "unsubscribe",
    "opt out",
    "stopp",
    "abmelden",
    "arrêter",
    "désabonner",
    "cancelar suscripción",
    "parar",
    "descadastrar",
    "basta",
    "durdur",
];

impl Default for Settings {
    fn default() -> Self {
        Self {
            auto_reply: true,
            reply_delay: Duration::from_secs(4),
            human_takeover: Duration::from_secs(60 * 60),
            auto_clear_hrn_on_reply: false,
            acknowledgements: AckPolicy::default(),
            sensitivity: Sensitivity::default(),
            sidekick_for_media: false,
            sidekick: true,
            extra_instructions: None,
            dm_cooldown: Duration::ZERO,
            comment_cooldown: Duration::from_secs(86_400),
            stop_words: STOP_WORDS.iter().map(|&word| Arc::from(word)).collect(),
            opt_out_reply: Some(Arc::from(
                "You will get no more automatic messages from us. A person can still answer you here.",
            )),
            sends_per_hour: None,
            quiet_hours: None,
            disclosure: None,
            answer_delay: (Duration::ZERO, Duration::ZERO),
            follow_up_after: follow_up_after(),
        }
    }
}

/// A change of settings: absent fields stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingsPatch {
    /// See [`Settings::auto_reply`].
    pub auto_reply: Option<bool>,
    /// See [`Settings::reply_delay`].
    pub reply_delay: Option<Duration>,
    /// See [`Settings::human_takeover`].
    pub human_takeover: Option<Duration>,
    /// See [`Settings::auto_clear_hrn_on_reply`].
    pub auto_clear_hrn_on_reply: Option<bool>,
    /// See [`Settings::acknowledgements`].
    pub acknowledgements: Option<AckPolicy>,
    /// See [`Settings::sensitivity`].
    pub sensitivity: Option<Sensitivity>,
    /// See [`Settings::sidekick_for_media`].
    pub sidekick_for_media: Option<bool>,
    /// See [`Settings::sidekick`].
    pub sidekick: Option<bool>,
    /// See [`Settings::extra_instructions`]; empty clears.
    pub extra_instructions: Option<String>,
    /// See [`Settings::dm_cooldown`].
    pub dm_cooldown: Option<Duration>,
    /// See [`Settings::comment_cooldown`].
    pub comment_cooldown: Option<Duration>,
    /// See [`Settings::stop_words`]; stored in matching form.
    pub stop_words: Option<Vec<String>>,
    /// See [`Settings::opt_out_reply`]; empty clears.
    pub opt_out_reply: Option<String>,
    /// See [`Settings::sends_per_hour`]; 0 goes back to the standard budget.
    pub sends_per_hour: Option<u32>,
    /// See [`Settings::quiet_hours`].
    pub quiet_hours: Option<QuietHoursChange>,
    /// See [`Settings::disclosure`]; empty clears.
    pub disclosure: Option<String>,
    /// Least of [`Settings::answer_delay`].
    pub answer_delay_min: Option<Duration>,
    /// Longest of [`Settings::answer_delay`].
    pub answer_delay_max: Option<Duration>,
    /// See [`Settings::follow_up_after`].
    pub follow_up_after: Option<Duration>,
}

/// A change of the quiet hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuietHoursChange {
    /// No quiet hours any more.
    Off,
    /// These, from now on.
    Set(QuietHoursInput),
}
