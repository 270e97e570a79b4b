//! Commands that change messages: STORE, EXPUNGE, MOVE, COPY.

use std::sync::Arc;

use super::{
    Reply, Session,
    command::{Command, Token},
    fetch::{self, Item},
    name,
    set::Set,
    view::View,
};
use crate::{
    fault::What,
    world::{Extension, Folder, Message},
};

/// What a STORE changes.
#[derive(Clone, Debug)]
enum Change {
    Flags { add: bool, clear: bool, flags: Vec<String> },
    Labels { add: bool, folders: Vec<Folder> },
}

/// How much of a change is carried out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Extent {
    Half,
    Nothing,
    Whole,
}

impl Extent {
    fn of(how: Option<&What>) -> Self {
        match how {
            Some(What::HalfWay) => Self::Half,
            Some(What::Pretend) => Self::Nothing,
            _ => Self::Whole,
        }
    }

    /// How many of so many messages are changed.
    fn part(self, count: usize) -> usize {
        match self {
            Self::Half => count / 2,
            Self::Nothing => 0,
            Self::Whole => count,
        }
    }

    fn reply(self) -> Reply {
        match self {
            Self::Half => Reply::no("System Error (Failure)"),
            Self::Nothing | Self::Whole => Reply::ok("Success"),
        }
    }
}

impl Session {
    /// `STORE set [+-]FLAGS[.SILENT] (flags)`, `STORE set [+-]X-GM-LABELS (labels)`
    pub(super) fn store(&mut self, command: &Command, how: Option<&What>) -> Reply {
        let view = match self.writable() {
            Ok(view) => view,
            Err(refusal) => return refusal,
        };
        let Some(set) = Set::parse(command.text(0)) else { return Reply::bad() };
        let what = command.arguments.get(1).map(Token::keyword).unwrap_or_default();
        let silent = what.ends_with(".SILENT");
        let values = command.arguments.get(2..).unwrap_or_default().iter().flat_map(Token::members);
        let values: Vec<String> = values.filter_map(|v| v.text().map(ToOwned::to_owned)).collect();
        let Some(change) = Change::parse(what.trim_end_matches(".SILENT"), values) else {
            return Reply::bad();
        };
        let mut items = vec![match change {
            Change::Flags { .. } => Item::Flags,
            Change::Labels { .. } => Item::Labels,
        }];
        if command.by_uid {
            items.insert(0, Item::Uid);
        }
        let extent = Extent::of(how);
        let mut chosen = view.chosen(&set, command.by_uid);
        chosen.truncate(extent.part(chosen.len()));
        let told = self.hand(|hand| {
            let mut lines = Vec::new();
            for (sequence, uid) in chosen {
                let message = match &change {
                    Change::Flags { .. } => hand.mark(view.folder, uid, |m| change.apply(m)),
                    Change::Labels { add, folders } => {
                        let message = hand.shelf(view.folder).messages.get(&uid).cloned();
                        for &folder in folders.iter().filter(|_| message.is_some()) {
                            match (*add, &message) {
                                (true, _) => _ = hand.carry(view.folder, uid, folder, false),
                                (false, Some(message)) => hand.unlabel(message.gmail_id, folder),
                                (false, None) => {}
                            }
                        }
                        message
                    }
                };
                let Some(message) = message else { continue };
                // A message that is gone at once is told as expunged, not as changed.
                let there = hand.shelf(view.folder).messages.contains_key(&uid);
                if !silent && there {
                    let others = hand.elsewhere(message.gmail_id, view.folder);
                    lines.extend(fetch::tell(sequence, &message, &items, &others));
                }
            }
            lines
        });
        self.told_others();
        extent.reply().with(told.unwrap_or_default())
    }

