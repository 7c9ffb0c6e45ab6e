//! The bytes of a component: from where it was named into the environment, and from there whenever
//! they are used. They are bounded, and hashed each time.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use deploy_spec::{Digest, EnvPackBinding, Fault, PackRef};
use plugin::Limits;
use store::EnvironmentStore;

use super::FetchedPack;
use crate::ambient::now;
use crate::staging::Mode;

/// A component, and what is known of where it came from.
pub(super) struct Code {
    pub(super) place: String,
    pub(super) digest: Digest,
    pub(super) bytes: Vec<u8>,
    /// The signature envelopes that came with it just now, not judged yet.
    pub(super) signatures: Vec<Vec<u8>>,
}

/// The code that a binding is pinned to, out of the environment.
pub(super) fn held(
    store: &EnvironmentStore,
    binding: &EnvPackBinding,
    digest: &Digest,
) -> Result<Code, Fault> {
    let EnvPackBinding { slot, kind, pack_ref, .. } = binding;
    let again = format!("gtc op env-packs update {} {slot} --pack-ref {pack_ref}", store.id());
    let path = store.artifact(digest);
    if !path.exists() {
        let why = format!("the code {digest} of `{kind}` in slot `{slot}` is not here any more");
        return Err(Fault::not_found(why).hint(again));
    }
    let bytes = read(&path)?;
    if Digest::of(&bytes) != *digest {
        let why = format!("the code {digest} of `{kind}` in slot `{slot}` was altered");
        return Err(Fault::unhealthy(why).hint(again));
    }
    let (place, digest) = (pack_ref.to_string(), digest.clone());
    Ok(Code { place, digest, bytes, signatures: Vec::new() })
}

/// The component that somebody named, taken in if it is to stay.
pub(super) fn taken(
    store: &EnvironmentStore,
    wanted: &EnvPackBinding,
    named: &str,
    mode: Mode,
    fetch: impl FnOnce(&str) -> Result<FetchedPack, Fault>,
) -> Result<Code, Fault> {
    if let Ok(digest) = named.parse::<Digest>() {
        // Young again, so that nobody collects it before the binding that needs it is there.
        if mode == Mode::TakeIn {
            store.refresh_artifact(&digest, now())?;
        }
        let pack_ref = PackRef::At(named.to_owned());
        let code = held(store, &EnvPackBinding { pack_ref, ..wanted.clone() }, &digest);
        return code.map_err(|fault| {
            fault.at("/pack_ref").hint("name the component by its file or reference once")
        });
    }
    let FetchedPack { place, fetched } = fetch(named)?;
    let bytes = read(&fetched.file).map_err(|fault| fault.at("/pack_ref"))?;
    let digest = Digest::of(&bytes);
    if mode == Mode::TakeIn && store.take_in(&fetched.file)?.digest != digest {
        let why = format!("`{place}` changed while it was read");
        return Err(Fault::conflict(why).at("/pack_ref"));
    }
    Ok(Code { place, digest, bytes, signatures: fetched.signatures })
}

/// A whole file, if it is small enough to be a component.
fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    let shown = path.display();
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::not_found(format!("there is no file `{shown}`")),
        _ => Fault::unavailable(format!("`{shown}` cannot be read: {error}")),
    };
    // Looked at first: opening a pipe would wait for whoever writes into it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Fault::invalid(format!("`{shown}` is not a file")));
    }
    let most = Limits::default().component_bytes as u64;
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        let why = format!("`{shown}` is larger than an env-pack may be, {most} bytes");
        return Err(Fault::invalid(why));
    }
    Ok(bytes)
}
