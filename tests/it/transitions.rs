//! Who is told when a link breaks and heals, by webhook and by command, and how often.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use gmail_sim::{At, Fault, Service, What};
use hmac::{Hmac, KeyInit, Mac};
use mailbox_exporter::domain::clock::{self, Clock};
use serde_json::Value;
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    storage::written,
    support::{CLIENT_ID, World},
};

const KEY: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn a_break_is_posted_once_and_a_heal_once_each_signed_and_nothing_per_probe() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let receiver = Receiver::start([]).await;
    receiver.told_by(&mut world, "");
    let exporter = world.serve(&["--web.external-url", "https://mon.example.com"]).await;
    let up = r#"mailbox_link_up{link="a@example.com",mailbox="a@example.com"}"#;
    exporter.until(&format!("{up} 1")).await;
    world.sim.world().revoke_all("a@example.com");
    for _ in 0..3 {
        exporter.get("/probe?link=a@example.com").await;
    }
    let broke = &receiver.until(1).await[0];
    let body = broke.json();
    assert_eq!(body["version"], 1);
    assert_eq!((&body["event"], &body["link"]), (&"broke".into(), &"a@example.com".into()));
    assert_eq!((&body["check"], &body["class"]), (&"token".into(), &"relink".into()));
    assert_eq!(body["reason"], "grant_revoked_or_expired");
    assert_eq!(body["url"], "https://mon.example.com/links/a@example.com");
    assert_eq!(body["evidence"], "400 invalid_grant: Token has been expired or revoked");
    for field in ["id", "mailbox", "at", "who", "meaning", "next_step"] {
        assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {body}");
    }
    let token = world.sim.world().link("a@example.com", CLIENT_ID);
    world.write("token-0", &token);
    exporter.until(&format!("{up} 1")).await;
    let posts = receiver.until(3).await;
    assert_eq!(events(&posts), ["broke", "token_changed", "healed"]);
    for post in &posts {
        post.verify();
    }
    assert!(posts[2].json().get("reason").is_none(), "what is not so is absent");
    let page = exporter.metrics().await;
    for to in ["broke", "healed", "token_changed"] {
        let counter = format!(
            r#"mailbox_link_transitions_total{{link="a@example.com",mailbox="a@example.com",to="{to}"}} 1"#
        );
        assert!(page.contains(&counter), "{to}: {page}");
    }
    let page = exporter.get("/links/a@example.com").await;
    for words in ["broke", "token: grant_revoked_or_expired", "new refresh token", "healed"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let (_, said) = exporter.stop().await;
    assert_eq!(said.matches(" fails ").count(), 1, "{said}");
    assert_eq!(said.matches("works again").count(), 1, "{said}");
    assert!(!said.contains(KEY), "{said}");
}

