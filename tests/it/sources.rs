//! Links come, change and go with their files, and what is faulty stops nothing else.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use mailbox_exporter::{
    app, config,
    domain::link::{Grant, Link},
    source::{Links, Shard, Sources},
    wire::Wire,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[test]
fn a_new_token_changes_its_own_link_only() {
    let home = Home::new();
    let mut sources = home.load(&main_file(["one", "two"]));
    let before = sources.read_now();
    assert_eq!(sources.read_now(), before);
    home.secret("two", "1//0gNew");
    let after = sources.read_now();
    assert!(Arc::ptr_eq(link(&before, "one"), link(&after, "one")));
    assert_eq!(token(&before, "two"), "1//0gtwo");
    assert_eq!(token(&after, "two"), "1//0gNew");
    assert_ne!(before, after);
}

#[test]
fn a_new_client_secret_changes_all_links_of_the_client_in_every_file() {
    let home = Home::new();
    let mut sources = home.load(&main_file(["one"]));
    home.file("a.yaml", &mailboxes(["two"]));
    let before = sources.read_now();
    home.secret("client", "GOCSPX-New");
    let after = sources.read_now();
    for id in ["one", "two"] {
        assert_eq!(link(&before, id).client.secret.expose(), "GOCSPX-client");
        assert_eq!(link(&after, id).client.secret.expose(), "GOCSPX-New");
        assert!(Arc::ptr_eq(&link(&after, id).client, &link(&after, "one").client));
    }
}

#[test]
fn a_token_that_vanishes_stays_in_use_and_its_source_says_so() {
    let home = Home::new();
    let mut sources = home.load(&main_file(["one", "two"]));
    let before = sources.read_now();
    fs::remove_file(home.at("secrets/two")).unwrap();
    let after = sources.read_now();
    assert_eq!(before.watched, after.watched);
    let said = home.state(&after, "file").unwrap_err();
    assert!(said.starts_with("main.yaml:7:63: secrets/two does not exist"), "{said}");
    home.secret("two", "1//0gtwo");
    assert_eq!(sources.read_now(), before);
    fs::remove_file(home.at("secrets/client")).unwrap();
    let after = sources.read_now();
    assert_eq!(before.watched, after.watched);
    let said = home.state(&after, "file").unwrap_err();
    assert!(said.starts_with("main.yaml:4:49: secrets/client does not exist"), "{said}");
}

#[test]
fn files_of_a_directory_come_change_and_go() {
    let home = Home::new();
    let mut sources = home.load(&main_file(["one"]));
    assert_eq!(ids(&sources.read_now()), ["one"]);
    home.file("b.yaml", &mailboxes(["four"]));
    home.file("a.yml", &mailboxes(["two", "three"]));
    for not_ours in [".hidden.yaml", "a.yaml~", "notes.txt"] {
        home.file(not_ours, &mailboxes(["five"]));
    }
    let first = sources.read_now();
    assert_eq!(ids(&first), ["one", "two", "three", "four"]);
    assert_eq!(*link(&first, "two").source, *"mailboxes.d");
    home.file("a.yml", &mailboxes(["five", "two"]));
    let second = sources.read_now();
    assert_eq!(ids(&second), ["one", "five", "two", "four"]);
    assert!(Arc::ptr_eq(link(&first, "two"), link(&second, "two")));
    fs::remove_file(home.at("mailboxes.d/a.yml")).unwrap();
    assert_eq!(ids(&sources.read_now()), ["one", "four"]);
}

#[test]
fn a_faulty_file_keeps_its_last_good_links_and_stops_no_other() {
    let home = Home::new();
    let mut sources = home.load(&main_file(["one"]));
    home.file("a.yaml", &mailboxes(["two"]));
    home.file("b.yaml", "mailboxes: [{adress: x@example.com}]\n");
    let links = sources.read_now();
    assert_eq!(ids(&links), ["one", "two"]);
    assert_eq!(home.state(&links, "file"), Ok(()));
    let said = home.state(&links, "mailboxes.d").unwrap_err();
    assert!(said.starts_with("mailboxes.d/b.yaml:1:14: there is no key \"adress\""), "{said}");

    home.file("a.yaml", "mailboxes: [\n");
    home.file("b.yaml", &mailboxes(["three"]));
    let links = sources.read_now();
    assert_eq!(ids(&links), ["one", "two", "three"]);
    assert!(home.state(&links, "mailboxes.d").unwrap_err().starts_with("mailboxes.d/a.yaml:"));
    home.secret("two", "1//0gNew");
    assert_eq!(token(&sources.read_now(), "two"), "1//0gNew");

    home.file("a.yaml", &mailboxes(["two"]));
    assert_eq!(home.state(&sources.read_now(), "mailboxes.d"), Ok(()));
}

