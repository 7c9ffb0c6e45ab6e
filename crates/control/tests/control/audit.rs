//! `audit prune`, and what is written down although no record changes.

use control::audit::{AuditFile, Prune};
use serde_json::{Value, json};

use crate::world::World;

fn files(count: u64) -> Vec<AuditFile> {
    let file = |i| AuditFile { file: format!("audit/{i}"), first: i * 10, size_bytes: 100 };
    (0..count).map(file).collect()
}

fn prune(world: &mut World, keep: u32, count: u64) -> (Vec<String>, Value) {
    let pruned = world.ask_with::<Prune>(json!({"keep": keep}), &files(count)).unwrap();
    let removed = pruned["removed"].as_array().unwrap().iter();
    (
        removed.map(|file| file["file"].as_str().unwrap().to_owned()).collect(),
        pruned["kept"].clone(),
    )
}

#[test]
fn the_oldest_files_go_and_that_they_went_is_in_the_log() {
    let mut world = World::serving(0);
    let (before, events) = (world.memory.records().clone(), world.audit.len());
    assert_eq!(prune(&mut world, 2, 2), (vec![], json!(2)));
    assert_eq!(world.audit.len(), events, "nothing went");
    let gone = vec!["audit/0".to_owned(), "audit/1".to_owned()];
    assert_eq!(prune(&mut world, 2, 4), (gone, json!(2)));
    assert_eq!(*world.memory.records(), before);
    let last = world.audit.last().unwrap();
    assert_eq!((last.noun.as_str(), last.verb.as_str()), ("audit", "prune"));
    assert_eq!(world.audit.len(), events + 1);
}
