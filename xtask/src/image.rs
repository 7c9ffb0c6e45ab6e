//! The image: `gtc` built static, alone in an OCI image, and tried where it will run.

mod trial;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{self, text};
use crate::house::House;
use crate::needs;

/// What `gtc` is built for.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-musl";
const NAME: &str = "localhost/gtc";
/// Certificate authorities, where Debian keeps them.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
const MOST_BINARY_BYTES: u64 = 40_000_000;
const MOST_IMAGE_BYTES: u64 = 30_000_000;

/// How `gtc` is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Built {
    /// As it is shipped; takes many minutes.
    ToShip,
    /// As it is tested: quickly, and larger than the budget.
    ToTest,
}

impl Built {
    fn profile(self) -> (&'static str, &'static str) {
        match self {
            Self::ToShip => ("release", "release"),
            Self::ToTest => ("dev", "debug"),
        }
    }
}

/// Builds the image, measures it and tries it under Podman; it is left as an OCI layout in
/// `target/image/gtc.oci`. Where Podman does not run, a test says so and ends.
///
/// # Errors
/// What cannot be built, is larger than it may be, or does not hold.
pub(crate) fn run(house: &House, built: Built) -> Result<(), String> {
    needs::install_for_image(house)?;
    let place = house.target.join("image");
    fs::create_dir_all(&place).map_err(|error| format!("`{}`: {error}", place.display()))?;
    let binary = binary(house, built, &place)?;
    context(house, &place, &binary).map_err(|error| format!("the image's files: {error}"))?;
    let podman = Podman { root: house.root.clone(), store: place.join("podman") };
    let (code, said) = podman.end(&["info"])?;
    if code != Some(0) {
        let why = format!("THE IMAGE WAS NOT BUILT: Podman does not run here: {said}");
        println!("\n{why}");
        return if built == Built::ToShip { Err(why) } else { Ok(()) };
    }
    // A run that was ended half-way leaves its container behind.
    podman.forget_all()?;
    let done = make(house, built, &podman, &place, &binary);
    podman.forget_all()?;
    done
}

fn make(
    house: &House,
    built: Built,
    podman: &Podman,
    place: &Path,
    binary: &Path,
) -> Result<(), String> {
    let context = text(place)?;
    let recipe = house.root.join("xtask/image/Containerfile");
    // Nothing in it has a date, so that the same input gives the same image.
    podman.run(&[
        "build",
        "--quiet",
        "--format=oci",
        "--timestamp=0",
        "--tag",
        NAME,
        "--file",
        text(&recipe)?,
        context,
    ])?;
    let layout = place.join("gtc.oci");
    drop(fs::remove_dir_all(&layout));
    let to = format!("oci:{}:latest", text(&layout)?);
    podman.run(&["push", "--quiet", "--format=oci", NAME, &to])?;
    let sizes = [
        ("binary", size(binary)?, MOST_BINARY_BYTES),
        ("image, compressed", compressed(&layout)?, MOST_IMAGE_BYTES),
    ];
    for (what, bytes, most) in sizes {
        println!("{what}: {:.1} MB (at most {:.0})", mega(bytes), mega(most));
        if built == Built::ToShip && bytes > most {
            return Err(format!("{what}: {bytes} bytes are more than {most}"));
        }
    }
    match trial::hindrance(podman, NAME)? {
        None => trial::run(house, podman, NAME)?,
        Some(why) => println!("\nTHE IMAGE WAS NOT TRIED: no container runs here: {why}"),
    }
    println!("the image is in {}", layout.display());
    Ok(())
}

