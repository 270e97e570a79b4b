//! The control port and the preset.

use std::time::{Duration, SystemTime};

use gmail_sim::{Fault, Folder, Options, Sim, lines, preset};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    browser::{URI, field, wish},
    support::{ADDRESS, CLIENT, Stage, Wire, until},
};

async fn ask(stage: &Stage, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let url = url::Url::parse(&stage.at().control_url).unwrap();
    let address = (url.host_str().unwrap().to_owned(), url.port().unwrap());
    let mut wire = Wire::on(TcpStream::connect(address).await.unwrap());
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    wire.send_raw(request.as_bytes()).await.unwrap();
    let answer = String::from_utf8(wire.rest().await.unwrap()).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
}

#[tokio::test]
async fn the_control_port_does_what_the_world_does() {
    let stage = Stage::set().await;
    let none = &Value::Null;
    let (status, help) = ask(&stage, "GET", "/", none).await;
    assert_eq!(status, 200);
    assert!(help.as_str().unwrap().contains("POST   /faults"));

    let new = json!({ "client_id": CLIENT, "refresh_token": "1//0new", "imap": "off_for_domain" });
    let (status, account) = ask(&stage, "PUT", "/accounts/new@example.com", &new).await;
    assert_eq!((status, &account["imap"]), (200, &"off_for_domain".into()), "{account}");
    assert_eq!(account["refresh_tokens"], json!(["1//0new"]));
    assert_eq!(stage.refresh("1//0new").await.0, 200);
    let (_, accounts) = ask(&stage, "GET", "/accounts", none).await;
    assert_eq!(accounts.as_object().unwrap().len(), 2);

    let (status, _) = ask(&stage, "POST", "/accounts/new%40example.com/revoke", none).await;
    assert_eq!(status, 200);
    assert_eq!(stage.refresh("1//0new").await.0, 400);

    let fault = json!({ "service": "token", "at": "answer", "what": { "say": "token.status_429" }, "times": 1 });
    assert_eq!(ask(&stage, "POST", "/faults", &fault).await.0, 200);
    assert_eq!(ask(&stage, "GET", "/faults", none).await.1.as_array().unwrap().len(), 1);
    assert_eq!(stage.refresh(&stage.refresh_token).await.0, 429);
    let stall = json!({ "service": "imap", "at": "connect", "what": "stall" });
    ask(&stage, "POST", "/faults", &stall).await;
    let (_, left) = ask(&stage, "DELETE", "/faults?service=imap", none).await;
    assert_eq!(left, json!([]));

    let (_, asked) = ask(&stage, "GET", &format!("/asked?address={ADDRESS}"), none).await;
    assert_eq!(asked[0]["what"], "POST /token grant_type=refresh_token");
    assert!(asked[0]["at"].as_f64().unwrap() > 1e9);
    ask(&stage, "DELETE", "/asked", none).await;
    assert_eq!(ask(&stage, "GET", "/asked", none).await.1, json!([]));

    let before = stage.world.now();
    ask(&stage, "POST", "/clock", &json!({ "advance_seconds": 3600 })).await;
    assert!(stage.world.now().duration_since(before).unwrap().as_secs() >= 3600);
    let (_, all) = ask(&stage, "GET", "/lines", none).await;
    assert_eq!(all.as_array().unwrap().len(), lines::all().count());
    let (_, client) =
        ask(&stage, "PUT", "/clients/9-x", &json!({ "secret": "s", "state": "deleted" })).await;
    assert_eq!(client["state"], "deleted");
}

#[tokio::test]
async fn service_accounts_are_set_as_everything_else_is() {
    let stage = Stage::set().await;
    let email = "watcher@simulated.iam.gserviceaccount.com";
    let path = format!("/service_accounts/{email}");
    let (status, key) = ask(&stage, "POST", &format!("{path}/key"), &Value::Null).await;
    assert_eq!((status, &key["client_email"]), (200, &email.into()), "{key}");
    let known = stage.world.service_account(email).unwrap();
    assert_eq!(json!(known.key_ids), json!([key["private_key_id"]]));
    assert_eq!(known.scopes, ["https://mail.google.com/"]);
    let (status, told) = ask(&stage, "PUT", &path, &json!({ "scopes": [] })).await;
    assert_eq!((status, &told["scopes"]), (200, &json!([])));
    assert_eq!((&told["client_id"], &told["key_ids"]), (&key["client_id"], &json!(known.key_ids)));

    let file = json!({ "service_accounts": { email: { "key_ids": ["k1"], "client_id": "42" } } });
    stage.world.load(file.to_string().as_bytes()).unwrap();
    let known = stage.world.service_account(email).unwrap();
    assert_eq!((&*known.client_id, &*known.key_ids), ("42", &["k1".to_owned()][..]));
    assert!(known.scopes.is_empty(), "what is not given stays");
    assert!(stage.world.client("42").is_some(), "its project is one like any other");
    for (method, path, body, status, right) in [
        ("PUT", &*path, json!({ "scope": "x" }), 400, "unknown field `scope`"),
        ("PUT", "/service_accounts/nobody", json!({}), 400, "is no address"),
        ("GET", &*path, Value::Null, 405, "GET / lists"),
    ] {
        let (got, answer) = ask(&stage, method, path, &body).await;
        assert_eq!(got, status, "{method} {path} {answer}");
        assert!(answer["error"].as_str().unwrap().contains(right), "{answer}");
    }
}

