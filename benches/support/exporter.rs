//! The exporter's own binary as a process: what it uses, and what it shows to a scraper.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;

/// A running exporter; it is gone when this is dropped.
pub(crate) struct Exporter {
    child: Child,
    address: SocketAddr,
}

/// What the process has used so far.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    /// Resident now and at the most, in bytes.
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

impl Exporter {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(config: &Path) -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailbox_exporter"))
            .arg("--config.file")
            .arg(config)
            .args(["--web.listen-address", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("the exporter does not start")?;
        let log = child.stderr.take().context("the child has a standard error")?;
        let mut log = BufReader::new(log);
        let mut line = String::new();
        let address = loop {
            line.clear();
            ensure!(log.read_line(&mut line)? > 0, "the exporter ended at once");
            match line.rsplit_once("address=") {
                Some((_, address)) => break address.trim().parse()?,
                None => eprint!("{line}"),
            }
        };
        // What it says from now on is worth reading; the thread ends with the exporter.
        thread::spawn(move || io::copy(&mut log, &mut io::stderr()));
        Ok(Self { child, address })
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        let process = Path::new("/proc").join(self.child.id().to_string());
        let stat = fs::read_to_string(process.join("stat"))?;
        // The name may hold anything, so fields are counted from its end.
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has a name")?;
        let ticks: u64 =
            fields.split_whitespace().skip(11).take(2).flat_map(str::parse::<u64>).sum();
        let status = fs::read_to_string(process.join("status"))?;
        let bytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let words = line.map(str::split_whitespace);
            let kibibytes = words.and_then(|mut words| words.next()?.parse::<u64>().ok());
            kibibytes.map(|k| k * 1024).with_context(|| format!("/proc/PID/status lacks {key}"))
        };
        Ok(Usage {
            cpu: Duration::from_secs_f64(
                ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
            ),
            resident: bytes("VmRSS:")?,
            peak: bytes("VmHWM:")?,
        })
    }

    /// `/metrics` as Prometheus fetches it.
    pub(crate) fn scrape(&self) -> Result<Page> {
        let mut connection = TcpStream::connect(self.address)?;
        let asking = "GET /metrics HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n";
        connection.write_all(asking.as_bytes())?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer)?;
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let head = head.context("the exporter speaks no HTTP")?;
        let mut text = String::new();
        GzDecoder::new(&answer[head + 4..])
            .read_to_string(&mut text)
            .with_context(|| String::from_utf8_lossy(&answer[..head]).into_owned())?;
        Ok(Page(text))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a scraper got.
pub(crate) struct Page(String);

impl Page {
    /// Labels and value of every series of a metric.
    pub(crate) fn series<'a>(&'a self, metric: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(metric)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            let whole = labels.is_empty() || labels.starts_with('{');
            Some((labels, value.parse().ok()?)).filter(|_| whole)
        })
    }

    /// Of every series of a metric whose labels hold `label`.
    pub(crate) fn sum(&self, metric: &str, label: &str) -> f64 {
        let series = self.series(metric).filter(|(labels, _)| labels.contains(label));
        series.map(|(_, value)| value).sum()
    }
}
