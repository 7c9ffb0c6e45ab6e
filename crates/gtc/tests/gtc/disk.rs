//! A disk that is full, and one that takes nothing: what was there stays there, and can be read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::world::World;

/// A store on a file system of its own, which is taken away again when this is dropped.
struct Disk {
    world: World,
    size: &'static str,
}

impl Disk {
    /// It takes root, or `sudo -n`, to mount one.
    fn new() -> Self {
        let world = World::new();
        std::fs::create_dir(world.gtc.store_root()).unwrap();
        let disk = Self { world, size: "size=3m" };
        disk.mount("tmpfs", &format!("rw,{}", disk.size));
        disk.world.op("env init", &[]);
        disk
    }

    fn mount(&self, kind: &str, options: &str) {
        as_root(&["mount", "-t", kind, "-o", options, "tmpfs", self.place()]);
    }

    fn place(&self) -> &str {
        self.world.gtc.store_root().to_str().unwrap()
    }

    /// Takes all the room there is but for `pages`.
    fn fill(&self, pages: usize) {
        let path = self.world.gtc.store_root().join("others");
        let mut others = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let page = [b'.'; 4096];
        while others.write_all(&page).is_ok() {}
        let length = others.metadata().unwrap().len();
        others.set_len(length.saturating_sub(4096 * pages as u64)).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.world.gtc.store_root().join("others")).unwrap();
    }

    /// A value that is set; what was said when it could not be.
    fn set(&self, value: usize) -> Result<Value, (i32, Value)> {
        let given = format!("turn={value}");
        let ended = self.world.gtc.end(&["op", "config", "set", &given], b"").unwrap();
        let said = if ended.code == 0 { &ended.stdout } else { &ended.stderr };
        let said = serde_json::from_str(said).unwrap_or_else(|_| panic!("{said}"));
        if ended.code == 0 { Ok(said) } else { Err((ended.code, said)) }
    }

    fn value(&self) -> Value {
        let shown = self.world.op("config show", &["local"]);
        let values = shown["values"].as_array().unwrap();
        let found = values.iter().find(|it| it["name"] == "turn");
        found.map_or(Value::Null, |it| it["value"].clone())
    }

    /// Nothing is wrong but that this disk is small.
    fn check(&self) {
        self.world.op("audit verify", &["local"]);
        let (_, said) = self.world.refused(&["op", "env", "doctor", "local"], "");
        let findings = said["error"]["details"]["findings"].as_array().unwrap();
        let checks: Vec<&Value> = findings.iter().map(|finding| &finding["check"]).collect();
        assert_eq!(checks, ["disk"], "{said}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        as_root(&["umount", self.place()]);
    }
}

fn as_root(words: &[&str]) {
    let root = std::fs::metadata("/proc/self").is_ok_and(|it| {
        use std::os::unix::fs::MetadataExt as _;
        it.uid() == 0
    });
    let words = if root { words.to_vec() } else { [&["sudo", "-n"], words].concat() };
    let status = Command::new(words[0]).args(&words[1..]).status().unwrap();
    assert!(status.success(), "{words:?}");
}

#[test]
fn a_full_disk_is_named_and_what_was_acknowledged_stays() {
    let disk = Disk::new();
    let (mut refused, mut done) = (0, 0);
    for pages in 0..24 {
        let before = disk.value();
        disk.fill(pages);
        let said = disk.set(pages);
        // What is full can still be read.
        let full = disk.value();
        disk.make_room();
        match said {
            Ok(_) => {
                done += 1;
                assert_eq!(full, json!(pages));
            }
            Err((code, said)) => {
                refused += 1;
                assert_eq!((code, &said["error"]["kind"]), (6, &json!("unavailable")), "{said}");
                assert!(said.to_string().contains("No space left"), "{said}");
                assert!(full == before || full == json!(pages), "{full}");
            }
        }
        disk.check();
    }
    assert!(refused > 0 && done > 0, "{refused} refused, {done} done");
    disk.set(1000).unwrap();
    assert_eq!(disk.value(), json!(1000));
}

#[test]
fn a_disk_that_takes_nothing_is_named_and_can_be_read() {
    let disk = Disk::new();
    disk.set(1).unwrap();
    disk.mount("tmpfs", &format!("remount,ro,{}", disk.size));
    let (code, said) = disk.set(2).unwrap_err();
    assert_eq!((code, &said["error"]["kind"]), (6, &json!("unavailable")), "{said}");
    assert!(said.to_string().contains("Read-only file system"), "{said}");
    assert_eq!(disk.value(), json!(1));
    disk.world.gtc.run(&["status"]).unwrap();
    disk.mount("tmpfs", &format!("remount,rw,{}", disk.size));
    disk.set(2).unwrap();
    disk.check();
}
