//! The user entity: one workspace, its contacts, automations and replies. Decides whether to answer, and what.
//!
//! The state is in `User`; every change is a [`UserEvent`] folded in by `apply`. Commands are decided by the module that
//! owns their subject: `dm` and `comment` hold the two pipelines step by step, `echo` the owner's own words, `relay` the
//! outbox, `control` what the owner asks for.

pub mod action_log;
pub mod agenda;
mod apply;
mod asking;
pub mod audit;
pub mod automations;
mod backlog;
mod budget;
pub mod bulk;
pub mod calendar;
mod cancel;
pub mod command;
pub mod comment;
mod compose;
pub mod connection;
pub mod contact;
pub mod contact_change;
pub mod contact_filter;
mod contact_fold;
mod contact_index;
mod contact_query;
pub mod contact_sync;
mod control;
pub mod custody;
mod data_deletion;
mod decide;
pub mod decision;
mod disclosure;
mod dm;
mod echo;
pub mod effect;
pub mod erase;
pub mod event;
pub mod files;
pub mod forget;
pub mod held;
pub mod history;
pub mod hrn_queue;
pub mod inbound;
pub mod integration;
mod items;
mod keys;
pub mod knowledge;
mod late;
pub mod line;
pub mod look_back;
pub mod model;
pub mod notification;
mod outgoing;
mod owner;
pub mod plan;
pub mod postless;
pub mod preview;
pub mod profiles;
pub mod query;
pub mod question;
pub mod quiet;
mod redact;
mod refresh;
mod relay;
pub mod reply;
mod rules;
pub mod seen;
pub mod settings;
mod size;
pub mod slice;
pub mod sweep;
mod takeover;
mod tell;
#[cfg(test)]
mod tests;
pub mod thread;
mod trail;
pub mod usage;
mod webhooks;

pub use command::Command;
pub use connection::account_claim;
pub use contact_index::Facets;
pub use effect::UserEffect;
pub use event::UserEvent;
pub use reply::{Rejection, Reply};

use crate::{
    Draft, Entity, Timestamp,
    id::{ContactId, Igsid},
    outbox::{OutboundId, Outbox},
    requests::Requests,
    slices::Slices,
};
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One workspace.
///
/// A snapshot of any earlier program must decode: a field that is new, here or in anything within, has a serde default.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// Key of the entity: ids of new rows are derived from it.
    key: Arc<str>,
    /// Name of the owner or business.
    pub name: Option<Arc<str>>,
    /// The connection to Instagram, also one that was disconnected.
    pub integration: Option<Arc<integration::Integration>>,
    /// What the owner chose.
    pub settings: Arc<settings::Settings>,
    /// Facts that a generated reply may use.
    pub knowledge: Arc<knowledge::Knowledge>,
    /// Plan and counters.
    pub usage: usage::Usage,
    /// Contacts by their id on Instagram.
    pub contacts: OrdMap<Igsid, Arc<contact::Contact>>,
    /// The same by the id that clients see. Derived.
    #[serde(skip)]
    contact_ids: OrdMap<ContactId, Igsid>,
    /// The owner's rules.
    pub automations: automations::Automations,
    /// Every visible message on its way.
    pub outbox: Outbox,
    /// What the messages of the outbox answer.
    replies: OrdMap<OutboundId, Arc<question::ReplyContext>>,
    /// Questions to the model without a final answer.
    questions: OrdMap<model::QuestionId, Arc<question::Question>>,
    /// Messages hinted at.
    look_ups: held::LookUps,
    /// Comments whose posts are waited for.
    #[serde(default, skip_serializing_if = "OrdMap::is_empty")]
    postless: postless::PostlessComments,
    /// Messages of the account that may be ours or the owner's.
    echoes: OrdMap<crate::id::Mid, Arc<thread::Message>>,
    /// Edits that came before their message.
    early_edits: held::EarlyEdits,
    /// Persons the owner wrote to before they became contacts.
    #[serde(default)]
    takeovers: takeover::Takeovers,
    /// Profiles that are waited for.
    #[serde(default)]
    profiles: profiles::Profiles,
    /// Events that wait for the connection.
    pub parked: line::Line,
    /// Events of new contacts that wait for room in the plan.
    pub overflow: line::Line,
    /// When room for them was last looked for.
    overflow_tried_at: Option<Timestamp>,
    /// Events of that line are being taken up.
    #[serde(default)]
    overflow_open: bool,
    /// What is being dropped.
    #[serde(default)]
    sweeps: sweep::Sweeps,
    /// What is due when.
    agenda: agenda::Agenda,
    /// Event keys with the number of their decision.
    seen: seen::Seen,
    /// Messages that were taken back.
    tombstones: seen::Seen,
    /// Messages taken back whose rows in the history are looked for.
    #[serde(default)]
    erasures: erase::Erasures,
    /// Firings of automations, with their instants.
    fired: seen::Seen,
    /// Event keys, unsends and firings forgotten before their time, because there were more than [`seen::SEEN_MAX`].
    #[serde(default)]
    pub forgotten_early: u64,
    /// Recent decisions. At most [`decision::DECISIONS_MAX`].
    pub decisions: OrdMap<decision::DecisionNo, Arc<decision::DecisionRecord>>,
    /// Recent rows of the activity list.
    pub logs: action_log::ActionLogs,
    /// What the owner was told.
    pub notifications: notification::Notifications,
    /// Accounts of which data is held, noted outside.
    #[serde(default, skip_serializing_if = "OrdMap::is_empty")]
    notes: custody::Notes,
    /// What was changed on whose behalf.
    #[serde(default, skip_serializing_if = "audit::AuditLog::is_empty")]
    pub audit: audit::AuditLog,
    /// When a copy of everything to memory was last asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_sync_asked_at: Option<Timestamp>,
    /// What the owner uploaded.
    #[serde(default, skip_serializing_if = "files::Files::is_empty")]
    pub files: files::Files,
    /// How often contacts are compared with Instagram.
    #[serde(default)]
    pub contact_sync: contact_sync::ContactSync,
    /// The last previews during onboarding, oldest first. At most [`preview::PREVIEWS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    previews: Vec<Timestamp>,
    /// Orders and counts of contacts. Derived.
    #[serde(skip)]
    contact_index: contact_index::ContactIndex,
    /// Changes of many contacts that go on.
    #[serde(default)]
    bulks: bulk::Bulks,
    /// Contacts that were deleted a while ago.
    #[serde(default)]
    forgettings: forget::Forgettings,
    /// What clients asked for and got.
    #[serde(default, skip_serializing_if = "Requests::is_empty")]
    requests: Requests,
    /// Next number of a decision or message.
    next_no: u64,
    /// Next number of a question, log row, notification or row of an outcome.
    next_side: u64,
    /// Nothing happened yet, or nothing since everything was erased.
    #[serde(default)]
    vacant: bool,
}

