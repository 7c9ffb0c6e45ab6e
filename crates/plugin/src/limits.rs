//! What a component may cost.

use std::time::Duration;

/// Bounds on a component and on each call of it.
///
/// The defaults are what every verb uses; tests make them smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the component: 8 MiB, because nothing stops a compiler once it has begun.
    pub component_bytes: usize,
    /// Bytes of all its memories together: 64 MiB.
    pub memory_bytes: usize,
    /// Instructions of one call, counted by the engine: 1 000 million, about a second.
    pub fuel: u64,
    /// How long one call may take, waiting included: 5 s.
    pub deadline: Duration,
    /// Bytes that one call may give back to the host, WASI's calls included: 1 MiB.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component_bytes: 8 << 20,
            memory_bytes: 64 << 20,
            fuel: 1_000_000_000,
            deadline: Duration::from_secs(5),
            output_bytes: 1 << 20,
        }
    }
}
