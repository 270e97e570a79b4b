//! Folder names: by language, and in modified UTF-7 on the wire (RFC 3501 section 5.1.3).

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use crate::world::{Account, Extension, Folder, Language};

/// A folder's name on the wire.
pub(super) fn of(account: &Account, folder: Folder) -> String {
    match (folder, account.folder_names.get(&folder)) {
        (Folder::Inbox, _) => "INBOX".to_owned(),
        (_, Some(name)) => encode(name),
        (_, None) => match root(account) {
            Some(root) => encode(&format!("{root}/{}", in_language(account.language, folder))),
            None => encode(in_language(account.language, folder)),
        },
    }
}

/// What stands before the names of Gmail's folders; other servers have nothing there.
pub(super) fn root(account: &Account) -> Option<&str> {
    account.has(Extension::Gmail).then_some(&*account.folder_root)
}

/// The folder of this name, if the account shows it.
pub(super) fn find(account: &Account, name: &str) -> Option<Folder> {
    if name.eq_ignore_ascii_case("INBOX") {
        return Some(Folder::Inbox);
    }
    shown(account).find(|&folder| of(account, folder) == name)
}

/// The folders whose "Show in IMAP" is on; servers other than Gmail have no views.
pub(super) fn shown(account: &Account) -> impl Iterator<Item = Folder> + '_ {
    let view = |folder| matches!(folder, Folder::All | Folder::Flagged | Folder::Important);
    let there = move |&folder: &Folder| account.has(Extension::Gmail) || !view(folder);
    let hidden = |folder: &Folder| account.hidden_folders.contains(folder);
    Folder::EVERY.into_iter().filter(there).filter(move |folder| !hidden(folder))
}

/// Attributes as Gmail lists them.
pub(super) fn attributes(account: &Account, folder: Folder) -> &'static str {
    match folder {
        _ if !account.has(Extension::SpecialUse) => "\\HasNoChildren",
        Folder::All => "\\All \\HasNoChildren",
        Folder::Drafts => "\\Drafts \\HasNoChildren",
        Folder::Flagged => "\\Flagged \\HasNoChildren",
        Folder::Important => "\\HasNoChildren \\Important",
        Folder::Inbox => "\\HasNoChildren",
        Folder::Junk => "\\HasNoChildren \\Junk",
        Folder::Sent => "\\HasNoChildren \\Sent",
        Folder::Trash => "\\HasNoChildren \\Trash",
    }
}

/// Gmail's own labels, as X-GM-LABELS knows them; that of spam is [U]. All Mail is none.
const LABELS: &[(Folder, &str)] = &[
    (Folder::Drafts, "\\Draft"),
    (Folder::Flagged, "\\Starred"),
    (Folder::Important, "\\Important"),
    (Folder::Inbox, "\\Inbox"),
    (Folder::Junk, "\\Spam"),
    (Folder::Sent, "\\Sent"),
    (Folder::Trash, "\\Trash"),
];

/// The label that X-GM-LABELS shows for a folder that is not the selected one.
pub(super) fn label(folder: Folder) -> Option<&'static str> {
    LABELS.iter().find(|row| row.0 == folder).map(|row| row.1)
}

/// The folder of a label.
pub(super) fn labelled(label: &str) -> Option<Folder> {
    LABELS.iter().find(|row| row.1.eq_ignore_ascii_case(label)).map(|row| row.0)
}

fn in_language(language: Language, folder: Folder) -> &'static str {
    let [english, french, german, japanese, spanish] = match folder {
        Folder::All => {
            ["All Mail", "Tous les messages", "Alle Nachrichten", "すべてのメール", "Todos"]
        }
        Folder::Drafts => ["Drafts", "Brouillons", "Entwürfe", "下書き", "Borradores"],
        Folder::Flagged => ["Starred", "Suivis", "Markiert", "スター付き", "Destacados"],
        Folder::Important => ["Important", "Important", "Wichtig", "重要", "Importantes"],
        Folder::Inbox => ["INBOX"; 5],
        Folder::Junk => ["Spam", "Spam", "Spam", "迷惑メール", "Spam"],
        Folder::Sent => ["Sent Mail", "Messages envoyés", "Gesendet", "送信済みメール", "Enviados"],
        Folder::Trash => ["Trash", "Corbeille", "Papierkorb", "ゴミ箱", "Papelera"],
    };
    match language {
        Language::English => english,
        Language::French => french,
        Language::German => german,
        Language::Japanese => japanese,
        Language::Spanish => spanish,
    }
}

/// Modified UTF-7.
fn encode(name: &str) -> String {
    let mut out = String::new();
    let mut wide: Vec<u8> = Vec::new();
    for letter in name.chars().map(Some).chain([None]) {
        let plain = letter.is_none_or(|letter| (' '..='~').contains(&letter));
        if plain && !wide.is_empty() {
            let encoded = STANDARD_NO_PAD.encode(&wide).replace('/', ",");
            out.push_str(&format!("&{encoded}-"));
            wide.clear();
        }
        match letter {
            Some('&') => out.push_str("&-"),
            Some(letter) if plain => out.push(letter),
            Some(letter) => {
                let mut units = [0; 2];
                let units = letter.encode_utf16(&mut units);
                wide.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
            }
            None => {}
        }
    }
    out
}

/// Does a LIST pattern match a name? `*` matches anything, `%` anything but the separator.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => name.is_empty(),
        Some(wild @ ('*' | '%')) => {
            let rest = letters.as_str();
            let mut ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            let reach = if wild == '*' { name.len() } else { name.find('/').unwrap_or(name.len()) };
            ends.any(|end| end <= reach && matches(rest, &name[end..]))
        }
        Some(letter) => {
            name.strip_prefix(letter).is_some_and(|name| matches(letters.as_str(), name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel_in_modified_utf_7() {
        assert_eq!(encode("Messages envoyés & co"), "Messages envoy&AOk-s &- co");
        assert_eq!(encode("台北"), "&U,BTFw-");
        assert_eq!(encode("Entwürfe"), "Entw&APw-rfe");
    }

    #[test]
    fn a_percent_stops_at_the_separator() {
        assert!(matches("*", "[Gmail]/Sent Mail"));
        assert!(!matches("%", "[Gmail]/Sent Mail"));
        assert!(matches("[Gmail]/%", "[Gmail]/Sent Mail"));
        assert!(matches("INBOX", "INBOX"));
        assert!(!matches("INBOX", "INBOXES"));
    }
}
