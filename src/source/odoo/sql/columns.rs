//! THE table of what is read of an Odoo by SQL, and what of it a database has and grants.
//!
//! Invariant: only what stands in the table is ever selected, and no password, access token or authorization code does.
//! Invariant: what is not there is told apart from what is not granted. `information_schema` hides the latter.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{denied, said};
use crate::{
    source::odoo::version::Series,
    wire::postgres::{Parameter, Transaction},
};

use Kind::{Flag, Number, Presence, Text, Time, Token};
use Need::{Essential, Optional, Whole};
use Series::{V15, V16, V17, V19};

/// One column that is read.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) table: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    need: Need,
    /// The first series and the last one in which it means what it is read for: Odoo leaves columns behind.
    since: Series,
    until: Series,
}

/// What a column holds, and so how it is selected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Flag,
    Number,
    /// Never selected: that it is there says enough.
    Presence,
    Text,
    /// Of Odoo's times, which are UTC without saying so: milliseconds.
    Time,
    /// Selected of Gmail's rows only.
    Token,
}

/// What is the case where a column is there, but not granted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Need {
    /// The Odoo cannot be read.
    Essential,
    /// It is as if it were empty, and is named.
    Optional,
    /// Nothing of its table is read, and it is named.
    Whole,
}

pub(super) const COLUMNS: &[Column] = &[
    always(MODULES, "name", Text, Essential),
    always(MODULES, "state", Text, Essential),
    always(MODULES, "latest_version", Text, Essential),
    always(OUTGOING, "id", Number, Essential),
    always(OUTGOING, "name", Text, Optional),
    always(OUTGOING, "active", Flag, Essential),
    always(OUTGOING, "sequence", Number, Essential),
    always(OUTGOING, "from_filter", Text, Essential),
    always(OUTGOING, "smtp_host", Text, Essential),
    always(OUTGOING, "smtp_port", Number, Essential),
    always(OUTGOING, "smtp_encryption", Text, Essential),
    always(OUTGOING, "smtp_authentication", Text, Essential),
    always(OUTGOING, "smtp_user", Text, Essential),
    always(OUTGOING, TOKEN, Token, Essential),
    always(OUTGOING, "write_date", Time, Essential),
    always(OUTGOING, ENVIRONMENT, Presence, Optional),
    of(OUTGOING, OWN_COLUMN, Flag, Essential, V15, V15),
    of(OUTGOING, "owner_user_id", Number, Optional, V19, V19),
    always(INCOMING, "id", Number, Essential),
    always(INCOMING, "name", Text, Optional),
    always(INCOMING, "active", Flag, Essential),
    always(INCOMING, "state", Text, Essential),
    always(INCOMING, "server", Text, Essential),
    always(INCOMING, "port", Number, Essential),
    always(INCOMING, "is_ssl", Flag, Essential),
    always(INCOMING, "server_type", Text, Essential),
    always(INCOMING, "user", Text, Essential),
    always(INCOMING, TOKEN, Token, Essential),
    always(INCOMING, "date", Time, Optional),
    always(INCOMING, "write_date", Time, Essential),
    always(INCOMING, ENVIRONMENT, Presence, Optional),
    of(INCOMING, OWN_COLUMN, Flag, Essential, V15, V15),
    of(INCOMING, "error_date", Time, Optional, V19, V19),
    of(INCOMING, "error_message", Text, Optional, V19, V19),
    always(SETTINGS, "key", Text, Essential),
    always(SETTINGS, "value", Text, Essential),
    always(NAMES, "module", Text, Whole),
    always(NAMES, "name", Text, Whole),
    always(NAMES, "model", Text, Whole),
    always(NAMES, "res_id", Number, Whole),
    always(JOBS, "id", Number, Whole),
    always(JOBS, "active", Flag, Whole),
    always(JOBS, "nextcall", Time, Optional),
    always(JOBS, "interval_number", Number, Whole),
    always(JOBS, "interval_type", Text, Whole),
    of(DOMAINS, "id", Number, Whole, V17, V19),
    of(DOMAINS, "name", Text, Whole, V17, V19),
    of(DOMAINS, "default_from", Text, Whole, V17, V19),
    always(MAILS, "id", Number, Whole),
    always(MAILS, "state", Text, Whole),
    always(MAILS, "failure_type", Text, Whole),
    always(MAILS, "failure_reason", Text, Optional),
    always(MAILS, "is_notification", Flag, Whole),
    always(MAILS, "create_date", Time, Whole),
    always(MAILS, "write_date", Time, Whole),
    // Text in 15.
    of(MAILS, "scheduled_date", Time, Optional, V16, V19),
    always(MESSAGES, "id", Number, Whole),
    always(MESSAGES, "create_date", Time, Whole),
    always(NOTIFICATIONS, "id", Number, Whole),
    always(NOTIFICATIONS, "mail_message_id", Number, Whole),
    always(NOTIFICATIONS, "notification_type", Text, Whole),
    always(NOTIFICATIONS, "notification_status", Text, Whole),
];

