//! One set of rows, as people make them in Odoo 15 to 19, and the same as it is to be read.

use std::collections::BTreeMap;
use std::time::Duration;

use mailbox_exporter::domain::{clock::Timestamp, secret::Secret};
use mailbox_exporter::source::odoo::database::{
    Database as Read, Incoming, Job, Module, Outgoing, Schedule,
};
use mailbox_exporter::source::odoo::version::Series;

use crate::support::Database;

/// Fills a database as people do. The own column of 15 marks what is Gmail's.
pub(super) fn furnish(odoo: &Database<'_>, version: u8) {
    let gmail = if version == 15 { "login" } else { "gmail" };
    let imap = if version == 15 { "imap" } else { "gmail" };
    odoo.sql(&format!(
        "INSERT INTO ir_mail_server (name, active, sequence, from_filter, smtp_host, smtp_port, smtp_encryption,
           smtp_authentication, smtp_user, smtp_pass, google_gmail_refresh_token, google_gmail_access_token, write_date)
         VALUES
           ('Sales', true, 5, 'sales@example.com', 'smtp.gmail.com', 587, 'starttls', '{gmail}', 'sales@example.com',
            NULL, '1//out', 'ya29.out', '2026-11-01 08:00:00'),
           ('Archive', false, NULL, '', 'smtp.gmail.com', 465, 'ssl', '{gmail}', NULL,
            NULL, NULL, NULL, '2026-11-01 08:00:00'),
           ('Relay', NULL, 10, NULL, 'relay.example.com', 25, 'none', 'login', 'relay',
            'a-password', '1//left-behind', NULL, NULL);
         INSERT INTO fetchmail_server (name, active, state, server, port, is_ssl, server_type, \"user\", password, date,
           google_gmail_refresh_token, write_date)
         VALUES
           ('Inbox', true, 'done', 'imap.gmail.com', 993, true, '{imap}', 'sales@example.com', NULL,
            '2026-11-22 10:00:00.5', '1//in', '2026-11-22 10:00:00.5'),
           ('Draft', false, 'draft', NULL, NULL, NULL, 'pop', NULL, 'a-password', 'infinity', '1//left-behind', NULL);
         INSERT INTO ir_config_parameter (key, value) VALUES
           ('google_gmail_client_id', 'an-id'), ('google_gmail_client_secret', 'a-secret'), ('mail.catchall.domain', '');
         UPDATE ir_cron SET nextcall = '2026-11-22 10:05:00' WHERE cron_name LIKE 'Mail:%'"
    ));
    if version == 15 {
        odoo.sql(
            "UPDATE ir_mail_server SET use_google_gmail_service = true WHERE id < 3;
             UPDATE fetchmail_server SET use_google_gmail_service = true WHERE id = 1",
        );
    }
    if version >= 17 {
        odoo.sql(
            "INSERT INTO mail_alias_domain (name, bounce_alias, catchall_alias, default_from) VALUES
               ('example.com', 'bounce', 'catchall', 'notifications'),
               ('example.org', 'bounce', 'catchall', 'info@example.net'),
               ('example.net', 'bounce', 'catchall', NULL)",
        );
    }
    if version == 19 {
        odoo.sql(
            "UPDATE ir_mail_server SET owner_user_id = 2 WHERE id = 1;
             UPDATE fetchmail_server SET error_date = '2026-11-20 00:00:00', error_message = 'refused' WHERE id = 1",
        );
    }
}

