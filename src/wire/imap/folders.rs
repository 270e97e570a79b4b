//! Which folder is for what. Names are in the user's language, so they say nothing; the special uses do.
//! https://www.rfc-editor.org/rfc/rfc6154#section-2

use async_imap::imap_proto::{MailboxDatum, NameAttribute, Response};

use super::{Session, unless_refused};
use crate::{
    domain::outcome::{Failure, Phase},
    wire::dialogue::Dialogue,
};

/// The folders that a letter may be in. Those that the server does not tell, or the user hides, are absent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Folders {
    pub(crate) inbox: Folder,
    pub(crate) junk: Option<Folder>,
    pub(crate) sent: Option<Folder>,
    pub(crate) trash: Option<Folder>,
    pub(crate) all: Option<Folder>,
}

/// A folder's name as the server has it, in whatever encoding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Folder(String);

impl Folder {
    pub(crate) fn inbox() -> Self {
        Self("INBOX".to_owned())
    }

    /// The parser leaves the inside of a quoted string as it is. A backslash or a quotation mark stands in no atom, and in
    /// a quoted string only behind a backslash; where that does not hold, the name came as a literal.
    pub(super) fn parsed(name: &str) -> Option<Self> {
        if name.is_empty() || name.contains('\0') {
            return None;
        }
        let mut clear = String::new();
        let mut letters = name.chars();
        while let Some(letter) = letters.next() {
            let plain = match letter {
                '\\' => letters.next().filter(|next| matches!(next, '\\' | '"')),
                '"' => None,
                letter => Some(letter),
            };
            match plain {
                Some(plain) => clear.push(plain),
                None => return Some(Self(name.to_owned())),
            }
        }
        Some(Self(clear))
    }

    /// The name at a command's end: as it is written there, and what the server has to ask for where that is a literal.
    pub(super) fn written(&self) -> (String, Option<String>) {
        let Self(name) = self;
        let quotable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if quotable {
            let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
            return (format!("\"{escaped}\""), None);
        }
        (format!("{{{}}}", name.len()), Some(name.clone()))
    }
}

impl Session {
    /// Asks for the folders by their uses.
    pub(crate) async fn folders(&mut self, dialogue: &mut Dialogue) -> Result<Folders, Failure> {
        let mut folders =
            Folders { inbox: Folder::inbox(), junk: None, sent: None, trash: None, all: None };
        // The selection is short, however many folders there are. A server that offers it may refuse it, or find none.
        if self.can("SPECIAL-USE") {
            let asked = r#"LIST (SPECIAL-USE) "" "*""#;
            self.list(asked, &mut folders, dialogue).await?;
        }
        if folders.trash.is_none() || folders.junk.is_none() || folders.sent.is_none() {
            self.list(r#"LIST "" "*""#, &mut folders, dialogue).await?;
        }
        Ok(folders)
    }

    async fn list(
        &mut self,
        command: &str,
        folders: &mut Folders,
        dialogue: &mut Dialogue,
    ) -> Result<(), Failure> {
        let told = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::List(listed)) = response {
                folders.learn(&listed.name_attributes, &listed.name);
            }
        };
        let done = self.exchange(Phase::List, command, dialogue, super::none, told).await;
        unless_refused(done)
    }
}

impl Folders {
    /// The first folder of a use counts.
    fn learn(&mut self, attributes: &[NameAttribute<'_>], name: &str) {
        let absent = |attribute: &NameAttribute<'_>| match attribute {
            NameAttribute::NoSelect => true,
            NameAttribute::Extension(other) => other.eq_ignore_ascii_case("\\NonExistent"),
            _ => false,
        };
        if attributes.iter().any(absent) {
            return;
        }
        for attribute in attributes {
            let place = match attribute {
                NameAttribute::All => &mut self.all,
                NameAttribute::Junk => &mut self.junk,
                NameAttribute::Sent => &mut self.sent,
                NameAttribute::Trash => &mut self.trash,
                // What Google called them before there was a standard.
                NameAttribute::Extension(old) if old.eq_ignore_ascii_case("\\AllMail") => {
                    &mut self.all
                }
                NameAttribute::Extension(old) if old.eq_ignore_ascii_case("\\Spam") => {
                    &mut self.junk
                }
                _ => continue,
            };
            if place.is_none() {
                *place = Folder::parsed(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_back_as_the_server_has_it() {
        let cases = [
            ("[Gmail]/Spam", "\"[Gmail]/Spam\"", None),
            // Modified UTF-7 goes back as it came.
            ("Entw&APw-rfe & mehr", "\"Entw&APw-rfe & mehr\"", None),
            (r#"a\"b\\c"#, r#""a\"b\\c""#, None),
            // Of a literal: what would have been escaped is not.
            (r#"a"b\c"#, r#""a\"b\\c""#, None),
            ("a\\", "\"a\\\\\"", None),
            ("Entwürfe", "{9}", Some("Entwürfe")),
            ("a\r\nb", "{4}", Some("a\r\nb")),
        ];
        for (name, written, literal) in cases {
            let folder = Folder::parsed(name).unwrap();
            assert_eq!(folder.written(), (written.into(), literal.map(str::to_owned)), "{name}");
        }
        assert_eq!(Folder::parsed(""), None);
        assert_eq!(Folder::parsed("a\0"), None);
    }
}
