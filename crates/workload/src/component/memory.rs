//! The memory limit of one instance.

use wasmtime::ResourceLimiter;

/// How many elements a table may have: enough for any compiled program, 160 kB of pointers.
const TABLE_MAX: usize = 20_000;

/// Counts the linear memory of one instance, all its memories together, however many requests it serves.
pub(super) struct MemoryLimit {
    left_bytes: usize,
    /// Whether the guest asked for more than it may have.
    pub(super) was_denied: bool,
}

impl MemoryLimit {
    pub(super) const fn new(megabytes: u32) -> Self {
        Self { left_bytes: (megabytes as usize) << 20, was_denied: false }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let left = self.left_bytes.checked_sub(desired.saturating_sub(current));
        match left {
            Some(left) => self.left_bytes = left,
            None => self.was_denied = true,
        }
        Ok(left.is_some())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_MAX)
    }
}
