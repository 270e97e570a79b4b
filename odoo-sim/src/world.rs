//! Databases, users, rows, and what was asked.

mod asked;
mod database;
mod user;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub(crate) use self::database::{Content, Row};
pub use self::{
    asked::Asked,
    database::{Database, Unplayed},
    user::{Group, User},
};
use crate::{
    fault::{Fault, What},
    version::Version,
};

/// Everything; a handle on it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    inner: Arc<Mutex<Inner>>,
    pub(crate) version: Version,
}

#[derive(Debug, Default)]
struct Inner {
    asked: Vec<Asked>,
    databases: BTreeMap<String, Content>,
    faults: Vec<Fault>,
    writes: Vec<Asked>,
}

impl World {
    pub(crate) fn new(version: Version) -> Self {
        Self { inner: Arc::default(), version }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked while it held the lock has failed already.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A database as Odoo ships it, in place of the one of that name.
    pub(crate) fn add_database(&self, name: &str) -> Database {
        self.lock().databases.insert(name.to_owned(), Content::fresh(self.version));
        Database::new(self.clone(), name)
    }

    pub(crate) fn drop_database(&self, name: &str) {
        self.lock().databases.remove(name);
    }

    /// Does something with a database, if it is there.
    pub(crate) fn with<T>(&self, name: &str, act: impl FnOnce(&mut Content) -> T) -> Option<T> {
        self.lock().databases.get_mut(name).map(act)
    }

    /// The databases that `dbfilter` lets through.
    pub(crate) fn seen(&self) -> Vec<String> {
        let inner = self.lock();
        let seen = inner.databases.iter().filter(|database| !database.1.hidden);
        seen.map(|database| database.0.clone()).collect()
    }

    pub(crate) fn misbehave(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    pub(crate) fn behave(&self) {
        self.lock().faults.clear();
    }

    /// What goes wrong with a request for a model.
    pub(crate) fn due(&self, model: &str) -> Option<What> {
        self.lock().faults.iter_mut().find_map(|fault| fault.meet(model))
    }

    pub(crate) fn note(&self, asked: Asked) {
        self.lock().asked.push(asked);
    }

    /// Somebody tried to write: that is for a log, and for a test to see.
    pub(crate) fn note_write(&self, asked: Asked) {
        eprintln!("odoo-sim: REFUSED, this is no read: {asked}");
        self.lock().writes.push(asked);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    pub(crate) fn writes(&self) -> Vec<Asked> {
        self.lock().writes.clone()
    }

    pub(crate) fn forget(&self) {
        let mut inner = self.lock();
        inner.asked.clear();
        inner.writes.clear();
    }
}
