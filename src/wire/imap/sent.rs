//! The folder of sent mail, looked at without touching it: what is in it, when it came, and for whom.
//!
//! Invariant: it is opened by EXAMINE, and what is fetched of a message is its envelope; no address gets into a transcript.

use std::{collections::BTreeMap, time::Duration};

use async_imap::imap_proto::{
    Address, AttributeValue, Envelope, MailboxDatum, Outcome, Response, ResponseCode,
};

use super::{Folder, Session, answer::internal_date, none, own::text};
use crate::{
    domain::{
        clock::Timestamp,
        letter::{MARK, Mark},
        outcome::{Failure, Phase},
        sending,
    },
    wire::dialogue::Dialogue,
};

/// A message's number, when it came, for whom, and whether it carries the mark of a test message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Listed {
    pub(crate) uid: u32,
    pub(crate) at: Timestamp,
    /// Of To, Cc and Bcc, in lower case, each address once.
    pub(crate) to: Vec<String>,
    pub(crate) own: bool,
}

/// What the server told of the messages that it was asked about.
#[derive(Debug)]
pub(crate) struct Told {
    /// The lowest number first. Where the answer broke off: those before which none is missing.
    pub(crate) messages: Vec<Listed>,
    /// Whether it told of all of them.
    pub(crate) ended: Result<(), Failure>,
}

impl Session {
    /// Opens a folder for reading only.
    pub(crate) async fn examine_folder(
        &mut self,
        folder: &Folder,
        dialogue: &mut Dialogue,
    ) -> Result<sending::Folder, Failure> {
        let mut found = sending::Folder { validity: None, next: None, messages: 0 };
        let told = |response: &Response<'_>| match response {
            Response::MailboxData(MailboxDatum::Exists(messages)) => found.messages = *messages,
            Response::Data { outcome: Outcome { code: Some(code), .. }, .. } => match code {
                ResponseCode::UidValidity(validity) => found.validity = Some(*validity),
                ResponseCode::UidNext(next) => found.next = Some(*next),
                _ => {}
            },
            _ => {}
        };
        self.opened = None;
        self.at_folder(Phase::Examine, "EXAMINE", folder, dialogue, told).await?;
        self.news = false;
        Ok(found)
    }

    /// The numbers of the messages that arrived on these days, as the server reckons days, the lowest first: from the day of
    /// `since` to that before `before`. Some that arrived earlier or later are among them.
    pub(crate) async fn arrived(
        &mut self,
        since: Timestamp,
        before: Option<Timestamp>,
        dialogue: &mut Dialogue,
    ) -> Result<Vec<u32>, Failure> {
        let mut command = format!("UID SEARCH SINCE {}", day(since - WEST));
        if let Some(before) = before {
            // That day is not searched any more.
            command += &format!(" BEFORE {}", day(before + EAST + sending::DAY));
        }
        let mut found = Vec::new();
        let told = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.extend_from_slice(uids);
            }
        };
        self.exchange(Phase::Search, &command, dialogue, none, told).await?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// What there is to say of these messages, which stand in their order; those that are gone are left out, and those of
    /// which nobody says when they came.
    pub(crate) async fn listed(&mut self, uids: &[u32], dialogue: &mut Dialogue) -> Told {
        let items = format!("INTERNALDATE ENVELOPE BODY.PEEK[HEADER.FIELDS ({MARK})]");
        let mut parts = Parts::default();
        let ended = self.parts(uids, &items, &mut parts, dialogue).await;
        let parts = match ended {
            Ok(()) => parts.0.into_values().collect(),
            Err(_) => parts.before_the_break(),
        };
        Told { messages: parts.into_iter().filter_map(Part::message).collect(), ended }
    }

    /// The same messages with the time when they came, and nothing else.
    pub(crate) async fn dated(&mut self, uids: &[u32], dialogue: &mut Dialogue) -> Told {
        let mut parts = Parts::default();
        let ended = self.parts(uids, "INTERNALDATE", &mut parts, dialogue).await;
        let messages = match ended {
            Ok(()) => parts.0.into_values().filter_map(Part::message).collect(),
            Err(_) => Vec::new(),
        };
        Told { messages, ended }
    }

    async fn parts(
        &mut self,
        uids: &[u32],
        items: &str,
        parts: &mut Parts,
        dialogue: &mut Dialogue,
    ) -> Result<(), Failure> {
        let told = |response: &Response<'_>| {
            if let Response::Fetch(_, attributes) = response {
                parts.learn(uids, attributes);
            }
        };
        let command = format!("UID FETCH {} (UID {items})", set(uids));
        self.exchange_privately(Phase::Fetch, &command, dialogue, told).await.map(|_| ())
    }
}

