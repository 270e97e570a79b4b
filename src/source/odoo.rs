//! An Odoo whose mail servers are links: read again and again, by SQL or by its external API.
//!
//! Invariant: nothing is ever written to an Odoo, and one that cannot be read keeps its last links.

use std::sync::Arc;

pub mod database;
pub mod finding;
pub mod sql;
pub mod version;

mod api;
mod choice;
mod rules;

use database::{Database, Queue};

/// What one look at an Odoo brought.
#[derive(Clone, Debug)]
pub struct Look {
    pub database: Arc<Database>,
    /// None while its messages have not been looked through once.
    pub queue: Option<Arc<Queue>>,
}
