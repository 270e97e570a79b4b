//! How far the reading is, on a terminal.

use std::{
    io::{self, IsTerminal},
    ops::Range,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{reader::Ended, seen::WEEK};
use crate::domain::clock::Timestamp;

/// Nothing is drawn where nobody sits before it.
#[derive(Debug)]
pub(super) struct Bar {
    /// In weeks of mailboxes.
    weeks: ProgressBar,
    messages: ProgressBar,
}

impl Bar {
    pub(super) fn new(mailboxes: usize, wanted: &Range<Timestamp>) -> Self {
        let whole = wanted.end.since(wanted.start).as_secs().div_ceil(WEEK.as_secs());
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let weeks = ProgressBar::with_draw_target(Some(whole * mailboxes as u64), target);
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| {
            // A bar of another kind is a bar.
            ProgressStyle::default_bar()
        });
        weeks.set_style(style);
        Self { weeks, messages: ProgressBar::hidden() }
    }

    pub(super) fn read(&self, messages: usize) {
        self.messages.inc(messages as u64);
        self.weeks.set_message(format!("{} messages", self.messages.position()));
    }

    pub(super) fn finished(&self, chunk: &Range<Timestamp>) {
        self.weeks.inc(chunk.end.since(chunk.start).as_secs().div_ceil(WEEK.as_secs()));
    }

    /// What of a mailbox was not read will not be.
    pub(super) fn ended(&self, ended: &Ended) {
        if matches!(ended, Ended::Interrupted) {
            self.weeks.abandon();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.weeks.finish_and_clear();
    }
}

const TEMPLATE: &str = "{bar:40} {pos} of {len} weeks, {msg} ({elapsed}, {eta} left)";
