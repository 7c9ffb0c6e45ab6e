//! `gtc bundle keygen` and `sign`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bundle::sign::{SigningKey, countersign, sign as vouch};
use clap::Args;
use deploy_spec::{Fault, document};
use serde_json::json;
use serve::staging::{Fetched, SIGNATURES};

use super::subject::Subject;
use crate::outcome::Success;

#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// The private key to write, for its owner only; the public one goes to FILE.pub
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// The bundle, or the component of an env-pack; the signature goes to FILE.dsse.json, beside those that are there
    file: PathBuf,
    /// The private key: ed25519 in PKCS#8 PEM, in a file that only its owner may use
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.to_owned().into_os_string();
    name.push(suffix);
    name.into()
}

pub(super) fn keygen(args: &KeygenArgs) -> Result<Success, Fault> {
    let key = SigningKey::create()?;
    let public = beside(&args.file, ".pub");
    write_new(&args.file, host_fs::private(), &key.to_pkcs8_pem()?)?;
    write_new(&public, host_fs::public(), &key.public_key_to_pem()?)?;
    Success::of(&json!({
        "private_key": args.file,
        "public_key": public,
        "key_id": key.key_id(),
    }))
}

/// A key is never written over another one.
fn write_new(file: &Path, mut making: OpenOptions, text: &str) -> Result<(), Fault> {
    let opened = making.write(true).create_new(true).open(file);
    let written = opened.and_then(|mut opened| {
        opened.write_all(text.as_bytes())?;
        opened.sync_all()
    });
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Fault::conflict(format!("`{}` is there already", file.display()))
                .hint("choose another name; nothing was written over")
        }
        _ => Fault::unavailable(format!("`{}` cannot be written: {error}", file.display())),
    })
}

pub(super) fn sign(args: &SignArgs) -> Result<Success, Fault> {
    let pem = env_pack::read_file(&args.key)?;
    let pem = std::str::from_utf8(pem.reveal()).unwrap_or_default();
    let key = SigningKey::from_pkcs8_pem(pem)?;
    let subject = Subject::read(&args.file)?;
    let (name, digest) = (subject.name(), subject.digest());
    let envelope = match Fetched::beside(args.file.clone())?.signatures.first() {
        Some(there) => countersign(&key, there, name, digest)?,
        None => vouch(&key, name, digest)?,
    };
    let file = beside(&args.file, SIGNATURES);
    std::fs::write(&file, document::to_line(&envelope)).map_err(|error| {
        Fault::unavailable(format!("`{}` cannot be written: {error}", file.display()))
    })?;
    Success::of(&subject.shown(json!({
        "path": file,
        "key_id": key.key_id(),
        "signatures": envelope.signatures.len(),
    })))
}
