//! What stands beside the links: an Odoo with its own settings, and the exporter that runs.

use odoo_sim::{OdooSim, User, Version};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::text;
use crate::support::{CLIENT_ID, CLIENT_SECRET, World};

const KEY: &str = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2";

#[tokio::test]
async fn an_odoos_own_settings_are_told_with_the_clicks_that_mend_them() {
    let mut world = World::healthy().await;
    let odoo = OdooSim::start(Version::V18).await.unwrap();
    let shop = odoo.add_database("shop");
    shop.add_user(User::admin("bot").with_key(KEY));
    let token = world.sim.world().add_account("shop@example.com", CLIENT_ID);
    let port = world.sim.endpoints().smtp_starttls.port();
    let row = json!({
        "name": "shop", "smtp_host": "localhost", "smtp_port": port, "smtp_encryption": "starttls",
        "smtp_user": "shop@example.com", "smtp_authentication": "gmail", "from_filter": "shop@example.com",
        "google_gmail_refresh_token": token,
    });
    shop.put("ir.mail_server", row).unwrap();
    shop.set_param("google_gmail_client_id", CLIENT_ID);
    shop.set_param("google_gmail_client_secret", CLIENT_SECRET);
    shop.set_param("web.base.url", "http://10.0.0.7:8069");
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
