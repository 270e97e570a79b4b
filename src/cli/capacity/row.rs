//! One mailbox's part of the result: its review, and what is missing of it.

use std::ops::Range;

use chrono_tz::Tz;

use super::{kept::Kept, reader::Ended};
use crate::{
    check::Watched,
    domain::{
        clock::Timestamp,
        link::{Account, Address},
        sending::{
            DAY, Limits, Uncounted,
            review::{Asked, Review},
        },
    },
};

/// See the file's head.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) mailbox: Address,
    /// What the `mailbox` label holds.
    pub(super) label: String,
    pub(super) account: Account,
    /// What the review is of; none where nothing is known.
    pub(super) reviewed: Option<(Range<Timestamp>, Review)>,
    /// Why something is missing, and what to do.
    pub(super) trouble: Option<String>,
}

impl Row {
    /// `links` are those of one mailbox, at least one.
    pub(super) fn new(
        links: &[&Watched],
        label: String,
        ended: Ended,
        kept: &Kept,
        since: Timestamp,
        zone: Tz,
    ) -> Self {
        let first = links.first().expect("a mailbox was made of its links");
        let mailbox = first.link.mailbox.clone();
        let said = links.iter().map(|watched| watched.link.account);
        let account = said.clone().find(|account| *account != Account::Unknown);
        let limits = Limits::of(account.unwrap_or(Account::Unknown), &mailbox);
        let account = account.unwrap_or_else(|| kind(&limits, &mailbox));
        let limits = first.settings.capacity.limits.over(&limits);
        let reviewed = kept.with(&mailbox, |seen| {
            let (known, limited) = seen.known(since - DAY)?;
            let (numbers, gone) = seen.gone();
            let asked = Asked { since, known, zone, account, limits, limited, numbers, gone };
            let from = asked.known.start.max(since);
            let review = Review::of(seen.history(), &asked);
            Some((from..asked.known.end, review))
        });
        let passed_over = kept.with(&mailbox, |seen| seen.passed_over());
        let unread = (passed_over > 0)
            .then(|| format!("{passed_over} messages could not be read, and are in no number."));
        let trouble = trouble(&ended, reviewed.as_ref().map(|(range, _)| range.start));
        Self { mailbox, label, account, reviewed, trouble: trouble.or(unread) }
    }

    /// What is worst has the most.
    pub(super) fn rank(&self) -> f64 {
        let Some((_, review)) = &self.reviewed else { return f64::INFINITY };
        review.nearest().and_then(|nearest| nearest.share()).unwrap_or(0.0)
    }
}

/// The kind of account whose limits are taken where nobody said which it is.
fn kind(limits: &Limits, mailbox: &Address) -> Account {
    let kinds = [Account::Personal, Account::Workspace];
    let fits = |kind: &Account| Limits::of(*kind, mailbox) == *limits;
    kinds.into_iter().find(fits).unwrap_or(Account::Unknown)
}

fn trouble(ended: &Ended, from: Option<Timestamp>) -> Option<String> {
    let known = match from {
        Some(from) => format!("What is told here begins {from}."),
        None => "Nothing is known.".to_owned(),
    };
    match ended {
        Ended::Budget => Some(format!(
            "Stopped: as much was read as --max-bytes allows in one run. {known} With --resume FILE the next run goes on."
        )),
        Ended::Failed(failure) => {
            Some(format!("Stopped: {failure}. {known} {}", failure.reason.next_step()))
        }
        Ended::Hidden => Some(Uncounted::FolderHidden.meaning().to_owned()),
        Ended::Interrupted => Some(format!("Interrupted. {known}")),
        Ended::Whole => None,
    }
}
