//! What stands in `deploy/`, held against the programs that it is for: each file is taken by the one that reads it, names
//! only what there is, and keeps nothing from the exporter that it needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Google, are_there, files, read, said, secret, skip, value};

const PROMTOOL: &[(&str, &str)] = &[("promtool", "promtool")];
const SYSTEMD: &[(&str, &str)] = &[("systemd-analyze", "systemd")];
const COMPOSE: &[(&str, &str)] = &[("docker-compose", "docker-compose")];
const SECCOMP: &[(&str, &str)] = &[
    ("/usr/bin/python3", "Debian's Python"),
    ("/usr/share/doc/python3-seccomp", "python3-seccomp"),
    ("systemd-analyze", "systemd"),
];

#[test]
fn prometheus_takes_the_scrape_configurations_with_all_rules() {
    if !are_there(PROMTOOL) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("alerts")).unwrap();
    let rules = files("alerts", "yaml");
    for file in &rules {
        let name = file.file_name().expect("a file");
        fs::copy(file, folder.path().join("alerts").join(name)).unwrap();
    }
    for file in ["prometheus.yml", "http_sd.yml"] {
        let copy = folder.path().join(file);
        fs::copy(format!("deploy/prometheus/{file}"), &copy).unwrap();
        let said = said(Command::new("promtool").args(["check", "config"]).arg(copy));
        let found = if file == "prometheus.yml" { rules.len() } else { 0 };
        assert_eq!(said.matches("rules found").count(), found, "{said}");
    }
}

#[test]
fn compose_takes_its_files() {
    if !are_there(COMPOSE) {
        return;
    }
    for file in COMPOSE_FILES {
        said(Command::new("docker-compose").args(["-f", file, "config", "-q"]));
    }
}

#[test]
fn every_file_that_compose_mounts_or_builds_from_exists() {
    let stages = stages();
    for file in COMPOSE_FILES {
        let compose = yaml(file);
        let mut mounted = 0;
        for (name, service) in compose["services"].as_object().expect("services") {
            let mut inside = Vec::new();
            for volume in list(&service["volumes"]) {
                let (from, rest) = volume.split_once(':').expect("a volume is from:to");
                if from.starts_with('.') {
                    let from = Path::new("deploy").join(from);
                    assert!(from.exists(), "{file}: {name} mounts {}", from.display());
                    assert!(rest.ends_with(":ro"), "{file}: {name} may write {from:?}");
                    inside.push((rest.trim_end_matches(":ro").to_owned(), from));
                    mounted += 1;
                } else {
                    assert!(compose["volumes"].get(from).is_some(), "{file}: no volume {from}");
                }
            }
            // What an option or a variable names in the container is there by one of them.
            for asked in paths(service).filter(|path| path.starts_with("/etc/")) {
                let there = inside.iter().any(|(to, from)| match asked.strip_prefix(to.as_str()) {
                    Some("") => true,
                    Some(rest) => from.join(rest.trim_start_matches('/')).exists(),
                    None => false,
                });
                assert!(there, "{file}: {name} asks for {asked}");
            }
            if let Some(dockerfile) = service["build"]["dockerfile"].as_str() {
                assert_eq!((dockerfile, &service["build"]["context"]), (DOCKERFILE, &"..".into()));
                let target = service["build"]["target"].as_str().expect("a target");
                assert!(stages.contains(target), "{file}: no stage {target}");
            }
        }
        assert!(mounted > 0, "{file} mounts nothing?");
    }
}

#[test]
fn every_container_is_shut_in_and_seen_by_this_host_alone() {
    for file in COMPOSE_FILES {
        let compose = yaml(file);
        for (name, service) in compose["services"].as_object().expect("services") {
            assert_eq!(service["read_only"], true, "{file}: {name}");
            assert_eq!(list(&service["cap_drop"]), ["ALL"], "{file}: {name}");
            assert_eq!(
                list(&service["security_opt"]),
                ["no-new-privileges:true"],
                "{file}: {name}"
            );
            for port in list(&service["ports"]) {
                assert!(port.starts_with("127.0.0.1:"), "{file}: {name} is open to all: {port}");
            }
        }
    }
}

#[test]
fn the_dockerfile_builds_what_there_is_for_nobody_but_nonroot() {
    let (dockerfile, stages) = (read(DOCKERFILE), stages());
    let copied = Regex::new(r"--from=(\S+)").unwrap();
    for from in copied.captures_iter(&dockerfile) {
        assert!(stages.contains(&from[1]), "there is no stage {}", &from[1]);
    }
    let manifest = read("Cargo.toml");
    assert!(dockerfile.contains("--locked --bin mailbox_exporter "), "the binary");
    assert!(manifest.contains("name = \"mailbox_exporter\""));
    assert!(
        dockerfile.contains("--locked --example demo ") && Path::new("examples/demo.rs").exists()
    );
    let last = dockerfile.split("\nFROM ").last().expect("stages");
    assert!(last.starts_with("base AS exporter\n"), "{last}");
    assert!(
        dockerfile.contains("cc-debian12:nonroot AS base\n") && !dockerfile.contains("\nUSER ")
    );
    // The two ways to run it give memory back alike.
    let malloc = |text: &str| {
        let line = text.lines().find(|line| line.contains("MALLOC_ARENA_MAX")).expect("its line");
        line[line.find("MALLOC").expect("just found")..].to_owned()
    };
    assert_eq!(malloc(&dockerfile), malloc(&read(UNIT)));
}

