//! Removing what is ours, for good, and nothing else.
//!
//! Invariant: only an [`Own`] is removed, by its number, while the numbers hold; EXPUNGE without a number is never said,
//! since it would take along what somebody else has marked.

use async_imap::imap_proto::{Response, ResponseCode, rfc4315::UidSetMember};

use super::{Folder, Folders, Own, Session, Wanted};
use crate::{
    domain::{
        clock::Timestamp,
        outcome::{Evidence, Failure, Phase},
    },
    wire::dialogue::Dialogue,
};

/// What became of a message that was to be removed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Removed {
    /// The server has it no more.
    Gone,
    /// It is marked as deleted, and goes with the next EXPUNGE of whoever says it.
    Marked,
    /// It is where it was, or in the trash; and why.
    Stays(String),
}

impl Session {
    /// Removes one message, whichever of these folders is open afterwards.
    pub(crate) async fn remove(
        &mut self,
        own: &Own,
        folders: &Folders,
        dialogue: &mut Dialogue,
    ) -> Result<Removed, Failure> {
        if let Err(why) = self.reopen(own, dialogue).await? {
            return Ok(Removed::Stays(why));
        }
        let here = Some(&own.opened.folder);
        let for_good = here == folders.trash.as_ref() || here == folders.junk.as_ref();
        if self.removes_by_trash() && !for_good {
            return self.remove_by_trash(own, folders, dialogue).await;
        }
        self.expunge(own, dialogue).await
    }

    /// Where folders are labels, what is expunged anywhere but in the trash or in spam stays under All Mail.
    /// https://developers.google.com/workspace/gmail/imap/imap-extensions
    pub(crate) fn removes_by_trash(&self) -> bool {
        self.can("X-GM-EXT-1")
    }

    /// Makes sure that the message's number still holds; if not, why.
    async fn reopen(
        &mut self,
        own: &Own,
        dialogue: &mut Dialogue,
    ) -> Result<Result<(), String>, Failure> {
        let is_open = self.opened.as_ref().is_some_and(|now| now.folder == own.opened.folder);
        if !is_open && let Err(why) = refusal(self.select(&own.opened.folder, dialogue).await)? {
            return Ok(Err(why));
        }
        let Some(now) = &self.opened else { return Ok(Err("the folder is closed".into())) };
        Ok(match now {
            now if now.validity != own.opened.validity => {
                Err("the folder was made anew meanwhile (UIDVALIDITY)".into())
            }
            now if now.read_only => Err("the folder is read-only".into()),
            _ => Ok(()),
        })
    }

    async fn remove_by_trash(
        &mut self,
        own: &Own,
        folders: &Folders,
        dialogue: &mut Dialogue,
    ) -> Result<Removed, Failure> {
        let Some(trash) = &folders.trash else {
            return Ok(Removed::Stays("no trash is shown over IMAP".into()));
        };
        if !self.can("MOVE") {
            return Ok(Removed::Stays("the server offers no MOVE".into()));
        }
        let copy = match self.move_to(own.uid, trash, dialogue).await? {
            Ok(copy) => copy,
            Err(why) => return Ok(Removed::Stays(why)),
        };
        if self.is_there(own.uid, dialogue).await? {
            return Ok(Removed::Stays("the server says that it is moved, and shows it".into()));
        }
        if let Err(why) = refusal(self.select(trash, dialogue).await)? {
            return Ok(Removed::Stays(format!("it is in the trash: {why}")));
        }
        let mut candidates: Vec<_> = copy.into_iter().collect();
        if let Some(id) = &own.message_id {
            let wanted = Wanted::Letter(&own.mark, id);
            let found = self.find(wanted, Timestamp::from_secs(DAY), dialogue).await;
            candidates.extend(refusal(found)?.unwrap_or_default());
        }
        candidates.dedup();
        let mut last = Removed::Stays("it is in the trash, and not found there".into());
        let wanted = Wanted::Letter(&own.mark, "");
        for uid in candidates {
            let Some(thrown) = self.own(uid, wanted, dialogue).await? else { continue };
            last = self.expunge(&thrown, dialogue).await?;
            if last != Removed::Gone {
                break;
            }
        }
        Ok(last)
    }

    /// Moves a message; gives its new number where the server tells.
    async fn move_to(
        &mut self,
        uid: u32,
        folder: &Folder,
        dialogue: &mut Dialogue,
    ) -> Result<Result<Option<u32>, String>, Failure> {
        let mut copy = None;
        let told = |response: &Response<'_>| {
            let (Response::Data { outcome, .. } | Response::Done { outcome, .. }) = response else {
                return;
            };
            if let Some(ResponseCode::CopyUid(_, from, to)) = &outcome.code
                && let ([UidSetMember::Uid(from)], [UidSetMember::Uid(to)]) = (&from[..], &to[..])
                && *from == uid
            {
                copy = Some(*to);
            }
        };
        let command = format!("UID MOVE {uid}");
        let done = self.at_folder(Phase::Remove, &command, folder, dialogue, told).await;
        Ok(refusal(done)?.map(|()| copy))
    }

    async fn expunge(&mut self, own: &Own, dialogue: &mut Dialogue) -> Result<Removed, Failure> {
        let uid = own.uid;
        let mark = format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)");
        if let Err(why) = refusal(self.say(Phase::Remove, &mark, dialogue).await)? {
            return Ok(Removed::Stays(why));
        }
        if self.can("UIDPLUS") {
            let expunge = format!("UID EXPUNGE {uid}");
            let said = self.say(Phase::Remove, &expunge, dialogue).await;
            if refusal(said)?.is_err() {
                return Ok(Removed::Marked);
            }
        }
        // Some servers need no EXPUNGE, and some only say that they did one.
        let there = self.is_there(uid, dialogue).await?;
        Ok(if there { Removed::Marked } else { Removed::Gone })
    }
}

/// The words of a refusal that leaves the session as it was; any other failure ends it.
fn refusal<T>(done: Result<T, Failure>) -> Result<Result<T, String>, Failure> {
    match done {
        Ok(value) => Ok(Ok(value)),
        Err(Failure { evidence: Some(Evidence::Reply(reply)), .. }) if !reply.ends_session() => {
            Ok(Err(reply.to_string()))
        }
        Err(failure) => Err(failure),
    }
}

/// What is in the trash may be of any age, and a search wants a day; this is the first one.
const DAY: i64 = 2 * 24 * 60 * 60;
