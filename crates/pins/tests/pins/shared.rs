//! What replicas share.

use std::time::Duration;

use dispatch::LIFETIME_S;
use harness::Redis;
use pins::{Pins, Server};

use crate::{NOON, name, pin};

/// Long enough for any machine: what is tested is never how fast it is.
const PATIENT: Duration = Duration::from_secs(60);

fn server(redis: &Redis) -> Server {
    Server { url: redis.url(), user: None, password: None, deadline: PATIENT }
}

/// A replica that is connected.
async fn replica(server: &Server) -> Pins {
    let pins = Pins::shared(server).unwrap();
    is_answered(&pins).await;
    pins
}

/// Asks until the server answers.
async fn is_answered(pins: &Pins) {
    loop {
        let before = pins.unanswered();
        pins.agree(&name(b"somebody else"), pin(9, 0), NOON).await;
        if pins.unanswered() == before {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn replicas_agree_on_the_pin_of_the_newest_split() {
    let redis = Redis::start(&[]).unwrap();
    let server = server(&redis);
    let (ahead, behind) = (replica(&server).await, replica(&server).await);
    let unanswered = || ahead.unanswered() + behind.unanswered();
    let before = unanswered();
    let me = name(b"me");
    assert_eq!(behind.agree(&me, pin(1, 4), NOON).await, pin(1, 4));
    assert_eq!(ahead.agree(&me, pin(2, 5), NOON).await, pin(2, 5));
    assert_eq!(behind.agree(&me, pin(1, 4), NOON).await, pin(2, 5));
    assert_eq!(ahead.agree(&name(b"you"), pin(1, 5), NOON).await, pin(1, 5));

    let key = me.to_string();
    assert_eq!(key, "gt:rev_pin:prod:01SHOP:acme:2744ccd10c7533bd736ad890f9dd5cab");
    assert_eq!(redis.say(&["GET", &key]).unwrap(), pin(2, 5).to_string());
    let life: u64 = redis.say(&["TTL", &key]).unwrap().parse().unwrap();
    assert!(life <= LIFETIME_S && life > LIFETIME_S - 600, "{life}");
    // Renewed when half of it is over, and not before.
    let expire = |life: u64| redis.say(&["EXPIRE", &key, &life.to_string()]).unwrap();
    expire(LIFETIME_S / 2 + 600);
    behind.agree(&me, pin(1, 4), NOON).await;
    assert!(redis.say(&["TTL", &key]).unwrap().parse::<u64>().unwrap() < LIFETIME_S - 600);
    expire(LIFETIME_S / 2 - 600);
    behind.agree(&me, pin(1, 4), NOON).await;
    assert!(redis.say(&["TTL", &key]).unwrap().parse::<u64>().unwrap() > LIFETIME_S - 600);

    // What is no pin is written over.
    assert_eq!(redis.say(&["SET", &key, "nonsense"]).unwrap(), "OK");
    assert_eq!(ahead.agree(&me, pin(2, 5), NOON).await, pin(2, 5));
    assert_eq!(unanswered(), before);
}

#[tokio::test]
async fn a_server_that_hangs_is_waited_for_until_the_deadline_and_what_is_known_counts() {
    let redis = Redis::start(&[]).unwrap();
    let patient = replica(&server(&redis)).await;
    let hasty = Server { deadline: Duration::from_millis(5), ..server(&redis) };
    let hasty = replica(&hasty).await;
    patient.agree(&name(b"me"), pin(2, 5), NOON).await;
    while hasty.agree(&name(b"me"), pin(1, 4), NOON).await != pin(2, 5) {}
    redis.signal("STOP").unwrap();
    let before = hasty.unanswered();
    for _ in 0..100 {
        // Remembered from before.
        assert_eq!(hasty.agree(&name(b"me"), pin(1, 4), NOON).await, pin(2, 5));
        assert_eq!(hasty.agree(&name(b"you"), pin(1, 4), NOON).await, pin(1, 4));
    }
    assert_eq!(hasty.unanswered() - before, 200);
    redis.signal("CONT").unwrap();
    is_answered(&hasty).await;
}

#[tokio::test]
async fn a_server_that_was_lost_is_found_again() {
    let mut redis = Redis::start(&[]).unwrap();
    let pins = replica(&server(&redis)).await;
    for generation in 1..4 {
        redis.stop().unwrap();
        let before = pins.unanswered();
        let proposed = pin(generation, generation);
        assert_eq!(pins.agree(&name(b"me"), proposed, NOON).await, proposed);
        assert_eq!(pins.unanswered(), before + 1);
        redis.start_again().unwrap();
        is_answered(&pins).await;
        pins.agree(&name(b"me"), proposed, NOON).await;
        assert_eq!(redis.say(&["GET", &name(b"me").to_string()]).unwrap(), proposed.to_string());
    }
}

#[tokio::test]
async fn who_must_log_in_does() {
    let users = "--user pins on >secret ~gt:rev_pin:* +@all --user default off";
    let redis = Redis::start(&users.split(' ').collect::<Vec<_>>()).unwrap();
    let login =
        Server { user: Some("pins".into()), password: Some("secret".into()), ..server(&redis) };
    let pins = replica(&login).await;
    assert_eq!(pins.agree(&name(b"me"), pin(1, 4), NOON).await, pin(1, 4));
    let stranger = Pins::shared(&server(&redis)).unwrap();
    assert_eq!(stranger.agree(&name(b"me"), pin(2, 5), NOON).await, pin(2, 5));
    assert_eq!(stranger.unanswered(), 1);
}

#[test]
fn an_address_that_is_none_is_refused() {
    let url = "http://127.0.0.1".to_owned();
    let server = Server { url, user: None, password: None, deadline: PATIENT };
    let said = Pins::shared(&server).map(drop).unwrap_err().to_string();
    assert!(said.contains("`http://127.0.0.1` is no address of a Redis server"), "{said}");
}
