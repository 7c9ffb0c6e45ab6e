//! The ways in for a secret value.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use deploy_spec::{Fault, Kind};
use env_pack::{SecretBytes, Source, read_secret};

fn stdin(mut bytes: &[u8]) -> Result<SecretBytes, Fault> {
    read_secret(Source::Stdin(&mut bytes))
}

fn file(path: &Path) -> Result<SecretBytes, Fault> {
    read_secret(Source::File(path))
}

fn variable(value: Option<&str>) -> Result<SecretBytes, Fault> {
    read_secret(Source::Env { name: "API_KEY", value: value.map(OsString::from) })
}

fn write(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn one_newline_at_the_end_is_not_part_of_the_value() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("key");
    for (given, value) in [("a", "a"), ("a\n", "a"), ("a\n\n", "a\n"), (" a\r\n", " a\r")] {
        write(&path, given.as_bytes(), 0o600);
        assert_eq!(stdin(given.as_bytes()).unwrap().expose(), value.as_bytes());
        assert_eq!(file(&path).unwrap().expose(), value.as_bytes());
        assert_eq!(variable(Some(given)).unwrap().expose(), value.as_bytes());
    }
}

#[test]
fn a_value_has_at_least_one_byte_and_at_most_64_kib() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("key");
    let longest = vec![b'x'; SecretBytes::MOST];
    let with = |more: &[u8]| [&longest, more].concat();
    for good in [longest.clone(), with(b"\n")] {
        write(&path, &good, 0o600);
        assert_eq!(stdin(&good).unwrap().expose(), longest);
        assert_eq!(file(&path).unwrap().expose(), longest);
    }
    for bad in [Vec::new(), b"\n".to_vec(), with(b"x"), with(b"\n\n"), with(&longest)] {
        write(&path, &bad, 0o600);
        let text = String::from_utf8(bad.clone()).unwrap();
        for result in [stdin(&bad), file(&path), variable(Some(&text))] {
            let fault = result.unwrap_err();
            assert_eq!(fault.kind, Kind::InvalidInput);
            assert!(fault.hint.is_some());
            assert!(!format!("{fault:?}").contains("xxxx"));
        }
    }
}

#[test]
fn a_variable_must_be_set() {
    let fault = variable(None).unwrap_err();
    assert_eq!(fault.kind, Kind::InvalidInput);
    assert_eq!(fault.message, "the environment variable API_KEY is not set");
}

#[test]
fn a_file_that_others_can_use_is_refused_and_says_what_to_type() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("key");
    for mode in [0o640, 0o604, 0o620, 0o601] {
        write(&path, b"hunter2", mode);
        let fault = file(&path).unwrap_err();
        assert_eq!(fault.kind, Kind::Refused, "{mode:o}");
        assert_eq!(fault.hint.as_deref(), Some(&*format!("chmod 600 {}", path.display())));
        assert!(!format!("{fault:?}").contains("hunter2"));
    }
    write(&path, b"hunter2", 0o400);
    assert_eq!(file(&path).unwrap().expose(), b"hunter2");
}

#[test]
fn a_file_that_is_something_else_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (path, link) = (home.path().join("key"), home.path().join("link"));
    write(&path, b"hunter2", 0o600);
    symlink(&path, &link).unwrap();
    assert_eq!(file(&link).unwrap_err().kind, Kind::Refused);
    assert_eq!(file(home.path()).unwrap_err().kind, Kind::Refused);
    let fault = file(&home.path().join("absent")).unwrap_err();
    assert_eq!(fault.kind, Kind::InvalidInput);
    // A pipe that nobody writes to does not hold the command up.
    let pipe = home.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg("-m600").arg(&pipe).status().unwrap();
    assert!(made.success());
    assert_eq!(file(&pipe).unwrap_err().kind, Kind::Refused);
}

/// Gives a byte at a time and is interrupted before each.
struct Halting(Vec<u8>, bool);

impl io::Read for Halting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let Some(byte) = self.0.pop() else { return Ok(0) };
        buffer[0] = byte;
        Ok(1)
    }
}

struct Broken;

impl io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_slow_pipe_is_read_to_its_end_and_a_broken_one_is_said() {
    let mut halting = Halting(b"cba".to_vec(), false);
    assert_eq!(read_secret(Source::Stdin(&mut halting)).unwrap().expose(), b"abc");
    let fault = read_secret(Source::Stdin(&mut Broken)).unwrap_err();
    assert_eq!(fault.kind, Kind::Unavailable);
}