pub(super) const DOMAINS: &str = "public.mail_alias_domain";
pub(super) const INCOMING: &str = "public.fetchmail_server";
pub(super) const JOBS: &str = "public.ir_cron";
pub(super) const MAILS: &str = "public.mail_mail";
pub(super) const MESSAGES: &str = "public.mail_message";
pub(super) const MODULES: &str = "public.ir_module_module";
pub(super) const NAMES: &str = "public.ir_model_data";
pub(super) const NOTIFICATIONS: &str = "public.mail_notification";
pub(super) const OUTGOING: &str = "public.ir_mail_server";
pub(super) const SETTINGS: &str = "gmail_monitor.config";

pub(super) const TOKEN: &str = "google_gmail_refresh_token";

/// Where OCA's `server_environment` keeps what its file does not say. It may hold passwords.
pub(super) const ENVIRONMENT: &str = "server_env_defaults";

/// Of 15: whether the row is Gmail's.
pub(super) const OWN_COLUMN: &str = "use_google_gmail_service";

const fn always(table: &'static str, name: &'static str, kind: Kind, need: Need) -> Column {
    of(table, name, kind, need, V15, V19)
}

const fn of(
    table: &'static str,
    name: &'static str,
    kind: Kind,
    need: Need,
    since: Series,
    until: Series,
) -> Column {
    Column { table, name, kind, need, since, until }
}

/// What a database has and grants of the table above.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    /// Whether it may be read, by table and column.
    known: BTreeMap<(String, String), bool>,
}

impl Columns {
    /// Asks the system's catalogue. No table is touched, so one that is locked is no obstacle.
    pub(super) async fn read(transaction: &Transaction<'_>) -> Result<Self, String> {
        let mut tables: Vec<_> = COLUMNS.iter().map(|column| column.table).collect();
        tables.dedup();
        let rows = transaction.rows(CATALOGUE, &[Parameter::Words(&tables)]).await;
        let mut known = BTreeMap::new();
        for row in rows.map_err(said("pg_catalog"))? {
            let of = said("pg_catalog");
            let at = (row.text("relation").map_err(&of)?, row.text("column").map_err(&of)?);
            if let (Some(table), Some(column)) = at {
                known.insert((table, column), row.flag("readable").map_err(&of)?);
            }
        }
        Ok(Self { known })
    }

    pub(super) fn has_table(&self, table: &str) -> bool {
        self.known.keys().any(|(known, _)| known == table)
    }

    pub(super) fn has(&self, table: &str, column: &str) -> bool {
        self.known.contains_key(&(table.to_owned(), column.to_owned()))
    }

    /// # Errors
    /// Where a column that every series needs may not be read.
    pub(super) fn suffice(&self) -> Result<(), String> {
        let needed = |column: &&Column| {
            column.need == Essential && (column.since, column.until) == (V15, V19)
        };
        let closed = |column: &&Column| self.readable(column) == Some(false);
        match COLUMNS.iter().filter(needed).find(closed) {
            Some(column) => Err(column.denied()),
            None => Ok(()),
        }
    }

    /// None where it is not there.
    fn readable(&self, column: &Column) -> Option<bool> {
        self.known.get(&(column.table.to_owned(), column.name.to_owned())).copied()
    }

    /// What to select of a table; none where it is not there or not to be read. What is not there is NULL.
    ///
    /// # Errors
    /// Where an essential column may not be read.
    pub(super) fn select(
        &self,
        table: &'static str,
        series: Series,
        unread: &mut Vec<String>,
    ) -> Result<Option<String>, String> {
        if !self.has_table(table) {
            return Ok(None);
        }
        let mut list = String::new();
        let mut whole = true;
        let selected = |column: &&Column| column.table == table && column.kind != Presence;
        for column in COLUMNS.iter().filter(selected) {
            let means_it = (column.since..=column.until).contains(&series);
            let readable = self.readable(column).filter(|_| means_it);
            if readable == Some(false) {
                if column.need == Essential {
                    return Err(column.denied());
                }
                unread.push(column.full_name());
                whole &= column.need == Optional;
            }
            let comma = if list.is_empty() { "" } else { ", " };
            let value = match readable {
                Some(true) => self.value(column, series),
                Some(false) | None => "NULL".to_owned(),
            };
            let (kind, name) = (column.kind.sql(), column.name);
            let _ = write!(list, "{comma}({value})::{kind} AS \"{name}\"");
        }
        Ok(whole.then_some(list))
    }

    fn value(&self, column: &Column, series: Series) -> String {
        let name = format!("\"{}\"", column.name);
        match column.kind {
            Flag | Number | Presence | Text => name,
            // An infinite time fits no number.
            Time => {
                format!("CASE WHEN isfinite({name}) THEN extract(epoch FROM {name}) * 1000 END")
            }
            Token => format!("CASE WHEN {} THEN {name} END", self.is_gmail(column.table, series)),
        }
    }

    /// The condition that a row of a server table is Gmail's.
    fn is_gmail(&self, table: &str, series: Series) -> &'static str {
        match (series.traits().own_column, table) {
            (true, _) if self.has(table, OWN_COLUMN) => "\"use_google_gmail_service\"",
            (true, _) => "false",
            (false, OUTGOING) => "\"smtp_authentication\" = 'gmail'",
            (false, _) => "\"server_type\" = 'gmail'",
        }
    }
}

