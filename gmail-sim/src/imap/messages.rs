//! Commands about messages: SEARCH, FETCH, STORE, EXPUNGE, MOVE.

use super::{
    Reply, Session,
    command::{Command, Token},
    fetch::{self, Item},
    name,
    search::{Candidate, Key},
    set::Set,
    view::View,
};
use crate::world::{Letter, Message};

impl Session {
    pub(super) fn search(&mut self, command: &Command) -> Reply {
        let Some(view) = self.view.clone() else { return Reply::not_selected() };
        let mut arguments = &command.arguments[..];
        let mut wanted = None;
        if let [first, Token::List(options), rest @ ..] = arguments
            && first.keyword() == "RETURN"
        {
            wanted = Some(options.iter().map(Token::keyword).collect::<Vec<_>>());
            arguments = rest;
        }
        if let [first, _, rest @ ..] = arguments
            && first.keyword() == "CHARSET"
        {
            arguments = rest;
        }
        let Some(key) = Key::parse(arguments) else {
            return Reply { untagged: Vec::new(), status: "BAD Could not parse command".into() };
        };
        let now = self.dialogue.world.now();
        let (last_sequence, last_uid) = (view.uids.len() as u32, view.uids.last().copied());
        let found = self.shelf(view.folder, |shelf| {
            let numbered = (1..).zip(&view.uids);
            let met = numbered.filter_map(|(sequence, uid)| {
                let message = shelf.messages.get(uid)?;
                let last_uid = last_uid.unwrap_or(0);
                let candidate = Candidate { last_sequence, last_uid, message, now, sequence };
                key.meets(&candidate).then_some(if command.by_uid { *uid } else { sequence })
            });
            met.collect::<Vec<u32>>()
        });
        let found = found.unwrap_or_default();
        Reply::ok("SEARCH completed (Success)").with(match wanted {
            None => {
                let numbers: String = found.iter().map(|number| format!(" {number}")).collect();
                format!("* SEARCH{numbers}\r\n")
            }
            Some(options) => esearch(command, &options, &found),
        })
    }

    pub(super) fn fetch(&mut self, command: &Command) -> Reply {
        let Some(view) = self.view.clone() else { return Reply::not_selected() };
        let set = Set::parse(command.text(0));
        let items = command.arguments.get(1).and_then(fetch::parse);
        let (Some(set), Some(mut items)) = (set, items) else { return Reply::bad() };
        if command.by_uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        let marks = items.iter().any(|item| matches!(item, Item::Section(s) if s.marks));
        let marks = marks && !view.read_only;
        let chosen = choose(&view, &set, command.by_uid);
        let told = self.shelf(view.folder, |shelf| {
            let mut lines = Vec::new();
            for (sequence, uid) in chosen {
                let Some(message) = shelf.messages.get_mut(&uid) else { continue };
                let unseen = marks && !message.has_flag("\\Seen");
                if unseen {
                    message.flags.push("\\Seen".to_owned());
                }
                let mut items = items.clone();
                if unseen && !items.contains(&Item::Flags) {
                    items.push(Item::Flags);
                }
                lines.extend(fetch::tell(sequence, message, &items));
            }
            lines
        });
        Reply::ok("Success").with(told.unwrap_or_default())
    }

    /// `STORE set [+-]FLAGS[.SILENT] (flags)`
    pub(super) fn store(&mut self, command: &Command) -> Reply {
        let Some(view) = self.view.clone() else { return Reply::not_selected() };
        if view.read_only {
            return Reply::no("[READ-ONLY] Mailbox opened read-only. (Failure)");
        }
        let Some(set) = Set::parse(command.text(0)) else { return Reply::bad() };
        let what = command.arguments.get(1).map(Token::keyword).unwrap_or_default();
        let silent = what.ends_with(".SILENT");
        let what = what.trim_end_matches(".SILENT").to_owned();
        if !what.trim_start_matches(['+', '-']).eq("FLAGS") {
            return Reply::bad();
        }
        let flags = command.arguments.get(2..).unwrap_or_default().iter().flat_map(Token::members);
        let flags: Vec<String> = flags.filter_map(|f| f.text().map(ToOwned::to_owned)).collect();
        let mut items = vec![Item::Flags];
        if command.by_uid {
            items.insert(0, Item::Uid);
        }
        let chosen = choose(&view, &set, command.by_uid);
        let told = self.shelf(view.folder, |shelf| {
            let mut lines = Vec::new();
            for (sequence, uid) in chosen {
                let Some(message) = shelf.messages.get_mut(&uid) else { continue };
                change(message, &what, &flags);
                if !silent {
                    lines.extend(fetch::tell(sequence, message, &items));
                }
            }
            lines
        });
        Reply::ok("Success").with(told.unwrap_or_default())
    }

