//! Whatever piles up, one decision stays far below the largest record, and the pile is worked off over ticks.

use super::world::*;
use crate::{
    Entity,
    automation::{AutomationId, AutomationPatch},
    id::{CommentId, Igsid},
    outbox::{Kind, Outbound, OutboundId, OutboxEvent, State},
    user::{
        Command, UserEvent,
        decision::{Skip, Verdict},
        plan::Plan,
        question::{Origin, ReplyContext},
        settings::SettingsPatch,
    },
};
use std::sync::Arc;

/// An eighth of the largest record is where a decision ends; one more step of each kind of work may follow.
const DECISION_BYTES_MAX: usize = greenroom_persistence::RECORD_BYTES_MAX / 2;

/// A workspace without limits of a plan.
fn large() -> World {
    let mut world = World::connected();
    world.run(Command::SetPlan(Plan::Enterprise)).unwrap();
    world.check_replay = false;
    world
}

/// A workspace with very many private replies in its queue, all by automation `a1`. The first events are those of a
/// real comment; the others are its copies, applied as the journal would.
fn crowded(count: u64) -> World {
    let mut world = large();
    world.automate("a1", on_comments("link", "here it is", Some("sent!")));
    world.comments(ANA, "link please");
    let first = world.all_sends[0].outbound;
    let context = Arc::clone(&world.user.replies[&first]);
    let item = Outbound::clone(world.user.outbox.get(first).unwrap());
    for no in 0..count {
        let id = OutboundId::new(1_000 + no);
        let person = format!("8{no:014}");
        world.enqueue_copy(&item, &context, id, &person);
    }
    world
}

impl World {
    fn enqueue_copy(&mut self, item: &Outbound, context: &ReplyContext, id: OutboundId, person: &str) {
        let comment = CommentId::from(format!("17{person}").as_str());
        let mut context = context.clone();
        context.case.person = Igsid::from(person);
        if let Origin::Comment(from) = &mut context.case.origin {
            Arc::make_mut(from).comment.id = comment.clone();
        }
        let kind = Kind::PrivateReply {
            comment,
            person: Some(Igsid::from(person)),
            comment_at: self.now,
            live: false,
        };
        let item = Outbound {
            id,
            key: format!("copy:{}", id.get()).into(),
            thread: kind.thread(),
            kind,
            attempt: 0,
            attempts: Vec::new(),
            state: State::Queued { not_before: self.now },
            ..item.clone()
        };
        let events = [
            UserEvent::SendReserved(context.reserved.unwrap()),
            UserEvent::ReplyBound { outbound: id, context: Arc::new(context) },
            UserEvent::Outbox(OutboxEvent::Enqueued { item: Arc::new(item) }),
        ];
        for event in events {
            self.user.apply(&event);
            self.events.push(event);
        }
    }

    fn queued(&self) -> usize {
        self.user.outbox.iter().filter(|item| matches!(item.state, State::Queued { .. })).count()
    }

    fn switch_off(&mut self) {
        self.settings(SettingsPatch { auto_reply: Some(false), ..SettingsPatch::default() });
    }

    fn switch_on(&mut self) {
        self.settings(SettingsPatch { auto_reply: Some(true), ..SettingsPatch::default() });
    }

    #[track_caller]
    fn assert_small(&self) {
        assert!(self.largest < DECISION_BYTES_MAX, "a record of {} bytes", self.largest);
    }
}

#[test]
fn switching_off_with_sixty_thousand_replies_queued_fits_in_records_and_sends_none_of_them() {
    let mut world = crowded(60_000);
    let sends = world.all_sends.len();
    world.switch_off();
    assert!(world.queued() > 0, "the rest waits for its tick");
    // Back on at once: what was queued before stays dropped.
    world.switch_on();
    world.wait(secs(60));
    assert_eq!((world.queued(), world.user.sweeps.is_empty()), (0, true));
    assert_eq!(world.all_sends.len(), sends, "sent after the owner's switch-off");
    assert!(world.user.replies.len() <= 1, "{} replies stay bound", world.user.replies.len());
    world.assert_small();
    world.assert_replay();
    let after = world.comments(BEN, "link please");
    world.wait(secs(1));
    assert!(matches!(world.verdict(&after), Verdict::Queued { .. }));
    assert_eq!(world.all_sends.len(), sends + 1, "a new comment is answered");
}

#[test]
fn an_automation_switched_off_or_deleted_and_a_disconnect_drop_a_long_queue_in_small_records() {
    type Stop = fn(&mut World);
    let stops: [Stop; 4] = [
        |world| {
            let patch = AutomationPatch { is_active: Some(false), ..AutomationPatch::default() };
            world.run(Command::UpdateAutomation { id: AutomationId::from("a1"), patch }).unwrap();
            world.run(Command::SetAutomationActive { id: AutomationId::from("a1"), active: true }).unwrap();
        },
        |world| {
            world.run(Command::DeleteAutomation { id: AutomationId::from("a1") }).unwrap();
        },
        |world| {
            world.run(Command::DisconnectInstagram).unwrap();
            world.connect();
        },
        |world| {
            world.run(Command::SetPlan(Plan::Starter)).unwrap();
        },
    ];
    for (which, stop) in stops.into_iter().enumerate() {
        let mut world = crowded(3_000);
        if which == 3 {
            for no in 0..20 {
                world.automate(&format!("b{no}"), fixed(&format!("word{no}"), "x"));
            }
        }
        let sends = world.all_sends.len();
        stop(&mut world);
        assert!(world.queued() > 1_000);
        world.passivate();
        world.wait(secs(60));
        assert_eq!((which, world.queued()), (which, 0));
        assert_eq!(world.all_sends.len(), sends, "sent after the owner's act");
        world.assert_small();
        world.assert_replay();
    }
}

