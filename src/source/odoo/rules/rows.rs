//! What each mail server's row says of itself.

use std::collections::{HashMap, HashSet};

use super::{Found, has_token};
use crate::{
    domain::{link::Address, redact::Redactor},
    source::odoo::{
        choice::{self, Message},
        database::{Incoming, Outgoing, Row},
        finding::What,
    },
};

pub(super) fn find(found: &mut Found<'_>) {
    let database = found.database;
    let senders = choice::default_senders(database);
    let never = never_chosen(found);
    let takes_any = takes_any(found, &senders);
    for row in &database.outgoing {
        match (row.is_gmail(), row.active) {
            (true, true) => outgoing(found, row, &takes_any, &never),
            (true, false) => archived(found, Row::Outgoing(row.id), has_token(row.token.as_ref())),
            (false, true) if sends_at_google(row) => {
                password(found, Row::Outgoing(row.id), row.host.as_deref());
            }
            (false, _) => {}
        }
    }
    for row in &database.incoming {
        match (row.is_gmail(), row.active) {
            (true, true) => incoming(found, row),
            (true, false) => archived(found, Row::Incoming(row.id), has_token(row.token.as_ref())),
            (false, true) if fetches_at_google(row) => {
                password(found, Row::Incoming(row.id), row.host.as_deref());
            }
            (false, _) => {}
        }
    }
}

/// Whether it signs in to Google by a password.
fn sends_at_google(row: &Outgoing) -> bool {
    row.authentication == "login" && is_one_of(row.host.as_deref(), PASSWORD_SMTP)
}

/// Whether it fetches from Google by a password.
pub(super) fn fetches_at_google(row: &Incoming) -> bool {
    matches!(row.kind.as_str(), "imap" | "pop") && is_one_of(row.host.as_deref(), PASSWORD_FETCH)
}

fn archived(found: &mut Found<'_>, row: Row, is_linked: bool) {
    if is_linked {
        found.of_row(row, What::Archived, None);
    }
}

fn password(found: &mut Found<'_>, row: Row, host: Option<&str>) {
    if !found.database.from_environment {
        found.of_row(row, What::PasswordAuthentication, host.map(str::to_owned));
    }
}

fn outgoing(
    found: &mut Found<'_>,
    server: &Outgoing,
    takes_any: &HashMap<i64, String>,
    never: &HashSet<i64>,
) {
    let row = Row::Outgoing(server.id);
    let is_linked = has_token(server.token.as_ref());
    link(found, row, is_linked);
    if !found.database.from_environment {
        user(found, row, server.user.as_deref());
        host(found, row, server.host.as_deref(), SMTP);
        submission(found, row, server);
    }
    let filter = server.from_filter.as_deref().unwrap_or_default();
    let is_list = !found.database.series.traits().filter_list && filter.contains(',');
    if is_list {
        found.of_row(row, What::FromFilterList, filter.to_owned());
    } else if is_linked && never.contains(&server.id) {
        found.of_row(row, What::NeverChosen, None);
    }
    if let Some(whose) = takes_any.get(&server.id).filter(|_| filter.is_empty()) {
        found.of_row(row, What::EmptyFromFilter, whose.clone());
    }
}

fn incoming(found: &mut Found<'_>, server: &Incoming) {
    let row = Row::Incoming(server.id);
    let is_linked = has_token(server.token.as_ref());
    link(found, row, is_linked);
    if !found.database.from_environment {
        user(found, row, server.user.as_deref());
        host(found, row, server.host.as_deref(), IMAP);
        let at_google = is_one_of(server.host.as_deref(), IMAP);
        match server.port {
            _ if !server.tls => {
                found.of_row(row, What::EncryptionWrong, "no TLS".to_owned());
            }
            Some(port) if matches!(port, 110 | 143) || (at_google && port != 993) => {
                found.of_row(row, What::PortWrong, format!("port {port}"));
            }
            _ => {}
        }
    }
    match (&server.error, server.confirmed) {
        (Some((since, words)), confirmed) => {
            let words = Redactor::default().clean(words);
            let what = if confirmed { What::FetchFailing } else { What::SetBackToDraft };
            found.of_row(row, what, format!("since {since}: {words}"));
        }
        (None, false) if is_linked => {
            found.of_row(row, What::NotConfirmed, None);
        }
        (None, _) => {}
    }
}

/// How far it is linked.
fn link(found: &mut Found<'_>, row: Row, is_linked: bool) {
    let by_relay = found.database.series.traits().personal_and_iap && !found.has_client();
    let has_tokens = found.database.has_token_columns && !found.database.from_environment;
    match is_linked {
        true if by_relay => found.of_row(row, What::IapManaged, None),
        false if has_tokens => found.of_row(row, What::NeverLinked, None),
        _ => {}
    }
}

