//! The authorization endpoint's verdicts: may this request be made at all, and may this person agree to it?

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Client, ClientState, MAIL_SCOPE, World, line, redirect};
use crate::{
    fault::Mistake,
    lines::{Line, Said},
};

/// What a client asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    fields: Vec<(String, String)>,
}

/// Why somebody does not get to the consent page, in Google's words.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) line: &'static Line,
    /// The words, filled in.
    pub(crate) message: String,
    /// Field 5 of `authError`.
    pub(crate) details: Vec<(&'static str, String)>,
}

/// How `authError` is written. Google documents none of it, and captures differ.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorForm {
    /// Fields 5 and 6 are written too: what the request said, and the message once more.
    pub details: bool,
    /// The scheme and host of the redirects; the host that was asked where absent.
    pub origin: Option<String>,
    /// The base64 ends in `=` where it has to.
    pub padded: bool,
    /// The fields stand in the opposite order.
    pub reversed: bool,
    /// The standard alphabet of base64, with `+` and `/`, instead of the one for URLs.
    pub standard_alphabet: bool,
    /// The page is `/signin/oauth/error/v2`.
    pub v2: bool,
}

impl Wish {
    pub(crate) fn parse(query: &str) -> Self {
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        // What the simulator's own pages add is not of the client's.
        Self { fields: pairs.filter(|pair| !OWN.contains(&&*pair.0)).collect() }
    }

    /// As a query again.
    pub(crate) fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }

    /// Empty where absent.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|pair| pair.0 == name).map_or("", |pair| &*pair.1)
    }

    pub(crate) fn scopes(&self) -> BTreeSet<&str> {
        self.field("scope").split_whitespace().collect()
    }

    pub(crate) fn prompts(&self, what: &str) -> bool {
        self.field("prompt").split_whitespace().any(|word| word == what)
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.field("access_type") == "offline"
    }

    /// Where to send people back to, with the answer added. The state goes back as it came.
    pub(crate) fn back(&self, answer: &[(&str, &str)]) -> Result<String, Mistake> {
        let uri = self.field("redirect_uri");
        let wrong = |_| Mistake::new(format!("{uri:?} is no address"));
        let mut back = url::Url::parse(uri).map_err(wrong)?;
        let state = Some(self.field("state")).filter(|state| !state.is_empty());
        let state = state.map(|state| ("state", state));
        back.query_pairs_mut().extend_pairs(state.iter().chain(answer));
        Ok(back.into())
    }

    /// The line with its blanks filled in, for this person where one is signed in.
    pub(crate) fn refused(
        &self,
        line: &'static Line,
        client: Option<&Client>,
        address: &str,
    ) -> Refused {
        let client_id = self.field("client_id");
        let name = client.map(|client| client.shown_name(client_id));
        let domain = address.rsplit_once('@').map_or("your domain", |(_, domain)| domain);
        let message = match line.said {
            Said::AuthError { message, .. } => message,
            _ => "",
        };
        let message = message
            .replace("{app}", name.unwrap_or(client_id))
            .replace("{domain}", domain)
            .replace("{response_type}", self.field("response_type"))
            .replace("{scopes}", &self.unknown_scopes().join(", "))
            .replace("{uri}", self.field("redirect_uri"));
        let uri = self.field("redirect_uri").to_owned();
        let details = if uri.is_empty() { Vec::new() } else { vec![("redirect_uri", uri)] };
        Refused { line, message, details }
    }

    fn unknown_scopes(&self) -> Vec<&str> {
        self.scopes().into_iter().filter(|scope| !is_known(scope)).collect()
    }
}

/// The fields that the simulator's pages add.
const OWN: &[&str] = &["dsh", "flowName", "opparams", "unverified"];

impl World {
    /// May this be asked at all? This much is told before anybody signs in. Which mistake comes first where there are
    /// several is [U], but for `response_type`.
    pub(crate) fn weigh(&self, wish: &Wish, user_agent: &str) -> Result<Client, Refused> {
        let client_id = wish.field("client_id");
        let client = self.client(client_id);
        let refuse = |key| Err(wish.refused(line(key), client.as_ref(), ""));
        if wish.field("response_type").is_empty() {
            return refuse("authorization.response_type_missing");
        }
        if client_id.is_empty() {
            return refuse("authorization.client_id_missing");
        }
        let Some(client) = &client else { return refuse("authorization.client_not_found") };
        match client.state {
            ClientState::Deleted => return refuse("authorization.client_deleted"),
            ClientState::Disabled => return refuse("authorization.client_disabled"),
            ClientState::Live => {}
        }
        if let Err(line) = redirect::check(client, wish.field("redirect_uri")) {
            return Err(wish.refused(line, Some(client), ""));
        }
        if wish.field("response_type") != "code" {
            return refuse("authorization.response_type_unknown");
        }
        if wish.scopes().is_empty() {
            return refuse("authorization.scope_missing");
        }
        if !wish.unknown_scopes().is_empty() {
            return refuse("authorization.invalid_scope");
        }
        if !["", "S256", "plain"].contains(&wish.field("code_challenge_method")) {
            return refuse("authorization.challenge_method_unknown");
        }
        if EMBEDDED.iter().any(|mark| user_agent.contains(mark)) {
            return refuse("authorization.disallowed_useragent");
        }
        Ok(client.clone())
    }

    /// May this person agree to it? This is only told to who is signed in.
    pub(crate) fn weigh_for(
        &self,
        wish: &Wish,
        client: &Client,
        address: &str,
    ) -> Result<(), Refused> {
        let refuse = |line| Err(wish.refused(line, Some(client), address));
        let account = self.account(address).unwrap_or_default();
        if let Some(said) = account.consent_says.as_deref().and_then(crate::lines::find) {
            return refuse(said);
        }
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        match &client.internal_to {
            Some(own) if own != domain => refuse(line("authorization.org_internal")),
            Some(_) => Ok(()),
            None if client.testing && !client.testers.contains(address) => {
                refuse(line("authorization.not_a_tester"))
            }
            None => Ok(()),
        }
    }

    /// How `authError` is written.
    pub fn error_form(&self) -> ErrorForm {
        self.state().error_form.clone()
    }

    /// Changes how `authError` is written. The closure must not call the world.
    pub fn set_error_form(&self, change: impl FnOnce(&mut ErrorForm)) {
        change(&mut self.state().error_form);
    }
}

/// A part of a user agent that gives an embedded browser away.
const EMBEDDED: &[&str] = &["; wv)", "WebView"];

fn is_known(scope: &str) -> bool {
    is_about_signing_in(scope)
        || scope == MAIL_SCOPE
        || scope.strip_prefix("https://www.googleapis.com/auth/").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b))
        })
}

/// Name, address and picture: nobody is asked about each of these, and a week in Testing does not end them.
pub(crate) fn is_about_signing_in(scope: &str) -> bool {
    let scope = scope.strip_prefix("https://www.googleapis.com/auth/userinfo.").unwrap_or(scope);
    ["email", "openid", "profile"].contains(&scope)
}

impl Client {
    /// What pages call it.
    pub(crate) fn shown_name<'a>(&'a self, client_id: &'a str) -> &'a str {
        if self.name.is_empty() { client_id } else { &self.name }
    }
}
