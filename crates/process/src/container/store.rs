//! Images in the store of the engine.

use std::io::{self, PipeWriter, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use deploy_spec::{ContainerEngine, Digest, Fault, ImageRef};

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

    /// The image whose configuration has this digest, out of the archive that `write` writes when it
    /// is not in the store of the engine. Blocks as long as that takes.
    ///
    /// # Errors
    /// `unavailable` when the engine does not answer, or does not take it.
    pub fn load(
        &self,
        config: &Digest,
        write: impl FnOnce(&mut PipeWriter) -> io::Result<()> + Send,
    ) -> Result<Image, Fault> {
        if self.has(config.as_str())? {
            return Ok(Image(config.to_string()));
        }
        let failed = |why: String| {
            let engine = self.engine.name();
            Fault::unavailable(format!("`{engine}` does not take the image {config}: {why}"))
                .hint(format!("{engine} info"))
        };
        let said = self.load_from(write).map_err(|error| failed(error.to_string()))?;
        if !said.is_good() {
            return Err(failed(said.why()));
        }
        // Both tell what they call it; Docker's newer store has names of its own.
        let told = said.out.split_whitespace().rev().find_map(|word| word.parse::<Digest>().ok());
        told.map(|id| Image(id.to_string())).ok_or_else(|| failed(said.out.trim().to_owned()))
    }

    fn load_from(
        &self,
        write: impl FnOnce(&mut PipeWriter) -> io::Result<()> + Send,
    ) -> io::Result<super::command::Said> {
        let (from, mut to) = io::pipe()?;
        let mut command = self.command(&["load"]);
        command.stdin(from);
        std::thread::scope(|scope| {
            let writing = scope.spawn(move || write(&mut to).and_then(|()| to.flush()));
            let said = self.ask_now(command, PULL)?;
            match writing.join() {
                // An engine that wants no more of it says itself why.
                Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
                _ => Ok(said),
            }
        })
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
