use super::world::*;
use crate::identity::{
    Command, Rejection, Reply,
    command::UserPatch,
    field::{Extra, FIELDS, Field, FieldKind, Invalid, Problem, Value, Writer, at_sign_up, at_update, check},
};

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.into()))
}

fn list(items: &[&str]) -> Option<Value> {
    Some(Value::List(items.iter().map(|item| (*item).into()).collect()))
}

const fn flag(flag: bool) -> Option<Value> {
    Some(Value::Flag(flag))
}

fn refused(field: Field, problem: Problem) -> Invalid {
    Invalid { field: field.name(), problem }
}

fn update(writer: Writer, extra: Vec<(Field, Option<Value>)>) -> Command {
    Command::UpdateUser { writer, patch: UserPatch { extra, ..UserPatch::default() } }
}

#[test]
fn the_table_is_in_the_order_of_the_enum_and_names_are_those_that_are_stored() {
    for known in &FIELDS {
        assert_eq!((known.field.name(), Field::from_name(known.name)), (known.name, Some(known.field)));
        let stored = rmp_serde::to_vec(&known.field).unwrap();
        assert_eq!(stored, rmp_serde::to_vec(known.name).unwrap());
    }
    for unknown in ["role", "id", "emailVerified", "createdAt", "Gender"] {
        assert_eq!(Field::from_name(unknown), None);
    }
    assert_eq!(Extra::default().all().count(), 14);
}

#[test]
fn sign_up_replaces_what_clients_may_not_write_and_an_update_refuses_it() {
    let sent = vec![
        (Field::Gender, text("f")),
        (Field::OnboardingComplete, flag(true)),
        (Field::SidekickOnboardingComplete, text("true")),
    ];
    let extra = at_sign_up(sent).unwrap();
    assert_eq!((extra.get(Field::Gender), extra.get(Field::OnboardingComplete)), (text("f"), flag(false)));
    assert_eq!(extra.get(Field::SidekickOnboardingComplete), flag(false));
    for field in [Field::OnboardingComplete, Field::SidekickOnboardingComplete] {
        let not_writable = Err(refused(field, Problem::NotWritable));
        assert_eq!(at_update(vec![(field, flag(true))]), not_writable);
        assert_eq!(at_update(vec![(field, text("x"))]), not_writable);
        // What is falsy is ignored, not stored.
        assert_eq!(at_update(vec![(field, flag(false)), (field, None), (field, text(""))]), Ok(vec![]));
    }
    let patch = vec![(Field::Gender, None), (Field::UseCase, list(&["a"]))];
    assert_eq!(at_update(patch.clone()), Ok(patch));
}

#[test]
fn every_field_has_its_type_and_its_bounds() {
    for known in &FIELDS {
        let field = known.field;
        let check = |value: Option<Value>| check(field, value.as_ref(), Writer::Product);
        assert_eq!(check(None), Ok(()));
        let wrong = match known.kind {
            FieldKind::Text { chars_max } => {
                assert_eq!(check(text(&"é".repeat(chars_max))), Ok(()));
                assert_eq!(
                    check(text(&"é".repeat(chars_max + 1))),
                    Err(refused(field, Problem::TooLong(chars_max)))
                );
                list(&[])
            }
            FieldKind::List { items_max, chars_max } => {
                assert_eq!(check(list(&vec![&*"é".repeat(chars_max); items_max])), Ok(()));
                assert_eq!(
                    check(list(&vec!["x"; items_max + 1])),
                    Err(refused(field, Problem::TooMany(items_max)))
                );
                assert_eq!(
                    check(list(&[&"x".repeat(chars_max + 1)])),
                    Err(refused(field, Problem::TooLong(chars_max)))
                );
                flag(true)
            }
            FieldKind::Flag => {
                assert_eq!(check(flag(true)), Ok(()));
                text("true")
            }
        };
        assert_eq!(check(wrong), Err(refused(field, Problem::WrongType)), "{field:?}");
    }
}