impl Entity for User {
    const KIND: &'static str = "user";
    const SCHEMA: u16 = 1;

    type Command = Command;
    type Event = UserEvent;
    type Effect = UserEffect;
    type Reply = Reply;
    type Rejection = Rejection;

    fn is_background(effect: &UserEffect) -> bool {
        matches!(
            effect,
            UserEffect::FetchProfile { .. }
                | UserEffect::LookUpMessage { .. }
                | UserEffect::LookUpComment { .. }
        )
    }

    fn vacant(key: &str) -> Self {
        Self {
            key: key.into(),
            name: None,
            integration: None,
            settings: Arc::default(),
            knowledge: Arc::default(),
            usage: usage::Usage::default(),
            contacts: OrdMap::new(),
            contact_ids: OrdMap::new(),
            automations: automations::Automations::default(),
            outbox: Outbox::default(),
            replies: OrdMap::new(),
            questions: OrdMap::new(),
            look_ups: OrdMap::new(),
            postless: OrdMap::new(),
            echoes: OrdMap::new(),
            early_edits: held::EarlyEdits::default(),
            takeovers: takeover::Takeovers::default(),
            profiles: profiles::Profiles::default(),
            parked: line::Line::default(),
            overflow: line::Line::default(),
            overflow_tried_at: None,
            overflow_open: false,
            sweeps: sweep::Sweeps::default(),
            agenda: agenda::Agenda::default(),
            seen: seen::Seen::default(),
            tombstones: seen::Seen::default(),
            erasures: OrdMap::new(),
            fired: seen::Seen::default(),
            forgotten_early: 0,
            decisions: OrdMap::new(),
            logs: action_log::ActionLogs::default(),
            notifications: notification::Notifications::default(),
            notes: custody::Notes::new(),
            audit: audit::AuditLog::default(),
            memory_sync_asked_at: None,
            files: files::Files::default(),
            contact_sync: contact_sync::ContactSync::default(),
            previews: Vec::new(),
            contact_index: contact_index::ContactIndex::default(),
            bulks: bulk::Bulks::new(),
            forgettings: forget::Forgettings::new(),
            requests: Requests::default(),
            next_no: 1,
            next_side: 1,
            vacant: true,
        }
    }

    fn restored(&mut self) {
        self.derive();
    }

    fn decide(draft: &mut Draft<Self>, now: Timestamp, command: &Command) -> Result<Reply, Rejection> {
        decide::decide(draft, now, command)
    }

    fn apply(&mut self, event: &UserEvent) {
        self.fold(event);
    }

    fn next_due(&self) -> Option<Timestamp> {
        [
            self.agenda.next_due(),
            self.outbox.next_due(),
            self.automations.next_expiry(),
            connection::next_due(self),
            custody::next_due(self),
            connection::unpark_due(self),
            self.sweeps.next_due(),
            bulk::next_due(self),
            owner::overflow_due(self),
            self.profiles.next_due(),
            self.files.next_due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn tick() -> Command {
        Command::Tick
    }

    fn activated(&self) -> Option<Command> {
        let asking = self.questions.values().any(|question| question.in_flight);
        let looking = self.look_ups.values().any(|look_up| look_up.in_flight)
            || self.postless.values().any(|waiting| waiting.look_up.in_flight);
        let checking = connection::is_asking(self) || custody::is_asking(self);
        let reading = self.reads_back() || !self.erasures.is_empty();
        (self.outbox.needs_recovery() || asking || looking || checking || reading).then_some(Command::Recover)
    }

    fn is_busy(&self) -> bool {
        self.outbox.is_busy() || self.questions.values().any(|question| question.in_flight)
    }

    fn changed(&self, before: &Self) -> Slices {
        slice::changed(before, self)
    }

    fn event_bytes(event: &UserEvent) -> usize {
        size::of(event)
    }

    fn weight(&self) -> usize {
        /// Rough sizes of one of each, in bytes.
        const CONTACT: usize = 3_000;
        const SEEN: usize = 64;
        const OUTBOUND: usize = 900;
        const AUTOMATION: usize = 2_000;
        const DECISION: usize = 800;
        const HELD: usize = 1_000;
        const IDLE: usize = 8 * 1_024;
        IDLE + self.contacts.len() * CONTACT
            + (self.seen.len() + self.fired.len()) * SEEN
            + (self.outbox.open() + self.replies.len()) * OUTBOUND
            + self.automations.len() * AUTOMATION
            + self.decisions.len() * DECISION
            + (self.parked.at_hand() + self.overflow.at_hand()) * HELD
            + self.requests.weight()
            + self.audit.weight()
    }
}
