//! The wire: one protocol a file, each phase timed, every wait bounded.

pub mod dial;
pub mod dialogue;
pub mod https;
pub mod imap;
pub mod oauth;
pub mod smtp;

use std::sync::Arc;

/// What every probe shares: one TLS configuration, so that sessions resume, and one HTTP client.
#[derive(Clone, Debug)]
pub struct Wire {
    pub dialer: dial::Dialer,
    pub https: Arc<https::Https>,
}
