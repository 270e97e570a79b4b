//! The OAuth server: tokens by consent that nobody has to click, and their end.

use super::home::{Home, Program};
use super::{http, ports};

pub(crate) const MAIL: &str = "https://mail.google.com/";

pub(crate) struct Oauth {
    pub(crate) port: u16,
    _server: Program,
}

impl Oauth {
    pub(crate) fn start(home: &Home) -> Self {
        let port = ports::free();
        let server = home.start(&["node", SERVER, &port.to_string()]);
        let server = server.ready(|| http::get(port, "/control/refreshes?user=nobody").is_ok());
        Self { port, _server: server }
    }

    /// What the owner of a mailbox gives an application when agreeing.
    pub(crate) fn refresh_token(&self, owner: &str, scope: &str) -> String {
        self.control("refresh_token", owner, scope)
    }

    pub(crate) fn access_token(&self, owner: &str, scope: &str) -> String {
        self.control("access_token", owner, scope)
    }

    /// Ends the access tokens in use, and leaves the grant alone.
    pub(crate) fn end_access_tokens(&self, owner: &str) {
        self.control("end_access_tokens", owner, MAIL);
    }

    /// From now on the mail servers cannot learn what tokens of this mailbox are worth.
    pub(crate) fn fail_introspection(&self, owner: &str) {
        self.control("fail_introspection", owner, MAIL);
    }

    /// How often somebody asked for an access token, and got it.
    pub(crate) fn refreshes(&self, owner: &str) -> u32 {
        self.control("refreshes", owner, MAIL).parse().expect("the server answers a number")
    }

    /// RFC 7009, as when the owner removes the application from the account.
    pub(crate) fn revoke(&self, token: &str) {
        let client = "client_id=exporter&client_secret=exporter-secret";
        http::post(self.port, "/token/revocation", &format!("{client}&token={token}"))
            .expect("the server revokes");
    }

    fn control(&self, action: &str, user: &str, scope: &str) -> String {
        http::get(self.port, &format!("/control/{action}?user={user}&scope={scope}"))
            .expect("the server's test routes answer")
    }
}

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/oauth/server.mjs");
