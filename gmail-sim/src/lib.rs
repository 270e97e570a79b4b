//! What Google does for OAuth-linked Gmail mailboxes, on loopback sockets; misbehaves on demand.
//!
//! It shares nothing with the exporter that it tests: it speaks bytes. Bottom first:
//!
//! - `clock`: the only place that asks what time it is
//! - `header`: the header of a message, taken apart
//! - [`lines`]: everything that Google says, with source and meaning
//! - `fault`: what goes wrong, where and for whom
//! - `world`: clients, mailboxes, grants, limits, messages, and what was asked
//! - `sasl`, `tls`, `door`, `pipe`: XOAUTH2, certificates, listeners, connections
//! - `dialogue`: one conversation, with its faults
//! - `http`, `smtp`, `imap`: the protocols
//! - `control`: the same as [`World`], by HTTP
//! - [`preset`]: a demonstration in a dozen mailboxes
//! - `sim`: starts and stops it all

mod clock;
mod control;
mod dialogue;
mod door;
mod fault;
mod header;
mod http;
mod imap;
pub mod lines;
mod pipe;
pub mod preset;
mod sasl;
mod sim;
mod smtp;
mod tls;
mod world;

pub use fault::{At, Fault, Mistake, Service, What, Whose};
pub use sim::{Endpoints, Options, Sim};
pub use tls::Certificate;
pub use world::{
    Account, Arrival, Asked, Authentication, Bounce, Change, Client, ClientKind, ClientState,
    Delivery, ErrorForm, ExpungeBehavior, Extension, Folder, ImapAccess, Kind, Language, LimitAt,
    MAIL_SCOPE, Message, Portal, Sent, ServiceAccount, SessionCount, Touched, Verdict, WhenFull,
    World,
};
