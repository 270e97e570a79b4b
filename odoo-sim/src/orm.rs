//! What a call reads: rights, then rows.

mod domain;
mod group;
mod read;

use serde_json::{Map, Value, json};

use crate::{
    call::Call,
    refusal::Refusal,
    schema::{Field, Model, Readers, Schema},
    version::Version,
    world::{Content, Group, User},
};

/// Somebody who reads a model of a database.
#[derive(Debug)]
struct Reader<'a> {
    content: &'a Content,
    id: i64,
    model: &'static Model,
    schema: Schema,
    user: &'a User,
}

/// Whether a database has a model.
pub(crate) fn has(content: &Content, model: &str) -> bool {
    content.schema().model(model).is_some()
}

/// Carries a call out.
pub(crate) fn run(content: &Content, id: i64, call: &Call) -> Result<Value, Refusal> {
    let user = content.user(id).ok_or_else(Refusal::access_denied)?;
    let schema = content.schema();
    let unknown = || Refusal::unknown_model_rpc(&call.model);
    let model = schema.model(&call.model).ok_or_else(unknown)?;
    let reader = Reader { content, id, model, schema, user };
    match &*call.method {
        // Neither asks for rights on the model [UNVERIFIED].
        "fields_get" => return Ok(reader.fields_get(call)),
        "context_get" => return Ok(json!({"lang": "en_US", "tz": false, "uid": id})),
        "has_group" => return reader.has_group(call),
        _ => reader.may_read()?,
    }
    match &*call.method {
        "search_read" => reader.search_read(call),
        "search_count" => reader.search_count(call),
        "read" => reader.read(call),
        "read_group" => reader.read_group(call),
        "formatted_read_group" => reader.formatted_read_group(call),
        // False where there is none.
        "get_param" => Ok(match content.param(&call.words("key").concat()) {
            Some(Value::Null) | None => match call.get("default") {
                Value::Null => json!(false),
                default => default.clone(),
            },
            Some(value) => value.clone(),
        }),
        method => Err(Refusal::unknown_method_rpc(&call.model, method)),
    }
}

impl Reader<'_> {
    fn version(&self) -> Version {
        self.schema.version
    }

    fn is_system(&self) -> bool {
        self.user.has(Group::Settings)
    }

    /// The access list of the model [RUN18/19 for the mail servers].
    fn may_read(&self) -> Result<(), Refusal> {
        let marketing =
            self.model.readers == Readers::Marketing && self.schema.has_module("mass_mailing");
        let may = match self.model.readers {
            Readers::Internal => self.user.has(Group::Internal),
            Readers::Marketing => marketing && self.user.has(Group::EmailMarketing),
            Readers::System => false,
        };
        if may || self.is_system() {
            return Ok(());
        }
        let more = marketing.then_some("Email Marketing/User");
        Err(Refusal::model(self.version(), self.model.label, self.model.name, more))
    }

    /// The named fields, or all that the user may read where none is named.
    fn fields(&self, names: &[&str]) -> Result<Vec<Field>, Refusal> {
        if !names.is_empty() {
            return self.named(names);
        }
        let mut all = self.schema.fields(self.model);
        all.retain(|field| self.is_system() || !field.system);
        Ok(all)
    }

    /// The named fields, if they are there and the user may read them.
    fn named(&self, names: &[&str]) -> Result<Vec<Field>, Refusal> {
        let all = self.schema.fields(self.model);
        let mut fields = Vec::new();
        for &name in names {
            let found = all.iter().find(|field| field.name == name);
            fields.push(*found.ok_or_else(|| Refusal::field(self.model.name, name))?);
        }
        let closed: Vec<&str> = fields
            .iter()
            .filter(|field| field.system && !self.is_system())
            .map(|field| field.name)
            .collect();
        if closed.is_empty() {
            return Ok(fields);
        }
        let (version, label) = (self.version(), self.model.label);
        Err(Refusal::fields(version, label, self.model.name, &closed, self.id))
    }

    /// Fields that the user may not read are left out without a word [UNVERIFIED].
    fn fields_get(&self, call: &Call) -> Value {
        let (wanted, attributes) = (call.words("allfields"), call.words("attributes"));
        let mut told = Map::new();
        for field in self.schema.fields(self.model) {
            let asked_for = wanted.is_empty() || wanted.contains(&field.name);
            if asked_for && (self.is_system() || !field.system) {
                let mut about = self.schema.describe(self.model, &field);
                if let Some(about) = about.as_object_mut().filter(|_| !attributes.is_empty()) {
                    about.retain(|name, _| attributes.contains(&name.as_str()));
                }
                told.insert(field.name.to_owned(), about);
            }
        }
        Value::Object(told)
    }

    /// Of the caller up to 17, of the row since [SRC].
    fn has_group(&self, call: &Call) -> Result<Value, Refusal> {
        let of = match (&*call.ids, self.version() >= Version::V18) {
            ([], false) => self.user,
            (&[id], true) => {
                let missing = || Refusal::missing(self.model.name, id, self.id);
                self.content.user(id).ok_or_else(missing)?
            }
            _ => return Err(Refusal::value("Expected singleton: res.users()")),
        };
        Ok(json!(of.has_named(&call.words("group_ext_id").concat())))
    }
}