#[test]
fn systemd_takes_the_unit_and_finds_it_shut_in() {
    if !are_there(SYSTEMD) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("mailbox_exporter.service");
    let installed = "ExecStart=/usr/local/bin/mailbox_exporter ";
    assert!(read(UNIT).contains(installed));
    fs::write(&unit, read(UNIT).replace(installed, &format!("ExecStart={BINARY} "))).unwrap();
    assert_eq!(said(Command::new("systemd-analyze").arg("verify").arg(&unit)), "");
    // Of 100; what is left is that it speaks over the network, and reads /proc/stat.
    said(
        Command::new("systemd-analyze")
            .args(["security", "--offline=yes", "--no-pager", "--threshold=11"])
            .arg(&unit),
    );
}

/// A read-only system, the unit's system calls, address families and no capability: everything works, and nothing is written
/// but the storage.
#[test]
fn the_exporter_works_as_shut_in_as_the_unit_says() {
    let Some((google, confined)) = confined() else { return };
    let exporter = google.serve(&confined);
    exporter.until_says("mailbox_link_up 1");
    exporter.until_says("mailbox_exporter_storage_up 1");
    let page = exporter.get("/metrics");
    for series in
        ["process_start_time_seconds ", "process_open_fds ", "mailbox_storage_used_bytes{"]
    {
        assert!(page.lines().any(|line| line.starts_with(series)), "no {series}");
    }
    let runs = exporter.value("mailbox_checks_total{check=\"token\"}").expect("it ran");
    exporter.stop();
    let again = google.serve(&confined);
    again.until("what was learnt before", |page| {
        value(page, "mailbox_checks_total{check=\"token\"}") >= Some(runs)
    });
    again.stop();
}

/// Else the test above would prove nothing.
#[test]
fn whoever_is_shut_in_so_is_refused_everything_else() {
    let Some((google, confined)) = confined() else { return };
    let beside = google.folder.join("beside").display().to_string();
    let within = google.storage().join("within").display().to_string();
    let family = "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)";
    let code =
        "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)";
    let nice = "import os; os.setpriority(os.PRIO_PROCESS, 0, 5)";
    let cases: [(&[&str], bool); 7] = [
        (&["touch", &within], true),
        (&["touch", &beside], false),
        (&["touch", "/etc/mailbox_exporter.test"], false),
        (&["mount", "-t", "tmpfs", "tmpfs", "/mnt"], false),
        (&["/usr/bin/python3", "-c", family], false),
        (&["/usr/bin/python3", "-c", code], false),
        (&["/usr/bin/python3", "-c", nice], false),
    ];
    for (command, may) in cases {
        let mut all = confined.iter().map(String::as_str).chain(command.iter().copied());
        let output = Command::new(all.next().unwrap()).args(all).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), may, "{command:?}: {said}");
        assert!(may || !said.contains("confined.py"), "{said}");
    }
}

#[test]
fn the_exporter_takes_its_configuration_with_the_secrets_that_everyone_hands_over() {
    let secrets = Regex::new(r"/run/secrets/([a-z-]+)").unwrap();
    let config = read("deploy/mailbox_exporter.yaml");
    let named: BTreeSet<_> =
        secrets.captures_iter(&config).map(|found| found[1].to_owned()).collect();
    let handed = |text: &str, how: &str| -> BTreeSet<String> {
        Regex::new(how).unwrap().captures_iter(text).map(|found| found[1].to_owned()).collect()
    };
    assert_eq!(handed(&read(UNIT), r"(?m)^LoadCredential=([a-z-]+):"), named);
    assert_eq!(handed(&read(KUBERNETES), r"--from-file=([a-z-]+)\s"), named);
    let compose = yaml("deploy/compose.production.yaml");
    let service = &compose["services"]["mailbox-exporter"];
    assert_eq!(list(&service["secrets"]).into_iter().collect::<BTreeSet<_>>(), named);
    for name in &named {
        assert_eq!(compose["secrets"][name]["file"], format!("./secrets/{name}"));
    }

    let home = Configured::with(&named);
    // The arguments that each hands over, with what its variables stand for.
    let unit = read(UNIT).replace("\\\n", " ");
    let exec = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command");
    let stateful = yaml_at(KUBERNETES, "StatefulSet");
    let pods = stateful["spec"]["replicas"].as_u64().expect("a number of pods");
    let args = list(&stateful["spec"]["template"]["spec"]["containers"][0]["args"]);
    let shard = format!("--shard=$(POD_INDEX)/{pods}");
    assert!(args.contains(&shard), "{args:?} for {pods} pods");
    let image = read(DOCKERFILE);
    let image = image.lines().find_map(|line| line.strip_prefix("CMD ")).expect("a command");
    let all: [Vec<String>; 4] = [
        exec.split_whitespace().skip(1).map(str::to_owned).collect(),
        list(&service["command"]),
        args,
        list(&serde_json::from_str(image).expect("a list")),
    ];
    for arguments in all {
        assert!(arguments.iter().any(|each| each.starts_with("--storage.path=")), "{arguments:?}");
        let said = home.check(&arguments);
        assert!(said.contains("mailbox_label"), "{arguments:?}: {said}");
    }
}

