//! The list of deployments in pages: whatever is added and removed, and in whichever order, it says
//! what the folder of deployments says.

use control::{Change, Key, Lookup as _, Page, Record, View as _, bundles, env};
use proptest::prelude::*;
use serde_json::json;

use crate::world::{World, cases};

/// Every way of turning the pages shows every deployment once, in order, and their number.
fn agrees(world: &World) {
    let all = world.memory.deployment_ids().unwrap();
    assert_eq!(env::list(&world.memory).unwrap().deployment_count, all.len());
    for limit in [1, 7, 128, 1_000] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let shown = bundles::list(&world.memory, Page { limit, after }).unwrap();
            assert_eq!(shown.deployment_count, all.len());
            assert!(shown.deployments.len() <= limit);
            seen.extend(shown.deployments.iter().map(|shown| shown.deployment_id));
            after = shown.next_after;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, all, "{limit} a page");
    }
}

fn page_sizes(world: &World) -> Vec<usize> {
    let records = world.memory.records().values();
    let pages = records.filter_map(|record| match record {
        Record::RosterPage(page) => Some(page.deployments.len()),
        _ => None,
    });
    pages.collect()
}

fn remove(world: &mut World, id: &str) {
    world.ask::<bundles::Remove>(json!({"deployment_id": id})).unwrap();
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn whatever_comes_and_goes(steps in prop::collection::vec((0_i64..10_000, any::<u16>()), 320..400)) {
        let mut world = World::local();
        let mut live: Vec<String> = Vec::new();
        for (i, (time, dice)) in steps.into_iter().enumerate() {
            if dice % 5 == 0 && !live.is_empty() {
                remove(&mut world, &live.swap_remove(usize::from(dice) % live.len()));
            } else {
                // The time is in the id, so that it belongs anywhere among the others.
                world.set_clock(1_700_000_000 + time);
                live.push(world.add("shop", &format!("/{i}")));
            }
        }
        agrees(&world);
        let sizes = page_sizes(&world);
        prop_assert!(sizes.iter().all(|size| (1..=128).contains(size)), "{sizes:?}");
        for id in live {
            remove(&mut world, &id);
        }
        agrees(&world);
        prop_assert!(page_sizes(&world).is_empty());
    }
}

#[test]
fn what_comes_in_order_fills_page_after_page() {
    let mut world = World::local();
    for i in 0..300 {
        world.add("shop", &format!("/{i}"));
    }
    assert_eq!(page_sizes(&world), [128, 128, 44]);
    agrees(&world);
}

#[test]
fn an_environment_without_a_list_gets_one_with_the_next_change() {
    let mut world = World::local();
    for i in 0..150 {
        world.add("shop", &format!("/{i}"));
    }
    let all = world.memory.records().keys();
    let list = all.filter(|key| matches!(key, Key::Roster | Key::RosterPage(_))).cloned();
    let older: Vec<Change> = list.map(|key| Change::Delete { key }).collect();
    assert_eq!(older.len(), 3);
    world.memory.apply(&older);
    agrees(&world);
    let gone = world.memory.deployment_ids().unwrap()[3].to_string();
    remove(&mut world, &gone);
    assert_eq!(page_sizes(&world), [128, 21]);
    agrees(&world);
}

#[test]
fn a_page_that_is_lost_or_another_stops_nobody_and_comes_back() {
    let spoil: [fn(&mut World, Key); 2] = [
        |world, key| world.memory.apply(&[Change::Delete { key }]),
        |world, key| {
            let Some(Record::RosterPage(mut page)) = world.memory.get(&key).unwrap() else {
                return;
            };
            page.deployments.remove(0);
            world.memory.apply(&[Change::Put { key, record: Record::RosterPage(page) }]);
        },
    ];
    for spoil in spoil {
        for adds in [true, false] {
            let mut world = World::local();
            let ids: Vec<String> = (0..150).map(|i| world.add("shop", &format!("/{i}"))).collect();
            spoil(&mut world, Key::RosterPage(1));
            let listed = bundles::list(&world.memory, Page { limit: 1_000, after: None }).unwrap();
            assert_eq!(listed.deployments.len(), 150);
            if adds {
                world.add("shop", "/new");
            } else {
                remove(&mut world, &ids[140]);
            }
            agrees(&world);
        }
    }
}
