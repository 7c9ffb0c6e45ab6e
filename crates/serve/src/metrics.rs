//! What the data plane has counted, by metric and series.
//!
//! Every label comes from the environment and none from a request. How many revisions have series of
//! their own is bounded; all others are counted in one, whose labels say `other`.

mod certificates;
mod text;

use std::sync::Arc;

use deploy_spec::Timestamp;
use dispatch::{Deployment, Live};
use meter::Counts;
use telemetry::{Dropped, Family, Point, Points, Snapshot};

use crate::ambient;
use crate::backend::Backend;
use crate::plane::Plane;
use crate::shadow::ShadowStatus;

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// What the labels of those say that have no series of their own.
const OTHER: &str = "other";

type Labels = Vec<(&'static str, String)>;

/// The series of the metrics that revisions have.
#[derive(Default)]
struct Revisions {
    requests: Vec<Point<u64>>,
    durations: Vec<Point<Counts>>,
    in_flight: Vec<Point<f64>>,
    weights: Vec<Point<f64>>,
    generations: Vec<Point<f64>>,
    shadows: Vec<Point<u64>>,
    differences: Vec<Point<u64>>,
    /// Requests in flight of those without series.
    others_in_flight: usize,
}

impl Plane {
    /// Everything that was counted, for Prometheus.
    #[must_use]
    pub fn metrics(&self) -> String {
        text::of(&self.families())
    }

    /// Everything that was counted up to now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { at: ambient::now(), families: self.families() }
    }

    fn families(&self) -> Vec<Family> {
        let mut series = Revisions::default();
        let table = self.table();
        let mut deployments: Vec<_> = table.deployments().collect();
        deployments.sort_by_key(|deployment| deployment.id());
        for deployment in deployments {
            series.add(&self.labels(deployment), deployment);
        }
        series.add_others(self);
        let mut families = self.own_families();
        families.extend(series.families());
        families
    }

    /// What a deployment is called in every series of it.
    fn labels<B>(&self, deployment: &Deployment<B>) -> Labels {
        let selector = deployment.binding().tenant_selector.as_ref();
        let tenant = selector.map(|selector| selector.tenant.to_string());
        let team = selector.and_then(|selector| selector.team.as_ref()).map(ToString::to_string);
        vec![
            ("environment", self.environment_id().to_string()),
            ("customer", deployment.customer_id().to_string()),
            ("tenant", tenant.unwrap_or_default()),
            ("team", team.unwrap_or_default()),
            ("bundle", deployment.bundle_id().to_string()),
            ("deployment", deployment.id().to_string()),
        ]
    }

    /// What is counted of the process as a whole.
    fn own_families(&self) -> Vec<Family> {
        let since = self.began();
        let gauge = |value| Points::Gauges(vec![Point { labels: Vec::new(), since, value }]);
        let counter = |value| Points::Counters(vec![Point { labels: Vec::new(), since, value }]);
        let build = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        let pins = &self.sessions().pins;
        let unrouted = self.unrouted().counts();
        let mut families = vec![
            Family {
                name: "greentic_build_info",
                help: "1, for this version of gtc.",
                unit: "1",
                points: Points::Gauges(vec![Point { labels: build, since, value: 1.0 }]),
            },
            Family {
                name: "greentic_commit_sequence",
                help: "The newest commit of the environment that is served.",
                unit: "1",
                points: gauge(float(self.progress().0)),
            },
            Family {
                name: "greentic_http_requests_held",
                help: "Requests that wait for a paused deployment to go on.",
                unit: "{request}",
                points: gauge(float(self.hold().count() as u64)),
            },
            Family {
                name: "greentic_http_requests_unrouted_total",
                help: "Requests that no revision answered, by the class of their status.",
                unit: "{request}",
                points: Points::Counters(by_class(&[], since, &unrouted).collect()),
            },
            Family {
                name: "greentic_session_pins",
                help: "Sessions named by applications whose revision this process remembers.",
                unit: "{session}",
                points: gauge(float(pins.held() as u64)),
            },
            Family {
                name: "greentic_session_pins_unanswered_total",
                help: "Requests whose shared pin did not come in time, and that went where their \
                       slot is.",
                unit: "{request}",
                points: counter(pins.unanswered()),
            },
        ];
        families.push(certificates::family(self.certificates(), ambient::now(), since));
        let dropped = self.recorder().map(|recorder| recorder.dropped());
        let Dropped { lines, spans } = dropped.unwrap_or_default();
        families.extend(lines.map(|lines| Family {
            name: "greentic_access_log_dropped_total",
            help: "Lines of the access log that could not be written.",
            unit: "{line}",
            points: counter(lines),
        }));
        families.extend(spans.map(|spans| Family {
            name: "greentic_spans_dropped_total",
            help: "Spans that the collector did not take in time.",
            unit: "{span}",
            points: counter(spans),
        }));
        families
    }
}

