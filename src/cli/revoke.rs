//! `mailbox_exporter revoke`: has Google end the grant of a link.
//!
//! Invariant: never without a word of confirmation, since Google ends more than the one grant: all that the account granted
//! to the same Google Cloud project. <https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke>

use std::{path::Path, process::ExitCode, time::Duration};

use tokio::time::timeout;

use super::{
    RevokeArgs, USAGE,
    check::INTERRUPTED,
    connect::{explained, say},
    typed::Typed,
};
use crate::{
    app,
    check::Watched,
    config,
    domain::{
        identity::same,
        link::{Address, Grant, Link},
        outcome::Failure,
        reason::Reason,
        secret::Secret,
    },
    wire::{
        Wire,
        oauth::revoke::{Revoked, revoke as end},
    },
};

/// Exit code 0 where the grant is gone, 1 where not, 64 for usage and configuration, 130 for Ctrl-C.
pub async fn run(file: &Path, args: RevokeArgs) -> ExitCode {
    tokio::select! {
        code = asked(file, &args) => ExitCode::from(code),
        Ok(()) = tokio::signal::ctrl_c() => {
            say("\nInterrupted.\n");
            ExitCode::from(INTERRUPTED)
        }
    }
}

async fn asked(file: &Path, args: &RevokeArgs) -> u8 {
    let (wire, all) = match read(file).await {
        Ok(read) => read,
        Err(mistake) => {
            say(&format!("{mistake:#}\n"));
            return USAGE;
        }
    };
    let id = &args.link;
    let Some(watched) = all.iter().find(|watched| watched.link.id.as_str() == id) else {
        let ids: Vec<_> = all.iter().map(|watched| watched.link.id.as_str()).take(20).collect();
        say(&format!("there is no link {id:?}; there are: {}\n", ids.join(", ")));
        return USAGE;
    };
    let link = &watched.link;
    let token = match &link.grant {
        Grant::RefreshToken(token) => token,
        Grant::ServiceAccount(_) => {
            say(&format!("{id}: {SERVICE_ACCOUNT}\n"));
            return USAGE;
        }
        Grant::Unreadable(why) => {
            say(&format!(
                "{id}: its token cannot be read ({why}), so nothing can be asked for with it; {} can remove the app at https://myaccount.google.com/connections\n",
                link.mailbox
            ));
            return USAGE;
        }
    };
    say(&warning(link, account(watched), &all));
    if !args.yes && !confirmed(id).await {
        return USAGE;
    }
    if !revoke(&wire, link, token).await {
        return 1;
    }
    say(&next(id));
    0
}

async fn read(file: &Path) -> anyhow::Result<(Wire, Vec<Watched>)> {
    let mut loaded = config::load_to_link(file)?;
    let wire = app::wire(&loaded)?;
    let links = loaded.sources.read_once(&wire).await;
    for (source, state) in &links.sources {
        if let Err(trouble) = state {
            say(&format!("{source}: {trouble}\n"));
        }
    }
    Ok((wire, links.watched))
}

/// The account behind it, as far as the configuration tells.
fn account(watched: &Watched) -> &Address {
    watched.settings.identity.account.as_ref().unwrap_or(&watched.link.mailbox)
}

/// The links that end with any grant of this account to the project of this client, as far as the configuration tells.
pub(super) fn hit<'a>(all: &'a [Watched], of: &Address, client_id: &str) -> Vec<&'a Link> {
    let is_hit = |watched: &&Watched| {
        let link = &watched.link;
        let is_oauth = matches!(link.grant, Grant::RefreshToken(_) | Grant::Unreadable(_));
        let is_theirs = same(&link.mailbox, of) || same(account(watched), of);
        is_oauth && is_theirs && project(&link.client.id) == project(client_id)
    };
    all.iter().filter(is_hit).map(|watched| &*watched.link).collect()
}

/// The project's number, which its clients' ids begin with.
fn project(client_id: &str) -> &str {
    client_id.split_once('-').map_or(client_id, |(project, _)| project)
}

