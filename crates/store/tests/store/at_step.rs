//! A real disk on which something happens at some step, which is then half done.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use store::{Disk, Guard, LockMode, RealDisk};

pub(crate) struct AtStep {
    disk: RealDisk,
    /// How many steps that change something come before the one.
    steps_left: AtomicU64,
    /// How many of those that add to a file come before the one.
    appends_left: AtomicU64,
    then: Box<dyn Fn() + Send + Sync>,
}

impl AtStep {
    /// Nothing happens until it is expected.
    pub(crate) fn new(disk: RealDisk, then: impl Fn() + Send + Sync + 'static) -> Self {
        let never = || AtomicU64::new(u64::MAX);
        Self { disk, steps_left: never(), appends_left: never(), then: Box::new(then) }
    }

    pub(crate) fn expect(&self, steps: u64) {
        self.steps_left.store(steps, Ordering::Relaxed);
    }

    pub(crate) fn expect_at_append(&self, appends: u64) {
        self.appends_left.store(appends, Ordering::Relaxed);
    }

    fn is_the_step(&self) -> bool {
        self.steps_left.fetch_sub(1, Ordering::Relaxed) == 0
    }

    fn step(&self) {
        if self.is_the_step() {
            (self.then)();
        }
    }
}

fn half(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

impl Disk for AtStep {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.disk.read(path)
    }

    fn read_tail(&self, path: &str, most: u64) -> io::Result<(Vec<u8>, u64)> {
        self.disk.read_tail(path, most)
    }

    fn read_part(&self, path: &str, from: u64, most: u64) -> io::Result<Vec<u8>> {
        self.disk.read_part(path, from, most)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn make_folder(&self, folder: &str) -> io::Result<bool> {
        self.step();
        self.disk.make_folder(folder)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if self.is_the_step() {
            let _ = self.disk.write(path, half(bytes));
            (self.then)();
        }
        self.disk.write(path, bytes)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let is_the_append = self.appends_left.fetch_sub(1, Ordering::Relaxed) == 0;
        if self.is_the_step() || is_the_append {
            let _ = self.disk.append(path, half(bytes));
            (self.then)();
        }
        self.disk.append(path, bytes)
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        self.step();
        self.disk.truncate(path, length)
    }

    /// What a killed process wrote stays without this, and a machine that loses its power is
    /// simulated elsewhere: so nobody waits here.
    fn sync(&self, _: &str) -> io::Result<()> {
        self.step();
        Ok(())
    }

    fn sync_folder(&self, _: &str) -> io::Result<()> {
        self.step();
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step();
        self.disk.rename(from, to)
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.step();
        self.disk.link(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.step();
        self.disk.remove(path)
    }

    fn lock(&self, mode: LockMode, patience: Duration) -> io::Result<Guard> {
        self.disk.lock(mode, patience)
    }
}
