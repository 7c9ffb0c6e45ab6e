//! `gtc start` over real sockets: shares, neighbours, shifts, sessions.

use harness::{Connection, Prober, bounds};

use crate::world::World;

/// The rate at which a correct split is called wrong.
const FALSE_ALARM: f64 = 1e-6;

#[test]
fn a_thousand_requests_see_99_to_1_and_the_neighbours_see_nothing() {
    let (world, bundles) = World::with_bundles();
    let (id, [_, r2]) = world.deployed(&bundles, "hello.test", "/");
    let (shop, [shop1, _]) = world.deployed(&bundles, "shop.test", "/shop");
    let (any, [any1, _]) = world.deployed(&bundles, "localhost", "/docs");
    world.set(&id, &["r1=99", "r2=1"]);
    world.set(&shop, &["r1=100"]);
    world.set(&any, &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = Connection::open(&serving.address).unwrap();
    let mut canary = 0;
    for i in 0..1_000 {
        let answer = connection.get("hello.test", "/x").unwrap();
        assert_eq!(answer.status, 200);
        canary += u32::from(answer.revision == r2);
        if i % 10 == 0 {
            let answer = connection.get("shop.test", "/shop/cart").unwrap();
            assert_eq!((answer.status, &answer.revision), (200, &shop1));
            let body = String::from_utf8(answer.body).unwrap();
            assert!(body.contains("\"path\":\"/cart\",\"prefix\":\"/shop\""), "{body}");
            let answer = connection.get("localhost", "/docs").unwrap();
            assert_eq!((answer.status, &answer.revision), (200, &any1));
        }
    }
    let (low, high) = bounds(1_000, 0.01, FALSE_ALARM);
    assert!((low..=high).contains(&canary), "{canary} of 1000 at 1 %");
    serving.stop().unwrap();
}

#[test]
fn a_hundred_shifts_lose_no_request() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    let prober = Prober::start(&serving.address, "hello.test", "/").unwrap();
    for i in 0..100_u64 {
        let outcome = if i % 10 == 9 {
            world.op("traffic rollback", &["--deployment", &id])
        } else {
            let share = i % 101;
            world.set(&id, &[&format!("r1={}", 100 - share), &format!("r2={share}")])
        };
        prober.obeys(outcome["generation"].as_u64().unwrap()).unwrap();
    }
    let (answered, failed) = prober.stop().unwrap();
    assert_eq!(failed, 0, "of {answered}");
    assert!(answered > 100);
    serving.stop().unwrap();
}

#[test]
fn sessions_move_once_and_come_home() {
    let (world, bundles) = World::with_bundles();
    let (id, [r1, _]) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=100"]);
    world.set(&id, &["r1=90", "r2=10"]);
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = Connection::open(&serving.address).unwrap();
    let mut sessions: Vec<(String, String)> = (0..200)
        .map(|_| connection.get("hello.test", "/").unwrap())
        .map(|answer| (answer.cookie.unwrap(), answer.revision))
        .collect();
    let home: Vec<String> = sessions.iter().map(|(_, revision)| revision.clone()).collect();
    let mut visit = |sessions: &mut Vec<(String, String)>| {
        for (cookie, revision) in sessions.iter_mut() {
            let answer =
                connection.ask("hello.test", "/", &format!("cookie: {cookie}\r\n")).unwrap();
            *revision = answer.revision;
            if let Some(renewed) = answer.cookie {
                *cookie = renewed;
            }
        }
    };
    visit(&mut sessions);
    let seen: Vec<&String> = sessions.iter().map(|(_, revision)| revision).collect();
    assert_eq!(seen, home.iter().collect::<Vec<_>>(), "a session stays where it is");
    let generation = world.set(&id, &["r1=50", "r2=50"])["generation"].as_u64().unwrap();
    obeyed(&serving.address, generation);
    visit(&mut sessions);
    for ((_, now), before) in sessions.iter().zip(&home) {
        assert!(now == before || *before == r1, "nobody leaves the canary while it grows");
    }
    let generation = world.op("traffic rollback", &["--deployment", &id])["generation"].as_u64();
    obeyed(&serving.address, generation.unwrap());
    visit(&mut sessions);
    let seen: Vec<&String> = sessions.iter().map(|(_, revision)| revision).collect();
    assert_eq!(seen, home.iter().collect::<Vec<_>>(), "a rollback brings everybody home");
    serving.stop().unwrap();
}

/// Waits until the split of `generation` answers.
fn obeyed(address: &str, generation: u64) {
    let prober = Prober::start(address, "hello.test", "/").unwrap();
    prober.obeys(generation).unwrap();
    prober.stop().unwrap();
}

#[test]
fn what_is_not_served_says_so() {
    let (world, bundles) = World::with_bundles();
    let (id, [r1, r2]) = world.deployed(&bundles, "hello.test", "/app");
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = Connection::open(&serving.address).unwrap();
    assert_eq!(connection.get("hello.test", "/app").unwrap().status, 503, "no split yet");
    assert_eq!(connection.get("hello.test", "/apple").unwrap().status, 404);
    assert_eq!(connection.get("other.test", "/app").unwrap().status, 404);
    let generation = world.set(&id, &["r1=100"])["generation"].as_u64().unwrap();
    let prober = Prober::start(&serving.address, "hello.test", "/app").unwrap();
    prober.obeys(generation).unwrap();
    prober.stop().unwrap();
    let forced = format!("x-greentic-revision: {r2}\r\n");
    let answer = connection.ask("hello.test", "/app", &forced).unwrap();
    assert_eq!(answer.revision, r1, "a stranger cannot force a revision");
    serving.stop().unwrap();
}

#[test]
fn two_data_planes_do_not_serve_one_environment() {
    let (world, _) = World::with_bundles();
    let serving = world.gtc.start(&[]).unwrap();
    let (code, envelope) =
        world.refused(&["start", "--listen", "127.0.0.1:0", "--log", "error"], "");
    assert_eq!(code, 4, "{envelope}");
    serving.stop().unwrap();
}

#[test]
fn warming_happens_in_the_process_that_serves() {
    let (world, bundles) = World::with_bundles();
    world.op("bundles add", &["hello"]);
    world.op("revisions stage", &[&bundles[0]]);
    let serving = world.gtc.start(&[]).unwrap();
    let warmed = world.op("revisions warm", &["r1"]);
    assert_eq!(warmed["lifecycle"], "ready");
    let again = world.op("revisions warm", &["r1"]);
    assert_eq!(again["gate"], warmed["gate"], "what is ready needs no second proof");
    serving.stop().unwrap();
}