#[test]
fn bursts_and_questions_of_a_crowd_are_dropped_in_small_records() {
    let mut world = large();
    for no in 0..2_500_u64 {
        let event = world.message(&format!("8{no:014}"), "hello, do you ship to the moon?");
        world.receive(event);
        if no == 1_200 {
            world.wait(secs(4));
        }
    }
    assert!(!world.user.questions.is_empty());
    world.switch_off();
    world.switch_on();
    world.wait(secs(60));
    assert!(world.user.questions.is_empty());
    assert_eq!(world.user.agenda.next_due(), None);
    assert!(world.sends.is_empty());
    world.assert_small();
    world.assert_replay();
}

#[test]
fn three_thousand_replies_that_expired_meanwhile_do_not_make_every_webhook_too_large() {
    let mut world = crowded(3_000);
    world.run(Command::RevokeInstagram).unwrap();
    world.now = world.now + hours(8 * 24);
    world.largest = 0;
    let event = world.message(BEN, "hello");
    world.receive(event);
    world.assert_small();
    assert!(world.queued() > 0, "the rest waits for its tick");
    world.wait(secs(30));
    assert_eq!(world.queued(), 0);
    world.wait(hours(33 * 24));
    assert_eq!(world.user.outbox.iter().count(), 0, "all went to the history");
    world.assert_small();
}

#[test]
fn templates_leave_for_the_history_in_small_records() {
    let mut world = crowded(0);
    let first = world.all_sends[0].outbound;
    let item = Outbound::clone(world.user.outbox.get(first).unwrap());
    let context = Arc::clone(&world.user.replies[&first]);
    let elements = "x".repeat(crate::outbox::TEMPLATE_BYTES_MAX);
    let content = crate::outbox::Content::Template { elements: elements.into(), text_form: "x".into() };
    let item = Outbound { content, ..item };
    for no in 0..400 {
        world.enqueue_copy(&item, &context, OutboundId::new(1_000 + no), &format!("8{no:014}"));
    }
    world.switch_off();
    world.wait(hours(2));
    assert_eq!((world.queued(), world.user.outbox.iter().filter(|item| item.id != first).count()), (0, 0));
    assert!(world.rows.keys().filter(|(stream, _)| stream == "outbound").count() >= 400);
    world.assert_small();
}

#[test]
fn two_thousand_parked_events_go_on_in_small_records_and_in_order() {
    let mut world = large();
    let words = "\u{1f600} ".repeat(2_000);
    world.automate("a1", fixed("price", "it is 10"));
    world.run(Command::RevokeInstagram).unwrap();
    let mut keys = Vec::new();
    for no in 0..2_000_u64 {
        let event = world.message(&format!("8{no:014}"), &format!("price {words}"));
        keys.push(event.key.as_str().to_owned());
        world.receive(event);
    }
    assert_eq!(world.user.parked.len(), 2_000);
    world.connect();
    assert!(!world.user.parked.is_empty(), "the rest waits for its tick");
    let late = world.message("800000000001999", "and shipping?");
    let late_key = late.key.as_str().to_owned();
    assert_eq!(world.receive(late), Some(Verdict::Parked), "behind an earlier message of the same person");
    world.wait(secs(60));
    assert!(world.user.parked.is_empty());
    assert!(matches!(world.verdict(&keys[1_999]), Verdict::Merged { .. }));
    assert!(!matches!(world.verdict(&late_key), Verdict::Parked | Verdict::Skipped(Skip::ParkedTooLong)));
    world.assert_small();
    world.assert_replay();
}

#[test]
fn a_thousand_contacts_that_waited_for_room_come_in_by_small_records() {
    let mut world = World::vacant();
    world.check_replay = false;
    world.connect();
    let words = "\u{1f600}".repeat(9_000);
    let mut no = 0_u64;
    while world.user.overflow.len() < 900 {
        let event = world.message(&format!("8{no:014}"), &words);
        world.receive(event);
        no += 1;
        assert!(no < 5_000, "the plan never fills up");
    }
    let before = world.user.contacts.len();
    world.largest = 0;
    world.run(Command::SetPlan(Plan::Growth)).unwrap();
    assert!(!world.user.overflow.is_empty(), "the rest waits for its tick");
    world.wait(secs(10));
    assert_eq!((world.user.overflow.len(), world.user.contacts.len()), (0, before + 900));
    world.assert_small();
    world.assert_replay();
}

#[test]
fn many_automations_that_expire_together_end_in_small_records() {
    let mut world = large();
    for no in 0..150 {
        let mut input = fixed(&format!("word{no}"), &"x".repeat(900));
        input.expires_at = Some(world.now + hours(1));
        input.description = Some("d".repeat(400));
        world.automate(&format!("a{no}"), input);
    }
    world.wait(hours(2));
    assert_eq!(world.user.automations.active(), 0);
    world.assert_small();
}
