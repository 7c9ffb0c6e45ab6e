//! A collector of OTLP, read by the types of the OpenTelemetry project (`collector.py`).

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::world::root;

/// It is gone when this is dropped.
pub(crate) struct Collector {
    child: Child,
    /// Read as it comes, so that the collector never waits for the test.
    said: Receiver<String>,
    pub(crate) port: u64,
}

impl Collector {
    pub(crate) fn start() -> Self {
        Self::start_at(0)
    }

    /// At this port; 0 takes a free one.
    pub(crate) fn start_at(port: u64) -> Self {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let mut child = Command::new("python3")
            .arg(root().join("crates/gtc/tests/gtc/collector.py"))
            .arg(port.to_string())
            .env("PYTHONPATH", library.join("python/otlp"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is installed: `cargo xtask test`");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, said) = channel();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| tell.send(line))
        });
        let mut collector = Self { child, said, port };
        collector.port = collector.next()["port"].as_u64().unwrap();
        collector
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How it answers from now on: a status, or `hang`.
    pub(crate) fn answers(&mut self, behaviour: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{behaviour}").unwrap();
    }

    /// The next thing that it says; waits for it.
    pub(crate) fn next(&mut self) -> Value {
        let line = self.said.recv().expect("the collector goes on until it is dropped");
        let said: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(said.get("problem"), None, "{said:#}");
        said
    }

    /// The next spans or metrics that it was told; passes over everything else.
    fn told(&mut self, path: &str) -> Value {
        loop {
            let mut said = self.next();
            if said["path"] == path {
                return said["told"].take();
            }
        }
    }

    /// The next spans.
    pub(crate) fn spans(&mut self) -> Vec<Value> {
        let told = self.told("/v1/traces");
        told["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
    }

    /// The next metrics.
    pub(crate) fn metrics(&mut self) -> Vec<Value> {
        let told = self.told("/v1/metrics");
        told["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An attribute of a span or a series, as text; empty if there is none.
pub(crate) fn attribute(of: &Value, key: &str) -> String {
    let all = of["attributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let value = all.iter().find(|pair| pair["key"] == key).map(|pair| &pair["value"]);
    let value = value.and_then(|it| it.as_object()?.values().next());
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}
