//! An Odoo that is read by its external API, versions 15 to 19: what is seen, what is asked, and what is said of faults.

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
use odoo_sim::{Asked, Database, Fault, Group, OdooSim, User, Version, What};
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
            next: Some(at("2026-01-01T00:00:00Z")),
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
async fn little_is_asked_and_nothing_that_writes() {
    for version in Version::ALL {
        let mut stage = Stage::set(version).await;
        let gmail = stage.outgoing("sales");
        stage.shop.put("ir.mail_server", json!({"name": "other"})).unwrap();
        stage.gmail("fetchmail.server", json!({"name": "in"}));
        stage.look().await.unwrap();
        let first = stage.asked().len();
        assert!(first <= 20, "{:#?}", stage.asked());
        for asked in stage.sim.asked() {
            let told = asked.arguments.to_string();
            for never in ["pass", "access_token", "authorization", "database.secret", "body"] {
                assert!(!told.contains(never), "{asked}: {told}");
            }
            if told.contains("google_gmail_refresh_token") && asked.method == "search_read" {
                assert!(told.contains(&format!("[\"id\",\"in\",[{gmail}]]")), "{told}");
            }
        }
        stage.sim.forget();
        stage.look_after(Duration::from_secs(45)).await.unwrap();
        let servers = ["ir.mail_server", "ir.mail_server", "fetchmail.server", "fetchmail.server"];
        let again = servers.into_iter().chain(["ir.config_parameter"]);
        let again: Vec<_> = again.map(|model| format!("{model}.search_read")).collect();
        assert_eq!(stage.asked(), again, "{version:?}");
        stage.sim.forget();
        stage.look_after(Duration::from_secs(301)).await.unwrap();
        let asked = stage.asked();
        assert!(asked.contains(&"ir.module.module.search_read".to_owned()), "{asked:?}");
        assert!(asked.contains(&"mail.notification.search_count".to_owned()), "{asked:?}");
        let signed_in = ["common.version", "common.authenticate", "/web/version"];
        assert!(!signed_in.iter().any(|what| asked.contains(&(*what).to_owned())), "{asked:?}");
        assert_eq!(stage.sim.writes(), []);
    }
}

#[tokio::test]
async fn tokens_are_asked_of_gmails_rows_only() {
    let mut stage = Stage::set(Version::V18).await;
    let row = json!({"name": "other", "google_gmail_refresh_token": "1//0no-longer-gmails"});
    stage.shop.put("ir.mail_server", row).unwrap();
    let look = stage.look().await.unwrap();
    assert_eq!(look.database.outgoing[0].token, None);
    for asked in stage.sim.asked() {
        assert!(!asked.arguments.to_string().contains("google_gmail_refresh_token"), "{asked}");
    }
}

#[tokio::test]
async fn what_did_not_change_is_the_very_same() {
    for version in [Version::V18, Version::V19] {
        let mut stage = Stage::set(version).await;
        let id = stage.outgoing("sales");
        let first = stage.look().await.unwrap();
        let same = stage.look_after(Duration::from_secs(301)).await.unwrap();
        assert!(Arc::ptr_eq(&first.database, &same.database));
        assert!(Arc::ptr_eq(&first.queue.unwrap(), &same.queue.unwrap()));
        let linked = json!({"google_gmail_refresh_token": "1//0linked-again"});
        stage.shop.update("ir.mail_server", id, linked).unwrap();
        let changed = stage.look_after(Duration::from_secs(302)).await.unwrap();
        assert_eq!(changed.database.outgoing[0].token, Some(Secret::new("1//0linked-again")));
    }
}

