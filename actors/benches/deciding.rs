//! What one direct message costs in the core: deciding it (events applied as they are emitted), encoding its events, and
//! reading and writing the state of a workspace with 1,000 contacts.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench may stop at any error and prints sizes"
)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use greenroom_actors::{
    Draft, Entity, Sealed, Timestamp,
    automation::{AutomationId, AutomationInput},
    id::{AccountId, EventKey, Igsid, Mid},
    outbox::SendOutcome,
    user::{
        Command, User, UserEffect,
        command::Connect,
        inbound::{InboundEvent, InboundItem, InboundMessage},
        plan::Plan,
        settings::SettingsPatch,
    },
};
use greenroom_persistence::codec;
use std::{hint::black_box, sync::Arc, time::Duration};

const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const ACCOUNT: &str = "17841400000000001";
const CONTACTS: u32 = 1_000;
const CHAT: &str = "Hi! I saw your story about the new collection, looks lovely :)";
const QUESTION: &str = "Hi, what is the PRICE of the blue one from yesterday's story?";

fn decided(state: User, now: Timestamp, command: &Command) -> Draft<User> {
    let mut draft = Draft::new(state);
    User::decide(&mut draft, now, command).expect("no rejection");
    draft
}

fn message(person: u32, number: u32, text: &str, now: Timestamp) -> Command {
    let mid = format!("aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDAwMDAwMDAwMDAxOjM0MDI4MjM2{number:012}");
    Command::Receive(Arc::new(InboundEvent {
        key: EventKey::from(format!("w:message:{mid}")),
        account: AccountId::from(ACCOUNT),
        at: now,
        received_at: now,
        standby: false,
        unrouted: false,
        item: InboundItem::Message(InboundMessage {
            person: Igsid::from(format!("90{person:014}")),
            mid: Some(Mid::from(mid)),
            text: Some(text.into()),
            cut: false,
            attachments: Vec::new(),
            reply_to: None,
            quick_reply: None,
            referral: None,
            is_unsupported: false,
        }),
    }))
}

/// A workspace that answers at once, with three automations and a number of contacts who wrote once.
fn workspace(contacts: u32) -> (User, Timestamp) {
    let connect = Command::ConnectInstagram(Connect {
        account: AccountId::from(ACCOUNT),
        app_scoped: None,
        username: "fictional".to_owned(),
        token: Sealed::from("not-a-token"),
        scopes: Vec::new(),
        expires_at: START + Duration::from_secs(60 * 86_400),
    });
    let settings = Command::UpdateSettings(SettingsPatch {
        reply_delay: Some(Duration::ZERO),
        sidekick: Some(false),
        sends_per_hour: Some(3_600),
        ..SettingsPatch::default()
    });
    let mut state = User::vacant("w");
    for command in [Command::SetPlan(Plan::Enterprise), connect, settings] {
        state = decided(state, START, &command).into_parts().state;
    }
    for word in ["price", "guide", "appointment"] {
        let create = Command::CreateAutomation {
            id: AutomationId::from(word),
            input: AutomationInput {
                title: word.to_owned(),
                trigger_word: Some(word.to_owned()),
                response_type: "fixed".to_owned(),
                response_content: "Hi {{first_name}}! It is $49, shipping included.".to_owned(),
                ..AutomationInput::default()
            },
            inactive: false,
        };
        state = decided(state, START, &create).into_parts().state;
    }
    let now = START + Duration::from_secs(8 * 86_400);
    for person in 0..contacts {
        state = decided(state, now, &message(person, person, CHAT, now)).into_parts().state;
    }
    (state, now)
}

fn deciding(criterion: &mut Criterion) {
    let (state, now) = workspace(CONTACTS);
    let known = message(7, 1_000_000, CHAT, now);
    let asks = message(7, 1_000_001, QUESTION, now);
    let unknown = message(CONTACTS + 1, 1_000_002, CHAT, now);
    for (name, command) in [("no match", &known), ("reply", &asks), ("new contact", &unknown)] {
        criterion.bench_function(&format!("decide/{name}"), |b| {
            b.iter_batched(
                || state.clone(),
                |state| decided(state, now, black_box(command)),
                BatchSize::SmallInput,
            );
        });
        let parts = decided(state.clone(), now, command).into_parts();
        let bytes = codec::encode_events(User::SCHEMA, &parts.events).expect("encodable").len();
        println!("{name}: {} events of {bytes} bytes", parts.events.len());
        criterion.bench_function(&format!("encode/{name}"), |b| {
            b.iter(|| codec::encode_events(User::SCHEMA, black_box(&parts.events)));
        });
        criterion.bench_function(&format!("apply/{name}"), |b| {
            b.iter_batched(
                || state.clone(),
                |mut state| {
                    for event in &parts.events {
                        state.apply(event);
                    }
                    state
                },
                BatchSize::SmallInput,
            );
        });
    }
    sent(criterion, &state, now, &asks);
}

/// The outcome of the reply comes back.
fn sent(criterion: &mut Criterion, state: &User, now: Timestamp, asks: &Command) {
    let parts = decided(state.clone(), now, asks).into_parts();
    let send = parts.effects.iter().find_map(|effect| match effect {
        UserEffect::Send(request) => Some((request.outbound, request.attempt)),
        _ => None,
    });
    let (outbound, attempt) = send.expect("a reply");
    let outcome =
        SendOutcome::Sent { message_id: Mid::from("aWdfZAG1faXRlbToxOklHTWVzc2FnZA"), recipient: None };
    let finished = Command::SendFinished { outbound, attempt, outcome, usage: None };
    criterion.bench_function("decide/sent", |b| {
        b.iter_batched(
            || parts.state.clone(),
            |state| decided(state, now, black_box(&finished)),
            BatchSize::SmallInput,
        );
    });
}

fn states(criterion: &mut Criterion) {
    let (state, _) = workspace(CONTACTS);
    let bytes = codec::encode_state(User::SCHEMA, &state).expect("encodable");
    println!("state of {CONTACTS} contacts: {} bytes", bytes.len());
    criterion.bench_function("state/encode", |b| {
        b.iter(|| codec::encode_state(User::SCHEMA, black_box(&state)));
    });
    criterion.bench_function("state/decode", |b| {
        b.iter(|| {
            let (_, value) = codec::open_state(black_box(&bytes)).expect("whole");
            let mut state: User = rmp_serde::from_slice(value).expect("decodable");
            state.restored();
            state
        });
    });
}

criterion_group!(benches, deciding, states);
criterion_main!(benches);
