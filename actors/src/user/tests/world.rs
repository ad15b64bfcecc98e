//! A workspace under test: feeds commands, keeps every event, and checks after each command that replay equals live.

use crate::{
    Draft, Entity, Sealed, Timestamp,
    automation::{AutomationId, AutomationInput},
    id::{AccountId, CommentId, EventKey, Igsid, MediaId, Mid},
    outbox::{Content, OutboundId, ReadOutcome, SendOutcome},
    user::{
        Command, Rejection, Reply, User, UserEffect, UserEvent,
        command::{Connect, RefreshOutcome, TokenState, WebhooksOutcome},
        contact::Contact,
        decision::{DecisionRecord, Step, StepOutcome, Verdict},
        effect::SendRequest,
        inbound::{
            Attachment, AttachmentKind, Echo, InboundComment, InboundEvent, InboundItem, InboundMessage,
        },
        integration::Permission,
        look_back::{Found, LookBack, Wanted},
        model::{Classification, ModelAnswer, ModelFailure, ModelRequest},
        plan::Plan,
        query::Explained,
        settings::SettingsPatch,
    },
};
use greenroom_persistence::{Direction, DirectoryChange, Erase};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(super) const ACCOUNT: &str = "17841400000000001";
pub(super) const ANA: &str = "900000000000001";
pub(super) const BEN: &str = "900000000000002";
pub(super) const POST: &str = "18000000000000101";
/// 2026-01-10 12:00 UTC.
pub(super) const START: i64 = 1_768_046_400_000;

pub(super) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(super) const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

pub(super) struct World {
    pub user: User,
    pub now: Timestamp,
    pub events: Vec<UserEvent>,
    pub rows: BTreeMap<(String, u64), Vec<u8>>,
    /// Sends started and not answered yet.
    pub sends: Vec<SendRequest>,
    pub questions: Vec<ModelRequest>,
    pub effects: Vec<UserEffect>,
    /// Questions to the history that are not answered yet.
    pub look_backs: Vec<LookBack>,
    /// What keeps the connection alive and is not answered yet; answered by [`World::keep_up`] unless a test does.
    pub upkeep: Vec<UserEffect>,
    pub upkeep_by_hand: bool,
    /// Notes of held accounts that are not confirmed yet; as `upkeep`.
    pub notes: Vec<(AccountId, Timestamp)>,
    pub notes_by_hand: bool,
    /// Claims and releases, in order.
    pub directory: Vec<DirectoryChange>,
    counter: u64,
    /// Number of sends started per outbox item.
    pub attempts: BTreeMap<OutboundId, u32>,
    pub all_sends: Vec<SendRequest>,
    pub check_replay: bool,
    /// Bytes of the largest record so far, events and rows.
    pub largest: usize,
}

impl World {
    /// A connected workspace on the starter plan.
    pub(super) fn connected() -> Self {
        let mut world = Self::vacant();
        world.run(Command::SetPlan(Plan::Growth)).unwrap();
        world.connect();
        world
    }

    pub(super) fn vacant() -> Self {
        Self::keyed("w1")
    }

    pub(super) fn keyed(key: &str) -> Self {
        Self {
            user: User::vacant(key),
            now: Timestamp::from_millis(START),
            events: Vec::new(),
            rows: BTreeMap::new(),
            sends: Vec::new(),
            questions: Vec::new(),
            effects: Vec::new(),
            look_backs: Vec::new(),
            upkeep: Vec::new(),
            upkeep_by_hand: false,
            notes: Vec::new(),
            notes_by_hand: false,
            directory: Vec::new(),
            counter: 0,
            attempts: BTreeMap::new(),
            all_sends: Vec::new(),
            check_replay: true,
            largest: 0,
        }
    }

    pub(super) fn connect(&mut self) {
        self.connect_to(ACCOUNT, "27000000000000001");
    }

    pub(super) fn connect_to(&mut self, account: &str, app_scoped: &str) {
        let connect = self.connection(account, app_scoped);
        self.run(Command::ConnectInstagram(connect)).unwrap();
        self.keep_up();
    }

    pub(super) fn connection(&self, account: &str, app_scoped: &str) -> Connect {
        Connect {
            account: AccountId::from(account),
            app_scoped: Some(AccountId::from(app_scoped)),
            username: "fictional.bakery".into(),
            token: Sealed::from("sealed"),
            scopes: Permission::ALL.iter().map(|permission| permission.scope().to_owned()).collect(),
            expires_at: self.now + hours(24 * 60),
        }
    }

