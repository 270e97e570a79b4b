//! The engine: what is due, one round at a time for each mailbox, and the last word on every link.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};

use crate::{
    check::Check,
    domain::{link::LinkId, outcome::Outcome},
};

pub mod state;

use state::Snapshot;

/// How everybody else speaks to the engine.
#[derive(Clone, Debug)]
pub struct Handle {
    snapshot: Arc<ArcSwap<Snapshot>>,
    orders: mpsc::Sender<Order>,
}

impl Handle {
    /// What is known now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Probes a link now, or as soon as its mailbox is free; the outcomes count like any others.
    ///
    /// # Errors
    /// Where there is no such link, or the exporter stops meanwhile.
    pub async fn probe(
        &self,
        link: LinkId,
        checks: Vec<Check>,
    ) -> Result<Vec<(Check, Arc<Outcome>)>, Refused> {
        let (answer, answered) = oneshot::channel();
        let order = Order { link, checks, answer };
        self.orders.send(order).await.map_err(|_| Refused::Stopping)?;
        answered.await.map_err(|_| Refused::Stopping)?
    }
}

/// Why an ordered probe was not run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    Stopping,
    UnknownLink,
}

#[derive(Debug)]
struct Order {
    link: LinkId,
    checks: Vec<Check>,
    answer: oneshot::Sender<Result<Vec<(Check, Arc<Outcome>)>, Refused>>,
}
