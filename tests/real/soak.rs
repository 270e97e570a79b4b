//! Many letters while everything goes wrong: in the end nothing of ours lies anywhere, and nobody else's message was
//! ever touched.
//!
//! `SOAK_TRIPS=1000` sends more of them, `SOAK_SEED=7` has other things go wrong.

mod trouble;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use gmail_sim::{Extension, Folder, Language, Message, Options, Sim, Whose};
use tokio::runtime::Runtime;

use crate::support::{
    Home, LIBRARY, Program, Wall, are_there, free_port, get, holds_in_time, secret, section,
};
use trouble::Trouble;

#[test]
#[ignore = "minutes long: SOAK_TRIPS=200 cargo test --test real soak -- --ignored --nocapture"]
fn after_every_fault_nothing_of_ours_is_left_and_nothing_of_others_is_touched() {
    if !are_there(&[(LIBRARY, "libfaketime")]) {
        return;
    }
    let (trips, seed) = (number("SOAK_TRIPS").unwrap_or(TRIPS), number("SOAK_SEED").unwrap_or(1));
    println!("SOAK_SEED={seed} SOAK_TRIPS={trips}");
    let mut soak = Soak::start();
    soak.put_others();
    let others = soak.others();
    let mut trouble = Trouble::new(seed);
    let (mut sent, mut step) = (0, 0);
    while sent < trips {
        step += 1;
        assert!(step < 20 * trips, "only {sent} letters were sent");
        soak.world.clear_faults(Whose::All);
        trouble.strike(&soak.world);
        if step % RESTARTS == 0 {
            soak.kill();
        }
        soak.goes_on();
        sent += soak.sent();
    }
    println!("{sent} letters in {step} steps; faults: {:?}", trouble.counts());
    soak.world.clear_faults(Whose::All);
    soak.until_clean();
    assert_eq!(soak.others(), others);
    soak.assert_only_ours_was_touched();
}

#[expect(clippy::disallowed_methods, reason = "the test runner passes no flags on")]
fn number(name: &str) -> Option<u64> {
    let number = env::var(name).ok()?.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is no number")))
}

struct Soak {
    // They go in this order.
    exporter: Option<Program>,
    wall: Wall,
    world: gmail_sim::World,
    folder: PathBuf,
    port: u16,
    home: Home,
    sim: Sim,
    _runtime: Runtime,
}

impl Soak {
    fn start() -> Self {
        let runtime = Runtime::new().expect("threads");
        let sim = runtime.block_on(Sim::start(Options::default())).expect("free ports");
        let (world, home) = (sim.world(), Home::new());
        world.add_client(CLIENT_ID, CLIENT_SECRET);
        let folder = home.folder("exporter");
        fs::create_dir(folder.join("storage")).expect("a folder of ours");
        fs::write(folder.join("ca.pem"), &sim.endpoints().ca_pem).expect("a folder of ours");
        secret(&folder, "client-secret", CLIENT_SECRET);
        let (wall, port) = (Wall::new(&folder), free_port());
        let exporter = None;
        let mut soak = Self { exporter, wall, world, folder, port, home, sim, _runtime: runtime };
        soak.write_config();
        soak.make_servers_differ();
        soak.serve();
        soak
    }

    fn write_config(&self) {
        let mut mailboxes = String::new();
        for (address, to) in LINKS {
            secret(&self.folder, address, &self.world.add_account(address, CLIENT_ID));
            let (direction, checks) = match to {
                Some(to) => ("outgoing", format!("{{schedule: '* * * * *', to: {to}}}")),
                None => ("incoming", "{enabled: false}".to_owned()),
            };
            mailboxes += &format!(
                "  - {{address: {address}, refresh_token: {{file: {address}}}, direction: {direction}, checks: {{round_trip: {checks}}}}}\n"
            );
        }
        let text = format!(
            "{}clients:
  odoo: {{client_id: {CLIENT_ID}, client_secret: {{file: client-secret}}}}
mailboxes:
{mailboxes}
checks:
  token: {{schedule: '0 0 1 1 *'}}
  smtp: {{schedule: '0 0 1 1 *'}}
  imap: {{schedule: '0 0 1 1 *'}}
  identity: {{enabled: false}}
  round_trip: {{late_after: 2m, lost_after: 4m}}
",
            section(&self.sim),
        );
        fs::write(self.folder.join("exporter.yaml"), text).expect("a folder of ours");
    }

