//! The wire: one protocol a file, each phase timed, every wait bounded.

pub(crate) mod consent;
pub mod dial;
pub mod dialogue;
pub(crate) mod google;
pub mod https;
pub mod imap;
pub mod oauth;
pub(crate) mod postgres;
pub mod reach;
#[cfg(test)]
pub(crate) mod script;
pub mod smtp;
mod socket;

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::domain::{clock::Clock, link::Address, secret::Secret};

/// What every probe shares: one TLS configuration, so that sessions resume, and one HTTP client.
#[derive(Clone, Debug)]
pub struct Wire {
    pub dialer: dial::Dialer,
    pub https: Arc<https::Https>,
    pub clock: Clock,
}

/// The SASL string of XOAUTH2, in base64.
/// https://developers.google.com/workspace/gmail/imap/xoauth2-protocol#initial_client_response
fn xoauth2(mailbox: &Address, token: &Secret) -> Secret {
    let clear = format!("user={mailbox}\x01auth=Bearer {}\x01\x01", token.expose());
    Secret::new(STANDARD.encode(clear))
}
