//! The audit log: who changed what.

use super::world::*;
use crate::{
    id::AccountId,
    user::{
        Command, Rejection, Reply,
        audit::{AUDIT_BYTES_MAX, AUDIT_ROWS_MAX, Actor, AuditRow, Audited, STREAM, Target, Write},
        contact::FieldSource,
        contact_change::{ContactChange, ContactPatch, Write as NewValue},
        knowledge::change::{FaqInput, FaqPatch, KnowledgeChange},
    },
};
use std::sync::Arc;

fn by_tool(command: Command) -> Command {
    let by = Actor::SidekickTool { chat: Some("chat_1".into()) };
    Command::Audited(Audited { by, operation: "aTool".into(), write: Write::Command(Box::new(command)) })
}

fn faq(question: &str, answer: &str) -> KnowledgeChange {
    KnowledgeChange::AddFaq(FaqInput { question: question.into(), answer: Some(answer.into()) })
}

impl World {
    fn kept(&self, no: u64) -> AuditRow {
        rmp_serde::from_slice(&self.rows[&(STREAM.to_owned(), no)]).unwrap()
    }
}

#[test]
fn a_tools_write_is_noted_with_what_was_there_before_and_after() {
    let mut world = World::vacant();
    let Ok(Reply::Entry(id)) = world.run(by_tool(Command::Knowledge(faq("When?", "daily")))) else {
        panic!("not added")
    };
    let patch = FaqPatch { answer: Some("on sundays".into()), ..FaqPatch::default() };
    world.run(by_tool(Command::Knowledge(KnowledgeChange::UpdateFaq { id: id.clone(), patch }))).unwrap();
    let rows: Vec<_> = world.user.audit.iter().cloned().collect();
    let [changed, added] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(added.target, Target::Faq(id.as_str().into()));
    assert!(added.before.is_none() && added.after.as_ref().unwrap().contains("daily"));
    assert!(changed.before.as_ref().unwrap().contains("daily"));
    assert!(changed.after.as_ref().unwrap().contains("on sundays"));
    assert_eq!(changed.by, Actor::SidekickTool { chat: Some("chat_1".into()) });
    assert_eq!((&*changed.operation, changed.at), ("aTool", world.now));
    assert_eq!(world.kept(changed.no), **changed);
    assert_eq!(world.kept(added.no), **added);
    world.passivate();
    assert_eq!(world.user.audit.iter().count(), 2);
}

#[test]
fn what_is_refused_or_changes_nothing_is_not_noted() {
    let mut world = World::vacant();
    let unknown = Command::Knowledge(KnowledgeChange::DeleteFaq("another's".into()));
    assert_eq!(world.run(by_tool(unknown)), Err(Rejection::NoEntry("faq")));
    world.run(by_tool(Command::Knowledge(KnowledgeChange::MainOffering(String::new())))).unwrap();
    assert!(world.user.audit.is_empty());
}

#[test]
fn the_log_at_hand_is_bounded_and_the_history_has_all() {
    let mut world = World::vacant();
    for no in 0..=AUDIT_ROWS_MAX {
        let text = KnowledgeChange::MainOffering(format!("cakes {no}"));
        world.run(by_tool(Command::Knowledge(text))).unwrap();
    }
    assert_eq!(world.user.audit.iter().count(), AUDIT_ROWS_MAX);
    assert_eq!(world.rows.keys().filter(|(stream, _)| stream == STREAM).count(), AUDIT_ROWS_MAX + 1);
    world.check_replay = false;
    for no in 0..60 {
        let patch = FaqPatch { answer: Some(no.to_string().repeat(2_000)), ..FaqPatch::default() };
        let change = match world.user.knowledge.faqs.first() {
            None => faq("When?", "daily"),
            Some(known) => KnowledgeChange::UpdateFaq { id: known.id.clone(), patch },
        };
        world.run(by_tool(Command::Knowledge(change))).unwrap();
    }
    let bytes = |row: &Arc<AuditRow>| {
        [&row.before, &row.after].into_iter().flatten().map(|text| text.len()).sum::<usize>()
    };
    let total: usize = world.user.audit.iter().map(bytes).sum();
    assert!(total > AUDIT_BYTES_MAX / 2 && total <= AUDIT_BYTES_MAX, "{total}");
}

#[test]
fn what_was_written_of_contacts_goes_with_them_and_is_never_in_the_history() {
    let mut world = priced();
    world.says(ANA, "price");
    let crm = crate::user::contact::Crm { notes: Some("allergic to nuts".into()), ..Default::default() };
    world.run(by_tool(Command::SetCrm { person: ANA.into(), crm })).unwrap();
    world.run(by_tool(Command::Knowledge(KnowledgeChange::MainOffering("cakes".into())))).unwrap();
    let noted = world.user.audit.iter().last().cloned().unwrap();
    assert!(noted.after.as_ref().unwrap().contains("allergic"), "{noted:?}");
    let kept = world.kept(noted.no);
    assert_eq!((kept.target.clone(), kept.before, kept.after), (noted.target.clone(), None, None));
    world.run(Command::EraseInstagramData { account: AccountId::from(ACCOUNT) }).unwrap();
    let left: Vec<_> = world.user.audit.iter().map(|row| row.target.clone()).collect();
    assert_eq!(left, [Target::MainOffering]);
}

#[test]
fn what_was_written_of_a_contact_leaves_when_it_is_deleted() {
    let mut world = priced();
    world.says(ANA, "price");
    let change = |change: ContactChange| {
        by_tool(Command::Contact { contact: ANA.into(), change, by: FieldSource::Tool })
    };
    let notes = Some(NewValue::Set("allergic to nuts".into()));
    world.run(change(ContactChange::Edit(ContactPatch { notes, ..ContactPatch::default() }))).unwrap();
    world.run(change(ContactChange::AddTag("vip".into()))).unwrap();
    assert!(world.user.audit.iter().all(|row| row.after.is_some()));
    world.run(change(ContactChange::Delete)).unwrap();
    let rows: Vec<_> = world.user.audit.iter().cloned().collect();
    let [deletion] = &rows[..] else { panic!("{rows:?}") };
    assert!(matches!(deletion.target, Target::Contact(_)), "{deletion:?}");
    assert_eq!((&deletion.before, &deletion.after), (&None, &None));
    assert!(!String::from_utf8_lossy(&World::encoded(&world.user)).contains("allergic"));
}

#[test]
fn a_write_elsewhere_is_noted_as_it_is_told() {
    let mut world = World::vacant();
    let write = Write::Profile { before: r#"{"name":"Ada"}"#.into(), after: r#"{"name":"Ana"}"#.into() };
    let audited = Audited { by: Actor::Owner, operation: "updateUserProfile".repeat(20).into(), write };
    world.run(Command::Audited(audited)).unwrap();
    let row = world.user.audit.iter().next().cloned().unwrap();
    assert_eq!((&row.target, row.before.as_deref()), (&Target::Profile, Some(r#"{"name":"Ada"}"#)));
    assert_eq!(row.operation.chars().count(), 128);
}
