//! The key of a dev-store: random, made once, and never made out of anything else.

use std::fs;
use std::io;
use std::path::Path;

use deploy_spec::Fault;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use ulid::Ulid;
use zeroize::Zeroizing;

use crate::files::{self, io_fault, is_link, objection, read_most, sync_folder, write_new};

const KEY: &str = "dev-store.key";
const KEY_BYTES: usize = 32;

/// 32 bytes that are wiped when they are dropped.
pub(super) type Key = Zeroizing<[u8; KEY_BYTES]>;

/// A key for each use, so that what one of them gives away says nothing about the other.
pub(super) struct Keys {
    pub(super) seal: Key,
    pub(super) fingerprint: Key,
}

impl Keys {
    /// Reads the key file, or makes it when there is none and no value was sealed with it.
    pub(super) fn open(folder: &Path, values: &Path) -> Result<Self, Fault> {
        let file = folder.join(KEY);
        if let Some(key) = read(&file)? {
            return Ok(Self::of(&key));
        }
        let sealed = any_value(values).map_err(|error| io_fault("listing", values, &error))?;
        // Somebody may have made the key, and sealed with it, between the two looks.
        if let Some(key) = read(&file)? {
            return Ok(Self::of(&key));
        }
        if sealed {
            let hint = format!("restore {} from your backup", file.display());
            return Err(no(&file, "it is not there, and there are values only it opens", hint));
        }
        make(folder, &file)?;
        let gone = || Fault::unavailable(format!("`{}` vanished", file.display()));
        read(&file)?.map(|key| Self::of(&key)).ok_or_else(gone)
    }

    fn of(key: &Key) -> Self {
        Self {
            seal: labelled(key, b"greentic.dev-store.v1 seal"),
            fingerprint: labelled(key, b"greentic.dev-store.v1 fingerprint"),
        }
    }
}

fn labelled(key: &Key, label: &[u8]) -> Key {
    Zeroizing::new(mac(key, &[label]))
}

/// HMAC-SHA256 (RFC 2104) of texts that cannot run into each other: each after its length.
pub(super) fn mac(key: &Key, texts: &[&[u8]]) -> [u8; 32] {
    // A key shorter than a block is filled up with zeros, says the RFC; here it always is.
    let mut block = Zeroizing::new([0; 64]);
    block[..KEY_BYTES].copy_from_slice(&**key);
    let mut mac = Hmac::<Sha256>::new(&(*block).into());
    mac.update(&joined(texts));
    mac.finalize().into_bytes().into()
}

/// Texts in a row, each after its length in bytes as 64 bits, big-endian.
pub(super) fn joined(texts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length = texts.iter().map(|text| text.len() + 8).sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    for text in texts {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text);
    }
    bytes
}

/// Random bytes from the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        Fault::unavailable(format!("the system gives no random numbers: {error}"))
    })?;
    Ok(bytes)
}

fn no(file: &Path, why: &str, hint: String) -> Fault {
    let shown = file.display().to_string();
    Fault::refused(format!("the dev-store's key `{shown}` was refused: {why}"))
        .hint(hint)
        .detail("path", shown)
}

/// The key, when there is one and only this account can read it.
fn read(file: &Path) -> Result<Option<Key>, Fault> {
    let away = || format!("restore it from your backup: {}", file.display());
    let mut open = match files::open(file) {
        Ok(open) => open,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if is_link(&error) => return Err(no(file, "it is a symbolic link", away())),
        Err(error) => return Err(io_fault("opening", file, &error)),
    };
    let meta = open.metadata().map_err(|error| io_fault("reading", file, &error))?;
    if !meta.is_file() {
        return Err(no(file, "it is not a regular file", away()));
    }
    if let Some((why, hint)) = objection(&meta, file, 0o600) {
        return Err(no(file, &why, hint));
    }
    let bytes = read_most(&mut open, KEY_BYTES).map_err(|e| io_fault("reading", file, &e))?;
    match <[u8; KEY_BYTES]>::try_from(bytes.as_slice()) {
        Ok(key) => Ok(Some(Zeroizing::new(key))),
        Err(_) => Err(no(file, "it does not have 32 bytes", away())),
    }
}

/// Whether anything was sealed here; a draft that a crash left behind is nothing.
fn any_value(values: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(values)? {
        if Ulid::from_string(&entry?.file_name().to_string_lossy()).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes the key under a name of its own and links it to the real one, which fails when somebody
/// was first: so a key file is whole from the moment there is one, and is never replaced.
fn make(folder: &Path, file: &Path) -> Result<(), Fault> {
    let key = Zeroizing::new(random::<KEY_BYTES>()?);
    let draft = folder.join(format!("{}.draft", Ulid(u128::from_be_bytes(random()?))));
    let put = || {
        write_new(&draft, &*key)?;
        match fs::hard_link(&draft, file) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => fs::remove_file(&draft)?,
        }
        sync_folder(folder)
    };
    put().map_err(|error| {
        let _ = fs::remove_file(&draft);
        io_fault("making", file, &error)
    })
}
