//! From one slice to an event: what happened, to whom, when, and under which key.
