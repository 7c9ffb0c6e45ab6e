//! What was counted, as cumulative sums and histograms.

use deploy_spec::Timestamp;
use meter::{BOUNDS_US, Counts};

use super::proto::Message;
use super::{Origin, nanoseconds, put};

const CUMULATIVE: u64 = 2;

/// What was counted up to one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The moment.
    pub at: Timestamp,
    /// What was counted.
    pub families: Vec<Family>,
}

/// One metric.
#[derive(Debug, Clone)]
pub struct Family {
    /// What Prometheus calls it; it says the unit.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// The unit as UCUM has it: `s`, `{request}`, `1`.
    pub unit: &'static str,
    /// Its series.
    pub points: Points,
}

/// The series of one metric, by its kind.
#[derive(Debug, Clone)]
pub enum Points {
    /// They only grow.
    Counters(Vec<Point<u64>>),
    /// They are what they are now.
    Gauges(Vec<Point<f64>>),
    /// How long requests took, in seconds.
    Histograms(Vec<Point<Counts>>),
}

/// One series.
#[derive(Debug, Clone)]
pub struct Point<T> {
    /// What tells it from the others of its metric.
    pub labels: Vec<(&'static str, String)>,
    /// Since when it counts.
    pub since: Timestamp,
    /// What it has come to.
    pub value: T,
}

impl Points {
    /// How many series there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Counters(points) => points.len(),
            Self::Gauges(points) => points.len(),
            Self::Histograms(points) => points.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

pub(super) fn metrics(origin: &Origin, snapshot: &Snapshot) -> Vec<u8> {
    let at = nanoseconds(snapshot.at);
    let families = snapshot.families.iter().filter(|family| !family.points.is_empty());
    let mut message = Message::default();
    message.message(1, |resource_metrics| {
        origin.write(resource_metrics, 2, |scope_metrics| {
            families.for_each(|family| {
                scope_metrics.message(2, |metric| put_family(metric, family, at));
            });
        });
    });
    message.into_bytes()
}

fn put_family(metric: &mut Message, family: &Family, at: u64) {
    let Family { name, help, unit, points } = family;
    metric.bytes(1, name.as_bytes()).bytes(2, help.as_bytes()).bytes(3, unit.as_bytes());
    match points {
        Points::Gauges(points) => metric.message(5, |gauge| {
            put_points(gauge, points, at, |number, value| {
                number.double(4, *value);
            });
        }),
        Points::Counters(points) => metric.message(7, |sum| {
            put_points(sum, points, at, |number, value| {
                number.fixed64(6, *value);
            });
            sum.number(2, CUMULATIVE).number(3, 1);
        }),
        Points::Histograms(points) => metric.message(9, |histogram| {
            put_histograms(histogram, points, at);
            histogram.number(2, CUMULATIVE);
        }),
    };
}

fn put_points<T>(
    data: &mut Message,
    points: &[Point<T>],
    at: u64,
    put_value: impl Fn(&mut Message, &T),
) {
    for point in points {
        data.message(1, |number| {
            number.fixed64(2, nanoseconds(point.since)).fixed64(3, at);
            put_value(number, &point.value);
            put_labels(number, 7, point);
        });
    }
}

fn put_histograms(data: &mut Message, points: &[Point<Counts>], at: u64) {
    let bounds = || BOUNDS_US.iter().map(|bound| (float(*bound) / 1e6).to_bits());
    for point in points {
        let counts = &point.value;
        data.message(1, |histogram| {
            histogram
                .fixed64(2, nanoseconds(point.since))
                .fixed64(3, at)
                // Of the same reading as the buckets, so that they agree.
                .fixed64(4, counts.buckets.iter().sum())
                .double(5, float(counts.sum_us) / 1e6)
                .packed(6, counts.buckets.into_iter())
                .packed(7, bounds());
            put_labels(histogram, 9, point);
        });
    }
}

/// What is empty says nothing.
fn put_labels<T>(message: &mut Message, field: u64, point: &Point<T>) {
    for (name, value) in point.labels.iter().filter(|(_, value)| !value.is_empty()) {
        put(message, field, &format!("greentic.{name}"), value.as_str());
    }
}

#[expect(clippy::cast_precision_loss, reason = "sums are told in floating point")]
const fn float(count: u64) -> f64 {
    count as f64
}
