//! How far the reading is, on a terminal.

use std::ops::Range;

use super::{reader::Ended, seen::WEEK};
use crate::{
    cli::progress::{self, ProgressBar},
    domain::clock::Timestamp,
};

#[derive(Debug)]
pub(super) struct Bar {
    /// In weeks of mailboxes.
    weeks: ProgressBar,
    messages: ProgressBar,
}

impl Bar {
    pub(super) fn new(mailboxes: usize, wanted: &Range<Timestamp>) -> Self {
        let whole = wanted.end.since(wanted.start).as_secs().div_ceil(WEEK.as_secs());
        let weeks = progress::bar(whole * mailboxes as u64, TEMPLATE);
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
