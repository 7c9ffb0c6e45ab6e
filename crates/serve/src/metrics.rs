//! What the data plane has counted, in the text format of Prometheus.
//!
//! Every label comes from the environment and none from a request, so that the number of series is
//! that of the revisions that can be reached, times a constant.

use meter::{BOUNDS_US, Counts};
use pins::Pins;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use prometheus::{Encoder as _, TextEncoder};

use crate::backend::Backend;
use crate::plane::Plane;
use crate::shadow::ShadowStatus;

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The families, and the metrics of each so far.
struct Families {
    requests: MetricFamily,
    durations: MetricFamily,
    in_flight: MetricFamily,
    weights: MetricFamily,
    shadows: MetricFamily,
    differences: MetricFamily,
}

impl Plane {
    /// Everything that was counted, for Prometheus.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut families = Families {
            requests: family(
                "greentic_http_requests_total",
                "Requests answered by a revision, by the class of their status.",
                MetricType::COUNTER,
            ),
            durations: family(
                "greentic_http_request_duration_seconds",
                "From the head of a request to the head of its answer.",
                MetricType::HISTOGRAM,
            ),
            in_flight: family(
                "greentic_http_requests_in_flight",
                "Requests that a revision is answering.",
                MetricType::GAUGE,
            ),
            weights: family(
                "greentic_traffic_weight_ratio",
                "The share of new sessions that a revision is given, 0 to 1.",
                MetricType::GAUGE,
            ),
            shadows: family(
                "greentic_shadow_requests_total",
                "Requests that a revision answered only to be compared, by what came of it.",
                MetricType::COUNTER,
            ),
            differences: family(
                "greentic_shadow_differences_total",
                "What differed in the answers of a shadow; one answer may differ in several ways.",
                MetricType::COUNTER,
            ),
        };
        let table = self.table();
        let mut deployments: Vec<_> = table.deployments().collect();
        deployments.sort_by_key(|deployment| deployment.id());
        for deployment in deployments {
            for live in deployment.revisions() {
                let labels = self.labels(deployment, live);
                families.add(&labels, &live.backend, deployment.weight(live.revision_id));
            }
        }
        families.text(self.progress().0, self.hold().count(), &self.sessions().pins)
    }

    fn labels<B>(
        &self,
        deployment: &dispatch::Deployment<B>,
        live: &dispatch::Live<B>,
    ) -> Vec<LabelPair> {
        let selector = deployment.binding().tenant_selector.as_ref();
        let tenant = selector.map(|selector| selector.tenant.to_string());
        let team = selector.and_then(|selector| selector.team.as_ref()).map(ToString::to_string);
        [
            ("environment", self.environment_id().to_string()),
            ("customer", deployment.customer_id().to_string()),
            ("tenant", tenant.unwrap_or_default()),
            ("team", team.unwrap_or_default()),
            ("bundle", deployment.bundle_id().to_string()),
            ("deployment", deployment.id().to_string()),
            ("revision", live.revision_id.to_string()),
            ("sequence", live.sequence.to_string()),
        ]
        .into_iter()
        .map(|(name, value)| label(name, value))
        .collect()
    }
}

impl Families {
    fn add(&mut self, labels: &[LabelPair], backend: &Backend, weight: u16) {
        let counts = backend.meter.counts();
        for (class, count) in CLASSES.into_iter().zip(counts.classes) {
            let labels = [labels, &[label("code", class.into())]].concat();
            self.requests.mut_metric().push(counter(&labels, float(count)));
        }
        let mut metric = Metric::default();
        metric.set_histogram(histogram(&counts));
        metric.set_label(labels.to_vec());
        self.durations.mut_metric().push(metric);
        self.in_flight.mut_metric().push(gauge(labels, float(backend.in_flight.count() as u64)));
        self.weights.mut_metric().push(gauge(labels, f64::from(weight) / 10_000.0));
        if let Some(shadow) = backend.tally.status() {
            self.add_shadow(labels, &shadow);
        }
    }

    fn add_shadow(&mut self, labels: &[LabelPair], shadow: &ShadowStatus) {
        let add = |family: &mut MetricFamily, name, value: &str, count| {
            let labels = [labels, &[label(name, value.into())]].concat();
            family.mut_metric().push(counter(&labels, float(count)));
        };
        let results = [
            ("same", shadow.same),
            ("different", shadow.different),
            ("failed", shadow.failed),
            ("skipped", shadow.skipped),
        ];
        for (result, count) in results {
            add(&mut self.shadows, "result", result, count);
        }
        let parts = [("status", shadow.status), ("headers", shadow.headers), ("body", shadow.body)];
        for (part, count) in parts {
            add(&mut self.differences, "part", part, count);
        }
    }

    fn text(self, sequence: u64, held: usize, pins: &Pins) -> String {
        let mut commit = family(
            "greentic_commit_sequence",
            "The newest commit of the environment that is served.",
            MetricType::GAUGE,
        );
        commit.mut_metric().push(gauge(&[], float(sequence)));
        let mut build =
            family("greentic_build_info", "1, for this version of gtc.", MetricType::GAUGE);
        build.mut_metric().push(gauge(&[label("version", env!("CARGO_PKG_VERSION").into())], 1.0));
        let mut remembered = family(
            "greentic_session_pins",
            "Sessions named by applications whose revision this process remembers.",
            MetricType::GAUGE,
        );
        remembered.mut_metric().push(gauge(&[], float(pins.held() as u64)));
        let mut unanswered = family(
            "greentic_session_pins_unanswered_total",
            "Requests whose shared pin did not come in time, and that went where their slot is.",
            MetricType::COUNTER,
        );
        unanswered.mut_metric().push(counter(&[], float(pins.unanswered())));
        let mut holds = family(
            "greentic_http_requests_held",
            "Requests that wait for a paused deployment to go on.",
            MetricType::GAUGE,
        );
        holds.mut_metric().push(gauge(&[], float(held as u64)));
        let Self { requests, durations, in_flight, weights, shadows, differences } = self;
        let pins = [remembered, unanswered];
        let requests = [requests, durations, in_flight, weights, shadows, differences];
        let families = [build, commit, holds].into_iter().chain(pins).chain(requests);
        let families = families.filter(|family| !family.get_metric().is_empty());
        let mut out = Vec::new();
        let encoded = TextEncoder::new().encode(&families.collect::<Vec<_>>(), &mut out);
        debug_assert!(encoded.is_ok(), "every family has a name and a metric");
        String::from_utf8(out).unwrap_or_default()
    }
}

fn histogram(counts: &Counts) -> Histogram {
    let mut so_far = 0;
    let buckets = BOUNDS_US.iter().zip(counts.buckets).map(|(bound, count)| {
        so_far += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(float(*bound) / 1e6);
        bucket.set_cumulative_count(so_far);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    // Of the same reading as the buckets, so that they agree.
    histogram.set_sample_count(counts.buckets.iter().sum());
    histogram.set_sample_sum(float(counts.sum_us) / 1e6);
    histogram
}

fn family(name: &str, help: &str, of: MetricType) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.into());
    family.set_help(help.into());
    family.set_field_type(of);
    family
}

fn counter(labels: &[LabelPair], value: f64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value);
    let mut metric = Metric::default();
    metric.set_counter(counter);
    metric.set_label(labels.to_vec());
    metric
}

fn gauge(labels: &[LabelPair], value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = Metric::default();
    metric.set_gauge(gauge);
    metric.set_label(labels.to_vec());
    metric
}

fn label(name: &str, value: String) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.into());
    pair.set_value(value);
    pair
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in floating point")]
const fn float(count: u64) -> f64 {
    count as f64
}
