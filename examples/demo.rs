//! The simulators, of Google with a mailbox in every interesting state and of an Odoo that uses some of them, and the
//! exporter beside them. No Google account is needed.

use std::{fs, os::unix::fs::OpenOptionsExt, path::Path, process::ExitCode, time::Duration};

use clap::Parser;
use gmail_sim::{Options, Sent, Sim, preset};
use mailbox_exporter::{app, cli, domain::clock::Clock};
use odoo_sim::{OdooSim, User, Version};
use serde_json::json;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let sim = Sim::start(Options::default()).await.map_err(|error| anyhow::anyhow!(error))?;
    let mailboxes = preset::demo(&sim.world());
    for (number, mailbox) in (1..).zip(&mailboxes) {
        // A day and a half of letters to customers, more from each mailbox than from the one before.
        let sent = Sent::to(&["customer{n}@example.org"]);
        let pause = Duration::from_secs(129_600 / (60 * number));
        sim.world().put_sent(&mailbox.address, &sent.times(60 * number as u32, pause));
    }
    let folder = tempfile::tempdir()?;
    let odoo = OdooSim::start(Version::V18).await.map_err(|error| anyhow::anyhow!(error))?;
    furnish(&odoo, &sim).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let config = write_config(folder.path(), &sim, &mailboxes, &odoo)?;
    let arguments = ["mailbox_exporter", "--log.level=warn", "--web.enable-lifecycle"];
    let flags = cli::Cli::try_parse_from(
        arguments.into_iter().map(str::to_owned).chain(std::env::args().skip(1)),
    )?;
    app::log_to_stderr(flags.common.log_level, flags.common.log_format);

    println!(
        "\nA simulated Google with {} mailboxes, a simulated Odoo 18, and mailbox_exporter beside them.\n",
        mailboxes.len()
    );
    for mailbox in &mailboxes {
        println!("  {:<24} {}", mailbox.address, mailbox.story);
    }
    println!("\n  http://localhost:10048/            the status page");
    println!("  http://localhost:10048/metrics     what Prometheus scrapes");
    println!("  {:<34} the simulator's control port\n", sim.endpoints().control_url);
    println!("Every link is probed within the first seconds. Ctrl-C ends it.\n");

    Ok(app::serve(&config, flags.serve).await)
}

fn write_config(
    folder: &Path,
    sim: &Sim,
    mailboxes: &[preset::DemoMailbox],
    odoo: &OdooSim,
) -> anyhow::Result<std::path::PathBuf> {
    let endpoints = sim.endpoints();
    secret(&folder.join("ca.pem"), &endpoints.ca_pem)?;
    let mut yaml = format!(
        "google:\n  token_url: {}\n  tokeninfo_url: {}\n  authorization_url: {}\n  gmail_api_url: {}\n  revoke_url: {}\n  \
         smtp: {{host: localhost, port: {}}}\n  imap: {{host: localhost, port: {}}}\n  ca_file: ca.pem\nclients:\n",
        endpoints.token_url,
        endpoints.tokeninfo_url,
        endpoints.authorization_url,
        endpoints.gmail_api_url,
        endpoints.revoke_url,
        endpoints.smtp_starttls.port(),
        endpoints.imap.port(),
    );
    for (number, (id, client_secret)) in preset::DEMO_CLIENTS.iter().enumerate() {
        secret(&folder.join(format!("client-{number}")), client_secret)?;
        yaml += &format!(
            "  client-{number}: {{client_id: {id}, client_secret: {{file: client-{number}}}}}\n"
        );
    }
    let key = sim.world().add_service_account(preset::DEMO_SERVICE_ACCOUNT);
    secret(&folder.join("key.json"), &key)?;
    yaml += "  delegated: {service_account: {file: key.json}}\nmailboxes:\n";
    for mailbox in mailboxes {
        let address = &mailbox.address;
        let Some(refresh_token) = &mailbox.refresh_token else {
            yaml += &format!("  - {{address: {address}, client: delegated}}\n");
            continue;
        };
        let client = preset::DEMO_CLIENTS.iter().position(|(id, _)| *id == mailbox.client_id);
        secret(&folder.join(address), refresh_token)?;
        yaml += &format!(
            "  - {{address: {address}, client: client-{}, refresh_token: {{file: {address}}}}}\n",
            client.unwrap_or(0)
        );
    }
    yaml += "checks:\n  session: {enabled: true, spare_sessions: 1}\n";
    secret(&folder.join("odoo-key"), ODOO_KEY)?;
    yaml += &format!(
        "sources:\n  - odoo: {{name: erp, url: \"{}\", database: erp, login: bot, api_key: {{file: odoo-key}}}}\n",
        odoo.http_url()
    );
    let config = folder.join("mailbox_exporter.yaml");
    fs::write(&config, yaml)?;
    Ok(config)
}

/// An Odoo with a link that works, one that is dead under its green badge, one that was never made, a server on password
/// sign-in, and mail that nobody has sent again.
fn furnish(odoo: &OdooSim, google: &Sim) -> Result<(), odoo_sim::Unplayed> {
    let world = google.world();
    let erp = odoo.add_database("erp");
    erp.add_user(User::admin("bot").with_key(ODOO_KEY));
    let (client, client_secret) = preset::DEMO_CLIENTS[0];
    erp.set_param("google_gmail_client_id", client);
    erp.set_param("google_gmail_client_secret", client_secret);
    erp.set_param("web.base.url", "http://odoo.example.com");
    let dead = world.link("warehouse@example.com", client);
    world.revoke(&dead);
    let servers = [
        ("office@example.com", Some(world.link("office@example.com", client)), "gmail"),
        ("warehouse@example.com", Some(dead), "gmail"),
        ("newsletter@example.com", None, "gmail"),
        ("accounts@example.com", None, "login"),
    ];
    for (user, token, authentication) in servers {
        erp.put(
            "ir.mail_server",
            json!({
                "name": user, "smtp_host": "smtp.gmail.com", "smtp_port": 587, "smtp_encryption": "starttls",
                "smtp_user": user, "smtp_authentication": authentication, "from_filter": user,
                "google_gmail_refresh_token": token,
            }),
        )?;
    }
    // As Odoo writes times.
    let now = Clock::System.now().to_utc().format("%Y-%m-%d %H:%M:%S").to_string();
    for _ in 0..3 {
        erp.put(
            "mail.mail",
            json!({
                "state": "exception", "create_date": now, "write_date": now,
                "failure_reason": "An error occurred when fetching the access token.",
            }),
        )?;
    }
    Ok(())
}

const ODOO_KEY: &str = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2";

fn secret(path: &Path, value: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    std::io::Write::write_all(&mut file, value.as_bytes())
}
