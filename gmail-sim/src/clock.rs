//! The only place that asks what time it is: real time, plus an offset that tests move.
//!
//! Invariant: the simulator's time never runs backwards; it can only be moved on.

use std::time::{Duration, SystemTime};

use tokio::{sync::watch, time::Instant};

/// The clock of one simulated world.
#[derive(Debug)]
pub(crate) struct Clock {
    started: SystemTime,
    /// Tokio's instant, so that a test that pauses tokio's time pauses this clock too.
    since: Instant,
    offset: watch::Sender<Duration>,
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
impl Clock {
    pub(crate) fn start() -> Self {
        let offset = watch::Sender::new(Duration::ZERO);
        Self { started: SystemTime::now(), since: Instant::now(), offset }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.started + self.since.elapsed() + *self.offset.borrow()
    }

    /// Moves the clock on and wakes everybody who waits for a time.
    pub(crate) fn advance(&self, by: Duration) {
        self.offset.send_modify(|offset| *offset += by);
    }

    /// Waits until the clock shows `at`, whether by itself or by being moved.
    pub(crate) async fn reached(&self, at: SystemTime) {
        let mut offset = self.offset.subscribe();
        loop {
            offset.borrow_and_update();
            let Ok(left) = at.duration_since(self.now()) else { return };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                _ = offset.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_moved_clock_wakes_who_waits_for_it() {
        let clock = Clock::start();
        let tomorrow = clock.now() + Duration::from_secs(86_400);
        tokio::join!(clock.reached(tomorrow), async { clock.advance(Duration::from_secs(86_400)) });
        assert!(clock.now() >= tomorrow);
    }
}
