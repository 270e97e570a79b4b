//! `mailbox_exporter connect`: gets a refresh token where no application does. A person agrees in a browser; the answer
//! comes back to a loopback address, or is pasted; and what it is exchanged for is looked at before it is kept.
//!
//! Invariant: no secret is printed or logged. The token is written to one file, and only when all is as it was wanted.

mod consent;
mod door;
mod keep;
mod lines;
mod page;
mod plan;
mod redirect;
mod verify;

use std::{
    env,
    io::{self, Write as _},
    path::Path,
    process::{ExitCode, Stdio},
    time::Duration,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};

pub(super) use self::consent::explained;
use self::{
    consent::{Consent, Ended},
    door::Door,
    keep::Place,
    plan::{After, Plan},
    redirect::Redirect,
};
use super::{ConnectArgs, USAGE, check::INTERRUPTED, revoke, typed::Typed};
use crate::{
    check::{Span, token::MAIL_SCOPE},
    domain::{callback::Callback, clock::Timestamp, link::Address, redact::Redactor},
    wire::oauth::code::Attempt,
};

/// Exit code 0 where a token was written, 1 where not, 64 for usage and configuration, 130 for Ctrl-C.
pub async fn run(file: &Path, args: ConnectArgs) -> ExitCode {
    // Before anything is begun, so that there is no moment at which a signal would leave it lying about.
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut term), Ok(mut int)) = signals else {
        say("this system lets nobody wait for its signals\n");
        return ExitCode::FAILURE;
    };
    let stopped = async {
        tokio::select! { _ = term.recv() => {} _ = int.recv() => {} }
    };
    tokio::select! {
        code = connect(file, &args) => ExitCode::from(code),
        // What is dropped takes the listener and the file beside along.
        () = stopped => {
            say("\nInterrupted.\n");
            ExitCode::from(INTERRUPTED)
        }
    }
}

async fn connect(file: &Path, args: &ConnectArgs) -> u8 {
    let (plan, place, door) = match prepare(file, args).await {
        Ok(prepared) => prepared,
        Err(mistake) => {
            say(&format!("{mistake:#}\n"));
            return USAGE;
        }
    };
    let (Redirect::Listened { uri, .. } | Redirect::Pasted(uri)) = &plan.redirect;
    let link = &plan.watched.link;
    let page = &link.google.authorization_url;
    let attempt = Attempt::new(page, &link.client, uri, &link.mailbox, MAIL_SCOPE);
    introduce(&plan, &attempt, args);
    let consent = Consent { plan: &plan, place, attempt: &attempt };
    let mut typed = None;
    let ended = match door {
        Some(door) => {
            let act = async move |answer| consent.follow(answer).await;
            door.answered(&attempt.state, args.timeout.0, act).await
        }
        None => {
            let typed = typed.insert(Typed::listen());
            pasted(consent, args.timeout.0, typed).await
        }
    };
    match ended {
        Some(Ended::Linked { remarks, ends, at }) => {
            if let Some(ends) = ends {
                say(&format!(
                    "It ends on {ends}, as Google says: the app is in Testing, or access was given for a time only (\"Ongoing access\" left unticked).\n"
                ));
            }
            remarks.iter().for_each(|remark| say(&format!("To know: {remark}\n")));
            after(&plan, file, at);
            0
        }
        Some(Ended::Others { token, account }) => {
            if args.revoke_wrong || agreed_to_revoke(&plan, account.as_ref(), typed).await {
                revoke::revoke(&plan.wire, link, &token).await;
            }
            1
        }
        Some(Ended::Nothing) => 1,
        None => {
            let waited = args.timeout.0;
            say(&format!(
                "No answer came within {waited:?}; nothing was written. Begin again, with a longer --timeout if need be.\n"
            ));
            1
        }
    }
}

/// All that can fail without anybody, before somebody is asked.
async fn prepare(file: &Path, args: &ConnectArgs) -> anyhow::Result<(Plan, Place, Option<Door>)> {
    let (mut plan, place) = Plan::make(file, args)?;
    let door = match &mut plan.redirect {
        Redirect::Listened { uri, port } => {
            let door = Door::open(uri.clone(), *port).await?;
            *uri = door.redirect.clone();
            Some(door)
        }
        Redirect::Pasted(_) => None,
    };
    Ok((plan, place, door))
}

