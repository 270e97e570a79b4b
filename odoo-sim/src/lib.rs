//! Odoo's external API, versions 15 to 19, on loopback sockets: what a client sees that reads mail
//! servers. It misbehaves on demand, and tells what was asked.
//!
//! It shares nothing with the exporter that it tests. Bottom first:
//!
//! - `version`: which Odoo
//! - `refusal`: everything that Odoo says instead of an answer
//! - `schema`: models and fields of each version
//! - `fault`: what goes wrong instead of an answer
//! - `world`: databases, users, rows, and what was asked
//! - `fresh`: a database as Odoo ships it
//! - `call`: a method with its arguments, by either protocol
//! - `orm`: rights, domains, reading, grouping
//! - `http`: `/jsonrpc`, `/json/2`, the version pages
//! - `tls`, `sim`: certificates; starts and stops it all
//!
//! Comments name the source of a behaviour: `[RUN18]` and `[RUN19]` were seen on a running Odoo,
//! `[SRC]` was read in its source, `[UNVERIFIED]` was neither.

mod call;
mod fault;
mod fresh;
mod http;
mod orm;
mod refusal;
mod schema;
mod sim;
mod tls;
mod version;
mod world;

pub use fault::{Fault, What};
pub use schema::Kind;
pub use sim::OdooSim;
pub use version::Version;
pub use world::{Asked, Database, Group, Unplayed, User};
