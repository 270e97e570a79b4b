//! How long something took, counted as Prometheus' histograms are.

use std::time::Duration;

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

    pub(super) fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = Self::BOUNDS.iter().position(|bound| seconds <= *bound);
        self.counts[bucket.unwrap_or(Self::BOUNDS.len())] += 1;
        self.sum += took;
    }
}
