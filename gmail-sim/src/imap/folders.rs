//! Commands about whole folders: LIST, EXAMINE, SELECT, STATUS, quota.

use super::{Reply, Session, command::Command, command::Token, header::quoted, name, view::View};
use crate::world::{Extension, Folder};

impl Session {
    /// LIST, LSUB and XLIST; the first argument may be a list of selection options.
    pub(super) fn list(&mut self, command: &Command) -> Reply {
        let special = matches!(command.arguments.first(), Some(Token::List(_)));
        let at = usize::from(special);
        let (reference, pattern) = (command.text(at), command.text(at + 1));
        let verb = &command.verb;
        if pattern.is_empty() {
            let line = format!("* {verb} (\\Noselect) \"/\" \"/\"\r\n");
            return Reply::ok("Success").with(line);
        }
        let pattern = format!("{reference}{pattern}");
        let pattern = if pattern.eq_ignore_ascii_case("inbox") { "INBOX".into() } else { pattern };
        let mut lines = String::new();
        let account = self.account();
        if special && !account.has(Extension::SpecialUse) {
            return Reply::bad();
        }
        let mut listed = |attributes: &str, name: &str| {
            if name::matches(&pattern, name) {
                let name = quoted(name);
                lines.push_str(&format!("* {verb} ({attributes}) \"/\" {name}\r\n"));
            }
        };
        for folder in name::shown(&account) {
            if folder != Folder::Inbox || !special {
                let name = name::of(&account, folder);
                listed(name::attributes(&account, folder), &name);
            }
            if let (Folder::Inbox, false, Some(root)) = (folder, special, name::root(&account)) {
                listed("\\HasChildren \\Noselect", root);
            }
        }
        Reply::ok("Success").with(lines)
    }

    /// SELECT and EXAMINE.
    pub(super) fn select(&mut self, command: &Command) -> Reply {
        let wanted = command.text(0);
        self.view = None;
        let account = self.account();
        let Some(folder) = name::find(&account, wanted) else {
            return Reply::unknown_mailbox(wanted);
        };
        let read_only = command.verb == "EXAMINE";
        let Some((view, validity, next, version)) = self.shelf(folder, |shelf| {
            let view = View::of(folder, shelf, read_only, account.imap_folder_size);
            (view, shelf.uid_validity, shelf.next_uid(), shelf.version)
        }) else {
            return Reply::no("System Error (Failure)");
        };
        let count = view.uids.len();
        let flags = "\\Answered \\Flagged \\Draft \\Deleted \\Seen $NotPhishing $Phishing";
        let permanent = if read_only { String::new() } else { format!("{flags} \\*") };
        let lines = format!(
            "* FLAGS ({flags})\r\n* OK [PERMANENTFLAGS ({permanent})] Flags permitted.\r\n* OK [UIDVALIDITY {validity}] UIDs valid.\r\n* {count} EXISTS\r\n* 0 RECENT\r\n* OK [UIDNEXT {next}] Predicted next UID.\r\n* OK [HIGHESTMODSEQ {}]\r\n",
            version + 1
        );
        self.view = Some(view);
        let mode = if read_only { "READ-ONLY" } else { "READ-WRITE" };
        Reply::ok(&format!("[{mode}] {wanted} selected. (Success)")).with(lines)
    }

    pub(super) fn status(&mut self, command: &Command) -> Reply {
        let wanted = command.text(0);
        let account = self.account();
        let Some(folder) = name::find(&account, wanted) else {
            return Reply::unknown_mailbox(wanted);
        };
        let Some(Token::List(items)) = command.arguments.get(1) else { return Reply::bad() };
        let most = account.imap_folder_size;
        let told = self.shelf(folder, |shelf| {
            let items = items.iter().map(|item| {
                let item = item.keyword();
                let number = match &*item {
                    "MESSAGES" => shelf.newest(most).len() as u64,
                    "RECENT" => 0,
                    "UIDNEXT" => shelf.next_uid().into(),
                    "UIDVALIDITY" => shelf.uid_validity.into(),
                    "UNSEEN" => shelf.unseen() as u64,
                    "HIGHESTMODSEQ" => shelf.version + 1,
                    _ => return None,
                };
                Some(format!("{item} {number}"))
            });
            items.collect::<Option<Vec<String>>>()
        });
        match told.flatten() {
            None => Reply::bad(),
            Some(items) => {
                let (name, items) = (quoted(wanted), items.join(" "));
                Reply::ok("Success").with(format!("* STATUS {name} ({items})\r\n"))
            }
        }
    }

    /// GETQUOTAROOT and GETQUOTA: storage, in units of 1024 bytes.
    pub(super) fn quota(&mut self, command: &Command) -> Reply {
        let account = self.account();
        let mut lines = String::new();
        if command.verb == "GETQUOTAROOT" {
            lines = format!("* QUOTAROOT {} \"\"\r\n", quoted(command.text(0)));
        }
        let used = (account.storage_used + self.stored()) / 1024;
        let limit = account.storage_limit / 1024;
        lines.push_str(&format!("* QUOTA \"\" (STORAGE {used} {limit})\r\n"));
        Reply::ok("Success").with(lines)
    }
}
