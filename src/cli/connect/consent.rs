//! From the answer of Google's page to a token in its file, or to the words that say why there is none.

use std::time::Duration;

use super::{
    keep::Place,
    page::Page,
    plan::Plan,
    say,
    verify::{Unwanted, allows_mail, verify},
};
use crate::{
    check::Watched,
    domain::{
        callback::{Answer, Refusal},
        clock::Timestamp,
        link::{Address, Grant, Link},
        outcome::Failure,
        reason::Reason,
        secret::Secret,
    },
    wire::oauth::code::{Attempt, Exchanged},
};

/// One attempt, as far as it has come.
#[derive(Debug)]
pub(super) struct Consent<'a> {
    pub(super) plan: &'a Plan,
    pub(super) place: Place,
    pub(super) attempt: &'a Attempt,
}

/// How it ended. What is not told by it was said.
#[derive(Debug)]
pub(super) enum Ended {
    Linked {
        ends: Option<Timestamp>,
        at: Timestamp,
        remarks: Vec<String>,
    },
    /// Without a grant that could be used.
    Nothing,
    /// With a grant of another account, whose address Google may have told.
    Others {
        token: Secret,
        account: Option<Address>,
    },
}

impl Consent<'_> {
    /// Goes on with the answer, to the page for the browser. Dropped half-way, there may be a grant that nobody keeps.
    pub(super) async fn follow(self, answer: Answer) -> (Page, Ended) {
        let code = match answer {
            Answer::Agreed(code) => code,
            Answer::Refused(refusal) => return self.refused(&refusal),
        };
        say("Google answered; looking at what it gives…\n");
        let (link, wire) = (&self.plan.watched.link, &self.plan.wire);
        let at = wire.clock.now();
        let url = &link.google.token_url;
        let asked = self.attempt.exchange(&wire.https, url, &link.client, &code, at);
        let exchanged = match tokio::time::timeout(EXCHANGE, asked).await {
            Ok(Ok(exchanged)) => exchanged,
            Ok(Err(failure)) => return self.failed(&failure),
            Err(_) => {
                let words = format!("no answer of {url} within {EXCHANGE:?}");
                return self.failed(&Failure::own(Reason::Timeout, words));
            }
        };
        self.exchanged(exchanged, at).await
    }

    async fn exchanged(self, exchanged: Exchanged, at: Timestamp) -> (Page, Ended) {
        if let Err(failure) = allows_mail(&exchanged.granted) {
            return self.failed(&failure);
        }
        let Some(token) = exchanged.refresh_token else { return self.without_refresh_token() };
        let watched = &self.plan.watched;
        let grant = Grant::RefreshToken(token.clone());
        let link = Link { grant, ..Link::clone(&watched.link) };
        let watched = Watched { link: link.into(), settings: watched.settings.clone() };
        match verify(&watched, &exchanged.granted, &self.plan.wire).await {
            Ok(remarks) => self.keep(token, exchanged.granted.refresh_token_expires, at, remarks),
            Err(Unwanted::Unfit(failure)) => self.failed(&failure),
            Err(Unwanted::Others { account, failure }) => {
                let (page, _) = self.failed(&failure);
                (page, Ended::Others { token, account })
            }
        }
    }

    fn keep(
        self,
        token: Secret,
        ends: Option<Timestamp>,
        at: Timestamp,
        remarks: Vec<String>,
    ) -> (Page, Ended) {
        let mailbox = &self.plan.watched.link.mailbox;
        let path = self.place.path().to_owned();
        match self.place.write(&token) {
            Ok(()) => {
                say(&format!("{mailbox} is linked; its token is in {}.\n", path.display()));
                (Page::linked(mailbox, &remarks), Ended::Linked { ends, at, remarks })
            }
            Err(error) => {
                let why =
                    format!("The consent is given, but its token could not be kept: {error:#}");
                say(&format!("{why}.\nMend that and begin again.\n"));
                (Page::unkept(title(mailbox), &why), Ended::Nothing)
            }
        }
    }

    fn refused(&self, refusal: &Refusal) -> (Page, Ended) {
        let description = refusal.description.iter().map(|words| format!(": {words}"));
        let evidence = refusal.error.clone() + &description.collect::<String>();
        self.unlinked(refusal.reason, Some(&evidence))
    }

    fn failed(&self, failure: &Failure) -> (Page, Ended) {
        let evidence = failure.evidence.as_ref().map(ToString::to_string);
        self.unlinked(failure.reason, evidence.as_deref())
    }

    fn unlinked(&self, reason: Reason, evidence: Option<&str>) -> (Page, Ended) {
        let title = title(&self.plan.watched.link.mailbox);
        say(&format!("{title}: {reason}\n{}Nothing was written.\n", explained(reason, evidence)));
        (Page::failed(title, reason), Ended::Nothing)
    }

    /// Google gives one whenever it is asked as we ask, so something between changed the request.
    fn without_refresh_token(&self) -> (Page, Ended) {
        let title = title(&self.plan.watched.link.mailbox);
        let why = "Google gave access for an hour only, without a refresh token, though access_type=offline and prompt=consent asked for one.";
        say(&format!(
            "{title}: {why}\n  Next step: open the address just as it is printed, and begin again; nothing was written.\n"
        ));
        (Page::unkept(title, why), Ended::Nothing)
    }
}

fn title(mailbox: &Address) -> String {
    format!("{mailbox} is not linked")
}

/// As `check` says it.
pub(in crate::cli) fn explained(reason: Reason, evidence: Option<&str>) -> String {
    let class = reason.class();
    let evidence = evidence.map(|words| format!("  Evidence:  {words}\n")).unwrap_or_default();
    format!(
        "  What:      {}\n{evidence}  Who acts:  {} (class {class})\n  Next step: {}\n",
        reason.meaning(),
        class.who(),
        reason.next_step()
    )
}

/// As long as a probe may take.
const EXCHANGE: Duration = Duration::from_secs(30);
