//! deploy/odoo/grants.sql and revoke.sql, run by psql as an administrator does, held against what the exporter's role can
//! then do in databases as Odoo 15 to 19 have them.

use std::ops::RangeInclusive;

use crate::support::{Database, GRANTS, Postgres, REVOKE, VERSIONS, Variant};

#[test]
fn the_role_reads_exactly_these_columns_in_every_version() {
    let Some(postgres) = Postgres::shared() else { return };
    for version in VERSIONS {
        let odoo = postgres.odoo(version);
        assert_eq!(readable(&odoo), expected(version), "in Odoo {version}");
        for table in expected(version) {
            let (name, columns) = table.split_once(": ").unwrap();
            // A reserved word is a column of Odoo's.
            let columns = columns.split(' ').map(|column| format!("\"{column}\""));
            let columns = columns.collect::<Vec<_>>().join(", ");
            odoo.as_exporter(&format!("SELECT {columns} FROM {name}")).unwrap();
        }
    }
}

#[test]
fn secrets_are_refused_in_every_version() {
    let Some(postgres) = Postgres::shared() else { return };
    for version in VERSIONS {
        let odoo = postgres.odoo(version);
        for (table, column) in SECRETS {
            // Some columns went with Odoo 19.
            let there = format!(
                "SELECT count(*) FROM information_schema.columns
                 WHERE table_name = '{table}' AND column_name = '{column}'"
            );
            if odoo.sql(&there) == "1" {
                refused(&odoo, &format!("SELECT {column} FROM {table}"));
            }
        }
        for table in ["ir_config_parameter", "ir_mail_server", "fetchmail_server", "res_users"] {
            refused(&odoo, &format!("SELECT * FROM {table}"));
        }
    }
}

#[test]
fn the_view_shows_chosen_settings_and_never_the_databases_secret() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.odoo(18);
    odoo.sql(
        "INSERT INTO ir_config_parameter (key, value) VALUES
         ('google_gmail_client_id', 'an-id'), ('google_gmail_client_secret', 'a-secret')",
    );
    let shown = odoo.as_exporter("SELECT key, value FROM gmail_monitor.config ORDER BY key");
    let shown = shown.unwrap();
    let keys: Vec<&str> = shown.lines().map(|line| line.split('|').next().unwrap()).collect();
    let chosen =
        ["database.uuid", "google_gmail_client_id", "google_gmail_client_secret", "web.base.url"];
    assert_eq!(keys, chosen);
    let secret = "SELECT value FROM gmail_monitor.config WHERE key = 'database.secret'";
    assert_eq!(odoo.as_exporter(secret).unwrap(), "");
    // Were it the superuser's, who may change the view would read whatever the superuser may.
    let owner = "SELECT viewowner FROM pg_views WHERE schemaname = 'gmail_monitor'";
    assert_eq!(odoo.sql(owner), "odoo");
}

/// Without `security_barrier` the planner asks a cheap function about the hidden rows first, and it tells.
#[test]
fn no_function_of_the_roles_own_is_shown_the_hidden_settings() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.odoo(18);
    let told = odoo.as_exporter(
        "BEGIN READ WRITE;
         CREATE FUNCTION pg_temp.peek(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
           'BEGIN IF $1 LIKE ''the-secret%'' THEN RAISE EXCEPTION ''seen: %'', $1; END IF; RETURN true; END';
         SELECT key FROM gmail_monitor.config WHERE pg_temp.peek(value) ORDER BY key",
    );
    assert_eq!(told.unwrap(), "database.uuid\nweb.base.url");
}

#[test]
fn nothing_can_be_written() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.odoo(19);
    for statement in WRITING {
        // Out of the box a session is read only; one that makes itself writable still lacks every right.
        let refusal = odoo.as_exporter(statement).unwrap_err();
        assert!(refusal.contains("ERROR:  25006") || refusal.contains(REFUSED), "{refusal}");
        refused(&odoo, &format!("BEGIN READ WRITE; {statement}"));
    }
}

#[test]
fn the_role_is_bounded() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.odoo(18);
    let role = &odoo.role;
    let settings = [
        ("default_transaction_read_only", "on"),
        ("statement_timeout", "15s"),
        ("lock_timeout", "2s"),
        ("idle_in_transaction_session_timeout", "30s"),
    ];
    for (name, value) in settings {
        assert_eq!(odoo.as_exporter(&format!("SHOW {name}")).unwrap(), value, "{name}");
    }
    let limit = format!("SELECT rolconnlimit FROM pg_roles WHERE rolname = '{role}'");
    assert_eq!(odoo.sql(&limit), "5");
    odoo.run("postgres", GRANTS, &[&format!("role={role}"), "connections=9"]).unwrap();
    assert_eq!(odoo.sql(&limit), "9");
}

