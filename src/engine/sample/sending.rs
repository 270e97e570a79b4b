//! Mailboxes that send much, that may send no more, and that keep a session open.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::NOW;
use crate::{
    check::Check,
    domain::{
        fingerprint::Key,
        outcome::Traffic,
        reason::Reason,
        sending::{Message, Of, Recipient, Sums, Uncounted},
        session::{Ended, How},
    },
    engine::mailbox::{Exhausted, MailboxState, Sending, Sessions, Spare},
};

/// 1,640 messages within the day, and more to come.
pub(super) fn busy(known: &MailboxState) -> Arc<MailboxState> {
    let key = Key::new([1; 32]);
    let to = |number: u32, external| {
        let who = key.fingerprint([format!("{}@example.org", number % 900).as_str()]);
        Recipient { who, external }
    };
    let message = |number: u32| {
        let to = vec![to(number, true), to(number + 1, number.is_multiple_of(2))];
        Message { at: NOW - Duration::from_secs(50 * u64::from(number)), to, own: false }
    };
    let messages: Vec<_> = (0..1640).map(message).collect();
    let sending = Sending {
        counted: Some((NOW, Sums::of(&messages))),
        meets: vec![(Of::Messages, NOW + Duration::from_secs(5 * 3600))],
        own: 4,
        ..Sending::default()
    };
    let traffic = Traffic { down: 3_400_000, up: 91_000 };
    Arc::new(MailboxState { traffic, sending: Some(Box::new(sending)), ..known.clone() })
}

/// Google takes no more from it, and shows no folder of what it sent.
pub(super) fn exhausted() -> Arc<MailboxState> {
    let since = NOW - Duration::from_secs(3 * 3600);
    let exhausted =
        Exhausted { reason: Reason::SendQuotaUser, since, last: NOW, check: Check::Smtp };
    let sending = Sending {
        exhausted: Some(exhausted),
        uncounted: Some(Uncounted::FolderHidden),
        ..Sending::default()
    };
    Arc::new(MailboxState { sending: Some(Box::new(sending)), ..MailboxState::default() })
}

/// A session is open, and there was room for one more of two.
pub(super) fn seated(known: &MailboxState) -> Arc<MailboxState> {
    let last = Ended {
        at: NOW - Duration::from_secs(1500),
        lasted: Duration::from_secs(3598),
        how: How::Expired,
        words: "imap_session_expired (idle): BYE Session expired, please login again.".to_owned(),
    };
    let sessions = Sessions {
        since: Some(NOW - Duration::from_secs(1440)),
        last: Some(last),
        counts: BTreeMap::from([(How::Expired, 22), (How::Dropped, 1)]),
        short: 0,
        spare: Some(Spare { at: NOW - Duration::from_secs(7200), asked: 2, had: 1 }),
    };
    Arc::new(MailboxState { sessions: Some(Box::new(sessions)), ..known.clone() })
}
