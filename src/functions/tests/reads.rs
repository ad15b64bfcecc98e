//! What a query declares to read is all that it reads: while none of that changed, neither did its result.
//!
//! Over every query of the registry, with arguments made from their shapes, and whatever happens in a workspace. A query
//! that is given wrong arguments here fails the test: teach [`argument`] its names.

use super::world::World;
use crate::{
    functions::{
        Functions, NoArgs, Reads, Registry, Snapshot,
        context::Reader,
        declare::{Module, Style},
        documents::args_schema,
        failure::CallError,
    },
    sync::{Answered, Call, Kind, Product},
};
use greenroom_actors::{
    automation::AutomationInput,
    identity::{self, command::UserPatch, field::Writer},
    user::{Command, plan::Plan, settings::SettingsPatch},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json, value::RawValue};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

const PERSONS: [&str; 3] = ["9001", "9002", "9003"];

/// Something that changes a workspace or its owner.
#[derive(Clone, Debug)]
enum Step {
    Says(usize, &'static str),
    Mutate(&'static str, Value),
    Tell(Box<Command>),
    Rename(&'static str),
    Wait(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let tell = |command: Command| Step::Tell(Box::new(command));
    let settings = |patch: SettingsPatch| Command::UpdateSettings(patch);
    let automation = AutomationInput {
        title: "Prices".into(),
        trigger_word: Some("price".into()),
        response_type: "fixed".into(),
        response_content: "12 euro".into(),
        ..AutomationInput::default()
    };
    let steps = vec![
        tell(Command::CreateAutomation { id: "a1".into(), input: automation, inactive: false }),
        tell(Command::SetAutomationActive { id: "a1".into(), active: false }),
        tell(Command::DeleteAutomation { id: "a1".into() }),
        tell(settings(SettingsPatch { sidekick: Some(true), ..SettingsPatch::default() })),
        tell(settings(SettingsPatch { sidekick: Some(false), ..SettingsPatch::default() })),
        Step::Mutate("sidekick/aiTools/faqs:addFaq", json!({ "question": "when?", "answer": "daily" })),
        Step::Mutate(
            "sidekick/aiTools/offers:createUserOffer",
            json!({ "name": "cake", "content": "with cream" }),
        ),
        Step::Mutate("sidekick/aiTools/toneProfile:addToneSample", json!({ "text": "Hi!" })),
        Step::Mutate("sidekick/settings:updateSystemPrompt", json!({ "prompt": "be brief" })),
        Step::Mutate("instagramSyncConfig:updateInstagramSyncInterval", json!({ "hours": 6 })),
        Step::Mutate("onboarding:updateOnboardingStep", json!({ "other_use_case": "cakes" })),
        tell(Command::SetName("Other Bakery".into())),
        tell(Command::SetPlan(Plan::Growth)),
        tell(Command::SetPlan(Plan::Enterprise)),
        tell(Command::ReadNotifications { no: u64::MAX }),
        tell(Command::DisconnectInstagram),
        Step::Rename("Bakery"),
        Step::Rename("Bakery & Sons"),
    ];
    let contact = |name: &'static str, args: Value| Step::Mutate(name, args);
    let contacts = PERSONS.iter().flat_map(move |person| {
        [
            contact(
                "contacts:updateContact",
                json!({ "contactId": person, "stage": "lead", "leadScore": 7 }),
            ),
            contact("contacts:addContactTagAction", json!({ "contactId": person, "tag": "vip" })),
            contact("contacts:removeContactTagAction", json!({ "contactId": person, "tag": "vip" })),
            contact(
                "contacts:updateContactHRNState",
                json!({ "contactId": person, "requiresHumanResponse": true }),
            ),
            contact(
                "contacts:updateContactFollowUpStatus",
                json!({ "contactId": person, "followupNeeded": true }),
            ),
            contact("contacts:deleteContact", json!({ "contactId": person })),
        ]
    });
    let changes = prop::sample::select(steps.into_iter().chain(contacts).collect::<Vec<_>>());
    let text = prop::sample::select(vec!["hello", "what is the price?", "I want a refund"]);
    prop_oneof![
        3 => changes,
        2 => (0..PERSONS.len(), text).prop_map(|(person, text)| Step::Says(person, text)),
        1 => (1..100_000_u32).prop_map(Step::Wait),
    ]
}

async fn take(world: &World, step: Step) {
    match step {
        Step::Says(person, text) => {
            let connected =
                world.user().await.integration.as_ref().is_some_and(|known| known.is_usable(world.now()));
            if connected {
                world.says(PERSONS[person], text).await;
            }
        }
        Step::Mutate(path, args) => {
            let (Ok(told) | Err(told)) = world.mutate(path, args).await;
            // A contact that has the tag, or a thing that is there already, is no change; wrong arguments test nothing.
            let is_wrong = told["message"].as_str().is_some_and(|told| told.contains("ArgumentValidation"));
            assert!(!is_wrong, "{path}: {told}");
        }
        Step::Tell(command) => drop(world.app.users.ask(&world.caller.user_id, *command, 0).await),
        Step::Rename(name) => {
            let patch = UserPatch { name: Some(name.into()), ..UserPatch::default() };
            let command = identity::Command::UpdateUser { writer: Writer::Client, patch };
            world.app.identities.ask(&world.caller.user_id, command, 0).await.unwrap();
        }
        Step::Wait(secs) => world.pass(Duration::from_secs(secs.into())).await,
    }
    world.settle().await;
}

/// An argument that a query takes, by its name; by its type when the name says nothing.
fn argument(name: &str, schema: &Value) -> Value {
    match name {
        "contactId" => json!(PERSONS[0]),
        "contactIds" => json!(PERSONS),
        "id" | "automationId" => json!("a1"),
        "paginationOpts" => json!({ "numItems": 2, "cursor": null }),
        "sinceIso" => json!("2026-01-09T00:00:10.000Z"),
        _ => match schema["type"].as_str() {
            Some("string") => json!("x"),
            Some("number") => json!(1),
            Some("boolean") => json!(true),
            Some("array") => json!([]),
            _ => json!({}),
        },
    }
}

/// The queries of a registry, each with arguments.
fn calls(registry: &Registry) -> Vec<Call> {
    let queries = registry.iter().filter(|function| function.kind == Kind::Query);
    queries
        .map(|function| {
            let schema = args_schema(function);
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let named = required.iter().filter_map(Value::as_str);
            let args: Map<String, Value> =
                named.map(|name| (name.to_owned(), argument(name, &schema["properties"][name]))).collect();
            let args = RawValue::from_string(Value::Object(args).to_string()).unwrap();
            Call { path: function.path().into(), args: args.into() }
        })
        .collect()
}

type At = Option<Arc<Snapshot>>;

/// What a query comes to, evaluated anew.
async fn evaluate(world: &World, registry: fn() -> Registry, at: &At, call: &Call) -> (String, Reads) {
    // Results are kept by the functions that made them: these know nothing yet.
    let functions = Functions::new(Arc::clone(&world.app), registry());
    let answered = functions.query(Some(&world.caller), at, call, None).await.unwrap();
    let Answered { outcome, reads, .. } = answered;
    let told = match outcome {
        Ok(result) => result.0.to_string(),
        Err(failed) => failed.data.map_or(failed.message, |data| data.0.to_string()),
    };
    assert!(!told.contains("\"VALIDATION\""), "{} does not take {}: {told}", call.path, call.args.get());
    (told, reads)
}

/// Queries whose result changed although nothing did that they declare to read.
async fn liars(registry: fn() -> Registry, steps: Vec<Step>) -> BTreeMap<String, String> {
    let world = World::connected().await;
    let calls = calls(&registry());
    let mut liars = BTreeMap::new();
    let mut before = world.snapshot().await;
    for step in steps {
        let mut results = Vec::new();
        for call in &calls {
            results.push(evaluate(&world, registry, &before, call).await.0);
        }
        take(&world, step.clone()).await;
        let after = world.snapshot().await;
        let since = world.functions.ts(&before);
        for (call, result) in calls.iter().zip(results) {
            let (now, reads) = evaluate(&world, registry, &after, call).await;
            if !world.functions.is_stale(&reads, since, &after) && now != result {
                liars.insert(call.path.to_string(), format!("{step:?}: {result} became {now}"));
            }
        }
        before = after;
    }
    liars
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn no_query_reads_more_than_it_declares(steps in prop::collection::vec(step(), 1..40)) {
        let liars = block_on(liars(Registry::product, steps));
        prop_assert!(liars.is_empty(), "{liars:#?}");
    }
}

async fn names(reader: Reader, _: NoArgs) -> Result<usize, CallError> {
    Ok(reader.user().contacts.len())
}

#[test]
fn a_query_that_reads_more_than_it_declares_is_found() {
    let registry = || {
        let silent = Module::new("liar", Style::Throws);
        Registry::of([silent.query("count", "Counts contacts.", Reads::default(), names)])
    };
    let steps = vec![Step::Says(0, "hello")];
    let found = block_on(liars(registry, steps));
    assert_eq!(found.keys().collect::<Vec<_>>(), ["liar:count"]);
}
