//! An Odoo that is read by its external API, versions 15 to 19: what is seen.

mod asked; // how little, and what never
mod faults; // what is said of them, and that they pass

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use mailbox_exporter::{
    domain::{
        clock::{Clock, Timestamp},
        secret::Secret,
    },
    source::odoo::{
        Look,
        api::{Endpoint, Reader},
        database::{Cause, Incoming, Job, Module, Outgoing, Queue, Schedule},
        version::Series,
    },
    wire::{Wire, dial::Dialer, https::Https},
};
use odoo_sim::{Asked, Database, OdooSim, User, Version};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::support::{CLIENT_ID, CLIENT_SECRET, World};

const KEY: &str = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2";
const NOW: &str = "2026-11-22T14:00:00Z";

/// An Odoo with one database, an administrator's key, and whoever reads it.
struct Stage {
    sim: OdooSim,
    shop: Database,
    bot: i64,
    dialer: Dialer,
    https: Arc<Https>,
    endpoint: Endpoint,
    reader: Reader,
}

impl Stage {
    async fn set(version: Version) -> Self {
        let sim = OdooSim::start(version).await.unwrap();
        let shop = sim.add_database("shop");
        let bot = shop.add_user(User::admin("bot").with_key(KEY));
        let ca = NamedTempFile::new().unwrap();
        fs::write(ca.path(), sim.ca_pem()).unwrap();
        let dialer = Dialer::new(Some(ca.path())).unwrap();
        let endpoint = Endpoint {
            url: sim.http_url().parse().unwrap(),
            database: Some("shop".to_owned()),
            login: Some("bot".to_owned()),
            key: Secret::new(KEY),
        };
        let https = Arc::new(Https::new(&dialer));
        Self { sim, shop, bot, https, dialer, endpoint, reader: Reader::new() }
    }

    fn is_15(&self) -> bool {
        self.sim.version() == Version::V15
    }

    /// A row that is Gmail's, as the version has it.
    fn gmail(&self, model: &str, mut row: Value) -> i64 {
        match (self.is_15(), model) {
            (true, _) => row["use_google_gmail_service"] = json!(true),
            (false, "ir.mail_server") => row["smtp_authentication"] = json!("gmail"),
            (false, _) => row["server_type"] = json!("gmail"),
        }
        self.shop.put(model, row).unwrap()
    }

    fn outgoing(&self, name: &str) -> i64 {
        let row = json!({
            "name": name, "smtp_host": "smtp.gmail.com", "smtp_port": 587, "smtp_encryption": "starttls",
            "smtp_user": format!("{name}@example.com"), "google_gmail_refresh_token": format!("1//0{name}-token"),
            "google_gmail_access_token": "ya29.not-to-be-asked-for", "from_filter": format!("{name}@example.com"),
        });
        self.gmail("ir.mail_server", row)
    }

    async fn look(&mut self) -> Result<Look, String> {
        self.look_after(Duration::ZERO).await
    }

    async fn look_after(&mut self, passed: Duration) -> Result<Look, String> {
        let clock = Clock::starting(at(NOW) + passed);
        let wire = Wire { dialer: self.dialer.clone(), https: self.https.clone(), clock };
        let look = self.reader.look(&self.endpoint, &wire).await;
        if let Err(why) = &look {
            assert!(!why.contains(KEY), "{why}");
        }
        look
    }

    /// Why it cannot be read.
    async fn refusal(&mut self) -> String {
        let looked = self.look().await;
        looked.map(|look| format!("{look:?}")).expect_err("it cannot be read")
    }

    fn asked(&self) -> Vec<String> {
        self.sim.asked().iter().map(Asked::what).collect()
    }
}

fn at(time: &str) -> Timestamp {
    Timestamp::parse(time).unwrap()
}

