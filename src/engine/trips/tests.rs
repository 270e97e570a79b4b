//! Where letters go, when they are looked for, and how their trips end.

use super::*;
use crate::{
    check::tests::watched,
    domain::{
        fingerprint::Key,
        letter::Installation,
        link::Link,
        trip::{Patience, Place, Unsure, Verdicts},
    },
    engine::sample,
};

fn link(id: &str, mailbox: &str, direction: Direction, to: Option<&str>) -> Watched {
    let address = |text| Address::parse(text).unwrap();
    let mut made = watched(mailbox);
    let link = Link { id: LinkId::parse(id).unwrap(), direction, ..(*made.link).clone() };
    made.link = link.into();
    let settings = std::sync::Arc::make_mut(&mut made.settings);
    settings.round_trip.to = to.map(address);
    made
}

fn of_odoo(mut made: Watched) -> Watched {
    let link = std::sync::Arc::make_mut(&mut made.link);
    link.source = "erp".into();
    std::sync::Arc::make_mut(&mut link.client).name = "odoo/erp".into();
    made
}

#[test]
fn no_letter_goes_where_an_application_reads() {
    use Direction::{Both, Incoming, Outgoing};
    let out = |to| link("out", "a@example.com", Outgoing, to);
    let sink = |direction| link("sink", "sink@example.com", direction, None);
    let unreadable = {
        let mut made = sink(Both);
        std::sync::Arc::make_mut(&mut made.link).grant = Grant::Unreadable("no file".into());
        made
    };
    let cases = [
        ("to itself", vec![out(None)], Ok("out")),
        (
            "read by its own link",
            vec![link("out", "a@example.com", Both, None)],
            Err(Refusal::ApplicationReads),
        ),
        (
            "read by another link",
            vec![out(None), link("in", "a@example.com", Incoming, None)],
            Err(Refusal::ApplicationReads),
        ),
        (
            "named by a person, who knows",
            vec![link("out", "a@example.com", Both, Some("a@example.com"))],
            Ok("out"),
        ),
        (
            "named, but read by an Odoo",
            vec![out(Some("a@example.com")), of_odoo(link("in", "a@example.com", Incoming, None))],
            Err(Refusal::ApplicationReads),
        ),
        ("to a sink", vec![out(Some("sink@example.com")), sink(Both)], Ok("sink")),
        (
            "to a sink that an Odoo sends by",
            vec![out(Some("sink@example.com")), of_odoo(sink(Outgoing))],
            Ok("sink"),
        ),
        ("to nobody", vec![out(Some("sink@example.com"))], Err(Refusal::UnknownSink)),
        (
            "to a sink without its secret",
            vec![out(Some("sink@example.com")), unreadable],
            Err(Refusal::UnknownSink),
        ),
    ];
    for (what, links, expected) in cases {
        let found = super::sink(&links[0], links.iter());
        assert_eq!(found.map(|it| it.link.id.to_string()), expected.map(str::to_owned), "{what}");
    }
}

fn trip(to: &str) -> Trip {
    let mark = Mark::new(&Installation::of(&Key::new([7; 32])), [1; 12]);
    let address = |text| Address::parse(text).unwrap();
    let by = LinkId::parse("sink").unwrap();
    Trip::new(mark, address("a@example.com"), address(to), by, sample::NOW)
}

fn travelling(trips: Trips) -> (Snapshot, BTreeSet<LinkId>) {
    let mut out = sample::fine(link("out", "a@example.com", Direction::Outgoing, None));
    out.trips = trips.into();
    let sink = sample::fine(link("sink", "sink@example.com", Direction::Both, None));
    let states = [out, sink].map(|state| (state.watched.link.id.clone(), state.into()));
    let snapshot = Snapshot { links: states.into(), ..Snapshot::default() };
    (snapshot, [LinkId::parse("out").unwrap()].into())
}

fn errands(trips: Trips, now: Timestamp) -> Vec<String> {
    let (snapshot, travelling) = travelling(trips);
    let mut visited = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(due) = due(&snapshot, &travelling, now, |it| !visited.contains(it)) {
        visited.insert(snapshot.links[&due.by].watched.link.mailbox.clone());
        let sought = &due.sought[0];
        let roles = (sought.here, sought.from_here, due.first);
        found.push(format!("{} {roles:?}", due.by));
    }
    found
}

#[test]
fn a_letter_is_looked_for_where_it_went_and_cleaned_up_where_it_was_sent() {
    let later = |seconds| sample::NOW + Duration::from_secs(seconds);
    let out = |looks, to: &str| Trips { out: Some(Trip { looks, ..trip(to) }), ..Trips::default() };
    assert!(errands(out(0, "sink@example.com"), sample::NOW).is_empty());
    assert_eq!(errands(out(0, "sink@example.com"), later(2)), ["sink (true, false, true)"]);
    // Later, it may have come back.
    let both = ["out (false, true, false)", "sink (true, false, false)"];
    assert_eq!(errands(out(1, "sink@example.com"), later(2)), both);
    let mut trips = out(1, "sink@example.com");
    let found = Found {
        place: Place::Inbox,
        received: later(1),
        transit: None,
        verdicts: Verdicts::default(),
    };
    assert!(trips.end(Verdict::Arrived(Arrival::Inbox, found), later(2)).is_none());
    assert_eq!(errands(trips.clone(), later(2)), ["out (false, true, false)"]);
    assert!(trips.travels());
    assert_eq!(trips.counts, BTreeMap::from([(Arrival::Inbox, 1)]));
}

#[test]
fn what_is_lost_is_the_failure_of_sending_where_nobody_knew_whether_it_was_taken() {
    let known = trip("a@example.com");
    assert_eq!(lost(&known).reason, Reason::MessageLost);
    let unsure = Unsure { reason: Reason::ConnectionLost, words: None };
    let unsure = Trip { unsure: Some(unsure), ..known };
    assert_eq!(lost(&unsure).reason, Reason::ConnectionLost);
    let mut trips = Trips { out: Some(unsure.clone()), ..Trips::default() };
    let failure = trips.end(Verdict::Lost(lost(&unsure)), sample::NOW).unwrap();
    assert_eq!(failure.reason, Reason::ConnectionLost);
    assert!(!trips.travels() && trips.last.unwrap().delay.is_none());
    let patience = Patience { late: Duration::from_secs(300), lost: Duration::from_secs(3600) };
    assert!(!unsure.is_lost(patience));
}

#[test]
fn letters_of_a_day_are_counted() {
    let mut trips = Trips::default();
    for hours in [0, 12, 23, 30] {
        let sent = sample::NOW + Duration::from_secs(hours * 3600);
        trips.set_out(Trip { sent, ..trip("a@example.com") });
    }
    let now = sample::NOW + Duration::from_secs(30 * 3600);
    assert_eq!(trips.sent_since(now - DAY), 3);
    assert_eq!(trips.sent.len(), 3);
}