#[test]
fn without_a_name_the_role_is_mailbox_exporter_and_cannot_sign_in_before_it_has_a_password() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.closed(18);
    let printed = odoo.run("postgres", GRANTS, &[]).unwrap();
    assert!(printed.contains("ir_module_module|id name state latest_version"), "{printed}");
    let odoo = postgres.database(&odoo.name, "mailbox_exporter");
    assert_eq!(readable(&odoo), expected(18));
    let refusal = odoo.as_exporter("SELECT 1").unwrap_err();
    assert!(refusal.contains("password authentication failed"), "{refusal}");
    odoo.run("postgres", REVOKE, &[]).unwrap();
    let left = "SELECT count(*) FROM pg_roles WHERE rolname = 'mailbox_exporter'";
    assert_eq!(odoo.sql(left), "0");
}

#[test]
fn granting_again_covers_new_columns_and_takes_back_what_is_not_listed() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.odoo(18);
    let before = readable(&odoo);
    odoo.grant().unwrap();
    assert_eq!(readable(&odoo), before);
    odoo.sql("ALTER TABLE ir_mail_server ADD owner_user_id integer");
    odoo.sql(&format!("GRANT SELECT ON res_users, ir_config_parameter TO {}", odoo.role));
    refused(&odoo, "SELECT owner_user_id FROM ir_mail_server");
    odoo.as_exporter("SELECT password FROM res_users").unwrap();
    odoo.grant().unwrap();
    odoo.as_exporter("SELECT owner_user_id FROM ir_mail_server").unwrap();
    refused(&odoo, "SELECT login FROM res_users");
    refused(&odoo, "SELECT value FROM ir_config_parameter");
}

#[test]
fn revoking_leaves_neither_role_nor_schema() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.odoo(18);
    odoo.revoke().unwrap();
    let refusal = odoo.as_exporter("SELECT 1").unwrap_err();
    assert!(refusal.contains("password authentication failed"), "{refusal}");
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'gmail_monitor'";
    assert_eq!(odoo.sql(left), "0");
    let known = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{}'", odoo.role);
    assert_eq!(odoo.sql(&known), "0");
    odoo.revoke().expect("it can be run again");
}

#[test]
fn revoking_in_one_database_leaves_the_role_its_others() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.odoo(18);
    let other = postgres.closed(17);
    other.grant_to(&odoo.role).unwrap();
    odoo.revoke().unwrap();
    refused(&odoo, "SELECT name FROM ir_mail_server");
    let gone = odoo.as_exporter("SELECT key FROM gmail_monitor.config").unwrap_err();
    assert!(gone.contains("ERROR:  42P01"), "{gone}");
    let other = postgres.database(&other.name, &odoo.role);
    other.as_exporter("SELECT name FROM ir_mail_server").unwrap();
}

#[test]
fn a_restored_database_is_closed_until_granted_again() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.odoo(18).restored();
    refused(&odoo, "SELECT name FROM ir_mail_server");
    refused(&odoo, "SELECT key FROM gmail_monitor.config");
    odoo.grant().unwrap();
    assert_eq!(readable(&odoo), expected(18));
    refused(&odoo, "SELECT value FROM ir_config_parameter");
}

/// That the column is there is what the exporter has to know; what it holds may be a password.
#[test]
fn a_server_environment_shows_and_is_not_readable() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.odoo_with(18, Variant::MailEnvironment);
    let seen = "SELECT table_name FROM information_schema.columns
                WHERE column_name = 'server_env_defaults' ORDER BY 1";
    assert_eq!(odoo.as_exporter(seen).unwrap(), "fetchmail_server\nir_mail_server");
    refused(&odoo, "SELECT server_env_defaults FROM ir_mail_server");
    refused(&odoo, "SELECT server_env_defaults FROM fetchmail_server");
    assert_eq!(readable(&odoo), expected(18));
}

#[test]
fn an_odoo_without_gmails_columns_or_without_mail_is_granted_what_it_has() {
    let Some(postgres) = Postgres::shared() else { return };
    let vault = postgres.odoo_with(18, Variant::TokenVault);
    vault.as_exporter("SELECT smtp_user FROM ir_mail_server").unwrap();
    assert!(!readable(&vault).concat().contains("google_gmail"));
    let bare = postgres.odoo_with(16, Variant::NoMail);
    bare.as_exporter("SELECT smtp_user FROM ir_mail_server").unwrap();
    assert!(!readable(&bare).concat().contains("mail_mail"));
}