#[tokio::test]
async fn every_version_tells_the_same_of_the_same_rows() {
    for version in Version::ALL {
        let mut stage = Stage::set(version).await;
        stage.outgoing("sales");
        let row = json!({"name": "never linked", "smtp_host": "smtp.gmail.com", "sequence": 20});
        stage.gmail("ir.mail_server", row);
        let row = json!({
            "name": "old", "active": false, "smtp_host": "mail.example.com", "smtp_port": 465, "smtp_encryption": "ssl",
            "smtp_user": "old", "smtp_pass": "hunter2", "google_gmail_refresh_token": "1//0no-longer-gmails",
        });
        stage.shop.put("ir.mail_server", row).unwrap();
        let row = json!({
            "name": "in", "state": "done", "server": "imap.gmail.com", "port": 993, "is_ssl": true,
            "user": "sales@example.com", "date": "2026-11-22 13:55:00", "google_gmail_refresh_token": "1//0in-token",
        });
        stage.gmail("fetchmail.server", row);
        let row = json!({"name": "pop", "server_type": "pop", "active": false, "user": "x", "password": "hunter2"});
        stage.shop.put("fetchmail.server", row).unwrap();
        stage.shop.set_param("google_gmail_client_id", "1234-abc.apps.googleusercontent.com");
        stage.shop.set_param("google_gmail_client_secret", "GOCSPX-the-secret");
        stage.shop.set_param("web.base.url", "https://erp.example.com");

        let look = stage.look().await.unwrap();
        let database = &*look.database;
        let number = i64::from(version.major());
        assert_eq!(database.version, format!("{number}.0.1.3"));
        assert_eq!(database.series, Series::parse(&database.version).unwrap());
        let sales = Outgoing {
            id: 1,
            name: "sales".to_owned(),
            active: true,
            sequence: 10,
            from_filter: Some("sales@example.com".to_owned()),
            host: Some("smtp.gmail.com".to_owned()),
            port: Some(587),
            encryption: "starttls".to_owned(),
            authentication: "gmail".to_owned(),
            user: Some("sales@example.com".to_owned()),
            token: Some(Secret::new("1//0sales-token")),
            owner: None,
        };
        let never = Outgoing {
            id: 2,
            name: "never linked".to_owned(),
            sequence: 20,
            from_filter: None,
            port: Some(25),
            encryption: "none".to_owned(),
            user: None,
            token: None,
            ..sales.clone()
        };
        let old = Outgoing {
            id: 3,
            name: "old".to_owned(),
            active: false,
            sequence: 10,
            host: Some("mail.example.com".to_owned()),
            port: Some(465),
            encryption: "ssl".to_owned(),
            authentication: "login".to_owned(),
            user: Some("old".to_owned()),
            ..never.clone()
        };
        assert_eq!(database.outgoing, [sales, never, old], "{version:?}");
        let incoming = Incoming {
            id: 1,
            name: "in".to_owned(),
            active: true,
            confirmed: true,
            host: Some("imap.gmail.com".to_owned()),
            port: Some(993),
            tls: true,
            kind: "gmail".to_owned(),
            user: Some("sales@example.com".to_owned()),
            token: Some(Secret::new("1//0in-token")),
            fetched: Some(at("2026-11-22T13:55:00Z")),
            error: None,
        };
        let pop = Incoming {
            id: 2,
            name: "pop".to_owned(),
            active: false,
            confirmed: false,
            host: None,
            port: None,
            tls: false,
            kind: "pop".to_owned(),
            user: Some("x".to_owned()),
            token: None,
            fetched: None,
            error: None,
        };
        assert_eq!(database.incoming, [incoming, pop], "{version:?}");
        assert_eq!(database.client_secret, Some(Secret::new("GOCSPX-the-secret")));
        let parameter = |key: &str| database.parameters.get(key).map(String::as_str);
        assert_eq!(
            parameter("google_gmail_client_id"),
            Some("1234-abc.apps.googleusercontent.com")
        );
        assert_eq!(parameter("web.base.url"), Some("https://erp.example.com"));
        assert_eq!(parameter("database.secret"), None);
        assert_eq!(parameter("google_gmail_client_secret"), None);
        let job = |active, minutes: u64| Schedule {
            active,
            next: Some(at("2100-01-01T00:00:00Z")),
            interval: Duration::from_secs(60 * minutes),
        };
        let jobs = BTreeMap::from([(Job::Fetch, job(false, 5)), (Job::Queue, job(true, 60))]);
        assert_eq!(database.jobs, jobs, "{version:?}");
        let gmail = database.modules.get("google_gmail");
        let installed = Series::parse(&database.version).unwrap().traits().gmail_module.to_owned();
        let expected = Module { state: "installed".to_owned(), version: Some(installed) };
        assert_eq!(gmail, Some(&expected));
        assert!(database.has_token_columns && !database.from_environment);
        assert_eq!(database.unread, Vec::<String>::new());
        assert_eq!(
            look.queue.as_deref(),
            Some(&Queue { sent_at_least: Some(0), ..Queue::default() })
        );
        let printed = format!("{look:?}");
        for secret in ["1//0", "GOCSPX", "hunter2", "ya29", "dead"] {
            assert!(!printed.contains(secret), "{printed}");
        }
        assert_eq!(stage.sim.writes(), []);
    }
}

#[tokio::test]
async fn later_versions_tell_more() {
    let mut stage = Stage::set(Version::V17).await;
    for (name, sender) in [("example.com", "bot"), ("example.org", "info@example.net")] {
        let row = json!({"name": name, "default_from": sender});
        stage.shop.put("mail.alias.domain", row).unwrap();
    }
    let look = stage.look().await.unwrap();
    assert_eq!(look.database.default_senders, ["bot@example.com", "info@example.net"]);

    let mut stage = Stage::set(Version::V19).await;
    let id = stage.outgoing("anna");
    let owner = json!({"owner_user_id": stage.bot, "smtp_encryption": "starttls_strict"});
    stage.shop.update("ir.mail_server", id, owner).unwrap();
    let failing = json!({
        "name": "in", "error_date": "2026-11-20 08:00:00", "error_message": "AUTHENTICATIONFAILED 1//0abcdefgh",
    });
    stage.gmail("fetchmail.server", failing);
    let look = stage.look().await.unwrap();
    let server = &look.database.outgoing[0];
    assert_eq!((server.owner, &*server.encryption), (Some(stage.bot), "starttls_strict"));
    let error = look.database.incoming[0].error.clone();
    assert_eq!(error, Some((at("2026-11-20T08:00:00Z"), "AUTHENTICATIONFAILED ****".to_owned())));
}

