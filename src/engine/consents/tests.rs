//! When clients are asked about, without asking anybody.

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::*;
use crate::{
    check::{consent::Config, tests::watched},
    domain::clock::Clock,
    engine::storage::Storage,
    source::Links,
    wire::{dial::Dialer, https::Https},
};

/// 2026-11-22T14:50:00Z.
const NOW: Timestamp = Timestamp::from_secs(1_795_359_000);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn engine() -> Engine {
    let dialer = Dialer::new(None).unwrap();
    let https = Arc::new(Https::new(&dialer));
    let wire = Wire { dialer, https, clock: Clock::starting(NOW) };
    let (_, links) = watch::channel(Links::default());
    let wire = Arc::new(ArcSwap::from_pointee(wire));
    Engine::new(wire, Clock::starting(NOW), links, Storage::in_memory()).1
}

fn applicant(uri: &str) -> Applicant {
    let link = watched("a@example.com").link;
    let uris = vec![RedirectUri { uri: uri.to_owned(), odoo: None }];
    Applicant { client: link.client.clone(), google: link.google.clone(), uris }
}

fn answer(at: Timestamp, verdict: Verdict, rests: bool) -> Answer {
    Answer { at, uris: vec![verdict], secret: Verdict::Accepted, rests }
}

fn apply(engine: &mut Engine, applicants: &[Applicant], at: Timestamp) {
    let named = applicants.iter().map(|it| (it.client.name.clone(), it.clone()));
    let consent = Some(Config::default().settle(chrono_tz::Tz::UTC));
    let links = Links { applicants: named.collect(), consent, ..Links::default() };
    engine.apply_consents(&links, at);
}

/// Has the client asked about at this time, and answered.
fn say(engine: &mut Engine, applicant: &Applicant, answer: Answer) {
    engine.consents.asked = Some(applicant.clone());
    engine.answered(Ok(answer));
}

fn known(engine: &Engine) -> &Consent {
    &engine.state.current().consents["odoo"]
}

#[tokio::test]
async fn a_client_is_asked_about_soon_and_then_once_a_day_at_a_time_of_its_own() {
    let mut engine = engine();
    let client = applicant("https://a.example.com/cb");
    apply(&mut engine, std::slice::from_ref(&client), NOW);
    assert_eq!(known(&engine).next.map(|next| next.since(NOW) <= FIRST * 2), Some(true));
    say(&mut engine, &client, answer(NOW, Verdict::Accepted, false));
    let next = known(&engine).next.unwrap();
    let scheduled = Timestamp::parse("2026-11-23T04:45:00Z").unwrap();
    assert!(next >= scheduled && next.since(scheduled) < SPREAD, "{next}");
    let tomorrow = engine.after("odoo", &answer(next, Verdict::Accepted, false), next);
    assert_eq!(tomorrow, next + DAY);
    let other = engine.after("odoo/erp", &answer(next, Verdict::Accepted, false), next);
    assert_ne!(other, tomorrow);
    apply(&mut engine, std::slice::from_ref(&client), NOW);
    assert_eq!(known(&engine).next, Some(next), "a reload changes nothing");
}

#[tokio::test]
async fn a_client_that_changes_to_and_fro_is_asked_about_once_for_each() {
    let mut engine = engine();
    let (one, two) = (applicant("https://a.example.com/cb"), applicant("https://b.example.com/cb"));
    for client in [&one, &two] {
        apply(&mut engine, std::slice::from_ref(client), NOW);
        assert_eq!(known(&engine).answer, None);
        say(&mut engine, client, answer(NOW, Verdict::Accepted, false));
    }
    for client in [&one, &two, &one] {
        apply(&mut engine, std::slice::from_ref(client), NOW);
        assert_eq!(known(&engine).answer, Some(answer(NOW, Verdict::Accepted, false)));
        assert!(known(&engine).next > Some(NOW + DAY / 4));
    }
}