/// Says what a person has to do, and opens the browser where there is one.
fn introduce(plan: &Plan, attempt: &Attempt, args: &ConnectArgs) {
    let link = &plan.watched.link;
    say(&format!(
        "To link {mailbox} by the client {}, open this address in an ordinary browser window, sign in as {mailbox} and agree, every box ticked:\n\n  {}\n\n",
        link.client.name,
        attempt.page,
        mailbox = link.mailbox,
    ));
    match &plan.redirect {
        Redirect::Pasted(uri) => {
            say(&format!("{}\n", redirect::how_to_paste(&link.client, uri)));
        }
        Redirect::Listened { uri, .. } => {
            let port = uri.port_or_known_default().unwrap_or_default();
            say(&format!(
                "The browser is to be on this machine. From another one, forward the port first, ssh -L {port}:127.0.0.1:{port} HOST, or begin again with --paste. Waiting at {uri}; Ctrl-C ends it.\n"
            ));
        }
    }
    if !args.no_browser && !args.paste && Typed::is_somebody_there() && has_desktop() {
        let mut browser = tokio::process::Command::new("xdg-open");
        let browser = browser.arg(attempt.page.as_str()).stdin(Stdio::null());
        // It opens, or the address that was printed is as good.
        let _ = browser.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }
}

/// Elsewhere xdg-open would begin a browser of text on this terminal.
fn has_desktop() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| env::var_os(name).is_some())
}

/// None where nobody pasted an answer in time.
async fn pasted(consent: Consent<'_>, patience: Duration, typed: &mut Typed) -> Option<Ended> {
    let mut redactor = Redactor::default();
    redactor.hide(&consent.attempt.state);
    let waited = timeout(patience, async {
        loop {
            let Some(line) = typed.line().await else {
                say("Nobody can paste anything any more; nothing was written.\n");
                return None;
            };
            if line.trim().is_empty() {
                continue;
            }
            let answer = Callback::parse(&line, &redactor)
                .and_then(|callback| callback.answer_to(&consent.attempt.state));
            match answer {
                Ok(answer) => return Some(answer),
                Err(mistake) => say(&format!("{mistake}\n")),
            }
        }
    });
    match waited.await {
        Ok(Some(answer)) => Some(consent.follow(answer).await.1),
        Ok(None) => Some(Ended::Nothing),
        Err(_) => None,
    }
}

/// What is left to be done with a token that was written.
fn after(plan: &Plan, file: &Path, at: Timestamp) {
    match &plan.after {
        After::Add(entry) => {
            let file = file.display();
            say(&format!(
                "Add this under mailboxes: in {file}, or put it as a file of its own into a directory that is watched; then reload (SIGHUP):\n\n"
            ));
            // A reader that has seen enough may have closed the pipe.
            let _ = io::stdout().write_all(entry.yaml(at).as_bytes());
        }
        After::Nothing => {
            let id = &plan.watched.link.id;
            say(&format!("A running exporter has {id} up again within seconds.\n"));
            if plan.watched.link.linked_at.is_some() {
                say(&format!(
                    "Its entry says when it was linked before; now it is linked_at: {at}\n"
                ));
            }
        }
    }
}

/// Somebody else's grant stays at Google unless a person says in so many words that it is to go.
async fn agreed_to_revoke(plan: &Plan, account: Option<&Address>, typed: Option<Typed>) -> bool {
    let link = &plan.watched.link;
    let whose = account.map_or("that account".to_owned(), ToString::to_string);
    let hit = account.map(|account| revoke::hit(&plan.all, account, &link.client.id));
    let hit: Vec<_> = hit.into_iter().flatten().map(|link| link.id.as_str()).collect();
    let these = match hit.is_empty() {
        true => String::new(),
        false => format!(", and with it these links: {}", hit.join(", ")),
    };
    say(&format!(
        "The grant of {whose} is of no use here. Revoking it ends all that {whose} ever granted to this Google Cloud project{these}.\n"
    ));
    if Typed::is_somebody_there() {
        say("Type yes to revoke it, anything else to leave it: ");
        let line = typed.unwrap_or_else(Typed::listen).line().await.unwrap_or_default();
        if line.trim() == "yes" {
            return true;
        }
    }
    say(&format!(
        "It was left alone. The owner of {whose} can remove it at https://myaccount.google.com/connections; --revoke-wrong does it at once.\n"
    ));
    false
}

/// To the person; what is for programs goes to the standard output.
pub(super) fn say(words: &str) {
    // Whoever closed it does not want to know.
    let _ = io::stderr().write_all(words.as_bytes());
}

/// `10m`
///
/// # Errors
/// A sentence that says what would be right.
pub fn span(written: &str) -> Result<Span, String> {
    serde_json::from_value(written.into()).map_err(|error| error.to_string())
}
