//! OAuth clients of Google Cloud projects.

use serde::{Deserialize, Serialize};

/// One OAuth client; a new one is published and in order.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Client {
    /// Is the Gmail API switched on in its project?
    pub gmail_api_enabled: bool,
    /// Where the consent page may send people back to; any place while empty.
    pub redirect_uris: Vec<String>,
    /// Its secret.
    pub secret: String,
    /// Is it still there?
    pub state: ClientState,
    /// Does a refresh say when its refresh token ends, where that is known? Google documents it of
    /// the exchange of a code; of a refresh nobody captured it. [U]
    pub tells_end: bool,
    /// Is it External and in Testing? Then new refresh tokens end after seven days less a second.
    pub testing: bool,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            gmail_api_enabled: true,
            redirect_uris: Vec::new(),
            secret: String::new(),
            state: ClientState::Live,
            tells_end: false,
            testing: false,
        }
    }
}

/// What Google did to a client.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientState {
    /// Somebody deleted it, or Google did after six unused months.
    Deleted,
    /// Google disabled it.
    Disabled,
    /// It works.
    Live,
}

/// The project that a client belongs to: the number that its id begins with.
pub(crate) fn project(client_id: &str) -> &str {
    client_id.split_once('-').map_or(client_id, |(project, _)| project)
}