#[test]
fn only_onboarding_insists_on_the_values_that_it_offers() {
    for known in FIELDS.iter().filter(|known| !known.options.is_empty()) {
        let value = |value: &str| match known.kind {
            FieldKind::List { .. } => list(&[value]),
            _ => text(value),
        };
        for option in known.options {
            assert_eq!(check(known.field, value(option).as_ref(), Writer::Onboarding), Ok(()));
        }
        let other = value("something else");
        let not_offered = Err(refused(known.field, Problem::NotOffered));
        assert_eq!(check(known.field, other.as_ref(), Writer::Onboarding), not_offered);
        assert_eq!(check(known.field, other.as_ref(), Writer::Client), Ok(()));
        assert_eq!(check(known.field, other.as_ref(), Writer::Product), Ok(()));
    }
}

#[test]
fn an_update_changes_what_it_names_and_moves_the_instant() {
    let mut world = World::ada();
    world.wait(SECOND);
    let patch = UserPatch {
        name: Some("Ada L".into()),
        image: Some(Some("https://img.example/x.png".into())),
        extra: vec![(Field::Gender, text("f"))],
    };
    let Ok(Reply::User(user)) = world.run(Command::UpdateUser { writer: Writer::Client, patch }) else {
        panic!()
    };
    assert_eq!(
        (&*user.name, user.updated_at, user.extra.get(Field::Gender)),
        ("Ada L", world.now, text("f"))
    );
    let patch = UserPatch { image: Some(None), ..UserPatch::default() };
    let Ok(Reply::User(user)) = world.run(Command::UpdateUser { writer: Writer::Client, patch }) else {
        panic!()
    };
    assert_eq!((&*user.name, &user.image, user.extra.get(Field::Gender)), ("Ada L", &None, text("f")));
    assert_eq!(world.run(update(Writer::Client, vec![])), Err(Rejection::NothingToUpdate));
}

#[test]
fn a_client_never_completes_onboarding_and_one_bad_field_spoils_the_patch() {
    let mut world = World::ada();
    let done = (Field::OnboardingComplete, flag(true));
    let refusal = Err(Rejection::Invalid(refused(Field::OnboardingComplete, Problem::NotWritable)));
    assert_eq!(world.run(update(Writer::Client, vec![(Field::Gender, text("f")), done])), refusal);
    assert_eq!(world.identity.user().unwrap().extra.get(Field::Gender), None);
}

#[test]
fn onboarding_completes_when_everything_required_is_there() {
    let mut world = World::ada();
    let done = (Field::OnboardingComplete, flag(true));
    let required = [
        "use_case",
        "leads_per_month",
        "active_platforms",
        "business_type",
        "pilot_goal",
        "current_tracking",
    ];
    let lacking = Err(Rejection::OnboardingIncomplete(required.to_vec()));
    assert_eq!(world.run(update(Writer::Onboarding, vec![done.clone()])), lacking);
    assert_eq!(world.identity.onboarding_lacks(), required);
    let mut answers = vec![
        (Field::UseCase, list(&["other"])),
        (Field::LeadsPerMonth, text("0-10")),
        (Field::ActivePlatforms, list(&["instagram"])),
        (Field::BusinessType, text("creator")),
        (Field::PilotGoal, list(&[])),
        (Field::CurrentTracking, list(&["notes_app"])),
    ];
    world.run(update(Writer::Onboarding, answers.clone())).unwrap();
    assert_eq!(world.identity.onboarding_lacks(), ["pilot_goal"]);
    answers.push((Field::PilotGoal, list(&["see_exactly_where_i'm_losing_sales"])));
    answers.push(done);
    assert!(world.run(update(Writer::Onboarding, answers)).is_ok());
    assert_eq!(world.identity.user().unwrap().extra.get(Field::OnboardingComplete), flag(true));
}
