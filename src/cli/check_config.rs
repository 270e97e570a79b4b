//! `check-config`: prints the settings as understood, or everything that is wrong with them.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use super::USAGE;
use crate::config;

/// Prints the settings to the standard output and what is wrong, in files of directories too, to the standard error.
pub fn run(path: &Path) -> ExitCode {
    let report = Report::of(path);
    let printed = print(&mut io::stderr().lock(), &report.mistakes)
        .and_then(|()| print(&mut io::stdout().lock(), &report.settings));
    match printed {
        _ if !report.mistakes.is_empty() => ExitCode::from(USAGE),
        Ok(()) => ExitCode::SUCCESS,
        // Who closed the pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn print(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[derive(Debug, Default)]
struct Report {
    settings: String,
    /// One a line; empty where there is none.
    mistakes: String,
}

impl Report {
    fn of(path: &Path) -> Self {
        let mut loaded = match config::load(path) {
            Ok(loaded) => loaded,
            Err(mistakes) => return Self { mistakes: format!("{mistakes}\n"), ..Self::default() },
        };
        let links = loaded.sources.read_now();
        let faults = links.sources.values().filter_map(|state| state.as_ref().err());
        Self {
            settings: format!("{}# links: {}\n", config::masked(&loaded), links.watched.len()),
            mistakes: faults.map(|faults| format!("{faults}\n")).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn settings_are_printed_even_where_a_file_of_a_directory_is_faulty() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let client =
            "{client_id: abc.apps.googleusercontent.com, client_secret: {env: CARGO_PKG_NAME}}";
        let main = format!("clients: {{odoo: {client}}}\nsources: [{{directory: mailboxes.d}}]\n");
        fs::write(at("main.yaml"), main).unwrap();
        fs::create_dir(at("mailboxes.d")).unwrap();
        let mailbox = "mailboxes: [{address: a@example.com, refresh_token: {env: CARGO_PKG_NAME}}]";
        fs::write(at("mailboxes.d/a.yaml"), mailbox).unwrap();
        fs::write(at("mailboxes.d/b.yaml"), "mailboxes: [{adress: b@example.com}]\n").unwrap();
        let report = Report::of(&at("main.yaml"));
        assert!(report.settings.ends_with("# links: 1\n"), "{}", report.settings);
        assert!(report.mistakes.contains("mailboxes.d/b.yaml:1:14: "), "{}", report.mistakes);
        assert_eq!(report.mistakes.lines().count(), 1);
    }

    #[test]
    fn a_faulty_file_prints_its_mistakes_only() {
        let report = Report::of(Path::new("tests/bad_configs/several.yaml"));
        assert_eq!(report.settings, "");
        assert_eq!(report.mistakes.lines().count(), 7);
    }
}
