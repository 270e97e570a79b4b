//! What was asked, without credentials.

use std::fmt;

use serde_json::Value;

/// One request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// By name; null before they were read.
    pub arguments: Value,
    /// Empty if none was named.
    pub database: String,
    /// Whose key it was; empty if nobody's.
    pub login: String,
    /// Empty for what is no call.
    pub method: String,
    /// The model, or `common`; empty for what is no call.
    pub model: String,
    /// `/jsonrpc`
    pub path: String,
}

impl Asked {
    /// `ir.mail_server.search_read`, or the path of what is no call.
    pub fn what(&self) -> String {
        match &*self.method {
            "" => self.path.clone(),
            method => format!("{}.{method}", self.model),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} by {}", self.what(), self.database, self.login)
    }
}
