//! Whether the command line compiles for the machines that people type on.
//!
//! Rust is checked whole, by the standard library of each target. The C of some libraries (ring, zstd,
//! mimalloc) is not: that would take a compiler and the headers of each system. In its place stands a
//! compiler that makes empty files, which is enough for a check, because nothing is linked.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::command::{self, text};
use crate::house::House;
use crate::needs;

/// Beside x86-64 Linux, which everything else here is built for.
const TARGETS: &[&str] =
    &["aarch64-unknown-linux-musl", "aarch64-apple-darwin", "x86_64-pc-windows-gnu"];

/// Makes what `-o` names, or the archive that is named first, and nothing in it.
const COMPILER: &str = "#!/bin/sh
for word in \"$@\"; do
  case \"$before $word\" in
    '-o '* | *.a) : >\"$word\" ;;
  esac
  before=$word
done
";

/// Checks every target.
///
/// # Errors
/// When a target cannot be installed, or the command line does not compile for it.
pub(crate) fn run(house: &House) -> Result<(), String> {
    let compiler = compiler(&house.target)?;
    let compiler = text(&compiler)?;
    for target in TARGETS {
        println!("=== {target}");
        needs::add_target(&house.root, target)?;
        let variable = |name: &str| format!("{name}_{}={compiler}", target.replace('-', "_"));
        let tools = ["CC", "CXX", "AR"].map(variable);
        let check = ["cargo", "check", "--locked", "--package", "gtc", "--target", target];
        let words: Vec<&str> =
            ["env"].into_iter().chain(tools.iter().map(String::as_str)).chain(check).collect();
        command::run(&house.root, &words)?;
    }
    Ok(())
}

fn compiler(folder: &Path) -> Result<PathBuf, String> {
    let path = folder.join("makes-empty-files");
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    std::fs::write(&path, COMPILER).map_err(failed)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
    Ok(path)
}
