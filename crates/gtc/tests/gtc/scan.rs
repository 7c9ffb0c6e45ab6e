//! No bundle is built with a secret in it, and one that holds one is told from one that does not.

use serde_json::json;

use crate::world::{World, example};

/// A made-up key of AWS, in two parts, so that nobody takes this file for a leak.
fn made_up() -> String {
    ["AKIA", "Z7QXB5TJ2LNW4RKP"].concat()
}

#[test]
fn a_bundle_with_a_secret_in_it_is_not_built_and_the_secret_is_not_shown() {
    let world = World::new();
    let dir = world.folder.path().join("leaky");
    let copied = std::process::Command::new("cp")
        .args(["-r", example().join("v1").to_str().unwrap(), dir.to_str().unwrap()])
        .status();
    assert!(copied.unwrap().success());
    let (dir, output) = (dir.to_str().unwrap(), world.file("leaky.gtbundle"));
    let build = ["bundle", "build", dir, "--output", &output];
    std::fs::write(format!("{dir}/.env"), "PASSWORD=x").unwrap();
    let built = world.gtc.run(&build).unwrap();
    let left_out = built["left_out"].as_array().unwrap();
    assert!(left_out.iter().any(|it| it["path"] == ".env"), "{built}");
    assert_eq!(built["findings"], json!([]));
    world.gtc.run(&["bundle", "scan", &output]).unwrap();

    std::fs::remove_file(&output).unwrap();
    std::fs::write(format!("{dir}/site/config.js"), format!("key = \"{}\"\n", made_up())).unwrap();
    let (code, said) = world.refused(&build, "");
    assert_eq!(code, 5, "{said}");
    assert!(said.to_string().contains("site/config.js"), "{said}");
    assert!(!said.to_string().contains(&made_up()), "{said}");
    assert!(!std::path::Path::new(&output).exists(), "nothing is left of it");
    let (code, said) = world.refused(&["bundle", "scan", dir], "");
    assert_eq!((code, &said["error"]["kind"]), (7, &json!("unhealthy")));
}
