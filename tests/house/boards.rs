//! Are the dashboards made as Grafana's users expect? What promtool and the chain do not look at.

use std::collections::BTreeSet;

use serde_json::Value;

use super::chain::dashboards;

#[test]
fn every_dashboard_is_found_by_its_uid_and_asks_the_data_source_that_is_chosen() {
    let boards = dashboards();
    let uids: BTreeSet<_> = boards.values().map(|board| board["uid"].to_string()).collect();
    assert_eq!(uids.len(), boards.len(), "{uids:?}");
    for (path, board) in &boards {
        // What an instance of Grafana adds, or provisioning cannot fill in.
        for key in ["__inputs", "__requires", "version"] {
            assert!(board.get(key).is_none(), "{path} has {key}");
        }
        assert!(board.get("id").is_none_or(Value::is_null), "{path} has an id");
        assert_eq!(board["editable"], false, "{path}");
        assert!(list(&board["tags"]).any(|tag| tag == "mailbox_exporter"), "{path}");
        let variables: Vec<_> = list(&board["templating"]["list"]).collect();
        let named = |name: &str| variables.iter().find(|variable| variable["name"] == name);
        let source = named("datasource").unwrap_or_else(|| panic!("{path} has no datasource"));
        assert_eq!(
            (&source["type"], &source["label"]),
            (&"datasource".into(), &"Data source".into())
        );
        assert!(named("job").is_some(), "{path} has no job");
        let to_others = list(&board["links"])
            .any(|link| list(&link["tags"]).any(|tag| tag == "mailbox_exporter"));
        assert!(to_others, "{path} leads to no other board");
    }
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit_and_what_it_means_to_be_empty() {
    let mut wrong = Vec::new();
    for (path, board) in dashboards() {
        let mut ids = BTreeSet::new();
        for panel in list(&board["panels"]) {
            let title = panel["title"].as_str().unwrap_or_default();
            let mut lacks = |what: &str| wrong.push(format!("{path}: {title:?} {what}"));
            if !ids.insert(panel["id"].to_string()) {
                lacks("has the id of another");
            }
            if title.is_empty() {
                lacks("has no title");
            }
            if panel["type"] == "row" {
                continue;
            }
            if panel["description"].as_str().is_none_or(str::is_empty) {
                lacks("has no description");
            }
            if panel["datasource"]["uid"] != "${datasource}" {
                lacks("asks another data source");
            }
            let defaults = &panel["fieldConfig"]["defaults"];
            if panel["type"] != "table" && defaults["unit"].as_str().is_none_or(str::is_empty) {
                lacks("has no unit");
            }
            if defaults["noValue"].as_str().is_none_or(str::is_empty) {
                lacks("does not say what it means to be empty");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_panel_lies_over_another() {
    for (path, board) in dashboards() {
        let panels: Vec<_> = list(&board["panels"]).collect();
        for (number, one) in panels.iter().enumerate() {
            assert!(side(one, "x") + side(one, "w") <= 24, "{path}: {}", one["title"]);
            for other in &panels[number + 1..] {
                let apart = |at: &str, size: &str| {
                    side(one, at) + side(one, size) <= side(other, at)
                        || side(other, at) + side(other, size) <= side(one, at)
                };
                let fits = apart("x", "w") || apart("y", "h");
                assert!(fits, "{path}: {} and {}", one["title"], other["title"]);
            }
        }
    }
}

fn side(panel: &Value, name: &str) -> u64 {
    panel["gridPos"][name].as_u64().unwrap_or_else(|| panic!("{} has no {name}", panel["title"]))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
