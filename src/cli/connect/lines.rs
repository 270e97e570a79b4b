//! The lines that make the exporter watch a new link.

use std::{path::PathBuf, sync::Arc};

use crate::{
    config::scalar,
    domain::{
        clock::Timestamp,
        link::{Address, LinkId},
    },
};

/// An entry of `mailboxes`, without a secret.
#[derive(Debug)]
pub(super) struct Entry {
    /// None where the address is the id.
    pub(super) id: Option<LinkId>,
    pub(super) mailbox: Address,
    pub(super) client: Arc<str>,
    pub(super) token: PathBuf,
}

impl Entry {
    /// As YAML. With the key, it is also a whole file of a directory that is watched.
    pub(super) fn yaml(&self, linked_at: Timestamp) -> String {
        let mut lines = format!("mailboxes:\n  - address: {}\n", scalar(self.mailbox.as_str()));
        if let Some(id) = &self.id {
            lines += &format!("    id: {}\n", scalar(id.as_str()));
        }
        let token = serde_json::Value::from(self.token.display().to_string());
        lines
            + &format!(
                "    client: {}\n    refresh_token: {{file: {token}}}\n    linked_at: {linked_at}\n",
                scalar(&self.client)
            )
    }
}
