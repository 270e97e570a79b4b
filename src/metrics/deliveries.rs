//! How many notifications went which way, counted by whoever sends them and read by scrapes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// By channel.
#[derive(Debug, Default)]
pub struct Deliveries {
    pub command: Tally,
    pub webhook: Tally,
}

impl Deliveries {
    /// With the values of the `by` label.
    pub(super) fn channels(&self) -> [(&'static str, &Tally); 2] {
        [("command", &self.command), ("webhook", &self.webhook)]
    }
}

/// What became of the notifications of one channel.
#[derive(Debug, Default)]
pub struct Tally {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Tally {
    pub fn send_one(&self) {
        self.sent.fetch_add(1, Relaxed);
    }

    pub fn fail_one(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    pub fn drop_one(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }
}
