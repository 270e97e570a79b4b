//! Is the new grant what was wanted? It must last, allow mail, and be of the very account. Nothing is written before.

use tokio_util::sync::CancellationToken;

use crate::{
    check::{Check, Watched, token::MAIL_SCOPE},
    domain::{
        identity::Likeness,
        link::{Address, Direction},
        outcome::{Failure, Outcome, Verdict},
        reason::Reason,
    },
    engine::round::Round,
    wire::{Wire, oauth::Granted},
};

/// A grant that is not wanted.
#[derive(Debug)]
pub(super) enum Unwanted {
    /// It cannot be used, or that could not be found out.
    Unfit(Failure),
    /// It is somebody else's, whose address Google may have told.
    Others { account: Option<Address>, failure: Failure },
}

/// What a person should know about a grant that is wanted.
pub(super) type Remarks = Vec<String>;

/// What Google said of the scope with the grant, where it did.
///
/// # Errors
/// It does not allow mail.
pub(super) fn allows_mail(granted: &Granted) -> Result<(), Failure> {
    match &granted.scopes {
        Some(scopes) if !scopes.iter().any(|scope| scope == MAIL_SCOPE) => {
            let words = format!("the granted scope is {:?}", scopes.join(" "));
            Err(Failure::own(Reason::ScopeMissing, words))
        }
        _ => Ok(()),
    }
}

/// Looks at it as the checks will.
///
/// # Errors
/// It is not wanted.
pub(super) async fn verify(
    watched: &Watched,
    granted: &Granted,
    wire: &Wire,
) -> Result<Remarks, Unwanted> {
    let mut round = Round::new(watched.clone(), wire.clone(), CancellationToken::new());
    round.token = Some(granted.token.clone());
    let outcome = one(&mut round, Check::Identity).await;
    let identity = outcome.identity.clone();
    let account = identity.as_ref().and_then(|identity| identity.address.clone());
    let failure = outcome.failure().cloned();
    let likeness = identity.as_ref().map_or(Likeness::Unknown, |identity| identity.account);
    let mut remarks: Remarks = failure.iter().map(|it| it.reason.meaning().to_owned()).collect();
    match (likeness, failure) {
        (_, Some(failure)) if is_about_the_grant(failure.reason) => Err(Unwanted::Unfit(failure)),
        (Likeness::Same, _) => Ok(remarks),
        (Likeness::Other, failure) => {
            let failure = failure.unwrap_or_else(|| Failure::new(Reason::WrongAccount));
            Err(Unwanted::Others { account, failure })
        }
        // An alias looks like a colleague, and sometimes Google tells nothing: the mail servers know.
        (Likeness::Alias | Likeness::Unknown, _) => {
            sign_in(&mut round, account).await?;
            let mailbox = &watched.link.mailbox;
            remarks.extend(identity.and_then(|identity| identity.remark(mailbox)));
            Ok(remarks)
        }
    }
}

fn is_about_the_grant(reason: Reason) -> bool {
    matches!(reason, Reason::ClientMismatch | Reason::ScopeMissing)
}

/// Signs in as the mailbox, which only its own account's token can.
async fn sign_in(round: &mut Round, account: Option<Address>) -> Result<(), Unwanted> {
    let doors = match round.watched.link.direction {
        Direction::Outgoing => [Check::Smtp, Check::Imap],
        Direction::Both | Direction::Incoming => [Check::Imap, Check::Smtp],
    };
    let mut first = None;
    for door in doors {
        match one(round, door).await.verdict {
            Verdict::Pass(_) => return Ok(()),
            Verdict::Fail(failure) if failure.reason == Reason::AuthRejected => {
                let failure = Failure { reason: Reason::WrongAccount, ..failure };
                return Err(Unwanted::Others { account, failure });
            }
            Verdict::Fail(failure) => first.get_or_insert(failure),
            Verdict::Skip { because } => first.get_or_insert(Failure::new(because)),
        };
    }
    let unknown = || Failure::own(Reason::InternalError, "no mail server was asked");
    Err(Unwanted::Unfit(first.unwrap_or_else(unknown)))
}

async fn one(round: &mut Round, check: Check) -> Outcome {
    let ended = round.run(&[check]).await;
    let found = ended.into_iter().find(|(ended, _)| *ended == check);
    let (_, outcome) = found.expect("a round ends every check that is due");
    outcome
}
