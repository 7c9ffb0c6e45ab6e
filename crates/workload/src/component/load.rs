//! From the bytes of a component to one that is ready to run.

use std::path::PathBuf;
use std::sync::Arc;

use bundle::Archive;
use deploy_spec::{Digest, Fault, InnerPath, Pack, Reuse};
use wasmtime::Engine;
use wasmtime::component::{Component, HasData, Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::io::{error, poll, streams};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::compiled::{CodeCache, version};
use super::guest::{Granted, Guest};
use super::instance::Instance;
use super::pool;
use super::respond::{ComponentPack, Kept, Shared};
use super::shelf::{self, Shelves};
use super::ticker::Ticker;

/// The component engine of a process.
pub(crate) struct Components {
    engine: Engine,
    linker: Linker<Guest>,
    ticker: Arc<Ticker>,
    shelves: Arc<Shelves<Instance>>,
    cache: Option<CodeCache>,
    version: String,
}

impl Components {
    pub(crate) fn new(instances: u32, cache_dir: Option<PathBuf>) -> Result<Self, Fault> {
        let engine = pool::engine(instances)?;
        let linker = linker(&engine).map_err(|error| {
            Fault::internal(format!("cannot offer WASI to components: {error:#}"))
        })?;
        let ticker = Arc::new(Ticker::start(&engine)?);
        let cache = cache_dir.map(CodeCache::open).transpose()?;
        let version = version(&engine);
        let shelves = Arc::new(Shelves::new(shelf::PERIOD));
        Ok(Self { engine, linker, ticker, shelves, cache, version })
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Loads the component of a pack, which is read only when it was not compiled before.
    pub(crate) fn load(
        &self,
        archive: &Archive,
        bundle: &Digest,
        pack: &Pack,
        given: &Arc<Granted>,
    ) -> Result<ComponentPack, Fault> {
        let component = self.component(archive, bundle, pack)?;
        let pre = self.linker.instantiate_pre(&component);
        let pre = pre.map_err(|error| missing_import(pack, &error))?;
        let pre = ProxyPre::new(pre).map_err(|error| missing_export(pack, &error))?;
        let shared = Arc::new(Shared {
            pack_id: pack.pack_id.clone(),
            limits: pack.limits,
            egress: pack.egress.clone(),
            given: Arc::clone(given),
            ticker: Arc::clone(&self.ticker),
        });
        let kept = pack.reuse.map(|reuse| self.kept(reuse)).transpose()?;
        Ok(ComponentPack { pre, shared, kept, shelves: Arc::clone(&self.shelves) })
    }

    fn kept(&self, reuse: Reuse) -> Result<Kept, Fault> {
        let idle = self.shelves.add().map_err(|error| {
            Fault::unavailable(format!(
                "cannot start the thread that drops idle instances: {error}"
            ))
        })?;
        Ok(Kept { idle, requests: reuse.requests })
    }

    /// The compiled component: from the cache, or compiled now and put there.
    fn component(
        &self,
        archive: &Archive,
        bundle: &Digest,
        pack: &Pack,
    ) -> Result<Component, Fault> {
        let path = pack.file()?;
        let read = || archive.read(path.as_str());
        let compile = |bytes: &[u8]| {
            let component = Component::from_binary(&self.engine, bytes);
            component.map_err(|error| not_a_component(pack, &error))
        };
        let Some(cache) = &self.cache else { return compile(&read()?) };
        let place = CodeCache::place(bundle, path, &self.version);
        if let Some(component) = cache.at(&self.engine, &place) {
            return Ok(component);
        }
        let bytes = read()?;
        let key = CodeCache::key(&bytes, &self.version);
        let component = match cache.get(&self.engine, &key) {
            Some(component) => component,
            None => {
                let component = compile(&bytes)?;
                let code = component.serialize();
                cache.put(&key, &code.map_err(|error| not_a_component(pack, &error))?);
                component
            }
        };
        cache.remember(&place, &key);
        Ok(component)
    }
}

/// Everything that a component may import: WASI 0.2 over an empty world, HTTP and configuration.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_config::add_to_linker(&mut linker, Guest::config)?;
    // Streams need the table alone. As they come, each use of one would make the world.
    linker.allow_shadowing(true);
    error::add_to_linker::<_, Table>(&mut linker, Guest::table)?;
    poll::add_to_linker::<_, Table>(&mut linker, Guest::table)?;
    streams::add_to_linker::<_, Table>(&mut linker, Guest::table)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// What `wasi:io` works on.
struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

fn not_a_component(pack: &Pack, error: &wasmtime::Error) -> Fault {
    let (pack_id, path) = (&pack.pack_id, pack.path.as_ref().map_or("", InnerPath::as_str));
    Fault::invalid(format!("pack `{pack_id}`: `{path}` is not a component that can run: {error:#}"))
        .hint("build it as a component, for example with `cargo build --target wasm32-wasip2`")
}

fn missing_import(pack: &Pack, error: &wasmtime::Error) -> Fault {
    let text = format!("{error:#}");
    let import = text.split('`').nth(1).unwrap_or_default().to_owned();
    Fault::invalid(format!("pack `{}` imports what it cannot have: {text}", pack.pack_id))
        .hint("a component may import WASI 0.2, wasi:http 0.2 and wasi:config 0.2.0-rc.1")
        .detail("import", import)
}

fn missing_export(pack: &Pack, error: &wasmtime::Error) -> Fault {
    let pack = &pack.pack_id;
    Fault::invalid(format!("pack `{pack}` does not export wasi:http/incoming-handler: {error:#}"))
        .hint("export `wasi:http/incoming-handler@0.2`, for example with the crate wstd or wasip2")
}
