//! The settings of the component engine.
//!
//! Measured (see the wasm notes of the project): pooling with `PAGEMAP_SCAN` and resident memory,
//! and no support for concurrent (0.3) components in an engine that runs 0.2 ones, make a fresh
//! instance per request nearly as cheap as a reused one.

use deploy_spec::Fault;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// The most linear memory that a pack may be given, in bytes: `limits.memory_mb` ends at 256.
const MEMORY_MAX: usize = 256 << 20;

/// How much of a memory or table stays resident in a free slot, in bytes; what is beyond is given
/// back to the system. A guest of ordinary size touches less.
const RESIDENT: usize = 1 << 20;

/// An engine with a pool of so many instances, or of half as many, or of half of that: some kernels
/// have no more address space than 39 bits.
pub(super) fn engine(instances: u32) -> Result<Engine, Fault> {
    if instances == 0 {
        return Err(Fault::invalid("an engine has at least one instance"));
    }
    let mut number = instances;
    loop {
        match reserve(number) {
            Ok(engine) => return Ok(engine),
            Err(fault) if number == 1 => return Err(fault),
            Err(fault) => {
                number /= 2;
                tracing::warn!(%fault, number, "fewer component instances are tried");
            }
        }
    }
}

fn reserve(instances: u32) -> Result<Engine, Fault> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .concurrency_support(false)
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
    Engine::new(&config).map_err(|error| {
        Fault::unavailable(format!("cannot reserve {instances} component instances: {error:#}"))
            .hint("allow more address space (ulimit -v unlimited)")
    })
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(8))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
        .total_stacks(instances)
        .max_memory_size(MEMORY_MAX)
        .linear_memory_keep_resident(RESIDENT)
        .table_keep_resident(RESIDENT)
        .async_stack_keep_resident(64 << 10);
    // Linux 6.7 and later; without it slots are reset by memset and madvise.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes);
    }
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_space_that_is_too_small_for_all_has_fewer_instances() {
        // 400 TiB, of 128 that a process has on x86-64 and 256 on ARM.
        let all = 100_000;
        reserve(all).unwrap_err();
        engine(all).unwrap();
    }
}
