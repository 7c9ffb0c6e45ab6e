//! The main job, from nothing to a rollback, with nothing faked: real bundles, the real binary,
//! real sockets. It leaves no process and no file behind.

use std::path::{Path, PathBuf};

use harness::{Connection, Folder, Gtc, Prober, Serving, bounds};
use serde_json::Value;

use crate::command::{self, text};
use crate::house::House;

const REQUESTS: u32 = 1_000;

/// Tells the story. `binary` is a `gtc` that was built already; without it one is built.
///
/// # Errors
/// What went otherwise than it should.
pub(crate) fn run(house: &House, binary: Option<&str>) -> Result<(), String> {
    let binary = match binary {
        Some(path) => PathBuf::from(path),
        None => build_gtc(house)?,
    };
    let example = house.root.join("examples/hello");
    command::run(&example, &["sh", "build.sh"])?;
    let folder = Folder::new()?;
    let gtc = Gtc::new(binary, folder.path());
    let story = Story { gtc, example, folder: folder.path().to_owned() };
    story.tell()
}

fn build_gtc(house: &House) -> Result<PathBuf, String> {
    command::run(&house.root, &["cargo", "build", "--locked", "--package", "gtc"])?;
    Ok(house.target.join("debug/gtc"))
}

struct Story {
    gtc: Gtc,
    example: PathBuf,
    folder: PathBuf,
}

/// A deployment and where it answers.
struct Deployed {
    id: String,
    host: &'static str,
    path: &'static str,
}

impl Story {
    fn tell(&self) -> Result<(), String> {
        let bundles = [self.bundle("v1")?, self.bundle("v2")?];
        self.gtc.op("env init", &[])?;
        let hello = self.deploy("hello.localhost", "/")?;
        let others =
            [self.deploy("shop.localhost", "/shop")?, self.deploy("docs.localhost", "/docs")?];
        for other in &others {
            self.ready(other, &bundles[0], 1)?;
            self.set(other, &["r1=100"])?;
        }
        self.ready(&hello, &bundles[0], 1)?;
        self.ready(&hello, &bundles[1], 2)?;
        self.set(&hello, &["r1=99", "r2=1"])?;
        let serving = self.gtc.start(&[])?;
        println!("\nserving three deployments on http://{}\n", serving.address);
        self.split_as_asked(&serving, &hello, &others)?;
        self.shifts(&serving, &hello)?;
        serving.stop()
    }

    fn bundle(&self, version: &str) -> Result<PathBuf, String> {
        let file = self.folder.join(format!("hello-{version}.gtbundle"));
        let built = self.gtc.run(&[
            "bundle",
            "build",
            text(&self.example.join(version))?,
            "--output",
            text(&file)?,
        ])?;
        println!("built {} {}", field(&built, "bundle_id"), field(&built, "version"));
        Ok(file)
    }

    fn deploy(&self, host: &'static str, path: &'static str) -> Result<Deployed, String> {
        let added = self.gtc.op("bundles add", &["hello", "--host", host, "--path", path])?;
        Ok(Deployed { id: field(&added, "deployment_id"), host, path })
    }

    fn ready(&self, of: &Deployed, bundle: &Path, sequence: u32) -> Result<(), String> {
        self.gtc.op("revisions stage", &[text(bundle)?, "--deployment", &of.id])?;
        let revision = format!("r{sequence}");
        self.gtc.op("revisions warm", &[&revision, "--deployment", &of.id])?;
        Ok(())
    }

    fn set(&self, of: &Deployed, shares: &[&str]) -> Result<Value, String> {
        let mut words = vec!["local", "--deployment", &of.id];
        words.extend_from_slice(shares);
        self.gtc.op("traffic set", &words)
    }

    /// 1 000 requests, each a new session, and the neighbours before and after.
    fn split_as_asked(
        &self,
        serving: &Serving,
        hello: &Deployed,
        others: &[Deployed; 2],
    ) -> Result<(), String> {
        let names = self.names(hello)?;
        let mut seen = [0_u32; 2];
        let mut connection = Connection::open(&serving.address)?;
        for _ in 0..REQUESTS {
            let answer = connection.get(hello.host, hello.path)?;
            if answer.status != 200 {
                return Err(format!("a request was answered {}", answer.status));
            }
            let of = names.iter().position(|name| *name == answer.revision);
            seen[of.ok_or("an unknown revision answered")?] += 1;
        }
        println!("{REQUESTS} requests to {}, each a new session:", hello.host);
        println!("{:<10}{:>8}{:>8}{:>28}", "revision", "asked", "seen", "by chance (1e-6 outside)");
        for (i, share) in [0.99, 0.01].into_iter().enumerate() {
            let (low, high) = bounds(REQUESTS, share, 1e-6);
            println!(
                "{:<10}{:>7}%{:>8}{:>28}",
                format!("r{}", i + 1),
                share * 100.0,
                seen[i],
                format!("{low} to {high}")
            );
            if !(low..=high).contains(&seen[i]) {
                return Err(format!("r{} answered {} of {REQUESTS}", i + 1, seen[i]));
            }
        }
        for other in others {
            let expected = &self.names(other)?[0];
            for _ in 0..100 {
                let answer = connection.get(other.host, other.path)?;
                if answer.status != 200 || answer.revision != *expected {
                    return Err(format!("{}{} was disturbed", other.host, other.path));
                }
            }
            println!(
                "{:<30} 100 requests, all answered by its own r1",
                format!("{}{}", other.host, other.path)
            );
        }
        Ok(())
    }

    /// The revisions of a deployment, oldest first.
    fn names(&self, of: &Deployed) -> Result<Vec<String>, String> {
        let listed = self.gtc.op("revisions list", &["local", "--deployment", &of.id])?;
        let rows = listed["revisions"].as_array().cloned().unwrap_or_default();
        Ok(rows.iter().map(|row| field(row, "revision_id")).collect())
    }

    /// Moves the dial while requests keep flowing.
    fn shifts(&self, serving: &Serving, hello: &Deployed) -> Result<(), String> {
        let prober = Prober::start(&serving.address, hello.host, hello.path)?;
        println!("\n{:<24}{:>12}{:>28}", "shift", "generation", "obeyed after");
        for (name, shares) in
            [("99/1 -> 50/50", ["r1=50", "r2=50"]), ("50/50 -> 0/100", ["r1=0", "r2=100"])]
        {
            let set = self.set(hello, &shares)?;
            report(name, &set, &prober)?;
        }
        let back = self.gtc.op("traffic rollback", &["local", "--deployment", &hello.id])?;
        report("rollback to 50/50", &back, &prober)?;
        let (answered, failed) = prober.stop()?;
        println!("\n{answered} requests while the dial moved, {failed} failed");
        if failed == 0 { Ok(()) } else { Err(format!("{failed} requests failed")) }
    }
}

fn report(name: &str, outcome: &Value, prober: &Prober) -> Result<(), String> {
    let generation = outcome["generation"].as_u64().ok_or("a split without a generation")?;
    let obeyed = prober.obeys(generation)?;
    println!("{name:<24}{generation:>12}{:>25.1} ms", obeyed.last_old_ms);
    Ok(())
}

fn field(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
