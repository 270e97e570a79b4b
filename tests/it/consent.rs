//! Could a person link again? What is made of Google's answers; `serving.rs` has what is shown and how rarely it asks.

mod serving;

use std::{sync::Arc, time::Duration};

use gmail_sim::{At, ClientState, Fault, Service, What, lines};
use mailbox_exporter::{
    app,
    check::consent::{Answer, Applicant, RedirectUri, Verdict, examine},
    config,
    domain::{
        link::{Client, Google},
        secret::Secret,
    },
    wire::Wire,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::support::{CLIENT_ID, CLIENT_SECRET, World};

const URI: &str = "https://odoo.example.com/google_gmail/confirm";
const OTHER: &str = "https://other.example.com/google_gmail/confirm";

/// A client whose one redirect URI is registered, and whoever asks about it.
struct Stage {
    world: World,
    wire: Wire,
    applicant: Applicant,
}

impl Stage {
    async fn set() -> Self {
        let mut world = World::start().await;
        world.mailbox("a@example.com");
        world.sim.world().register_redirect(CLIENT_ID, URI);
        let wire = app::wire(&config::load(&world.config()).unwrap()).unwrap();
        let endpoints = world.sim.endpoints();
        let url = |text: &str| Url::parse(text).unwrap();
        let google = Google {
            token_url: url(&endpoints.token_url),
            tokeninfo_url: url(&endpoints.tokeninfo_url),
            authorization_url: url(&endpoints.authorization_url),
            gmail_api_url: url(&endpoints.gmail_api_url),
            revoke_url: url(&endpoints.revoke_url),
        };
        let client = Client {
            name: "odoo".into(),
            id: CLIENT_ID.into(),
            secret: Secret::new(CLIENT_SECRET),
            publishing_status: None,
            redirect_uris: Vec::new(),
        };
        let uris = uris(&[URI]);
        let applicant = Applicant { client: Arc::new(client), google: Arc::new(google), uris };
        Self { world, wire, applicant }
    }

    fn client(&mut self, change: impl FnOnce(&mut Client)) {
        change(Arc::make_mut(&mut self.applicant.client));
    }

    async fn examine(&self) -> Answer {
        self.world.sim.world().forget_asked();
        let stop = CancellationToken::new();
        let answer = examine(&self.applicant, &self.wire, Duration::from_secs(20), &stop).await;
        let told = format!("{answer:?}");
        assert!(!told.contains(CLIENT_SECRET), "{told}");
        answer
    }

    /// Each redirect URI's verdict, then the secret's: `accepted`, `unknown`, or a reason.
    async fn verdicts(&self) -> Vec<&'static str> {
        let answer = self.examine().await;
        answer.uris.iter().chain([&answer.secret]).map(word).collect()
    }

    /// Without the ends of connections.
    fn asked(&self) -> Vec<String> {
        let asked = self.world.sim.world().asked().into_iter().map(|asked| asked.what);
        asked.filter(|what| what.starts_with("GET ") || what.starts_with("POST ")).collect()
    }
}

fn uris(uris: &[&str]) -> Vec<RedirectUri> {
    uris.iter().map(|uri| RedirectUri { uri: (*uri).to_owned(), odoo: None }).collect()
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Refused(reason, _) => reason.name(),
        Verdict::Unknown(_) => "unknown",
    }
}

const ASK: &str = "GET /o/oauth2/v2/auth";
const BOGUS: &str = "POST /token grant_type=authorization_code";

#[tokio::test]
async fn a_client_in_order_is_asked_about_with_two_requests_and_no_redirect_is_followed() {
    let stage = Stage::set().await;
    assert_eq!(stage.verdicts().await, ["accepted", "accepted"]);
    assert_eq!(stage.asked(), [ASK, BOGUS]);
}

#[tokio::test]
async fn each_redirect_uri_has_its_own_verdict() {
    let mut stage = Stage::set().await;
    stage.applicant.uris = uris(&[
        URI,
        OTHER,
        "https://odoo.lan/google_gmail/confirm",
        "http://odoo.example.com/google_gmail/confirm",
        "https://odoo.example.com/google_gmail/confirm/",
    ]);
    let expected = [
        "accepted",
        "redirect_uri_mismatch",
        "redirect_uri_policy",
        "redirect_uri_policy",
        "redirect_uri_mismatch",
        "accepted",
    ];
    assert_eq!(stage.verdicts().await, expected);
    assert_eq!(stage.asked(), [&[ASK; 5][..], &[BOGUS]].concat());
    stage.world.sim.world().set_error_form(|form| form.details = true);
    assert_eq!(stage.verdicts().await, expected);
}

#[tokio::test]
async fn the_secret_is_looked_at_where_no_redirect_uri_is_in_order() {
    let mut stage = Stage::set().await;
    stage.applicant.uris = uris(&["http://odoo.example.com/google_gmail/confirm"]);
    assert_eq!(stage.verdicts().await, ["redirect_uri_policy", "accepted"]);
}

