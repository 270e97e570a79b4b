//! What there is to read of an inbox without touching it: counts, ages, storage.
//!
//! Invariant: nothing is opened here but by EXAMINE, and nothing is fetched that would mark a message as seen.

use async_imap::imap_proto::{MailboxDatum, Outcome, Response, ResponseCode, StatusAttribute};

use super::{
    Session,
    answer::{internal_date, storage},
    none, unless_refused,
};
use crate::{
    domain::{
        clock::Timestamp,
        outcome::{Failure, Phase, Storage},
    },
    wire::dialogue::Dialogue,
};

impl Session {
    /// How much is stored; none where the server does not tell.
    pub(crate) async fn storage(
        &mut self,
        dialogue: &mut Dialogue,
    ) -> Result<Option<Storage>, Failure> {
        if !self.can("QUOTA") {
            return Ok(None);
        }
        let mut found = None;
        let told = |response: &Response<'_>| {
            if let Response::Quota(quota) = response {
                found = quota.resources.iter().find_map(storage).or(found);
            }
        };
        let done = self.exchange(Phase::Quota, "GETQUOTAROOT INBOX", dialogue, none, told).await;
        unless_refused(done)?;
        Ok(found)
    }

    /// How many messages of the inbox are unseen; none where the server does not tell.
    pub(crate) async fn unseen(&mut self, dialogue: &mut Dialogue) -> Result<Option<u64>, Failure> {
        let mut unseen = None;
        let told = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::Status { status, .. }) = response {
                unseen = status.iter().find_map(|attribute| match attribute {
                    StatusAttribute::Unseen(count) => Some(u64::from(*count)),
                    _ => None,
                });
            }
        };
        self.exchange(Phase::Status, "STATUS INBOX (UNSEEN)", dialogue, none, told).await?;
        Ok(unseen)
    }

    /// Opens the inbox for reading only; gives the number of the first unseen message where the server tells.
    pub(crate) async fn examine(
        &mut self,
        dialogue: &mut Dialogue,
    ) -> Result<Option<u32>, Failure> {
        let mut first_unseen = None;
        let told = |response: &Response<'_>| {
            if let Response::Data {
                outcome: Outcome { code: Some(ResponseCode::Unseen(number)), .. },
                ..
            } = response
            {
                first_unseen = Some(*number);
            }
        };
        self.exchange(Phase::Examine, "EXAMINE INBOX", dialogue, none, told).await?;
        Ok(first_unseen)
    }

    /// The numbers of the unseen messages of the inbox that is open.
    pub(crate) async fn search_unseen(
        &mut self,
        dialogue: &mut Dialogue,
    ) -> Result<Vec<u32>, Failure> {
        let mut unseen = Vec::new();
        let told = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::Search(numbers)) = response {
                unseen.extend_from_slice(numbers);
            }
        };
        self.exchange(Phase::Search, "SEARCH UNSEEN", dialogue, none, told).await?;
        unseen.sort_unstable();
        Ok(unseen)
    }

    /// When the first of these messages of the inbox that is open arrived; numbers need not follow arrival.
    pub(crate) async fn first_arrival(
        &mut self,
        numbers: &[u32],
        dialogue: &mut Dialogue,
    ) -> Result<Option<Timestamp>, Failure> {
        let mut first: Option<Timestamp> = None;
        let told = |response: &Response<'_>| {
            if let Response::Fetch(_, attributes) = response {
                let arrived = attributes.iter().find_map(internal_date);
                first = [first, arrived].into_iter().flatten().min();
            }
        };
        let set: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        let command = format!("FETCH {} (INTERNALDATE)", set.join(","));
        self.exchange(Phase::Fetch, &command, dialogue, none, told).await?;
        Ok(first)
    }
}
