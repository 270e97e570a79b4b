//! The command line: flags in the manner of Prometheus' exporters, and the subcommands.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    app,
    check::{Check, Span},
    domain::link::Address,
    source::Shard,
};

pub mod capacity;
pub mod check;
pub mod check_config;
pub mod connect;
pub mod doctor;
mod progress;
pub mod revoke;
mod typed;

/// Says whether OAuth-linked Gmail mailboxes still work, why not, and who has to do what.
///
/// Without a command it serves: it probes on schedule and exports metrics.
#[derive(Debug, Parser)]
#[command(name = "mailbox_exporter", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub serve: Serve,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes.
#[derive(Args, Debug)]
pub struct Common {
    /// The configuration file.
    #[arg(long = "config.file", global = true, default_value = "mailbox_exporter.yaml")]
    pub config_file: PathBuf,
    /// Logs this and what is more serious.
    #[arg(long = "log.level", global = true, value_enum, default_value_t = Level::Info)]
    pub log_level: Level,
    /// How log lines are written.
    #[arg(long = "log.format", global = true, value_enum, default_value_t = Form::Text)]
    pub log_format: Form,
}

/// What serving takes.
#[derive(Args, Debug)]
pub struct Serve {
    /// Where to listen; may be given several times. Without a host, on all addresses.
    #[arg(long = "web.listen-address", default_value = ":10048", value_parser = listen_address)]
    pub listen: Vec<SocketAddr>,
    /// TLS and basic authentication, in the exporter-toolkit's format.
    #[arg(long = "web.config.file")]
    pub web_config: Option<PathBuf>,
    /// The path of the metrics.
    #[arg(long = "web.telemetry-path", default_value = "/metrics", value_parser = path)]
    pub telemetry_path: String,
    /// The address at which people reach this exporter, where a proxy stands before it.
    #[arg(long = "web.external-url")]
    pub external_url: Option<url::Url>,
    /// Allows POST /-/reload. SIGHUP always reloads.
    #[arg(long = "web.enable-lifecycle")]
    pub enable_lifecycle: bool,
    /// Remembers what it learnt in this directory, beyond its own end. Without it, in memory.
    #[arg(long = "storage.path")]
    pub storage: Option<PathBuf>,
    /// Watches only this share of the links: i/n, with i from 0 to n-1.
    #[arg(long, value_parser = Shard::parse)]
    pub shard: Option<Shard>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Counts what each mailbox sent, out of its folder of sent mail, and holds it against Google's limits.
    Capacity(CapacityArgs),
    /// Probes now; says for each link what works, what does not, why, and the next step.
    Check(CheckArgs),
    /// Prints the settings as understood, secrets as stars, or the mistakes.
    CheckConfig,
    /// Links a mailbox: opens Google's consent page, checks who agreed to what, and keeps the refresh token in a file.
    Connect(ConnectArgs),
    /// Has Google end the grant of a link, after saying what else ends with it.
    Revoke(RevokeArgs),
    /// Walks the whole way, from the configuration to the alerting, and says what to mend, what first, and where.
    Doctor(DoctorArgs),
}

#[derive(Args, Debug)]
pub struct CapacityArgs {
    /// Links by id; the mailboxes of all of them where none is named.
    pub links: Vec<String>,
    /// From when on: so many days or weeks ago, or a date.
    #[arg(long, default_value = "90d", value_parser = capacity::Since::parse)]
    pub since: capacity::Since,
    /// How to say it. openmetrics is for `promtool tsdb create-blocks-from openmetrics`.
    #[arg(long, value_enum, default_value_t = capacity::Format::Table)]
    pub format: capacity::Format,
    /// Writes it to this file.
    #[arg(long)]
    pub output: Option<PathBuf>,
    /// Keeps in this file what was read, and goes on from there.
    #[arg(long)]
    pub resume: Option<PathBuf>,
    /// Reads no more than about so much of each mailbox; Google allows 2500MB a day, all clients together.
    #[arg(long, default_value = "250MB", value_parser = capacity::bytes)]
    pub max_bytes: u64,
}

#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Links by id; all of them where none is named.
    pub links: Vec<String>,
    /// How to say it.
    #[arg(long, value_enum, default_value_t = check::Format::Text)]
    pub format: check::Format,
    /// Only these checks.
    #[arg(long, value_delimiter = ',', value_parser = a_check)]
    pub only: Vec<Check>,
    /// Really sends a small message, finds it, and removes it again: the round_trip check.
    #[arg(long)]
    pub send: bool,
}

