//! Searching and reading rows.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::{
    Reader,
    domain::{self, order},
};
use crate::{
    call::Call,
    refusal::Refusal,
    schema::{Field, Kind},
    world::Row,
};

impl Reader<'_> {
    pub(super) fn search_read(&self, call: &Call) -> Result<Value, Refusal> {
        let fields = self.fields(&call.words("fields"))?;
        let mut rows = self.search(call, "domain")?;
        self.sort(&mut rows, call.get("order").as_str().unwrap_or(self.model.order))?;
        let limit = call.number("limit").unwrap_or(usize::MAX);
        let rows = rows.into_iter().skip(call.number("offset").unwrap_or(0)).take(limit);
        Ok(rows.map(|(id, row)| self.show(&fields, id, row, true)).collect())
    }

    pub(super) fn search_count(&self, call: &Call) -> Result<Value, Refusal> {
        let name = if call.arguments.contains_key("args") { "args" } else { "domain" };
        let count = self.search(call, name)?.len();
        Ok(json!(count.min(call.number("limit").unwrap_or(usize::MAX))))
    }

    /// Archived rows are read too: only a search leaves them out.
    pub(super) fn read(&self, call: &Call) -> Result<Value, Refusal> {
        let fields = self.fields(&call.words("fields"))?;
        let classic = call.arguments.get("load").is_none_or(|load| load == "_classic_read");
        let rows = call.ids.iter().map(|&id| {
            let row = self.content.row(self.model.name, id);
            let row = row.ok_or_else(|| Refusal::missing(self.model.name, id, self.id))?;
            Ok(self.show(&fields, id, row, classic))
        });
        rows.collect()
    }

    /// The rows of a domain. Archived ones need `active_test` False in the context, or a condition
    /// on `active`.
    pub(super) fn search(&self, call: &Call, name: &str) -> Result<Vec<(i64, &Row)>, Refusal> {
        let test = domain::parse(self, call.get(name))?;
        let all = call.context.get("active_test") == Some(&json!(false))
            || test.names("active")
            || self.schema.field(self.model, "active").is_none();
        let rows = self.content.rows(self.model.name).filter(|(id, row)| {
            (all || row.get("active") == Some(&json!(true))) && test.holds(self, *id, row)
        });
        Ok(rows.collect())
    }

    /// `sequence, id desc`
    fn sort(&self, rows: &mut [(i64, &Row)], by: &str) -> Result<(), Refusal> {
        let mut terms = Vec::new();
        for term in by.split(',').map(str::trim).filter(|term| !term.is_empty()) {
            let (name, way) = term.split_once(' ').unwrap_or((term, "asc"));
            let unknown = || Refusal::field(self.model.name, name);
            self.schema.field(self.model, name).ok_or_else(unknown)?;
            terms.push((name, way.trim().eq_ignore_ascii_case("desc")));
        }
        rows.sort_by(|a, b| {
            let orders = terms.iter().map(|(name, down)| {
                let way = order(&raw(name, *a), &raw(name, *b));
                if *down { way.reverse() } else { way }
            });
            orders.into_iter().find(|way| way.is_ne()).unwrap_or(Ordering::Equal)
        });
        Ok(())
    }

    fn show(&self, fields: &[Field], id: i64, row: &Row, classic: bool) -> Value {
        let mut shown = Map::new();
        shown.insert("id".to_owned(), json!(id));
        for field in fields {
            shown.insert(field.name.to_owned(), self.value(field, id, row, classic));
        }
        Value::Object(shown)
    }

    /// A value as `read` shows it: `False` for null, `[id, name]` for a row.
    pub(super) fn value(&self, field: &Field, id: i64, row: &Row, classic: bool) -> Value {
        let held = row.get(field.name).filter(|value| !value.is_null());
        match (field.name, field.kind, held) {
            ("id", ..) => json!(id),
            ("display_name", ..) => json!(self.name_of(self.model.name, id)),
            // What lies on the disk: here what is installed, else the version's.
            ("installed_version", ..) => row.get("latest_version").cloned().unwrap_or_default(),
            (_, Kind::Many2one(other), Some(value)) => match value.as_i64() {
                Some(id) if classic => json!([id, self.name_of(other, id)]),
                Some(id) => json!(id),
                None => json!(false),
            },
            (_, _, Some(value)) => value.clone(),
            (_, kind, None) => kind.nothing(),
        }
    }

    fn name_of(&self, model: &str, id: i64) -> String {
        let row = self.content.row(model, id);
        let named = row.and_then(|row| row.get("name").or_else(|| row.get("key")));
        named.and_then(Value::as_str).map_or_else(|| format!("{model},{id}"), ToOwned::to_owned)
    }
}

/// What the database holds.
pub(super) fn raw(name: &str, (id, row): (i64, &Row)) -> Value {
    if name == "id" { json!(id) } else { row.get(name).cloned().unwrap_or_default() }
}
