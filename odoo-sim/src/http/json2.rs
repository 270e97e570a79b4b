//! `POST /json/2/<model>/<method>`: 19 only [RUN19].

use bytes::Bytes;
use hyper::{HeaderMap, Response, header};
use serde_json::{Map, Value};

use super::{HTML, Said, html, json_page, said};
use crate::{
    call::{self, Unbound},
    orm,
    refusal::Refusal,
    world::{Asked, World},
};

/// A request that may be anything.
#[derive(Debug)]
pub(super) struct Request {
    body: Bytes,
    database: Option<String>,
    key: Option<String>,
    method: String,
    model: String,
    path: String,
}

impl Request {
    pub(super) fn parse(path: &str, headers: &HeaderMap, body: Bytes) -> Self {
        let word = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = word(header::AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
        let key = bearer.filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
        let name = path.strip_prefix("/json/2/").unwrap_or_default();
        let (model, method) = name.split_once('/').unwrap_or((name, ""));
        Self {
            body,
            database: word("x-odoo-database").map(ToOwned::to_owned),
            key: key.map(|(_, key)| key.trim().to_owned()),
            method: method.to_owned(),
            model: model.to_owned(),
            path: path.to_owned(),
        }
    }

    /// What is known before the key was looked at.
    pub(super) fn noted(&self) -> Asked {
        let (method, model) = (self.method.clone(), self.model.clone());
        Asked { method, model, path: self.path.clone(), ..Asked::default() }
    }

    /// A bare value, or the exception with its status.
    pub(super) fn answer(self, world: &World) -> Response<Said> {
        let seen = world.seen();
        // Without a header it must be the only one [SRC].
        let database = match (&self.database, &*seen) {
            (Some(name), _) => seen.iter().find(|seen| *seen == name),
            (None, [only]) => Some(only),
            _ => None,
        };
        let noted = self.noted();
        let Some(database) = database else {
            world.note(noted);
            // Which words stand on the page is [UNVERIFIED].
            return said(404, HTML, &html("404 Not Found", "No database is selected"));
        };
        let noted = Asked { database: database.clone(), ..noted };
        match self.result(world, database, noted) {
            Ok(value) => json_page(200, &value),
            Err(refusal) => json_page(refusal.status, &refusal.data()),
        }
    }

    fn result(self, world: &World, database: &str, noted: Asked) -> Result<Value, Refusal> {
        let key = self.key.as_deref();
        let found = world.with(database, |content| {
            let found = content.find_user(|user| key.is_some_and(|key| user.has_key(key)));
            found.map(|(id, user)| (id, user.login.clone(), orm::has(content, &self.model)))
        });
        let Some((user, login, known)) = found.flatten() else {
            world.note(noted);
            return Err(if key.is_some() { Refusal::invalid_key() } else { Refusal::no_key() });
        };
        let noted = Asked { login, ..noted };
        let body = match self.body.is_empty() {
            true => Ok(Value::Object(Map::new())),
            false => serde_json::from_slice(&self.body),
        };
        let Ok(Value::Object(body)) = body else {
            world.note(noted);
            let message = "could not parse the body as json: Expecting value";
            return Err(Refusal::bad_request(message));
        };
        let told = Value::Object(body.clone());
        let refused = |refusal: Refusal| {
            world.note(Asked { arguments: told.clone(), ..noted.clone() });
            Err(refusal)
        };
        let (model, method) = (&*self.model, &*self.method);
        match call::by_name(world.version, model, method, body) {
            Ok(_) if !known => refused(Refusal::unknown_model(model)),
            Ok(call) => {
                world.note(Asked { arguments: call.noted(), ..noted });
                let ran = world.with(database, |content| orm::run(content, user, &call));
                ran.unwrap_or_else(|| Err(Refusal::unknown_model(model)))
            }
            Err(Unbound::Arguments(message)) => refused(Refusal::unfit(message)),
            Err(Unbound::NoRead) => {
                world.note_write(Asked { arguments: told.clone(), ..noted.clone() });
                refused(Refusal::not_a_read(model, method))
            }
            Err(Unbound::NotHere) => refused(Refusal::unknown_method(model, method)),
            Err(Unbound::Private) => refused(Refusal::private(model, method)),
        }
    }
}
