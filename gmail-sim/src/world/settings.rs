//! Settings as JSON: for the control port and for a file of accounts.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{Account, Client, ServiceAccount, World};
use crate::{
    fault::Mistake,
    lines::{self, Said},
};

impl World {
    /// Adds what a file says: `{"clients": {id: {...}}, "accounts": {address: {...}},
    /// "service_accounts": {email: {...}}}`, with the keys of [`Client`], [`Account`] and
    /// [`ServiceAccount`]; an account also takes `client_id` and `refresh_token`.
    ///
    /// # Errors
    /// The file is no such JSON; what stands before the mistake may have been taken.
    pub fn load(&self, json: &[u8]) -> Result<(), Mistake> {
        let parsed = serde_json::from_slice::<Map<String, Value>>(json);
        let sections = parsed.map_err(|error| Mistake::new(error.to_string()))?;
        for (section, entries) in &sections {
            let wrong = || Mistake::new(format!("{section} has to be an object of objects"));
            for (name, settings) in entries.as_object().ok_or_else(wrong)? {
                let settings = settings.as_object().ok_or_else(wrong)?.clone();
                let here = |mistake: Mistake| Mistake::new(format!("{section}.{name}: {mistake}"));
                match &**section {
                    "accounts" => self.merge_account(name, settings).map_err(here)?,
                    "clients" => self.merge_client(name, &settings).map_err(here)?,
                    "service_accounts" => {
                        self.merge_service_account(name, &settings).map_err(here)?;
                    }
                    _ => return Err(Mistake::new(format!("{section}: {SECTIONS}"))),
                }
            }
        }
        Ok(())
    }

    /// Sets what is given about a client, and leaves the rest.
    pub(crate) fn merge_client(&self, id: &str, given: &Map<String, Value>) -> Result<(), Mistake> {
        let merged: Client = merged(&self.client(id).unwrap_or_default(), given)?;
        self.set_client(id, |client| *client = merged);
        Ok(())
    }

    /// Sets what is given about `authError`, and leaves the rest.
    pub(crate) fn merge_error_form(&self, given: &Map<String, Value>) -> Result<(), Mistake> {
        let merged = merged(&self.error_form(), given)?;
        self.set_error_form(|form| *form = merged);
        Ok(())
    }

    /// Sets what is given about a service account, and leaves the rest; one that is not known yet is
    /// added. Every live key is the same test key, whatever its id.
    pub(crate) fn merge_service_account(
        &self,
        email: &str,
        given: &Map<String, Value>,
    ) -> Result<(), Mistake> {
        if !email.contains('@') {
            return Err(Mistake::new(format!("{email:?} is no address")));
        }
        let known = self.service_account(email);
        let known = known.unwrap_or_else(|| self.new_service_account());
        let merged: ServiceAccount = merged(&known, given)?;
        self.keep_service_account(email, merged);
        Ok(())
    }

    /// Sets what is given about a mailbox, and leaves the rest. With `client_id` it is linked: by
    /// `refresh_token` where given, by a new one otherwise.
    pub(crate) fn merge_account(
        &self,
        address: &str,
        mut given: Map<String, Value>,
    ) -> Result<(), Mistake> {
        if !address.contains('@') {
            return Err(Mistake::new(format!("{address:?} is no address")));
        }
        let mut text = |name: &str| match given.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Mistake::new(format!("{name} has to be a string"))),
        };
        let (client_id, refresh_token) = (text("client_id")?, text("refresh_token")?);
        let merged: Account = merged(&self.account(address).unwrap_or_default(), &given)?;
        let says = [&merged.consent_says, &merged.imap_says, &merged.smtp_says, &merged.token_says];
        for key in says.into_iter().flatten() {
            lines::find(key).ok_or_else(|| Mistake::no_line(key))?;
        }
        if let Some(key) = merged.consent_says.as_ref().filter(|key| !is_auth_error(key)) {
            return Err(Mistake::new(format!("consent_says: {key} is no error of a consent page")));
        }
        self.set(address, |account| *account = merged);
        match (client_id, refresh_token) {
            (Some(client_id), Some(token)) => self.link_as(address, &client_id, &token),
            (Some(client_id), None) => {
                self.link(address, &client_id);
            }
            (None, Some(_)) => return Err(Mistake::new("refresh_token needs a client_id")),
            (None, None) => {}
        }
        Ok(())
    }
}

fn is_auth_error(key: &str) -> bool {
    lines::find(key).is_some_and(|line| matches!(line.said, Said::AuthError { .. }))
}

const SECTIONS: &str = "only accounts, clients, service_accounts";

fn merged<T: DeserializeOwned + Serialize>(
    now: &T,
    given: &Map<String, Value>,
) -> Result<T, Mistake> {
    let wrong = |error: serde_json::Error| Mistake::new(error.to_string());
    let mut settings = serde_json::to_value(now).map_err(wrong)?;
    for (name, value) in given {
        settings[name.as_str()] = value.clone();
    }
    serde_json::from_value(settings).map_err(wrong)
}
