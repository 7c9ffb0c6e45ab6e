//! `env-packs list`: the bindings of an environment.

use deploy_spec::{Descriptor, Digest, Fault, PackRef, Slot};
use serde::Serialize;

use crate::view::{Lookup as _, View};

/// One binding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BindingShown {
    /// The slot.
    pub slot: Slot,
    /// The env-pack in it.
    pub kind: Descriptor,
    /// Where its code comes from.
    pub pack_ref: PackRef,
    /// What its code is pinned to; null for a builtin.
    pub digest: Option<Digest>,
    /// Counts the changes of this binding.
    pub generation: u64,
}

/// The result of `env-packs list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BindingsShown {
    /// The bindings, in the order of the slots.
    pub bindings: Vec<BindingShown>,
}

/// The bindings of an environment.
///
/// # Errors
/// `not-found` when there is no such environment; or when its record cannot be read.
pub fn list(view: &dyn View) -> Result<BindingsShown, Fault> {
    let bindings = view.environment()?.bindings.into_iter().map(|binding| BindingShown {
        slot: binding.slot,
        kind: binding.kind,
        pack_ref: binding.pack_ref,
        digest: binding.digest,
        generation: binding.generation,
    });
    Ok(BindingsShown { bindings: bindings.collect() })
}
