//! The answer to a command: untagged lines, and what follows the tag.

/// The answer to a command: untagged lines, and what follows the tag.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: String,
    pub(super) untagged: Vec<u8>,
}

impl Reply {
    pub(super) fn ok(text: &str) -> Self {
        Self { status: format!("OK {text}"), untagged: Vec::new() }
    }

    pub(super) fn no(text: &str) -> Self {
        Self { status: format!("NO {text}"), untagged: Vec::new() }
    }

    pub(super) fn bad() -> Self {
        Self { status: "BAD Could not parse command".to_owned(), untagged: Vec::new() }
    }

    pub(super) fn not_selected() -> Self {
        Self { status: "BAD No folder is selected".to_owned(), untagged: Vec::new() }
    }

    pub(super) fn read_only() -> Self {
        Self::no("[READ-ONLY] Mailbox opened read-only. (Failure)")
    }

    pub(super) fn unknown_mailbox(name: &str) -> Self {
        let what = format!("Unknown Mailbox: {name} (now in authenticated state) (Failure)");
        Self::no(&format!("[NONEXISTENT] {what}"))
    }

    pub(super) fn with(mut self, untagged: impl Into<Vec<u8>>) -> Self {
        self.untagged = untagged.into();
        self
    }
}