#[derive(Args, Debug)]
pub struct ConnectArgs {
    /// The OAuth client, by its name in the configuration; may be left out where there is one only.
    #[arg(long)]
    pub client: Option<String>,
    /// The mailbox to link.
    #[arg(long, required_unless_present = "reconnect", value_parser = Address::parse)]
    pub address: Option<Address>,
    /// Gives this link a new token, in place of the one that it has.
    #[arg(long, value_name = "LINK", conflicts_with_all = ["client", "address", "output", "force"])]
    pub reconnect: Option<String>,
    /// Listens on this port of the loopback address; on a free one where none is said.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Only prints the address of the consent page.
    #[arg(long)]
    pub no_browser: bool,
    /// Does not listen: you paste the address that the browser ends at. For a machine without a browser.
    #[arg(long)]
    pub paste: bool,
    /// Where the token goes; ADDRESS.token beside the configuration where nothing is said.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replaces that file where it is there already.
    #[arg(long)]
    pub force: bool,
    /// Revokes the grant at once where another account agreed, with all else that it granted to the project.
    #[arg(long)]
    pub revoke_wrong: bool,
    /// How long to wait for the answer.
    #[arg(long, default_value = "10m", value_parser = connect::span)]
    pub timeout: Span,
}

#[derive(Args, Debug)]
pub struct RevokeArgs {
    /// The link, by its id.
    pub link: String,
    /// Does not ask whether that is meant.
    #[arg(long)]
    pub yes: bool,
}

#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Only this link, by its id; may be given several times.
    #[arg(long = "link")]
    pub links: Vec<String>,
    /// Only this client, by its name, and its links; may be given several times.
    #[arg(long = "client")]
    pub clients: Vec<String>,
    /// How to say it.
    #[arg(long, value_enum, default_value_t = doctor::Format::Text)]
    pub format: doctor::Format,
    /// Writes all that was seen to this file, without secrets, to be attached to a ticket.
    #[arg(long)]
    pub report: Option<PathBuf>,
    /// Shows no address of a mailbox in the report, but a hash that is good for this report only.
    #[arg(long, requires = "report")]
    pub anonymous: bool,
    /// Where the running exporter is reached.
    #[arg(long, default_value = "http://localhost:10048")]
    pub exporter: url::Url,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Form {
    Json,
    Text,
}

/// Runs what the command line asks for.
pub async fn run(cli: Cli) -> ExitCode {
    let config = &cli.common.config_file;
    match cli.command {
        None => app::serve(config, cli.serve).await,
        Some(Command::Capacity(args)) => capacity::run(config, args).await,
        Some(Command::Check(args)) => check::run(config, args).await,
        Some(Command::CheckConfig) => check_config::run(config),
        Some(Command::Connect(args)) => connect::run(config, args).await,
        Some(Command::Revoke(args)) => revoke::run(config, args).await,
        Some(Command::Doctor(args)) => doctor::run(config, args).await,
    }
}

/// Usage and configuration errors, as sysexits(3) has them: EX_USAGE.
pub const USAGE: u8 = 64;

/// `:10048`, `127.0.0.1:10048`, `[::1]:10048`, as the exporter-toolkit takes them.
fn listen_address(written: &str) -> Result<SocketAddr, String> {
    let host_given = match written.strip_prefix(':') {
        Some(port) => format!("[::]:{port}"),
        None => written.replace("localhost:", "127.0.0.1:"),
    };
    host_given.parse().map_err(|_| "write it as :10048 or 127.0.0.1:10048".to_owned())
}

fn path(written: &str) -> Result<String, String> {
    match written.starts_with('/') && written.len() > 1 {
        true => Ok(written.to_owned()),
        false => Err("write it as /metrics".to_owned()),
    }
}

fn a_check(written: &str) -> Result<Check, String> {
    Check::parse(written).ok_or_else(|| {
        let known: Vec<_> = Check::ALL.iter().map(|check| check.name()).collect();
        format!("the checks are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn addresses_are_taken_as_other_exporters_take_them() {
        let cases = [
            (":10048", Some("[::]:10048")),
            ("127.0.0.1:1", Some("127.0.0.1:1")),
            ("localhost:1", Some("127.0.0.1:1")),
            ("[::1]:1", Some("[::1]:1")),
            ("10048", None),
        ];
        for (written, expected) in cases {
            let address = listen_address(written).ok().map(|address| address.to_string());
            assert_eq!(address.as_deref(), expected, "{written}");
        }
    }
}
