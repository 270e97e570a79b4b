//! What was asked of the simulator, in order; credentials never get in here.

use std::{collections::VecDeque, fmt, time::SystemTime};

use serde::Serialize;

use crate::fault::Service;

/// One thing that a client did.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// When, by the simulator's clock; seconds since 1970 in JSON.
    #[serde(serialize_with = "unix_seconds")]
    pub at: SystemTime,
    /// Which service was asked.
    pub service: Service,
    /// The connection's number; numbers are given in order over all services.
    pub connection: u64,
    /// Whose mailbox it was about, once the session knows.
    pub address: Option<String>,
    /// The command with its credentials as stars: `EHLO probe.example`, `AUTH XOAUTH2 ***`,
    /// `POST /token grant_type=refresh_token`. Besides commands: `connect`, and at the end of each
    /// connection `ended: ` with `quit`, `logout`, `dropped` (the client went away), `closed` (the
    /// simulator hung up) or `tls refused: ...` (the handshake failed).
    pub what: String,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.as_deref().unwrap_or("-");
        write!(f, "#{} {:?} {address}: {}", self.connection, self.service, self.what)
    }
}

/// The log; the oldest entries make room when it is full.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Asked>,
    room: usize,
}

impl Log {
    pub(crate) fn with_room(room: usize) -> Self {
        Self { entries: VecDeque::new(), room }
    }

    pub(crate) fn push(&mut self, asked: Asked) {
        if self.entries.len() >= self.room {
            self.entries.pop_front();
        }
        if self.room > 0 {
            self.entries.push_back(asked);
        }
    }

    pub(crate) fn entries(&self) -> Vec<Asked> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

/// Seconds since 1970, for JSON.
pub(crate) fn unix_seconds<S: serde::Serializer>(
    at: &SystemTime,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(unix(*at))
}

/// Seconds since 1970.
pub(crate) fn unix(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
