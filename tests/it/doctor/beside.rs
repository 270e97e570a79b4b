//! What stands beside the links: an Odoo with its own settings, and the exporter that runs.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::text;
use crate::support::World;

const KEY: &str = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2";

#[tokio::test]
async fn an_odoos_own_settings_are_told_with_the_clicks_that_mend_them() {
    let mut world = World::healthy().await;
    let (odoo, _) = world.odoo("shop@example.com", "http://10.0.0.7:8069", KEY).await;
    world.write("key", KEY);
    world.settings = format!(
        "sources:\n  - odoo: {{name: shop, url: \"{}\", database: shop, login: bot, publishing_status: production, api_key: {{file: key}}}}\n",
        odoo.http_url()
    );
    let told = world.doctor(&[]).await;
    let wrong = told.wrong();
    assert!(wrong.contains(&"odoo Odoo shop base_url_refused".to_owned()), "{wrong:#?}");
    assert!(wrong.contains(&"odoo odoo/shop/outgoing/1 host_wrong".to_owned()), "{wrong:#?}");
    let finding = told.of("wrong").find(|step| step["reason"] == "base_url_refused").unwrap();
    assert!(text(finding, "next").contains("System Parameters"), "{finding}");
    assert!(told.said("links", "ok").contains("odoo/shop/outgoing/1: works"), "{:#?}", told.steps);
    assert!(odoo.writes().is_empty());

    // One that cannot be read stops nobody else.
    world.write("key", "0000c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f60000");
    let told = world.doctor(&[]).await;
    assert!(told.wrong()[0].starts_with("configuration source shop"), "{:?}", told.wrong());
    assert!(told.said("odoo", "skipped").contains("because of source shop"), "{:#?}", told.steps);
    assert!(told.said("links", "ok").contains("a@example.com: works"));
}

#[tokio::test]
async fn the_running_exporter_is_asked_whether_anybody_scrapes_it() {
    let world = World::healthy().await;
    let exporter = world.serve(&[]).await;
    let url = format!("http://{}", exporter.address);
    let told = world.doctor(&["--exporter", &url]).await;
    assert!(told.said("alerting", "ok").contains("watches "), "{:#?}", told.steps);
    assert!(told.said("alerting", "unknown").contains("has not read the metrics yet"));
    let mut stream = TcpStream::connect(&exporter.address).await.unwrap();
    let scrape = "GET /metrics HTTP/1.0\r\nHost: exporter\r\nUser-Agent: Prometheus/3.5.0\r\n\r\n";
    stream.write_all(scrape.as_bytes()).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    let told = world.doctor(&["--exporter", &format!("{url}/")]).await;
    assert!(told.said("alerting", "ok").contains("so far 1 scrape)"), "{:#?}", told.steps);
    assert_eq!(told.code, 0);
}
