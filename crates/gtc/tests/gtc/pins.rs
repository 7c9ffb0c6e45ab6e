//! Sessions that an application names, and that replicas share in a real Redis.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{Connection, Redis};

use crate::watching::{metrics, value};
use crate::world::World;

const LOGIN: [&str; 3] = ["-a", "secret", "--no-auth-warning"];

fn say(redis: &Redis, words: &[&str]) -> String {
    redis.say(&[&LOGIN, words].concat()).unwrap()
}

/// A deployment whose sessions are named by `x-user`, half of them with each revision.
fn shop() -> (World, String, [String; 2]) {
    let (world, bundles) = World::with_bundles();
    let (id, revisions) = world.deployed(&bundles, "hello.test", "/");
    world.op("bundles update", &["hello", "--session", "header:x-user"]);
    world.set(&id, &["r1=50", "r2=50"]);
    (world, id, revisions)
}

fn ask(connection: &mut Connection, user: &str) -> String {
    let answer = connection.ask("hello.test", "/", &format!("x-user: {user}\r\n")).unwrap();
    assert_eq!((answer.status, answer.cookie), (200, None));
    answer.revision
}

#[test]
fn a_session_is_where_a_replica_that_is_ahead_has_put_it() {
    let redis = Redis::start(&["--requirepass", "secret"]).unwrap();
    let (world, id, revisions) = shop();
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = Connection::open(&serving.address).unwrap();
    let at_home = ask(&mut connection, "me");
    let url = format!("url={}", redis.url());
    let bind = ["sessions", "--kind", "greentic.sessions.redis@0.1.0", "--answer", &url];
    world.op("env-packs update", &bind);
    let put = ["op", "secrets", "put", "env-packs/sessions/password"];
    assert_eq!(world.gtc.end(&put, b"secret").unwrap().code, 0);

    let keys = format!("gt:rev_pin:local:{id}::*");
    let key = loop {
        assert_eq!(ask(&mut connection, "me"), at_home);
        let key = say(&redis, &["KEYS", &keys]);
        if !key.is_empty() {
            break key;
        }
    };
    assert_eq!(say(&redis, &["GET", &key]), format!("0:{at_home}"));
    let other = revisions.iter().find(|revision| **revision != at_home).unwrap();
    say(&redis, &["SET", &key, &format!("7:{other}")]);
    // A wait that was too long would be no reason to fail.
    while ask(&mut connection, "me") != *other {}
    // And it stays there, whether the server answers or not.
    redis.signal("STOP").unwrap();
    for _ in 0..20 {
        assert_eq!(ask(&mut connection, "me"), *other);
    }
    redis.signal("CONT").unwrap();
    assert!(value(&metrics(&world), &["session_pins_unanswered_total "]) > 0.5);
    assert!(value(&metrics(&world), &["session_pins "]) > 0.5);

    // Bound to what it was, it is as it was.
    world.op("env-packs rollback", &["sessions"]);
    while ask(&mut connection, "me") != at_home {}
    serving.stop().unwrap();
}

#[test]
fn a_server_that_stops_and_comes_back_under_load_costs_nobody_an_answer() {
    let mut redis = Redis::start(&["--requirepass", "secret"]).unwrap();
    let (world, _, _) = shop();
    let url = format!("url={}", redis.url());
    let bind = ["sessions", "--kind", "greentic.sessions.redis@0.1.0", "--answer", &url];
    world.op("env-packs update", &bind);
    let put = ["op", "secrets", "put", "env-packs/sessions/password"];
    assert_eq!(world.gtc.end(&put, b"secret").unwrap().code, 0);
    let serving = world.gtc.start(&[]).unwrap();
    let is_over = AtomicBool::new(false);
    let asks = |user: usize| {
        let mut connection = Connection::open(&serving.address).unwrap();
        let mut homes: BTreeMap<usize, String> = BTreeMap::new();
        let mut answered = 0;
        for turn in 0.. {
            let user = user + turn % 50;
            let revision = ask(&mut connection, &user.to_string());
            assert_eq!(homes.entry(user).or_insert_with(|| revision.clone()), &revision);
            answered += 1;
            if is_over.load(Ordering::Relaxed) {
                return answered;
            }
        }
        unreachable!("it never ends by itself")
    };
    std::thread::scope(|scope| {
        let clients = [0, 1_000].map(|first| scope.spawn(move || asks(first)));
        for _ in 0..3 {
            while say(&redis, &["DBSIZE"]) == "0" {}
            let unanswered = || value(&metrics(&world), &["session_pins_unanswered_total "]);
            let before = unanswered();
            redis.stop().unwrap();
            while unanswered() <= before {}
            redis.start_again().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        for client in clients {
            assert!(client.join().unwrap() > 0);
        }
    });
    serving.stop().unwrap();
}
