//! What the documents say to type, as a newcomer types it: every command of their transcripts
//! works, in order.

use std::path::Path;
use std::process::Command;

use crate::elsewhere;
use crate::world::{World, example, root};

/// The commands of the blocks that are marked as transcripts.
pub(crate) fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("<!-- transcript -->\n```sh\n").skip(1);
    let bodies = blocks.filter_map(|block| block.split_once("```").map(|(body, _)| body));
    bodies.flat_map(str::lines).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn every_command_works(document: &str, at_least: usize) {
    example();
    let world = World::new();
    let text = std::fs::read_to_string(root().join(document)).unwrap();
    let commands = commands(&text);
    assert!(commands.len() >= at_least, "the transcripts of {document} are not found");
    let examples = world.folder.path().join("examples/hello");
    std::fs::create_dir_all(&examples).unwrap();
    let versions = ["v1", "v2"].map(|version| root().join("examples/hello").join(version));
    let copied = Command::new("cp").arg("-r").args(versions).arg(&examples).status();
    assert!(copied.unwrap().success());
    let packs = world.folder.path().join("examples/env-pack");
    std::fs::create_dir_all(&packs).unwrap();
    std::fs::copy(elsewhere::example(), packs.join("cluster.wasm")).unwrap();
    let gtc = Path::new(env!("CARGO_BIN_EXE_gtc")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", gtc.display());
    for command in commands {
        let output = Command::new("sh")
            .args(["-ec", &command])
            .current_dir(world.folder.path())
            .env("PATH", &path)
            .env("GREENTIC_HOME", world.folder.path().join("home"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_command_of_the_readme_works() {
    every_command_works("README.md", 12);
}

#[test]
fn every_command_of_the_page_on_env_packs_works() {
    every_command_works("docs/env-packs.md", 8);
}

#[test]
fn every_command_of_the_operators_page_works() {
    every_command_works("docs/operations.md", 20);
}