    /// Google as it is by default, as people set it, in another language; and servers that can less.
    fn make_servers_differ(&self) {
        use Extension::{Gmail, Move};
        for (address, without) in [("s3@example.com", &[Gmail][..]), (PLAIN, &[Gmail, Move])] {
            self.world.set(address, |account| account.without.extend(without));
        }
        self.world.set("k1@example.com", |account| account.auto_expunge = false);
        self.world.set("x1@example.com", |account| account.language = Language::Japanese);
    }

    fn serve(&mut self) {
        let (config, storage) = (self.folder.join("exporter.yaml"), self.folder.join("storage"));
        let own = [
            env!("CARGO_BIN_EXE_mailbox_exporter"),
            "--config.file",
            &config.display().to_string(),
            "--storage.path",
            &storage.display().to_string(),
            "--web.listen-address",
            &format!("127.0.0.1:{}", self.port),
        ];
        let before = self.wall.command();
        let command: Vec<_> = before.iter().map(String::as_str).chain(own).collect();
        let program = self.home.start(&command);
        let up = |page: &str| {
            let ended = |line: &&str| line.starts_with("mailbox_link_up{");
            page.lines().filter(ended).count() == LINKS.len()
        };
        let port = self.port;
        self.exporter = Some(program.ready(|| get(port, "/metrics").is_ok_and(|page| up(&page))));
    }

    /// kill -9 amidst its work; then it starts again.
    fn kill(&mut self) {
        self.advance(Duration::from_secs(61));
        if let Some(mut exporter) = self.exporter.take() {
            exporter.signal("KILL");
            exporter.ended();
        }
        self.serve();
    }

    fn advance(&mut self, by: Duration) {
        self.world.advance(by);
        self.wall.advance(by);
        // It looks at its clock whenever somebody asks for something.
        get(self.port, &format!("/probe?link={CLOCK}&check=imap")).expect("the exporter answers");
    }

    /// What is due within a minute is done: letters are sent, and looked for.
    fn goes_on(&mut self) {
        for seconds in [31, 5, 25, 3] {
            self.advance(Duration::from_secs(seconds));
            self.rests();
        }
    }

    /// Waits until nothing runs. Who waits for a letter that does not come is cut off.
    fn rests(&self) {
        let mut glances = 0;
        let rests = holds_in_time(|| {
            glances += 1;
            if glances % 20 == 0 {
                for address in ADDRESSES {
                    self.world.drop_sessions(address);
                }
            }
            self.metrics().contains("mailbox_exporter_probes_in_flight 0\n")
        });
        assert!(rests, "{}\n{}", self.metrics(), self.said());
    }

    fn metrics(&self) -> String {
        get(self.port, "/metrics").expect("the exporter answers")
    }

    fn said(&self) -> String {
        self.exporter.as_ref().map(Program::said).unwrap_or_default()
    }

    /// How many letters were handed over, or nearly, since this was asked last.
    fn sent(&self) -> u64 {
        let asked = self.world.asked();
        self.world.forget_asked();
        asked.iter().filter(|asked| asked.what == "DATA").count() as u64
    }

    /// Messages of others, though some look like ours, in every folder.
    fn put_others(&self) {
        let texts = [
            format!("Message-ID: <plain@example.com>\r\nSubject: {OURS}\r\n\r\n{FOREIGN}"),
            format!("Message-ID: {FOREIGN_ID}\r\nSubject: {OURS}\r\n{FOREIGN}\r\nHello"),
            "Message-ID: <marked@example.com>\r\nSubject: Marked\r\n\r\nHello".to_owned(),
        ];
        for address in ADDRESSES {
            for folder in Folder::EVERY {
                for text in &texts {
                    let flags = if text.contains("Marked") { &["\\Deleted"][..] } else { &[] };
                    self.world.put(address, folder, text.as_bytes(), self.world.now(), flags);
                }
            }
        }
    }