impl Column {
    fn full_name(&self) -> String {
        format!("{}.{}", bare(self.table), self.name)
    }

    fn denied(&self) -> String {
        denied(&self.full_name())
    }
}

impl Kind {
    fn sql(self) -> &'static str {
        match self {
            Flag => "bool",
            Number | Time => "int8",
            Presence | Text | Token => "text",
        }
    }
}

/// A table's name without its schema, which is the same for all but one.
pub(super) fn bare(table: &str) -> &str {
    table.strip_prefix("public.").unwrap_or(table)
}

const CATALOGUE: &str = "SELECT n.nspname || '.' || c.relname AS relation, a.attname::text AS column,
           coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT'), false)
             AS readable
    FROM pg_namespace n
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('f', 'm', 'p', 'r', 'v')
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname IN ('gmail_monitor', 'public') AND n.nspname || '.' || c.relname = ANY ($1)";

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(there: &[(&str, &str, bool)]) -> Columns {
        let known = there
            .iter()
            .map(|(table, name, readable)| (((*table).to_owned(), (*name).to_owned()), *readable));
        Columns { known: known.collect() }
    }

    #[test]
    fn what_is_not_there_is_null_and_what_is_not_granted_is_told() {
        let mut unread = Vec::new();
        let without_token = columns(&[(OUTGOING, "id", true), (OUTGOING, "smtp_user", true)]);
        let list = without_token.select(OUTGOING, Series::V18, &mut unread).unwrap().unwrap();
        assert!(list.contains("(\"id\")::int8 AS \"id\""), "{list}");
        assert!(list.contains("(NULL)::text AS \"google_gmail_refresh_token\""), "{list}");
        assert!(list.contains("(NULL)::int8 AS \"owner_user_id\"") && unread.is_empty(), "{list}");
        let closed = columns(&[(OUTGOING, "id", true), (OUTGOING, TOKEN, false)]);
        let refusal = closed.select(OUTGOING, Series::V18, &mut unread).unwrap_err();
        assert_eq!(
            refusal,
            "permission denied for ir_mail_server.google_gmail_refresh_token: run deploy/odoo/grants.sql again"
        );
        assert_eq!(closed.suffice(), Err(refusal));
        assert_eq!(without_token.suffice(), Ok(()));
        let owner = columns(&[(OUTGOING, "id", true), (OUTGOING, "owner_user_id", false)]);
        assert!(owner.select(OUTGOING, V19, &mut unread).unwrap().is_some());
        assert_eq!(unread, ["ir_mail_server.owner_user_id"]);
        let jobs = columns(&[(JOBS, "id", true), (JOBS, "active", false)]);
        assert_eq!(jobs.select(JOBS, Series::V18, &mut unread), Ok(None));
        assert_eq!(unread.last().unwrap(), "ir_cron.active");
        assert_eq!(jobs.select(MAILS, Series::V18, &mut unread), Ok(None));
        assert_eq!(unread.len(), 2);
    }

    #[test]
    fn a_token_is_selected_of_gmails_rows_only() {
        let mark = |series, table, own| {
            let columns = columns(&[(table, TOKEN, true), (table, own, true)]);
            columns.select(table, series, &mut Vec::new()).unwrap().unwrap()
        };
        for (series, table, own, expected) in [
            (V15, OUTGOING, OWN_COLUMN, "CASE WHEN \"use_google_gmail_service\" THEN"),
            (V15, OUTGOING, "id", "CASE WHEN false THEN"),
            (V16, OUTGOING, OWN_COLUMN, "CASE WHEN \"smtp_authentication\" = 'gmail' THEN"),
            (V19, INCOMING, "id", "CASE WHEN \"server_type\" = 'gmail' THEN"),
        ] {
            let list = mark(series, table, own);
            let token = format!("{expected} \"{TOKEN}\" END");
            assert!(list.contains(&token), "{list}");
            assert_eq!(list.matches(TOKEN).count(), 2, "{list}");
        }
    }

    #[test]
    fn no_secret_but_the_refresh_token_is_in_the_table() {
        for Column { name, kind, .. } in COLUMNS {
            let secret = ["pass", "access", "authorization", "secret", "token", "private", "body"];
            let is_secret = secret.iter().any(|word| name.contains(word));
            assert_eq!(is_secret, *kind == Token, "{name}");
        }
    }

    #[test]
    fn every_column_is_granted_by_grants_sql() {
        let granted = |column: &Column| {
            let start = format!("('{}', 'SELECT', '", bare(column.table));
            let lists = GRANTS.lines().filter_map(|line| line.trim().strip_prefix(&*start));
            let words =
                lists.flat_map(|list| list.split('\'').next()).flat_map(|list| list.split(' '));
            words.into_iter().any(|word| word == column.name)
        };
        for column in COLUMNS.iter().filter(|column| column.table != SETTINGS) {
            assert_eq!(granted(column), column.kind != Presence, "{}", column.full_name());
        }
    }

    const GRANTS: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/odoo/grants.sql"));
}