    /// Answers what keeps the connection alive as a platform does on which nothing went wrong.
    pub(super) fn keep_up(&mut self) {
        while let Some((account, since)) = (!self.notes_by_hand).then(|| self.notes.pop()).flatten() {
            self.run(Command::CustodyNoted { account, since, made: true }).unwrap();
        }
        while let Some(effect) = (!self.upkeep_by_hand).then(|| self.upkeep.pop()).flatten() {
            let answer = match effect {
                UserEffect::Subscribe { since, .. } => {
                    Command::WebhooksAsked { since, outcome: WebhooksOutcome::Subscribed }
                }
                UserEffect::ReadSubscription { since, .. } => {
                    Command::WebhooksAsked { since, outcome: WebhooksOutcome::Whole }
                }
                UserEffect::RefreshToken { since, .. } => {
                    let (token, expires_at) = (Sealed::from("fresh"), self.now + hours(24 * 60));
                    let outcome = RefreshOutcome::Renewed { token, expires_at };
                    Command::TokenRefreshed { since, outcome }
                }
                other => panic!("{other:?}"),
            };
            let is_fresh = matches!(answer, Command::TokenRefreshed { .. });
            self.run(answer).unwrap();
            if is_fresh {
                self.run(Command::TokenChecked(TokenState::Alive)).unwrap();
            }
        }
    }

    /// Runs a command as the shell does, and checks that replaying its events gives the same state.
    pub(super) fn run(&mut self, command: Command) -> Result<Reply, Rejection> {
        let mut draft = Draft::new(self.user.clone());
        let reply = User::decide(&mut draft, self.now, &command)?;
        let parts = draft.into_parts();
        self.largest = self.largest.max(record_bytes(&parts));
        for event in &parts.events {
            // Through the codec, as the journal does.
            let bytes = rmp_serde::to_vec_named(event).unwrap();
            self.events.push(rmp_serde::from_slice(&bytes).unwrap());
        }
        if parts.erase == Erase::History {
            self.rows.clear();
        }
        self.directory.extend(parts.directory);
        for row in parts.rows {
            self.rows.insert((row.stream, row.no), row.bytes);
        }
        self.user = parts.state;
        for effect in parts.effects {
            match &effect {
                UserEffect::Send(send) => {
                    *self.attempts.entry(send.outbound).or_default() += 1;
                    self.sends.push(send.clone());
                    self.all_sends.push(send.clone());
                }
                UserEffect::NoteCustody { since, account, .. } => self.notes.push((account.clone(), *since)),
                UserEffect::Subscribe { .. }
                | UserEffect::ReadSubscription { .. }
                | UserEffect::RefreshToken { .. } => self.upkeep.push(effect.clone()),
                UserEffect::ReadHistory(asked) => self.look_backs.push(asked.clone()),
                UserEffect::AskModel(request) => self.questions.push((**request).clone()),
                _ => {}
            }
            self.effects.push(effect);
        }
        if self.check_replay && self.events.len() < 2_000 {
            self.assert_replay();
        }
        Ok(reply)
    }

    pub(super) fn encoded(user: &User) -> Vec<u8> {
        rmp_serde::to_vec_named(user).unwrap()
    }

    pub(super) fn assert_replay(&self) {
        let mut again = User::vacant(&self.user.key);
        self.events.iter().for_each(|event| again.apply(event));
        assert!(Self::encoded(&again) == Self::encoded(&self.user), "replay differs from the live state");
    }

    /// A snapshot and back, as passivation does.
    pub(super) fn passivate(&mut self) {
        let mut user: User = rmp_serde::from_slice(&Self::encoded(&self.user)).unwrap();
        user.restored();
        assert!(Self::encoded(&user) == Self::encoded(&self.user));
        assert_eq!(user.next_due(), self.user.next_due());
        self.user = user;
        self.sends.clear();
        self.questions.clear();
        self.look_backs.clear();
        self.upkeep.clear();
        self.notes.clear();
        if let Some(command) = self.user.activated() {
            self.run(command).unwrap();
        }
    }