#[test]
fn a_neutralised_copy_says_so() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.odoo_with(18, Variant::Neutralised);
    let neutralised =
        "SELECT value FROM gmail_monitor.config WHERE key = 'database.is_neutralized'";
    assert_eq!(odoo.as_exporter(neutralised).unwrap(), "true");
    let active = "SELECT name FROM ir_mail_server WHERE active";
    assert_eq!(odoo.as_exporter(active).unwrap(), "neutralization - disable emails");
}

#[test]
fn a_role_of_somebody_elses_or_another_database_is_refused() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.closed(18);
    let role = &odoo.role;
    let refusal = postgres.database("postgres", role).grant().unwrap_err();
    assert!(refusal.contains("database postgres is not Odoo's"), "{refusal}");
    for (is, said) in [
        (format!("CREATE ROLE {role} SUPERUSER"), "it may do anything"),
        (format!("ALTER ROLE {role} NOSUPERUSER; GRANT pg_monitor TO {role}"), "a member of"),
        (
            format!("REVOKE pg_monitor FROM {role}; ALTER TABLE mail_mail OWNER TO {role}"),
            "it owns",
        ),
    ] {
        odoo.sql(&is);
        let refusal = odoo.grant().unwrap_err();
        assert!(refusal.contains(said), "{refusal}");
    }
    let refusal = odoo.grant_to("odoo").unwrap_err();
    assert!(refusal.contains("is not the exporter's own"), "{refusal}");
    let refusal = postgres.database(&odoo.name, "odoo").revoke().unwrap_err();
    assert!(refusal.contains("is not the exporter's own"), "{refusal}");
}

/// Where nobody is a superuser, as in a cloud: somebody who may make roles and is a member of Odoo's.
#[test]
fn an_administrator_without_superuser_can_grant_and_revoke() {
    let Some(postgres) = Postgres::shared() else { return };
    let odoo = postgres.closed(18);
    let (role, administrator) = (&odoo.role, format!("administrator_of_{}", odoo.name));
    odoo.sql(&format!(
        "CREATE ROLE {administrator} LOGIN CREATEROLE; GRANT odoo TO {administrator}"
    ));
    odoo.run(&administrator, GRANTS, &[&format!("role={role}")]).unwrap();
    assert_eq!(readable(&odoo), expected(18));
    odoo.run(&administrator, REVOKE, &[&format!("role={role}")]).unwrap();
    let left = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'");
    assert_eq!(odoo.sql(&left), "0");
}

#[test]
fn a_locked_table_is_to_be_had_again_and_so_is_a_server_that_was_stopped() {
    if Postgres::shared().is_none() {
        return;
    }
    let mut postgres = Postgres::start();
    let odoo = postgres.odoo(18);
    let count = "SET lock_timeout = '20ms'; SELECT count(id) FROM mail_mail";
    let lock = odoo.lock("mail_mail");
    let refusal = odoo.as_exporter(count).unwrap_err();
    assert!(refusal.contains("ERROR:  55P03"), "{refusal}");
    drop(lock);
    assert_eq!(odoo.as_exporter(count).unwrap(), "0");
    let (name, role) = (odoo.name.clone(), odoo.role.clone());
    postgres.stop();
    let refusal = postgres.database(&name, &role).as_exporter(count).unwrap_err();
    assert!(refusal.contains("Connection refused"), "{refusal}");
    postgres.resume();
    assert_eq!(postgres.database(&name, &role).as_exporter(count).unwrap(), "0");
}

/// A line a table with the columns that the role may read.
fn readable(odoo: &Database<'_>) -> Vec<String> {
    let readable = odoo.sql(&format!(
        "SELECT relname || ': ' || string_agg(attname, ' ' ORDER BY attname)
         FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
         WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
           AND NOT attisdropped AND has_column_privilege('{}', attrelid, attnum, 'SELECT')
         GROUP BY relname ORDER BY relname",
        odoo.role
    ));
    readable.lines().map(str::to_owned).collect()
}

