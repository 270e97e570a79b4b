//! Messages that carry our own mark: looking for them, and being certain.
//!
//! Invariant: an [`Own`] is made only by reading the mark in the header of exactly that message. What a search finds is a
//! guess: some servers match parts of words, and some lie.

use async_imap::imap_proto::{
    AttributeValue, MailboxDatum, MessageSection, Response, ResponseCode, SectionPath,
};

use super::{Folder, Session, answer::internal_date};
use crate::{
    domain::{
        clock::Timestamp,
        letter::{Installation, MARK, Mark},
        outcome::{Failure, Phase},
        reason::Reason,
    },
    wire::dialogue::Dialogue,
};

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'a> {
    /// Bounces of the letter with this Message-ID.
    Bounce(&'a str),
    /// Every letter of this installation.
    Installation(&'a Installation),
    /// The letter with this mark, and this Message-ID, which every server finds quickly.
    Letter(&'a Mark, &'a str),
}

/// A message of the folder that is open, which carries our mark. Good for this session only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Own {
    pub(super) uid: u32,
    pub(super) mark: Mark,
    pub(super) opened: Opened,
    pub(super) message_id: Option<String>,
}

impl Own {
    pub(crate) fn mark(&self) -> &Mark {
        &self.mark
    }
}

/// A folder that is open for writing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Opened {
    pub(super) folder: Folder,
    /// A message's number holds as long as this stays.
    pub(super) validity: Option<u32>,
    pub(super) read_only: bool,
}

/// What the receiving server says of a message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Received {
    pub(crate) internal_date: Option<Timestamp>,
    /// The fields that tell of the way here, in their order; cut off where they are longer than [`MOST`].
    pub(crate) header: Vec<u8>,
}

/// A message's number with what was fetched of it.
#[derive(Default)]
struct Fetched {
    arrived: Option<Timestamp>,
    text: Option<Vec<u8>>,
}

