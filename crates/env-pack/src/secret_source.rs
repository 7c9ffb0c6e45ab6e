//! Where a secret value may come from. Never an argument: every account of the machine can read
//! the arguments of a process.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use deploy_spec::Fault;
use zeroize::{Zeroize as _, Zeroizing};

use crate::SecretBytes;
use crate::files;

/// One of the ways to hand a secret in.
pub enum Source<'a> {
    /// What is piped in.
    Stdin(&'a mut dyn Read),
    /// A regular file of this account that nobody else can read.
    File(&'a Path),
    /// An environment variable, already looked up.
    Env {
        /// What it is called, for messages.
        name: &'a str,
        /// What it holds; none when it is not set.
        value: Option<OsString>,
    },
}

/// Reads a secret value: 1 byte to 64 KiB, without the newline that ends it, if one does.
///
/// # Errors
/// `invalid-input` when it is empty, too long or not there; `refused` when the file is a link, not
/// a regular one, of another account, or open to others; `unavailable` when it cannot be read. No
/// message shows what was read.
pub fn read_secret(source: Source<'_>) -> Result<SecretBytes, Fault> {
    match source {
        Source::Stdin(reader) => {
            let bytes = files::read_most(reader, SecretBytes::MOST + 1);
            let bytes = bytes.map_err(|error| {
                Fault::unavailable(format!("reading the secret from stdin failed: {error}"))
            })?;
            value(&bytes, "stdin", "pipe the value in: printf %s VALUE | gtc …")
        }
        Source::File(path) => file(path),
        Source::Env { name, value } => variable(name, value),
    }
}

fn variable(name: &str, found: Option<OsString>) -> Result<SecretBytes, Fault> {
    let hint = format!("set it and export it: export {name}");
    let Some(found) = found else {
        return Err(Fault::invalid(format!("the environment variable {name} is not set"))
            .hint(hint)
            .detail("variable", name));
    };
    let bytes = Zeroizing::new(found.into_vec());
    value(&bytes, &format!("the environment variable {name}"), &hint)
}

fn file(path: &Path) -> Result<SecretBytes, Fault> {
    let shown = path.display().to_string();
    let no = |why: &str, hint: String| {
        Fault::refused(format!("the secret file `{shown}` was refused: {why}"))
            .hint(hint)
            .detail("path", shown.clone())
    };
    let mut open = files::open(path).map_err(|error| match error.kind() {
        _ if files::is_link(&error) => {
            no("it is a symbolic link", format!("name the file itself; see `readlink -f {shown}`"))
        }
        std::io::ErrorKind::NotFound => Fault::invalid(format!("there is no file `{shown}`"))
            .hint("write the value into a file of yours with mode 600, and name that")
            .detail("path", shown.clone()),
        _ => files::io_fault("opening", path, &error),
    })?;
    let meta = open.metadata().map_err(|error| files::io_fault("reading", path, &error))?;
    if !meta.is_file() {
        return Err(no("it is not a regular file", "name a regular file, or use stdin".into()));
    }
    if let Some((why, hint)) = files::objection(&meta, path, 0o600) {
        return Err(no(&why, hint));
    }
    let bytes = files::read_most(&mut open, SecretBytes::MOST + 1)
        .map_err(|error| files::io_fault("reading", path, &error))?;
    let hint = format!("write the value, and nothing else, into {shown}");
    value(&bytes, &format!("the file `{shown}`"), &hint)
}

/// What was read, without the newline that editors and `echo` put at the end.
fn value(read: &[u8], whence: &str, hint: &str) -> Result<SecretBytes, Fault> {
    let mut bytes = read.strip_suffix(b"\n").unwrap_or(read).to_vec();
    let why = match bytes.len() {
        0 => "is empty".to_owned(),
        length if length > SecretBytes::MOST => {
            format!("is longer than {} bytes", SecretBytes::MOST)
        }
        _ => return SecretBytes::new(bytes),
    };
    bytes.zeroize();
    Err(Fault::invalid(format!("the secret value from {whence} {why}")).hint(hint))
}
