//! What is read of an Odoo by SQL: databases as Odoo 15 to 19 have them, through the role that grants.sql makes.

mod furnished;

use std::path::Path;
use std::sync::Arc;

use mailbox_exporter::domain::{clock::Clock, secret::Secret};
use mailbox_exporter::source::odoo::Look;
use mailbox_exporter::source::odoo::sql::Reader;
use mailbox_exporter::source::odoo::version::Series;
use mailbox_exporter::wire::{Wire, dial::Dialer, https::Https};

use furnished::{furnish, furnished};

use crate::support::{Database, Postgres, VERSIONS, Variant};

#[tokio::test]
async fn every_version_is_read_exactly_as_it_is() {
    let Some(postgres) = Postgres::shared() else { return };
    let mut seen = Watch::new(postgres);
    for (version, series) in VERSIONS.into_iter().zip(Series::ALL) {
        let odoo = postgres.odoo(version);
        furnish(&odoo, version);
        let look = seen.look(&odoo).await.unwrap();
        assert_eq!(*look.database, furnished(version, series), "Odoo {version}");
    }
}

#[tokio::test]
async fn a_look_without_news_brings_the_very_same_and_news_are_seen_by_the_next() {
    let Some(postgres) = Postgres::shared() else { return };
    let (odoo, mut seen) = (postgres.odoo(18), Watch::new(postgres));
    furnish(&odoo, 18);
    let first = seen.look(&odoo).await.unwrap().database;
    assert!(Arc::ptr_eq(&first, &seen.look(&odoo).await.unwrap().database));
    // As Odoo does when a person links again.
    odoo.sql("UPDATE ir_mail_server SET google_gmail_refresh_token = '1//new', write_date = now() AT TIME ZONE 'UTC' WHERE id = 1");
    let second = seen.look(&odoo).await.unwrap().database;
    assert_eq!(second.outgoing[0].token, Some(Secret::new("1//new")));
    // Odoo writes an access token every hour, which is no news.
    odoo.sql("UPDATE ir_mail_server SET google_gmail_access_token = 'x', write_date = now() AT TIME ZONE 'UTC'");
    assert!(Arc::ptr_eq(&second, &seen.look(&odoo).await.unwrap().database));
    odoo.sql(
        "UPDATE ir_config_parameter SET value = 'https://other.example' WHERE key = 'web.base.url'",
    );
    let third = seen.look(&odoo).await.unwrap().database;
    assert_eq!(third.parameters["web.base.url"], "https://other.example");
    odoo.sql("DELETE FROM fetchmail_server WHERE id = 2");
    assert_eq!(seen.look(&odoo).await.unwrap().database.incoming.len(), 1);
}

#[tokio::test]
async fn what_a_fork_does_not_have_is_absent_and_nothing_else_is() {
    let Some(postgres) = Postgres::shared() else { return };
    let mut seen = Watch::new(postgres);
    for version in VERSIONS {
        let vault = postgres.odoo_with(version, Variant::TokenVault);
        vault.sql(
            "INSERT INTO ir_mail_server (name, active, smtp_host, smtp_port, smtp_encryption, smtp_authentication, smtp_user)
             VALUES ('Vault', true, 'smtp.gmail.com', 587, 'starttls', 'gmail', 'a@example.com')",
        );
        let read = seen.look(&vault).await.unwrap().database;
        assert!(!read.has_token_columns && read.unread.is_empty());
        assert_eq!(read.outgoing[0].user.as_deref(), Some("a@example.com"));
        assert_eq!(read.outgoing[0].token, None);

        let bare = postgres.odoo_with(version, Variant::NoMail);
        let look = seen.look(&bare).await.unwrap();
        assert!(look.database.incoming.is_empty() && look.database.jobs.is_empty());
        assert!(look.queue.is_none() && look.database.unread.is_empty());
    }
    // What an older version left behind means nothing any more.
    let upgraded = postgres.odoo(18);
    upgraded.sql("ALTER TABLE ir_mail_server ADD use_google_gmail_service boolean DEFAULT true");
    furnish(&upgraded, 18);
    upgraded.grant().unwrap();
    let read = seen.look(&upgraded).await.unwrap().database;
    assert_eq!(read.outgoing[2].authentication, "login");
    assert_eq!(read.outgoing[2].token, None);
}

