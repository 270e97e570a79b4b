//! Is the chain whole? From a class to its alert, its test and its runbook; from what rules and dashboards name to a
//! metric, and back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use mailbox_exporter::{
    domain::reason::{Class, Reason},
    metrics::catalogue::{self, Kind},
};
use regex::Regex;
use serde::Deserialize;

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Clone, Deserialize)]
struct Rule {
    alert: Option<String>,
    record: Option<String>,
    expr: String,
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// A promtool test, as far as it is looked at.
#[derive(Deserialize)]
struct TestFile {
    tests: Vec<TestGroup>,
}

#[derive(Deserialize)]
struct TestGroup {
    #[serde(default)]
    alert_rule_test: Vec<AlertTest>,
}

#[derive(Deserialize)]
struct AlertTest {
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<serde_json::Value>,
}

#[test]
fn every_class_has_its_alert_and_no_alert_has_another_classs() {
    let alerts = alerts();
    for class in Class::ALL {
        let matched = format!("class=\"{class}\"");
        let of_class = alerts.iter().filter(|rule| rule.name() == class.alert());
        let exprs: Vec<_> = of_class.map(|rule| rule.expr.as_str()).collect();
        assert!(
            exprs.iter().any(|expr| expr.contains(&matched)),
            "{} has no {matched}",
            class.alert()
        );
    }
    for rule in &alerts {
        for class in Class::ALL.into_iter().filter(|class| class.alert() != rule.name()) {
            let of_links = rule.expr.contains("link:mailbox_failing_runs:sum{");
            let wrong = of_links && rule.expr.contains(&format!("class=\"{class}\""));
            assert!(!wrong, "{} looks at the class {class}", rule.name());
        }
    }
}

#[test]
fn every_alert_says_what_is_the_case_how_bad_it_is_and_where_to_go_on() {
    let boards = dashboards();
    let uids: BTreeSet<_> = boards.values().filter_map(|board| board["uid"].as_str()).collect();
    for rule in alerts() {
        let name = rule.name();
        let severity = rule.labels.get("severity").map(String::as_str);
        assert!(matches!(severity, Some("critical" | "info" | "warning")), "{name}: {severity:?}");
        assert!(rule.keep_firing_for.is_some(), "{name} would end at every scrape that fails");
        for annotation in ["summary", "description", "dashboard_url"] {
            let said = rule.annotations.get(annotation).map_or("", String::as_str);
            assert!(!said.is_empty(), "{name} has no {annotation}");
        }
        let runbook = format!("{{{{ $externalLabels.mailbox_exporter }}}}/docs/runbooks/{name}.md");
        assert_eq!(rule.annotations.get("runbook_url"), Some(&runbook), "{name}");
        let board = &rule.annotations["dashboard_url"];
        let known = uids.iter().any(|uid| board.contains(&format!("{uid}?")));
        assert!(known, "{name}: there is no dashboard {board}");
    }
}

#[test]
fn every_alert_is_seen_to_fire_and_not_to_fire() {
    let names: BTreeSet<_> = alerts().iter().map(|rule| rule.name().to_owned()).collect();
    let tested = files("alerts/tests", "yaml").into_iter().map(|path| stem(&path));
    // What is in small letters is of several alerts.
    let tested: BTreeSet<_> = tested.filter(|name| is_alert(name)).collect();
    assert_eq!(names, tested, "alerts, and the tests of them");
    for name in names {
        let text = fs::read_to_string(format!("alerts/tests/{name}.yaml")).unwrap();
        let file: TestFile =
            serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let of_alert = file.tests.iter().flat_map(|group| &group.alert_rule_test);
        let of_alert: Vec<_> = of_alert.filter(|test| test.alertname == name).collect();
        assert!(of_alert.iter().any(|test| !test.exp_alerts.is_empty()), "{name} never fires");
        assert!(of_alert.iter().any(|test| test.exp_alerts.is_empty()), "{name} always fires");
    }
}

#[test]
fn every_alert_has_its_runbook_and_every_runbook_its_alert() {
    let names: BTreeSet<_> = alerts().iter().map(|rule| rule.name().to_owned()).collect();
    let index = fs::read_to_string("docs/runbooks/README.md").unwrap();
    for path in files("docs/runbooks", "md") {
        let page = stem(&path);
        assert!(!is_alert(&page) || names.contains(&page), "{page} is of no alert");
    }
    for name in &names {
        let page = fs::read_to_string(format!("docs/runbooks/{name}.md")).unwrap_or_default();
        assert!(page.starts_with(&format!("# {name}\n")), "docs/runbooks/{name}.md");
        let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, ["Meaning", "Impact", "Diagnosis", "Mitigation"], "{name}");
        for section in page.split("\n## ").skip(1) {
            assert!(
                section.lines().filter(|line| !line.is_empty()).count() > 1,
                "{name}: {section}"
            );
        }
        assert!(index.contains(&format!("({name}.md)")), "docs/runbooks/README.md lacks {name}");
    }
    for reason in Reason::ALL {
        let alert = reason.class().alert();
        let page = fs::read_to_string(format!("docs/runbooks/{alert}.md")).unwrap();
        assert!(page.contains(&format!("`{reason}`")), "the runbook {alert} lacks {reason}");
    }
}

