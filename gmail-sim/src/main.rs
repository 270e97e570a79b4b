//! The simulator by itself: starts, prints where everything is, stops on ctrl-c or SIGTERM.

use std::{error::Error, process::ExitCode};

use gmail_sim::{Options, Sim, World, preset};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
gmail-sim: what Google does for OAuth-linked Gmail mailboxes, on loopback sockets

  --accounts FILE     mailboxes as JSON: {\"clients\": {ID: {\"secret\": S}}, \"accounts\": {ADDRESS:
                      {\"client_id\": ID, \"refresh_token\": T, ...}}, \"service_accounts\": {EMAIL:
                      {\"key_ids\": [K], ...}}}; the same keys as PUT
  --ca-file FILE      where to write the certificate of the authority
  --demo              a dozen mailboxes in every interesting state
  --first-port PORT   seven ports from here on; free ones where absent
  --host NAME         the host in the URLs (localhost)
  --ip ADDRESS        where to listen (127.0.0.1)
";

#[derive(Debug, Default)]
struct Arguments {
    accounts: Option<String>,
    ca_file: Option<String>,
    demo: bool,
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprint!("{mistake}\n\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Nothing where help is asked for.
fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Arguments>, Box<dyn Error>> {
    let mut arguments = Arguments::default();
    while let Some(flag) = words.next() {
        let mut value = || words.next().ok_or(format!("{flag} needs a value"));
        match &*flag {
            "--accounts" => arguments.accounts = Some(value()?),
            "--ca-file" => arguments.ca_file = Some(value()?),
            "--demo" => arguments.demo = true,
            "--first-port" => arguments.options.first_port = Some(value()?.parse()?),
            "--help" | "-h" => return Ok(None),
            "--host" => arguments.options.host = value()?,
            "--ip" => arguments.options.ip = value()?.parse()?,
            _ => return Err(format!("there is no {flag}").into()),
        }
    }
    Ok(Some(arguments))
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let sim = Sim::start(arguments.options).await.map_err(|error| error.to_string())?;
    let world = sim.world();
    if let Some(file) = &arguments.accounts {
        world.load(&std::fs::read(file)?).map_err(|mistake| format!("{file}: {mistake}"))?;
    }
    if let Some(file) = &arguments.ca_file {
        std::fs::write(file, &sim.endpoints().ca_pem)?;
    }
    println!("{}", serde_json::to_string_pretty(sim.endpoints())?);
    if arguments.demo {
        print_demo(&world);
    }
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    sim.stop().await;
    Ok(())
}

fn print_demo(world: &World) {
    for mailbox in preset::demo(world) {
        let token = mailbox.refresh_token.as_deref().unwrap_or("by a service account");
        println!("{}  {token}\n    {}", mailbox.address, mailbox.story);
    }
}