#[tokio::test]
async fn an_environment_and_a_neutralised_copy_are_told() {
    let Some(postgres) = Postgres::shared() else { return };
    let mut seen = Watch::new(postgres);
    let read = seen.look(&postgres.odoo_with(18, Variant::MailEnvironment)).await.unwrap().database;
    assert!(read.from_environment && read.unread.is_empty());
    assert_eq!(read.outgoing[1].host, None);
    assert_eq!(read.modules["mail_environment"].state, "installed");
    assert!(!format!("{read:?}").contains("a-password"));
    let read = seen.look(&postgres.odoo_with(18, Variant::Neutralised)).await.unwrap().database;
    assert_eq!(read.parameters["database.is_neutralized"], "true");
    assert!(!read.from_environment);
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let Some(postgres) = Postgres::shared() else { return };
    let again = "run deploy/odoo/grants.sql again";
    let cases = [
        (
            "REVOKE SELECT (google_gmail_refresh_token) ON ir_mail_server FROM ",
            format!("permission denied for ir_mail_server.google_gmail_refresh_token: {again}"),
        ),
        (
            "REVOKE SELECT (server_type) ON fetchmail_server FROM ",
            format!("permission denied for fetchmail_server.server_type: {again}"),
        ),
        (
            "REVOKE USAGE ON SCHEMA gmail_monitor FROM ",
            format!("permission denied for gmail_monitor.config.key: {again}"),
        ),
    ];
    for (revoke, expected) in cases {
        let (odoo, mut seen) = (postgres.odoo(18), Watch::new(postgres));
        seen.look(&odoo).await.unwrap();
        odoo.sql(&format!("{revoke}{}", odoo.role));
        assert_eq!(Watch::new(postgres).look(&odoo).await.unwrap_err(), expected);
        odoo.grant().unwrap();
        seen.look(&odoo).await.unwrap();
    }
    let (odoo, mut seen) = (postgres.odoo(18), Watch::new(postgres));
    odoo.sql("DROP VIEW gmail_monitor.config");
    let why = seen.look(&odoo).await.unwrap_err();
    assert_eq!(why, "this database has no view gmail_monitor.config: run deploy/odoo/grants.sql");

    // Without these it is read nevertheless, and says what it lacks.
    let odoo = postgres.odoo(19);
    odoo.sql(&format!(
        "REVOKE SELECT (owner_user_id) ON ir_mail_server FROM {role};
         REVOKE SELECT (active) ON ir_cron FROM {role}; REVOKE SELECT (state) ON mail_mail FROM {role}",
        role = odoo.role
    ));
    let look = seen.look(&odoo).await.unwrap();
    assert_eq!(
        look.database.unread,
        ["ir_mail_server.owner_user_id", "ir_cron.active", "mail_mail.state"]
    );
    assert!(look.database.jobs.is_empty() && look.queue.is_none());
}

#[tokio::test]
async fn a_database_that_cannot_be_had_says_why_and_never_the_password() {
    let Some(postgres) = Postgres::shared() else { return };
    let (odoo, dsn) = (postgres.odoo(18), postgres.odoo(18).dsn());
    let with = |from: &str, to: &str| dsn.replace(from, to);
    let dead = postgres.closed(18);
    let cases = [
        (with("password-of", "p4ssword-of"), "password authentication failed for user \"reader_"),
        (with("dbname=", "dbname=no_"), "database \"no_test_"),
        (with("sslmode=require", "sslmode=verify-full"), "write sslmode=require"),
        (with("sslmode=require", "sslmode=disable"), "no pg_hba.conf entry"),
        (with("host=localhost", "host=nowhere.invalid"), "nowhere.invalid:"),
        (with(" port=", " port=1 user=x application_name="), "connection refused by localhost:1"),
        (dead.dsn(), "password authentication failed"),
        ("postgresql://mon:p@ssword-of-it@localhost/x".to_owned(), "is no host name"),
        (format!("{} dbname=postgres", odoo.dsn()), "this is no database of an Odoo"),
    ];
    for (dsn, expected) in cases {
        let why = Watch::new(postgres).look_by(&dsn).await.unwrap_err();
        assert!(why.contains(expected), "{why}, not {expected}");
        assert!(!why.contains("word-of"), "{why}");
    }
    let stranger = wire(None);
    let why = Reader::new().look(&Secret::new(odoo.dsn()), &stranger).await.unwrap_err();
    assert!(why.contains("is of no trusted authority: name that in google.ca_file"), "{why}");
    let socket = format!("{} sslmode=prefer", odoo.socket_dsn());
    Watch::new(postgres).look_by(&socket).await.unwrap();
}

