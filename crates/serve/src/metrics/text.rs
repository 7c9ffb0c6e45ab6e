//! The text format of Prometheus.

use meter::{BOUNDS_US, Counts};
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use prometheus::{Encoder as _, TextEncoder};
use telemetry::{Family, Point, Points};

pub(super) fn of(families: &[Family]) -> String {
    let families = families.iter().filter(|family| !family.points.is_empty()).map(family);
    let mut out = Vec::new();
    let encoded = TextEncoder::new().encode(&families.collect::<Vec<_>>(), &mut out);
    debug_assert!(encoded.is_ok(), "every family has a name and a metric");
    String::from_utf8(out).unwrap_or_default()
}

fn family(of: &Family) -> MetricFamily {
    let (kind, metrics): (_, Vec<Metric>) = match &of.points {
        Points::Counters(points) => (MetricType::COUNTER, points.iter().map(counter).collect()),
        Points::Gauges(points) => (MetricType::GAUGE, points.iter().map(gauge).collect()),
        Points::Histograms(points) => {
            (MetricType::HISTOGRAM, points.iter().map(durations).collect())
        }
    };
    let mut family = MetricFamily::default();
    family.set_name(of.name.into());
    family.set_help(of.help.into());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn counter(point: &Point<u64>) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(float(point.value));
    let mut metric = labelled(point);
    metric.set_counter(counter);
    metric
}

fn gauge(point: &Point<f64>) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(point.value);
    let mut metric = labelled(point);
    metric.set_gauge(gauge);
    metric
}

fn durations(point: &Point<Counts>) -> Metric {
    let mut metric = labelled(point);
    metric.set_histogram(histogram(&point.value));
    metric
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

fn labelled<T>(point: &Point<T>) -> Metric {
    let pairs = point.labels.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).into());
        pair.set_value(value.clone());
        pair
    });
    let mut metric = Metric::default();
    metric.set_label(pairs.collect());
    metric
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in floating point")]
const fn float(count: u64) -> f64 {
    count as f64
}
