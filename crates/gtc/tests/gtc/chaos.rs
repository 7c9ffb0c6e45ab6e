//! Everything at once: mixed traffic while revisions come and go, workloads crash and misbehave,
//! records break and are mended, Redis goes away, and `gtc start` is upgraded behind its socket.
//!
//! What the laws promise is counted: no request is lost, and none is answered by a revision that was
//! not ready. `cargo xtask chaos` does it for longer.

mod clients;
mod ledger;
mod server;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use harness::{Connection, Redis, looks};
use serde_json::Value;

use crate::managed::begin_serving;
use crate::world::{World, root};
use clients::Clients;
use ledger::Ledger;
use server::Server;

/// How many times the operator does all that an operator does.
const ROUNDS: u32 = 3;
/// Every so many rounds a program crashes: one that does so again and again is started again later and
/// later.
const CRASHES_EVERY: u32 = 8;
/// How long it may take until it is there again.
const COMES_BACK: Duration = Duration::from_secs(60);
/// What the memory of a process may grow by from its second round on, in KiB.
const GROWTH_KIB: u64 = 16 * 1024;

/// A guest of the workload's tests, built.
fn guest(name: &str, triple: &str, file: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("guests");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--target", triple, "--manifest-path"])
        .arg(root().join("crates/workload/tests/guests").join(name).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status();
    assert!(built.unwrap().success(), "is the target {triple} installed?");
    std::fs::read(folder.join(triple).join("release").join(file)).unwrap()
}

/// The environment, who operates it, and what it knows of revisions.
struct Chaos {
    world: World,
    shop: String,
    servers: [Server; 2],
    ledger: Ledger,
    socket: TcpListener,
    serving: Child,
}

impl Chaos {
    fn begin() -> Self {
        let world = World::new();
        world.op("env init", &[]);
        let added = world.op("bundles add", &["shop", "--host", "shop.test", "--path", "/"]);
        let shop = added["deployment_id"].as_str().unwrap().to_owned();
        let servers = [Server::start("blue"), Server::start("green")];
        let ledger = Ledger::default();

        let component = guest("naughty", "wasm32-wasip2", "naughty.wasm");
        let limits = "kind: http-component, path: code, limits: {memory_mb: 16, timeout_ms: 300}";
        single(&world, "wild", limits, &component);
        let triple = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
        let program = guest("server", &triple, "server");
        single(&world, "api", "kind: process, path: code, process: {listen: socket}", &program);
        world.op("bundles update", &["api", "--session", "header:x-user"]);

        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let serving = begin_serving(&world, &socket);
        let mut chaos = Self { world, shop, servers, ledger, socket, serving };
        let first = chaos.next_revision(1);
        chaos.set(&[&format!("{first}=100")]);
        chaos
    }

    fn address(&self) -> String {
        self.socket.local_addr().unwrap().to_string()
    }

    /// Stages and proves the next revision of the shop.
    fn next_revision(&mut self, number: u32) -> String {
        let url = &self.servers[number as usize % 2].url;
        let keys = format!("kind: upstream, url: '{url}', limits: {{timeout_ms: 20000}}");
        let file = bundle(&self.world, "shop", number, &keys, b"");
        let staged = self.world.op("revisions stage", &[&file, "--deployment", "shop"]);
        let id = staged["revision_id"].as_str().unwrap().to_owned();
        self.world.op("revisions warm", &[&id]);
        self.ledger.is_ready(&id);
        format!("r{number}")
    }

    fn set(&self, shares: &[&str]) {
        self.world.set(&self.shop, shares);
    }

    /// From the present revision to the next one, and away with the present one.
    fn roll_out(&mut self, number: u32) {
        let (old, new) = (format!("r{number}"), self.next_revision(number + 1));
        self.world.op("traffic shadow", &[&format!("{new}=50"), "--deployment", "shop"]);
        self.set(&[&format!("{old}=90"), &format!("{new}=10")]);
        self.set(&[&format!("{old}=50"), &format!("{new}=50")]);
        self.world.op("traffic rollback", &["--deployment", "shop"]);
        self.world.op("bundles pause", &["shop"]);
        self.world.op("bundles resume", &["shop"]);
        self.set(&[&format!("{new}=100")]);
        self.world.op("traffic unshadow", &["--deployment", "shop"]);
        let handle = format!("shop/{old}");
        self.world.op("revisions drain", &[&handle]);
        let shown = self.until(&handle, "inactive");
        self.ledger.is_over(shown["revision"]["revision_id"].as_str().unwrap());
        self.world.op("revisions archive", &[&handle]);
    }

    fn until(&self, revision: &str, lifecycle: &str) -> Value {
        for () in looks() {
            let shown = self.world.op("revisions show", &["local", revision]);
            if shown["revision"]["lifecycle"] == lifecycle {
                return shown;
            }
        }
        panic!("{revision} never was {lifecycle}");
    }

    /// The program ends in the middle of a request, and is there again by itself.
    fn crash_a_program(&self) {
        let ask = |path: &str| {
            let mut connection = Connection::open(&self.address()).unwrap();
            connection.ask("api.test", path, "x-user: me\r\n").map_or(0, |answer| answer.status)
        };
        assert_eq!(ask("/crash"), 502);
        let over = Instant::now() + COMES_BACK;
        while ask("/") != 200 {
            assert!(Instant::now() < over, "it never came back");
        }
    }

    /// A record is written over by somebody; what was served is served, and once the record is as it
    /// was, it obeys again.
    fn break_a_record(&self) {
        let folder = self.world.gtc.store_root().join("local/deployments");
        let file = folder.join(format!("{}.json", self.shop));
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, b"{\"schema\": ").unwrap();
        let (code, said) =
            self.world.refused(&["op", "traffic", "show", "--deployment", &self.shop], "");
        assert_eq!(code, 6, "{said}");
        // Somebody else's change makes the data plane look.
        self.world.op("config set", &["local", "colour=red"]);
        std::fs::write(&file, whole).unwrap();
        self.world.op("traffic show", &["--deployment", &self.shop]);
    }

    /// The service is stopped and begun again; who knocks meanwhile waits at the socket.
    fn upgrade(&mut self) {
        let told = Command::new("kill").arg(self.serving.id().to_string()).status();
        assert!(told.unwrap().success());
        assert!(self.serving.wait().unwrap().success());
        self.serving = begin_serving(&self.world, &self.socket);
    }

    /// What the process holds itself, in KiB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.serving.id()));
        let status = status.unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        let _ = self.serving.kill();
        let _ = self.serving.wait();
    }
}

