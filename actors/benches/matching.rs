//! The matching form, the matcher at 1, 100 and 5,000 triggers against a naive `contains`, and the heuristics.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench may stop at any error and prints sizes"
)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use greenroom_actors::{
    Timestamp,
    automation::{Automation, AutomationInput, EventScope, MatchMode, MatchQuery, Matcher, validate},
    hrn::{HrnContext, assess},
    text::normalise,
};
use std::hint::black_box;

const NOW: Timestamp = Timestamp::from_millis(1);
/// 200 characters, as people write; nothing in it is a trigger.
const MESSAGE: &str = "Hi there! I saw your last video about growing a small shop and I loved it, could you maybe tell me \
    a bit more about how you started and what you would do differently today? Have a good day, Anna!!";

fn automations(triggers: usize, typo_tolerance: bool) -> Vec<Automation> {
    let syllables = ["lin", "gui", "ka", "pro", "mo", "ves", "tu", "rea", "dol", "shi"];
    (0..triggers)
        .map(|n| {
            let word: String =
                [n / 1000, n / 100, n / 10, n].iter().map(|digit| syllables[digit % 10]).collect();
            let input = AutomationInput {
                title: word.clone(),
                trigger_word: Some(word),
                response_type: "fixed".into(),
                response_content: "x".into(),
                typo_tolerance: Some(typo_tolerance),
                ..AutomationInput::default()
            };
            let content = validate(&input, NOW).expect("a valid automation").content;
            assert_eq!(content.match_mode, MatchMode::Word);
            Automation::new(format!("a{n}").into(), content, NOW)
        })
        .collect()
}

fn matching(criterion: &mut Criterion) {
    let text = normalise(MESSAGE);
    let query = MatchQuery { text: &text, scope: EventScope::Dm, media_ids: &[], now: NOW };
    let mut group = criterion.benchmark_group("match");
    for count in [1, 100, 5_000] {
        let plain = automations(count, false);
        let matcher = Matcher::compile(plain.iter());
        let tolerant = Matcher::compile(automations(count, true).iter());
        let triggers: Vec<&str> = plain.iter().map(|a| a.content.trigger_word()).collect();
        println!("{count} triggers take {} bytes, {} with slips", matcher.weight(), tolerant.weight());
        group.bench_function(BenchmarkId::new("matcher", count), |b| {
            b.iter(|| matcher.find(black_box(&query)))
        });
        group.bench_function(BenchmarkId::new("slips", count), |b| {
            b.iter(|| tolerant.find(black_box(&query)))
        });
        group.bench_function(BenchmarkId::new("naive", count), |b| {
            b.iter(|| triggers.iter().find(|trigger| black_box(&*text).contains(**trigger)));
        });
        group.bench_function(BenchmarkId::new("compile", count), |b| {
            b.iter(|| Matcher::compile(plain.iter()))
        });
    }
    group.finish();
}

fn leaves(criterion: &mut Criterion) {
    let accented = MESSAGE.replace('a', "á");
    criterion.bench_function("normalise/ascii", |b| b.iter(|| normalise(black_box(MESSAGE))));
    criterion.bench_function("normalise/accented", |b| b.iter(|| normalise(black_box(&accented))));
    let context = HrnContext::default();
    criterion.bench_function("assess/ascii", |b| b.iter(|| assess(black_box(MESSAGE), &context)));
    criterion.bench_function("assess/accented", |b| b.iter(|| assess(black_box(&accented), &context)));
}

criterion_group!(benches, matching, leaves);
criterion_main!(benches);