#[tokio::test]
async fn a_password_in_a_redirect_uri_is_told_to_nobody() {
    let mut stage = Stage::set().await;
    stage.applicant.uris = uris(&["https://bot:hunter2@odoo.example.com/google_gmail/confirm"]);
    let answer = stage.examine().await;
    assert_eq!(word(&answer.uris[0]), "redirect_uri_policy");
    assert!(!format!("{answer:?}").contains("hunter2"));
    assert!(!stage.asked().contains(&ASK.to_owned()), "{:?}", stage.asked());
}

#[tokio::test]
async fn a_client_that_is_refused_is_asked_about_once() {
    let mut stage = Stage::set().await;
    stage.applicant.uris = uris(&[URI, OTHER, "https://odoo.lan/google_gmail/confirm"]);
    let states =
        [(ClientState::Deleted, "client_deleted"), (ClientState::Disabled, "client_disabled")];
    for (state, reason) in states {
        stage.world.sim.world().set_client(CLIENT_ID, |client| client.state = state);
        assert_eq!(stage.verdicts().await, [reason; 4]);
        assert_eq!(stage.asked(), [ASK, BOGUS]);
    }
    stage.client(|client| client.id = "1-nobody".to_owned());
    assert_eq!(stage.verdicts().await, ["client_unknown"; 4]);
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_one_that_was_never_read_is_not_known() {
    let mut stage = Stage::set().await;
    stage.client(|client| client.secret = Secret::new("GOCSPX-an-older-one"));
    assert_eq!(stage.verdicts().await, ["accepted", "client_secret_invalid"]);
    stage.client(|client| client.secret = Secret::new(""));
    assert_eq!(stage.verdicts().await, ["accepted", "unknown"]);
    assert_eq!(stage.asked(), [ASK]);
}

/// What says that the client or the redirect URI is at fault is a refusal; what is not understood never is.
#[tokio::test]
async fn every_line_of_the_consent_page_is_taken_for_what_it_is() {
    let stage = Stage::set().await;
    let mut wrong = Vec::new();
    let lines = || lines::all().filter(|line| line.service == Service::Authorization);
    for line in lines() {
        let sim = stage.world.sim.world();
        sim.fault(Fault::say(line.key).unwrap()).unwrap();
        let answer = stage.examine().await;
        sim.clear_faults(gmail_sim::Whose::All);
        let expected = match line.reason {
            "google_outage" | "google_rate_limited" | "request_invalid" | "unknown" => "unknown",
            reason => reason,
        };
        let found = word(&answer.uris[0]);
        if found != expected || answer.rests != (line.reason == "google_rate_limited") {
            wrong.push(format!("{}: {found}, not {expected}; {answer:?}", line.key));
        }
    }
    assert!(lines().count() > 30);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_answer_to_a_bogus_code_is_taken_for_what_it_is() {
    let stage = Stage::set().await;
    let mut wrong = Vec::new();
    for line in lines::all().filter(|line| line.service == Service::Token) {
        let sim = stage.world.sim.world();
        sim.fault(Fault::say(line.key).unwrap()).unwrap();
        let answer = stage.examine().await;
        sim.clear_faults(gmail_sim::Whose::All);
        let expected = match line.reason {
            "grant_revoked_or_expired" => "accepted",
            "client_deleted" | "client_disabled" | "client_secret_invalid" | "client_unknown" => {
                line.reason
            }
            _ => "unknown",
        };
        let found = word(&answer.secret);
        if found != expected || word(&answer.uris[0]) != "accepted" {
            wrong.push(format!("{}: {found}, not {expected}; {answer:?}", line.key));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_no_answer_of_googles_is_unknown() {
    let mut stage = Stage::set().await;
    stage.applicant.uris = uris(&[URI, OTHER]);
    let whats = [
        What::Close,
        What::Garbage,
        What::Html,
        What::HugeBody(300_000),
        What::LoginPage,
        What::NotJson,
        What::Redirect("https://portal.example/".to_owned()),
        What::Redirect("https://portal.example/v3/signin/identifier".to_owned()),
        What::Reset,
        What::EchoCredentials,
    ];
    for what in whats {
        let sim = stage.world.sim.world();
        for service in [Service::Authorization, Service::Token] {
            sim.fault(Fault::new(service, At::Answer, what.clone())).unwrap();
        }
        let verdicts = stage.verdicts().await;
        sim.clear_faults(gmail_sim::Whose::All);
        assert_eq!(verdicts, ["unknown"; 3], "{what:?}");
    }
}

#[tokio::test]
async fn whoever_has_had_enough_is_asked_nothing_more() {
    let mut stage = Stage::set().await;
    stage.applicant.uris = uris(&[URI, OTHER, "https://odoo.lan/google_gmail/confirm"]);
    let sim = stage.world.sim.world();
    sim.fault(Fault::say("authorization.sorry").unwrap()).unwrap();
    let answer = stage.examine().await;
    // That odoo.lan is no public name is known without asking.
    let verdicts: Vec<_> = answer.uris.iter().chain([&answer.secret]).map(word).collect();
    assert_eq!(verdicts, ["unknown", "unknown", "redirect_uri_policy", "unknown"]);
    assert!(answer.rests);
    assert_eq!(stage.asked(), [ASK]);
}