    fn messages(&self) -> impl Iterator<Item = (String, Message)> {
        let folders = ADDRESSES.into_iter().flat_map(|it| Folder::EVERY.map(|f| (it, f)));
        folders.flat_map(|(address, folder)| {
            let messages = self.world.messages(address, folder).into_iter();
            messages.map(move |message| (format!("{folder:?} of {address}"), message))
        })
    }

    fn others(&self) -> Vec<String> {
        let others = self.messages().filter(|(_, message)| IDS.contains(&&*id(&message.raw)));
        let others = others.map(|(place, message)| {
            let text = String::from_utf8_lossy(&message.raw);
            format!("{place}: {} {:?} {text}", message.uid, message.flags)
        });
        others.collect()
    }

    fn ours(&self) -> Vec<String> {
        let ours = self.messages().filter(|(_, message)| is_ours(&id(&message.raw)));
        ours.map(|(place, message)| format!("{place}: {}", id(&message.raw))).collect()
    }

    /// All is well again, so what follows cleans up what was left; the last letters are still on their way at times.
    fn until_clean(&mut self) {
        for address in ADDRESSES {
            self.world.set(address, |account| {
                account.without.insert(Extension::Idle);
            });
        }
        let clean = (0..ROUNDS_TO_CLEAN).any(|_| {
            self.goes_on();
            self.ours().is_empty()
        });
        assert!(clean, "{:#?}\n{}\n{}", self.ours(), self.metrics(), self.said());
    }

    fn assert_only_ours_was_touched(&self) {
        let mut letters = BTreeSet::new();
        for touched in ADDRESSES.iter().flat_map(|address| self.world.touched(address)) {
            let id = touched.message_id.clone().unwrap_or_default();
            assert!(is_ours(&id), "{touched}");
            letters.insert(id);
        }
        println!("{} letters of ours were changed, and none of others", letters.len());
        assert!(!letters.is_empty());
    }
}

fn id(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let header = text.split("\r\n\r\n").next().unwrap_or_default();
    let id = header.lines().find_map(|line| line.strip_prefix("Message-ID: "));
    id.unwrap_or_default().to_owned()
}

/// Whether a letter of the exporter's has this name.
fn is_ours(id: &str) -> bool {
    let name = id.strip_prefix('<').and_then(|id| id.split_once('@'));
    let hex = |name: &str| name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    id != FOREIGN_ID && name.is_some_and(|(name, _)| hex(name))
}

const CLIENT_ID: &str = "1234-abc.apps.googleusercontent.com";
const CLIENT_SECRET: &str = "GOCSPX-the-clients-secret";

/// Each mailbox, and where it sends to.
const LINKS: [(&str, Option<&str>); 12] = [
    ("s0@example.com", Some("k0@example.com")),
    ("s1@example.com", Some("k1@example.com")),
    ("s2@example.com", Some(PLAIN)),
    ("s3@example.com", Some("k3@example.com")),
    ("s4@example.com", Some("k0@example.com")),
    ("x0@example.com", Some("x0@example.com")),
    ("x1@example.com", Some("x1@example.com")),
    ("k0@example.com", None),
    ("k1@example.com", None),
    (PLAIN, None),
    ("k3@example.com", None),
    (CLOCK, None),
];
const ADDRESSES: [&str; 11] = [
    "s0@example.com",
    "s1@example.com",
    "s2@example.com",
    "s3@example.com",
    "s4@example.com",
    "x0@example.com",
    "x1@example.com",
    "k0@example.com",
    "k1@example.com",
    PLAIN,
    "k3@example.com",
];
const PLAIN: &str = "plain@example.com";
/// Nothing ever goes wrong with it.
const CLOCK: &str = "clock@example.com";

const OURS: &str = "Test of this mailbox";
const FOREIGN: &str = "X-Mailbox-Exporter-Probe: 0123456789abcdef/0123456789abcdef01234567\r\n";
const FOREIGN_ID: &str = "<0123456789abcdef01234567@example.com>";
const IDS: [&str; 3] = ["<plain@example.com>", FOREIGN_ID, "<marked@example.com>"];

const TRIPS: u64 = 40;
/// Steps from one kill -9 to the next.
const RESTARTS: u64 = 5;
/// A mailbox that could not be read is tried again after an hour.
const ROUNDS_TO_CLEAN: u32 = 90;
