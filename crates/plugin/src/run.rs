//! One call in one fresh instance, within the limits, and what becomes of one that goes beyond.

use std::sync::mpsc;
use std::thread::Builder;
use std::time::Duration;

use deploy_spec::Fault;
use wasmtime::{Engine, Store, Trap};

use self::bindings::{EnvPack, EnvPackPre};
use crate::guest::Guest;
use crate::host::bad;
use crate::limits::Limits;

pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "env-pack",
        exports: { default: async },
    });
}

/// How often a guest that is late is told to stop.
const TICK: Duration = Duration::from_millis(10);

/// Runs `ask` with a fresh instance.
pub(crate) fn call<T>(
    name: &str,
    engine: &Engine,
    limits: &Limits,
    pre: &EnvPackPre<Guest>,
    ask: impl AsyncFnOnce(&EnvPack, &mut Store<Guest>) -> wasmtime::Result<T>,
) -> Result<T, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Fault::unavailable(format!("a runtime cannot be started: {error}")))?;
    let mut store = store(engine, limits)
        .map_err(|error| Fault::internal(format!("cannot limit an env-pack: {error:#}")))?;
    let within = std::thread::scope(|scope| {
        let (ended, watched) = mpsc::channel();
        let watch = move || watch(engine, limits.deadline, &watched);
        let watching = Builder::new().name("env-pack-clock".to_owned()).spawn_scoped(scope, watch);
        watching.map_err(|error| {
            Fault::unavailable(format!("cannot start the thread that limits env-packs: {error}"))
        })?;
        let within = runtime.block_on(async {
            tokio::time::timeout(limits.deadline, async {
                let pack = pre.instantiate_async(&mut store).await?;
                ask(&pack, &mut store).await
            })
            .await
        });
        drop(ended);
        Ok(within)
    })?;
    match within {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(error)) => Err(bad(name, &why(&error, store.data(), limits))),
        Err(_) => Err(bad(name, &format!("it took longer than {:?}", limits.deadline))),
    }
}

/// Makes a guest that is late give way, so that the clock can be looked at: a single instruction may
/// fill all its memory, so that counting them bounds no time. Returns once the call has ended.
fn watch(engine: &Engine, deadline: Duration, ended: &mpsc::Receiver<()>) {
    let mut wait = deadline;
    while ended.recv_timeout(wait) == Err(mpsc::RecvTimeoutError::Timeout) {
        engine.increment_epoch();
        wait = TICK;
    }
}

fn store(engine: &Engine, limits: &Limits) -> wasmtime::Result<Store<Guest>> {
    let mut store = Store::new(engine, Guest::new(limits.memory_bytes));
    store.limiter(|guest| guest);
    store.set_fuel(limits.fuel)?;
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    // What it gives back is copied out of its memory, and one piece of memory can be named often.
    store.set_hostcall_fuel(limits.output_bytes);
    Ok(store)
}

fn why(error: &wasmtime::Error, guest: &Guest, limits: &Limits) -> String {
    if guest.was_denied {
        let most = limits.memory_bytes >> 20;
        return format!("it asked for more than {most} MiB of memory");
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => {
            format!("it ran for more than {} instructions without an answer", limits.fuel)
        }
        Some(trap) => format!("it failed: {trap}"),
        // The outermost context tells of frames; what went wrong is innermost.
        None => format!("it failed: {}", error.root_cause()),
    }
}