#[tokio::test]
async fn a_receiver_that_stalls_or_fails_is_asked_again_and_probing_goes_on() {
    let mut world = World::start().await;
    world.mailbox("a@example.com").mailbox("b@example.com");
    let receiver = Receiver::start([Manner::Stall, Manner::Say("503 Busy")]).await;
    receiver.told_by(&mut world, ", timeout: 1s");
    let exporter = world.serve(&[]).await;
    exporter.until(r#"mailbox_link_up{link="a@example.com",mailbox="a@example.com"} 1"#).await;
    world.sim.world().revoke_all("a@example.com");
    exporter.get("/probe?link=a@example.com").await;
    let stalled = receiver.until(1).await;
    let probed = exporter.get("/probe?link=b@example.com").await;
    assert!(probed.contains("probe_success 1"), "{probed}");
    let posts = receiver.until(3).await;
    assert_eq!(events(&posts), ["broke"; 3]);
    assert!(posts.iter().all(|post| post.body == stalled[0].body), "its id is the same");
    posts[2].verify();
    exporter.until(r#"mailbox_exporter_notifications_total{by="webhook"} 1"#).await;
}

#[tokio::test]
async fn a_receiver_that_lies_is_neither_followed_nor_read_nor_waited_for() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let elsewhere = Receiver::start([]).await;
    let redirect = format!("302 Found\r\nlocation: http://{}/", elsewhere.address);
    let redirect: &'static str = redirect.leak();
    let manners = [Manner::Endless, Manner::Say(redirect), Manner::Garbage];
    let receiver = Receiver::start(manners).await;
    receiver.told_by(&mut world, "");
    world.sim.world().revoke_all("a@example.com");
    let exporter = world.serve(&[]).await;
    exporter.until(r#"mailbox_exporter_notifications_total{by="webhook"} 1"#).await;
    let token = world.sim.world().link("a@example.com", CLIENT_ID);
    world.write("token-0", &token);
    exporter.until(r#"mailbox_exporter_notifications_failed_total{by="webhook"} 1"#).await;
    exporter.until(r#"mailbox_exporter_notifications_total{by="webhook"} 2"#).await;
    let posts = receiver.until(4).await;
    assert_eq!(events(&posts), ["broke", "token_changed", "healed", "healed"]);
    assert!(elsewhere.posts().is_empty(), "a redirect is not followed");
}

#[tokio::test]
async fn what_may_pass_by_itself_is_told_after_the_second_run_that_fails() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    world.settings = "checks: {imap: {timeout: 1s}}\n".into();
    let receiver = Receiver::start([]).await;
    receiver.told_by(&mut world, "");
    let exporter = world.serve(&[]).await;
    exporter.until(r#"mailbox_link_up{link="a@example.com",mailbox="a@example.com"} 1"#).await;
    let stall = || Fault::new(Service::Imap, At::Examine, What::Stall).of("a@example.com");
    let probe = "/probe?link=a@example.com&check=imap";
    world.sim.world().fault(stall()).unwrap();
    assert!(exporter.get(probe).await.contains("probe_success 0"));
    world.sim.world().clear_faults("a@example.com");
    assert!(exporter.get(probe).await.contains("probe_success 1"));
    world.sim.world().fault(stall()).unwrap();
    exporter.get(probe).await;
    exporter.get(probe).await;
    receiver.until(1).await;
    world.sim.world().clear_faults("a@example.com");
    exporter.get(probe).await;
    let posts = receiver.until(2).await;
    assert_eq!(events(&posts), ["broke", "healed"], "the first failure was not told");
    assert_eq!(posts[0].json()["reason"], "timeout");
    let counter = r#"mailbox_link_transitions_total{link="a@example.com",mailbox="a@example.com",to="broke"} 2"#;
    assert!(exporter.metrics().await.contains(counter), "but it is counted");
}

#[tokio::test]
async fn what_was_told_before_a_kill_is_told_healed_after_it_and_nothing_else_is() {
    let mut world = World::start().await;
    world.mailbox("dead@example.com").mailbox("slow@example.com");
    world.settings = "checks: {imap: {timeout: 1s, schedule: '@yearly'}}\n".into();
    let receiver = Receiver::start([]).await;
    receiver.told_by(&mut world, "");
    let storage = world.path("storage");
    let arguments = ["--storage.path", storage.to_str().unwrap()];
    let exporter = world.serve(&arguments).await;
    exporter.until_count("mailbox_link_up{", "} 1", 2).await;
    let stall = Fault::new(Service::Imap, At::Examine, What::Stall).of("slow@example.com");
    world.sim.world().fault(stall).unwrap();
    exporter.get("/probe?link=slow@example.com&check=imap").await;
    world.sim.world().revoke_all("dead@example.com");
    exporter.get("/probe?link=dead@example.com").await;
    receiver.until(1).await;
    written(&world, r#""certain":["token","grant_revoked_or_expired"]"#).await;
    exporter.kill().await;
    world.sim.world().clear_faults("slow@example.com");
    let exporter = world.serve(&arguments).await;
    exporter.until_count("mailbox_link_up{", "} 0", 2).await;
    exporter.get("/probe?link=slow@example.com&check=imap").await;
    let mut token = world.sim.world().link("dead@example.com", CLIENT_ID);
    world.write("token-0", &token);
    exporter.until_count("mailbox_link_up{", "} 1", 2).await;
    // What was told comes in order, so that this is the last.
    world.sim.world().revoke_all("slow@example.com");
    exporter.get("/probe?link=slow@example.com").await;
    let posts = receiver.until(4).await;
    assert_eq!(events(&posts), ["broke", "token_changed", "healed", "broke"]);
    assert_eq!(posts[2].json()["link"], "dead@example.com");
    // It is mended while nobody looks.
    exporter.stop().await;
    token = world.sim.world().link("slow@example.com", CLIENT_ID);
    world.write("token-1", &token);
    let exporter = world.serve(&arguments).await;
    exporter.until_count("mailbox_link_up{", "} 1", 2).await;
    let posts = receiver.until(5).await;
    assert_eq!(events(&posts[4..]), ["healed"]);
    assert_eq!(posts[4].json()["link"], "slow@example.com");
}

#[tokio::test]
async fn a_refused_client_is_told_once_and_healed_once_whatever_number_of_links_it_has() {
    let mut world = World::start().await;
    for number in 0..50 {
        world.mailbox(&format!("m{number}@example.com"));
    }
    let receiver = Receiver::start([]).await;
    receiver.told_by(&mut world, "");
    let storage = world.path("storage");
    let arguments = ["--storage.path", storage.to_str().unwrap()];
    let exporter = world.serve(&arguments).await;
    exporter.until_count("mailbox_link_up{", "} 1", 50).await;
    let secret = "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ured";
    world.sim.world().set_client(CLIENT_ID, |client| client.secret = secret.into());
    exporter.get("/probe?link=m7@example.com&check=token").await;
    let body = receiver.until(1).await[0].json();
    assert_eq!((&body["event"], &body["client"]), (&"client_broke".into(), &"odoo".into()));
    assert_eq!((&body["links"], &body["class"]), (&50.into(), &"client".into()));
    assert_eq!(body["reason"], "client_secret_invalid");
    for field in ["who", "meaning", "next_step", "evidence"] {
        assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {body}");
    }
    assert!(body.get("link").is_none() && body.get("mailbox").is_none(), "{body}");
    // Every link has changed and is probed; one of them is told by Google, the others are skipped.
    world.write("client-secret", "GOCSPX-another-wrong-one");
    exporter.until_count("mailbox_link_up{", "} 0", 50).await;
    written(&world, "client_secret_invalid").await;
    let (_, said) = exporter.stop().await;
    assert_eq!(said.matches(" fails ").count(), 1, "{said}");
    assert!(said.contains("fails client=odoo check=token"), "{said}");
    let exporter = world.serve(&arguments).await;
    exporter.until_count("mailbox_link_up{", "} 0", 50).await;
    world.write("client-secret", secret);
    exporter.until_count("mailbox_link_up{", "} 1", 50).await;
    // What was told comes in order, so that this is the last.
    world.sim.world().revoke_all("m8@example.com");
    exporter.get("/probe?link=m8@example.com&check=token").await;
    let posts = receiver.until(3).await;
    assert_eq!(events(&posts), ["client_broke", "client_healed", "broke"]);
    assert_eq!(posts[1].json()["links"], 50);
    assert_eq!(posts[2].json()["link"], "m8@example.com");
    let (_, said) = exporter.stop().await;
    assert_eq!(said.matches("works again").count(), 1, "{said}");
}

#[tokio::test]
async fn a_command_gets_the_message_and_tells_no_address_that_is_hidden() {
    let mut world = World::start().await;
    world.mailbox_with("hidden@example.com", ", id: sales");
    let (told, tell) = (world.path("told"), world.path("tell"));
    let script = format!("cat > {0}.new; env >> {0}.new; mv {0}.new {0}", told.display());
    world.settings = format!(
        "privacy: {{mailbox_label: id}}\non_change: {{command: [/bin/sh, {}]}}\n",
        tell.display()
    );
    world.write("tell", &script);
    world.sim.world().revoke_all("hidden@example.com");
    let exporter = world.serve(&[]).await;
    exporter.until(r#"mailbox_exporter_notifications_total{by="command"} 1"#).await;
    let told = std::fs::read_to_string(told).unwrap();
    let (message, environment) = told.split_once('}').unwrap();
    let message: Value = serde_json::from_str(&format!("{message}}}")).unwrap();
    assert_eq!((&message["event"], &message["mailbox"]), (&"broke".into(), &"sales".into()));
    assert!(!told.contains("hidden@"), "{told}");
    assert!(environment.contains("MAILBOX_EXPORTER_EVENT=broke\n"), "{environment}");
    assert!(environment.contains("MAILBOX_EXPORTER_LINK=sales\n"), "{environment}");
    assert!(environment.contains("MAILBOX_EXPORTER_CLASS=relink\n"), "{environment}");
    assert!(!environment.contains("CARGO"), "{environment}");
}

#[tokio::test]
async fn a_reload_brings_a_receiver_and_takes_him_away() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let exporter = world.serve(&["--web.enable-lifecycle"]).await;
    let up = r#"mailbox_link_up{link="a@example.com",mailbox="a@example.com"}"#;
    exporter.until(&format!("{up} 1")).await;
    let receiver = Receiver::start([]).await;
    receiver.told_by(&mut world, "");
    world.config();
    assert_eq!(exporter.post("/-/reload").await.0, 200);
    let masked = exporter.get("/config").await;
    assert!(masked.contains("/****\"") && !masked.contains("hook?"), "{masked}");
    world.sim.world().revoke_all("a@example.com");
    exporter.get("/probe?link=a@example.com").await;
    receiver.until(1).await;
    world.settings.clear();
    world.config();
    assert_eq!(exporter.post("/-/reload").await.0, 200);
    let token = world.sim.world().link("a@example.com", CLIENT_ID);
    world.write("token-0", &token);
    exporter.until(&format!("{up} 1")).await;
    exporter.stop().await;
    assert_eq!(events(&receiver.posts()), ["broke"]);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_receiver_that_stalls() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    world.sim.world().revoke_all("a@example.com");
    let receiver = Receiver::start([Manner::Stall]).await;
    receiver.told_by(&mut world, ", timeout: 1h");
    let exporter = world.serve(&[]).await;
    receiver.until(1).await;
    let (code, said) = exporter.stop().await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("not delivered before the end untold=1"), "{said}");
}

fn events(posts: &[Post]) -> Vec<String> {
    posts.iter().map(|post| post.json()["event"].as_str().unwrap().to_owned()).collect()
}

/// Somebody who is told.
struct Receiver {
    address: String,
    posts: Arc<Mutex<Vec<Post>>>,
    /// It lives as long as this.
    _tasks: JoinSet<()>,
}

#[derive(Clone, Debug)]
struct Post {
    /// In lower case.
    head: String,
    body: String,
}

/// How a post is answered.
#[derive(Clone, Copy)]
enum Manner {
    /// 200, and a body that never ends.
    Endless,
    Garbage,
    /// This status line, and more headers.
    Say(&'static str),
    Stall,
}

impl Receiver {
    /// The first posts are answered in these manners, all others as they should be.
    async fn start<const N: usize>(manners: [Manner; N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let posts = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let taken = posts.clone();
        tasks.spawn(async move {
            let mut manners = VecDeque::from(manners);
            let mut visits = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let manner = manners.pop_front().unwrap_or(Manner::Say("204 No Content"));
                visits.spawn(receive(stream, manner, taken.clone()));
            }
        });
        Self { address, posts, _tasks: tasks }
    }

    /// Has the exporter tell this one.
    fn told_by(&self, world: &mut World, keys: &str) {
        world.write("on-change-key", KEY);
        world.settings += &format!(
            "on_change: {{webhook: {{url: \"http://{}/hook?x=1\", secret: {{file: on-change-key}}{keys}}}}}\n",
            self.address
        );
    }

    fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    /// Waits for so many posts.
    async fn until(&self, number: usize) -> Vec<Post> {
        let deadline = clock::instant() + Duration::from_secs(120);
        loop {
            let posts = self.posts();
            if posts.len() >= number {
                return posts;
            }
            assert!(clock::instant() < deadline, "{posts:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// One post a connection.
async fn receive(stream: TcpStream, manner: Manner, posts: Arc<Mutex<Vec<Post>>>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = head.to_ascii_lowercase();
    let mut body = vec![0; header(&head, "content-length").parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    let body = String::from_utf8(body).unwrap();
    posts.lock().unwrap().push(Post { head, body });
    // Whoever posted may leave at any time.
    let _ = match manner {
        Manner::Endless => {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let mut sent = stream.write_all(head).await;
            while sent.is_ok() {
                sent = stream.write_all(b"4\r\nlies\r\n").await;
            }
            sent
        }
        Manner::Garbage => stream.write_all(b"\x15\x03\x01\x00\x02\x02\x28").await,
        Manner::Say(status) => {
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await
        }
        Manner::Stall => std::future::pending().await,
    };
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| *key == name).map(|(_, value)| value).next().unwrap_or_default()
}

impl Post {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// As a receiver would.
    fn verify(&self) {
        assert!(self.head.starts_with("post /hook?x=1 http/1.1\r\n"), "{}", self.head);
        assert_eq!(header(&self.head, "content-type"), "application/json");
        let at = header(&self.head, "mailbox-exporter-timestamp");
        let age = Clock::System.now().as_secs_f64() - at.parse::<f64>().unwrap();
        assert!(age.abs() < 300.0, "{age} s old");
        let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
        mac.update(format!("{at}.{}", self.body).as_bytes());
        let digest = mac.finalize().into_bytes();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(header(&self.head, "mailbox-exporter-signature"), format!("v1={hex}"));
    }
}
