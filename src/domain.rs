//! What the program is about, without any I/O: reasons, links, outcomes, and what they are made of.
//!
//! Invariant: nothing below this line knows a socket, a file, a runtime or a log.

pub mod callback;
pub mod clock;
pub mod cron;
pub mod fingerprint;
pub mod identity;
pub mod letter;
pub mod life;
pub mod link;
pub mod outcome;
pub mod preflight;
pub mod reason;
pub mod redact;
pub mod redirect;
pub mod secret;
pub mod sending;
pub mod service_account;
pub mod session;
pub mod trip;
