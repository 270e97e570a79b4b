//! Round trips of an exporter that serves: on schedule only, and across its end.

use gmail_sim::{Arrival, Delivery, Folder};

use super::{SENDER, SINK, World, header, letters, sends, world};
use crate::{storage::written, support::Exporter};

const COUNT: &str = r#"mailbox_checks_total{link="sales@example.com",mailbox="sales@example.com",check="round_trip"}"#;

async fn serve(world: &World) -> Exporter {
    let path = world.path("storage");
    let exporter = world.serve(&["--storage.path", path.to_str().unwrap()]).await;
    for link in [SENDER, SINK] {
        exporter.until(&format!(r#"mailbox_link_up{{link="{link}",mailbox="{link}"}} 1"#)).await;
    }
    exporter
}

#[tokio::test]
async fn a_letter_is_sent_on_schedule_and_found_after_kill_9() {
    let world = world(", schedule: '* * * * *'").await;
    // It is on its way until this test lets it arrive.
    let slow = Delivery::to(Arrival::Inbox).after(std::time::Duration::from_secs(200));
    world.sim.world().next_delivery(SINK, slow);
    let exporter = serve(&world).await;
    world.until(|asked| asked.iter().any(|what| what == "IDLE")).await;
    assert_eq!(sends(&world), 1);
    let sent = world.sim.world().messages(SENDER, Folder::Sent);
    let header = header(&sent[0].raw);
    let mark = header.lines().find_map(|line| line.strip_prefix("X-Mailbox-Exporter-Probe: "));
    written(&world, mark.unwrap()).await;
    exporter.kill().await;
    let exporter = serve(&world).await;
    let page = exporter.metrics().await;
    assert!(page.contains(&format!("{COUNT} 0")), "its end is not known yet: {page}");
    world.sim.world().advance(std::time::Duration::from_secs(200));
    exporter.until(&format!("{COUNT} 1")).await;
    let up = COUNT.replace("mailbox_checks_total", "mailbox_check_success");
    exporter.until(&format!("{up} 1")).await;
    until_clean(&world).await;
    exporter.stop().await;
}

#[tokio::test]
async fn neither_a_start_nor_a_probe_sends_anything() {
    let world = world(", schedule: '@yearly'").await;
    let exporter = serve(&world).await;
    let probed = exporter.get("/probe?link=sales@example.com").await;
    assert!(probed.contains("probe_success 1"), "{probed}");
    let (_, said) = exporter.request("GET", "/probe?link=sales@example.com&check=round_trip").await;
    assert!(!said.contains("probe_success 1"), "{said}");
    assert_eq!(sends(&world), 0);
    let page = exporter.metrics().await;
    assert!(page.contains(&format!("{COUNT} 0")), "{page}");
}

/// The sender's own copy goes after the letter was found.
async fn until_clean(world: &World) {
    world.until(|_| letters(world).is_empty()).await;
}