impl Revisions {
    fn add(&mut self, labels: &Labels, deployment: &Deployment<Arc<Backend>>) {
        let mut has_series = false;
        for live in deployment.revisions() {
            has_series |= self.add_revision(labels, live, deployment.weight(live.revision_id));
        }
        if let (true, Some(generation)) = (has_series, deployment.split_generation()) {
            let (labels, since) = (labels.clone(), Timestamp::UNIX_EPOCH);
            self.generations.push(Point { labels, since, value: float(generation) });
        }
    }

    /// False if it has no series of its own.
    fn add_revision(&mut self, labels: &Labels, live: &Live<Arc<Backend>>, weight: u16) -> bool {
        let backend = &live.backend;
        let since = backend.since;
        let in_flight = backend.in_flight.count();
        let of =
            [("revision", live.revision_id.to_string()), ("sequence", live.sequence.to_string())];
        let labels = [&labels[..], &of].concat();
        let mut has_series = false;
        for (pack, counts) in backend.meters.series() {
            has_series = true;
            let labels = [&labels[..], &[("pack", pack.to_owned())]].concat();
            self.requests.extend(by_class(&labels, since, &counts));
            self.durations.push(Point { labels, since, value: counts });
        }
        if !has_series {
            self.others_in_flight += in_flight;
            return false;
        }
        let value = float(in_flight as u64);
        self.in_flight.push(Point { labels: labels.clone(), since, value });
        if let Some(shadow) = backend.tally.status() {
            self.add_shadow(&labels, since, &shadow);
        }
        self.weights.push(Point { labels, since, value: f64::from(weight) / 10_000.0 });
        true
    }

    fn add_shadow(&mut self, labels: &Labels, since: Timestamp, shadow: &ShadowStatus) {
        let point = |name, (value, count): (&str, u64)| {
            let labels = [&labels[..], &[(name, value.to_owned())]].concat();
            Point { labels, since, value: count }
        };
        let results = [
            ("same", shadow.same),
            ("different", shadow.different),
            ("failed", shadow.failed),
            ("skipped", shadow.skipped),
        ];
        self.shadows.extend(results.map(|result| point("result", result)));
        let parts = [("status", shadow.status), ("headers", shadow.headers), ("body", shadow.body)];
        self.differences.extend(parts.map(|part| point("part", part)));
    }

    /// All that have no series of their own. It is there once there was one, for good: a counter
    /// that vanishes is one that begins anew.
    fn add_others(&mut self, plane: &Plane) {
        let counts = plane.budget().other();
        if counts.requests() == 0 && self.others_in_flight == 0 {
            return;
        }
        let since = plane.began();
        let names = ["customer", "tenant", "team", "bundle", "deployment", "revision", "sequence"];
        let environment = ("environment", plane.environment_id().to_string());
        let others = names.map(|name| (name, OTHER.to_owned()));
        let labels: Labels = [environment].into_iter().chain(others).collect();
        let value = float(self.others_in_flight as u64);
        self.in_flight.push(Point { labels: labels.clone(), since, value });
        let labels = [&labels[..], &[("pack", OTHER.to_owned())]].concat();
        self.requests.extend(by_class(&labels, since, &counts));
        self.durations.push(Point { labels, since, value: counts });
    }

    fn families(self) -> [Family; 7] {
        [
            Family {
                name: "greentic_http_requests_total",
                help: "Requests answered by a revision, by the class of their status.",
                unit: "{request}",
                points: Points::Counters(self.requests),
            },
            Family {
                name: "greentic_http_request_duration_seconds",
                help: "From the head of a request to the head of its answer.",
                unit: "s",
                points: Points::Histograms(self.durations),
            },
            Family {
                name: "greentic_http_requests_in_flight",
                help: "Requests that a revision is answering.",
                unit: "{request}",
                points: Points::Gauges(self.in_flight),
            },
            Family {
                name: "greentic_traffic_weight_ratio",
                help: "The share of new sessions that a revision is given, 0 to 1.",
                unit: "1",
                points: Points::Gauges(self.weights),
            },
            Family {
                name: "greentic_traffic_generation",
                help: "The generation of a deployment's traffic split.",
                unit: "1",
                points: Points::Gauges(self.generations),
            },
            Family {
                name: "greentic_shadow_requests_total",
                help: "Requests that a revision answered only to be compared, by what came of it.",
                unit: "{request}",
                points: Points::Counters(self.shadows),
            },
            Family {
                name: "greentic_shadow_differences_total",
                help: "What differed in the answers of a shadow; one answer may differ in several ways.",
                unit: "{answer}",
                points: Points::Counters(self.differences),
            },
        ]
    }
}

fn by_class(
    labels: &[(&'static str, String)],
    since: Timestamp,
    counts: &Counts,
) -> impl Iterator<Item = Point<u64>> {
    let classes = CLASSES.into_iter().zip(counts.classes);
    classes.map(move |(class, value)| {
        let labels = [labels, &[("code", class.to_owned())]].concat();
        Point { labels, since, value }
    })
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
const fn float(count: u64) -> f64 {
    count as f64
}
