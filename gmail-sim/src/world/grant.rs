//! What owners granted: refresh tokens, and the access tokens made of them.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use super::{Account, ClientState, DAY, MAIL_SCOPE, State, World, line, opaque, project};
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
    /// When a revocation is in force.
    revoked: Option<SystemTime>,
    /// What was granted on the consent page; what the account says where absent.
    scope: Option<String>,
    used: SystemTime,
}

/// What an owner just granted.
#[derive(Debug)]
pub(super) struct NewGrant {
    pub(super) address: String,
    pub(super) client_id: String,
    /// For good where absent.
    pub(super) lasts: Option<Duration>,
    /// None where only this once is asked for.
    pub(super) refresh_token: Option<String>,
    pub(super) scope: Option<String>,
}

/// An access token.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) address: String,
    pub(crate) client_id: String,
    pub(crate) ends: SystemTime,
    pub(crate) scope: String,
    /// Empty where there is none.
    refresh_token: String,
    refused: bool,
}

/// What the token endpoint hands out.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) address: String,
    pub(crate) client_id: String,
    pub(crate) expires_in: u64,
    /// What the identity token repeats.
    pub(crate) nonce: String,
    /// Only where one is handed out.
    pub(crate) refresh_token: Option<String>,
    pub(crate) refresh_token_expires_in: Option<u64>,
    pub(crate) scope: String,
}