#[test]
fn each_pod_has_its_own_share_and_secrets_that_the_exporter_takes() {
    let spec = &yaml_at(KUBERNETES, "StatefulSet")["spec"]["template"]["spec"];
    let secrets = list_of(&spec["volumes"]).iter().find(|volume| volume["name"] == "secrets");
    let secret = &secrets.expect("a volume of secrets")["secret"];
    assert_eq!(secret["defaultMode"], 0o440, "what fsGroup's group may read, and nobody else");
    assert_eq!(spec["securityContext"]["fsGroup"], spec["securityContext"]["runAsUser"]);
    let container = &spec["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let index = &list_of(&container["env"])[0]["valueFrom"]["fieldRef"]["fieldPath"];
    assert_eq!(index, "metadata.labels['apps.kubernetes.io/pod-index']");
    let dockerfile = read(DOCKERFILE);
    let owner = format!("--chown={0}:{0}", spec["securityContext"]["runAsUser"]);
    assert!(dockerfile.contains(&owner), "the image's user is another");
}

/// The shipped configuration, and its secrets in a folder of our own.
struct Configured {
    folder: TempDir,
}

impl Configured {
    fn with(secrets: &BTreeSet<String>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = read("deploy/mailbox_exporter.yaml");
        let here = folder.path().display().to_string();
        let config = folder.path().join("mailbox_exporter.yaml");
        fs::write(config, text.replace("/run/secrets", &here)).expect("a folder of ours");
        for name in secrets {
            let value = match name.as_str() {
                "odoo-dsn" => {
                    "host=db user=mailbox_exporter password=secret dbname=erp sslmode=require"
                }
                "google-client-secret" => "GOCSPX-secret",
                _ => "1//0secret",
            };
            secret(folder.path(), name, value);
        }
        Self { folder }
    }

    /// What check-config says, started with these arguments.
    fn check(&self, arguments: &[String]) -> String {
        let file = self.folder.path().join("mailbox_exporter.yaml").display().to_string();
        let here = |argument: &String| match argument.starts_with("--config.file=") {
            true => format!("--config.file={file}"),
            false => {
                argument.replace("$(POD_INDEX)", "0").replace("${STATE_DIRECTORY}", "/var/lib/x")
            }
        };
        let mut command = Command::new(BINARY);
        said(command.args(arguments.iter().map(here)).arg("check-config").current_dir(&self.folder))
    }
}

/// A mailbox to watch, and what goes before the exporter's command: `tests/real/confined.py`.
fn confined() -> Option<(Google, Vec<String>)> {
    if !are_there(SECCOMP) {
        return None;
    }
    let may = Command::new("unshare").args(["-rm", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        skip("unshare, and the right to use it");
        return None;
    }
    let google = Google::start();
    google.link();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/confined.py");
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join(UNIT).display().to_string();
    let storage = google.storage().display().to_string();
    // Debian's Python has Debian's modules.
    let command = ["unshare", "-rm", "/usr/bin/python3", script, &unit, &storage];
    Some((google, command.map(str::to_owned).into()))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The one object of this kind in a file of several.
fn yaml_at(path: &str, kind: &str) -> Value {
    let text = read(path);
    let documents = text.split("\n---\n").map(|each| serde_saphyr::from_str(each).expect("YAML"));
    let mut of_kind = documents.filter(|document: &Value| document["kind"] == kind);
    of_kind.next().unwrap_or_else(|| panic!("{path} has no {kind}"))
}

fn list_of(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn list(value: &Value) -> Vec<String> {
    list_of(value).iter().map(|each| each.as_str().expect("text").to_owned()).collect()
}

/// The stages of the Dockerfile, by name.
fn stages() -> BTreeSet<String> {
    let stage = Regex::new(r"(?m)^FROM \S+ AS (\S+)$").expect("a pattern");
    stage.captures_iter(&read(DOCKERFILE)).map(|found| found[1].to_owned()).collect()
}

/// What a service's options and variables name.
fn paths(service: &Value) -> impl Iterator<Item = String> {
    let options = list(&service["command"]).into_iter();
    let options = options.filter_map(|option| Some(option.split_once('=')?.1.to_owned()));
    let variables = service["environment"].as_object().into_iter().flatten();
    options.chain(variables.filter_map(|(_, value)| value.as_str().map(str::to_owned)))
}

const BINARY: &str = env!("CARGO_BIN_EXE_mailbox_exporter");
const COMPOSE_FILES: [&str; 2] = ["deploy/compose.yaml", "deploy/compose.production.yaml"];
const DOCKERFILE: &str = "deploy/Dockerfile";
const KUBERNETES: &str = "deploy/kubernetes/mailbox_exporter.yaml";
const UNIT: &str = "deploy/systemd/mailbox_exporter.service";
