//! Results: one line for people and one of JSON for machines.
#![expect(clippy::print_stdout, reason = "a tool that prints its results")]

use crate::{machine, open_loop::Outcome};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fmt::Write};

/// One result, printed when dropped into [`Report::print`].
pub(crate) struct Report {
    name: String,
    text: String,
    fields: Map<String, Value>,
}

impl Report {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let mut fields = Map::new();
        fields.insert("name".to_owned(), json!(name));
        fields.insert("load_average".to_owned(), json!(machine::load_average()));
        Self { name, text: String::new(), fields }
    }

    /// A value with its unit in the key.
    pub(crate) fn value(mut self, key: &str, value: f64) -> Self {
        let _ = write!(self.text, "  {key} {}", short(value));
        self.fields.insert(key.to_owned(), json!(value));
        self
    }

    pub(crate) fn count(mut self, key: &str, value: usize) -> Self {
        let _ = write!(self.text, "  {key} {value}");
        self.fields.insert(key.to_owned(), json!(value));
        self
    }

    /// Rates, refusals and percentiles of a run of the load.
    pub(crate) fn outcome(self, outcome: &Outcome, offered: Option<f64>, per_request: usize) -> Self {
        let (accepted, refused, failed) = outcome.counts();
        let report = match offered {
            Some(rate) => self.value("offered_per_s", rate),
            None => self,
        };
        let report = report.value("requests_per_s", outcome.per_second());
        let report = if per_request > 1 {
            report.value("events_per_s", outcome.per_second() * per_request as f64)
        } else {
            report
        };
        report
            .count("accepted", accepted)
            .count("refused", refused)
            .count("failed", failed)
            .value("p50_ms", outcome.millis(0.5))
            .value("p99_ms", outcome.millis(0.99))
            .value("p999_ms", outcome.millis(0.999))
    }

    /// Processor time per event, by thread.
    pub(crate) fn cpu(mut self, before: &BTreeMap<String, f64>, events: usize) -> Self {
        let mut spent = Map::new();
        for (thread, after) in machine::cpu_by_thread() {
            let micros = (after - before.get(&thread).unwrap_or(&0.0)) * 1e6 / events.max(1) as f64;
            if micros >= 0.1 {
                spent.insert(thread, json!((micros * 10.0).round() / 10.0));
            }
        }
        let _ = write!(self.text, "\n    cpu µs per event: {}", Value::Object(spent.clone()));
        self.fields.insert("cpu_micros_per_event".to_owned(), Value::Object(spent));
        self
    }

    pub(crate) fn print(self) {
        println!("{:<24}{}", self.name, self.text);
        println!("    {}", Value::Object(self.fields));
    }
}

fn short(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The head of all results.
pub(crate) fn head(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
    println!();
}
