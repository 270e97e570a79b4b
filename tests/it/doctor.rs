//! `mailbox_exporter doctor`: each fault at its place and first, what hangs on it skipped, and nothing changed.

mod beside; // Odoo, the running exporter
mod report; // the file for a ticket
mod soon; // warnings

use std::net::TcpListener;

use gmail_sim::{
    At, Certificate, ClientState, Fault, ImapAccess, Portal, Service, ServiceAccount, What,
};
use serde_json::Value;

use crate::support::{CLIENT_ID, CLIENT_SECRET, World};

const A: &str = "a@example.com";
const B: &str = "b@example.com";
const URI: &str = "https://odoo.example.com/google_gmail/confirm";

/// What the doctor said.
struct Told {
    code: i32,
    steps: Vec<Value>,
}

impl World {
    /// A world in which everything is well, with one client, its redirect URI and two mailboxes.
    async fn healthy() -> Self {
        let mut world = Self::start().await;
        world.client = format!(", publishing_status: production, redirect_uris: [\"{URI}\"]");
        world.sim.world().set_client(CLIENT_ID, |client| client.redirect_uris = vec![URI.into()]);
        world.mailbox(A).mailbox(B);
        world
    }

    async fn doctor(&self, arguments: &[&str]) -> Told {
        let nobody: &[&str] = match arguments.contains(&"--exporter") {
            true => &[],
            false => &["--exporter", "http://127.0.0.1:9"],
        };
        let output = self.run(&[&["doctor", "--format", "json"], nobody, arguments].concat()).await;
        let said = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        self.holds_no_secret(&said);
        self.holds_no_secret(&complaint);
        let told: Value =
            serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{complaint}"));
        let code = output.status.code().unwrap();
        assert_eq!(told["ok"], code == 0, "{said}");
        Told { code, steps: told["steps"].as_array().unwrap().clone() }
    }

    fn holds_no_secret(&self, said: &str) {
        let world = self.sim.world();
        let tokens = world.addresses().into_iter().flat_map(|it| world.refresh_tokens(&it));
        for secret in tokens.chain([CLIENT_SECRET.to_owned()]) {
            assert!(!said.contains(&secret), "{said}");
        }
        for start in ["ya29.", "GOCSPX-", "1//0", "PRIVATE KEY", "eyJhbGciOi"] {
            assert!(!said.contains(start), "{start}: {said}");
        }
    }
}

impl Told {
    /// `links a@example.com grant_revoked_or_expired`, of every line that is wrong.
    fn wrong(&self) -> Vec<String> {
        self.of("wrong").map(|step| format!("{} {}", line(step), text(step, "reason"))).collect()
    }

    fn of(&self, verdict: &str) -> impl Iterator<Item = &Value> {
        self.steps.iter().filter(move |step| step["verdict"] == verdict)
    }

    /// What the lines of this verdict in this area say, each with its subject.
    fn said(&self, area: &str, verdict: &str) -> String {
        let steps = self.of(verdict).filter(|step| step["area"] == area);
        steps.map(|step| format!("{}: {}\n", text(step, "subject"), text(step, "seen"))).collect()
    }

    /// The next step of the first wrong line.
    fn begin(&self) -> &str {
        self.of("wrong").next().map_or("", |step| text(step, "next"))
    }
}

fn line(step: &Value) -> String {
    format!("{} {}", text(step, "area"), text(step, "subject"))
}

fn text<'a>(step: &'a Value, key: &str) -> &'a str {
    step[key].as_str().unwrap_or_default()
}

