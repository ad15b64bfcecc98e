//! The demo day: what fictional people do, in order. Adding a scene is adding an entry.

use serde_json::{Value, json};

/// What happens in a scene.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// A person writes a direct message.
    Says(&'static str),
    /// A person comments on a post.
    Comments(&'static str),
    /// The platform misbehaves from here on, once.
    Fault(fn() -> Value),
    /// Each delivery arrives this many extra times.
    Duplicates(u32),
}

/// One scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    pub(super) title: &'static str,
    pub(super) person: &'static str,
    pub(super) acts: &'static [Act],
}

/// The day.
pub(super) const SCENES: [Scene; 8] = [
    Scene {
        title: "A keyword in a direct message",
        person: "900000000000001",
        acts: &[Act::Says("Hi! What is the PRICE of the sourdough class?")],
    },
    Scene {
        title: "A keyword answered with a template",
        person: "900000000000002",
        acts: &[Act::Says("could you send me the guide please")],
    },
    Scene {
        title: "A comment: private reply first, then the public one",
        person: "900000000000003",
        acts: &[Act::Comments("LINK please")],
    },
    Scene {
        title: "Money back is for a human, whatever else is in the message",
        person: "900000000000004",
        acts: &[Act::Says("I want a refund for the price I paid!")],
    },
    Scene {
        title: "Three texts in a row get one answer",
        person: "900000000000005",
        acts: &[Act::Says("hello"), Act::Says("quick question"), Act::Says("what's the price?")],
    },
    Scene {
        title: "The platform delivers the same message three times",
        person: "900000000000006",
        acts: &[Act::Duplicates(2), Act::Says("price?"), Act::Duplicates(0)],
    },
    Scene {
        title: "The connection breaks after the platform took the reply",
        person: "900000000000007",
        acts: &[Act::Fault(reply_taken_then_cut), Act::Says("how much is it? the price I mean")],
    },
    Scene {
        title: "Nothing matches, and no model is set up to write a reply",
        person: "900000000000008",
        acts: &[Act::Says("do you also bake for weddings?")],
    },
];

fn reply_taken_then_cut() -> Value {
    json!({
        "name": "demo", "times": 1, "match": {"method": "POST", "path": "^/[^/]+/messages$"},
        "effect": {"kind": "apply_then_drop"}
    })
}
