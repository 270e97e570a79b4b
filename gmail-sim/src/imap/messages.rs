//! Commands that look at messages: SEARCH, FETCH.

use std::{borrow::Cow, sync::Arc};

use super::{
    Reply, Session,
    command::{Command, Token},
    fetch::{self, Item},
    search::{Candidate, Key},
    set::Set,
};
use crate::fault::What;

impl Session {
    pub(super) fn search(&self, command: &Command, how: Option<&What>) -> Reply {
        let Some(view) = &self.view else { return Reply::not_selected() };
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
        let mut found = found.unwrap_or_default();
        if let Some(What::AlsoFound(more)) = how {
            found.extend(more);
            found.sort_unstable();
            found.dedup();
        }
        Reply::ok("SEARCH completed (Success)").with(match wanted {
            None => {
                let numbers: String = found.iter().map(|number| format!(" {number}")).collect();
                format!("* SEARCH{numbers}\r\n")
            }
            Some(options) => esearch(command, &options, &found),
        })
    }

    pub(super) fn fetch(&self, command: &Command) -> Reply {
        let Some(view) = &self.view else { return Reply::not_selected() };
        let set = Set::parse(command.text(0));
        let items = command.arguments.get(1).and_then(fetch::parse);
        let (Some(set), Some(mut items)) = (set, items) else { return Reply::bad() };
        if command.by_uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        let marks = items.iter().any(|item| matches!(item, Item::Section(s) if s.marks));
        let marks = marks && !view.read_only;
        let chosen = view.chosen(&set, command.by_uid);
        let labels = items.contains(&Item::Labels);
        let told = self.hand(|hand| {
            let mut lines = Vec::new();
            for (sequence, uid) in chosen {
                let mut unseen = false;
                let message = match marks {
                    true => hand.mark(view.folder, uid, |message| {
                        unseen = !message.has_flag("\\Seen");
                        if unseen {
                            Arc::make_mut(&mut message.flags).push("\\Seen".to_owned());
                        }
                    }),
                    false => hand.shelf(view.folder).messages.get(&uid).cloned(),
                };
                let Some(message) = message else { continue };
                let mut items = Cow::Borrowed(&items[..]);
                if unseen && !items.contains(&Item::Flags) {
                    items.to_mut().push(Item::Flags);
                }
                let others = match labels {
                    true => hand.elsewhere(message.gmail_id, view.folder),
                    false => Vec::new(),
                };
                lines.extend(fetch::tell(sequence, &message, &items, &others));
            }
            lines
        });
        Reply::ok("Success").with(told.unwrap_or_default())
    }
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
