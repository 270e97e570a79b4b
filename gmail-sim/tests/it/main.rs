//! The simulator from outside: raw bytes over sockets, as a client sees it.

#![expect(clippy::unwrap_used, reason = "a test may; clippy knows only the #[test] functions")]

mod authorization;
mod browser;
mod catalogue;
mod codes;
mod consent;
mod control;
mod delivery;
mod faults;
mod grants;
mod idle;
mod imap;
mod labels;
mod limits;
mod misbehaviour;
mod plain;
mod portal;
mod revoke;
mod scale;
mod sent;
mod smtp;
mod support;
mod token;