/// A bundle of one pack.
fn bundle(world: &World, name: &str, version: u32, keys: &str, code: &[u8]) -> String {
    let folder: PathBuf = world.folder.path().join(format!("{name}-{version}"));
    std::fs::create_dir_all(&folder).unwrap();
    if !code.is_empty() {
        std::fs::write(folder.join("code"), code).unwrap();
    }
    let manifest = format!(
        "schema: greentic.bundle.v1\nbundle_id: {name}\nversion: {version}.0.0\ndrain_seconds: 4\n\
         packs:\n- {{pack_id: web, {keys}}}\n"
    );
    std::fs::write(folder.join("bundle.yaml"), manifest).unwrap();
    let file = world.file(&format!("{name}-{version}.gtbundle"));
    world.gtc.run(&["bundle", "build", folder.to_str().unwrap(), "--output", &file]).unwrap();
    file
}

/// A deployment of one revision, which has all the traffic.
fn single(world: &World, name: &str, keys: &str, code: &[u8]) {
    let host = format!("{name}.test");
    let added = world.op("bundles add", &[name, "--host", &host, "--path", "/"]);
    let file = bundle(world, name, 1, keys, code);
    world.op("revisions stage", &[&file, "--deployment", name]);
    world.op("revisions warm", &[&format!("{name}/r1")]);
    world.set(added["deployment_id"].as_str().unwrap(), &["r1=100"]);
}

/// As many rounds as whoever runs it wants.
#[expect(clippy::disallowed_methods, reason = "no program, but a test, is told by its environment")]
fn rounds() -> u32 {
    let rounds = std::env::var("GREENTIC_CHAOS_ROUNDS").ok();
    rounds.map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"))
}

#[test]
fn nothing_is_lost_while_everything_happens() {
    let rounds = rounds();
    let mut redis = Redis::start(&[]).unwrap();
    let mut chaos = Chaos::begin();
    let url = format!("url={}", redis.url());
    let bind = ["sessions", "--kind", "greentic.sessions.redis@0.1.0", "--answer", &url];
    chaos.world.op("env-packs update", &bind);
    let mut clients = Clients::start(&chaos.address(), &chaos.ledger);

    let (mut number, mut settled) = (1, 0);
    for round in 0..rounds {
        let mut roll_out = |chaos: &mut Chaos| {
            chaos.roll_out(number);
            number += 1;
        };
        roll_out(&mut chaos);
        if round % CRASHES_EVERY == 0 {
            chaos.crash_a_program();
        }
        redis.stop().unwrap();
        chaos.break_a_record();
        roll_out(&mut chaos);
        redis.start_again().unwrap();
        clients.all_did_something_more();
        // The process is new in the first round, and what it keeps ready fills up.
        match round {
            0 => chaos.upgrade(),
            1 => settled = chaos.memory(),
            _ => {}
        }
    }
    let grown = chaos.memory().saturating_sub(settled);
    let told = clients.stop();
    println!("{told:#?}\n{rounds} rounds, {grown} KiB more than after the second");
    for client in &told {
        assert!(client.lost.is_empty(), "{}: {client:#?}", client.name);
        assert!(client.done > 0, "{}: {client:#?}", client.name);
    }
    assert!(rounds < 3 || grown < GROWTH_KIB, "{grown} KiB more than after the second round");
    chaos.world.gtc.run(&["doctor"]).unwrap();
}
