//! What owners granted: refresh tokens, and the access tokens made of them.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use super::{Account, ClientState, DAY, State, World, line, opaque, project};
use crate::lines::Line;

/// All tokens.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    access: HashMap<String, Access>,
    /// Refresh tokens of a mailbox, oldest first, with the client that each belongs to.
    of_address: HashMap<String, Vec<(String, String)>>,
    refresh: HashMap<String, Grant>,
    /// Ended access tokens are swept when so many were made.
    sweep_at: usize,
}

#[derive(Debug)]
struct Grant {
    address: String,
    client_id: String,
    dead: bool,
    ends: Option<SystemTime>,
    linked: SystemTime,
    used: SystemTime,
}

/// An access token.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) address: String,
    pub(crate) client_id: String,
    pub(crate) ends: SystemTime,
    pub(crate) scope: String,
    refresh_token: String,
    refused: bool,
}

/// What the token endpoint hands out.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) expires_in: u64,
    pub(crate) refresh_token_expires_in: Option<u64>,
    pub(crate) scope: String,
}

/// <https://developers.google.com/identity/protocols/oauth2#expiration>: one more, and the oldest
/// is invalidated without a word.
const LIVE_TOKENS: usize = 100;
/// Seven days less a second, as `refresh_token_expires_in` says it.
const TESTING_LIFE: Duration = Duration::from_secs(604_799);
/// A refresh token that nobody used for six months ends.
const IDLE_LIFE: Duration = Duration::from_secs(180 * 86_400);

impl World {
    /// Links a mailbox to a client once more: the answer is another refresh token of the same
    /// account. A mailbox that is not known yet is added.
    pub fn link(&self, address: &str, client_id: &str) -> String {
        let token = format!("1//0{}", opaque(96));
        self.link_as(address, client_id, &token);
        token
    }

    /// Links a mailbox to a client with this refresh token.
    pub fn link_as(&self, address: &str, client_id: &str, refresh_token: &str) {
        let now = self.now();
        let mut state = self.state();
        let given = state.resident(address).account.time_based_access.map(Duration::from_secs);
        let testing = state.clients.get(client_id).is_some_and(|client| client.testing);
        let testing = testing.then_some(TESTING_LIFE);
        let address = address.to_lowercase();
        let of_address = state.grants.of_address.entry(address.clone()).or_default();
        of_address.retain(|(token, _)| token != refresh_token);
        of_address.push((refresh_token.to_owned(), client_id.to_owned()));
        let ours: Vec<String> =
            of_address.iter().filter(|(_, of)| of == client_id).map(|(t, _)| t.clone()).collect();
        let grant = Grant {
            address,
            client_id: client_id.to_owned(),
            dead: false,
            ends: testing.into_iter().chain(given).min().map(|life| now + life),
            linked: now,
            used: now,
        };
        state.grants.refresh.insert(refresh_token.to_owned(), grant);
        let live = |token: &&String| state.grants.refresh.get(*token).is_some_and(|g| !g.dead);
        let live: Vec<&String> = ours.iter().filter(live).collect();
        if live.len() > LIVE_TOKENS {
            let oldest = live[0].clone();
            state.grants.kill(&oldest);
        }
    }

    /// Ends a grant, by its refresh token, and the access tokens made of it.
    pub fn revoke(&self, refresh_token: &str) {
        self.state().grants.kill(refresh_token);
    }

    /// The owner changes the password, which ends the grants that hold a scope of Gmail's and no
    /// others: <https://developers.google.com/identity/protocols/oauth2#expiration>
    pub fn change_password(&self, address: &str) {
        if self.account(address).is_some_and(|account| account.grants_gmail()) {
            self.revoke_all(address);
        }
    }

    /// Ends every grant of a mailbox.
    pub fn revoke_all(&self, address: &str) {
        self.state().grants.kill_where(&address.to_lowercase(), |_| true);
    }

    /// The refresh tokens of a mailbox that still live, oldest first.
    pub fn refresh_tokens(&self, address: &str) -> Vec<String> {
        let now = self.now();
        let state = self.state();
        let tokens = state.grants.of_address.get(&address.to_lowercase());
        let live = |token: &&String| {
            state.grants.refresh.get(*token).is_some_and(|grant| grant.lives(now))
        };
        tokens.into_iter().flatten().map(|(token, _)| token).filter(live).cloned().collect()
    }

    /// Access tokens of this mailbox that were handed out so far are refused from now on;
    /// refreshing still works.
    pub fn expire_access_tokens(&self, address: &str) {
        let address = address.to_lowercase();
        let mut state = self.state();
        let all = state.grants.access.values_mut();
        all.filter(|access| access.address == address).for_each(|access| access.refused = true);
    }

    /// The revocation endpoint: ends every grant that this owner gave to the token's project.
    /// Says whether the token was alive.
    pub(crate) fn revoke_project(&self, token: &str) -> Option<String> {
        let now = self.now();
        let mut state = self.state();
        let refresh_token = match state.grants.access.get(token) {
            Some(access) => access.refresh_token.clone(),
            None => token.to_owned(),
        };
        let grant = state.grants.refresh.get(&refresh_token).filter(|grant| grant.lives(now))?;
        let (address, client_id) = (grant.address.clone(), grant.client_id.clone());
        state.grants.kill_where(&address, |of| project(of) == project(&client_id));
        Some(address)
    }

