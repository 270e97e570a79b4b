//! Domains: which rows a search means.

use std::cmp::Ordering;

use serde_json::Value;

use super::Reader;
use crate::{
    refusal::Refusal,
    schema::{Kind, Model, Schema},
    world::{Content, Row},
};

/// A parsed domain.
#[derive(Debug)]
pub(super) enum Test {
    All(Vec<Self>),
    Any(Vec<Self>),
    Leaf { operator: Operator, path: String, value: Value },
    Never,
    Not(Box<Self>),
}

/// What a condition does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operator {
    Equal,
    EqualIlike,
    EqualLike,
    Greater,
    GreaterOrEqual,
    Ilike,
    In,
    Less,
    LessOrEqual,
    Like,
    NotEqual,
    NotIlike,
    NotIn,
    NotLike,
}

impl Operator {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "=" => Self::Equal,
            "=ilike" => Self::EqualIlike,
            "=like" => Self::EqualLike,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            "ilike" => Self::Ilike,
            "in" => Self::In,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            "like" => Self::Like,
            "!=" | "<>" => Self::NotEqual,
            "not ilike" => Self::NotIlike,
            "not in" => Self::NotIn,
            "not like" => Self::NotLike,
            _ => return None,
        })
    }
}

/// Reads a domain: prefix operators, conditions, an unwritten `&` between neighbours.
pub(super) fn parse(reader: &Reader<'_>, domain: &Value) -> Result<Test, Refusal> {
    let terms = match domain {
        Value::Array(terms) => &**terms,
        Value::Bool(false) | Value::Null => &[],
        other => return Err(Refusal::value(format!("Domain() invalid item in domain: {other}"))),
    };
    let mut stack: Vec<Test> = Vec::new();
    let short = || Refusal::value(format!("Domain {domain} is malformed"));
    for term in terms.iter().rev() {
        let test = match term.as_str() {
            Some("!") => Test::Not(Box::new(stack.pop().ok_or_else(short)?)),
            Some(word @ ("&" | "|")) => {
                let both = vec![stack.pop().ok_or_else(short)?, stack.pop().ok_or_else(short)?];
                if word == "&" { Test::All(both) } else { Test::Any(both) }
            }
            _ => leaf(reader, term)?,
        };
        stack.push(test);
    }
    stack.reverse();
    Ok(Test::All(stack))
}

fn leaf(reader: &Reader<'_>, term: &Value) -> Result<Test, Refusal> {
    let invalid = || Refusal::value(format!("Invalid leaf {}", python(term)));
    let Some([left, word, value]) = term.as_array().map(|leaf| &**leaf) else {
        return Err(invalid());
    };
    let operator = word.as_str().and_then(Operator::parse).ok_or_else(invalid)?;
    // `(1, '=', 1)` and `(0, '=', 1)`
    if let (Some(left), Some(1)) = (left.as_i64(), value.as_i64()) {
        return Ok(if left == 1 { Test::All(Vec::new()) } else { Test::Never });
    }
    let path = left.as_str().ok_or_else(invalid)?;
    if matches!(operator, Operator::In | Operator::NotIn) && !value.is_array() {
        return Err(invalid());
    }
    let (schema, mut model) = (&reader.schema, reader.model);
    for (at, name) in path.split('.').enumerate() {
        let refused = || Refusal::leaf(schema.version, model.name, path, &python(term));
        let field = schema.field(model, name).ok_or_else(refused)?;
        if at + 1 < path.split('.').count() {
            let Kind::Many2one(other) = field.kind else { return Err(refused()) };
            model = schema.model(other).ok_or_else(refused)?;
        }
    }
    Ok(Test::Leaf { operator, path: path.to_owned(), value: value.clone() })
}

/// As Python prints it: a condition is a tuple in 19's words and in older ones too.
fn python(value: &Value) -> String {
    match value {
        Value::Array(leaf) => {
            let parts: Vec<String> = leaf.iter().map(python_value).collect();
            format!("({})", parts.join(", "))
        }
        other => python_value(other),
    }
}

fn python_value(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let parts: Vec<String> = list.iter().map(python_value).collect();
            format!("[{}]", parts.join(", "))
        }
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => "None".to_owned(),
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

impl Test {
    /// Whether a condition names a field, which then is not silently tested for archived rows.
    pub(super) fn names(&self, field: &str) -> bool {
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().any(|test| test.names(field)),
            Self::Leaf { path, .. } => path == field,
            Self::Never => false,
            Self::Not(test) => test.names(field),
        }
    }

    pub(super) fn holds(&self, reader: &Reader<'_>, id: i64, row: &Row) -> bool {
        match self {
            Self::All(tests) => tests.iter().all(|test| test.holds(reader, id, row)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(reader, id, row)),
            Self::Leaf { operator, path, value } => {
                let held = held(reader.content, &reader.schema, reader.model, path, id, row);
                compare(*operator, &held, value)
            }
            Self::Never => false,
            Self::Not(test) => !test.holds(reader, id, row),
        }
    }
}

