//! Ready-made worlds.

use std::time::{Duration, SystemTime};

use crate::{
    fault::{At, Fault, Service, What},
    world::{ClientState, Folder, ImapAccess, Kind, Language, World},
};

/// A mailbox of the demonstration.
#[derive(Clone, Debug)]
pub struct DemoMailbox {
    /// Its address.
    pub address: String,
    /// The client that a watcher is to refresh its token with; see [`DEMO_CLIENTS`].
    pub client_id: &'static str,
    /// Its refresh token; none where [`DEMO_SERVICE_ACCOUNT`] acts for it.
    pub refresh_token: Option<String>,
    /// The reason that a watcher ought to conclude, by the exporter's names; nothing where
    /// all is well or where no name fits.
    pub reason: Option<&'static str>,
    /// What is the matter with it.
    pub story: &'static str,
}

/// The service account of the demonstration, which acts for the mailboxes without a refresh token;
/// [`World::add_service_account`] makes its key file.
pub const DEMO_SERVICE_ACCOUNT: &str = "watcher@simulated.iam.gserviceaccount.com";

/// The clients of the demonstration: id and secret.
pub const DEMO_CLIENTS: [(&str, &str); 2] = [(CLIENT, "GOCSPX-demo"), (GONE, "GOCSPX-gone")];

const CLIENT: &str = "1234-demo.apps.googleusercontent.com";
const GONE: &str = "5678-gone.apps.googleusercontent.com";
const OTHER: &str = "9012-other.apps.googleusercontent.com";

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A mailbox in every state that is worth seeing, of `example.com`.
pub fn demo(world: &World) -> Vec<DemoMailbox> {
    for (id, secret) in DEMO_CLIENTS {
        world.add_client(id, secret);
    }
    world.add_client(OTHER, "GOCSPX-other");
    world.set_client(CLIENT, |client| client.name = "Odoo".to_owned());
    world.set_client(GONE, |client| client.state = ClientState::Deleted);
    let mut demo = Vec::from(healthy(world));
    demo.extend(delegated(world));
    demo.extend(at_the_token_endpoint(world));
    demo.extend(at_smtp(world));
    demo.extend(at_imap(world));
    demo
}

fn healthy(world: &World) -> [DemoMailbox; 3] {
    let fine = |name, story| mailbox(world, name, CLIENT, None, story);
    let all = [
        fine("sales", "Healthy, with unread mail of ten minutes, five hours and three days"),
        fine("support", "Healthy, with German folder names and one unread message"),
        fine("billing", "Healthy, everything read"),
    ];
    receive(world, &all[0].address, 10 * MINUTE, &[]);
    receive(world, &all[0].address, 5 * HOUR, &[]);
    receive(world, &all[0].address, 3 * DAY, &[]);
    receive(world, &all[0].address, 9 * DAY, &["\\Seen"]);
    world.set(&all[1].address, |account| account.language = Language::German);
    receive(world, &all[1].address, 40 * MINUTE, &[]);
    receive(world, &all[2].address, DAY, &["\\Seen"]);
    for (mailbox, messages) in all.iter().zip([12, 140, 900]) {
        send(world, &mailbox.address, messages);
    }
    all
}

fn delegated(world: &World) -> [DemoMailbox; 2] {
    let delegated = |name: &str, reason, story| DemoMailbox {
        address: format!("{name}@example.com"),
        client_id: DEMO_SERVICE_ACCOUNT,
        refresh_token: None,
        reason,
        story,
    };
    let fine = "Healthy; a service account acts for it, and nobody had to link it";
    let gone = "A service account is to act for it, but there is no such user";
    let all = [
        delegated("reception", None, fine),
        delegated("fax", Some("impersonated_user_unknown"), gone),
    ];
    world.set(&all[0].address, |_| ());
    receive(world, &all[0].address, 25 * MINUTE, &[]);
    all
}

