//! What others ask of the engine: what is known, and a probe now.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};

use super::state::Snapshot;
use crate::{
    check::Check,
    domain::{link::LinkId, outcome::Outcome},
};

/// How everybody else speaks to the engine.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) orders: mpsc::Sender<Order>,
}

impl Handle {
    /// What is known now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Probes a link now, or as soon as its mailbox is free; the outcomes count like any others. Without `checks`, all
    /// that are switched on for the link.
    ///
    /// # Errors
    /// Where there is no such link or check, or the exporter stops meanwhile.
    pub async fn probe(&self, link: LinkId, checks: Vec<Check>) -> Answer {
        let (answer, answered) = oneshot::channel();
        let order = Order { link, checks, answer };
        self.orders.send(order).await.map_err(|_| Refused::Stopping)?;
        answered.await.map_err(|_| Refused::Stopping)?
    }
}

/// What came of an order.
pub type Answer = Result<Vec<(Check, Arc<Outcome>)>, Refused>;

/// Why an ordered probe was not run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// The check is switched off for this link, or says nothing of its direction.
    CheckOff,
    Stopping,
    UnknownLink,
}

#[derive(Debug)]
pub(super) struct Order {
    pub(super) link: LinkId,
    pub(super) checks: Vec<Check>,
    pub(super) answer: oneshot::Sender<Answer>,
}