fn warning(link: &Link, account: &Address, all: &[Watched]) -> String {
    let project = project(&link.client.id);
    let mut words = format!(
        "Google ends all that {account} granted to the Google Cloud project {project}, by whichever client, and nobody can take that back: the mailbox has to be linked again by each.\nThese links stop working:\n"
    );
    for hit in hit(all, account, &link.client.id) {
        let (id, client, source) = (&hit.id, &hit.client.name, &hit.source);
        words += &format!("  {id} (client {client}, source {source})\n");
    }
    words
        + "So does whatever else uses such a grant: an Odoo or another program that this configuration does not name.\n"
}

async fn confirmed(id: &str) -> bool {
    if !Typed::is_somebody_there() {
        say("Nobody is here to confirm that; say --yes if it is meant. Nothing was revoked.\n");
        return false;
    }
    say(&format!("Type {id} to go on, anything else to leave it: "));
    let line = Typed::listen().line().await.unwrap_or_default();
    let confirmed = line.trim() == id;
    if !confirmed {
        say("Nothing was revoked.\n");
    }
    confirmed
}

/// Does it, and says what came of it. Whether the grant is gone.
pub(super) async fn revoke(wire: &Wire, link: &Link, token: &Secret) -> bool {
    let url = &link.google.revoke_url;
    let ended = timeout(PATIENCE, end(&wire.https, url, token)).await.unwrap_or_else(|_| {
        let words = format!("no answer of {url} within {PATIENCE:?}");
        Err(Failure::own(Reason::Timeout, words))
    });
    match &ended {
        Ok(Revoked::Now) => {
            say("Revoked. Google says that it may take a while to be in force everywhere.\n");
        }
        Ok(Revoked::Before) => say(
            "Google does not know this token any more: it was revoked, or it expired, before.\n",
        ),
        Ok(Revoked::Never) => say(&format!("Google refuses: {SERVICE_ACCOUNT}\n")),
        Err(failure) => {
            let evidence = failure.evidence.as_ref().map(ToString::to_string);
            let why = explained(failure.reason, evidence.as_deref());
            say(&format!("It could not be revoked: {}\n{why}{BY_HAND}\n", failure.reason));
        }
    }
    matches!(ended, Ok(Revoked::Now | Revoked::Before))
}

/// What is left to be done with the link.
fn next(id: &str) -> String {
    format!(
        "Its token's file was left alone. Take {id} out of the configuration (or, in Odoo, archive its mail server) and delete the file; or link it again, in Odoo or by `connect --reconnect {id}`.\n"
    )
}

const SERVICE_ACCOUNT: &str = "a service account acts for the mailbox, and what it signs is not revocable; end its delegation at https://admin.google.com (Security, Access and data control, API controls, Manage Domain Wide Delegation), or delete its key.";

const BY_HAND: &str = "The account's owner can remove the app at https://myaccount.google.com/connections as well; that ends the same grants.";

const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{check::tests::watched, domain::link::Client};

    fn linked(address: &str, client_id: &str) -> Watched {
        let base = watched(address);
        let client = Client { id: client_id.to_owned(), ..Client::clone(&base.link.client) };
        let link = Link { client: Arc::new(client), ..Link::clone(&base.link) };
        Watched { link: Arc::new(link), ..base }
    }

    #[test]
    fn a_revocation_hits_the_account_and_the_project() {
        let mut alias = linked("office@example.com", "1234-d");
        let mut settings = crate::check::Settings::clone(&alias.settings);
        settings.identity.account = Address::parse("sales@example.com").ok();
        alias.settings = Arc::new(settings);
        let all = [
            linked("sales@example.com", "1234-a.apps.googleusercontent.com"),
            linked("Sales+x@example.com", "1234-b.apps.googleusercontent.com"),
            linked("sales@example.com", "12345-a.apps.googleusercontent.com"),
            linked("support@example.com", "1234-a.apps.googleusercontent.com"),
            alias,
        ];
        let of = Address::parse("sales@example.com").unwrap();
        let hit: Vec<_> = hit(&all, &of, "1234-c")
            .iter()
            .map(|link| format!("{} {}", link.mailbox, link.client.id))
            .collect();
        let expected = [
            "sales@example.com 1234-a.apps.googleusercontent.com",
            "sales+x@example.com 1234-b.apps.googleusercontent.com",
            "office@example.com 1234-d",
        ];
        assert_eq!(hit, expected);
    }
}
