//! An Odoo's mail servers as links, from the rows in PostgreSQL to the exposition: the exporter's binary, a real database
//! behind TLS, and the simulator in Google's place.

use std::{fs, path::PathBuf};

use gmail_sim::{Options, Sim, World};
use tokio::runtime::Runtime;

use crate::support::{Database, Home, Postgres, Program, free_port, get, holds_in_time, secret};

#[test]
fn servers_are_probed_as_they_are_linked_broken_and_linked_again() {
    if Postgres::shared().is_none() {
        return;
    }
    let mut postgres = Postgres::start();
    let google = Google::start();
    let (name, role) = {
        let odoo = postgres.odoo(18);
        google.client(&odoo);
        google.server(&odoo, "sales@example.com", &google.link("sales@example.com"));
        google.server(&odoo, "never@example.com", "");
        (odoo.name.clone(), odoo.role.clone())
    };
    let odoo = postgres.database(&name, &role);
    let exporter = google.exporter(&postgres, &odoo.dsn());
    exporter.until("mailbox_odoo_up{source=\"erp\"} 1");
    exporter.until(&sales("mailbox_link_up", " 1"));
    exporter.until("finding=\"never_linked\"} 1");
    assert!(!exporter.get("/metrics").contains("odoo/erp/outgoing/2\",mailbox"));

    // Google refuses the token; Odoo's badge stays green.
    google.world.revoke_all("sales@example.com");
    google.world.expire_access_tokens("sales@example.com");
    exporter.get("/probe?link=odoo/erp/outgoing/1&check=token");
    exporter.until(&sales("mailbox_link_up", " 0"));
    exporter.until("link=\"odoo/erp/outgoing/1\",finding=\"badge_misleads\"} 1");
    let page = exporter.get("/links/odoo/erp/outgoing/1");
    assert!(page.contains("https://odoo.example.com/odoo/ir.mail_server/1"), "{page}");

    // A person links it again: nobody asks the exporter to look.
    let token = google.link("sales@example.com");
    odoo.sql(&format!(
        "UPDATE ir_mail_server SET google_gmail_refresh_token = '{token}', write_date = now() AT TIME ZONE 'UTC' WHERE id = 1"
    ));
    exporter.until(&sales("mailbox_link_up", " 1"));
    exporter.until("to=\"token_changed\"} 1");
    assert!(!exporter.get("/metrics").contains("badge_misleads"));

    // An Odoo that cannot be read keeps its links.
    postgres.stop();
    exporter.until("mailbox_odoo_up{source=\"erp\"} 0");
    let metrics = exporter.get("/metrics");
    assert!(metrics.contains(&sales("mailbox_link_up", " 1")), "{metrics}");
    let page = exporter.get("/");
    assert!(page.contains("The source erp cannot be read"), "{page}");
    postgres.resume();
    exporter.until("mailbox_odoo_up{source=\"erp\"} 1");

    // A copy for tests has production's tokens.
    let odoo = postgres.database(&name, &role);
    odoo.sql(
        "INSERT INTO ir_config_parameter (key, value) VALUES ('database.is_neutralized', 'true')",
    );
    exporter.until("link=\"\",finding=\"neutralised\"} 1");
    exporter.until("mailbox_exporter_links 0");
    let told = [exporter.get("/"), exporter.get("/metrics"), exporter.get("/config")].concat();
    let told = told + &exporter.program.said();
    for hidden in [&*token, CLIENT_SECRET, "password=", &role_password(&odoo)] {
        assert!(!told.contains(hidden), "{hidden} is told: {told}");
    }
}

#[test]
fn five_thousand_servers_are_links_and_one_new_token_probes_one_of_them() {
    let Some(postgres) = Postgres::shared() else { return };
    let google = Google::start();
    let odoo = postgres.odoo(19);
    google.client(&odoo);
    odoo.sql(
        "INSERT INTO ir_mail_server (name, active, sequence, smtp_host, smtp_port, smtp_encryption, smtp_authentication, smtp_user, from_filter, google_gmail_refresh_token, write_date)
         SELECT 'Gmail', true, 10, 'localhost', 1, 'starttls', 'gmail', 'm' || n || '@example.com', 'm' || n || '@example.com', '1//0g' || n, now() AT TIME ZONE 'UTC' FROM generate_series(1, 5000) n",
    );
    let exporter = google.exporter(postgres, &odoo.dsn());
    exporter.until("mailbox_exporter_links 5000");
    odoo.sql("UPDATE ir_mail_server SET google_gmail_refresh_token = '1//new', write_date = now() AT TIME ZONE 'UTC' WHERE id = 4711");
    exporter.until(
        "link=\"odoo/erp/outgoing/4711\",mailbox=\"m4711@example.com\",to=\"token_changed\"} 1",
    );
    odoo.sql("DELETE FROM ir_mail_server WHERE id > 10");
    exporter.until("mailbox_exporter_links 10");
}

