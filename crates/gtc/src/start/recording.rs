//! What `gtc start` tells of requests, and whom: an access log, and a collector.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use deploy_spec::{Bps, Fault};
use env_pack::read_file;
use http::{HeaderMap, HeaderName, HeaderValue};
use serve::{Plane, RunFolder, ambient};
use telemetry::{
    AccessLog, Collector, Errors, Exporter, Origin, Recorder, Sampler, Settings as Exported,
};

#[derive(Debug, Args)]
#[command(next_help_heading = "What is told of requests")]
pub(super) struct Recording {
    /// Keep an access log: a line of JSON for each request
    #[arg(long, value_enum, value_name = "WHERE")]
    access_log: Option<Place>,
    /// How many percent of the requests are in it
    #[arg(long, default_value = "100", value_name = "PERCENT", value_parser = percent)]
    access_log_sample: Bps,
    /// Leave errors (5xx) out too that are not in the sample, instead of logging all of them
    #[arg(long, requires = "access_log")]
    access_log_sample_errors: bool,
    /// Send traces and metrics to this collector, by OTLP over HTTP: http://localhost:4318
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
    /// Headers for the collector, `name: value` a line, in a file that only its owner may use
    #[arg(long, value_name = "FILE")]
    otlp_headers: Option<PathBuf>,
    /// How many percent of the traces that begin here are sent; one that a trusted peer began is
    /// sent if it is recorded there
    #[arg(long, default_value = "100", value_name = "PERCENT", value_parser = percent)]
    otlp_sample: Bps,
    /// How often metrics are sent, in seconds
    #[arg(long, default_value_t = 60, value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    otlp_interval: u64,
}

/// Where the access log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    /// run/log/access.jsonl of the environment, 64 MiB of them at most; `gtc logs --access`
    File,
    /// Standard output
    Stdout,
}

impl Recording {
    /// Begins to tell of the requests of `plane`; none where nobody is told.
    ///
    /// # Errors
    /// `invalid-input` for an endpoint or headers that are none, `refused` for a file of headers
    /// that others may read, `unavailable` when the log cannot be written.
    pub(super) fn begin(
        &self,
        run: &RunFolder,
        plane: &Arc<Plane>,
    ) -> Result<Option<Arc<Recorder>>, Fault> {
        let access_log = self.access_log.map(|place| self.log(place, run, plane)).transpose()?;
        // The standard says that an empty variable is as good as none.
        let endpoint = self.otlp_endpoint.as_deref().filter(|url| !url.is_empty());
        let exporter = endpoint.map(|url| self.exporter(url, plane)).transpose()?;
        if access_log.is_none() && exporter.is_none() {
            return Ok(None);
        }
        let recorder = Arc::new(Recorder::new(access_log, exporter));
        plane.records_to(Arc::clone(&recorder));
        Ok(Some(recorder))
    }

    fn log(&self, place: Place, run: &RunFolder, plane: &Plane) -> Result<AccessLog, Fault> {
        let out: Box<dyn Write + Send> = match place {
            Place::File => Box::new(run.access_log().writer()?),
            Place::Stdout => Box::new(std::io::stdout()),
        };
        let errors = if self.access_log_sample_errors { Errors::Sampled } else { Errors::All };
        AccessLog::new(plane.environment_id().clone(), self.access_log_sample, errors, out)
    }

    fn exporter(&self, url: &str, plane: &Arc<Plane>) -> Result<Exporter, Fault> {
        let headers = self.otlp_headers.as_deref().map(headers).transpose()?;
        let counted = Arc::downgrade(plane);
        Exporter::new(Exported {
            collector: Collector::new(url, headers.unwrap_or_default())?,
            origin: Origin {
                environment: plane.environment_id().clone(),
                instance: u128::from_be_bytes(ambient::random()?),
                version: env!("CARGO_PKG_VERSION"),
            },
            sampler: Sampler::Share(self.otlp_sample),
            interval: Duration::from_secs(self.otlp_interval),
            count: Box::new(move || counted.upgrade().map(|plane| plane.snapshot())),
        })
    }
}

/// The headers in a private file. Their values are not shown.
fn headers(path: &Path) -> Result<HeaderMap, Fault> {
    let wrong = |line: usize| {
        Fault::invalid(format!("line {} of `{}` is no header", line + 1, path.display()))
            .hint("a line is as `authorization: Bearer …`")
    };
    let bytes = read_file(path)?;
    let text = std::str::from_utf8(bytes.reveal()).map_err(|_| wrong(0))?;
    let mut headers = HeaderMap::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (at, line) in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| wrong(at))?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong(at))?;
        let mut value: HeaderValue = value.trim().parse().map_err(|_| wrong(at))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

fn percent(text: &str) -> Result<Bps, String> {
    let percent: f64 = text.parse().map_err(|_| format!("`{text}` is no number of percent"))?;
    Bps::from_percent(percent)
        .map_err(|_| format!("`{text}` is not from 0 to 100 percent with two decimals at most"))
}
