//! The key that completes, in real shells.

use std::process::Command;

use crate::world::World;

/// What a shell offers for the last word of `line`, a candidate per line.
fn offered(world: &World, shell: &str, line: &str) -> String {
    let script = world.file(&format!("gtc.{shell}"));
    let written = world.gtc.end(&["completions", shell], b"").unwrap().stdout;
    std::fs::write(&script, written).unwrap();
    let (before, begun) = line.rsplit_once(' ').unwrap();
    let press = match shell {
        "fish" => format!("source {script}; complete -C '{line}'"),
        // What readline does: it calls the function with the words and where the cursor is.
        "bash" => format!(
            "source {script}; COMP_WORDS=({before} '{begun}'); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             COMP_TYPE=9; _clap_complete_gtc gtc '{begun}' ''; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        ),
        // The script gives what it found to `_describe`, which is the part that draws.
        "zsh" => format!(
            "compdef() {{ }}; _describe() {{ print -l -- \"${{(@P)3}}\" }}; source {script}; \
             words=({before} '{begun}'); CURRENT=$#words; _clap_dynamic_completer_gtc"
        ),
        other => panic!("{other}"),
    };
    let binary = std::path::PathBuf::from(env!("CARGO_BIN_EXE_gtc"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let output = Command::new(shell)
        .args(["-c", &press])
        .env("PATH", path)
        .env("GREENTIC_HOME", world.folder.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell}: {press}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_shell_offers_verbs_flags_and_the_names_of_what_there_is() {
    let (world, [bundle, _]) = World::with_bundles();
    world.op("bundles add", &["hello", "--host", "hello.localhost"]);
    world.op("revisions stage", &["local", &bundle, "--deployment", "hello"]);
    for shell in ["bash", "fish", "zsh"] {
        for (line, names) in [
            ("gtc op traffic ", &["rollback", "history"][..]),
            ("gtc op traffic set --exp", &["--expected-generation"]),
            ("gtc op traffic set --deployment ", &["hello"]),
            ("gtc op env show ", &["local"]),
            ("gtc op bundles pause ", &["hello", "local"]),
            ("gtc op revisions show ", &["hello/r1", "local"]),
            ("gtc op revisions show local he", &["hello/r1"]),
        ] {
            let offers = offered(&world, shell, line);
            for name in names {
                let there = offers.lines().any(|offer| offer.starts_with(name));
                assert!(there, "{shell}: `{line}` gives no {name}: {offers}");
            }
        }
        let deployments = offered(&world, shell, "gtc op traffic set --deployment ");
        assert!(!deployments.contains("rollback"), "{shell}: {deployments}");
    }
}
