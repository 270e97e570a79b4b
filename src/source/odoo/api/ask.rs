//! What is asked of an Odoo, and how each version wants it written.
//!
//! Invariant: there is nothing here that writes.

use serde_json::{Map, Value, json};

use crate::source::odoo::version::Series;

/// A method of a model, with its arguments.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// Whose key it is.
    ContextGet,
    /// How many rows there are of each kind.
    CountBy {
        domain: Value,
        by: &'static [&'static str],
    },
    /// The fields that there are, but for those that the user may not read.
    FieldsGet,
    HasGroup {
        user: i64,
        group: &'static str,
    },
    SearchCount {
        domain: Value,
    },
    SearchRead(Search),
}

/// Rows, archived ones too.
#[derive(Clone, Debug)]
pub(super) struct Search {
    domain: Value,
    fields: Vec<&'static str>,
    order: Option<&'static str>,
    limit: Option<usize>,
    offset: usize,
}

impl Search {
    pub(super) fn new(domain: Value, fields: &[&'static str]) -> Self {
        Self { domain, fields: fields.to_vec(), order: None, limit: None, offset: 0 }
    }

    pub(super) fn by(self, order: &'static str) -> Self {
        Self { order: Some(order), ..self }
    }

    pub(super) fn page(self, offset: usize, limit: usize) -> Self {
        Self { limit: Some(limit), offset, ..self }
    }
}

/// The method's name, arguments by position, arguments by name.
type ByPosition = (&'static str, Vec<Value>, Map<String, Value>);

impl Ask {
    /// As JSON-RPC's `execute_kw` takes it, in the versions before JSON-2.
    pub(super) fn by_position(self, series: Series) -> ByPosition {
        match self {
            // 15 calls the argument otherwise.
            Self::SearchCount { domain } => ("search_count", vec![domain], with_context(json!({}))),
            // A method of the model up to 17, of a user's row since.
            Self::HasGroup { user, group } => {
                let row = (series >= Series::V18).then(|| json!([user]));
                let args = row.into_iter().chain([json!(group)]).collect();
                ("has_group", args, Map::new())
            }
            // Without any field named, it adds up every number that there is.
            Self::CountBy { domain, by } => {
                let fields = by.get(..1);
                let named =
                    json!({"domain": domain, "fields": fields, "groupby": by, "lazy": false});
                ("read_group", Vec::new(), with_context(named))
            }
            other => {
                let (method, named) = other.by_name();
                (method, Vec::new(), named)
            }
        }
    }

    /// As JSON-2 takes it.
    pub(super) fn by_name(self) -> (&'static str, Map<String, Value>) {
        match self {
            Self::ContextGet => ("context_get", Map::new()),
            Self::CountBy { domain, by } => {
                let named = json!({"domain": domain, "groupby": by, "aggregates": ["__count"]});
                ("formatted_read_group", with_context(named))
            }
            Self::FieldsGet => ("fields_get", object(json!({"attributes": ["type"]}))),
            Self::HasGroup { user, group } => {
                ("has_group", object(json!({"ids": [user], "group_ext_id": group})))
            }
            Self::SearchCount { domain } => {
                ("search_count", with_context(json!({"domain": domain})))
            }
            Self::SearchRead(Search { domain, fields, order, limit, offset }) => {
                let mut named = with_context(json!({"domain": domain, "fields": fields}));
                if let Some(order) = order {
                    named.insert("order".to_owned(), json!(order));
                }
                if let Some(limit) = limit {
                    named.insert("limit".to_owned(), json!(limit));
                }
                if offset > 0 {
                    named.insert("offset".to_owned(), json!(offset));
                }
                ("search_read", named)
            }
        }
    }
}

/// Archived rows are rows.
fn with_context(named: Value) -> Map<String, Value> {
    let mut named = object(named);
    named.insert("context".to_owned(), json!({"active_test": false}));
    named
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(ask: Ask, series: Series) -> Value {
        let (method, args, named) = ask.by_position(series);
        json!([method, args, named])
    }

    #[test]
    fn each_version_is_asked_in_its_own_way() {
        let group = || Ask::HasGroup { user: 7, group: "base.group_system" };
        let one = json!(["has_group", ["base.group_system"], {}]);
        let of_row = json!(["has_group", [[7], "base.group_system"], {}]);
        assert_eq!(position(group(), Series::V17), one);
        assert_eq!(position(group(), Series::V18), of_row);
        assert_eq!(
            Value::Object(group().by_name().1),
            json!({"ids": [7], "group_ext_id": "base.group_system"})
        );
        let count = || Ask::CountBy { domain: json!([]), by: &["state", "failure_type"] };
        let (by_position, by_name) = (position(count(), Series::V15), count().by_name());
        assert_eq!(by_position[0], "read_group");
        assert_eq!(by_position[2]["lazy"], false);
        assert_eq!(
            (by_name.0, &by_name.1["aggregates"]),
            ("formatted_read_group", &json!(["__count"]))
        );
    }

    #[test]
    fn archived_rows_are_asked_for() {
        let search = Search::new(json!([]), &["name"]).by("id").page(20, 10);
        let (method, named) = Ask::SearchRead(search).by_name();
        let expected = json!({
            "domain": [], "fields": ["name"], "order": "id", "limit": 10, "offset": 20,
            "context": {"active_test": false},
        });
        assert_eq!((method, Value::Object(named)), ("search_read", expected));
        let count = position(Ask::SearchCount { domain: json!([]) }, Series::V16);
        assert_eq!(count, json!(["search_count", [[]], {"context": {"active_test": false}}]));
    }
}
