//! Images in the store of the engine.

use std::net::Ipv4Addr;
use std::time::Duration;

use deploy_spec::{ContainerEngine, Fault, ImageRef};

use super::{Containers, Image};

/// How long the engine may take to say what it has.
const LOOK: Duration = Duration::from_secs(30);

/// How long an image may take to come.
const PULL: Duration = Duration::from_secs(1_800);

impl Image {
    /// The image that a reference names, whether it is here or not.
    #[must_use]
    pub fn named(image: &ImageRef) -> Self {
        Self(image.untagged())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Containers {
    /// Sees to it that the image is in the store of the engine, which holds it to its digest. Blocks
    /// as long as that takes.
    ///
    /// # Errors
    /// `unavailable` when the engine does not answer, or the image cannot be had.
    pub fn fetch(&self, image: &ImageRef) -> Result<(), Fault> {
        let name = image.untagged();
        if self.has(&name)? {
            return Ok(());
        }
        let engine = self.engine.name();
        tracing::info!(%image, "the image is pulled by {engine}");
        let mut words = vec!["pull", "--quiet"];
        // As Docker has it: a registry of this machine needs no TLS. The digest says what comes.
        if self.engine == ContainerEngine::Podman && is_loopback(&name) {
            words.push("--tls-verify=false");
        }
        words.push(&name);
        let pulled = self.ask_now(self.command(&words), PULL);
        let why = match pulled {
            Ok(said) if said.is_good() => return Ok(()),
            Ok(said) => said.why(),
            Err(error) => error.to_string(),
        };
        Err(Fault::unavailable(format!("the image `{image}` cannot be pulled: {why}"))
            .hint(format!("{engine} pull {name}")))
    }

    fn has(&self, name: &str) -> Result<bool, Fault> {
        let words = ["image", "inspect", "--format", "{{.Id}}", name];
        let asked = self.ask_now(self.command(&words), LOOK);
        asked.map(|said| said.is_good()).map_err(|error| {
            let engine = self.engine.name();
            Fault::unavailable(format!("`{engine}` does not answer: {error}"))
                .hint(format!("{engine} info"))
        })
    }
}

/// Whether the registry is on this machine.
fn is_loopback(name: &str) -> bool {
    let host = name.split(['/', ':']).next().unwrap_or_default();
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_registry_of_this_machine_goes_without_tls() {
        let names = ["localhost:5000/a", "localhost/a", "127.0.0.1:5000/a", "127.1.2.3/a"];
        assert!(names.into_iter().all(is_loopback));
        let others = ["localhost.a.b/a", "10.0.0.1:5000/a", "a.b/localhost", "a.b/127.0.0.1"];
        assert!(!others.into_iter().any(is_loopback));
    }
}
