//! The report: complete enough for a ticket, and nothing in it that a ticket must not hold.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{A, B};
use crate::support::{CLIENT_ID, World};

async fn report(world: &World, arguments: &[&str]) -> String {
    let path = world.path("report.txt");
    let file = path.to_str().unwrap();
    let doctor = ["doctor", "--exporter", "http://127.0.0.1:9", "--report", file];
    let output = world.run(&[&doctor, arguments].concat()).await;
    assert!(output.status.code().is_some());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    world.holds_no_secret(&text);
    text
}

#[tokio::test]
async fn it_holds_versions_lines_transcripts_and_the_configuration() {
    let world = World::healthy().await;
    world.sim.world().revoke_all(A);
    // One that was there before, for everybody to read.
    fs::write(world.path("report.txt"), "old").unwrap();
    let text = report(&world, &[]).await;
    for words in [
        concat!("\nversion ", env!("CARGO_PKG_VERSION")),
        "1 thing to mend",
        &format!("== What was said: {A}: token =="),
        "invalid_grant",
        "client_secret: \"****\"",
        CLIENT_ID,
    ] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
}

#[tokio::test]
async fn an_anonymous_one_names_nobody_and_still_tells_them_apart() {
    let world = World::healthy().await;
    world.sim.world().revoke_all(A);
    let text = report(&world, &["--anonymous"]).await;
    for address in [A, B] {
        assert!(!text.contains(address), "{text}");
    }
    assert!(text.contains("begin with mailbox-"), "{text}");
    let again = report(&world, &["--anonymous"]).await;
    let hash = |text: &str| text.split("begin with ").nth(1).unwrap()[..24].to_owned();
    assert_ne!(hash(&text), hash(&again), "another report has another key");
}

#[tokio::test]
async fn what_the_privacy_setting_hides_is_hidden() {
    let mut world = World::start().await;
    world.mailbox_with("first@example.com", ", id: one");
    world.mailbox_with("second@example.com", ", id: two");
    world.sim.world().revoke_all("second@example.com");
    world.settings = "privacy: {mailbox_label: id}\n".into();
    let text = report(&world, &[]).await;
    assert!(text.contains("begin with two"), "{text}");
    assert!(!text.contains("first@") && !text.contains("second@"), "{text}");
}

#[tokio::test]
async fn a_place_where_nothing_can_be_written_is_told_before_anything_is_asked() {
    let world = World::healthy().await;
    let output = world.run(&["doctor", "--report", "/nowhere/report.txt"]).await;
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--report /nowhere/report.txt"));
    assert!(world.sim.world().asked().is_empty());
}
