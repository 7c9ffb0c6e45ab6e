//! The README as a newcomer types it: every command of its transcripts works, in order.

use std::process::Command;

use crate::world::{World, example, root};

/// The commands of the blocks that are marked as transcripts.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("<!-- transcript -->\n```sh\n").skip(1);
    let bodies = blocks.filter_map(|block| block.split_once("```").map(|(body, _)| body));
    bodies.flat_map(str::lines).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn every_command_of_the_readme_works() {
    example();
    let world = World::new();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let commands = commands(&readme);
    assert!(commands.len() > 12, "the transcripts of the README are not found");
    std::os::unix::fs::symlink(root().join("examples"), world.folder.path().join("examples"))
        .unwrap();
    for command in commands {
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(words[0], "gtc", "{command}");
        let output = Command::new(env!("CARGO_BIN_EXE_gtc"))
            .args(&words[1..])
            .current_dir(world.folder.path())
            .env("GREENTIC_HOME", world.folder.path().join("home"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