    /// EXPUNGE and UID EXPUNGE: what is marked as deleted goes.
    pub(super) fn expunge(&mut self, command: &Command, how: Option<&What>) -> Reply {
        let view = match self.writable() {
            Ok(view) => view,
            Err(refusal) => return refusal,
        };
        let set = match command.by_uid {
            true => Set::parse(command.text(0)),
            false => Set::parse("1:*"),
        };
        let Some(set) = set else { return Reply::bad() };
        let extent = Extent::of(how);
        self.hand(|hand| {
            let mut chosen = view.chosen(&set, command.by_uid);
            let shelf = hand.shelf(view.folder);
            let marked =
                |uid: &u32| shelf.messages.get(uid).is_some_and(|m| m.has_flag("\\Deleted"));
            chosen.retain(|(_, uid)| marked(uid));
            chosen.truncate(extent.part(chosen.len()));
            for (_, uid) in chosen {
                hand.expunge(view.folder, uid);
            }
        });
        self.told_others();
        extent.reply()
    }

    /// MOVE and COPY.
    pub(super) fn move_or_copy(&mut self, command: &Command, how: Option<&What>) -> Reply {
        let moves = command.verb == "MOVE";
        let view = match self.view.clone() {
            None => return Reply::not_selected(),
            Some(view) if view.read_only && moves => return Reply::read_only(),
            Some(view) => view,
        };
        let Some(set) = Set::parse(command.text(0)) else { return Reply::bad() };
        let (wanted, account) = (command.text(1), self.account());
        let Some(target) = name::find(&account, wanted) else {
            return Reply::no(&format!("[TRYCREATE] No folder {wanted} (Failure)"));
        };
        let extent = Extent::of(how);
        let chosen = view.chosen(&set, command.by_uid);
        let part = extent.part(chosen.len());
        let carried = self.hand(|hand| {
            if let (Extent::Half, true, Some((_, uid))) = (extent, moves, chosen.get(part)) {
                hand.strand(view.folder, *uid, target);
            }
            let carried = chosen[..part]
                .iter()
                .filter_map(|&(_, uid)| Some((uid, hand.carry(view.folder, uid, target, moves)?)));
            carried.collect::<Vec<(u32, u32)>>()
        });
        self.told_others();
        let carried = carried.unwrap_or_default();
        if extent == Extent::Half || carried.is_empty() || !account.has(Extension::Uidplus) {
            return extent.reply();
        }
        let list = |numbers: Vec<String>| numbers.join(",");
        let old = list(carried.iter().map(|pair| pair.0.to_string()).collect());
        let new = list(carried.iter().map(|pair| pair.1.to_string()).collect());
        let validity = self.shelf(target, |shelf| shelf.uid_validity).unwrap_or(1);
        let code = format!("[COPYUID {validity} {old} {new}] (Success)");
        match moves {
            true => Reply::ok("(Success)").with(format!("* OK {code}\r\n")),
            false => Reply::ok(&code),
        }
    }

    /// The selected folder, if it may be changed.
    fn writable(&self) -> Result<View, Reply> {
        match self.view.clone() {
            None => Err(Reply::not_selected()),
            Some(view) if view.read_only => Err(Reply::read_only()),
            Some(view) => Ok(view),
        }
    }
}

impl Change {
    fn parse(what: &str, values: Vec<String>) -> Option<Self> {
        let (add, clear) = (!what.starts_with('-'), !what.starts_with(['+', '-']));
        match what.trim_start_matches(['+', '-']) {
            "FLAGS" => Some(Self::Flags { add, clear, flags: values }),
            "X-GM-LABELS" if !clear => {
                let folders = values.iter().map(|label| name::labelled(label));
                Some(Self::Labels { add, folders: folders.collect::<Option<_>>()? })
            }
            _ => None,
        }
    }

    fn apply(&self, message: &mut Message) {
        let Self::Flags { add, clear, flags } = self else { return };
        let listed = |have: &String| flags.iter().any(|flag| flag.eq_ignore_ascii_case(have));
        if !add {
            Arc::make_mut(&mut message.flags).retain(|have| !listed(have));
            return;
        }
        if *clear {
            message.flags = Arc::default();
        }
        for flag in flags {
            if !message.has_flag(flag) {
                Arc::make_mut(&mut message.flags).push(flag.clone());
            }
        }
    }
}