#[tokio::test]
async fn the_way_of_the_next_message_is_set_and_what_was_touched_is_told() {
    let stage = Stage::set().await;
    let path = format!("/accounts/{ADDRESS}");
    let way = json!({ "arrival": { "bounced": "over_quota" }, "delay": 60 });
    let (status, told) = ask(&stage, "POST", &format!("{path}/deliveries"), &way).await;
    assert_eq!((status, &told["copies"]), (200, &json!(1)), "{told}");
    let wrong = json!({ "arrival": "nowhere" });
    let (status, told) = ask(&stage, "POST", &format!("{path}/deliveries"), &wrong).await;
    assert_eq!(status, 400);
    assert!(told["error"].as_str().unwrap().contains("`bounced`"), "{told}");
    stage.send(ADDRESS, "Subject: x\r\nMessage-ID: <1@x.example>\r\n\r\n").await;
    stage.world.advance(Duration::from_secs(60));
    let mut wire = stage.selected("INBOX").await;
    wire.imap("UID STORE 1 +FLAGS (\\Seen)").await;
    let (_, touched) = ask(&stage, "GET", &format!("{path}/touched"), &Value::Null).await;
    assert_eq!(touched[0]["change"], json!({ "flags": ["\\Seen"] }), "{touched}");
    assert_eq!((&touched[0]["folder"], &touched[0]["uid"]), (&json!("inbox"), &json!(1)));
    assert!(touched[0]["message_id"].as_str().unwrap().ends_with("GMR@mx.google.com>"));

    let settings = json!({ "without": ["gmail", "move"], "authentication": { "spf": "softfail" } });
    let (status, account) = ask(&stage, "PUT", &path, &settings).await;
    assert_eq!((status, &account["without"]), (200, &json!(["gmail", "move"])));
    let expected = json!({ "dkim": "pass", "dmarc": "pass", "spf": "softfail" });
    assert_eq!(account["authentication"], expected);
}

#[tokio::test]
async fn a_changed_password_can_be_played() {
    let stage = Stage::set().await;
    let (status, told) =
        ask(&stage, "POST", &format!("/accounts/{ADDRESS}/password"), &Value::Null).await;
    assert_eq!((status, &told["refresh_tokens"]), (200, &json!([])));
}

#[tokio::test]
async fn the_control_port_sets_what_linking_needs() {
    let stage = Stage::set().await;
    let none = &Value::Null;
    let path = format!("/clients/{CLIENT}");
    let set = json!({ "testing": true, "testers": [ADDRESS], "redirect_uris": [URI] });
    let (_, client) = ask(&stage, "PUT", &path, &set).await;
    assert_eq!(client["kind"], "web", "{client}");
    assert_eq!(ask(&stage, "GET", &path, none).await.1, client);
    let consent = |more: Value| {
        let mut consent = json!({ "url": wish(&stage, &[]), "address": ADDRESS });
        consent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        consent
    };
    let (status, back) = ask(&stage, "POST", "/consent", &consent(json!({}))).await;
    assert_eq!(status, 200, "{back}");
    assert!(field(back["location"].as_str().unwrap(), "code").starts_with("4/"), "{back}");
    for declined in [json!({ "cancel": true }), json!({ "untick": ["https://mail.google.com/"] })] {
        let (_, back) = ask(&stage, "POST", "/consent", &consent(declined)).await;
        assert_eq!(field(back["location"].as_str().unwrap(), "error"), "access_denied", "{back}");
    }
    ask(&stage, "PUT", &path, &json!({ "testers": [] })).await;
    let (status, refused) = ask(&stage, "POST", "/consent", &consent(json!({}))).await;
    assert_eq!((status, &refused["error"]), (400, &"Error 403: access_denied".into()));

    let form = json!({ "padded": true, "v2": true });
    let (_, set) = ask(&stage, "PUT", "/error_form", &form).await;
    assert_eq!((&set["v2"], &set["reversed"]), (&true.into(), &false.into()));
    assert!(stage.world.error_form().padded);
    assert_eq!(ask(&stage, "GET", "/error_form", none).await.1, set);
    let before = stage.world.now();
    ask(&stage, "POST", "/clock", &json!({ "date_skew_seconds": -86_400 })).await;
    assert!(stage.world.now() < before + Duration::from_secs(3600), "the clock stays");
    let head = "GET PATH HTTP/1.1\r\nHost: x\r\n";
    let date = async || {
        let answer = stage.raw_https(&stage.at().token_url, head, "").await.unwrap();
        answer.split("\r\nDate: ").nth(1).unwrap()[..16].to_owned()
    };
    let yesterday = date().await;
    ask(&stage, "POST", "/clock", &json!({ "date_skew_seconds": 0 })).await;
    assert_ne!(date().await, yesterday);
    let portal = json!({ "redirect": "http://portal.example/" });
    assert_eq!(ask(&stage, "POST", "/portal", &portal).await.1["untrusted"], false);
    assert_eq!(stage.refresh(&stage.refresh_token).await.0, 302);
    ask(&stage, "DELETE", "/faults", none).await;
    assert_eq!(stage.refresh(&stage.refresh_token).await.0, 200);
}

