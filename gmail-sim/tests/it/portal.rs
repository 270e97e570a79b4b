//! Networks and clocks between us and Google: captive portals, and the Date of answers.

use std::time::{Duration, SystemTime};

use gmail_sim::{Portal, Whose};
use time::{Date, Month, PrimitiveDateTime, Time};

use crate::{browser::wish, support::Stage};

const GET: &str = "GET PATH HTTP/1.1\r\nHost: localhost\r\n";

fn urls(stage: &Stage) -> [String; 5] {
    let at = stage.at();
    let profile = format!("{}/gmail/v1/users/me/profile", at.gmail_api_url);
    [
        profile,
        wish(stage, &[]),
        at.token_url.clone(),
        at.tokeninfo_url.clone(),
        at.revoke_url.clone(),
    ]
}

#[tokio::test]
async fn a_captive_portal_answers_for_everybody() {
    let stage = Stage::set().await;
    stage.world.captive_portal(&Portal::default());
    for url in urls(&stage) {
        let (status, body) = stage.https(&url, GET, "").await;
        assert_eq!(status, 200, "{url}");
        assert!(body.contains("Welcome to our network"), "{url}: {body}");
    }
    stage.world.clear_faults(Whose::All);
    let redirect = Some("http://portal.example/".to_owned());
    stage.world.captive_portal(&Portal { redirect, untrusted: false });
    for url in urls(&stage) {
        let answer = stage.raw_https(&url, GET, "").await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 302 "), "{url}: {answer}");
        assert!(answer.contains("\r\nLocation: http://portal.example/\r\n"), "{url}: {answer}");
    }
    stage.world.clear_faults(Whose::All);
    assert_eq!(stage.refresh(&stage.refresh_token).await.0, 200);
}

#[tokio::test]
async fn a_captive_portal_has_nobodys_certificate() {
    let stage = Stage::set().await;
    stage.world.captive_portal(&Portal { redirect: None, untrusted: true });
    for url in urls(&stage) {
        let error = stage.raw_https(&url, GET, "").await.unwrap_err();
        assert!(error.to_string().contains("certificate"), "{url}: {error}");
    }
}

#[tokio::test]
async fn every_answer_has_a_date_which_may_be_wrong() {
    let stage = Stage::set().await;
    let skew = |seconds: i64| {
        stage.world.skew_date(seconds);
        seconds
    };
    for skewed in [skew(0), skew(-600), skew(7200)] {
        stage.world.skew_date(skewed);
        for url in urls(&stage) {
            let before = unix(stage.world.now());
            let answer = stage.raw_https(&url, GET, "").await.unwrap();
            let after = unix(stage.world.now());
            let told = date(&answer) - skewed;
            assert!((before..=after).contains(&told), "{url}: {before} {told} {after}");
        }
    }
    stage.world.skew_date(0);
    stage.world.advance(Duration::from_secs(86_400));
    let answer = stage.raw_https(&stage.at().token_url.clone(), GET, "").await.unwrap();
    assert!((unix(stage.world.now()) - date(&answer)).abs() < 60, "the simulator's clock");
}

fn unix(at: SystemTime) -> i64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64
}

/// Seconds since 1970 of `Date: Sun, 06 Nov 1994 08:49:37 GMT`.
fn date(answer: &str) -> i64 {
    let date = answer.split("\r\nDate: ").nth(1).unwrap_or_else(|| panic!("no date: {answer}"));
    let date = date.split("\r\n").next().unwrap();
    let words: Vec<&str> = date.split([' ', ':']).collect();
    let [_, day, month, year, hour, minute, second, "GMT"] = words[..] else { panic!("{date}") };
    let all = std::iter::successors(Some(Month::January), |month| Some(month.next()));
    let month = all.take(12).find(|name| name.to_string().starts_with(month)).unwrap();
    let day = Date::from_calendar_date(year.parse().unwrap(), month, day.parse().unwrap()).unwrap();
    let (hour, minute, second) =
        (hour.parse().unwrap(), minute.parse().unwrap(), second.parse().unwrap());
    let time = Time::from_hms(hour, minute, second).unwrap();
    PrimitiveDateTime::new(day, time).assume_utc().unix_timestamp()
}
