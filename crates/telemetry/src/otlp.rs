//! Traces and metrics for a collector: OTLP over HTTP, as protobuf
//! (<https://opentelemetry.io/docs/specs/otlp>). The numbers of fields are those of
//! <https://github.com/open-telemetry/opentelemetry-proto>, release 1.5.

mod collector;
mod exporter;
mod metrics;
mod proto;
mod spans;

use deploy_spec::{EnvironmentId, Timestamp};

pub use collector::Collector;
pub use exporter::{Exporter, Settings};
pub use metrics::{Family, Point, Points, Snapshot};

use proto::Message;

/// Who sends: this process.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Whose data plane it is.
    pub environment: EnvironmentId,
    /// What tells it from every other process: 128 random bits.
    pub instance: u128,
    /// Which version of the program it is.
    pub version: &'static str,
}

impl Origin {
    /// The resource, in a message whose first field it is; and the scope.
    fn write(&self, message: &mut Message, scope: u64, write: impl FnOnce(&mut Message)) {
        let instance = format!("{:032x}", self.instance);
        message.message(1, |resource| {
            put(resource, 1, "service.name", "gtc");
            put(resource, 1, "service.version", self.version);
            put(resource, 1, "service.instance.id", &*instance);
            put(resource, 1, "greentic.environment", self.environment.as_str());
        });
        message.message(scope, |scoped| {
            scoped.message(1, |scope| {
                scope.bytes(1, b"greentic").bytes(2, self.version.as_bytes());
            });
            write(scoped);
        });
    }
}

/// What an attribute holds.
enum Value<'v> {
    Text(&'v str),
    Number(u64),
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

/// Writes an attribute (`KeyValue`) as this field.
fn put<'v>(message: &mut Message, field: u64, key: &str, value: impl Into<Value<'v>>) {
    message.message(field, |pair| {
        pair.bytes(1, key.as_bytes()).message(2, |held| {
            match value.into() {
                Value::Text(text) => held.bytes(1, text.as_bytes()),
                Value::Number(number) => held.number(3, number),
            };
        });
    });
}

/// Nanoseconds since 1970; nothing here is before that or after 2554.
fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or(0)
}
