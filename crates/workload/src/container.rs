//! A container as a pack: its image, and how it is started. What runs is kept and proxied to as a
//! program is.

use std::sync::Arc;

use bundle::{Archive, ImageLayout};
use deploy_spec::{ContainerSettings, Fault, ImageRef, Pack};
use process::{Container, Image, Supervisor};

use crate::component::Granted;
use crate::engine::Given;
use crate::program::ProgramPack;

/// The port that a container listens on where it says none.
const PORT: u16 = 8_080;

/// Sees to it that the engine has the image.
pub(crate) fn fetch(supervisor: &Supervisor, pack: &Pack, image: &ImageRef) -> Result<(), Fault> {
    supervisor.containers().and_then(|engine| engine.fetch(image)).map_err(of(pack))
}

/// Starts a container of an image that is there.
pub(crate) fn start(
    supervisor: &Supervisor,
    archive: &Archive,
    pack: &Pack,
    given: &Given,
    granted: &Arc<Granted>,
) -> Result<ProgramPack, Fault> {
    let ContainerSettings { command, port, cpu_milli } = pack.container.clone().unwrap_or_default();
    let image = image(supervisor, archive, pack).map_err(of(pack))?;
    let container = Container { image, command, port: port.unwrap_or(PORT), cpu_milli };
    ProgramPack::launch(supervisor, container, pack, given, granted)
}

fn image(supervisor: &Supervisor, archive: &Archive, pack: &Pack) -> Result<Image, Fault> {
    match &pack.image {
        Some(image) => Ok(Image::named(image)),
        None => {
            let layout = ImageLayout::read(archive, pack.file()?)?;
            supervisor.containers()?.load(layout.config(), |to| layout.write(archive, to))
        }
    }
}

fn of(pack: &Pack) -> impl Fn(Fault) -> Fault {
    move |mut fault| {
        fault.message = format!("pack `{}`: {}", pack.pack_id, fault.message);
        fault
    }
}
