//! The secrets slot of an environment, as `greentic.secrets.dev-store` fills it: each value sealed
//! in a private file of its own, under a random key in another one.
//!
//! What is known of a secret (names, versions, who and when) is a record like any other; a value is
//! sealed before the record that names it is committed, so a crash in between leaves a file that
//! nobody reads, and never a record without a value.

mod leaks;

use control::secrets::SealedValue;
use control::{View, secrets};
use deploy_spec::{EventId, Fault, Pinned, PinnedSecret, SecretPath, SecretRef};
use env_pack::{Sealer, SecretBytes};
use serde_json::{Map, Value};
use store::EnvironmentStore;
use workload::Given;

use crate::ambient;

/// Where the key is, in the environment's folder.
const KEY: &str = "secrets/dev-store.key";
/// Where the sealed values are, in the environment's folder.
const VALUES: &str = "secrets/values";

/// The sealed values of one environment.
pub struct DevStore {
    store: EnvironmentStore,
    sealer: Sealer,
}

impl DevStore {
    /// The values of this environment; its key is made when it is first needed.
    ///
    /// # Errors
    /// `refused` when others could read the key, or when it is gone and there are values that only
    /// it opens; `unavailable` when it cannot be read or made.
    pub fn open(store: &EnvironmentStore) -> Result<Self, Fault> {
        let make = || match sealed_values(store)? {
            0 => Ok(ambient::random::<32>()?.to_vec()),
            values => Err(lost_key(store, values)),
        };
        // Somebody may have made the key, and sealed with it, between the two looks of the first.
        let key = store.private_file(KEY, make).or_else(|_| store.private_file(KEY, make))?;
        let sealer = Sealer::new(store.id().clone(), &key)
            .map_err(|fault| fault.hint(format!("restore `{KEY}`, or put every secret again")))?;
        Ok(Self { store: store.clone(), sealer })
    }

    /// What two equal values of `path` have in common.
    #[must_use]
    pub fn fingerprint(&self, path: &SecretPath, value: &SecretBytes) -> String {
        self.sealer.fingerprint(path, value)
    }

    /// Seals a value and keeps it; nobody knows of it until a record names it.
    ///
    /// # Errors
    /// `unavailable` when it cannot be written.
    pub fn seal(&self, path: &SecretPath, value: &SecretBytes) -> Result<SealedValue, Fault> {
        let millis = u64::try_from(ambient::now().as_millisecond()).unwrap_or(0);
        let id = EventId::from_parts(millis, u128::from_be_bytes(ambient::random()?));
        let value_ref = id.to_string();
        let sealed = self.sealer.seal(path, &value_ref, value, ambient::random()?)?;
        self.store.private_file(&file(&value_ref)?, || Ok(sealed))?;
        Ok(SealedValue { value_ref, fingerprint: self.fingerprint(path, value) })
    }

    /// The newest value of a secret.
    ///
    /// # Errors
    /// `not-found` when there is none; `refused` when it was changed.
    pub fn value(&self, view: &dyn View, path: &SecretPath) -> Result<SecretBytes, Fault> {
        let newest = secrets::find(view, path)?;
        self.open_value(path, &newest.value_ref, || {
            Fault::not_found(format!("the value of `{path}` is gone"))
                .hint(format!("gtc op secrets put {path}"))
        })
    }

    /// The value of the version that is pinned, and no other.
    ///
    /// # Errors
    /// `not-found` when it is gone; `refused` when it was changed.
    pub fn pinned_value(&self, view: &dyn View, pin: &PinnedSecret) -> Result<SecretBytes, Fault> {
        let path = pin.secret.path();
        let gone = || {
            Fault::not_found(format!("version {} of `{path}` is gone", pin.version))
                .hint("gtc op revisions stage the bundle again: a new revision pins what there is")
        };
        let version = secrets::pinned_version(view, pin)?.ok_or_else(gone)?;
        self.open_value(&path, &version.value_ref, gone)
    }

    fn open_value(
        &self,
        path: &SecretPath,
        value_ref: &str,
        gone: impl Fn() -> Fault,
    ) -> Result<SecretBytes, Fault> {
        let sealed = self.store.private_file(&file(value_ref)?, || Err(gone()))?;
        self.sealer.open(path, value_ref, &sealed)
    }

    /// Removes values that no record names any more; what is gone already is gone.
    pub fn erase(&self, value_refs: &[String]) {
        for file in value_refs.iter().filter_map(|value_ref| file(value_ref).ok()) {
            if let Err(error) = std::fs::remove_file(self.store.folder().join(&file))
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%file, %error, "a sealed value is left that nobody needs");
            }
        }
    }
}

/// Whether the environment keeps a sealed value under this name.
#[must_use]
pub fn holds_value(store: &EnvironmentStore, value_ref: &str) -> bool {
    file(value_ref).is_ok_and(|file| store.folder().join(file).is_file())
}

/// How many values are kept, whether a record names them or not.
fn sealed_values(store: &EnvironmentStore) -> Result<usize, Fault> {
    match std::fs::read_dir(store.folder().join(VALUES)) {
        Ok(values) => Ok(values.count()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(Fault::unavailable(format!("listing `{VALUES}` failed: {error}"))),
    }
}

/// A new key would make a riddle of every value that was sealed with the old one.
fn lost_key(store: &EnvironmentStore, values: usize) -> Fault {
    let key = store.folder().join(KEY);
    Fault::refused(format!(
        "the key `{}` is gone, and only it opens the {values} values sealed beside it",
        key.display()
    ))
    .hint(format!(
        "put the key back from where it was saved; or give the values up: rm -r {}",
        store.folder().join(VALUES).display()
    ))
}

/// Where a value is kept; no name leads anywhere else.
fn file(value_ref: &str) -> Result<String, Fault> {
    let id: EventId = value_ref.parse().map_err(Fault::internal)?;
    Ok(format!("{VALUES}/{id}"))
}

/// The versions that a revision is given: those that it pinned; the newest where nothing is pinned
/// yet.
///
/// # Errors
/// When a record cannot be read.
pub(crate) fn pins(
    view: &dyn View,
    pinned: Option<&Pinned>,
    references: &[SecretRef],
) -> Result<Vec<PinnedSecret>, Fault> {
    match pinned {
        Some(pinned) => Ok(pinned.secrets.clone()),
        None => secrets::newest_pins(view, references),
    }
}

/// `config` with the values of these versions in it, each under the last part of its secret's path:
/// what a workload is given to read.
///
/// # Errors
/// When a version is gone, cannot be opened, or is not UTF-8.
pub(crate) fn with_secrets(
    store: &EnvironmentStore,
    view: &dyn View,
    config: &Map<String, Value>,
    pins: &[PinnedSecret],
) -> Result<Given, Fault> {
    let mut given = Given { config: config.clone(), ..Given::default() };
    if pins.is_empty() {
        return Ok(given);
    }
    let dev_store = DevStore::open(store)?;
    for pin in pins {
        let path = pin.secret.path();
        let value = dev_store.pinned_value(view, pin)?;
        let text = std::str::from_utf8(value.reveal())
            .map_err(|_| Fault::invalid(format!("the value of `{path}` is not UTF-8")))?;
        let name = path.as_str().rsplit('/').next().unwrap_or_default();
        given.config.insert(name.to_owned(), text.into());
        given.secrets.push(name.to_owned());
    }
    Ok(given)
}
