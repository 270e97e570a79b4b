//! CPU time, of kernel and program together: what counts here, since others use the machine meanwhile.

use std::{cmp::Ordering, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// What this process has spent so far.
pub(crate) fn spent() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec.unsigned_abs() as u32)
}

/// What is in the middle; nothing where there is nothing.
pub(crate) fn median<T: Default + PartialOrd>(samples: impl IntoIterator<Item = T>) -> T {
    let mut samples: Vec<_> = samples.into_iter().collect();
    samples.sort_by(|one, two| one.partial_cmp(two).unwrap_or(Ordering::Equal));
    let middle = samples.len() / 2;
    samples.into_iter().nth(middle).unwrap_or_default()
}

/// Microseconds, for a table.
pub(crate) fn micros(spent: Duration) -> String {
    format!("{:.1} µs", spent.as_secs_f64() * 1e6)
}