#[tokio::test]
async fn where_all_is_well_nothing_is_to_be_mended_and_nothing_was_sent() {
    let world = World::healthy().await;
    let told = world.doctor(&[]).await;
    assert_eq!((told.wrong(), told.code), (Vec::new(), 0));
    assert_eq!(told.of("warning").count() + told.of("skipped").count(), 0, "{:#?}", told.steps);
    assert!(told.said("links", "ok").contains(&format!("{A}: works: token, smtp, imap")));
    assert!(told.said("clients", "ok").contains("Google takes it; used by 2 links"));
    assert!(told.said("clients", "ok").contains("it is registered"));
    assert!(told.said("network", "ok").contains("certificate of localhost"), "{:#?}", told.steps);
    assert!(told.said("alerting", "unknown").contains("does not answer"), "{:#?}", told.steps);
    for step in told.of("unknown") {
        assert!(!text(step, "next").is_empty(), "{step}");
    }
    let asked = world.sim.world().asked();
    for address in [A, B] {
        assert!(world.sim.world().touched(address).is_empty(), "{address}");
    }
    assert!(!asked.iter().any(|asked| asked.what.starts_with("DATA")), "{asked:#?}");
    assert!(!asked.iter().any(|asked| asked.what.contains("SELECT")), "{asked:#?}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_the_first_to_mend_and_the_rest_goes_on() {
    let mut world = World::healthy().await;
    world.mailbox_with("c@example.com", ", smtp: {host: nowhere.invalid, port: 587}");
    let told = world.doctor(&[]).await;
    assert_eq!(told.wrong(), ["network nowhere.invalid:587 (smtp) dns_failed"]);
    assert!(told.begin().contains("Check this host's DNS"));
    let skipped = told.said("links", "skipped");
    assert_eq!(
        skipped,
        "c@example.com: smtp not looked at, because of nowhere.invalid:587 (smtp)\n"
    );
    assert!(told.said("links", "ok").contains("c@example.com: token, imap"));
    assert_eq!(told.code, 1);
}

#[tokio::test]
async fn a_port_that_refuses_is_told_once_for_all_links() {
    let mut world = World::healthy().await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let imap = format!(", imap: {{host: localhost, port: {port}}}");
    world.mailbox_with("c@example.com", &imap).mailbox_with("d@example.com", &imap);
    let told = world.doctor(&[]).await;
    assert_eq!(told.wrong(), [format!("network localhost:{port} (imap) connection_refused")]);
    assert_eq!(told.said("links", "skipped").lines().count(), 2);
}

#[tokio::test]
async fn who_answers_in_googles_place_is_named() {
    let world = World::healthy().await;
    let portal = Portal { untrusted: true, ..Portal::default() };
    world.sim.world().captive_portal(&portal);
    let told = world.doctor(&[]).await;
    let wrong = told.wrong();
    assert!(
        wrong[0].starts_with("network localhost:") && wrong[0].ends_with("tls_untrusted"),
        "{wrong:?}"
    );
    assert!(
        told.said("network", "wrong").contains("certificate of localhost"),
        "{:#?}",
        told.steps
    );
    assert_eq!(told.said("links", "skipped").lines().count(), 2, "{:#?}", told.steps);
    assert!(told.said("clients", "skipped").contains(URI));
    assert_eq!(told.said("links", "wrong"), "");

    world.sim.world().clear_faults(gmail_sim::Whose::All);
    let redirect = Some("http://portal.example/login".to_owned());
    world.sim.world().captive_portal(&Portal { redirect, ..Portal::default() });
    let told = world.doctor(&[]).await;
    assert!(told.wrong()[0].ends_with("garbled_answer"), "{:?}", told.wrong());
    assert!(told.said("network", "wrong").contains("leads to http://portal.example"));

    world.sim.world().clear_faults(gmail_sim::Whose::All);
    world.sim.world().captive_portal(&Portal::default());
    let told = world.doctor(&[]).await;
    assert!(told.wrong()[0].ends_with("garbled_answer"), "{:?}", told.wrong());
    assert!(told.said("network", "wrong").contains("a captive portal shows one"));
}

#[tokio::test]
async fn a_certificate_of_another_name_is_shown() {
    let world = World::healthy().await;
    let wrong = What::BadCertificate(Certificate::WrongName);
    world.sim.world().fault(Fault::new(Service::Imap, At::Handshake, wrong)).unwrap();
    let told = world.doctor(&[]).await;
    assert_eq!(told.wrong().len(), 1, "{:?}", told.wrong());
    assert!(told.wrong()[0].ends_with("(imap) tls_wrong_name"));
    assert!(told.said("network", "wrong").contains("certificate of wrong.example"));
    assert!(told.said("links", "ok").contains(&format!("{A}: token, smtp")));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_by_how_much() {
    let world = World::healthy().await;
    for (skew, verdict, says) in [
        (0, "ok", "as that of"),
        (60, "warning", "behind that of"),
        (-3600, "wrong", "1 h ahead of that of"),
    ] {
        world.sim.world().skew_date(skew);
        let told = world.doctor(&[]).await;
        let said = told.said("clock", verdict);
        // A moment passes between both clocks.
        let said = said.replace("59 min", "1 h");
        assert!(said.contains(says), "{skew}: {:#?}", told.steps);
        assert_eq!(told.code, i32::from(verdict == "wrong"));
    }
    let told = world.doctor(&[]).await;
    assert_eq!(told.wrong(), ["clock this host's clock clock_wrong"]);
    assert!(told.begin().contains("timedatectl set-ntp true"));
}

#[tokio::test]
async fn what_the_clock_breaks_is_not_told_twice() {
    let world = delegated().await;
    world.sim.world().advance(std::time::Duration::from_secs(2 * 60 * 60));
    let told = world.doctor(&[]).await;
    assert_eq!(told.wrong(), ["clock this host's clock clock_wrong"], "{:#?}", told.steps);
    assert!(
        told.said("links", "skipped").contains("token not looked at, because of this host's clock")
    );
}

#[tokio::test]
async fn a_client_that_google_refuses_is_one_thing_to_mend() {
    let cases = [
        (ClientState::Deleted, "client_deleted", "credentials/deleted"),
        (ClientState::Disabled, "client_disabled", "appeal"),
    ];
    for (state, reason, step) in cases {
        let world = World::healthy().await;
        world.sim.world().set_client(CLIENT_ID, |client| client.state = state);
        let told = world.doctor(&[]).await;
        assert_eq!(told.wrong(), [format!("clients client odoo {reason}")]);
        assert!(told.begin().contains(step), "{}", told.begin());
        let skipped = told.said("links", "skipped");
        assert!(skipped.contains(&format!("{B}: all of it not looked at, because of client odoo")));
        let asked = world.sim.world().asked();
        let refresh = |what: &str| what.starts_with("POST /token grant_type=refresh_token");
        assert_eq!(asked.iter().filter(|asked| refresh(&asked.what)).count(), 1, "{asked:#?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_wrong_is_the_clients_and_shown_nowhere() {
    let world = World::healthy().await;
    world.write("client-secret", "GOCSPX-of-somebody-else");
    let told = world.doctor(&[]).await;
    assert_eq!(told.wrong(), ["clients client odoo client_secret_invalid"]);
}

#[tokio::test]
async fn a_dead_grant_is_its_links_and_the_other_link_works() {
    let world = World::healthy().await;
    world.sim.world().revoke_all(A);
    let told = world.doctor(&[]).await;
    assert_eq!(told.wrong(), [format!("links {A} grant_revoked_or_expired")]);
    assert!(told.begin().contains("Link the mailbox again"));
    assert!(told.said("links", "skipped").starts_with(&format!("{A}: smtp, imap")));
    assert!(told.said("links", "ok").contains(&format!("{B}: works")));
    assert!(told.said("clients", "ok").contains("Google takes it"));
}

#[tokio::test]
async fn what_is_switched_off_or_left_out_in_an_account_is_told() {
    let world = World::healthy().await;
    world.sim.world().set(A, |account| account.imap = ImapAccess::OffForUser);
    let narrow = "https://www.googleapis.com/auth/gmail.send";
    world.sim.world().set(B, |account| account.scope = narrow.to_owned());
    let told = world.doctor(&[]).await;
    let wrong = told.wrong();
    assert!(wrong.contains(&format!("links {A} imap_disabled_user")), "{wrong:?}");
    assert!(wrong.contains(&format!("links {B} scope_missing")), "{wrong:?}");
    assert!(told.said("links", "wrong").contains("gmail.send"));
}

#[tokio::test]
async fn a_redirect_uri_is_held_against_the_rules_and_against_what_is_registered() {
    let mut world = World::healthy().await;
    let other = || vec!["https://old.example.com/google_gmail/confirm".to_owned()];
    world.sim.world().set_client(CLIENT_ID, |client| client.redirect_uris = other());
    let told = world.doctor(&[]).await;
    let expected = format!("clients client odoo, redirect URI {URI} redirect_uri_mismatch");
    assert_eq!(told.wrong(), [expected]);
    assert!(told.begin().starts_with(&format!("Add {URI}, letter by letter")));

    let lan = "https://odoo.lan/google_gmail/confirm";
    world.client = format!(", publishing_status: testing, redirect_uris: [\"{lan}\"]");
    let told = world.doctor(&[]).await;
    assert_eq!(told.wrong().len(), 1, "{:?}", told.wrong());
    assert!(told.wrong()[0].ends_with("redirect_uri_policy"), "{:?}", told.wrong());
    let warnings = told.said("clients", "warning");
    assert!(warnings.contains("in Testing, so that every refresh token dies after 7 days"));
}

#[tokio::test]
async fn a_client_that_no_link_uses_is_named() {
    let mut world = World::healthy().await;
    world.sim.world().add_client("99-old.apps.googleusercontent.com", "GOCSPX-the-old-secret");
    world.write("old-secret", "GOCSPX-the-old-secret");
    world.clients = "  old: {client_id: 99-old.apps.googleusercontent.com, client_secret: {file: old-secret}, publishing_status: internal}\n".into();
    let told = world.doctor(&[]).await;
    assert!(told.said("clients", "warning").contains("client old: 99-old"), "{:#?}", told.steps);
    assert_eq!(told.code, 0, "a warning is nothing to mend");
}

async fn delegated() -> World {
    let mut world = World::start().await;
    world.sim.world().set(A, |_| ());
    let key = world.sim.world().add_service_account(WATCHER);
    world.delegate(A, &key);
    world
}

const WATCHER: &str = "watcher@mail-1234.iam.gserviceaccount.com";

#[tokio::test]
async fn a_service_account_is_named_and_its_key_is_its_own() {
    let mut world = delegated().await;
    world.mailbox(B);
    let told = world.doctor(&["--client", "delegated"]).await;
    assert!(world.asked_about(B).is_empty());
    assert!(!told.said("clients", "ok").contains("client odoo"), "{:#?}", told.steps);
    assert_eq!((told.wrong(), told.code), (Vec::new(), 0));
    let seen = format!("client delegated: service account {WATCHER}, key ");
    assert!(told.said("clients", "ok").contains(&seen), "{:#?}", told.steps);
    let change = |account: &mut ServiceAccount| account.key_ids.clear();
    world.sim.world().set_service_account(WATCHER, change);
    let told = world.doctor(&[]).await;
    assert_eq!(told.wrong(), ["clients client delegated service_account_key_invalid"]);
}

#[tokio::test]
async fn only_what_is_named_is_looked_at() {
    let mut world = World::healthy().await;
    world.mailbox_with("in@example.com", ", id: in, direction: incoming");
    world.sim.world().revoke_all(A);
    let told = world.doctor(&["--link", B, "--link", "in"]).await;
    assert_eq!(told.code, 0);
    assert!(!told.steps.iter().any(|step| text(step, "subject") == A), "{:#?}", told.steps);
    assert!(world.asked_about(A).is_empty());
    assert_eq!(world.doctor(&["--client", "odoo"]).await.wrong().len(), 1);
    for (arguments, says) in [
        (["--link", "nobody"], "there is no link \"nobody\"; there are: "),
        (["--client", "nobody"], "there is no client \"nobody\"; there are: odoo"),
    ] {
        let output = world.run(&[&["doctor"], &arguments[..]].concat()).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(says), "{said}");
    }
}

#[tokio::test]
async fn mistakes_in_the_configuration_come_first_each_with_its_place() {
    let mut world = World::healthy().await;
    world.settings = "checks: {token: {schedule: \"every day\"}}\n".into();
    let told = world.doctor(&[]).await;
    assert_eq!(told.code, 64);
    let wrong = told.said("configuration", "wrong");
    assert!(wrong.contains("config.yaml:") && wrong.contains("five fields"), "{wrong}");
    assert_eq!(told.of("unknown").count(), 1, "the exporter is asked all the same");
    world.settings.clear();
    let public = world.path("client-secret");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&public, mode).unwrap();
    let told = world.doctor(&[]).await;
    assert_eq!(told.code, 64);
    assert!(told.said("configuration", "wrong").contains("is open to everybody (mode 0644)"));
}

#[tokio::test]
async fn a_person_reads_what_to_mend_and_where_to_begin() {
    let world = World::healthy().await;
    world.sim.world().revoke_all(A);
    let output = world.run(&["doctor", "--exporter", "http://127.0.0.1:9"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    for words in [
        "configuration\n  ok       ",
        "\nnetwork\n  ok       localhost:",
        &format!("\nlinks\n  WRONG    {A}: token: Google no longer honours the consent"),
        "[grant_revoked_or_expired]\n           Next: Link the mailbox again",
        &format!("\n1 thing to mend (1 unknown); begin with {A}: Link the mailbox again"),
    ] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.is_empty(), "no bar in a pipe: {:?}", output.stderr);
}
