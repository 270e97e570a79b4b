//! The site as those see it who visit it, through real sockets.

use std::io::Read as _;

use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::{
    domain::{fingerprint::Key, link::Direction, secret::Secret},
    engine::{sample, state::Snapshot},
    metrics::MailboxLabel,
};

mod manual;
pub(super) mod visit;

use visit::{House, Plan};

#[tokio::test]
async fn a_scraper_gets_the_page_plain_or_zipped_as_it_asks() {
    let house = House::new(Plan::default()).await;
    let plain = house.get("/metrics").await;
    assert_eq!(plain.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(plain.headers["content-length"], plain.body.len().to_string());
    assert!(plain.text().contains("\nmailbox_exporter_links 12\n"));

    let zipped = house.ask("GET", "/metrics", &[("accept-encoding", "gzip")]).await;
    assert_eq!(zipped.headers["content-encoding"], "gzip");
    assert_eq!(zipped.headers["vary"], "accept-encoding");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&zipped.body[..]).read_to_string(&mut text).unwrap();
    assert!(text.contains("\nmailbox_exporter_links 12\n"));
}

#[tokio::test]
async fn head_says_what_get_would() {
    let house = House::new(Plan::default()).await;
    for path in ["/", "/metrics", "/api/v1/links", "/config", "/-/healthy"] {
        let (head, get) = (house.ask("HEAD", path, &[]).await, house.get(path).await);
        assert_eq!(head.status, 200, "{path}");
        assert!(head.body.is_empty(), "{path}");
        assert_eq!(head.headers["content-type"], get.headers["content-type"], "{path}");
        assert!(head.headers.contains_key("content-length"), "{path}");
    }
}

#[tokio::test]
async fn nothing_is_kept_framed_or_guessed_at() {
    let house = House::new(Plan::default()).await;
    for path in ["/", "/metrics", "/links/support", "/nothing"] {
        let said = house.get(path).await;
        assert_eq!(said.headers["cache-control"], "no-store", "{path}");
        assert_eq!(said.headers["x-content-type-options"], "nosniff", "{path}");
        assert!(said.headers["content-security-policy"].starts_with("default-src 'none'"));
        assert!(!said.headers["content-security-policy"].contains("unsafe"));
    }
}