#[tokio::test]
async fn who_has_had_enough_is_not_asked_even_about_what_has_changed() {
    let mut engine = engine();
    let client = applicant("https://a.example.com/cb");
    apply(&mut engine, std::slice::from_ref(&client), NOW);
    say(&mut engine, &client, answer(NOW, Verdict::Unknown("/sorry".to_owned()), true));
    assert!(known(&engine).next >= Some(NOW + REST));
    apply(&mut engine, &[applicant("https://b.example.com/cb")], NOW);
    assert_eq!(known(&engine).answer, None);
    assert!(known(&engine).next >= Some(NOW + REST));
}

#[tokio::test]
async fn an_answer_about_what_has_changed_or_gone_meanwhile_counts_for_nothing() {
    let mut engine = engine();
    let client = applicant("https://a.example.com/cb");
    let accepted = || answer(NOW, Verdict::Accepted, false);
    apply(&mut engine, &[applicant("https://b.example.com/cb")], NOW);
    say(&mut engine, &client, accepted());
    assert_eq!(known(&engine).answer, None);
    apply(&mut engine, &[], NOW);
    say(&mut engine, &client, accepted());
    assert!(engine.state.current().consents.is_empty());
}

#[tokio::test]
async fn what_its_links_tell_of_a_client_is_not_told_twice() {
    let mut engine = engine();
    let client = applicant("https://a.example.com/cb");
    apply(&mut engine, std::slice::from_ref(&client), NOW);
    for (reason, expected) in [
        (Reason::RedirectUriMismatch, Some(Reason::RedirectUriMismatch)),
        (Reason::RedirectUriPolicy, Some(Reason::RedirectUriPolicy)),
        (Reason::ClientDeleted, None),
        (Reason::ClientDisabled, None),
        (Reason::ClientUnknown, None),
    ] {
        say(&mut engine, &client, answer(NOW, Verdict::Refused(reason, String::new()), false));
        let told: Vec<_> = refused(engine.state.current()).map(|(_, reason)| reason).collect();
        assert_eq!(told, expected.into_iter().collect::<Vec<_>>());
        let next = known(&engine).next;
        engine.ask_again("odoo", NOW);
        assert_eq!(known(&engine).next != next, reason.refuses_client(), "{reason}");
    }
}

#[test]
fn what_was_kept_comes_back_for_the_same_client_only() {
    let mut storage = Storage::in_memory();
    let verdicts = [
        Verdict::Accepted,
        Verdict::Refused(Reason::RedirectUriMismatch, "no".to_owned()),
        Verdict::Unknown("odd".to_owned()),
    ];
    for verdict in verdicts {
        let client = applicant("https://a.example.com/cb");
        let said = answer(NOW, verdict, true);
        let kept = Consent { applicant: client.clone(), answer: Some(said.clone()), next: None };
        storage.keep_consent(&"odoo".into(), &kept, NOW);
        assert_eq!(storage.recall_consent("odoo", &client), Some(said));
        storage.keep_consent(&"odoo".into(), &kept, NOW);
        assert_eq!(storage.recall_consent("odoo", &applicant("https://b.example.com/cb")), None);
    }
}

#[tokio::test]
async fn whoever_probes_by_hand_sees_within_minutes_that_it_is_mended() {
    let refused = || Verdict::Refused(Reason::RedirectUriMismatch, String::new());
    let hour = Duration::from_secs(3600);
    let cases = [
        ("an hour after it was refused: at once", refused(), false, hour, Some(hour)),
        ("just after: in five minutes", refused(), false, Duration::ZERO, Some(BY_HAND)),
        ("it was accepted", Verdict::Accepted, false, hour, None),
        ("Google has had enough", refused(), true, hour, None),
    ];
    for (what, verdict, rests, later, expected) in cases {
        let mut engine = engine();
        let client = applicant("https://a.example.com/cb");
        apply(&mut engine, std::slice::from_ref(&client), NOW);
        say(&mut engine, &client, answer(NOW, verdict, rests));
        let planned = known(&engine).next;
        engine.look_again("odoo", NOW + later);
        let expected = expected.map(|after| NOW + after).or(planned);
        assert_eq!(known(&engine).next, expected, "{what}");
    }
}