#[test]
fn rules_and_dashboards_name_what_there_is() {
    let recorded: BTreeSet<_> = rules().iter().filter_map(|rule| rule.record.clone()).collect();
    let mut wrong = BTreeSet::new();
    for (place, expr) in expressions() {
        for name in names(&expr) {
            let known = match name.contains(':') {
                true => recorded.contains(&name),
                false => is_known(&name) || FOREIGN.contains(&name.as_str()),
            };
            if !known {
                wrong.insert(format!("{place} names {name}"));
            }
        }
        for (name, label) in matched(&expr) {
            let Some(labels) = labels_of(&name) else { continue };
            let known = labels.contains(&label.as_str()) || TARGET.contains(&label.as_str());
            if !known {
                wrong.insert(format!("{place}: {name} has no label {label}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_is_recorded_is_used() {
    let used: BTreeSet<_> = expressions().iter().flat_map(|(_, expr)| names(expr)).collect();
    for name in rules().iter().filter_map(|rule| rule.record.as_ref()) {
        assert!(used.contains(name), "{name} is used by nothing");
    }
}

#[test]
fn every_metric_is_used_or_says_what_it_is_for() {
    let used: BTreeSet<_> = expressions().iter().flat_map(|(_, expr)| names(expr)).collect();
    let mut wrong = Vec::new();
    for entry in catalogue::scraped() {
        let aside = catalogue::ASIDE.iter().any(|(name, _)| *name == entry.name);
        let used = parts(entry.name, entry.kind).iter().any(|name| used.contains(name));
        if used == aside {
            wrong.push(format!("{}: used {used}, in ASIDE {aside}", entry.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let known: BTreeSet<_> = catalogue::scraped().map(|entry| entry.name).collect();
    let gone = catalogue::ASIDE.iter().find(|(name, _)| !known.contains(name));
    assert!(gone.is_none(), "{gone:?} is no metric");
}

/// What Prometheus itself adds, or the client of the process.
const FOREIGN: &[&str] =
    &["ALERTS", "ALERTS_FOR_STATE", "scrape_duration_seconds", "scrape_samples_scraped", "up"];

/// What every series has from Prometheus.
const TARGET: &[&str] = &["instance", "job"];

fn is_known(name: &str) -> bool {
    static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let of_catalogue = catalogue::scraped().flat_map(|entry| parts(entry.name, entry.kind));
        let page = fs::read_to_string("docs/metrics.md").unwrap();
        let of_process = page.lines().filter_map(|line| line.strip_prefix("| `process_"));
        let of_process =
            of_process.map(|rest| format!("process_{}", rest.split('`').next().unwrap()));
        of_catalogue.into_iter().chain(of_process).collect()
    });
    KNOWN.contains(name)
}

/// The names under which a metric is asked for.
fn parts(name: &str, kind: Kind) -> Vec<String> {
    match kind {
        Kind::Counter | Kind::Gauge => vec![name.to_owned()],
        Kind::Histogram => ["bucket", "count", "sum"].map(|part| format!("{name}_{part}")).to_vec(),
    }
}

fn labels_of(name: &str) -> Option<Vec<&'static str>> {
    let entry = catalogue::scraped()
        .find(|entry| parts(entry.name, entry.kind).contains(&name.to_owned()))?;
    Some(
        entry
            .labels
            .iter()
            .copied()
            .chain((entry.kind == Kind::Histogram).then_some("le"))
            .collect(),
    )
}

/// The metrics that an expression names: ours, recorded ones and Prometheus' own.
fn names(expr: &str) -> Vec<String> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\b(mailbox_\w+|process_\w+|scrape_\w+|ALERTS\w*|up\b|\w+:\w+:\w+)").unwrap()
    });
    NAME.find_iter(&without_strings(expr)).map(|found| found.as_str().to_owned()).collect()
}

/// The labels by which an expression picks series of a metric.
fn matched(expr: &str) -> Vec<(String, String)> {
    static PICKED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b((?:mailbox|process)_\w+)\{([^}]*)\}").unwrap());
    static LABEL: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(\w+)\s*(?:=~|!~|!=|=)").unwrap());
    let expr = without_strings(expr);
    let picked = PICKED.captures_iter(&expr);
    let labels = picked.flat_map(|picked| {
        let name = picked[1].to_owned();
        let labels = LABEL.captures_iter(picked.get(2).map_or("", |labels| labels.as_str()));
        labels.map(|label| (name.clone(), label[1].to_owned())).collect::<Vec<_>>()
    });
    labels.collect()
}

/// What stands in quotes names nothing.
fn without_strings(expr: &str) -> String {
    static STRING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap());
    STRING.replace_all(expr, "\"\"").into_owned()
}

/// Everything that asks Prometheus, by where it stands.
fn expressions() -> Vec<(String, String)> {
    let mut found: Vec<_> = rules().into_iter().map(|rule| (rule.title(), rule.expr)).collect();
    for (path, board) in dashboards() {
        queries(&path, &board, &mut found);
    }
    // A template asks between backticks, for the first argument of printf.
    static ASKED: LazyLock<Regex> = LazyLock::new(|| Regex::new("`([^`]*)`").unwrap());
    for rule in alerts() {
        for text in rule.annotations.values() {
            let asked = ASKED.captures_iter(text).map(|asked| asked[1].replace("=%q", "=\"\""));
            found.extend(asked.map(|expr| (rule.title(), expr)));
        }
    }
    found
}

/// What a dashboard asks for, in panels, annotations and variables.
fn queries(path: &str, part: &serde_json::Value, found: &mut Vec<(String, String)>) {
    match part {
        serde_json::Value::Array(parts) => parts.iter().for_each(|part| queries(path, part, found)),
        serde_json::Value::Object(parts) => {
            for (key, part) in parts {
                match part {
                    serde_json::Value::String(text)
                        if matches!(&**key, "definition" | "expr" | "query") =>
                    {
                        found.push((path.to_owned(), text.clone()));
                    }
                    _ => queries(path, part, found),
                }
            }
        }
        _ => {}
    }
}

impl Rule {
    fn name(&self) -> &str {
        self.alert.as_deref().expect("it is an alert")
    }

    fn title(&self) -> String {
        self.alert.clone().or(self.record.clone()).expect("a rule is one of both")
    }
}

fn alerts() -> Vec<Rule> {
    rules().into_iter().filter(|rule| rule.alert.is_some()).collect()
}

fn rules() -> Vec<Rule> {
    let of_file = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let file: RuleFile =
            serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        file.groups.into_iter().flat_map(|group| group.rules)
    };
    files("alerts", "yaml").into_iter().flat_map(of_file).collect()
}

pub(super) fn dashboards() -> BTreeMap<String, serde_json::Value> {
    let of_file = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.display().to_string(), serde_json::from_str(&text).unwrap())
    };
    files("dashboards", "json").into_iter().map(of_file).collect()
}

/// The files of a folder that end so, by name.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    found.sort();
    assert!(!found.is_empty(), "{folder} holds none");
    found
}

fn is_alert(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_uppercase()) && name != "README"
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}
