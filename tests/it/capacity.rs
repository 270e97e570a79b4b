//! What a mailbox sent, counted in its folder of sent mail: round by round, with the journal of the round before.

use std::sync::Arc;

use gmail_sim::{At, Fault, Folder, ImapAccess, Service, What};
use mailbox_exporter::{
    app,
    check::{Check, Config, Watched, capacity::Count},
    config,
    domain::{
        clock::Timestamp,
        fingerprint::Key,
        link::{
            Account, Address, Client, Direction, Google, Grant, ImapServer, Link, LinkId, Security,
            SmtpServer,
        },
        outcome::Verdict,
        reason::Reason,
        secret::Secret,
        sending::{Journal, Of, Uncounted},
    },
    engine::round::Round,
    wire::Wire,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::support::{CLIENT_ID, CLIENT_SECRET, World};

const ADDRESS: &str = "sales@example.com";

/// A mailbox in a world of its own, with what was counted of it so far.
struct Sender {
    world: World,
    wire: Wire,
    watched: Watched,
    count: Count,
}

impl Sender {
    async fn new(direction: Direction) -> Self {
        let mut world = World::start().await;
        let token = world.sim.world().add_account(ADDRESS, CLIENT_ID);
        world.watch(ADDRESS, &token, "");
        let wire = app::wire(&config::load(&world.config()).unwrap()).unwrap();
        let endpoints = world.sim.endpoints();
        let url = |text: &str| Url::parse(text).unwrap();
        let link = Link {
            id: LinkId::parse(ADDRESS).unwrap(),
            mailbox: Address::parse(ADDRESS).unwrap(),
            source: "file".into(),
            direction,
            account: Account::Unknown,
            client: Arc::new(Client {
                name: "odoo".into(),
                id: CLIENT_ID.into(),
                secret: Secret::new(CLIENT_SECRET),
                publishing_status: None,
                redirect_uris: Vec::new(),
            }),
            grant: Grant::RefreshToken(Secret::new(token)),
            linked_at: None,
            google: Arc::new(Google {
                token_url: url(&endpoints.token_url),
                tokeninfo_url: url(&endpoints.tokeninfo_url),
                authorization_url: url(&endpoints.authorization_url),
                gmail_api_url: url(&endpoints.gmail_api_url),
                revoke_url: url(&endpoints.revoke_url),
            }),
            smtp: Arc::new(SmtpServer {
                host: "localhost".into(),
                port: endpoints.smtp_starttls.port(),
                security: Security::Starttls,
            }),
            imap: Arc::new(ImapServer { host: "localhost".into(), port: endpoints.imap.port() }),
        };
        let settings = Arc::new(Config::default().settle(chrono_tz::Tz::UTC));
        let watched = Watched { link: Arc::new(link), settings };
        let (key, journal) = (Key::new([5; 32]), Journal::default());
        Self { world, wire, watched, count: Count { key, journal, uncounted: None } }
    }

    /// Messages that were sent just now, each to one person.
    fn send(&self, messages: u32) {
        for number in 0..messages {
            let raw = format!(
                "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nFrom: Sales <{ADDRESS}>\r\n\
                 To: Customer {number} <customer.{number}@example.org>\r\nSubject: Your order {number}\r\n\
                 Message-ID: <{number}@example.com>\r\n\r\nThank you.\r\n"
            );
            let sim = self.world.sim.world();
            sim.put(ADDRESS, Folder::Sent, raw, sim.now(), &["\\Seen"]);
        }
    }

    /// One round: how the check ended, and what the simulator was asked by IMAP after the sign-in.
    async fn round(&mut self) -> (Verdict, Vec<String>) {
        self.world.sim.world().forget_asked();
        let stop = CancellationToken::new();
        let mut round = Round::new(self.watched.clone(), self.wire.clone(), stop);
        round.count = Some(self.count.clone());
        let ended = round.run(&[Check::Capacity]).await;
        self.count = round.count.unwrap();
        let (_, outcome) = ended.into_iter().find(|(check, _)| *check == Check::Capacity).unwrap();
        let asked = self.world.asked_about(ADDRESS);
        (outcome.verdict, asked)
    }

    fn sums(&self) -> Option<[u64; 5]> {
        let sums = self.count.journal.sums(now())?;
        Some(Of::ALL.map(|of| sums[of]))
    }
}

fn now() -> Timestamp {
    mailbox_exporter::domain::clock::Clock::System.now()
}

fn count(asked: &[String], what: &str) -> usize {
    asked.iter().filter(|line| line.contains(what)).count()
}

#[tokio::test]
async fn what_is_new_is_asked_for_and_nothing_twice() {
    let mut sender = Sender::new(Direction::Both).await;
    sender.send(250);
    let (verdict, asked) = sender.round().await;
    assert!(matches!(verdict, Verdict::Pass(_)), "{verdict:?}");
    assert_eq!(sender.sums(), Some([250; 5]));
    assert_eq!(count(&asked, "ENVELOPE"), 3, "{asked:?}");
    let (_, asked) = sender.round().await;
    assert_eq!((count(&asked, "FETCH"), count(&asked, "EXAMINE")), (0, 1), "{asked:?}");
    sender.send(10);
    let (_, asked) = sender.round().await;
    assert_eq!((count(&asked, "FETCH"), count(&asked, "SEARCH")), (1, 0), "{asked:?}");
    assert_eq!(count(&asked, "SELECT"), 0, "{asked:?}");
    assert_eq!(sender.sums().unwrap()[0], 260);
}

#[tokio::test]
async fn a_session_that_is_cut_is_gone_on_with_where_it_was() {
    let mut sender = Sender::new(Direction::Both).await;
    sender.send(250);
    let _ = sender.round().await;
    sender.send(150);
    let cut = Fault::new(Service::Imap, At::Fetch, What::CutMidLine).of(ADDRESS).times(1);
    sender.world.sim.world().fault(cut).unwrap();
    let (verdict, asked) = sender.round().await;
    assert!(matches!(verdict, Verdict::Pass(_)), "{verdict:?}");
    assert_eq!((count(&asked, "AUTHENTICATE"), count(&asked, "SEARCH")), (2, 0), "{asked:?}");
    assert_eq!(sender.sums().unwrap()[0], 400);
}

#[tokio::test]
async fn an_answer_that_nobody_can_read_is_met_with_another_session() {
    let mut sender = Sender::new(Direction::Both).await;
    sender.send(3);
    let garbage = What::SayRaw(b"* 1 FETCH (UID 1 ENVELOPE oh (\r\n".to_vec());
    let fault = Fault::new(Service::Imap, At::Fetch, garbage).of(ADDRESS).times(2);
    sender.world.sim.world().fault(fault).unwrap();
    let (verdict, asked) = sender.round().await;
    assert!(matches!(verdict, Verdict::Pass(_)), "{verdict:?}");
    assert_eq!(count(&asked, "AUTHENTICATE"), 3, "{asked:?}");
    // The first is counted with nobody in it.
    assert_eq!(sender.sums(), Some([3, 2, 2, 2, 2]));
}

#[tokio::test]
async fn without_imap_an_outgoing_link_is_no_failure_and_any_other_is() {
    for (direction, fails) in [(Direction::Outgoing, false), (Direction::Both, true)] {
        let mut sender = Sender::new(direction).await;
        sender.world.sim.world().set(ADDRESS, |account| account.imap = ImapAccess::OffForDomain);
        let (verdict, _) = sender.round().await;
        match verdict {
            Verdict::Fail(failure) if fails => {
                assert_eq!(failure.reason, Reason::ImapDisabledDomain);
            }
            Verdict::Pass(_) if !fails => {
                let refused = Uncounted::Refused(Reason::ImapDisabledDomain);
                assert_eq!(sender.count.uncounted, Some(refused));
            }
            other => panic!("{direction:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_hidden_folder_is_no_failure_and_is_counted_once_it_is_shown() {
    let mut sender = Sender::new(Direction::Both).await;
    sender.send(2);
    let hide = |folders| sender.world.sim.world().set(ADDRESS, |a| a.hidden_folders = folders);
    hide(vec![Folder::Sent]);
    let hidden = sender.round().await.0;
    assert!(matches!(hidden, Verdict::Pass(_)), "{hidden:?}");
    assert_eq!(sender.count.uncounted, Some(Uncounted::FolderHidden));
    sender.world.sim.world().set(ADDRESS, |account| account.hidden_folders = Vec::new());
    let _ = sender.round().await;
    assert_eq!((sender.count.uncounted, sender.sums()), (None, Some([2; 5])));
}
