//! What happened to a workspace. Journaled; folded into the state by `apply`.

use super::{
    action_log::{ActionLog, ActionResult},
    audit::AuditRow,
    calendar::Month,
    contact::{Contact, Crm, FieldSource, Hrn},
    contact_change::{Bulk, ContactPatch},
    decision::{DecisionNo, DecisionRecord, Delivery, QuestionAsked, RuleUsed, StepTaken, Verdict},
    files::FileEvent,
    forget::Forgetting,
    held::{EarlyEdit, HeldEvent},
    integration::Integration,
    knowledge::{Knowledge, event::KnowledgeEvent},
    line::LineName,
    model::QuestionId,
    notification::Notification,
    plan::Plan,
    question::{Question, ReplyContext},
    settings::Settings,
    thread::{Burst, Message},
    usage::Quota,
};
use crate::{
    Timestamp,
    automation::{Automation, AutomationId},
    id::{AccountId, CommentId, Igsid, Mid},
    outbox::{Fingerprint, OutboundId, OutboxEvent},
    requests::AnsweredRequest,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A fact about the workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum UserEvent {
    /// A client's request was answered.
    RequestAnswered(Arc<AnsweredRequest>),
    /// An inbound event was taken in and decided on, for now.
    Received {
        /// Its fingerprint: a second one is a duplicate.
        fingerprint: Fingerprint,
        /// What was decided.
        record: Arc<DecisionRecord>,
    },
    /// A decision went on.
    Advanced(Arc<Advance>),
    /// A decision went on whose record has left: what happened is in the history row of this number.
    OutcomeLeft(u64),
    /// A contact came to be.
    ContactCreated(Arc<Contact>),
    /// A message joined a thread.
    MessageRecorded {
        /// Whose thread.
        person: Igsid,
        /// The message.
        message: Arc<Message>,
        /// It opens the reply window: the person wrote it.
        opens_window: bool,
        /// When it was taken in.
        now: Timestamp,
    },
    /// What waits in a thread for its answer to be decided; `None` when nothing does.
    BurstSet {
        /// Whose thread.
        person: Igsid,
        /// The texts.
        burst: Option<Arc<Burst>>,
    },
    /// A message was taken back; a late original stays empty.
    MessageUnsent {
        /// Whose thread.
        person: Igsid,
        /// The message.
        mid: Mid,
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// When that came in.
        now: Timestamp,
    },
    /// A message was changed by its writer.
    MessageEdited {
        /// Whose thread.
        person: Igsid,
        /// The message.
        no: DecisionNo,
        /// What it says now.
        edit: Arc<EarlyEdit>,
    },
    /// An edit came before its message.
    EditKept {
        /// Fingerprint of the message.
        message: Fingerprint,
        /// The edit.
        edit: Arc<EarlyEdit>,
    },
    /// A reaction to a message changed.
    MessageReacted {
        /// Whose thread.
        person: Igsid,
        /// The message.
        no: DecisionNo,
        /// The reaction now.
        reaction: Option<Arc<str>>,
    },
    /// Our messages up to an instant were read.
    MessagesSeen {
        /// Whose thread.
        person: Igsid,
        /// Last instant.
        until: Timestamp,
    },
    /// A message of the account that may be ours or the owner's waits for the send in flight.
    EchoKept {
        /// Whose thread.
        person: Igsid,
        /// The message, as the owner's.
        message: Arc<Message>,
    },
    /// A kept message was told apart.
    EchoDropped(Mid),
    /// The owner answered by hand; a person that is no contact yet, too.
    HumanAnswered {
        /// Whose thread.
        person: Igsid,
        /// When.
        at: Timestamp,
        /// Automation rests until then.
        paused_until: Option<Timestamp>,
        /// The lock is cleared by that.
        clears_hrn: bool,
    },
    /// The thread was left to a person.
    HrnSet {
        /// Whose thread.
        person: Igsid,
        /// Why.
        hrn: Arc<Hrn>,
    },
    /// The person of a locked thread wrote again: it waits anew.
    HrnUpdated {
        /// Whose thread.
        person: Igsid,
        /// When.
        at: Timestamp,
    },
    /// The lock was cleared.
    HrnCleared {
        /// Whose thread.
        person: Igsid,
        /// When.
        at: Timestamp,
        /// By whom, when somebody asked for it.
        #[serde(default)]
        by: Option<FieldSource>,
    },
    /// The pause of automation for a contact was set or ended.
    ContactPaused {
        /// Who.
        person: Igsid,
        /// Until when; `None` ends it.
        until: Option<Timestamp>,
        /// When that was decided.
        at: Timestamp,
    },
    /// A contact was blocked or unblocked.
    ContactBlocked {
        /// Who.
        person: Igsid,
        /// Blocked.
        blocked: bool,
        /// When.
        at: Timestamp,
    },
    /// A contact asked for no more automatic messages, or took that back.
    OptOutSet {
        /// Who.
        person: Igsid,
        /// Since when; `None` takes it back.
        since: Option<Timestamp>,
    },
    /// Control of a thread moved.
    ThreadTaken {
        /// Whose thread.
        person: Igsid,
        /// Another app holds it.
        taken: bool,
    },
    /// Sends to a contact are refused.
    UnreachableSet {
        /// Who.
        person: Igsid,
        /// No automatic sends until then.
        until: Timestamp,
    },
    /// The profile of a contact was asked for.
    ProfileAsked {
        /// Who.
        person: Igsid,
        /// When.
        at: Timestamp,
    },
    /// The profile of a contact waits for its turn to be asked for.
    ProfileWanted(Igsid),
    /// The profile of a contact is not waited for any more: there was an answer, or it can not be read now.
    ProfileSettled(Igsid),
    /// The profile of a contact came.
    ProfileStored {
        /// Who.
        person: Igsid,
        /// Handle.
        username: Option<Arc<str>>,
        /// Name.
        display_name: Option<Arc<str>>,
        /// Picture.
        profile_pic_url: Option<Arc<str>>,
    },
    /// The owner should write to a contact, or need not any more.
    FollowUpSet {
        /// Who.
        person: Igsid,
        /// Needed.
        needed: bool,
    },
    /// An automation matched a contact's words.
    TriggerMatched {
        /// Who.
        person: Igsid,
    },
    /// The owner's fields of a contact changed.
    CrmSet {
        /// Who.
        person: Igsid,
        /// The fields.
        crm: Arc<Crm>,
        /// When.
        at: Timestamp,
    },
    /// The model is asked: a new question, or another try of one.
    QuestionSet(Arc<Question>),
    /// A question needs no answer any more.
    QuestionClosed(QuestionId),
    /// A message was hinted at and is waited for; or a look-up is out.
    LookUpSet {
        /// The message.
        mid: Mid,
        /// State of the look-up.
        look_up: Arc<super::held::LookUp>,
    },
    /// A hinted message came, or can not be had.
    LookUpClosed(Mid),
    /// The post of a comment is waited for.
    PostlessSet {
        /// The comment.
        comment: CommentId,
        /// It, and the state of the look-up.
        waiting: Arc<super::postless::Postless>,
    },
    /// The comment goes on, with its post or without.
    PostlessClosed(CommentId),
    /// An event waits for the connection.
    Parked(Arc<HeldEvent>),
    /// A parked event was taken up, or given up.
    Unparked(DecisionNo),
    /// An event of a new contact waits for room in the plan.
    Overflowed(Arc<HeldEvent>),
    /// Events of new contacts are being taken up, tick by tick.
    OverflowOpened(Timestamp),
    /// An event of a new contact was taken up.
    OverflowTaken(DecisionNo),
    /// Room for new contacts was looked for, and there is no more of it or nobody waits.
    OverflowTried(Timestamp),
    /// A reply of the month was reserved.
    SendReserved(Month),
    /// A reserved reply was delivered.
    SendCommitted {
        /// Month of the reservation.
        month: Month,
        /// As a private reply to a comment.
        private_reply: bool,
    },
    /// A reserved reply was not delivered.
    SendReleased(Month),
    /// The owner was told of a quota.
    QuotaWarned {
        /// Which.
        quota: Quota,
        /// Of which month.
        month: Month,
        /// 80 or 100.
        percent: u8,
    },
    /// The plan changed.
    PlanSet(Plan),
    /// Settings changed.
    SettingsSet(Arc<Settings>),
    /// The owner's facts changed as a whole. Not emitted any more.
    KnowledgeSet(Arc<Knowledge>),
    /// One of the owner's facts changed.
    KnowledgeChanged(Arc<KnowledgeEvent>),
    /// Everything that is known is to be copied to memory.
    MemorySyncAsked(Timestamp),
    /// The hours between two syncs of contacts changed.
    SyncIntervalSet(u8),
    /// Something happened to the owner's files.
    Files(Arc<FileEvent>),
    /// One of the day's previews was taken.
    PreviewTaken(Timestamp),
    /// A write was noted in the audit log.
    Audited(Arc<AuditRow>),
    /// The owner's name changed.
    Named(Arc<str>),
    /// An automation was made or changed.
    AutomationSet(Arc<Automation>),
    /// An automation was deleted; logs keep its title.
    AutomationDeleted(AutomationId),
    /// A private reply of an automation was delivered.
    AutomationCounted(AutomationId),
    /// An automation fired: it rests for this person (and post) for a while.
    Fired {
        /// Fingerprint of automation, person and post.
        fingerprint: Fingerprint,
        /// When.
        at: Timestamp,
    },
    /// A firing does not count: its message did not arrive.
    FiringForgotten(Fingerprint),
    /// A message was put in the outbox for a case.
    ReplyBound {
        /// The message.
        outbound: OutboundId,
        /// The case.
        context: Arc<ReplyContext>,
    },
    /// A message is at its end for good.
    ReplyUnbound(OutboundId),
    /// The connection to Instagram changed.
    IntegrationSet(Arc<Integration>),
    /// The owner is told something.
    Notified(Arc<Notification>),
    /// The owner read notifications.
    NotificationsRead {
        /// Up to this number.
        no: u64,
        /// When.
        at: Timestamp,
    },
    /// A row of the activity list.
    Logged(Arc<ActionLog>),
    /// What became of a public reply.
    PublicReplyLogged {
        /// The decision of the comment.
        decision: DecisionNo,
        /// What became of it.
        result: ActionResult,
    },
    /// What is pending is being dropped, up to a place; the rest follows tick by tick.
    SweepSet(Arc<super::sweep::Sweep>),
    /// That is done.
    SweepEnded(super::sweep::Target),
    /// Something happened in the outbox.
    Outbox(OutboxEvent),
    /// An event waits in the history: its line is full.
    HeldBehind {
        /// Which line.
        line: LineName,
        /// The event.
        no: DecisionNo,
        /// When it came.
        at: Timestamp,
    },
    /// The next events of a line are being read.
    BehindAsked {
        /// Which line.
        line: LineName,
        /// Without an answer they are asked for again then.
        until: Timestamp,
    },
    /// Events of a line were taken up from the history.
    BehindMoved {
        /// Which line.
        line: LineName,
        /// Everything up to this number is done.
        after: DecisionNo,
        /// How many were taken up.
        taken: u64,
    },
    /// The row of a message that was taken back is being looked for.
    ErasureSet {
        /// The message.
        mid: Mid,
        /// State of the search.
        erasure: Arc<super::erase::Erasure>,
    },
    /// That is over.
    ErasureClosed(Mid),
    /// A wording of the public reply of an automation was drawn.
    PublicReplyWorded {
        /// Which automation.
        automation: AutomationId,
        /// Its place among the wordings.
        wording: u8,
    },
    /// A contact was told that an automated system answers.
    Disclosed {
        /// Who.
        person: Igsid,
        /// When.
        at: Timestamp,
    },
    /// The note that data of an account is held here changed.
    CustodyNoted {
        /// Professional account id.
        account: AccountId,
        /// The note.
        note: Arc<super::custody::Note>,
    },
    /// Everything that came from an account that is not connected any more was erased.
    FormerAccountErased {
        /// Professional account id.
        account: AccountId,
        /// What is older belongs to no present connection, and went along.
        before: Timestamp,
    },
    /// Fields of a contact were set by hand or by a tool.
    ContactEdited {
        /// Who.
        person: Igsid,
        /// The new values.
        edit: Arc<ContactPatch>,
        /// By whom.
        by: FieldSource,
        /// When.
        at: Timestamp,
    },
    /// A contact got a tag.
    ContactTagged {
        /// Who.
        person: Igsid,
        /// The tag.
        tag: Arc<str>,
        /// When.
        at: Timestamp,
    },
    /// A contact lost a tag.
    ContactUntagged {
        /// Who.
        person: Igsid,
        /// The tag.
        tag: Arc<str>,
        /// When.
        at: Timestamp,
    },
    /// Somebody decided whether a contact is to be written to.
    FollowUpDecided {
        /// Who.
        person: Igsid,
        /// It is.
        needed: bool,
        /// It rests until then, unless the contact writes.
        snoozed_until: Option<Timestamp>,
        /// When.
        at: Timestamp,
    },
    /// A contact was deleted; its rows in the history follow.
    ContactDeleted {
        /// Who.
        person: Igsid,
        /// What is meant.
        forgetting: Arc<Forgetting>,
    },
    /// The rows of a deleted contact are being emptied, up to a place.
    ForgettingSet {
        /// Who.
        person: Igsid,
        /// How far.
        forgetting: Arc<Forgetting>,
    },
    /// A deleted contact is not remembered any more.
    ForgettingClosed(Igsid),
    /// A change of many contacts goes on.
    BulkSet(Arc<Bulk>),
    /// It is over.
    BulkEnded(u64),
    /// Everything was erased: the workspace is as one that never was, except that no number comes twice.
    Erased {
        /// When.
        at: Timestamp,
    },
    /// Everything that came from the connected Instagram account was erased, and its connection.
    InstagramErased {
        /// When.
        at: Timestamp,
    },
}

/// How a decision went on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advance {
    /// Which decision.
    pub no: DecisionNo,
    /// When.
    pub at: Timestamp,
    /// Steps taken now.
    pub steps: Vec<StepTaken>,
    /// Where it stands; `None` leaves it.
    pub verdict: Option<Verdict>,
    /// The automation that matched, when that was now.
    pub automation: Option<RuleUsed>,
    /// Time left of the window, when it was looked at now.
    pub window_left_ms: Option<i64>,
    /// Replies left, when one was reserved now.
    pub sends_left: Option<u32>,
    /// A question asked or answered now.
    pub question: Option<QuestionAsked>,
    /// What became of the message, when that is known now.
    pub delivery: Option<Delivery>,
}

impl DecisionRecord {
    /// The record with what happened since.
    pub fn advance(&mut self, advance: &Advance) {
        self.decided_at = advance.at;
        self.trail.extend(advance.steps.iter().cloned());
        let surplus = self.trail.len().saturating_sub(super::decision::STEPS_MAX);
        self.trail.drain(..surplus);
        if let Some(verdict) = &advance.verdict {
            self.verdict = verdict.clone();
        }
        if let Some(rule) = &advance.automation {
            self.automation = Some(rule.clone());
        }
        self.window_left_ms = advance.window_left_ms.or(self.window_left_ms);
        self.sends_left = advance.sends_left.or(self.sends_left);
        if let Some(asked) = &advance.question {
            match self.questions.iter().position(|known| known.question == asked.question) {
                Some(place) => self.questions[place] = asked.clone(),
                None if self.questions.len() < super::decision::QUESTIONS_MAX => {
                    self.questions.push(asked.clone());
                }
                None => {}
            }
        }
        if let Some(delivery) = &advance.delivery {
            self.delivery = Some(delivery.clone());
        }
    }
}
