//! What one instance holds on the host's side: an empty world, and a limit on its memory.

use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// How many host objects (streams, timers) an instance may hold at once.
const OBJECTS_MAX: usize = 256;

/// How many elements a table may have: enough for any compiled program.
const TABLE_MAX: usize = 20_000;

/// How many modules, and how many tables, may be put together in one component.
const INSTANCES_MAX: usize = 32;

/// How many memories it may have; each reserves address space before it is used.
const MEMORIES_MAX: usize = 4;

/// The most random bytes in one call.
const RANDOM_MAX: u64 = 64 << 10;

/// The state of one instance.
pub(crate) struct Guest {
    table: ResourceTable,
    wasi: WasiCtx,
    memory_left: usize,
    /// Whether it asked for more memory than it may have.
    pub(crate) was_denied: bool,
}

impl Guest {
    pub(crate) fn new(memory_bytes: usize) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(OBJECTS_MAX);
        // No arguments, environment or files by default; what is printed is dropped.
        let mut world = WasiCtx::builder();
        world.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        let wasi = world.max_random_size(RANDOM_MAX).build();
        Self { table, wasi, memory_left: memory_bytes, was_denied: false }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let left = self.memory_left.checked_sub(desired.saturating_sub(current));
        match left {
            Some(left) => self.memory_left = left,
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

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        INSTANCES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}