    /// Moves the clock, ticking whenever the entity wants it.
    pub(super) fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        for _ in 0..100_000 {
            self.look_back();
            self.keep_up();
            match self.user.next_due().filter(|due| *due <= end) {
                Some(due) => {
                    self.now = self.now.max(due);
                    self.run(Command::Tick).unwrap();
                }
                None => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("ticks without end at {:?}", self.user.next_due());
    }

    /// Answers the questions to the history from the rows that were written.
    pub(super) fn look_back(&mut self) {
        while let Some(asked) = self.look_backs.pop() {
            let found = Some(self.found(&asked));
            self.run(Command::HistoryRead { asked, found }).unwrap();
        }
    }

    pub(super) fn found(&self, asked: &LookBack) -> Found {
        let Wanted { stream, cursor, limit, direction } = asked.wanted();
        let of_stream = self.rows.iter().filter(|((of, _), _)| *of == stream);
        let mut rows: Vec<_> = of_stream.map(|((_, no), bytes)| (*no, bytes.clone())).collect();
        match direction {
            Direction::Forward => rows.retain(|(no, _)| cursor.is_none_or(|cursor| *no > cursor)),
            Direction::Backward => {
                rows.retain(|(no, _)| cursor.is_none_or(|cursor| *no < cursor));
                rows.reverse();
            }
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        asked.found(&rows, more)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn event(&mut self, item: InboundItem, key: &str) -> InboundEvent {
        InboundEvent {
            key: EventKey::from(format!("{ACCOUNT}:{key}")),
            account: AccountId::from(ACCOUNT),
            at: self.now,
            received_at: self.now,
            standby: false,
            unrouted: false,
            item,
        }
    }

    pub(super) fn message(&mut self, person: &str, text: &str) -> InboundEvent {
        let mid = format!("m_{}", self.next());
        let item = InboundItem::Message(InboundMessage {
            person: Igsid::from(person),
            mid: Some(Mid::from(mid.as_str())),
            text: (!text.is_empty()).then(|| text.into()),
            cut: false,
            attachments: Vec::new(),
            reply_to: None,
            quick_reply: None,
            referral: None,
            is_unsupported: false,
        });
        self.event(item, &format!("message:{person}:{mid}"))
    }

    pub(super) fn picture(&mut self, person: &str) -> InboundEvent {
        let mut event = self.message(person, "");
        if let InboundItem::Message(message) = &mut event.item {
            let url = Some("https://lookaside.example/1".into());
            message.attachments =
                vec![Attachment { kind: AttachmentKind::Image, url, title: None, media: None }];
        }
        event
    }

    pub(super) fn comment(&mut self, person: &str, text: &str) -> InboundEvent {
        let id = format!("1800000{}", self.next());
        let item = InboundItem::Comment(InboundComment {
            id: CommentId::from(id.as_str()),
            parent: None,
            person: Some(Igsid::from(person)),
            username: Some(format!("user_{person}").into()),
            is_own: false,
            text: Some(text.into()),
            media: Some(MediaId::from(POST)),
            original_media: None,
            live: false,
        });
        self.event(item, &format!("comment:{id}"))
    }

    pub(super) fn echo(&mut self, person: &str, mid: &str, text: &str) -> InboundEvent {
        let item = InboundItem::Echo(Echo {
            person: Igsid::from(person),
            mid: Some(Mid::from(mid)),
            text: Some(text.into()),
            attachments: Vec::new(),
            is_self: false,
            app_id: None,
        });
        self.event(item, &format!("echo:{mid}"))
    }

    pub(super) fn receive(&mut self, event: InboundEvent) -> Option<Verdict> {
        match self.run(Command::Receive(Arc::new(event))).unwrap() {
            Reply::Received { verdict, .. } => verdict,
            other => panic!("{other:?}"),
        }
    }

    /// A text of a person arrives, and the reply delay passes.
    pub(super) fn says(&mut self, person: &str, text: &str) -> String {
        let event = self.message(person, text);
        let key = event.key.as_str().to_owned();
        self.receive(event);
        self.wait(secs(4));
        key
    }

    pub(super) fn comments(&mut self, person: &str, text: &str) -> String {
        let event = self.comment(person, text);
        let key = event.key.as_str().to_owned();
        self.receive(event);
        key
    }

    pub(super) fn automate(&mut self, id: &str, input: AutomationInput) {
        let id = AutomationId::from(id);
        self.run(Command::CreateAutomation { id, input, inactive: false }).unwrap();
    }

    pub(super) fn settings(&mut self, patch: SettingsPatch) {
        self.run(Command::UpdateSettings(patch)).unwrap();
    }

    /// Answers all sends in flight.
    pub(super) fn deliver(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(send) = self.sends.pop() {
            texts.push(text_of(&send));
            let message_id = Mid::from(format!("out_{}", self.next()));
            self.finish(&send, SendOutcome::Sent { message_id, recipient: None });
        }
        texts
    }

    pub(super) fn finish(&mut self, send: &SendRequest, outcome: SendOutcome) {
        let (outbound, attempt) = (send.outbound, send.attempt);
        self.run(Command::SendFinished { outbound, attempt, outcome, usage: None }).unwrap();
    }

    pub(super) fn take_send(&mut self) -> SendRequest {
        assert_eq!(self.sends.len(), 1, "{:?}", self.sends);
        self.sends.remove(0)
    }

    pub(super) fn read(&mut self, outbound: OutboundId, read: u32, outcome: ReadOutcome) {
        self.run(Command::SentRead { outbound, read, outcome, usage: None }).unwrap();
    }

    pub(super) fn answer(&mut self, result: Result<ModelAnswer, ModelFailure>) {
        let request = self.questions.pop().expect("a question is out");
        let (question, attempt) = (request.question, request.attempt);
        self.run(Command::ModelAnswered { question, attempt, result }).unwrap();
    }

    pub(super) fn classify(&mut self, probability_permille: u16) {
        let reason = "because".into();
        let said = Classification { probability_permille, signals: vec!["signal".into()], reason };
        self.answer(Ok(ModelAnswer::Classified(said)));
    }

    pub(super) fn write(&mut self, text: &str) {
        self.answer(Ok(ModelAnswer::Text(text.into())));
    }

    pub(super) fn contact(&self, person: &str) -> &Contact {
        self.user.contacts.get(person).expect("a contact")
    }

    pub(super) fn record(&self, key: &str) -> DecisionRecord {
        match self.user.explain(key) {
            Some(Explained::Here(view)) => view.record,
            other => panic!("{key}: {other:?}"),
        }
    }

    pub(super) fn verdict(&self, key: &str) -> Verdict {
        self.record(key).verdict
    }
}

fn record_bytes(parts: &crate::entity::Parts<User>) -> usize {
    let events = rmp_serde::to_vec_named(&parts.events).unwrap().len();
    events + parts.rows.iter().map(|row| row.stream.len() + row.bytes.len()).sum::<usize>()
}

pub(super) fn text_of(send: &SendRequest) -> String {
    match &send.content {
        Content::Text(text) => text.to_string(),
        Content::Template { elements, .. } => elements.to_string(),
    }
}

pub(super) fn fixed(trigger: &str, reply: &str) -> AutomationInput {
    AutomationInput {
        title: format!("about {trigger}"),
        trigger_word: Some(trigger.into()),
        response_type: "fixed".into(),
        response_content: reply.into(),
        ..AutomationInput::default()
    }
}

pub(super) fn on_comments(trigger: &str, reply: &str, public: Option<&str>) -> AutomationInput {
    AutomationInput {
        trigger_scope: Some("comment".into()),
        post_id: Some(POST.into()),
        comment_reply_text: public.map(Into::into),
        ..fixed(trigger, reply)
    }
}

/// A workspace that answers "price".
pub(super) fn priced() -> World {
    let mut world = World::connected();
    world.automate("a1", fixed("price", "It is 12 euro."));
    world
}

/// Fills the window of recent decisions, so that older ones leave to the history.
pub(super) fn push_decisions_out(world: &mut World) {
    world.check_replay = false;
    for turn in 0..crate::user::decision::DECISIONS_MAX {
        let echo = world.echo(BEN, &format!("push_{turn}"), "x");
        world.receive(echo);
    }
    world.check_replay = true;
}

/// Numbers of the steps that a decision passed.
pub(super) fn passed(world: &World, key: &str) -> Vec<u8> {
    let steps = world.record(key).trail;
    steps
        .iter()
        .filter(|taken| taken.outcome == StepOutcome::Passed)
        .map(|taken| match taken.step {
            Step::Dm(no) | Step::Comment(no) => no,
        })
        .collect()
}