fn at_the_token_endpoint(world: &World) -> [DemoMailbox; 5] {
    let revoked = "The owner revoked the grant, or changed the password";
    let rapt = "The Workspace's session control asks for a new sign-in";
    let scope = "The owner consented, but only to sending";
    let gone = "Its OAuth client was deleted";
    let other = "The token was made with another client than the one in use";
    let all = [
        mailbox(world, "marketing", CLIENT, Some("grant_revoked_or_expired"), revoked),
        mailbox(world, "director", CLIENT, Some("session_control_reauth"), rapt),
        mailbox(world, "personnel", CLIENT, Some("scope_missing"), scope),
        mailbox(world, "legacy", GONE, Some("client_deleted"), gone),
        mailbox(world, "invoices", OTHER, Some("client_mismatch"), other),
    ];
    world.revoke_all(&all[0].address);
    let rapt = "token.invalid_rapt".to_owned();
    world.set(&all[1].address, |account| account.token_says = Some(rapt));
    let sending = "https://www.googleapis.com/auth/gmail.send".to_owned();
    world.set(&all[2].address, |account| account.scope = sending);
    all.map(|mailbox| match mailbox.client_id {
        OTHER => DemoMailbox { client_id: CLIENT, ..mailbox },
        _ => mailbox,
    })
}

fn at_smtp(world: &World) -> [DemoMailbox; 1] {
    let story = "Sent its 500 messages of the day; Google says so only when DATA comes";
    let newsletter = mailbox(world, "newsletter", CLIENT, Some("send_quota_user"), story);
    world.set(&newsletter.address, |account| account.kind = Kind::WorkspaceTrial);
    send(world, &newsletter.address, 500);
    [newsletter]
}

fn at_imap(world: &World) -> [DemoMailbox; 5] {
    let domain = "The administrator switched IMAP off for the domain";
    let full = "Other programs hold all the sessions that Google allows";
    let held = "Google wants to see the owner in a browser";
    let slow = "IMAP signs in and then says nothing more";
    let storage = "Healthy, but its storage is nearly full";
    let all = [
        mailbox(world, "warehouse", CLIENT, Some("imap_disabled_domain"), domain),
        mailbox(world, "orders", CLIENT, Some("imap_too_many_connections"), full),
        mailbox(world, "returns", CLIENT, Some("web_login_required"), held),
        mailbox(world, "logistics", CLIENT, None, slow),
        mailbox(world, "archive", CLIENT, None, storage),
    ];
    world.set(&all[0].address, |account| account.imap = ImapAccess::OffForDomain);
    world.set(&all[1].address, |account| account.imap_sessions = 0);
    world.set(&all[2].address, |account| account.web_login_required = true);
    let stall = Fault::new(Service::Imap, At::Examine, What::Stall).of(&all[3].address);
    world.fault(stall).expect("tests hold the preset's fault valid");
    world.set(&all[4].address, |account| {
        account.storage_limit = 15 << 30;
        account.storage_used = (15 << 30) / 1000 * 987;
    });
    receive(world, &all[4].address, 30 * DAY, &[]);
    all
}

fn mailbox(
    world: &World,
    name: &str,
    client_id: &'static str,
    reason: Option<&'static str>,
    story: &'static str,
) -> DemoMailbox {
    let address = format!("{name}@example.com");
    let refresh_token = Some(world.add_account(&address, client_id));
    DemoMailbox { address, client_id, refresh_token, reason, story }
}

fn receive(world: &World, address: &str, seconds_ago: u64, flags: &[&str]) {
    let received = ago(world, seconds_ago);
    let raw = format!(
        "From: A Customer <customer@elsewhere.example>\r\nTo: {address}\r\nSubject: An order\r\nMessage-ID: <{seconds_ago}.{address}>\r\n\r\nHello.\r\n"
    );
    world.put(address, Folder::Inbox, raw, received, flags);
}

/// Messages of the last twenty hours, in the `\Sent` folder and on the account's count.
fn send(world: &World, address: &str, messages: u32) {
    for number in 0..messages {
        let received = ago(world, 20 * HOUR * u64::from(number) / u64::from(messages));
        let raw = format!(
            "From: {address}\r\nTo: customer{number}@elsewhere.example\r\nSubject: Order {number}\r\nMessage-ID: <sent.{number}.{address}>\r\n\r\nThank you.\r\n"
        );
        world.put(address, Folder::Sent, raw, received, &["\\Seen"]);
    }
    world.count_as_sent(address, messages);
}

fn ago(world: &World, seconds: u64) -> SystemTime {
    world.now() - Duration::from_secs(seconds)
}
