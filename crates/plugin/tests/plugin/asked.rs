//! What env-packs that mean well are asked, and answer.

use deploy_spec::{Kind, Slot};
use plugin::{Host, Limits};
use serde_json::{Value, json};

use crate::guests::{actor, example, opened};

fn host() -> Host {
    Host::new(Limits::default()).unwrap()
}

#[test]
fn the_example_says_what_it_is_and_checks_what_no_schema_can_say() {
    let pack = host().open("example", &example()).unwrap();
    let described = pack.describe().unwrap();
    assert_eq!(described.kind.as_str(), "example.deployer.cluster@0.1.0");
    assert_eq!(described.handler.slot, Slot::Deployer);
    let asked: Vec<&str> =
        described.handler.setup.questions().iter().map(|q| q.name.as_str()).collect();
    assert_eq!(asked, ["region", "cluster", "token"]);
    assert_eq!(described.handler.tools.len(), 1);
    assert_eq!(described.handler.credentials.len(), 2);
    let said = |settings: Value| pack.check(settings.as_object().unwrap()).unwrap();
    assert_eq!(said(json!({"region": "eu-west", "cluster": "eu-west-1"})), []);
    let wrong = said(json!({"region": "eu-west", "cluster": "us-east-1"}));
    assert_eq!(
        wrong,
        [("/answers/cluster".into(), "the cluster is in another region than `eu-west`".into())]
    );
}

#[test]
fn nothing_is_remembered_from_one_call_to_the_next() {
    let pack = opened("", Limits::default()).unwrap();
    let play = json!({"play": "remember"});
    for _ in 0..3 {
        let said = pack.check(play.as_object().unwrap()).unwrap();
        assert_eq!(said[0].1, "1");
    }
}

#[test]
fn a_pack_finds_nothing_around_it() {
    let pack = opened("", Limits::default()).unwrap();
    let said = pack.check(json!({"play": "world"}).as_object().unwrap()).unwrap();
    assert_eq!(
        said[0].1,
        "arguments 0, variables 0, folder false, read false, write false, tcp false, \
         listen false, udp false, name false"
    );
    assert!(!std::path::Path::new("/tmp/actor").exists());
}

#[test]
fn what_a_pack_prints_is_dropped_and_does_no_harm() {
    let fault = opened("print", Limits::default()).unwrap().describe().unwrap_err();
    assert!(fault.message.contains("what it says of itself"), "{fault:?}");
}

#[test]
fn what_is_no_env_pack_is_not_opened() {
    let host = host();
    let wat = b"(component)";
    let core_module = b"\0asm\x01\0\0\0";
    let empty_component = b"\0asm\x0d\0\x01\0";
    let mut broken = actor("");
    broken.truncate(20_000);
    let cases: [(&[u8], &str); 6] = [
        (b"", "is no component"),
        (b"hello", "is no component"),
        (wat, "is no component"),
        (core_module, "is no component"),
        (&broken, "is no component"),
        (empty_component, "does not export greentic:env-pack/pack@0.1.0"),
    ];
    for (bytes, why) in cases {
        let fault = host.open("oci://acme/x:1", bytes).unwrap_err();
        assert_eq!(fault.kind, Kind::InvalidInput);
        assert!(fault.message.contains(why), "{fault:?}");
        assert!(fault.message.contains("`oci://acme/x:1`") && fault.hint.is_some(), "{fault:?}");
    }
}