#[test]
fn a_directory_that_cannot_be_listed_keeps_its_links() {
    let home = Home::new();
    let mut sources = home.load(&main_file(["one"]));
    home.file("a.yaml", &mailboxes(["two"]));
    sources.read_now();
    fs::rename(home.at("mailboxes.d"), home.at("elsewhere")).unwrap();
    let links = sources.read_now();
    assert_eq!(ids(&links), ["one", "two"]);
    let said = home.state(&links, "mailboxes.d").unwrap_err();
    assert!(said.starts_with("the directory mailboxes.d cannot be listed: "), "{said}");
    fs::rename(home.at("elsewhere"), home.at("mailboxes.d")).unwrap();
    assert_eq!(home.state(&sources.read_now(), "mailboxes.d"), Ok(()));
}

#[test]
fn in_a_directory_a_link_without_its_secret_is_there_and_says_why() {
    let home = Home::new();
    let mut sources = home.load(&main_file(["one"]));
    home.file("a.yaml", &mailboxes(["two", "three"]));
    fs::remove_file(home.at("secrets/two")).unwrap();
    let links = sources.read_now();
    let Grant::Unreadable(why) = &link(&links, "two").grant else { panic!("{links:?}") };
    assert!(why.contains("secrets/two does not exist"), "{why}");
    assert_eq!(token(&links, "three"), "1//0gthree");
    assert!(home.state(&links, "mailboxes.d").is_err());
    home.secret("two", "1//0gtwo");
    let links = sources.read_now();
    assert_eq!(token(&links, "two"), "1//0gtwo");
    assert_eq!(home.state(&links, "mailboxes.d"), Ok(()));

    fs::remove_file(home.at("secrets/two")).unwrap();
    home.file("a.yaml", &mailboxes(["three", "two"]));
    assert_eq!(token(&sources.read_now(), "two"), "1//0gtwo", "the file was read again meanwhile");
}

#[test]
fn the_first_of_two_links_with_one_id_is_kept() {
    let home = Home::new();
    let mut sources = home.load(&main_file(["one"]));
    home.file("a.yaml", &mailboxes(["two"]));
    home.file("b.yaml", &mailboxes(["one", "two", "three"]));
    let links = sources.read_now();
    assert_eq!(ids(&links), ["one", "two", "three"]);
    assert_eq!(home.state(&links, "file"), Ok(()));
    let said = home.state(&links, "mailboxes.d").unwrap_err();
    let starts: Vec<&str> = said.lines().map(|line| line.split(", too").next().unwrap()).collect();
    assert_eq!(
        starts,
        [
            "mailboxes.d/b.yaml:2:10: one is the id of the link at main.yaml:6:10",
            "mailboxes.d/b.yaml:3:10: two is the id of the link at mailboxes.d/a.yaml:2:10"
        ]
    );
    fs::remove_file(home.at("mailboxes.d/a.yaml")).unwrap();
    assert_eq!(&*link(&sources.read_now(), "two").source, "mailboxes.d");
}

#[test]
fn a_files_own_clients_come_before_the_main_files() {
    let home = Home::new();
    let mut sources = home.load(&main_file(["one"]));
    let own = |name| {
        format!(
            "clients: {{{name}: {{client_id: own, client_secret: {{file: ../secrets/own}}}}}}\n"
        )
    };
    home.secret("own", "GOCSPX-own");
    home.file("a.yaml", &format!("{}{}", own("odoo"), mailboxes(["two"])));
    home.file("b.yaml", &mailboxes(["three"]));
    home.file("c.yaml", &format!("{}{}", own("helpdesk"), mailboxes(["four"])));
    let links = sources.read_now();
    let clients = ["one", "two", "three", "four"].map(|id| link(&links, id).client.id.clone());
    assert_eq!(clients, ["main", "own", "main", "own"]);

    fs::remove_file(home.at("secrets/own")).unwrap();
    home.file("a.yaml", &format!("# Again.\n{}{}", own("odoo"), mailboxes(["two"])));
    let links = sources.read_now();
    assert_eq!(link(&links, "two").client.secret.expose(), "GOCSPX-own");
    assert_eq!(token(&links, "two"), "1//0gtwo");
}