/// The same, as it is read.
pub(super) fn furnished(version: u8, series: Series) -> Read {
    let server = |id, name: &str, active, sequence| Outgoing {
        id,
        name: name.to_owned(),
        active,
        sequence,
        from_filter: None,
        host: Some("smtp.gmail.com".to_owned()),
        port: Some(465),
        encryption: "ssl".to_owned(),
        authentication: "gmail".to_owned(),
        user: None,
        token: None,
        owner: None,
    };
    let text = |text: &str| Some(text.to_owned());
    let time = |written: &str| Timestamp::parse(written).expect("a time");
    let sales = Outgoing {
        from_filter: text("sales@example.com"),
        port: Some(587),
        encryption: "starttls".to_owned(),
        user: text("sales@example.com"),
        token: Some(Secret::new("1//out")),
        owner: (version == 19).then_some(2),
        ..server(1, "Sales", true, 5)
    };
    let relay = Outgoing {
        host: text("relay.example.com"),
        port: Some(25),
        encryption: "none".to_owned(),
        authentication: "login".to_owned(),
        user: text("relay"),
        ..server(3, "Relay", false, 10)
    };
    let inbox = Incoming {
        id: 1,
        name: "Inbox".to_owned(),
        active: true,
        confirmed: true,
        host: text("imap.gmail.com"),
        port: Some(993),
        tls: true,
        kind: "gmail".to_owned(),
        user: text("sales@example.com"),
        token: Some(Secret::new("1//in")),
        fetched: Some(Timestamp::from_millis(time("2026-11-22T10:00:00Z").as_millis() + 500)),
        error: (version == 19).then(|| (time("2026-11-20"), "refused".to_owned())),
    };
    let draft = Incoming {
        id: 2,
        name: "Draft".to_owned(),
        active: false,
        confirmed: false,
        host: None,
        port: None,
        tls: false,
        kind: "pop".to_owned(),
        user: None,
        token: None,
        fetched: None,
        error: None,
    };
    let next = Some(time("2026-11-22T10:05:00Z"));
    let job = |active, interval| Schedule { active, next, interval: Duration::from_secs(interval) };
    let mut parameters = BTreeMap::from([
        ("database.uuid", "c5a2e6a2-0000-4000-8000-0242ac110002"),
        ("google_gmail_client_id", "an-id"),
        ("web.base.url", "http://localhost:8069"),
    ]);
    if version < 17 {
        parameters.extend([
            ("mail.bounce.alias", "bounce"),
            ("mail.catchall.alias", "catchall"),
            ("mail.default.from", "notifications"),
        ]);
    }
    let senders: &[&str] = match version {
        15 | 16 => &[],
        _ => &["notifications@example.com", "info@example.net"],
    };
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    Read {
        series,
        version: format!("{version}.0.1.3"),
        modules: modules(version),
        parameters: parameters.into_iter().map(owned).collect(),
        client_secret: Some(Secret::new("a-secret")),
        outgoing: vec![sales, server(2, "Archive", false, 0), relay],
        incoming: vec![inbox, draft],
        jobs: BTreeMap::from([(Job::Fetch, job(false, 300)), (Job::Queue, job(true, 3600))]),
        default_senders: senders.iter().map(ToString::to_string).collect(),
        has_token_columns: true,
        from_environment: false,
        unread: Vec::new(),
    }
}

fn modules(version: u8) -> BTreeMap<String, Module> {
    let rest = match version {
        15 => "fetchmail 1.0 fetchmail_gmail 1.0 google_gmail 1.0 mail 1.5 microsoft_outlook 1.1",
        16 => "google_gmail 1.2 mail 1.10 microsoft_outlook 1.1",
        17 => "google_gmail 1.2 mail 1.15 microsoft_outlook 1.1",
        18 => "google_gmail 1.2 mail 1.18 microsoft_outlook 1.1",
        _ => "google_gmail 1.2 mail 1.19 microsoft_outlook 1.1",
    };
    let words: Vec<_> = ["base", "1.3"].into_iter().chain(rest.split(' ')).collect();
    let module = |pair: &[&str]| {
        let installed = Module {
            state: "installed".to_owned(),
            version: Some(format!("{version}.0.{}", pair[1])),
        };
        (pair[0].to_owned(), installed)
    };
    words.chunks(2).map(module).collect()
}