#[tokio::test]
async fn a_table_that_an_upgrade_holds_is_left_alone_and_nothing_of_ours_is_in_its_way() {
    let Some(postgres) = Postgres::shared() else { return };
    for table in ["ir_mail_server", "fetchmail_server", "ir_config_parameter", "mail_mail"] {
        let (odoo, mut seen) = (postgres.odoo(18), Watch::new(postgres));
        seen.look(&odoo).await.unwrap();
        let lock = odoo.lock(table);
        let why = seen.look(&odoo).await.unwrap_err();
        let shown = table.replace("ir_config_parameter", "gmail_monitor.config");
        assert_eq!(why, format!("{shown} is locked, by an upgrade of Odoo most likely"));
        drop(lock);
        // Whoever wants a table for itself gets it at once, with the exporter connected.
        seen.look(&odoo).await.unwrap();
        odoo.sql(&format!(
            "SET lock_timeout = '20ms'; ALTER TABLE {table} ADD of_an_upgrade integer"
        ));
        let idle = "SELECT state FROM pg_stat_activity WHERE application_name = 'mailbox_exporter'
                    AND datname = current_database() AND state <> 'idle'";
        assert_eq!(odoo.sql(idle), "");
        seen.look(&odoo).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_survived_and_so_is_a_session_that_was_ended() {
    if Postgres::shared().is_none() {
        return;
    }
    let mut postgres = Postgres::start();
    let mut seen = Watch::new(&postgres);
    let (dsn, name) = {
        let odoo = postgres.odoo(18);
        furnish(&odoo, 18);
        (odoo.dsn(), odoo.name.clone())
    };
    let before = seen.look_by(&dsn).await.unwrap().database;
    let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE application_name = 'mailbox_exporter'";
    assert_eq!(postgres.database(&name, "postgres").sql(ended), "1");
    assert!(Arc::ptr_eq(&before, &seen.look_by(&dsn).await.unwrap().database));
    postgres.stop();
    let why = seen.look_by(&dsn).await.unwrap_err();
    assert!(why.starts_with("connection refused by localhost:"), "{why}");
    postgres.resume();
    assert!(Arc::ptr_eq(&before, &seen.look_by(&dsn).await.unwrap().database));
}

#[tokio::test]
async fn five_thousand_servers_are_read_and_one_that_changed_is_seen() {
    let Some(postgres) = Postgres::shared() else { return };
    let (odoo, mut seen) = (postgres.odoo(19), Watch::new(postgres));
    odoo.sql(
        "INSERT INTO ir_mail_server (name, active, sequence, smtp_host, smtp_port, smtp_encryption,
           smtp_authentication, smtp_user, google_gmail_refresh_token, write_date)
         SELECT 'Server ' || n, true, 10, 'smtp.gmail.com', 587, 'starttls', 'gmail',
           'u' || n || '@example.com', '1//' || n, '2026-11-01' FROM generate_series(1, 5000) n",
    );
    let first = seen.look(&odoo).await.unwrap().database;
    assert_eq!(first.outgoing.len(), 5000);
    odoo.sql("UPDATE ir_mail_server SET google_gmail_refresh_token = '1//new', write_date = '2026-11-02' WHERE id = 4711");
    let second = seen.look(&odoo).await.unwrap().database;
    assert_eq!(second.outgoing[4710].token, Some(Secret::new("1//new")));
}

/// By the server's own log, in which every statement of the role is written down.
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_writes_or_asks_for_a_secret_that_is_not_needed() {
    if Postgres::shared().is_none() {
        return;
    }
    let postgres = Postgres::start();
    for version in VERSIONS {
        let odoo = postgres.odoo(version);
        furnish(&odoo, version);
        odoo.sql(&format!("ALTER ROLE {} SET log_statement = 'all'", odoo.role));
        let mut seen = Watch::new(&postgres);
        for _ in 0..2 {
            seen.look(&odoo).await.unwrap();
        }
    }
    let log = postgres.log();
    let begin = ["BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;", "SELECT", "COMMIT"];
    let mut statements = 0;
    for statement in log.lines().filter_map(statement) {
        let statement = statement.trim_start();
        assert!(begin.iter().any(|word| statement.starts_with(word)), "{statement}");
        statements += 1;
    }
    assert!(statements > 100, "{statements} statements are too few to be all");
    let never = [
        "smtp_pass",
        "\"password\"",
        "access_token",
        "authorization_code",
        "server_env_defaults\"",
        "ir_config_parameter",
        "database.secret",
        "body",
        "email_to",
        "*)::",
        "SELECT *",
        "1//",
    ];
    for word in never {
        assert!(!log.contains(word), "{word} is in the log:\n{log}");
    }
}

/// A line of the log that begins a statement.
fn statement(line: &str) -> Option<&str> {
    let marks = ["LOG:  statement: ", "LOG:  execute <unnamed>: "];
    marks.iter().find_map(|mark| Some(line.split_once(mark)?.1))
}

/// A reader of Odoos, with what it knows.
pub(crate) struct Watch {
    reader: Reader,
    wire: Wire,
}

impl Watch {
    pub(crate) fn new(postgres: &Postgres) -> Self {
        Self { reader: Reader::new(), wire: wire(Some(postgres.authority())) }
    }

    pub(crate) async fn look(&mut self, odoo: &Database<'_>) -> Result<Look, String> {
        self.look_by(&odoo.dsn()).await
    }

    async fn look_by(&mut self, dsn: &str) -> Result<Look, String> {
        self.reader.look(&Secret::new(dsn), &self.wire).await
    }
}

fn wire(authority: Option<&Path>) -> Wire {
    let dialer = Dialer::new(authority).expect("the system or the test's authority is trusted");
    let https = Arc::new(Https::new(&dialer));
    Wire { dialer, https, clock: Clock::System }
}
