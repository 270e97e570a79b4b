//! How links are kept apart in time: by a share of their own, always the same.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::domain::link::LinkId;

/// The same share of `span` for a link, always: a stable jitter.
pub(super) fn phase(id: &LinkId, span: Duration) -> Duration {
    share(id.as_str(), span)
}

/// The same for anything that has a name.
pub(super) fn share(name: &str, span: Duration) -> Duration {
    let hash = Sha256::digest(name);
    let share = hash[..4].iter().fold(0u32, |share, byte| share << 8 | u32::from(*byte));
    span.mul_f64(f64::from(share) / (f64::from(u32::MAX) + 1.0))
}

/// Over how long the rounds of so many links are spread that would all be due at once.
pub(super) fn window(links: usize) -> Duration {
    EACH.saturating_mul(u32::try_from(links).unwrap_or(u32::MAX)).min(LONGEST_WINDOW)
}

/// How far apart the first rounds of new links begin.
const EACH: Duration = Duration::from_millis(20);

/// But all have begun by then.
const LONGEST_WINDOW: Duration = Duration::from_secs(2 * 60);
