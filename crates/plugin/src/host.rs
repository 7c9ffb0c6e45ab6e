//! From the bytes of a component to one that can be asked.

use deploy_spec::Fault;
use env_pack::Objection;
use serde_json::{Map, Value};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, OptLevel};

use crate::describe::{Described, describe};
use crate::guest::Guest;
use crate::limits::Limits;
use crate::objections;
use crate::run::{bindings::EnvPackPre, call};

/// How deep a component may recurse, in bytes of stack.
const STACK_BYTES: usize = 512 << 10;

/// The engine that components of env-packs run in. Making one takes about a millisecond.
pub struct Host {
    engine: Engine,
    linker: Linker<Guest>,
    limits: Limits,
}

/// A component that was compiled and offers what an env-pack must.
pub struct Plugin {
    name: String,
    engine: Engine,
    limits: Limits,
    pre: EnvPackPre<Guest>,
}

impl Host {
    /// An engine with these limits.
    ///
    /// # Errors
    /// `internal` when the engine cannot be made on this machine.
    pub fn new(limits: Limits) -> Result<Self, Fault> {
        let failed = |error: wasmtime::Error| {
            Fault::internal(format!("cannot run env-packs from elsewhere: {error:#}"))
        };
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .concurrency_support(false)
            .consume_fuel(true)
            .epoch_interruption(true)
            .max_wasm_stack(STACK_BYTES)
            .async_stack_size(STACK_BYTES + (512 << 10))
            // It runs for a moment and is compiled each time.
            .cranelift_opt_level(OptLevel::None);
        let engine = Engine::new(&config).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(failed)?;
        Ok(Self { engine, linker, limits })
    }

    /// Compiles a component, which messages call `name`.
    ///
    /// # Errors
    /// `invalid-input` when it is too large or no component, imports something besides WASI 0.2, or
    /// does not export `greentic:env-pack/pack@0.1.0`.
    pub fn open(&self, name: &str, bytes: &[u8]) -> Result<Plugin, Fault> {
        let most = self.limits.component_bytes;
        if bytes.len() > most {
            let size = bytes.len();
            return Err(bad(name, &format!("it has {size} bytes, and {most} are the most")));
        }
        // Text would be compiled as well, and a pack is pinned by what it is, not by its spelling.
        if !bytes.starts_with(b"\0asm") {
            return Err(no_component(name, "it does not begin as WebAssembly does"));
        }
        let component = Component::from_binary(&self.engine, bytes)
            .map_err(|error| no_component(name, &format!("{error:#}")))?;
        let pre = self.linker.instantiate_pre(&component).map_err(|error| {
            bad(name, &format!("it imports what it cannot have: {error:#}"))
                .hint("an env-pack may import WASI 0.2 and nothing else")
        })?;
        let pre = EnvPackPre::new(pre).map_err(|error| {
            bad(name, &format!("it does not export greentic:env-pack/pack@0.1.0: {error:#}"))
                .hint("build it for the world `env-pack` of crates/plugin/wit/env-pack.wit")
        })?;
        let (name, engine) = (name.to_owned(), self.engine.clone());
        Ok(Plugin { name, engine, limits: self.limits, pre })
    }
}

impl Plugin {
    /// What it says of itself.
    ///
    /// # Errors
    /// `invalid-input` when it fails, goes beyond a limit, or says what cannot be; the message
    /// names it. Not to be called from within a runtime.
    pub fn describe(&self) -> Result<Described, Fault> {
        let said = call(&self.name, &self.engine, &self.limits, &self.pre, async |pack, store| {
            pack.greentic_env_pack_pack().call_describe(store).await
        })?;
        describe(&self.name, &said)
    }

    /// All that it finds wrong with the answers of its binding; pointers are those of the binding.
    ///
    /// # Errors
    /// As [`Plugin::describe`].
    pub fn check(&self, answers: &Map<String, Value>) -> Result<Vec<Objection>, Fault> {
        let settings = objections::settings(&self.name, answers)?;
        let said = call(&self.name, &self.engine, &self.limits, &self.pre, async |pack, store| {
            pack.greentic_env_pack_pack().call_check(store, &settings).await
        })?;
        let said = said.into_iter().map(|objection| (objection.pointer, objection.message));
        objections::read(&self.name, said.collect())
    }
}

/// A pack that cannot be used.
pub(crate) fn bad(name: &str, why: &str) -> Fault {
    Fault::invalid(format!("the env-pack `{name}` cannot be used: {why}"))
}

fn no_component(name: &str, why: &str) -> Fault {
    bad(name, &format!("it is no component: {why}"))
        .hint("build it as a component, for example with `cargo build --target wasm32-wasip2`")
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("name", &self.name).finish_non_exhaustive()
    }
}
