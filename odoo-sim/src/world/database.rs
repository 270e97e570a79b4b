//! One database: what a test puts into it, and what a call reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Map, Value, json};

use super::{User, World};
use crate::{
    fresh,
    schema::{Kind, Schema},
    version::Version,
};

/// A row: its fields by name. What is not in it is null.
pub(crate) type Row = Map<String, Value>;

/// What a database holds.
#[derive(Debug)]
pub(crate) struct Content {
    absent: BTreeSet<(String, String)>,
    added: BTreeMap<(String, &'static str), Kind>,
    /// `dbfilter` hides it.
    pub(crate) hidden: bool,
    last_ids: BTreeMap<String, i64>,
    tables: BTreeMap<String, BTreeMap<i64, Row>>,
    users: BTreeMap<i64, User>,
    version: Version,
}

/// A model, field, row or word that this version, with these modules, does not have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unplayed(String);

impl fmt::Display for Unplayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unplayed {}

impl Content {
    pub(super) fn fresh(version: Version) -> Self {
        let mut content = Self {
            absent: BTreeSet::new(),
            added: BTreeMap::new(),
            hidden: false,
            last_ids: BTreeMap::new(),
            tables: BTreeMap::new(),
            users: BTreeMap::new(),
            version,
        };
        fresh::fill(&mut content, version);
        content
    }

    pub(crate) fn schema(&self) -> Schema {
        // A module that waits for its upgrade works on.
        let works =
            |row: &&Row| matches!(text(row, "state"), "installed" | "to upgrade" | "to remove");
        let modules = self.rows("ir.module.module").map(|row| row.1).filter(works);
        let installed = modules.map(|row| text(row, "name").to_owned());
        Schema::new(self.version, installed.collect(), self.absent.clone(), self.added.clone())
    }

    pub(crate) fn rows(&self, model: &str) -> impl Iterator<Item = (i64, &Row)> {
        self.tables.get(model).into_iter().flatten().map(|(id, row)| (*id, row))
    }

    pub(crate) fn row(&self, model: &str, id: i64) -> Option<&Row> {
        self.tables.get(model)?.get(&id)
    }

    pub(crate) fn user(&self, id: i64) -> Option<&User> {
        self.users.get(&id)
    }

    /// A user who may sign in: an archived one may not.
    pub(crate) fn active_user(&self, id: i64) -> Option<&User> {
        let row = self.row("res.users", id)?;
        self.user(id).filter(|_| row.get("active") == Some(&json!(true)))
    }

    /// The active user whom a test of the credentials fits.
    pub(crate) fn find_user(&self, fits: impl Fn(&User) -> bool) -> Option<(i64, &User)> {
        let mut active = self.users.keys().filter_map(|&id| Some((id, self.active_user(id)?)));
        active.find(|user| fits(user.1))
    }

    pub(crate) fn param(&self, key: &str) -> Option<&Value> {
        let mut rows = self.rows("ir.config_parameter").map(|row| row.1);
        rows.find(|row| text(row, "key") == key)?.get("value")
    }

    /// Puts a row in without looking at it.
    pub(crate) fn insert(&mut self, model: &str, mut row: Row) -> i64 {
        let last = self.last_ids.entry(model.to_owned()).or_default();
        let id = row.shift_remove("id").and_then(|id| id.as_i64()).unwrap_or(*last + 1);
        *last = id.max(*last);
        self.tables.entry(model.to_owned()).or_default().insert(id, row);
        id
    }

    fn add_user(&mut self, user: User) -> i64 {
        let row = json!({"login": user.login, "name": user.login, "active": true});
        let id = self.insert("res.users", into_row(row));
        self.users.insert(id, user);
        id
    }

    fn put(&mut self, model: &str, row: Value) -> Result<i64, Unplayed> {
        let row = self.checked(model, row)?;
        let schema = self.schema();
        let mut full = fresh::defaults(&schema, model);
        full.extend(row);
        Ok(self.insert(model, full))
    }

    fn update(&mut self, model: &str, id: i64, row: Value) -> Result<(), Unplayed> {
        let row = self.checked(model, row)?;
        let old = self.tables.get_mut(model).and_then(|table| table.get_mut(&id));
        old.ok_or_else(|| Unplayed(format!("no row {id} in {model}")))?.extend(row);
        Ok(())
    }

    /// A row that the schema has a place for.
    fn checked(&self, model: &str, row: Value) -> Result<Row, Unplayed> {
        let schema = self.schema();
        let at = schema.model(model).ok_or_else(|| self.unplayed(model))?;
        let row = into_row(row);
        for (name, value) in &row {
            let field = schema.field(at, name);
            field.ok_or_else(|| self.unplayed(&format!("{model}.{name}")))?;
            let word = value.as_str().unwrap_or_default();
            let words = schema.words(model, name);
            if !word.is_empty() && words.is_some_and(|words| !words.contains(&word)) {
                return Err(self.unplayed(&format!("{model}.{name} = {word}")));
            }
        }
        Ok(row)
    }