/// `gtc`, static and stripped.
fn binary(house: &House, built: Built, place: &Path) -> Result<PathBuf, String> {
    let (profile, folder) = built.profile();
    let build = ["cargo", "build", "--locked", "--target", TARGET, "--package", "gtc", "--profile"];
    command::run(&house.root, &[&build[..], &[profile]].concat())?;
    let built = house.target.join(TARGET).join(folder).join("gtc");
    let stripped = place.join("root/usr/bin/gtc");
    drop(fs::remove_dir_all(place.join("root")));
    fs::create_dir_all(place.join("root/usr/bin")).map_err(|error| error.to_string())?;
    command::run(&house.root, &["strip", "-o", text(&stripped)?, text(&built)?])?;
    // `ldd` fails when there is nothing to load, and says so.
    let said = command::end(&house.root, &["ldd", text(&stripped)?])?.1;
    if !said.contains("not a dynamic executable") && !said.contains("statically linked") {
        return Err(format!("`{}` is not static: {said}", stripped.display()));
    }
    Ok(stripped)
}

/// Lays out what the image is made of, beside the binary.
fn context(house: &House, place: &Path, binary: &Path) -> std::io::Result<()> {
    let root = place.join("root");
    fs::set_permissions(binary, fs::Permissions::from_mode(0o755))?;
    let certificates = root.join("etc/ssl/certs");
    fs::create_dir_all(&certificates)?;
    fs::copy(AUTHORITIES, certificates.join("ca-certificates.crt"))?;
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0::/nonexistent:\ngreentic:x:65532:65532::/var/lib/greentic:\n",
    )?;
    fs::write(root.join("etc/group"), "root:x:0:\ngreentic:x:65532:\n")?;
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let folder = root.join("usr/share/doc/gtc");
        fs::create_dir_all(&folder)?;
        fs::copy(house.root.join(licence), folder.join(licence))?;
    }
    let data = place.join("data");
    fs::create_dir_all(&data)?;
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700))
}

/// The size of all layers as they are pulled, in bytes.
fn compressed(layout: &Path) -> Result<u64, String> {
    let index = document(&layout.join("index.json"))?;
    let manifest = blob(layout, &index["manifests"][0]["digest"])?;
    let layers = manifest["layers"].as_array().ok_or("the image has no layers")?;
    Ok(layers.iter().filter_map(|layer| layer["size"].as_u64()).sum())
}

fn blob(layout: &Path, digest: &Value) -> Result<Value, String> {
    let digest = digest.as_str().unwrap_or_default().trim_start_matches("sha256:");
    document(&layout.join("blobs/sha256").join(digest))
}

fn document(path: &Path) -> Result<Value, String> {
    let read = fs::read(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    serde_json::from_slice(&read).map_err(|error| format!("`{}`: {error}", path.display()))
}

/// Podman with a store of its own, so that nothing is left on the machine.
struct Podman {
    root: PathBuf,
    store: PathBuf,
}

impl Podman {
    fn words(&self, rest: &[&str]) -> Result<Vec<String>, String> {
        let store = text(&self.store)?;
        // `runc` runs where the kernel still has control groups of both kinds.
        let own = ["podman", "--storage-driver=vfs", "--runtime=runc", "--root", store];
        let state = format!("--runroot={store}/state");
        let own = own.iter().map(|word| (*word).to_owned()).chain([state]);
        Ok(own.chain(rest.iter().map(|word| (*word).to_owned())).collect())
    }

    fn run(&self, rest: &[&str]) -> Result<(), String> {
        let words = self.words(rest)?;
        command::run(&self.root, &words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn ask(&self, rest: &[&str]) -> Result<String, String> {
        let words = self.words(rest)?;
        command::ask(&self.root, &words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// How it ended, and all it said.
    fn end(&self, rest: &[&str]) -> Result<(Option<i32>, String), String> {
        let words = self.words(rest)?;
        command::end(&self.root, &words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Takes away what was made in the store, and the store.
    fn forget_all(&self) -> Result<(), String> {
        self.ask(&["rm", "--all", "--force", "--volumes"])?;
        self.ask(&["volume", "rm", "--all", "--force"])?;
        self.ask(&["rmi", "--all", "--force"])?;
        fs::remove_dir_all(&self.store).map_err(|error| format!("Podman's store: {error}"))
    }
}

fn size(path: &Path) -> Result<u64, String> {
    fs::metadata(path).map(|it| it.len()).map_err(|error| format!("`{}`: {error}", path.display()))
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
