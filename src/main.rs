//! Arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use mailbox_exporter::{app, cli};

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are printed, too; a closed pipe is no reason to panic.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { cli::USAGE } else { 0 });
        }
    };
    app::log_to_stderr(cli.common.log_level, cli.common.log_format);
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli::run(cli)),
        Err(error) => {
            tracing::error!(%error, "no asynchronous runtime");
            ExitCode::FAILURE
        }
    }
}