/// The same, as it should be.
fn expected(version: u8) -> Vec<String> {
    let mut tables: Vec<(&str, Vec<&str>)> = Vec::new();
    for (table, versions, columns) in READABLE {
        if versions.contains(&version) {
            match tables.iter_mut().find(|(name, _)| name == table) {
                Some((_, known)) => known.extend(columns.split(' ')),
                None => tables.push((table, columns.split(' ').collect())),
            }
        }
    }
    tables.sort();
    let line = |(table, mut columns): (&str, Vec<&str>)| {
        columns.sort_unstable();
        format!("{table}: {}", columns.join(" "))
    };
    tables.into_iter().map(line).collect()
}

fn refused(odoo: &Database<'_>, sql: &str) {
    let refusal = odoo.as_exporter(sql).expect_err(sql);
    assert!(refusal.contains(REFUSED), "{sql}: {refusal}");
}

/// "insufficient_privilege".
const REFUSED: &str = "ERROR:  42501";

const READABLE: &[(&str, RangeInclusive<u8>, &str)] = &[
    (
        "ir_mail_server",
        15..=19,
        "id name active sequence from_filter create_date write_date smtp_host smtp_port \
         smtp_encryption smtp_authentication smtp_user google_gmail_refresh_token \
         google_gmail_access_token_expiration",
    ),
    ("ir_mail_server", 15..=15, "use_google_gmail_service"),
    ("ir_mail_server", 19..=19, "owner_user_id"),
    (
        "fetchmail_server",
        15..=19,
        "id name active priority state server port is_ssl server_type user date create_date \
         write_date google_gmail_refresh_token google_gmail_access_token_expiration",
    ),
    ("fetchmail_server", 15..=15, "use_google_gmail_service"),
    ("fetchmail_server", 19..=19, "error_date error_message"),
    (
        "mail_mail",
        15..=19,
        "id mail_message_id fetchmail_server_id state failure_type failure_reason scheduled_date \
         is_notification auto_delete create_date write_date",
    ),
    ("mail_message", 15..=19, "id mail_server_id email_from date create_date message_type"),
    ("mail_message", 17..=19, "record_alias_domain_id"),
    (
        "mail_notification",
        15..=19,
        "id mail_message_id mail_mail_id notification_type notification_status failure_type",
    ),
    ("ir_module_module", 15..=19, "id name state latest_version"),
    (
        "ir_cron",
        15..=19,
        "id cron_name active nextcall lastcall interval_number interval_type ir_actions_server_id",
    ),
    ("ir_cron", 18..=19, "failure_count first_failure_date"),
    ("ir_model_data", 15..=19, "module name model res_id"),
    ("mail_alias_domain", 17..=19, "id name sequence default_from bounce_alias catchall_alias"),
    ("res_company", 15..=19, "id"),
    ("res_company", 16..=19, "active"),
    ("res_company", 17..=19, "alias_domain_id"),
];

const SECRETS: &[(&str, &str)] = &[
    ("ir_mail_server", "smtp_pass"),
    ("ir_mail_server", "smtp_ssl_certificate"),
    ("ir_mail_server", "smtp_ssl_private_key"),
    ("ir_mail_server", "google_gmail_access_token"),
    ("ir_mail_server", "google_gmail_authorization_code"),
    ("ir_mail_server", "microsoft_outlook_refresh_token"),
    ("ir_mail_server", "microsoft_outlook_access_token"),
    ("fetchmail_server", "password"),
    ("fetchmail_server", "google_gmail_access_token"),
    ("fetchmail_server", "google_gmail_authorization_code"),
    ("fetchmail_server", "microsoft_outlook_refresh_token"),
    ("fetchmail_server", "microsoft_outlook_access_token"),
    ("ir_config_parameter", "value"),
    ("res_users", "password"),
    ("mail_message", "body"),
    ("mail_message", "subject"),
    ("mail_mail", "body_html"),
    ("mail_mail", "email_to"),
    ("ir_actions_server", "code"),
];

const WRITING: &[&str] = &[
    "UPDATE ir_mail_server SET name = 'x'",
    "UPDATE fetchmail_server SET google_gmail_refresh_token = NULL",
    "UPDATE gmail_monitor.config SET value = 'x'",
    "INSERT INTO mail_notification (mail_message_id, notification_type) VALUES (1, 'email')",
    "INSERT INTO gmail_monitor.config VALUES ('google_gmail_client_id', 'x')",
    "DELETE FROM mail_mail",
    "DELETE FROM gmail_monitor.config",
    "TRUNCATE mail_mail",
    "ALTER TABLE ir_mail_server ADD x integer",
    "CREATE TABLE public.x (id integer)",
    "CREATE VIEW gmail_monitor.x AS SELECT 1",
    "CREATE SCHEMA x",
];
