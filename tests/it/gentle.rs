//! The lightest client of the account: what we do not ask, and what we leave behind.

use gmail_sim::{At, Fault, Folder, Service, What};

use crate::support::World;

#[tokio::test]
async fn every_session_is_ended_properly_whatever_happened_in_it() {
    let mut world = World::start().await;
    world.mailbox("fine@example.com").mailbox("refused@example.com").mailbox("full@example.com");
    let say = |key: &str, address: &str| {
        world.sim.world().fault(Fault::say(key).unwrap().of(address)).unwrap();
    };
    say("smtp.bad_credentials", "refused@example.com");
    say("imap.invalid_credentials", "refused@example.com");
    let quota = Fault::new(Service::Smtp, At::Rcpt, What::Say("smtp.daily_limit_user".into()));
    world.sim.world().fault(quota.of("full@example.com")).unwrap();
    world.check(&[]).await;
    for address in ["fine@example.com", "refused@example.com", "full@example.com"] {
        let asked = world.asked_about(address);
        let ends: Vec<_> = asked.iter().filter(|what| what.starts_with("ended: ")).collect();
        let improper: Vec<_> = ends
            .iter()
            .filter(|end| {
                !["ended: quit", "ended: logout", "ended: dropped"].contains(&end.as_str())
            })
            .collect();
        assert!(improper.is_empty(), "{address}: {improper:?}");
        assert!(asked.iter().any(|what| what == "ended: quit"), "{address}: {asked:?}");
        assert!(asked.iter().any(|what| what == "ended: logout"), "{address}: {asked:?}");
    }
}

#[tokio::test]
async fn nothing_is_marked_and_nothing_is_sent() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let sim = world.sim.world();
    for number in 0..3 {
        let raw = format!("Subject: {number}\r\n\r\nunread\r\n");
        sim.put("a@example.com", Folder::Inbox, raw, sim.now(), &[]);
    }
    let before = format!("{:?}", sim.messages("a@example.com", Folder::Inbox));
    let (code, _) = world.check(&[]).await;
    assert_eq!(code, 0);
    assert_eq!(format!("{:?}", sim.messages("a@example.com", Folder::Inbox)), before);
    assert!(sim.messages("a@example.com", Folder::Sent).is_empty());
    assert!(!world.asked_about("a@example.com").iter().any(|what| what.starts_with("DATA")));
}

#[tokio::test]
async fn a_round_refreshes_once_and_opens_one_session_of_each_kind() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    world.check(&[]).await;
    let asked = world.asked_about("a@example.com");
    let count = |start: &str| asked.iter().filter(|what| what.starts_with(start)).count();
    assert_eq!(count("POST /token "), 1, "{asked:?}");
    assert_eq!(count("AUTH XOAUTH2"), 1, "{asked:?}");
    assert_eq!(count("AUTHENTICATE XOAUTH2"), 1, "{asked:?}");
}

#[tokio::test]
async fn a_refused_fresh_token_is_not_tried_again() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let fault = Fault::say("smtp.bad_credentials").unwrap().of("a@example.com");
    world.sim.world().fault(fault).unwrap();
    world.check(&["--only", "smtp"]).await;
    let asked = world.asked_about("a@example.com");
    assert_eq!(
        asked.iter().filter(|what| what.starts_with("AUTH XOAUTH2")).count(),
        1,
        "{asked:?}"
    );
    assert!(
        asked.iter().any(|what| what == "(empty line)"),
        "the challenge is answered: {asked:?}"
    );
}