/// What the database holds at a path; null where nothing is.
fn held(
    content: &Content,
    schema: &Schema,
    model: &Model,
    path: &str,
    id: i64,
    row: &Row,
) -> Value {
    let (name, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    let value = if name == "id" { id.into() } else { row.get(name).cloned().unwrap_or_default() };
    let Some(rest) = rest else { return value };
    let other = schema.field(model, name).and_then(|field| match field.kind {
        Kind::Many2one(other) => schema.model(other),
        _ => None,
    });
    let (Some(other), Some(id)) = (other, value.as_i64()) else { return Value::Null };
    let row = content.row(other.name, id);
    row.map_or(Value::Null, |row| held(content, schema, other, rest, id, row))
}

/// Nothing: SQL's null, which Odoo writes as `False`.
fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Bool(false) | Value::Null)
}

fn is_equal(held: &Value, wanted: &Value) -> bool {
    match (held.as_f64(), wanted.as_f64()) {
        (Some(held), Some(wanted)) => held == wanted,
        _ if is_nothing(held) || is_nothing(wanted) => is_nothing(held) && is_nothing(wanted),
        _ => held == wanted,
    }
}

/// A null is never less, greater or like anything; it is unequal to everything but `False`.
fn compare(operator: Operator, held: &Value, wanted: &Value) -> bool {
    let order = || match is_nothing(held) || is_nothing(wanted) {
        true => None,
        false => Some(order(held, wanted)),
    };
    let like = |fold: bool, whole: bool| {
        let (Some(held), Some(wanted)) = (held.as_str(), wanted.as_str()) else { return false };
        let pattern = if whole { wanted.to_owned() } else { format!("%{wanted}%") };
        match fold {
            true => is_like(&held.to_lowercase(), &pattern.to_lowercase()),
            false => is_like(held, &pattern),
        }
    };
    let among = || wanted.as_array().is_some_and(|list| list.iter().any(|v| is_equal(held, v)));
    match operator {
        Operator::Equal => is_equal(held, wanted),
        Operator::EqualIlike => like(true, true),
        Operator::EqualLike => like(false, true),
        Operator::Greater => order().is_some_and(Ordering::is_gt),
        Operator::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
        Operator::Ilike => like(true, false),
        Operator::In => among(),
        Operator::Less => order().is_some_and(Ordering::is_lt),
        Operator::LessOrEqual => order().is_some_and(Ordering::is_le),
        Operator::Like => like(false, false),
        Operator::NotEqual => !is_equal(held, wanted),
        Operator::NotIlike => !like(true, false),
        Operator::NotIn => !among(),
        Operator::NotLike => !like(false, false),
    }
}

/// As PostgreSQL sorts upwards: nothing comes last.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        _ if a.is_null() || b.is_null() => a.is_null().cmp(&b.is_null()),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => {
            let (a, b) = (a.as_f64().unwrap_or_default(), b.as_f64().unwrap_or_default());
            a.total_cmp(&b)
        }
    }
}

/// SQL's LIKE: `%` for any letters, `_` for one.
fn is_like(text: &str, pattern: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = &pattern[1..];
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| is_like(&text[at..], rest))
        }
        Some(wanted) => text.chars().next().is_some_and(|letter| {
            let fits = wanted == '_' || wanted == letter;
            fits && is_like(&text[letter.len_utf8()..], &pattern[wanted.len_utf8()..])
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Operator, compare, is_like, python};

    #[test]
    fn like_is_sqls() {
        for (text, pattern, fits) in [
            ("smtp.gmail.com", "%gmail%", true),
            ("smtp.gmail.com", "smtp._mail.com", true),
            ("smtp.gmail.com", "gmail", false),
            ("", "%", true),
            ("é", "_", true),
        ] {
            assert_eq!(is_like(text, pattern), fits, "{text} like {pattern}");
        }
    }

    #[test]
    fn nothing_is_unequal_to_all_but_false() {
        let null = json!(null);
        assert!(compare(Operator::Equal, &null, &json!(false)));
        assert!(compare(Operator::NotEqual, &null, &json!("gmail")));
        assert!(compare(Operator::NotIn, &null, &json!(["gmail"])));
        assert!(!compare(Operator::NotIn, &null, &json!(["gmail", false])));
        assert!(!compare(Operator::Less, &null, &json!(5)));
    }

    #[test]
    fn conditions_are_printed_as_tuples() {
        let printed = python(&json!(["state", "in", ["a", false, 1]]));
        assert_eq!(printed, "('state', 'in', ['a', False, 1])");
    }
}