#[tokio::test]
async fn a_probe_on_demand_tells_what_it_found() {
    let house = House::new(Plan::default()).await;
    let passed = house.page("/probe?link=sales@example.com").await;
    assert!(passed.contains("\nprobe_success 1\n"), "{passed}");
    assert!(passed.contains(r#"probe_phase_duration_seconds{check="imap",phase="auth"} 0.16"#));

    let failed = house.page("/probe?link=billing%40example.com&check=token").await;
    assert!(failed.contains("\nprobe_success 0\n"), "{failed}");
    let why = r#"probe_failing{check="token",reason="grant_revoked_or_expired",class="relink"} 1"#;
    assert!(failed.contains(why), "{failed}");
    assert!(!failed.contains("imap"), "{failed}");
}

#[tokio::test]
async fn a_probe_that_cannot_be_is_refused_in_a_sentence() {
    let house = House::new(Plan::default()).await;
    let cases = [
        ("/probe", 400, "Which link?"),
        ("/probe?link=nobody@example.com", 404, "No link is called"),
        ("/probe?link=a%20b", 404, "No link is called"),
        ("/probe?link=support&link=support", 400, "One link"),
        (
            "/probe?link=support&check=pop",
            400,
            "the checks are token, smtp, imap, capacity, session, identity",
        ),
        ("/probe?link=support&check=round_trip", 400, "really sends a message"),
        ("/probe?link=support&target=evil.example", 400, "only a configured link"),
        ("/probe?link=odoo/erp/incoming/7&check=smtp", 400, "no such check"),
    ];
    for (path, status, words) in cases {
        let said = house.get(path).await;
        assert_eq!(said.status, status, "{path}: {}", said.text());
        assert!(said.text().contains(words), "{path}: {}", said.text());
    }
}

#[tokio::test]
async fn another_site_cannot_make_a_browser_probe_or_reload() {
    let settings = Settings { lifecycle: Lifecycle::Enabled, ..Plan::default().settings };
    let house = House::new(Plan { settings, ..Plan::default() }).await;
    let picture = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")];
    let followed = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    assert_eq!(house.ask("GET", "/probe?link=support", &picture).await.status, 403);
    assert_eq!(house.ask("GET", "/probe?link=support", &followed).await.status, 200);
    assert_eq!(house.ask("POST", "/-/reload", &followed).await.status, 403);
}

#[tokio::test]
async fn a_probe_ends_when_the_scraper_would_leave() {
    let mut house = House::new(Plan::default()).await;
    // No engine answers any more.
    house.tasks.abort_all();
    while house.tasks.join_next().await.is_some() {}
    let (engine, silent) = sample::engine(sample::snapshot());
    let applied = house.applied.clone();
    let guard = Arc::new(Guard::open());
    let (reload, _) = mpsc::channel(1);
    let (clock, settings) = (Clock::starting(sample::NOW), Plan::default().settings);
    let site = Site { engine, clock, settings, guard, applied, reload };
    let front = Arc::new(Front::new(site, CancellationToken::new()));
    let request = Request::get("/probe?link=support")
        .header("x-prometheus-scrape-timeout-seconds", "0.01")
        .body(())
        .unwrap();
    let answer = front.answer(&request).await;
    drop(silent);
    let page = answer.into_body().collect().await.unwrap().to_bytes();
    let page = std::str::from_utf8(&page).unwrap();
    assert!(page.contains("\nprobe_success 0\n"), "{page}");
}

#[tokio::test]
async fn prometheus_finds_every_link_as_a_target() {
    let house = House::new(Plan::default()).await;
    let said = house.get("/sd").await;
    assert_eq!(said.headers["content-type"], "application/json");
    let groups = said.json();
    assert_eq!(groups.as_array().unwrap().len(), 12);
    let mut groups = groups.as_array().unwrap().iter();
    let erp = groups.find(|group| group["labels"]["link"] == "odoo/erp/outgoing/3").unwrap();
    assert_eq!(erp["targets"], serde_json::json!(["exporter.example:10048"]));
    assert_eq!(
        erp["labels"],
        serde_json::json!({
            "__metrics_path__": "/probe",
            "__param_link": "odoo/erp/outgoing/3",
            "__scheme__": "http",
            "link": "odoo/erp/outgoing/3",
            "mailbox": "info@example.org",
        })
    );
}

#[tokio::test]
async fn behind_a_proxy_every_address_is_the_proxys() {
    let settings = Settings {
        telemetry_path: "/metrics".to_owned(),
        external_url: Some("https://mon.example.com/mail/".parse().unwrap()),
        lifecycle: Lifecycle::Disabled,
    };
    let house = House::new(Plan { settings, ..Plan::default() }).await;
    assert_eq!(house.get("/metrics").await.status, 404);
    assert_eq!(house.get("/mail/metrics").await.status, 200);
    let page = house.page("/mail/").await;
    let hrefs = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for href in hrefs {
        let fits = ["/mail/", "#", "data:", "https://"].iter().any(|begin| href.starts_with(begin));
        assert!(fits, "{href}");
    }
    let group = &house.get("/mail/sd").await.json()[0];
    assert_eq!(group["targets"][0], "mon.example.com");
    assert_eq!(group["labels"]["__scheme__"], "https");
    assert_eq!(group["labels"]["__metrics_path__"], "/mail/probe");
}

#[tokio::test]
async fn the_api_tells_what_is_known_and_nothing_else() {
    let house = House::new(Plan::default()).await;
    let all = house.get("/api/v1/links").await.json();
    assert_eq!(all["links"].as_array().unwrap().len(), 12);

    let billing = &house.get("/api/v1/links/billing@example.com").await.json()["links"][0];
    assert_eq!(billing["up"], false);
    let token = &billing["checks"][0];
    assert_eq!(token["verdict"], "fail");
    assert_eq!(token["reason"], "grant_revoked_or_expired");
    assert_eq!(token["class"], "relink");
    assert_eq!(token["reply"], "400 invalid_grant: Token has been expired or revoked.");
    assert_eq!(token["phases"][0], serde_json::json!({"phase": "dns", "seconds": 0.002}));
    assert_eq!(billing["checks"][2]["verdict"], "skip");

    let new = &house.get("/api/v1/links/new@example.com").await.json()["links"][0];
    assert_eq!(
        *new,
        serde_json::json!({
            "link": "new@example.com",
            "mailbox": "new@example.com",
            "checks": [{"check": "token"}, {"check": "smtp"}, {"check": "imap"}, {"check": "capacity"}, {"check": "identity"}, {"check": "round_trip"}],
        })
    );
    let slashes = house.get("/api/v1/links/odoo/erp/outgoing/3").await.json();
    assert_eq!(slashes["links"][0]["link"], "odoo/erp/outgoing/3");
    assert_eq!(house.get("/api/v1/links/nobody").await.status, 404);
}

#[tokio::test]
async fn the_status_page_has_the_worst_first_each_with_its_next_step() {
    let house = House::new(Plan::default()).await;
    let page = house.page("/").await;
    assert!(page.contains("<h1>9 of 12 links do not work</h1>"), "{page}");
    let place = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words} in {page}"));
    let order = [
        "<code>client_deleted</code>",
        "<code>grant_revoked_or_expired</code>",
        "<code>imap_too_many_connections</code>",
        "Not examined yet",
        "Working",
    ];
    assert!(order.map(place).is_sorted());
    place("Link the mailbox again");
    place("the mailbox&#39;s owner links again");
    place("failing for 2 h 15 min");
    assert!(page.contains("The source erp cannot be read: connection refused"));
}

#[tokio::test]
async fn a_filter_leaves_what_fits_and_the_verdict_as_it_is() {
    let house = House::new(Plan::default()).await;
    let page = house.page("/?q=Relink+billing").await;
    assert!(page.contains("9 of 12 links do not work"));
    assert!(page.contains("billing@example.com") && !page.contains("sales@example.com"));
    assert!(house.page("/?q=nothing-like-it").await.contains("No link fits the filter."));
}

#[tokio::test]
async fn a_page_of_ten_thousand_links_stays_small_and_can_be_turned() {
    let mut snapshot = Snapshot::default();
    for number in 0..10_000 {
        let id = format!("odoo/erp/outgoing/{number:05}");
        let state = sample::link(&id, "a@example.com", Direction::Both, "odoo");
        let state = sample::fine(state);
        snapshot.links.insert(state.watched.link.id.clone(), Arc::new(state));
    }
    let house = House::new(Plan { snapshot, ..Plan::default() }).await;
    let first = house.page("/").await;
    assert!(first.len() < 1_000_000, "{} bytes", first.len());
    assert!(first.contains("All 10000 links work"));
    assert!(first.contains("outgoing/00000") && !first.contains("outgoing/00200"));
    let last = house.page("/?page=50").await;
    assert!(last.contains("outgoing/09999") && last.contains("page 50 of 50"));
    assert_eq!(house.page("/?page=4711").await, last);
}

#[tokio::test]
async fn the_page_of_a_link_tells_how_it_came_to_that() {
    let house = House::new(Plan::default()).await;
    let page = house.page("/links/legal@example.com").await;
    for words in [
        "This link does not work.",
        "No rule knows this reply",
        "NO Computer &#60;b&#62;says&#60;/b&#62; &#34;no&#34;.",
        "C: AUTHENTICATE XOAUTH2 ****",
        "<code>greeting</code>",
        "2 h 15 min ago",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
    assert!(!page.contains("<b>says"));
    let support = house.page("/links/support").await;
    assert!(support.contains("as does that of") && support.contains("is no alias of it"));
    let sales = house.page("/links/sales@example.com").await;
    for words in [
        "in the inbox after 3.20 s, spf passes, dkim passes, dmarc does not pass",
        "1; the first since the server offers no MOVE",
        "have sent four within 24 hours",
    ] {
        assert!(sales.contains(words), "{words} in {sales}");
    }
    let said = "sales@example.com and support@example.com hold tokens of one and the same account";
    assert!(house.page("/").await.contains(said));
    assert!(house.page("/links/odoo/erp/incoming/7").await.contains("info@example.org"));
    assert_eq!(house.get("/links/nobody").await.status, 404);
}

#[tokio::test]
async fn what_odoo_does_not_show_stands_on_the_page_and_on_its_links() {
    let house = House::new(Plan::default()).await;
    let page = house.page("/").await;
    for words in [
        "The source erp cannot be read: connection refused",
        "Odoo 18.0.1.3 · 3 messages wait, 13 failed",
        "<code>never_linked</code>",
        "https://odoo.example.com/odoo/ir.mail_server/4",
        "<code>fetch_date_misleads</code>",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
    let link = house.page("/links/odoo/erp/incoming/7").await;
    for words in
        ["href=\"https://odoo.example.com/odoo/fetchmail.server/7\"", "fetch_date_misleads"]
    {
        assert!(link.contains(words), "{words} in {link}");
    }
    let json = house.page("/api/v1/links/odoo/erp/incoming/7").await;
    assert!(
        json.contains("\"relink_url\":\"https://odoo.example.com/odoo/fetchmail.server/7\""),
        "{json}"
    );
    for path in ["/", "/links/odoo/erp/incoming/7", "/metrics", "/api/v1/links"] {
        let said = house.page(path).await;
        assert!(!said.contains("of-odoo"), "{path} tells a secret: {said}");
    }
}

#[tokio::test]
async fn an_account_that_is_about_to_lose_its_oldest_token_is_named() {
    for (tokens, told) in [(90, false), (91, true)] {
        let mut snapshot = sample::snapshot();
        let link = snapshot.links.values_mut().next().unwrap();
        let link = Arc::make_mut(link);
        for token in 1..tokens {
            let fingerprint = Key::new([1; 32]).fingerprint([&*token.to_string()]);
            link.tokens.see(Some(fingerprint), sample::NOW);
        }
        let house = House::new(Plan { snapshot, ..Plan::default() }).await;
        let said =
            format!("{} has {tokens} refresh tokens of the client odoo", "archive@example.com");
        assert_eq!(house.page("/").await.contains(&said), told, "{tokens}");
    }
}

#[tokio::test]
async fn no_page_tells_an_address_that_is_to_be_hidden() {
    let privacy = Privacy { mailbox_label: MailboxLabel::Hash(Secret::new("key")) };
    let house = House::new(Plan { privacy, ..Plan::default() }).await;
    for path in ["/", "/links/support", "/metrics", "/sd", "/api/v1/links", "/probe?link=support"] {
        assert!(!house.page(path).await.contains("support@example.com"), "{path}");
    }
    // Its token opens the account of another mailbox.
    for path in ["/links/support", "/api/v1/links/support", "/probe?link=support"] {
        assert!(!house.page(path).await.contains("sales@example.com"), "{path}");
    }
}

#[tokio::test]
async fn no_page_tells_a_secret() {
    let house = House::new(Plan::default()).await;
    for path in ["/", "/links/support", "/metrics", "/sd", "/api/v1/links", "/config"] {
        let page = house.page(path).await;
        assert!(!page.contains("1//refresh-token") && !page.contains("GOCSPX"), "{path}");
    }
}

#[tokio::test]
async fn ready_means_that_a_configuration_is_in_force() {
    let house = House::new(Plan::default()).await;
    assert_eq!(house.get("/-/ready").await.status, 200);
    let mut applied = Applied::clone(&house.applied.load());
    applied.standing.reload_success = None;
    house.applied.store(Arc::new(applied));
    assert_eq!(house.get("/-/ready").await.status, 503);
    assert_eq!(house.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn a_reload_is_asked_for_by_post_where_that_is_enabled() {
    let house = House::new(Plan::default()).await;
    let refused = house.ask("POST", "/-/reload", &[]).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("--web.enable-lifecycle"));

    let enabled = || Settings { lifecycle: Lifecycle::Enabled, ..Plan::default().settings };
    let house = House::new(Plan { settings: enabled(), ..Plan::default() }).await;
    assert_eq!(house.ask("POST", "/-/reload", &[]).await.status, 200);
    assert_eq!(house.ask("PUT", "/-/reload", &[]).await.status, 200);
    let by_get = house.get("/-/reload").await;
    assert_eq!((by_get.status, &*by_get.headers["allow"]), (405, "POST, PUT"));

    let reloads = Err("mailbox_exporter.yaml:3:5: there is no key \"cleints\" here");
    let house = House::new(Plan { settings: enabled(), reloads, ..Plan::default() }).await;
    let failed = house.ask("POST", "/-/reload", &[]).await;
    assert_eq!(failed.status, 500);
    assert!(failed.text().contains("mailbox_exporter.yaml:3:5"), "{}", failed.text());
}

#[tokio::test]
async fn what_is_not_there_or_not_to_be_done_is_said() {
    let house = House::new(Plan::default()).await;
    let nothing = house.get("/metricz").await;
    assert_eq!((nothing.status, nothing.text()), (404, "There is nothing at /metricz.\n"));
    let method = house.ask("DELETE", "/metrics", &[]).await;
    assert_eq!((method.status, &*method.headers["allow"]), (405, "GET, HEAD"));
}

#[tokio::test]
async fn a_stop_lets_those_finish_who_asked_and_takes_in_nobody() {
    let mut house = House::new(Plan::default()).await;
    let mut early = TcpStream::connect(house.address).await.unwrap();
    early.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    early.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    house.stop.cancel();
    let mut rest = Vec::new();
    early.read_to_end(&mut rest).await.unwrap();
    // The engine and the reloads end with the site's handles.
    while let Some(ended) = house.tasks.join_next().await {
        ended.unwrap();
    }
    assert!(TcpStream::connect(house.address).await.is_err());
}

#[tokio::test]
async fn what_a_mailbox_sends_and_what_its_sessions_do_stand_on_its_page() {
    let house = House::new(Plan::default()).await;
    let status = house.get("/").await.text().to_owned();
    let near = "sales@example.com has sent 1644 of 2000 messages within a day; at this pace it is met at 2026-11-22 19:50:00 UTC.";
    assert!(status.contains(near), "{status}");
    assert!(
        status.contains("noreply@example.com: Google refuses to send more for 3 h."),
        "{status}"
    );

    let sales = house.get("/links/sales@example.com").await.text().to_owned();
    assert!(sales.contains("1644 of 2000") && sales.contains("took near"), "{sales}");
    assert!(sales.contains("3.4 MB down, 0.1 MB up"), "{sales}");
    let noreply = house.get("/links/noreply@example.com").await.text().to_owned();
    assert!(noreply.contains("IMAP shows no folder for sent mail"), "{noreply}");
    let support = house.get("/links/support").await.text().to_owned();
    for words in [
        "for 24 min",
        "lasted 59 min, expired",
        "room for 1 of 2",
        "too_many_connections (5 times)",
    ] {
        assert!(support.contains(words), "{words}: {support}");
    }
    let told = house.get("/api/v1/links/sales@example.com").await.json();
    assert_eq!(
        told["links"][0]["sent"]["counts"]["messages"],
        serde_json::json!({"sent": 1640, "limit": 2000})
    );
    let told = house.get("/api/v1/links/noreply@example.com").await.json();
    assert_eq!(told["links"][0]["sent"]["uncounted"], "folder_hidden");
}