    fn unplayed(&self, what: &str) -> Unplayed {
        Unplayed(format!("{} has no {what}", self.version.serie()))
    }
}

/// A handle on a database. Where the database was dropped, nothing happens.
#[derive(Clone, Debug)]
pub struct Database {
    name: String,
    world: World,
}

impl Database {
    pub(super) fn new(world: World, name: &str) -> Self {
        Self { name: name.to_owned(), world }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn with<T: Default>(&self, act: impl FnOnce(&mut Content) -> T) -> T {
        self.world.with(&self.name, act).unwrap_or_default()
    }

    fn with_or<T>(
        &self,
        act: impl FnOnce(&mut Content) -> Result<T, Unplayed>,
    ) -> Result<T, Unplayed> {
        let gone = || Err(Unplayed(format!("no database {}", self.name)));
        self.world.with(&self.name, act).unwrap_or_else(gone)
    }

    /// A user, with its row in `res.users`; its id.
    pub fn add_user(&self, user: User) -> i64 {
        self.with(|content| content.add_user(user))
    }

    /// Other groups, keys, a password from now on.
    pub fn change_user(&self, id: i64, change: impl FnOnce(User) -> User) {
        self.with(|content| {
            if let Some(user) = content.users.get(&id).cloned() {
                content.users.insert(id, change(user));
            }
        });
    }

    /// No key of the user is good any more: revoked, or expired.
    pub fn revoke_keys(&self, id: i64) {
        self.change_user(id, |user| User { api_keys: Vec::new(), ..user });
    }

    /// A row with Odoo's defaults for what is not said; its id.
    ///
    /// # Errors
    /// This Odoo has no such model, field or word.
    pub fn put(&self, model: &str, row: Value) -> Result<i64, Unplayed> {
        self.with_or(|content| content.put(model, row))
    }

    /// Other values for some fields of a row.
    ///
    /// # Errors
    /// This Odoo has no such model, row, field or word.
    pub fn update(&self, model: &str, id: i64, row: Value) -> Result<(), Unplayed> {
        self.with_or(|content| content.update(model, id, row))
    }

    /// The row is gone; whether it was there.
    pub fn remove(&self, model: &str, id: i64) -> bool {
        self.with(|content| {
            content.tables.get_mut(model).is_some_and(|table| table.remove(&id).is_some())
        })
    }

    /// A system parameter.
    pub fn set_param(&self, key: &str, value: &str) {
        self.remove_param(key);
        let row = into_row(json!({"key": key, "value": value}));
        self.with(|content| content.insert("ir.config_parameter", row));
    }

    /// The system parameter is gone.
    pub fn remove_param(&self, key: &str) {
        self.with(|content| {
            if let Some(table) = content.tables.get_mut("ir.config_parameter") {
                table.retain(|_, row| text(row, "key") != key);
            }
        });
    }

    /// A module's state, which brings or takes its fields and models.
    ///
    /// # Errors
    /// No such module, or no such state.
    pub fn set_module(&self, name: &str, state: &str) -> Result<(), Unplayed> {
        self.with_or(|content| {
            let found = content.rows("ir.module.module").find(|row| text(row.1, "name") == name);
            let id = found.map(|row| row.0).ok_or_else(|| content.unplayed(name))?;
            let latest = match state {
                "installed" => json!(fresh::latest_version(content.version, name)),
                "uninstalled" => Value::Null,
                _ => content.row("ir.module.module", id).map_or(Value::Null, |row| {
                    row.get("latest_version").cloned().unwrap_or_default()
                }),
            };
            let row = json!({"state": state, "latest_version": latest});
            content.update("ir.module.module", id, row)
        })
    }

    /// The field is not there: a fork, or an addon that took it.
    pub fn without_field(&self, model: &str, field: &str) {
        self.with(|content| content.absent.insert((model.to_owned(), field.to_owned())));
    }

    /// One more field: that of an addon.
    pub fn with_field(&self, model: &str, field: &'static str, kind: Kind) {
        self.with(|content| content.added.insert((model.to_owned(), field), kind));
    }

    /// `dbfilter` hides the database. JSON-2 answers as if there were none; `/jsonrpc`, which
    /// names its database itself, is not asked [UNVERIFIED].
    pub fn hide(&self, hidden: bool) {
        self.with(|content| content.hidden = hidden);
    }

    /// What `odoo-bin neutralize` does to a copy: tokens stay [SRC16-19]. 15 cannot.
    ///
    /// # Errors
    /// 15 has no such command.
    pub fn neutralize(&self) -> Result<(), Unplayed> {
        if self.world.version == Version::V15 {
            return Err(Unplayed("15.0 has no neutralize".to_owned()));
        }
        self.with(|content| {
            for model in ["ir.mail_server", "fetchmail.server", "ir.cron"] {
                for row in content.tables.entry(model.to_owned()).or_default().values_mut() {
                    let stays = row.get("cron_name").is_some_and(|name| name == fresh::VACUUM);
                    row.insert("active".to_owned(), json!(stays));
                }
            }
        });
        self.set_param("database.is_neutralized", "true");
        let row = json!({
            "name": "neutralization - disable emails", "smtp_host": "invalid", "smtp_port": 1025,
        });
        self.put("ir.mail_server", row).map(drop)
    }
}

/// A field's text; empty where there is none.
fn text<'a>(row: &'a Row, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// An object's fields; of anything else none.
pub(crate) fn into_row(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        _ => Row::new(),
    }
}