/// A sample of the one link.
fn sales(metric: &str, rest: &str) -> String {
    format!("{metric}{{link=\"odoo/erp/outgoing/1\",mailbox=\"sales@example.com\"}}{rest}")
}

fn role_password(odoo: &Database<'_>) -> String {
    let dsn = odoo.dsn();
    let password = dsn.split(' ').find_map(|part| part.strip_prefix("password="));
    password.expect("it signs in by one").to_owned()
}

/// The simulator, and where the exporter's files are.
struct Google {
    world: World,
    folder: PathBuf,
    home: Home,
    sim: Sim,
    _runtime: Runtime,
}

impl Google {
    fn start() -> Self {
        let runtime = Runtime::new().expect("threads");
        let sim = runtime.block_on(Sim::start(Options::default())).expect("free ports");
        sim.world().add_client(CLIENT_ID, CLIENT_SECRET);
        let home = Home::new();
        let folder = home.folder("exporter");
        Self { world: sim.world(), folder, home, sim, _runtime: runtime }
    }

    /// Gives Odoo its OAuth client and the address that its users see.
    fn client(&self, odoo: &Database<'_>) {
        odoo.sql(&format!(
            "INSERT INTO ir_config_parameter (key, value) VALUES
               ('google_gmail_client_id', '{CLIENT_ID}'), ('google_gmail_client_secret', '{CLIENT_SECRET}'),
               ('web.base.url.freeze', 'True');
             UPDATE ir_config_parameter SET value = 'https://odoo.example.com' WHERE key = 'web.base.url'"
        ));
    }

    fn link(&self, address: &str) -> String {
        self.world.link(address, CLIENT_ID)
    }

    /// An outgoing server at the simulator.
    fn server(&self, odoo: &Database<'_>, address: &str, token: &str) {
        let port = self.sim.endpoints().smtp_starttls.port();
        odoo.sql(&format!(
            "INSERT INTO ir_mail_server (name, active, sequence, smtp_host, smtp_port, smtp_encryption, smtp_authentication, smtp_user, from_filter, google_gmail_refresh_token, write_date)
             VALUES ('Gmail', true, 10, 'localhost', {port}, 'starttls', 'gmail', '{address}', '{address}', NULLIF('{token}', ''), now() AT TIME ZONE 'UTC')"
        ));
    }

    fn exporter(&self, postgres: &Postgres, dsn: &str) -> Exporter {
        let authority = fs::read_to_string(postgres.authority()).expect("our own certificate");
        let authorities = authority + &self.sim.endpoints().ca_pem;
        fs::write(self.folder.join("ca.pem"), authorities).expect("a folder of ours");
        secret(&self.folder, "dsn", dsn);
        let at = self.sim.endpoints();
        let config = format!(
            "google:
  token_url: {}
  tokeninfo_url: {}
  authorization_url: {}
  gmail_api_url: {}
  ca_file: ca.pem
checks:
  token: {{schedule: {NEVER}}}
  smtp: {{schedule: {NEVER}}}
  identity: {{schedule: {NEVER}}}
  round_trip: {{enabled: false}}
  capacity: {{enabled: false}}
sources:
  - odoo: {{name: erp, database_url: {{file: dsn}}}}
",
            at.token_url, at.tokeninfo_url, at.authorization_url, at.gmail_api_url,
        );
        let path = self.folder.join("exporter.yaml");
        fs::write(&path, config).expect("a folder of ours");
        let port = free_port();
        let (path, listen) = (path.display().to_string(), format!("127.0.0.1:{port}"));
        let command = [BINARY, "--config.file", &path, "--web.listen-address", &listen];
        let program = self.home.start(&command);
        Exporter { port, program: program.ready(|| get(port, "/-/ready").is_ok()) }
    }
}

struct Exporter {
    port: u16,
    program: Program,
}

impl Exporter {
    fn get(&self, path: &str) -> String {
        get(self.port, path).expect("the exporter answers")
    }

    /// Waits until `/metrics` says this.
    fn until(&self, words: &str) {
        let mut page = String::new();
        let waited = holds_in_time(|| {
            page = self.get("/metrics");
            page.contains(words)
        });
        let lines = page.lines().filter(|line| line.contains("odoo") || line.contains("_links"));
        let lines: Vec<_> = lines.take(80).collect();
        assert!(waited, "{words}:\n{}\n{}", lines.join("\n"), self.program.said());
    }
}

const BINARY: &str = env!("CARGO_BIN_EXE_mailbox_exporter");
const CLIENT_ID: &str = "1234-abc.apps.googleusercontent.com";
const CLIENT_SECRET: &str = "GOCSPX-the-clients-secret";

/// What is probed here is probed since something changed, or since the test asks.
const NEVER: &str = "\"0 0 1 1 *\"";
