//! From the API's rows to ours. What is empty comes as `false`, and an empty number as 0.

use std::{collections::BTreeSet, time::Duration};

use chrono::NaiveDateTime;
use serde_json::Value;

use crate::{
    domain::{clock::Timestamp, redact::Redactor, secret::Secret},
    source::odoo::database::{Incoming, Module, Outgoing, Schedule},
};

/// Of `ir.mail_server`, where they are there. Never a password, nor a token.
pub(super) const OUTGOING: &[&str] = &[
    "active",
    "from_filter",
    "name",
    "owner_user_id",
    "sequence",
    "smtp_authentication",
    "smtp_encryption",
    "smtp_host",
    "smtp_port",
    "smtp_user",
    OWN_COLUMN,
];

/// Of `fetchmail.server`.
pub(super) const INCOMING: &[&str] = &[
    "active",
    "date",
    "error_date",
    "error_message",
    "is_ssl",
    "name",
    "port",
    "server",
    "server_type",
    "state",
    "user",
    OWN_COLUMN,
];

/// Of both, and of Gmail rows only.
pub(super) const TOKEN: &str = "google_gmail_refresh_token";

/// In 15, this says that a row is Gmail's.
const OWN_COLUMN: &str = "use_google_gmail_service";

/// Those of the fields that are there.
pub(super) fn among(wanted: &[&'static str], there: &BTreeSet<String>) -> Vec<&'static str> {
    wanted.iter().copied().filter(|name| there.contains(*name)).collect()
}

pub(super) fn outgoing(row: &Value) -> Option<Outgoing> {
    let own_column = flag(row, OWN_COLUMN).unwrap_or_default();
    let authentication = text(row, "smtp_authentication").unwrap_or_default();
    Some(Outgoing {
        id: id(row)?,
        name: text(row, "name").unwrap_or_default(),
        active: flag(row, "active").unwrap_or(true),
        sequence: number(row, "sequence").unwrap_or_default(),
        from_filter: text(row, "from_filter"),
        host: text(row, "smtp_host"),
        port: number(row, "smtp_port"),
        encryption: text(row, "smtp_encryption").unwrap_or_default(),
        authentication: if own_column { "gmail".to_owned() } else { authentication },
        user: text(row, "smtp_user"),
        token: None,
        owner: related(row, "owner_user_id"),
    })
}

pub(super) fn incoming(row: &Value) -> Option<Incoming> {
    let own_column = flag(row, OWN_COLUMN).unwrap_or_default();
    let kind = text(row, "server_type").unwrap_or_default();
    let error = || {
        // A mail server's words, which may hold anything.
        let words = text(row, "error_message").unwrap_or_default();
        Some((time(row, "error_date")?, Redactor::default().clean(&words)))
    };
    Some(Incoming {
        id: id(row)?,
        name: text(row, "name").unwrap_or_default(),
        active: flag(row, "active").unwrap_or(true),
        confirmed: text(row, "state").as_deref() == Some("done"),
        host: text(row, "server"),
        port: number(row, "port"),
        tls: flag(row, "is_ssl").unwrap_or_default(),
        kind: if own_column { "gmail".to_owned() } else { kind },
        user: text(row, "user"),
        token: None,
        fetched: time(row, "date"),
        error: error(),
    })
}

/// A Gmail row's id and token.
pub(super) fn token(row: &Value) -> Option<(i64, Secret)> {
    Some((id(row)?, Secret::new(text(row, TOKEN)?)))
}

/// By its name.
pub(super) fn module(row: &Value) -> Option<(String, Module)> {
    // `latest_version` is what is installed, `installed_version` what lies on the disk.
    let module = Module { state: text(row, "state")?, version: text(row, "latest_version") };
    Some((text(row, "name")?, module))
}

/// By its key.
pub(super) fn parameter(row: &Value) -> Option<(String, String)> {
    Some((text(row, "key")?, text(row, "value")?))
}

pub(super) fn schedule(row: &Value) -> Schedule {
    const DAY: u64 = 24 * 60 * 60;
    let unit = match text(row, "interval_type").as_deref() {
        Some("minutes") => 60,
        Some("hours") => 60 * 60,
        Some("weeks") => 7 * DAY,
        Some("months") => 30 * DAY,
        _ => DAY,
    };
    let number = number(row, "interval_number").unwrap_or(1);
    let number = u64::try_from(number).unwrap_or(1);
    Schedule {
        active: flag(row, "active").unwrap_or_default(),
        next: time(row, "nextcall"),
        interval: Duration::from_secs(number.saturating_mul(unit)),
    }
}

/// A whole address.
pub(super) fn default_sender(row: &Value) -> Option<String> {
    let sender = text(row, "default_from")?;
    match sender.contains('@') {
        true => Some(sender),
        false => Some(format!("{sender}@{}", text(row, "name")?)),
    }
}

pub(super) fn id(row: &Value) -> Option<i64> {
    row.get("id")?.as_i64()
}

pub(super) fn text(row: &Value, field: &str) -> Option<String> {
    let text = row.get(field)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn number(row: &Value, field: &str) -> Option<i64> {
    row.get(field)?.as_i64().filter(|number| *number != 0)
}

fn flag(row: &Value, field: &str) -> Option<bool> {
    row.get(field)?.as_bool()
}

/// A row of another model: `[7, "Anna"]`.
fn related(row: &Value, field: &str) -> Option<i64> {
    row.get(field)?.get(0)?.as_i64()
}

pub(super) fn time(row: &Value, field: &str) -> Option<Timestamp> {
    let text = row.get(field)?.as_str()?;
    let time = NaiveDateTime::parse_from_str(text, FORMAT).ok()?;
    Some(Timestamp::from(time.and_utc()))
}

/// As Odoo writes times, which are UTC.
pub(super) fn written(time: Timestamp) -> String {
    time.to_utc().format(FORMAT).to_string()
}

const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_empty_is_nothing() {
        let row = json!({
            "id": 3, "name": "Old", "active": false, "sequence": 10, "from_filter": false, "smtp_host": "",
            "smtp_port": 0, "smtp_encryption": "none", "smtp_authentication": "login", "smtp_user": false,
            "owner_user_id": false,
        });
        let expected = Outgoing {
            id: 3,
            name: "Old".to_owned(),
            active: false,
            sequence: 10,
            from_filter: None,
            host: None,
            port: None,
            encryption: "none".to_owned(),
            authentication: "login".to_owned(),
            user: None,
            token: None,
            owner: None,
        };
        assert_eq!(outgoing(&row), Some(expected));
        assert_eq!(outgoing(&json!({"name": "no id"})), None);
        assert_eq!(token(&json!({"id": 3, TOKEN: false})), None);
        assert_eq!(parameter(&json!({"key": "web.base.url", "value": false})), None);
    }

    #[test]
    fn in_15_a_column_of_its_own_makes_a_row_gmails() {
        let row = |own| json!({"id": 1, "server_type": "imap", OWN_COLUMN: own});
        assert_eq!(incoming(&row(true)).unwrap().kind, "gmail");
        assert_eq!(incoming(&row(false)).unwrap().kind, "imap");
        let row = |own| json!({"id": 1, "smtp_authentication": "login", OWN_COLUMN: own});
        assert_eq!(outgoing(&row(true)).unwrap().authentication, "gmail");
        assert_eq!(outgoing(&row(false)).unwrap().authentication, "login");
    }

    #[test]
    fn since_19_a_row_tells_of_its_owner_and_its_trouble() {
        let row = json!({"id": 1, "owner_user_id": [7, "Anna"]});
        assert_eq!(outgoing(&row).unwrap().owner, Some(7));
        let row = json!({"id": 1, "error_date": "2026-11-22 14:00:00", "error_message": "no 1//0abcdef,\nand no more"});
        let at = Timestamp::parse("2026-11-22T14:00:00Z").unwrap();
        let words = "no ****, and no more".to_owned();
        assert_eq!(incoming(&row).unwrap().error, Some((at, words)));
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let at = Timestamp::parse("2026-11-22T14:00:07Z").unwrap();
        assert_eq!(written(at), "2026-11-22 14:00:07");
        assert_eq!(time(&json!({"date": written(at)}), "date"), Some(at));
        assert_eq!(time(&json!({"date": "yesterday"}), "date"), None);
    }

    #[test]
    fn jobs_have_intervals() {
        let row = |unit| json!({"active": true, "interval_number": 5, "interval_type": unit, "nextcall": false});
        let seconds = [("minutes", 300), ("hours", 18_000), ("weeks", 3_024_000)];
        for (unit, seconds) in seconds {
            assert_eq!(schedule(&row(unit)).interval.as_secs(), seconds, "{unit}");
        }
    }

    #[test]
    fn a_default_sender_is_a_whole_address() {
        let domain = |sender| json!({"name": "example.com", "default_from": sender});
        assert_eq!(default_sender(&domain(json!("bot"))).as_deref(), Some("bot@example.com"));
        assert_eq!(
            default_sender(&domain(json!("bot@example.org"))).as_deref(),
            Some("bot@example.org")
        );
        assert_eq!(default_sender(&domain(json!(false))), None);
    }
}
