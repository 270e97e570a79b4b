//! What waits to be told by one channel: bounded, and the oldest goes first where there is too much.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::Parcel;

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    parcels: VecDeque<Arc<Parcel>>,
    /// Whether somebody is busy with one that was taken out.
    in_hand: bool,
}

impl Queue {
    /// Gives what had to go for it.
    pub(super) fn push(&self, parcel: Arc<Parcel>) -> Option<Arc<Parcel>> {
        let mut waiting = self.lock();
        let dropped = if waiting.parcels.len() < MOST { None } else { waiting.parcels.pop_front() };
        waiting.parcels.push_back(parcel);
        self.news.notify_one();
        dropped
    }

    /// The next, when there is one; whoever asks has done with the one before. There is one who asks.
    pub(super) async fn next(&self) -> Arc<Parcel> {
        loop {
            if let Some(parcel) = self.take() {
                return parcel;
            }
            self.news.notified().await;
        }
    }

    fn take(&self) -> Option<Arc<Parcel>> {
        let mut waiting = self.lock();
        let parcel = waiting.parcels.pop_front();
        waiting.in_hand = parcel.is_some();
        parcel
    }

    /// What was pushed, and is not done with.
    pub(super) fn untold(&self) -> usize {
        let waiting = self.lock();
        waiting.parcels.len() + usize::from(waiting.in_hand)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waiting for one channel. A message has about one kilobyte.
const MOST: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::course::Subject;

    #[tokio::test]
    async fn where_there_is_too_much_the_oldest_goes() {
        let parcel = |number: usize| {
            let of = Subject::Client(number.to_string().into());
            Arc::new(Parcel { of, body: Vec::new(), event: "broke", reason: "", class: "" })
        };
        let name = |parcel: &Parcel| parcel.of.names().0.unwrap().to_owned();
        let queue = Queue::default();
        let dropped: Vec<_> = (0..MOST + 2).filter_map(|n| queue.push(parcel(n))).collect();
        let dropped: Vec<_> = dropped.iter().map(|parcel| name(parcel)).collect();
        assert_eq!(dropped, ["0", "1"]);
        assert_eq!(name(&*queue.next().await), "2");
        assert_eq!(queue.untold(), MOST, "one of them is in hand");
    }
}
