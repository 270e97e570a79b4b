//! A storage on a disk that is full: what is learnt is forgotten at the end, and that is said; nothing else stops.

use crate::support::{ADDRESS, Disk, Google, Watching, holds_in_time};

#[test]
fn a_disk_that_fills_up_is_said_once_and_used_again_when_it_has_room() {
    let (Some(disk), google) = begin() else { return };
    let exporter = google.serve(&disk.command(false));
    exporter.until_says("mailbox_link_up 1");
    exporter.until_says("mailbox_exporter_storage_up 1");
    fills_up(&exporter, &disk);
    goes_on(&exporter);
    let count = |log: &str, words: &str| log.matches(words).count();
    let said = exporter.said();
    assert_eq!(count(&said, FAILS), 1, "{said}");
    assert!(said.contains("database or disk is full"), "{said}");
    heals(&exporter, &disk);
    // What is written at the end fails as well, which is no news then.
    fills_up(&exporter, &disk);
    let said = exporter.stop();
    assert_eq!(count(&said, FAILS), 2, "{said}");
    assert_eq!(count(&said, "the storage can be written again"), 1, "{said}");
}

#[test]
fn a_disk_that_is_full_from_the_start_is_used_as_soon_as_it_has_room() {
    let (Some(disk), google) = begin() else { return };
    let exporter = google.serve(&disk.command(true));
    exporter.until_says("mailbox_link_up 1");
    exporter.until_says("mailbox_exporter_storage_up 0");
    goes_on(&exporter);
    assert!(exporter.said().contains("database or disk is full"), "{}", exporter.said());
    heals(&exporter, &disk);
    exporter.stop();
}

fn begin() -> (Option<Disk>, Google) {
    let google = Google::start();
    google.link();
    (Disk::at(&google.storage()), google)
}

/// What there is room for in the file's last page is written yet.
fn fills_up(exporter: &Watching, disk: &Disk) {
    disk.fill();
    exporter.until("the storage is down", |page| {
        probe(exporter);
        page.contains("mailbox_exporter_storage_up 0")
    });
}

/// Probes are made and shown as ever.
fn goes_on(exporter: &Watching) {
    let before = runs(exporter);
    probe(exporter);
    assert_eq!(runs(exporter), before + 1.0);
}

/// Without a restart, and with what was learnt meanwhile.
fn heals(exporter: &Watching, disk: &Disk) {
    let learnt = format!("\"runs\":{},", runs(exporter));
    assert!(!disk.holds(&learnt));
    disk.make_room();
    exporter.until_says("mailbox_exporter_storage_up 1");
    assert!(holds_in_time(|| disk.holds(&learnt)), "{learnt} was not written");
}

fn runs(exporter: &Watching) -> f64 {
    exporter.value("mailbox_checks_total{check=\"token\"}").expect("it ran")
}

fn probe(exporter: &Watching) {
    let told = exporter.get(&format!("/probe?link={ADDRESS}&check=token"));
    assert!(told.contains("probe_success 1"), "{told}");
}

const FAILS: &str = "the storage cannot be written: what is learnt from now on is forgotten";
