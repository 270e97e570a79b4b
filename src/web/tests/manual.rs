//! From a trouble to its runbook.

use super::{House, Plan};

#[tokio::test]
async fn every_trouble_leads_to_its_runbook_which_is_here() {
    let house = House::new(Plan::default()).await;
    for page in ["/", "/links/billing@example.com"] {
        let page = house.page(page).await;
        let runbooks =
            page.split("href=\"").skip(1).filter(|rest| rest.starts_with("/docs/runbooks/"));
        let runbooks: Vec<_> = runbooks.filter_map(|rest| rest.split('"').next()).collect();
        assert!(runbooks.contains(&"/docs/runbooks/MailboxNeedsRelink.md"), "{runbooks:?}");
        for runbook in runbooks {
            let text = house.page(runbook).await;
            assert!(text.contains("<h2 id=\"mitigation\">Mitigation</h2>"), "{runbook}: {text}");
        }
    }
    assert!(house.page("/docs/").await.contains("<a href=\"runbooks/README.md\">"));
    assert_eq!(house.get("/docs/../Cargo.toml").await.status, 404);
}
