//! A method with its arguments, by either protocol: names bound, rows named.

use serde_json::{Map, Value, json};

use crate::version::Version;

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) arguments: Map<String, Value>,
    pub(crate) context: Map<String, Value>,
    pub(crate) ids: Vec<i64>,
    pub(crate) method: String,
    pub(crate) model: String,
}

/// A method that is played.
#[derive(Clone, Copy, Debug)]
struct Method {
    from: Version,
    /// The model that has it; every model if none.
    model: Option<&'static str>,
    name: &'static str,
    /// The names of its arguments, in their order.
    names: &'static [&'static str],
    /// Since when it is called on rows.
    on_rows: Option<Version>,
    /// How many arguments must be there.
    required: usize,
    to: Version,
}

const fn method(name: &'static str, names: &'static [&'static str]) -> Method {
    let (from, to) = (Version::V15, Version::V19);
    Method { from, model: None, name, names, on_rows: None, required: 0, to }
}

/// Every read. Anything else is taken for an attempt to write.
const METHODS: &[Method] = &[
    method("search_read", &["domain", "fields", "offset", "limit", "order"]),
    // 15 calls its one argument otherwise [UNVERIFIED]: by position it is the same.
    Method { required: 1, to: Version::V15, ..method("search_count", &["args"]) },
    Method { required: 1, from: Version::V16, ..method("search_count", &["domain", "limit"]) },
    Method { on_rows: Some(Version::V15), ..method("read", &["fields", "load"]) },
    method("fields_get", &["allfields", "attributes"]),
    Method {
        required: 3,
        to: Version::V18,
        ..method(
            "read_group",
            &["domain", "fields", "groupby", "offset", "limit", "orderby", "lazy"],
        )
    },
    Method {
        from: Version::V19,
        required: 1,
        ..method(
            "formatted_read_group",
            &["domain", "groupby", "aggregates", "having", "offset", "limit", "order"],
        )
    },
    Method {
        model: Some("ir.config_parameter"),
        required: 1,
        ..method("get_param", &["key", "default"])
    },
    // A method of the model up to 17, of a user since [SRC].
    Method {
        model: Some("res.users"),
        on_rows: Some(Version::V18),
        required: 1,
        ..method("has_group", &["group_ext_id"])
    },
    Method { model: Some("res.users"), ..method("context_get", &[]) },
];

/// Why a call cannot be made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unbound {
    /// The arguments do not fit.
    Arguments(String),
    /// No read is called so.
    NoRead,
    /// Another version, or another model, has it.
    NotHere,
    /// It begins with an underscore.
    Private,
}

fn find(version: Version, model: &str, name: &str) -> Result<&'static Method, Unbound> {
    if name.starts_with('_') {
        return Err(Unbound::Private);
    }
    let mut named = METHODS.iter().filter(|method| method.name == name).peekable();
    named.peek().ok_or(Unbound::NoRead)?;
    let fits = |method: &&Method| {
        method.model.is_none_or(|of| of == model) && (method.from..=method.to).contains(&version)
    };
    named.find(fits).ok_or(Unbound::NotHere)
}

impl Method {
    fn is_on_rows(&self, version: Version) -> bool {
        self.on_rows.is_some_and(|since| version >= since)
    }
}

/// `execute_kw`: arguments by position, with the rows first, then by name.
pub(crate) fn by_position(
    version: Version,
    model: &str,
    name: &str,
    mut args: Vec<Value>,
    mut kwargs: Map<String, Value>,
) -> Result<Call, Unbound> {
    let method = find(version, model, name)?;
    let context = object(kwargs.shift_remove("context"));
    let mut ids = Vec::new();
    if method.is_on_rows(version) {
        if args.is_empty() {
            return Err(Unbound::Arguments(format!("{model}.{name}: no ids given")));
        }
        ids = numbers(&args.remove(0));
    }
    if args.len() > method.names.len() {
        let takes = format!(
            "{name}() takes at most {} positional arguments but {} were given",
            method.names.len() + 1,
            args.len() + 1,
        );
        return Err(Unbound::Arguments(takes));
    }
    for (name, value) in method.names.iter().zip(args) {
        if kwargs.insert((*name).to_owned(), value).is_some() {
            return Err(Unbound::Arguments(format!("multiple values for argument '{name}'")));
        }
    }
    bind(method, kwargs, context, ids, model)
}

/// JSON-2: arguments by name, `ids` and `context` beside them.
pub(crate) fn by_name(
    version: Version,
    model: &str,
    name: &str,
    mut body: Map<String, Value>,
) -> Result<Call, Unbound> {
    let method = find(version, model, name)?;
    let context = object(body.shift_remove("context"));
    let ids = body.shift_remove("ids").map(|ids| numbers(&ids)).unwrap_or_default();
    if !ids.is_empty() && !method.is_on_rows(version) {
        return Err(Unbound::Arguments(format!("cannot call {model}.{name} with ids")));
    }
    bind(method, body, context, ids, model)
}

fn bind(
    method: &Method,
    arguments: Map<String, Value>,
    context: Map<String, Value>,
    ids: Vec<i64>,
    model: &str,
) -> Result<Call, Unbound> {
    if let Some(unknown) = arguments.keys().find(|key| !method.names.contains(&key.as_str())) {
        let words = format!("got an unexpected keyword argument '{unknown}'");
        return Err(Unbound::Arguments(words));
    }
    let required = method.names.iter().take(method.required);
    if let Some(absent) = required.copied().find(|name| !arguments.contains_key(*name)) {
        return Err(Unbound::Arguments(format!("missing a required argument: '{absent}'")));
    }
    let (method, model) = (method.name.to_owned(), model.to_owned());
    Ok(Call { arguments, context, ids, method, model })
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// One id, or a list of them.
fn numbers(value: &Value) -> Vec<i64> {
    match value {
        Value::Array(ids) => ids.iter().filter_map(Value::as_i64).collect(),
        id => id.as_i64().into_iter().collect(),
    }
}

impl Call {
    /// An argument; null where it was not given.
    pub(crate) fn get(&self, name: &str) -> &Value {
        self.arguments.get(name).unwrap_or(&Value::Null)
    }

    /// A number; nothing for null, `false` and 0.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        let number = self.get(name).as_u64().filter(|number| *number > 0);
        number.and_then(|number| usize::try_from(number).ok())
    }

    /// A list of words, or a single one.
    pub(crate) fn words(&self, name: &str) -> Vec<&str> {
        match self.get(name) {
            Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
            word => word.as_str().into_iter().collect(),
        }
    }

    /// What to note of it.
    pub(crate) fn noted(&self) -> Value {
        let mut noted = self.arguments.clone();
        if !self.ids.is_empty() {
            noted.insert("ids".to_owned(), json!(self.ids));
        }
        if !self.context.is_empty() {
            noted.insert("context".to_owned(), json!(self.context));
        }
        Value::Object(noted)
    }
}