impl Session {
    /// Opens a folder for writing.
    pub(crate) async fn select(
        &mut self,
        folder: &Folder,
        dialogue: &mut Dialogue,
    ) -> Result<(), Failure> {
        let opened = Opened { folder: folder.clone(), validity: None, read_only: false };
        self.opened = Some(opened);
        let mut read_only = false;
        let told = |response: &Response<'_>| {
            if let Response::Done { outcome, .. } = response {
                read_only = outcome.code == Some(ResponseCode::ReadOnly);
            }
        };
        let done = self.at_folder(Phase::Select, "SELECT", folder, dialogue, told).await;
        self.news = false;
        if let Err(failure) = done {
            self.opened = None;
            return Err(failure);
        }
        if let Some(opened) = &mut self.opened {
            opened.read_only = read_only;
        }
        Ok(())
    }

    /// A command whose last argument is a folder.
    pub(super) async fn at_folder(
        &mut self,
        phase: Phase,
        command: &str,
        folder: &Folder,
        dialogue: &mut Dialogue,
        told: impl FnMut(&Response<'_>),
    ) -> Result<(), Failure> {
        let (written, mut literal) = folder.written();
        let command = format!("{command} {written}");
        let answer_to = |_: &str| literal.take().unwrap_or_default();
        self.exchange(phase, &command, dialogue, answer_to, told).await.map(|_| ())
    }

    /// The numbers of the messages in the open folder that may be what is looked for, the latest first. None of them may be
    /// touched before [`Self::own`] has seen its header. `since` bounds the search, by days.
    pub(crate) async fn find(
        &mut self,
        wanted: Wanted<'_>,
        since: Timestamp,
        dialogue: &mut Dialogue,
    ) -> Result<Vec<u32>, Failure> {
        // What arrives from here on may be missing from the answer.
        self.news = false;
        // A server compares days without their zones.
        let day = since - std::time::Duration::from_secs(24 * 60 * 60);
        let day = day.to_utc().format("%-d-%b-%Y");
        let key = match wanted {
            Wanted::Bounce(id) => {
                let id = quoted(id)?;
                format!("OR HEADER References {id} TEXT {id}")
            }
            Wanted::Installation(installation) => format!("HEADER {MARK} \"{installation}/\""),
            Wanted::Letter(_, id) => format!("HEADER Message-ID {}", quoted(id)?),
        };
        let mut found = Vec::new();
        let told = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.extend_from_slice(uids);
            }
        };
        let command = format!("UID SEARCH SINCE {day} {key}");
        self.exchange(Phase::Find, &command, dialogue, super::none, told).await?;
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.dedup();
        found.truncate(CANDIDATES);
        Ok(found)
    }

    /// Looks at one message's header, and gives it only where that carries the mark that is looked for.
    pub(crate) async fn own(
        &mut self,
        uid: u32,
        wanted: Wanted<'_>,
        dialogue: &mut Dialogue,
    ) -> Result<Option<Own>, Failure> {
        let what = format!("BODY.PEEK[HEADER.FIELDS ({MARK} Message-ID)]");
        let Some(Fetched { text: Some(header), .. }) = self.look(uid, &what, dialogue).await?
        else {
            return Ok(None);
        };
        let Some(mark) = Mark::of_header(&header) else { return Ok(None) };
        let is_wanted = match wanted {
            Wanted::Bounce(_) => false,
            Wanted::Installation(installation) => mark.installation() == installation,
            Wanted::Letter(own, _) => mark == *own,
        };
        let opened = self.opened.clone().filter(|opened| opened.validity.is_some() && is_wanted);
        let message_id = message_id(&header);
        Ok(opened.map(|opened| Own { uid, mark, opened, message_id }))
    }

    /// What the server says of a message's arrival; none where there is no such message.
    pub(crate) async fn received(
        &mut self,
        own: &Own,
        dialogue: &mut Dialogue,
    ) -> Result<Option<Received>, Failure> {
        let fields = "Received Authentication-Results";
        let what = format!("INTERNALDATE BODY.PEEK[HEADER.FIELDS ({fields})]<0.{MOST}>");
        let fetched = self.look(own.uid, &what, dialogue).await?;
        Ok(fetched.map(|fetched| Received {
            internal_date: fetched.arrived,
            header: fetched.text.unwrap_or_default(),
        }))
    }

    /// The beginning of a message, which may be a bounce.
    pub(crate) async fn beginning(
        &mut self,
        uid: u32,
        dialogue: &mut Dialogue,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let what = format!("BODY.PEEK[]<0.{MOST}>");
        Ok(self.look(uid, &what, dialogue).await?.and_then(|fetched| fetched.text))
    }

    /// Whether there still is a message of that number.
    pub(super) async fn is_there(
        &mut self,
        uid: u32,
        dialogue: &mut Dialogue,
    ) -> Result<bool, Failure> {
        Ok(self.look(uid, "FLAGS", dialogue).await?.is_some())
    }

    /// Fetches of one message, and hears nothing of others. A message that is told of twice is told of by its first text,
    /// and by none where the texts differ.
    async fn look(
        &mut self,
        uid: u32,
        what: &str,
        dialogue: &mut Dialogue,
    ) -> Result<Option<Fetched>, Failure> {
        let mut found: Option<Fetched> = None;
        let mut contradicted = false;
        let told = |response: &Response<'_>| {
            let Response::Fetch(_, attributes) = response else { return };
            let is_it = |attribute: &AttributeValue<'_>| matches!(attribute, AttributeValue::Uid(told) if *told == uid);
            if !attributes.iter().any(is_it) {
                return;
            }
            let found = found.get_or_insert_default();
            found.arrived = found.arrived.or_else(|| attributes.iter().find_map(internal_date));
            let texts = attributes.iter().filter_map(text);
            for text in texts {
                contradicted |= found.text.as_deref().is_some_and(|before| before != text);
                found.text = Some(text.to_vec());
            }
        };
        let command = format!("UID FETCH {uid} (UID {what})");
        self.exchange(Phase::Fetch, &command, dialogue, super::none, told).await?;
        if contradicted {
            let words = format!("the server tells two texts of message {uid}");
            let failure = Failure::own(Reason::GarbledAnswer, words);
            return Err(Failure { phase: Some(Phase::Fetch), ..failure });
        }
        Ok(found)
    }
}

/// A header, or a whole message.
pub(super) fn text<'a>(attribute: &'a AttributeValue<'_>) -> Option<&'a [u8]> {
    match attribute {
        AttributeValue::BodySection {
            section: None | Some(SectionPath::Full(MessageSection::Header)),
            data,
            ..
        } => data.as_deref(),
        _ => None,
    }
}

/// The Message-ID in a header, where it is one that can be asked for.
fn message_id(header: &[u8]) -> Option<String> {
    let header = std::str::from_utf8(header).ok()?;
    let field = header.lines().find_map(|line| {
        line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("Message-ID"))
    });
    let id = field?.1.trim();
    quoted(id).is_ok().then(|| id.to_owned())
}

/// A quoted string, of what can stand in one.
fn quoted(text: &str) -> Result<String, Failure> {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte);
    if text.is_empty() || !text.bytes().all(plain) {
        return Err(Failure::own(Reason::InternalError, format!("{text:?} cannot be asked for")));
    }
    Ok(format!("\"{text}\""))
}

/// In bytes, of a header or of a message.
pub(super) const MOST: usize = 48 * 1024;

/// A search that finds more is looked at no further.
const CANDIDATES: usize = 50;

#[cfg(test)]
mod tests;