#[test]
fn a_link_whose_client_has_no_secret_cannot_sign_in_and_says_why() {
    let home = Home::new();
    let mut sources = home.load(&main_file(["one"]));
    let own = "clients: {own: {client_id: own, client_secret: {file: nowhere}}}\n";
    home.file("a.yaml", &format!("{own}{}", mailboxes(["two"])));
    let links = sources.read_now();
    let Grant::Unreadable(why) = &link(&links, "two").grant else { panic!("{links:?}") };
    assert!(why.contains("mailboxes.d/nowhere does not exist"), "{why}");
    assert_eq!(home.state(&links, "file"), Ok(()));
    home.secret("../mailboxes.d/nowhere", "GOCSPX-here");
    assert_eq!(token(&sources.read_now(), "two"), "1//0gtwo");
}

#[test]
fn what_links_have_in_common_is_kept_once() {
    let home = Home::new();
    let own = "smtp: {port: 465}, imap: {host: localhost}, checks: {token: {timeout: 5s}}, refresh";
    let mut sources = home.load(&main_file(["one", "two"]).replace("refresh", own));
    home.file("a.yaml", &mailboxes(["three", "four"]));
    let links = sources.read_now();
    let same = |one: usize, two: usize| {
        let (one, two) = (&links.watched[one], &links.watched[two]);
        let links = (&one.link, &two.link);
        [
            Arc::ptr_eq(&one.settings, &two.settings),
            Arc::ptr_eq(&links.0.smtp, &links.1.smtp),
            Arc::ptr_eq(&links.0.imap, &links.1.imap),
            Arc::ptr_eq(&links.0.client, &links.1.client),
            Arc::ptr_eq(&links.0.google, &links.1.google),
        ]
    };
    assert_eq!((same(0, 1), same(2, 3)), ([true; 5], [true; 5]));
    assert_eq!(same(0, 2), [false, false, false, true, true]);
}

#[test]
fn shards_share_the_links_among_them() {
    let home = Home::new();
    let text = main_file(["one", "two"]);
    home.file("a.yaml", &mailboxes(["three", "four", "five"]));
    let shard = |index| home.load(&text).only(Shard::parse(&format!("{index}/3")).unwrap());
    let links = [0, 1, 2].map(|index| shard(index).read_now());
    let mut all: Vec<_> = links.iter().flat_map(ids).collect();
    all.sort_unstable();
    assert_eq!(all, ["five", "four", "one", "three", "two"]);
    assert!(links.iter().all(|links| links.watched.len() < 5));
}

#[tokio::test(start_paused = true)]
async fn links_are_sent_when_they_change_and_only_then() {
    let home = Home::new();
    let sources = home.load(&main_file(["one"]));
    let (links, mut latest) = watch::channel(Links::default());
    let stop = CancellationToken::new();
    let wire = Arc::new(ArcSwap::from_pointee(home.wire()));
    let mut watching = std::pin::pin!(sources.watch(wire, links, stop.clone()));
    macro_rules! wait {
        ($wait:expr) => {
            tokio::select! {
                got = $wait => got,
                () = &mut watching => panic!("it ends by itself"),
            }
        };
    }
    wait!(latest.changed()).unwrap();
    assert_eq!(ids(&latest.borrow_and_update()), ["one"]);
    let minute = std::time::Duration::from_secs(60);
    assert!(wait!(tokio::time::timeout(minute, latest.changed())).is_err(), "nothing changed");
    home.file("a.yaml", &mailboxes(["two"]));
    let ten_seconds = std::time::Duration::from_secs(11);
    wait!(tokio::time::timeout(ten_seconds, latest.changed())).unwrap().unwrap();
    assert_eq!(ids(&latest.borrow_and_update()), ["one", "two"]);
    stop.cancel();
    watching.await;
}

fn ids(links: &Links) -> Vec<&str> {
    links.watched.iter().map(|watched| watched.link.id.as_str()).collect()
}