#[tokio::test]
async fn each_fault_has_its_sentence_and_passes() {
    let cases = [
        (What::BadGateway, "it answers 502: the proxy reaches no Odoo"),
        (What::Cut, "the connection broke off"),
        (What::CutInTheMiddle, "the connection broke off"),
        (What::Html, "it answers 500: its log says why"),
        (What::Huge((16 << 20) + 1), "a body of more than 16777216 bytes"),
        (
            What::NotJson,
            "it answers 200, but not as the API does: is this the address of Odoo itself",
        ),
        (What::Redirect, "it redirects to /web/login: is this the address of Odoo itself"),
        (
            What::Upgrading,
            "it answers 503: the proxy reaches no Odoo, which is stopped, starting or being upgraded",
        ),
    ];
    for version in [Version::V18, Version::V19] {
        for (what, words) in cases {
            let mut stage = Stage::set(version).await;
            // From the first request on, and in the middle.
            stage.sim.misbehave(Fault::new(what));
            let why = stage.refusal().await;
            assert!(why.contains(words), "{version:?} {what:?}: {why}");
            stage.sim.behave();
            stage.look().await.unwrap();
            stage.sim.misbehave(Fault::new(what).of("ir.mail_server"));
            let why = stage.refusal().await;
            assert!(why.contains(words), "{version:?} {what:?}: {why}");
            stage.sim.behave();
            stage.look().await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_odoo_that_hangs_is_not_waited_for() {
    for version in [Version::V18, Version::V19] {
        let mut stage = Stage::set(version).await;
        stage.sim.misbehave(Fault::new(What::Stall));
        let clock = Clock::starting(at(NOW));
        let wire = Wire { dialer: stage.dialer.clone(), https: stage.https.clone(), clock };
        let mut looking = Box::pin(stage.reader.look(&stage.endpoint, &wire));
        // Once the question is there, the time that nothing happens in passes at once.
        while stage.sim.asked().is_empty() {
            tokio::select! {
                looked = &mut looking => panic!("{looked:?}"),
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
        }
        tokio::time::pause();
        let why = looking.await.unwrap_err();
        tokio::time::resume();
        assert!(why.contains("did not answer within 30 s"), "{why}");
    }
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_is_no_reason_to_do_without_the_servers() {
    let mut stage = Stage::set(Version::V18).await;
    stage.outgoing("sales");
    stage.sim.misbehave(Fault::new(What::Html).of("mail.mail"));
    let look = stage.look().await.unwrap();
    assert_eq!((look.database.outgoing.len(), look.queue), (1, None));
    assert_eq!(look.database.unread, ["mail.mail"]);
    // Nor is it asked again at once.
    stage.sim.forget();
    stage.look_after(Duration::from_secs(45)).await.unwrap();
    assert!(stage.sim.asked().iter().all(|asked| asked.model != "mail.mail"));
    stage.sim.behave();
    let look = stage.look_after(Duration::from_secs(301)).await.unwrap();
    assert_eq!(look.database.unread, Vec::<String>::new());
    assert!(look.queue.is_some());
    // What was sent may be unknown by itself.
    stage.sim.misbehave(Fault::new(What::Html).of("mail.notification"));
    let look = stage.look_after(Duration::from_secs(602)).await.unwrap();
    assert_eq!(look.queue.unwrap().sent_at_least, None);
}

#[tokio::test]
async fn keys_that_are_not_good_are_told_apart() {
    for version in Version::ALL {
        let is_19 = version == Version::V19;
        let mut stage = Stage::set(version).await;
        let good = stage.endpoint.clone();
        stage.endpoint.key = Secret::new("0000000000000000000000000000000000000000");
        let why = stage.refusal().await;
        let words = if is_19 {
            "Odoo does not take this key"
        } else {
            "Odoo takes neither this key nor this password of bot"
        };
        assert!(why.starts_with(words) && why.contains("New API Key"), "{why}");

        let user = User::admin("careful").with_password("hunter22").with_second_factor();
        stage.shop.add_user(user);
        let (login, key) = (Some("careful".to_owned()), Secret::new("hunter22"));
        stage.endpoint = Endpoint { login, key, ..good.clone() };
        let why = stage.refusal().await;
        assert!(why.contains("with two-factor authentication nothing else is taken"), "{why}");
        assert!(!why.contains("hunter22"), "{why}");

        stage.endpoint = good;
        stage.look().await.unwrap();
        stage.shop.revoke_keys(stage.bot);
        let why = stage.refusal().await;
        assert!(
            why.contains("it was deleted or is over")
                || why.contains("the key was deleted or is over"),
            "{why}"
        );
        // Odoo counts failed sign-ins, so the same key is left alone for a while; another one is not.
        stage.sim.forget();
        assert_eq!(stage.refusal().await, why);
        assert_eq!(stage.asked(), Vec::<String>::new());
        stage.shop.change_user(stage.bot, |user| user.with_key(KEY));
        stage.look_after(Duration::from_secs(601)).await.unwrap();
    }
}

#[tokio::test]
async fn json_rpc_wants_a_login_and_a_database_and_json_2_neither() {
    for version in Version::ALL {
        let is_19 = version == Version::V19;
        let mut stage = Stage::set(version).await;
        let good = stage.endpoint.clone();
        stage.endpoint = Endpoint { database: None, ..good.clone() };
        let without = stage.look().await.map(drop);
        let database = "Odoo 15 to 18 want to know which database is meant: give `database`";
        assert_eq!(without, if is_19 { Ok(()) } else { Err(database.to_owned()) });
        stage.endpoint = Endpoint { login: None, ..good.clone() };
        let without = stage.look().await.map(drop);
        let login = "Odoo 15 to 18 want to know whose key it is: give the user's `login`";
        assert_eq!(without, if is_19 { Ok(()) } else { Err(login.to_owned()) });
        stage.endpoint = Endpoint { database: Some("ship".to_owned()), ..good.clone() };
        let why = stage.refusal().await;
        assert!(why.starts_with("this Odoo has no database ship"), "{why}");
        if is_19 {
            stage.sim.add_database("other");
            stage.endpoint = Endpoint { database: None, ..good.clone() };
            let why = stage.refusal().await;
            assert_eq!(
                why,
                "this Odoo has not exactly one database: name the one that is meant as `database`"
            );
        }
        stage.endpoint = good;
        stage.look().await.unwrap();
    }
}

#[tokio::test]
async fn who_is_no_administrator_is_told_which_group_is_missing() {
    for version in Version::ALL {
        let mut stage = Stage::set(version).await;
        stage.outgoing("sales");
        let group = if version == Version::V19 {
            "Role / Administrator"
        } else {
            "Administration / Settings"
        };
        for user in [
            User::internal("clerk").with_key("clerks-key"),
            User::internal("clerk").with_key("clerks-key").with_group(Group::AccessRights),
            User::internal("clerk").with_key("clerks-key").with_group(Group::EmailMarketing),
        ] {
            let id = stage.shop.add_user(user);
            let (login, key) = (Some("clerk".to_owned()), Secret::new("clerks-key"));
            stage.endpoint = Endpoint { login, key, ..stage.endpoint.clone() };
            let why = stage.refusal().await;
            assert!(why.contains("is no administrator") && why.contains(group), "{why}");
            stage.shop.revoke_keys(id);
        }
    }
}

#[tokio::test]
async fn what_a_database_has_not_is_told_from_what_may_not_be_read() {
    let mut stage = Stage::set(Version::V18).await;
    stage.outgoing("sales");
    for model in ["ir.mail_server", "fetchmail.server"] {
        stage.shop.without_field(model, "google_gmail_refresh_token");
    }
    let look = stage.look().await.unwrap();
    assert!(!look.database.has_token_columns);
    assert_eq!(look.database.outgoing[0].token, None);
    assert!(stage.asked().contains(&"res.users.has_group".to_owned()), "{:?}", stage.asked());

    for version in Version::ALL {
        let mut stage = Stage::set(version).await;
        let fetching = if version == Version::V15 { "fetchmail" } else { "mail" };
        stage.shop.set_module("google_gmail", "uninstalled").unwrap();
        stage.shop.set_module(fetching, "uninstalled").unwrap();
        let look = stage.look().await.unwrap();
        assert_eq!(look.database.incoming, []);
        assert_eq!(look.queue.is_some(), version == Version::V15);
        assert_eq!(look.database.modules["google_gmail"].state, "uninstalled");
    }
}

#[tokio::test]
async fn five_thousand_servers_come_in_one_answer() {
    for version in [Version::V18, Version::V19] {
        let mut stage = Stage::set(version).await;
        for number in 0..5000 {
            stage.outgoing(&format!("mailbox-{number:04}"));
        }
        let look = stage.look().await.unwrap();
        assert_eq!(look.database.outgoing.len(), 5000);
        let token = Secret::new("1//0mailbox-4999-token");
        assert_eq!(look.database.outgoing[4999].token, Some(token));
        let asked = stage.asked();
        assert!(asked.len() <= 20, "{asked:?}");
    }
}

#[tokio::test]
async fn a_certificate_is_looked_at() {
    let mut stage = Stage::set(Version::V19).await;
    stage.endpoint.url = stage.sim.https_url().parse().unwrap();
    stage.look().await.unwrap();
    stage.endpoint.url = stage.sim.stranger_url().parse().unwrap();
    let why = stage.refusal().await;
    assert!(
        why.contains("its certificate is not trusted") && why.contains("google.ca_file"),
        "{why}"
    );
    stage.endpoint.url = "http://127.0.0.1:1".parse().unwrap();
    let why = stage.refusal().await;
    assert!(why.contains("it cannot be reached: 127.0.0.1:1"), "{why}");
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