/// What was told of messages so far, in the order in which it was told. A server may tell of one message in several answers,
/// twice, or of others that nobody asked about.
#[derive(Default)]
struct Parts(BTreeMap<u32, Part>);

impl Parts {
    fn learn(&mut self, asked: &[u32], attributes: &[AttributeValue<'_>]) {
        let uid = attributes.iter().find_map(|attribute| match attribute {
            AttributeValue::Uid(uid) => Some(*uid),
            _ => None,
        });
        let Some(uid) = uid.filter(|uid| asked.binary_search(uid).is_ok()) else { return };
        let order = self.0.len();
        let part = self.0.entry(uid).or_insert(Part { uid, order, at: None, to: None, own: false });
        for attribute in attributes {
            part.at = part.at.or_else(|| internal_date(attribute));
            if let (AttributeValue::Envelope(envelope), None) = (attribute, &part.to) {
                part.to = Some(recipients(envelope));
            }
            part.own |= text(attribute).and_then(Mark::of_header).is_some();
        }
    }

    /// Of an answer that broke off: the whole ones at its beginning, if it has told of them in their order.
    fn before_the_break(self) -> Vec<Part> {
        let whole = |part: &Part| part.at.is_some() && part.to.is_some();
        let in_place = self.0.into_values().enumerate();
        let beginning = in_place.take_while(|(place, part)| *place == part.order && whole(part));
        beginning.map(|(_, part)| part).collect()
    }
}

/// What was told of one message.
struct Part {
    uid: u32,
    /// How many were told of before it.
    order: usize,
    at: Option<Timestamp>,
    to: Option<Vec<String>>,
    own: bool,
}

impl Part {
    /// Where nobody says for whom it was, it is a message all the same.
    fn message(self) -> Option<Listed> {
        let Self { uid, at, to, own, .. } = self;
        Some(Listed { uid, at: at?, to: to.unwrap_or_default(), own })
    }
}

fn recipients(envelope: &Envelope<'_>) -> Vec<String> {
    let lists = [&envelope.to, &envelope.cc, &envelope.bcc];
    let all = lists.into_iter().flatten().flatten().filter_map(address);
    let mut each: Vec<_> = all.collect();
    each.sort_unstable();
    each.dedup();
    each
}

/// A group's beginning and its end have no host, and are nobody.
/// https://www.rfc-editor.org/rfc/rfc3501#section-7.4.2
fn address(address: &Address<'_>) -> Option<String> {
    let (local, host) = (address.mailbox.as_deref()?, address.host.as_deref()?);
    let (local, host) = (String::from_utf8_lossy(local), String::from_utf8_lossy(host));
    (!local.is_empty() && !host.is_empty()).then(|| format!("{local}@{host}").to_lowercase())
}

/// Numbers in their order, as a command names them: `5:9,11`.
fn set(uids: &[u32]) -> String {
    let runs = uids.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    let written = runs.filter_map(|run| match run {
        [] => None,
        [one] => Some(one.to_string()),
        [first, .., last] => Some(format!("{first}:{last}")),
    });
    written.collect::<Vec<_>>().join(",")
}

fn day(at: Timestamp) -> impl std::fmt::Display {
    at.to_utc().format("%-d-%b-%Y")
}

/// A server compares days without their zones: its clock may be so far behind ours, and so far ahead.
const WEST: Duration = Duration::from_secs(12 * 60 * 60);
const EAST: Duration = Duration::from_secs(14 * 60 * 60);

#[cfg(test)]
mod tests;