#[tokio::test]
async fn the_queue_is_told_apart_in_every_version() {
    for version in Version::ALL {
        let mut stage = Stage::set(version).await;
        let failed = |failure_type: Value, reason: &str, at: &str| {
            json!({
                "state": "exception", "failure_type": failure_type, "failure_reason": reason,
                "create_date": "2026-11-01 08:00:00", "write_date": at,
            })
        };
        let token = "An error occurred when fetching the access token.";
        let quota = "SMTPDataError: (550, b'5.4.5 Daily user sending limit exceeded.')";
        let mails = [
            failed(Value::Null, token, "2026-11-22 13:00:00"),
            failed(json!("unknown"), quota, "2026-11-22 12:00:00"),
            failed(json!("mail_email_invalid"), "", "2026-11-22 11:00:00"),
            failed(Value::Null, token, "2026-11-02 10:00:00"),
            json!({"state": "outgoing", "create_date": "2026-11-22 13:58:00", "failure_type": "unknown"}),
            json!({"state": "sent", "is_notification": false, "write_date": "2026-11-22 09:00:00"}),
            json!({"state": "sent", "is_notification": false, "write_date": "2026-11-20 09:00:00"}),
        ];
        for mail in mails {
            stage.shop.put("mail.mail", mail).unwrap();
        }
        if version != Version::V15 {
            let later = json!({
                "state": "outgoing", "create_date": "2026-10-01 08:00:00", "scheduled_date": "2026-12-01 08:00:00",
            });
            stage.shop.put("mail.mail", later).unwrap();
        }
        for date in ["2026-11-22 08:00:00", "2026-11-21 08:00:00"] {
            let message = stage.shop.put("mail.message", json!({"date": date})).unwrap();
            let notification = json!({
                "mail_message_id": message, "notification_type": "email", "notification_status": "sent",
            });
            stage.shop.put("mail.notification", notification).unwrap();
        }
        let queue = stage.look().await.unwrap().queue.unwrap();
        let waiting = if version == Version::V15 { 1 } else { 2 };
        let messages = [
            (("exception", ""), 2),
            (("exception", "mail_email_invalid"), 1),
            (("exception", "unknown"), 1),
            (("outgoing", ""), waiting),
        ];
        let messages = messages
            .map(|((state, of_type), count)| ((state.to_owned(), of_type.to_owned()), count));
        assert_eq!(queue.messages, BTreeMap::from(messages), "{version:?}");
        let oldest = [
            ("exception".to_owned(), at("2026-11-01T08:00:00Z")),
            ("outgoing".to_owned(), at("2026-11-22T13:58:00Z")),
        ];
        assert_eq!(queue.oldest, BTreeMap::from(oldest), "{version:?}");
        let failed = [(Cause::Quota, 1), (Cause::RecipientRefused, 1), (Cause::Token, 1)];
        assert_eq!(queue.failed, BTreeMap::from(failed), "{version:?}");
        let stuck = ["2026-11-22T13:00:00Z", "2026-11-22T12:00:00Z", "2026-11-02T10:00:00Z"];
        assert_eq!(queue.stuck, stuck.map(at), "{version:?}");
        assert_eq!(queue.sent_at_least, Some(2), "{version:?}");
    }
}

#[tokio::test]
async fn the_gmail_servers_of_an_odoo_are_links() {
    for version in [Version::V18, Version::V19] {
        let mut world = World::start().await;
        world.mailbox("own@example.com");
        let token = world.sim.world().add_account("sales@example.com", CLIENT_ID);
        let stage = Stage::set(version).await;
        let row = json!({
            "name": "sales", "smtp_host": "localhost", "smtp_port": world.sim.endpoints().smtp_starttls.port(),
            "smtp_encryption": "starttls", "smtp_user": "sales@example.com", "google_gmail_refresh_token": token,
        });
        stage.gmail("ir.mail_server", row);
        stage.shop.set_param("google_gmail_client_id", CLIENT_ID);
        stage.shop.set_param("google_gmail_client_secret", CLIENT_SECRET);
        world.write("api-key", KEY);
        world.settings = format!(
            "sources:\n  - odoo: {{name: shop, url: '{}', database: shop, login: bot, api_key: {{file: api-key}}}}\n",
            stage.sim.http_url(),
        );
        let exporter = world.serve(&[]).await;
        exporter.until("mailbox_odoo_up{source=\"shop\"} 1").await;
        let link = "link=\"odoo/shop/outgoing/1\",mailbox=\"sales@example.com\"";
        exporter.until(&format!("mailbox_check_success{{{link},check=\"smtp\"}} 1")).await;
        let page = exporter.metrics().await;
        let (_, log) = exporter.stop().await;
        for secret in [KEY, &token, CLIENT_SECRET] {
            assert!(!log.contains(secret) && !page.contains(secret), "{log}");
        }
        assert_eq!(stage.sim.writes(), []);
    }
}
