//! The simulator with a mailbox in every interesting state, and the exporter beside it. No Google account is needed.

use std::{fs, os::unix::fs::OpenOptionsExt, path::Path, process::ExitCode};

use clap::Parser;
use gmail_sim::{Options, Sim, preset};
use mailbox_exporter::{app, cli};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let sim = Sim::start(Options::default()).await.map_err(|error| anyhow::anyhow!(error))?;
    let mailboxes = preset::demo(&sim.world());
    let folder = tempfile::tempdir()?;
    let config = write_config(folder.path(), &sim, &mailboxes)?;
    let arguments = ["mailbox_exporter", "--log.level=warn", "--web.enable-lifecycle"];
    let flags = cli::Cli::try_parse_from(
        arguments.into_iter().map(str::to_owned).chain(std::env::args().skip(1)),
    )?;
    app::log_to_stderr(flags.common.log_level, flags.common.log_format);

    println!(
        "\nA simulated Google with {} mailboxes, and mailbox_exporter beside it.\n",
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
) -> anyhow::Result<std::path::PathBuf> {
    let endpoints = sim.endpoints();
    secret(&folder.join("ca.pem"), &endpoints.ca_pem)?;
    let mut yaml = format!(
        "google:\n  token_url: {}\n  tokeninfo_url: {}\n  authorization_url: {}\n  gmail_api_url: {}\n  \
         smtp: {{host: localhost, port: {}}}\n  imap: {{host: localhost, port: {}}}\n  ca_file: ca.pem\nclients:\n",
        endpoints.token_url,
        endpoints.tokeninfo_url,
        endpoints.authorization_url,
        endpoints.gmail_api_url,
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
    let config = folder.join("mailbox_exporter.yaml");
    fs::write(&config, yaml)?;
    Ok(config)
}

fn secret(path: &Path, value: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    std::io::Write::write_all(&mut file, value.as_bytes())
}