fn user(found: &mut Found<'_>, row: Row, user: Option<&str>) {
    let user = user.map(str::trim).unwrap_or_default();
    if Address::parse(user).is_err() {
        let detail = (!user.is_empty()).then(|| format!("{user:?}"));
        found.of_row(row, What::UsernameMissing, detail);
    }
}

fn host(found: &mut Found<'_>, row: Row, host: Option<&str>, googles: &[&str]) {
    if !is_one_of(host, googles) {
        let host = host.filter(|host| !host.is_empty()).unwrap_or("it has none");
        found.of_row(row, What::HostWrong, host.to_owned());
    }
}

/// Encryption and port of an outgoing server: which of the two is the wrong one follows from what Odoo insists on for
/// Gmail, STARTTLS.
fn submission(found: &mut Found<'_>, row: Row, server: &Outgoing) {
    let at_google = is_one_of(server.host.as_deref(), SMTP);
    let (encryption, port) = (server.encryption.as_str(), server.port);
    let at = || port.map(|port| format!("{encryption} at port {port}"));
    match (encryption, port) {
        ("none", _) => found.of_row(row, What::EncryptionWrong, "no TLS".to_owned()),
        ("ssl" | "ssl_strict", Some(25 | 587)) => found.of_row(row, What::EncryptionWrong, at()),
        ("starttls" | "starttls_strict", Some(465)) => found.of_row(row, What::PortWrong, at()),
        (_, Some(port)) if at_google && !matches!(port, 25 | 465 | 587) => {
            found.of_row(row, What::PortWrong, at());
        }
        _ => {}
    }
}

fn never_chosen(found: &Found<'_>) -> HashSet<i64> {
    // Whose servers they are decides whom they shadow.
    if found.is_unread("ir_mail_server_owner_user_id") {
        return HashSet::new();
    }
    choice::never_chosen(&found.database.outgoing, found.database.series).into_iter().collect()
}

/// The shared servers that take the mail of senders whom no filter names, and whose mail that is, where Google writes
/// another From than Odoo does.
fn takes_any(found: &Found<'_>, default_senders: &[String]) -> HashMap<i64, String> {
    let database = found.database;
    let needed = ["ir_mail_server_owner_user_id", "mail_alias_domain"];
    if database.from_environment || needed.iter().any(|name| found.is_unread(name)) {
        return HashMap::new();
    }
    let default_senders = match default_senders {
        [] => vec![None],
        some => some.iter().map(|sender| Some(sender.as_str())).collect(),
    };
    let mut takes_any = HashMap::new();
    for default_sender in default_senders {
        let message = Message { sender: OUTSIDER, author: None, default_sender };
        let Some((id, from)) = choice::choose(&database.outgoing, database.series, message) else {
            continue;
        };
        let server = database.outgoing.iter().find(|server| server.id == id);
        let user = server.and_then(|server| server.user.as_deref()).unwrap_or_default();
        if !choice::is_same_sender(user, &from) {
            takes_any.entry(id).or_insert_with(|| match default_sender {
                Some(sender) => format!("mail from {sender}"),
                None => "anybody's mail: there is no default sender".to_owned(),
            });
        }
    }
    takes_any
}

/// Nobody's address, so that no filter names it.
const OUTSIDER: &str = "somebody@outside.invalid";

fn is_one_of(host: Option<&str>, hosts: &[&str]) -> bool {
    let host = host.map(str::trim).unwrap_or_default();
    let host = host.strip_suffix('.').unwrap_or(host);
    hosts.iter().any(|one| one.eq_ignore_ascii_case(host))
}

/// Where Google takes mail by OAuth.
pub(in crate::source::odoo) const SMTP: &[&str] =
    &["smtp.gmail.com", "smtp.googlemail.com", "smtp-relay.gmail.com"];

/// Where Google gives mail by OAuth, of what Odoo speaks with a token: IMAP only.
pub(in crate::source::odoo) const IMAP: &[&str] = &["imap.gmail.com", "imap.googlemail.com"];

/// Where Google wants a sign-in. The relay does not: it may know its clients by their addresses.
const PASSWORD_SMTP: &[&str] = &["smtp.gmail.com", "smtp.googlemail.com"];

const PASSWORD_FETCH: &[&str] =
    &["imap.gmail.com", "imap.googlemail.com", "pop.gmail.com", "pop.googlemail.com"];
