//! Progress of long work: a line that renews itself on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};

/// Tenths of the work between two lines when the output is no terminal.
const STEPS: u64 = 10;

/// Draws the progress of one phase after another on standard error.
#[derive(Debug, Default)]
pub(crate) struct Drawing {
    phase: String,
    step: u64,
    open: bool,
}

impl Drawing {
    /// Shows `done` of `total` in a phase; a total of 0 means that it is not known.
    pub(crate) fn show(&mut self, phase: &str, done: u64, total: u64) {
        let terminal = std::io::stderr().is_terminal();
        let step = done.saturating_mul(STEPS).checked_div(total).unwrap_or(0);
        let news = phase != self.phase || step != self.step || (total > 0 && done >= total);
        if !news {
            return;
        }
        if phase != self.phase {
            self.finish();
        }
        phase.clone_into(&mut self.phase);
        self.step = step;
        let percent = done.saturating_mul(100).checked_div(total);
        let percent = percent.map(|percent| format!(" {percent}%")).unwrap_or_default();
        let mut out = std::io::stderr();
        let _ = if terminal {
            self.open = true;
            write!(out, "\r{phase}:{percent}    ").and_then(|()| out.flush())
        } else {
            writeln!(out, "{phase}:{percent}")
        };
    }

    /// Ends the line that is being drawn.
    pub(crate) fn finish(&mut self) {
        if std::mem::take(&mut self.open) {
            let _ = writeln!(std::io::stderr());
        }
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        self.finish();
    }
}