#[tokio::test]
async fn a_mistake_is_answered_with_what_would_be_right() {
    let stage = Stage::set().await;
    let cases = [
        ("PUT", "/accounts/a@b.example", json!({ "imapp": true }), 400, "unknown field `imapp`"),
        ("PUT", "/accounts/a@b.example", json!({ "imap": "off" }), 400, "off_for_domain"),
        ("PUT", "/accounts/a@b.example", json!({ "token_says": "x" }), 400, "GET /lines"),
        (
            "PUT",
            "/accounts/a@b.example",
            json!({ "consent_says": "token.status_429" }),
            400,
            "no error of a consent page",
        ),
        ("PUT", "/error_form", json!({ "pad": true }), 400, "unknown field `pad`"),
        ("POST", "/portal", json!({ "trusted": true }), 400, "unknown field `trusted`"),
        ("POST", "/clock", json!({}), 400, "advance_seconds"),
        ("POST", "/consent", json!({ "url": "x" }), 400, "missing field `address`"),
        ("GET", "/clients/nobody", Value::Null, 404, "PUT makes it one"),
        ("PUT", "/accounts/nobody", json!({}), 400, "is no address"),
        ("GET", "/accounts/nobody@b.example", Value::Null, 404, "PUT makes it one"),
        ("POST", "/faults", json!({ "service": "imap" }), 400, "missing field `at`"),
        (
            "POST",
            "/faults",
            json!({ "service": "pop", "at": "auth", "what": "stall" }),
            400,
            "`smtp`",
        ),
        ("POST", "/clock", json!({ "advance_seconds": -1 }), 400, "not negative"),
        ("DELETE", "/faults?service=pop", Value::Null, 400, "`smtp`"),
        ("GET", "/nowhere", Value::Null, 404, "GET / lists"),
        ("PATCH", "/faults", Value::Null, 405, "GET / lists"),
    ];
    for (method, path, body, status, right) in cases {
        let (got, answer) = ask(&stage, method, path, &body).await;
        assert_eq!(got, status, "{method} {path} {answer}");
        assert!(answer["error"].as_str().unwrap().contains(right), "{answer}");
    }
    assert_eq!(stage.world.addresses(), [ADDRESS]);
}

#[tokio::test]
async fn a_file_of_accounts_is_taken_or_refused_by_name() {
    let stage = Stage::set().await;
    let file = json!({
        "clients": { "7-f": { "secret": "s" } },
        "accounts": { "file@example.com": { "client_id": "7-f", "refresh_token": "1//0f", "kind": "personal" } },
    });
    stage.world.load(file.to_string().as_bytes()).unwrap();
    assert_eq!(stage.refresh_as("7-f", "s", "1//0f").await.0, 200);
    let wrong = json!({ "accounts": { "file@example.com": { "kind": "huge" } } });
    let mistake = stage.world.load(wrong.to_string().as_bytes()).unwrap_err().to_string();
    assert!(mistake.starts_with("accounts.file@example.com: ") && mistake.contains("personal"));
}