    /// Whose refresh token or access token it is.
    pub(crate) fn owner(&self, token: &str) -> Option<String> {
        let state = self.state();
        let refresh = state.grants.refresh.get(token).map(|grant| grant.address.clone());
        refresh.or_else(|| state.grants.access.get(token).map(|access| access.address.clone()))
    }

    /// An access token that is good at this moment.
    pub(crate) fn access(&self, token: &str) -> Option<Access> {
        let now = self.now();
        self.state().grants.good(token, now).cloned()
    }

    /// Is the client who it says it is?
    pub(crate) fn client_in_order(&self, id: &str, secret: &str) -> Result<(), &'static Line> {
        let state = self.state();
        let client = state.clients.get(id).ok_or_else(|| match id {
            "" => line("token.no_client_id"),
            _ => line("token.client_not_found"),
        })?;
        match client.state {
            ClientState::Deleted => Err(line("token.client_deleted")),
            ClientState::Disabled => Err(line("token.client_disabled")),
            ClientState::Live if secret.is_empty() => Err(line("token.secret_missing")),
            ClientState::Live if client.secret != secret => Err(line("token.secret_invalid")),
            ClientState::Live => Ok(()),
        }
    }

    /// The refresh-token grant, for a client that is in order.
    pub(crate) fn refresh(
        &self,
        client_id: &str,
        refresh_token: &str,
    ) -> Result<Issued, &'static Line> {
        let now = self.now();
        let mut state = self.state();
        let State { clients, grants, residents, .. } = &mut *state;
        let grant = grants.refresh.get_mut(refresh_token).ok_or_else(|| match refresh_token {
            "" => line("token.refresh_token_missing"),
            _ => line("token.bad_request"),
        })?;
        if grant.client_id != client_id {
            return Err(line("token.unauthorized_client"));
        }
        let account = residents.get(&grant.address).map(|resident| &resident.account);
        let account = account.ok_or_else(|| line("token.account_deleted"))?;
        if let Some(refusal) = account.token_says.as_deref().and_then(crate::lines::find) {
            return Err(refusal);
        }
        if !grant.lives(now) {
            return Err(line("token.expired_or_revoked"));
        }
        let session = account.session_control.map(Duration::from_secs);
        if session.is_some_and(|session| now >= grant.linked + session) {
            return Err(line("token.invalid_rapt"));
        }
        grant.used = now;
        let tells = clients.get(client_id).is_some_and(|client| client.tells_end);
        let left = grant.ends.filter(|_| tells).and_then(|ends| ends.duration_since(now).ok());
        let access = Access {
            address: grant.address.clone(),
            client_id: client_id.to_owned(),
            ends: now + Duration::from_secs(account.access_token_life),
            scope: account.scope.clone(),
            refresh_token: refresh_token.to_owned(),
            refused: false,
        };
        let mut issued = grants.issue(access, account, now);
        let left = left.map(|left| left.as_secs());
        issued.refresh_token_expires_in = issued.refresh_token_expires_in.or(left);
        Ok(issued)
    }

    /// An access token for a service account that acts for this mailbox.
    pub(crate) fn issue(
        &self,
        address: &str,
        client_id: &str,
        scope: &str,
    ) -> Result<Issued, &'static Line> {
        let now = self.now();
        let address = address.to_lowercase();
        let mut state = self.state();
        let State { grants, residents, .. } = &mut *state;
        let account = residents.get(&address).map(|resident| &resident.account);
        let account = account.ok_or_else(|| line("token.account_deleted_impersonated"))?;
        if let Some(refusal) = account.token_says.as_deref().and_then(crate::lines::find) {
            return Err(refusal);
        }
        let access = Access {
            address,
            client_id: client_id.to_owned(),
            ends: now + Duration::from_secs(account.access_token_life),
            scope: scope.to_owned(),
            refresh_token: String::new(),
            refused: false,
        };
        Ok(Issued { refresh_token_expires_in: None, ..grants.issue(access, account, now) })
    }
}

impl Grant {
    fn lives(&self, now: SystemTime) -> bool {
        !self.dead && self.ends.is_none_or(|ends| now < ends) && now < self.used + IDLE_LIFE
    }
}

impl Grants {
    pub(crate) fn good(&self, token: &str, now: SystemTime) -> Option<&Access> {
        let access = self.access.get(token)?;
        (!access.refused && now < access.ends).then_some(access)
    }

    fn issue(&mut self, access: Access, account: &Account, now: SystemTime) -> Issued {
        let access_token = format!("ya29.{}", opaque(180));
        let issued = Issued {
            access_token: access_token.clone(),
            expires_in: account.access_token_life,
            refresh_token_expires_in: account.refresh_token_expires_in,
            scope: access.scope.clone(),
        };
        self.keep(access_token, access, now);
        issued
    }

    fn keep(&mut self, token: String, access: Access, now: SystemTime) {
        self.access.insert(token, access);
        if self.access.len() > self.sweep_at.max(1024) {
            self.access.retain(|_, access| now < access.ends + DAY);
            self.sweep_at = self.access.len() * 2;
        }
    }

    fn kill(&mut self, refresh_token: &str) {
        if let Some(grant) = self.refresh.get_mut(refresh_token) {
            grant.dead = true;
        }
        let made = self.access.values_mut().filter(|access| access.refresh_token == refresh_token);
        made.for_each(|access| access.refused = true);
    }

    fn kill_where(&mut self, address: &str, client: impl Fn(&str) -> bool) {
        let tokens = self.of_address.get(address).cloned().unwrap_or_default();
        for (token, _) in tokens.iter().filter(|(_, of)| client(of)) {
            self.kill(token);
        }
    }
}