fn link<'a>(links: &'a Links, id: &str) -> &'a Arc<Link> {
    let mut found = links.watched.iter().map(|watched| &watched.link);
    found.find(|link| link.id.as_str() == id).unwrap_or_else(|| panic!("{id} is in {links:?}"))
}

fn token<'a>(links: &'a Links, id: &str) -> &'a str {
    match &link(links, id).grant {
        Grant::RefreshToken(token) => token.expose(),
        Grant::ServiceAccount(account) => panic!("{account:?}"),
        Grant::Unreadable(why) => panic!("{why}"),
    }
}

fn main_file<const N: usize>(names: [&str; N]) -> String {
    let client = "{client_id: main, client_secret: {file: secrets/client}}";
    let mailboxes = mailboxes(names).replace("../", "");
    format!("sources:\n  - directory: mailboxes.d\nclients:\n  odoo: {client}\n{mailboxes}")
}

fn mailboxes<const N: usize>(names: [&str; N]) -> String {
    let mailbox = |name| {
        let token = format!("{{file: ../secrets/{name}}}");
        format!("  - {{id: {name}, address: {name}@example.com, refresh_token: {token}}}\n")
    };
    format!("mailboxes:\n{}", names.map(mailbox).concat())
}

/// A folder with a main file, secrets, and a directory of mailboxes.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().expect("/tmp is writable"));
        fs::create_dir_all(home.at("mailboxes.d")).expect("it is ours");
        fs::create_dir_all(home.at("secrets")).expect("it is ours");
        home.secret("client", "GOCSPX-client");
        for name in ["one", "two", "three", "four", "five"] {
            home.secret(name, &format!("1//0g{name}"));
        }
        home
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// The state of a source, paths relative to the folder.
    fn state(&self, links: &Links, source: &str) -> Result<(), String> {
        let folder = self.at("").display().to_string();
        let said = |said: &String| said.replace(&folder, "").replace("mailboxes.d/../", "");
        links.sources[source].as_ref().map_err(said).copied()
    }

    fn load(&self, text: &str) -> Sources {
        replace(&self.at("main.yaml"), text);
        config::load(&self.at("main.yaml")).expect("it is right").sources
    }

    /// For sources that are asked over the network, of which there are none here.
    fn wire(&self) -> Wire {
        let loaded = config::load(&self.at("main.yaml")).expect("it was loaded before");
        app::wire(&loaded).expect("the system has certificates")
    }

    fn secret(&self, name: &str, value: &str) {
        replace(&self.at("secrets").join(name), value);
    }

    fn file(&self, name: &str, text: &str) {
        replace(&self.at("mailboxes.d").join(name), text);
    }
}

/// Writes the file beside and renames it, so that it is never half there.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("it is ours");
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).expect("it is ours");
    fs::rename(&new, path).expect("it is ours");
}

#[test]
fn a_new_key_of_a_service_account_is_in_use_and_a_broken_one_never() {
    let home = Home::new();
    let mut key = serde_json::json!({
        "type": "service_account",
        "private_key_id": "one",
        "private_key": include_str!("../keys/another.pem"),
        "client_id": "110000000000000000001",
        "client_email": "watcher@mail-1234.iam.gserviceaccount.com",
    });
    home.secret("key", &key.to_string());
    let client = "{service_account: {file: secrets/key}}";
    let mailbox = "{id: one, address: one@example.com}";
    let mut sources = home.load(&format!("clients: {{a: {client}}}\nmailboxes: [{mailbox}]\n"));
    let before = sources.read_now();
    assert!(matches!(link(&before, "one").grant, Grant::ServiceAccount(_)), "{before:?}");
    assert_eq!(link(&before, "one").client.id, "110000000000000000001");
    assert!(Arc::ptr_eq(link(&before, "one"), link(&sources.read_now(), "one")));
    key["private_key_id"] = "two".into();
    home.secret("key", &key.to_string());
    let after = sources.read_now();
    assert!(link(&before, "one").grant != link(&after, "one").grant, "{after:?}");
    key["private_key"] = "DoNotPrintMe".into();
    home.secret("key", &key.to_string());
    let broken = sources.read_now();
    assert_eq!(link(&broken, "one").grant, link(&after, "one").grant);
    let why = home.state(&broken, "file").unwrap_err();
    assert!(why.contains("has a \"private_key\" that is no RSA key"), "{why}");
    assert!(why.ends_with("the value read before stays in use") && !why.contains("DoNot"), "{why}");
}
