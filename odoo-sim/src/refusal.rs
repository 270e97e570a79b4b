//! Everything that Odoo says instead of an answer.

use serde_json::{Value, json};

use crate::version::Version;

/// A Python exception, as both protocols tell it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    arguments: Value,
    message: String,
    name: &'static str,
    /// What JSON-2 answers with; `/jsonrpc` always answers 200 [RUN18/19].
    pub(crate) status: u16,
}

impl Refusal {
    fn new(name: &'static str, status: u16, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { arguments: json!([message]), message, name, status }
    }

    /// An HTTP error of JSON-2. Its arguments carry the code [UNVERIFIED].
    fn http(name: &'static str, status: u16, message: impl Into<String>) -> Self {
        let refusal = Self::new(name, status, message);
        Self { arguments: json!([refusal.message, status]), ..refusal }
    }

    /// Wrong credentials [RUN18].
    pub(crate) fn access_denied() -> Self {
        Self::new("odoo.exceptions.AccessDenied", 403, "Access Denied")
    }

    /// JSON-2 with a key that is none [RUN19].
    pub(crate) fn invalid_key() -> Self {
        Self::http("werkzeug.exceptions.Unauthorized", 401, "Invalid apikey")
    }

    /// JSON-2 without a key [RUN19].
    pub(crate) fn no_key() -> Self {
        let message = "User not authenticated, use an API Key with a Bearer Authorization header.";
        Self::http("werkzeug.exceptions.Unauthorized", 401, message)
    }

    /// A model of which the user may read nothing. The words are 18's [RUN18]; that 19 calls the
    /// group otherwise is known, that the rest stayed is [UNVERIFIED], as are 15 to 17.
    pub(crate) fn model(version: Version, label: &str, model: &str, more: Option<&str>) -> Self {
        let mut groups = format!("\t- {}", system_group(version));
        if let Some(more) = more {
            groups = format!("{groups}\n\t- {more}");
        }
        let message = format!(
            "You are not allowed to access '{label}' ({model}) records.\n\n\
             This operation is allowed for the following groups:\n{groups}\n\n\
             Contact your administrator to request access if necessary."
        );
        Self::new("odoo.exceptions.AccessError", 403, message)
    }

    /// Fields that are for administrators. 18's words [RUN18]; how the lines below `Fields:` go on
    /// after the name, and the other versions, are [UNVERIFIED].
    pub(crate) fn fields(
        version: Version,
        label: &str,
        model: &str,
        fields: &[&str],
        user: i64,
    ) -> Self {
        let group = system_group(version).replace('/', " / ").replace("  ", " ");
        let lines: Vec<String> = fields
            .iter()
            .map(|field| format!("- {field} (allowed for groups '{group}')"))
            .collect();
        let message = format!(
            "You do not have enough rights to access the fields \"{}\" on {label} ({model}). \
             Please contact your system administrator.\n\n\
             Operation: read\nUser: {user}\nFields:\n{}",
            fields.join(","),
            lines.join("\n"),
        );
        Self::new("odoo.exceptions.AccessError", 403, message)
    }

    /// `_compute_something` is not for strangers [UNVERIFIED].
    pub(crate) fn private(model: &str, method: &str) -> Self {
        let message =
            format!("Private methods (such as '{model}.{method}') cannot be called remotely.");
        Self::new("odoo.exceptions.AccessError", 403, message)
    }

    /// This simulator's own words: it plays no method that writes.
    pub(crate) fn not_a_read(model: &str, method: &str) -> Self {
        let message = format!("odoo-sim: {model}.{method} is no read, and nothing here may write");
        Self::new("odoo.exceptions.UserError", 422, message)
    }

    /// By `/jsonrpc` [UNVERIFIED].
    pub(crate) fn unknown_model_rpc(model: &str) -> Self {
        Self::new("odoo.exceptions.UserError", 422, format!("Object {model} doesn't exist"))
    }

    /// JSON-2 answers 404 [RUN19]; the words are [SRC].
    pub(crate) fn unknown_model(model: &str) -> Self {
        let message = format!("the model '{model}' does not exist");
        Self::http("werkzeug.exceptions.NotFound", 404, message)
    }

    /// By `/jsonrpc` [UNVERIFIED].
    pub(crate) fn unknown_method_rpc(model: &str, method: &str) -> Self {
        let message = format!("The method '{model}.{method}' does not exist");
        Self::new("builtins.AttributeError", 500, message)
    }

    /// JSON-2 answers 404 [RUN19]; the words are [UNVERIFIED].
    pub(crate) fn unknown_method(model: &str, method: &str) -> Self {
        let message = format!("The method '{model}.{method}' does not exist");
        Self::http("werkzeug.exceptions.NotFound", 404, message)
    }

    /// JSON-2: arguments that do not fit are 422 [RUN19]; the words are Python's.
    pub(crate) fn unfit(message: impl Into<String>) -> Self {
        Self::http("werkzeug.exceptions.UnprocessableEntity", 422, message)
    }

    /// JSON-2: what was sent is no JSON object [SRC].
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::http("werkzeug.exceptions.BadRequest", 400, message)
    }

    /// Arguments that do not fit, by `/jsonrpc`: Python's own exception [UNVERIFIED].
    pub(crate) fn type_error(message: impl Into<String>) -> Self {
        Self::new("builtins.TypeError", 500, message)
    }

    /// A field that is not there, in a list of fields [UNVERIFIED].
    pub(crate) fn field(model: &str, field: &str) -> Self {
        Self::value(format!("Invalid field '{field}' on model '{model}'"))
    }

    /// A field that is not there, in a condition [SRC].
    pub(crate) fn leaf(version: Version, model: &str, path: &str, leaf: &str) -> Self {
        let what = if version >= Version::V19 { "condition" } else { "leaf" };
        let field = path.split('.').next().unwrap_or(path);
        Self::value(format!("Invalid field {model}.{field} in {what} {leaf}"))
    }

    /// A Python `ValueError`.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new("builtins.ValueError", 500, message)
    }

    /// A row that is not there [UNVERIFIED].
    pub(crate) fn missing(model: &str, id: i64, user: i64) -> Self {
        let message = format!(
            "Record does not exist or has been deleted.\n(Record: {model}({id},), User: {user})"
        );
        Self::new("odoo.exceptions.MissingError", 404, message)
    }

    /// PostgreSQL's answer to a database that is not there [RUN18]; which host it names depends.
    pub(crate) fn no_database(name: &str) -> Self {
        let message = format!(
            "connection to server at \"127.0.0.1\", port 5432 failed: \
             FATAL:  database \"{name}\" does not exist\n"
        );
        Self::new("psycopg2.OperationalError", 500, message)
    }

    /// `{name, message, arguments, context, debug}`; `debug` always holds a traceback [RUN19].
    pub(crate) fn data(&self) -> Value {
        let debug = format!(
            "Traceback (most recent call last):\n  \
             File \"/usr/lib/python3/dist-packages/odoo/service/model.py\", line 156, in retrying\n    \
             result = func()\n             ^^^^^^\n{}: {}\n",
            self.name.trim_start_matches("builtins."),
            self.message,
        );
        json!({
            "name": self.name,
            "message": self.message,
            "arguments": self.arguments,
            "context": {},
            "debug": debug,
        })
    }
}

/// How a version shows `base.group_system`.
fn system_group(version: Version) -> &'static str {
    if version >= Version::V19 { "Role / Administrator" } else { "Administration/Settings" }
}