#[tokio::test]
async fn the_demonstration_has_every_state_that_it_tells_of() {
    let stage = Stage::set().await;
    let demo = preset::demo(&stage.world);
    assert_eq!(demo.len(), 16);
    for mailbox in &demo {
        // That service accounts are answered is held by the exporter's tests, which sign.
        let Some(refresh_token) = &mailbox.refresh_token else { continue };
        let client = preset::DEMO_CLIENTS.iter().find(|client| client.0 == mailbox.client_id);
        let (id, secret) = client.unwrap();
        let (status, body) = stage.refresh_as(id, secret, refresh_token).await;
        let dead = [
            "grant_revoked_or_expired",
            "session_control_reauth",
            "client_deleted",
            "client_mismatch",
        ];
        let expected = mailbox.reason.is_some_and(|reason| dead.contains(&reason));
        assert_eq!(status != 200, expected, "{}: {body}", mailbox.address);
        if status != 200 {
            let means = lines::all().find(|line| match line.said {
                lines::Said::Http { body: said, .. } => {
                    serde_json::from_str(said).is_ok_and(|said: Value| said == body)
                }
                _ => false,
            });
            assert_eq!(means.map(|line| line.reason), mailbox.reason, "{}", mailbox.address);
        }
    }
    let fault = Fault::say("imap.system_error_bye").unwrap().of(&demo[0].address);
    stage.world.fault(fault).unwrap();
    stage.world.clear_faults(&*demo[0].address);
    assert_eq!(stage.world.faults().len(), 1, "the one of the slow mailbox");
}

#[tokio::test]
async fn ports_in_a_row_can_be_chosen() {
    // Seven free ports in a row are not promised, so try a few times.
    for first in (41_000..60_000).step_by(977) {
        let options = Options { first_port: Some(first), ..Options::default() };
        if let Ok(sim) = Sim::start(options).await {
            assert_eq!(sim.endpoints().token_url, format!("https://localhost:{first}/token"));
            assert_eq!(sim.endpoints().imap.port(), first + 5);
            assert_eq!(sim.endpoints().control_url, format!("http://127.0.0.1:{}", first + 6));
            return;
        }
    }
    panic!("no seven ports");
}

#[tokio::test]
async fn the_control_port_fills_and_changes_sent_and_disturbs_sessions() {
    let stage = Stage::set().await;
    let path = |what: &str| format!("/accounts/{ADDRESS}/{what}");
    let sent = json!({ "messages": 500, "every_seconds": 60, "until": 1_767_225_600, "to": ["a{n}@example.org"], "by": "smtp", "header": ["X-A: b"] });
    let (_, uids) = ask(&stage, "POST", &path("sent"), &sent).await;
    assert_eq!(uids, json!({ "first_uid": 1, "next_uid": 501 }));
    let last = stage.world.messages(ADDRESS, Folder::Sent).pop().unwrap();
    assert_eq!(last.received, SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600));
    let raw = "From: sales@example.com\r\nTo: a500@example.org\r\nX-A: b\r\nSubject: Sent before\r\n\r\nHello\r\n";
    assert_eq!(String::from_utf8_lossy(&last.raw), raw);

    let early = json!({ "folder": "sent", "before": 1_767_225_600 - 60 * 99 });
    let (_, deleted) = ask(&stage, "POST", &path("delete"), &early).await;
    assert_eq!(deleted, json!({ "deleted": 400 }));
    let named = json!({ "folder": "sent", "uids": [1, 500] });
    assert_eq!(ask(&stage, "POST", &path("delete"), &named).await.1, json!({ "deleted": 1 }));
    let renumbered = ask(&stage, "POST", &path("renumber"), &json!({ "folder": "sent" })).await;
    assert_eq!(renumbered, (200, json!({ "uid_validity": 2 })));
    assert_eq!(stage.world.messages(ADDRESS, Folder::Sent).pop().unwrap().uid, 99);

    let mut wire = stage.signed_in().await;
    let (_, counted) = ask(&stage, "GET", &path("sessions"), &Value::Null).await;
    let one = json!({ "idling": 0, "open": 1, "peak": 1, "refused": 0, "sign_ins": 1 });
    assert_eq!(counted, one);
    let alert = json!({ "what": { "say_raw": "* OK [ALERT] Hello\r\n" } });
    ask(&stage, "POST", &path("sessions"), &alert).await;
    assert_eq!(wire.line().await, "* OK [ALERT] Hello\r\n");
    ask(&stage, "POST", &path("sessions"), &json!({ "what": "close" })).await;
    assert_eq!(wire.line().await, "");
    until("its seat is free", || stage.world.sessions(ADDRESS) == 0).await;
    let (_, anew) = ask(&stage, "DELETE", &path("sessions"), &Value::Null).await;
    assert_eq!((&anew["peak"], &anew["sign_ins"]), (&0.into(), &0.into()));

    for (what, body) in [
        ("sent", json!({ "message": 5 })),
        ("delete", json!({})),
        ("renumber", json!({ "folder": "outbox" })),
        ("sessions", json!({ "what": "html" })),
    ] {
        assert_eq!(ask(&stage, "POST", &path(what), &body).await.0, 400, "{what}");
    }
    let unknown = "/accounts/nobody@example.com/sent";
    assert_eq!(ask(&stage, "POST", unknown, &Value::Null).await.0, 404);
}
