//! What one instance holds on the host's side.

use std::any::Any;
use std::sync::Arc;

use serde_json::Value;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, Network};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_config::{WasiConfig, WasiConfigVariables};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::egress::Egress;
use super::log::GuestLog;
use super::memory::MemoryLimit;
use super::respond::Shared;
use crate::engine::Given;

/// How many host objects that belong to no request an instance may hold between two.
const LASTING_MAX: usize = 16;

/// How many host objects there is room for at first: more than most requests need at once.
const OBJECTS: usize = 16;

/// How many host objects (streams, headers, timers) an instance may hold at once.
const OBJECTS_MAX: usize = 4_096;

/// The most that one set of headers may take, in bytes.
const HEADERS_MAX: usize = 64 << 10;

/// The most random bytes in one call.
const RANDOM_MAX: u64 = 1 << 20;

/// Shorter secrets are not masked: they stand in innocent lines by chance.
const MASKED_MIN: usize = 6;

/// What a bundle was given, as its instances use it.
pub(crate) struct Granted {
    /// What the log calls it.
    pub(crate) name: String,
    variables: WasiConfigVariables,
    /// What it may not print, the longest first.
    masked: Vec<String>,
}

impl Granted {
    pub(crate) fn new(given: &Given) -> Self {
        let secrets = given.secrets.iter().filter_map(|name| given.config.get(name));
        let mut masked: Vec<String> =
            secrets.map(text).filter(|secret| secret.len() >= MASKED_MIN).collect();
        masked.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let config = given.config.iter();
        let variables = config.map(|(name, value)| (name.clone(), text(value))).collect();
        Self { name: given.name.clone(), variables, masked }
    }

    /// A line without the secrets that stand in it.
    pub(crate) fn masked(&self, line: String) -> String {
        let hide = |line: String, secret: &String| match line.contains(secret.as_str()) {
            true => line.replace(secret.as_str(), "[secret]"),
            false => line,
        };
        self.masked.iter().fold(line, hide)
    }
}

/// A value of the configuration as workloads read it.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What an instance sees besides HTTP.
struct World {
    ctx: WasiCtx,
    printed: [GuestLog; 2],
}

/// The state of one instance.
pub(super) struct Guest {
    table: ResourceTable,
    /// Made when the guest first asks for something of it: many never do.
    wasi: Option<World>,
    http: WasiHttpCtx,
    egress: Egress,
    pub(super) memory: MemoryLimit,
}

impl Guest {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let mut table = ResourceTable::with_capacity(OBJECTS);
        table.set_max_capacity(OBJECTS_MAX);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HEADERS_MAX);
        let memory = MemoryLimit::new(shared.limits.memory_mb);
        Self { table, wasi: None, http, egress: Egress(shared), memory }
    }

    /// Forgets the instance that could not be made, and keeps its request.
    pub(super) fn begin_anew(&mut self) {
        self.memory = MemoryLimit::new(self.egress.0.limits.memory_mb);
    }

    /// Ends what belongs to the request that was served, and says whether nothing of it is left: then
    /// the instance may serve another one.
    ///
    /// What is left is seen by its type. The streams of a body are children of the body in the table,
    /// which cannot be removed before them, so that a stream beside which there is no body is standard
    /// input or output; and what a pollable waits for is its parent.
    pub(super) fn is_done_with_its_request(&mut self) -> bool {
        if let Some(world) = &self.wasi {
            world.printed.iter().for_each(GuestLog::end_request);
        }
        let mut lasting = 0;
        let is_lasting = |object: &mut (dyn Any + Send)| {
            lasting += 1;
            object.is::<DynOutputStream>()
                || object.is::<DynInputStream>()
                || object.is::<DynPollable>()
                || object.is::<Network>()
        };
        let is_done = self.table.iter_mut().all(is_lasting) && lasting <= LASTING_MAX;
        if !is_done {
            let (pack, revision) = (&self.egress.0.pack_id, &self.egress.0.given.name);
            tracing::debug!(revision, %pack, "instance not reused: it holds on to its request");
        }
        is_done && !self.memory.was_denied
    }

    pub(super) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    pub(super) fn config(&mut self) -> WasiConfig<'_> {
        WasiConfig::new(&self.egress.0.given.variables)
    }
}

impl World {
    /// No arguments, environment, files or sockets; what is printed goes to the log.
    fn closed(shared: &Arc<Shared>) -> Self {
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| GuestLog::new(shared, name));
        let ctx = WasiCtx::builder()
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .max_random_size(RANDOM_MAX)
            .build();
        Self { ctx, printed: [stdout, stderr] }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let world = self.wasi.get_or_insert_with(|| World::closed(&self.egress.0));
        WasiCtxView { ctx: &mut world.ctx, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.egress, table: &mut self.table, ctx: &mut self.http }
    }
}
