//! `POST /jsonrpc`: in every version; deprecated in 19, and there all the same [RUN19].

use serde_json::{Map, Value, json};

use crate::{
    call::{self, Unbound},
    orm,
    refusal::Refusal,
    version::Version,
    world::{Asked, World},
};

/// A request that may be anything.
#[derive(Debug)]
pub(super) struct Request {
    args: Vec<Value>,
    id: Value,
    method: String,
    service: String,
}

impl Request {
    pub(super) fn parse(body: &[u8]) -> Self {
        let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
        let word = |name: &str| body["params"][name].as_str().unwrap_or_default().to_owned();
        let (service, method) = (word("service"), word("method"));
        let args = match body["params"]["args"].take() {
            Value::Array(args) => args,
            _ => Vec::new(),
        };
        Self { args, id: body["id"].take(), method, service }
    }

    fn word(&self, at: usize) -> &str {
        self.args.get(at).and_then(Value::as_str).unwrap_or_default()
    }

    fn model(&self) -> &str {
        if self.service == "object" { self.word(3) } else { &self.service }
    }

    /// HTTP is always 200; what went wrong stands in `error`, whose code changed in 19 [RUN18/19].
    pub(super) fn answer(self, world: &World) -> Value {
        let id = self.id.clone();
        match self.result(world) {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(refusal) => {
                let code = if world.version >= Version::V19 { 0 } else { 200 };
                let (message, data) = ("Odoo Server Error", refusal.data());
                let error = json!({"code": code, "message": message, "data": data});
                json!({"jsonrpc": "2.0", "id": id, "error": error})
            }
        }
    }

    fn result(self, world: &World) -> Result<Value, Refusal> {
        match (&*self.service, &*self.method) {
            ("common", "version") => {
                world.note(self.noted());
                Ok(world.version.answer())
            }
            ("common", "authenticate" | "login") => self.authenticate(world),
            ("object", "execute_kw" | "execute") => self.execute(world),
            (service, method) => {
                world.note(self.noted());
                let message = format!("Method not available {service}.{method}");
                Err(Refusal::type_error(message))
            }
        }
    }

    /// What is known before the credentials were looked at.
    pub(super) fn noted(&self) -> Asked {
        let model = self.model().to_owned();
        let method = if self.service == "object" { self.word(4) } else { &self.method };
        let path = "/jsonrpc".to_owned();
        Asked { method: method.to_owned(), model, path, ..Asked::default() }
    }

    /// The user's id, or `false` [RUN18].
    fn authenticate(&self, world: &World) -> Result<Value, Refusal> {
        let (database, login, secret) = (self.word(0), self.word(1), self.word(2));
        let (named, by) = (database.to_owned(), login.to_owned());
        world.note(Asked { database: named, login: by, ..self.noted() });
        let found = world.with(database, |content| {
            let fits = content.find_user(|user| user.login == login && user.opens_with(secret));
            fits.map(|user| user.0)
        });
        let found = found.ok_or_else(|| Refusal::no_database(database))?;
        Ok(found.map_or(json!(false), |id| json!(id)))
    }

    /// Arguments: database, user, key, model, method, arguments by position, arguments by name.
    fn execute(mut self, world: &World) -> Result<Value, Refusal> {
        let noted = Asked { database: self.word(0).to_owned(), ..self.noted() };
        let (database, secret) = (self.word(0).to_owned(), self.word(2).to_owned());
        let (model, method) = (self.word(3).to_owned(), self.word(4).to_owned());
        let user = self.args.get(1).and_then(Value::as_i64).unwrap_or_default();
        let login = world.with(&database, |content| {
            let own = content.active_user(user).filter(|user| user.opens_with(&secret));
            own.map(|user| user.login.clone())
        });
        let Some(login) = login.clone().flatten() else {
            world.note(noted);
            return Err(match login {
                None => Refusal::no_database(&database),
                Some(_) => Refusal::access_denied(),
            });
        };
        let noted = Asked { login, ..noted };
        let (args, kwargs) = self.arguments();
        let told = Value::Array(args.clone());
        let bound = call::by_position(world.version, &model, &method, args, kwargs);
        let known = world.with(&database, |content| orm::has(content, &model)).unwrap_or_default();
        let refused = |refusal: Refusal| {
            world.note(Asked { arguments: told.clone(), ..noted.clone() });
            Err(refusal)
        };
        match bound {
            Ok(_) if !known => refused(Refusal::unknown_model_rpc(&model)),
            Ok(call) => {
                world.note(Asked { arguments: call.noted(), ..noted });
                let ran = world.with(&database, |content| orm::run(content, user, &call));
                ran.unwrap_or_else(|| Err(Refusal::no_database(&database)))
            }
            Err(Unbound::Arguments(message)) => refused(Refusal::type_error(message)),
            Err(Unbound::NoRead) => {
                world.note_write(Asked { arguments: told.clone(), ..noted.clone() });
                refused(Refusal::not_a_read(&model, &method))
            }
            Err(Unbound::NotHere) => refused(Refusal::unknown_method_rpc(&model, &method)),
            Err(Unbound::Private) => refused(Refusal::private(&model, &method)),
        }
    }

    /// `execute` has its arguments in a row, `execute_kw` in a list and a map.
    fn arguments(&mut self) -> (Vec<Value>, Map<String, Value>) {
        let mut rest = self.args.split_off(self.args.len().min(5));
        if self.method == "execute" {
            return (rest, Map::new());
        }
        let kwargs = (rest.len() > 1).then(|| rest.swap_remove(1));
        let args = if rest.is_empty() { Value::Null } else { rest.swap_remove(0) };
        let args = if let Value::Array(args) = args { args } else { Vec::new() };
        (args, if let Some(Value::Object(kwargs)) = kwargs { kwargs } else { Map::new() })
    }
}