/// <https://developers.google.com/identity/protocols/oauth2#expiration>: one more, and the oldest
/// is invalidated without a word.
const LIVE_TOKENS: usize = 100;
/// Seven days less a second, as `refresh_token_expires_in` says it.
pub(super) const TESTING_LIFE: Duration = Duration::from_secs(604_799);
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
        let account = &state.resident(address).account;
        let (given, scope) = (account.time_based_access, account.scope.clone());
        let testing = state.clients.get(client_id).is_some_and(|client| client.testing);
        let lives = [testing.then_some(TESTING_LIFE), given.map(Duration::from_secs)];
        let address = address.to_lowercase();
        state.consents.note(&address, client_id, &scope);
        let grant = NewGrant {
            address,
            client_id: client_id.to_owned(),
            lasts: lives.into_iter().flatten().min(),
            refresh_token: None,
            scope: None,
        };
        state.grants.add(&grant, refresh_token, now);
    }

    /// Ends a grant, by its refresh token, and the access tokens made of it.
    pub fn revoke(&self, refresh_token: &str) {
        self.state().grants.kill(refresh_token);
    }

    /// The owner changes the password, which ends the grants that hold a scope of Gmail's and no
    /// others: <https://developers.google.com/identity/protocols/oauth2#expiration>
    pub fn change_password(&self, address: &str) {
        let address = address.to_lowercase();
        let mut state = self.state();
        let scope = state.residents.get(&address).map(|resident| resident.account.scope.clone());
        let scope = scope.unwrap_or_default();
        let gmail = |grant: &Grant| grants_gmail(grant.scope.as_deref().unwrap_or(&scope));
        state.grants.kill_where(&address, gmail);
    }

    /// Ends every grant of a mailbox.
    pub fn revoke_all(&self, address: &str) {
        let address = address.to_lowercase();
        let mut state = self.state();
        state.consents.forget(&address, |_| true);
        state.grants.kill_where(&address, |_| true);
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

    /// The revocation endpoint: ends every grant that this owner gave to the token's project, at once or as late as the
    /// client says.
    pub(crate) fn revoke_project(&self, token: &str) -> Result<(), &'static Line> {
        let now = self.now();
        let mut state = self.state();
        let State { clients, consents, grants, .. } = &mut *state;
        let access = grants.good(token, now);
        let access = access.map(|access| (access.address.clone(), access.client_id.clone()));
        let refresh = grants.refresh.get(token).filter(|grant| grant.lives(now));
        let refresh = refresh.map(|grant| (grant.address.clone(), grant.client_id.clone()));
        let (address, client_id) =
            access.or(refresh).ok_or_else(|| line("revoke.invalid_token"))?;
        // A service account's token.
        let client = clients.get(&client_id).ok_or_else(|| line("revoke.not_revocable"))?;
        let at = now + Duration::from_secs(client.revocation_delay);
        let ours = |of: &str| project(of) == project(&client_id);
        consents.forget(&address, ours);
        grants.end_where(&address, at, ours);
        Ok(())
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
        let ends = now + Duration::from_secs(account.access_token_life);
        let access = Access {
            address: grant.address.clone(),
            client_id: client_id.to_owned(),
            ends: grant.revoked.map_or(ends, |revoked| ends.min(revoked)),
            scope: grant.scope.clone().unwrap_or_else(|| account.scope.clone()),
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
    fn new(grant: &NewGrant, now: SystemTime) -> Self {
        Self {
            address: grant.address.clone(),
            client_id: grant.client_id.clone(),
            dead: false,
            ends: grant.lasts.map(|life| now + life),
            linked: now,
            revoked: None,
            scope: grant.scope.clone(),
            used: now,
        }
    }

    fn lives(&self, now: SystemTime) -> bool {
        let ended = self.ends.into_iter().chain(self.revoked).any(|ends| ends <= now);
        !self.dead && !ended && now < self.used + IDLE_LIFE
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
            address: access.address.clone(),
            client_id: access.client_id.clone(),
            expires_in: account.access_token_life,
            nonce: String::new(),
            refresh_token: None,
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

    fn kill_where(&mut self, address: &str, which: impl Fn(&Grant) -> bool) {
        let tokens = self.of_address.get(address).cloned().unwrap_or_default();
        for (token, _) in tokens {
            if self.refresh.get(&token).is_some_and(&which) {
                self.kill(&token);
            }
        }
    }

    /// Ends what a mailbox gave to these clients, access tokens without a refresh token too.
    fn end_where(&mut self, address: &str, at: SystemTime, client: impl Fn(&str) -> bool) {
        let tokens = self.of_address.get(address).into_iter().flatten();
        for (token, _) in tokens.filter(|(_, of)| client(of)) {
            if let Some(grant) = self.refresh.get_mut(token) {
                grant.revoked = Some(grant.revoked.map_or(at, |earlier| earlier.min(at)));
            }
        }
        let all = self.access.values_mut();
        for access in all.filter(|access| access.address == address && client(&access.client_id)) {
            access.ends = access.ends.min(at);
        }
    }

    /// Keeps a new grant, and ends the oldest where there are too many.
    fn add(&mut self, grant: &NewGrant, refresh_token: &str, now: SystemTime) {
        let NewGrant { address, client_id, .. } = grant;
        let of_address = self.of_address.entry(address.clone()).or_default();
        of_address.retain(|(token, _)| token != refresh_token);
        of_address.push((refresh_token.to_owned(), client_id.clone()));
        self.refresh.insert(refresh_token.to_owned(), Grant::new(grant, now));
        let ours = self.of_address.get(address).into_iter().flatten();
        let ours = ours.filter(|(_, of)| of == client_id).map(|(token, _)| token);
        let live = |token: &&String| self.refresh.get(*token).is_some_and(|grant| grant.lives(now));
        let live: Vec<&String> = ours.filter(live).collect();
        if live.len() > LIVE_TOKENS {
            let oldest = live[0].clone();
            self.kill(&oldest);
        }
    }
}

impl State {
    /// The first access token of a new grant, with its refresh token and when that ends.
    pub(super) fn first_access(&mut self, grant: NewGrant, now: SystemTime) -> Issued {
        if let Some(token) = &grant.refresh_token {
            self.grants.add(&grant, token, now);
        }
        self.resident(&grant.address);
        let account = &self.residents[&grant.address].account;
        let lasts = grant.refresh_token.as_ref().and(grant.lasts).map(|life| life.as_secs());
        let access = Access {
            address: grant.address,
            client_id: grant.client_id,
            ends: now + Duration::from_secs(account.access_token_life),
            scope: grant.scope.unwrap_or_else(|| account.scope.clone()),
            refresh_token: grant.refresh_token.clone().unwrap_or_default(),
            refused: false,
        };
        let mut issued = self.grants.issue(access, account, now);
        issued.refresh_token_expires_in = issued.refresh_token_expires_in.or(lasts);
        Issued { refresh_token: grant.refresh_token, ..issued }
    }
}

impl Access {
    pub(crate) fn is_offline(&self) -> bool {
        !self.refresh_token.is_empty()
    }
}

/// Is there a scope of Gmail's among them?
fn grants_gmail(scope: &str) -> bool {
    let gmail = |scope: &str| {
        scope == MAIL_SCOPE || scope.starts_with("https://www.googleapis.com/auth/gmail.")
    };
    scope.split(' ').any(gmail)
}
