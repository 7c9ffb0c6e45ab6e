//! Images in the store of Podman or Docker, by the digest of their configuration.

use std::path::Path;

use deploy_spec::{Digest, Fault};
use single_vm::Actual;
use single_vm::resource::Engine;
use single_vm::spec::OciName;

use super::command::{ask, must};

/// The engine of the machine; Podman where both are.
pub(super) fn engine() -> Option<Engine> {
    Engine::ALL.into_iter().find(|engine| Path::new(engine.program()).exists())
}

fn id_of(engine: Engine, name: &str) -> Result<Option<Digest>, Fault> {
    let said = ask(&[engine.program(), "image", "inspect", "--format", "{{.Id}}", name])?;
    let id = said.out.trim();
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    Ok(format!("sha256:{id}").parse().ok().filter(|_| said.success))
}

/// The image called `name`, which must be in the engine's store: looking must change nothing.
pub(super) fn find(engine: Engine, name: &OciName) -> Result<Digest, Fault> {
    let program = engine.program();
    id_of(engine, name.as_str())?.ok_or_else(|| {
        Fault::not_found(format!("the image `{name}` is not in the store of `{program}`"))
            .at("/spec/runtime/image")
            .hint(format!("{program} pull {name}"))
    })
}

pub(super) fn observe(id: &Digest) -> Result<Option<Actual>, Fault> {
    let Some(engine) = engine() else { return Ok(None) };
    Ok(id_of(engine, id.hex())?.map(|_| Actual::Image))
}

pub(super) fn must_be_there(engine: Engine, id: &Digest) -> Result<(), Fault> {
    id_of(engine, id.hex())?.map(drop).ok_or_else(|| {
        Fault::conflict(format!("the image {id} has left the store of `{}`", engine.program()))
            .hint("gtc single-vm plan makes a plan of what is there now")
    })
}

/// Removes the image, if it is there.
pub(super) fn remove(engine: Engine, id: &Digest) -> Result<(), Fault> {
    match id_of(engine, id.hex())? {
        Some(_) => must(&[engine.program(), "image", "rm", id.hex()]).map(drop),
        None => Ok(()),
    }
}
