//! An env-pack for the slot `deployer`: what it is stands in `pack.json`, and what no schema can say
//! of its settings is checked here.

use serde_json::Value;

wit_bindgen::generate!({ path: "../../crates/plugin/wit", world: "env-pack" });

use exports::greentic::env_pack::pack::{Guest, Objection};

struct Deployer;

export!(Deployer);

impl Guest for Deployer {
    fn describe() -> String {
        include_str!("pack.json").to_owned()
    }

    fn check(settings: String) -> Vec<Objection> {
        let settings: Value = serde_json::from_str(&settings).unwrap_or_default();
        let region = settings["region"].as_str().unwrap_or_default();
        let cluster = settings["cluster"].as_str().unwrap_or_default();
        if cluster.is_empty() || cluster.starts_with(region) {
            return Vec::new();
        }
        vec![Objection {
            pointer: "/cluster".to_owned(),
            message: format!("the cluster is in another region than `{region}`"),
        }]
    }
}