    /// EXPUNGE and UID EXPUNGE: what is marked as deleted goes.
    pub(super) fn expunge(&mut self, command: &Command) -> Reply {
        let Some(view) = self.view.clone() else { return Reply::not_selected() };
        if view.read_only {
            return Reply::no("[READ-ONLY] Mailbox opened read-only. (Failure)");
        }
        let set = match command.by_uid {
            true => Set::parse(command.text(0)),
            false => Set::parse("1:*"),
        };
        let Some(set) = set else { return Reply::bad() };
        self.shelf(view.folder, |shelf| {
            for (_, uid) in choose(&view, &set, command.by_uid) {
                if shelf.messages.get(&uid).is_some_and(|m| m.has_flag("\\Deleted")) {
                    shelf.remove(uid);
                }
            }
        });
        self.told_others();
        Reply::ok("Success")
    }

    /// MOVE and COPY.
    pub(super) fn move_or_copy(&mut self, command: &Command) -> Reply {
        let Some(view) = self.view.clone() else { return Reply::not_selected() };
        let Some(set) = Set::parse(command.text(0)) else { return Reply::bad() };
        let wanted = command.text(1);
        let Some(target) = name::find(&self.account(), wanted) else {
            return Reply::no(&format!("[TRYCREATE] No folder {wanted} (Failure)"));
        };
        let moves = command.verb == "MOVE";
        let mut uids: Vec<(u32, u32)> = Vec::new();
        for (_, uid) in choose(&view, &set, command.by_uid) {
            let taken = self.shelf(view.folder, |shelf| match moves {
                true => shelf.remove(uid),
                false => shelf.messages.get(&uid).cloned(),
            });
            let Some(message) = taken.flatten() else { continue };
            let Message { gmail_id, raw, recipients, received, flags, .. } = message;
            let letter = Letter { gmail_id, raw, recipients, received, flags };
            if let Some(new) = self.shelf(target, |shelf| shelf.add(letter)) {
                uids.push((uid, new));
            }
        }
        self.told_others();
        let list = |numbers: Vec<String>| numbers.join(",");
        let old = list(uids.iter().map(|pair| pair.0.to_string()).collect());
        let new = list(uids.iter().map(|pair| pair.1.to_string()).collect());
        match (uids.is_empty(), moves) {
            (true, _) => Reply::ok("Success"),
            (false, false) => Reply::ok(&format!("[COPYUID 1 {old} {new}] (Success)")),
            (false, true) => {
                Reply::ok("(Success)").with(format!("* OK [COPYUID 1 {old} {new}] (Success)\r\n"))
            }
        }
    }
}

fn change(message: &mut Message, what: &str, flags: &[String]) {
    let listed = |have: &String| flags.iter().any(|flag| flag.eq_ignore_ascii_case(have));
    if what.starts_with('-') {
        message.flags.retain(|have| !listed(have));
        return;
    }
    if !what.starts_with('+') {
        message.flags.clear();
    }
    for flag in flags {
        if !message.has_flag(flag) {
            message.flags.push(flag.clone());
        }
    }
}

/// The messages of a set, with their sequence numbers.
fn choose(view: &View, set: &Set, by_uid: bool) -> Vec<(usize, u32)> {
    let last_uid = view.uids.last().copied().unwrap_or(0);
    let last_sequence = view.uids.len() as u32;
    let numbered = (1_u32..).zip(view.uids.iter().copied());
    let chosen = numbered.filter(|&(sequence, uid)| match by_uid {
        true => set.holds(uid, last_uid),
        false => set.holds(sequence, last_sequence),
    });
    chosen.map(|(sequence, uid)| (sequence as usize, uid)).collect()
}

/// RFC 4731.
fn esearch(command: &Command, options: &[String], found: &[u32]) -> String {
    let mut line = format!("* ESEARCH (TAG \"{}\")", command.tag);
    if command.by_uid {
        line.push_str(" UID");
    }
    let all = options.is_empty() || options.iter().any(|option| option == "ALL");
    let has = |option: &str| options.iter().any(|have| have == option);
    if let (true, Some(least)) = (has("MIN"), found.first()) {
        line.push_str(&format!(" MIN {least}"));
    }
    if let (true, Some(most)) = (has("MAX"), found.last()) {
        line.push_str(&format!(" MAX {most}"));
    }
    if has("COUNT") {
        line.push_str(&format!(" COUNT {}", found.len()));
    }
    if all && !found.is_empty() {
        let numbers: Vec<String> = found.iter().map(ToString::to_string).collect();
        line.push_str(&format!(" ALL {}", numbers.join(",")));
    }
    line + "\r\n"
}
