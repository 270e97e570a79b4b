//! OAuth clients of Google Cloud projects.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::World;

/// One OAuth client; a new one is published, verified and in order.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Client {
    /// Has the consent page a box to untick even where only one scope is asked for that is not about
    /// signing in? Google has boxes from two such scopes on:
    /// <https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions>
    pub asks_each_scope: bool,
    /// Is the Gmail API switched on in its project?
    pub gmail_api_enabled: bool,
    /// Is its user type Internal? Then the domain whose people may use it.
    pub internal_to: Option<String>,
    /// What kind of program it is for.
    pub kind: ClientKind,
    /// What the consent page calls it; its id where empty.
    pub name: String,
    /// Where the consent page may send people back to; any place that Google's rules allow while
    /// empty. A Desktop client needs none: it may use any port of the loopback address.
    pub redirect_uris: Vec<String>,
    /// How many seconds a revocation takes to be in force. Google only says that it may take time:
    /// <https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke>
    pub revocation_delay: u64,
    /// Its secret.
    pub secret: String,
    /// Is it still there?
    pub state: ClientState,
    /// Does a refresh say when its refresh token ends, where that is known? Google documents it of
    /// the exchange of a code; of a refresh nobody captured it. [U]
    pub tells_end: bool,
    /// Who may use it while it is in Testing: addresses, in small letters.
    pub testers: BTreeSet<String>,
    /// Is it External and in Testing? Then new refresh tokens end after seven days less a second, and
    /// only testers get to the consent page.
    pub testing: bool,
    /// Did Google verify it? If not, people are warned before the consent page.
    pub verified: bool,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            asks_each_scope: false,
            gmail_api_enabled: true,
            internal_to: None,
            kind: ClientKind::Web,
            name: String::new(),
            redirect_uris: Vec::new(),
            revocation_delay: 0,
            secret: String::new(),
            state: ClientState::Live,
            tells_end: false,
            testers: BTreeSet::new(),
            testing: false,
            verified: true,
        }
    }
}

impl World {
    /// Registers a place where the consent page may send people back to.
    pub fn register_redirect(&self, client_id: &str, uri: &str) {
        self.set_client(client_id, |client| client.redirect_uris.push(uri.to_owned()));
    }
}

/// What kind of program a client is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// One on somebody's own machine, which listens on the loopback address.
    Desktop,
    /// One on a server, to which people are sent back.
    Web,
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
