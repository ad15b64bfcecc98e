//! Plans and their limits.

use serde::{Deserialize, Serialize};

/// What the workspace pays for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// Nothing.
    #[default]
    Free,
    /// The small one.
    Starter,
    /// The middle one.
    Growth,
    /// The large one.
    Pro,
    /// By contract: no limits.
    Enterprise,
}

/// Limits of a plan; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Contacts in all.
    pub contacts: Option<u32>,
    /// Contacts created in one UTC month.
    pub new_contacts: Option<u32>,
    /// Active, unexpired automations.
    pub automations: Option<u32>,
    /// Replies delivered in one UTC month, in messages and as private replies.
    pub sends: Option<u32>,
    /// Prompts to the chat in one UTC month.
    pub chat_prompts: Option<u32>,
}

impl Plan {
    /// Its limits (product rule).
    #[must_use]
    pub const fn limits(self) -> Limits {
        match self {
            Self::Free => Limits::of(50, 10, Some(1), 10, 3),
            Self::Starter => Limits::of(2_000, 500, Some(3), 1_000, 100),
            Self::Growth => Limits::of(5_000, 2_000, None, 2_500, 300),
            Self::Pro => Limits::of(10_000, 5_000, None, 6_000, 500),
            Self::Enterprise => Limits {
                contacts: None,
                new_contacts: None,
                automations: None,
                sends: None,
                chat_prompts: None,
            },
        }
    }

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Starter => "starter",
            Self::Growth => "growth",
            Self::Pro => "pro",
            Self::Enterprise => "enterprise",
        }
    }
}

impl Limits {
    const fn of(
        contacts: u32,
        new_contacts: u32,
        automations: Option<u32>,
        sends: u32,
        chat_prompts: u32,
    ) -> Self {
        Self {
            contacts: Some(contacts),
            new_contacts: Some(new_contacts),
            automations,
            sends: Some(sends),
            chat_prompts: Some(chat_prompts),
        }
    }
}
