//! The last word on every link.
//!
//! Invariant: one task writes it (the engine); everybody else holds a [`Snapshot`], which never changes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::{
    check::{Check, Watched},
    domain::{
        clock::Timestamp,
        link::{Address, LinkId},
        outcome::{Notice, Outcome, Phase, Readings},
        reason::Reason,
    },
};

/// Which version of a link an outcome is about. It moves on when the link changes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Generation(u64);

/// Everything that pages and scrapes show, as it was at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub links: BTreeMap<LinkId, Arc<LinkState>>,
    pub mailboxes: BTreeMap<Address, Arc<MailboxState>>,
    /// What servers showed last, by `host:port`.
    pub certificates: BTreeMap<Arc<str>, Timestamp>,
    /// How long phases took, over the fleet.
    pub phases: BTreeMap<(Check, Phase), Buckets>,
    /// Whether each source could be read last time, and if not, why.
    pub sources: BTreeMap<Arc<str>, Result<(), String>>,
    pub vitals: Vitals,
}

/// How the engine itself does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vitals {
    pub probes_in_flight: usize,
    /// How late the last round began.
    pub schedule_lag: Duration,
    /// Runs left out since the one before was not over yet.
    pub runs_dropped: u64,
    pub panics: u64,
}

/// What is known of one link.
#[derive(Clone, Debug)]
pub struct LinkState {
    pub watched: Watched,
    pub generation: Generation,
    pub checks: BTreeMap<Check, CheckState>,
}

/// What is known of one check of one link.
#[derive(Clone, Debug, Default)]
pub struct CheckState {
    /// The last outcome that was no skip, with its verdict.
    pub last: Option<Arc<Outcome>>,
    /// Set while the check is skipped because of another's failure.
    pub skipped: Option<Reason>,
    pub last_success: Option<Timestamp>,
    /// When the present verdict began.
    pub since: Option<Timestamp>,
    /// When it runs next; absent while nothing is planned.
    pub next_run: Option<Timestamp>,
    /// Probes run, skips not counted.
    pub runs: u64,
    pub failures: BTreeMap<Reason, u64>,
    /// Earlier outcomes, newest first; failures are kept longer than passes.
    pub history: VecDeque<Arc<Outcome>>,
}

/// What is known of one mailbox, whichever link it was seen by.
#[derive(Clone, Debug, Default)]
pub struct MailboxState {
    pub readings: Readings,
    pub notices: BTreeMap<Notice, u64>,
}

/// A histogram's counts: one a bound, then the sum of all.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    /// Not cumulative; the last is for what is over every bound.
    pub counts: [u64; Self::BOUNDS.len() + 1],
    pub sum: Duration,
}

impl Buckets {
    /// Upper bounds in seconds.
    pub const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
}
