//! Our signatures and those of securesystemslib, the implementation that in-toto and TUF share:
//! each accepts what the other signed, and refuses what was changed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle::sign::{
    Envelope, PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, SigningKey, Trust, countersign,
    public_key_from_pem, sign, verify,
};
use deploy_spec::{Digest, Timestamp};
use serde_json::{Map, Value, json};

/// Where `cargo xtask test` installs it; its version is said there.
fn library() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("python/signatures")
}

/// What securesystemslib answers.
fn ask(question: &Value) -> Value {
    let library = library();
    let there = library.join("securesystemslib").is_dir();
    assert!(there, "{} is needed by this test: `cargo xtask test` installs it", library.display());
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bundle/peer.py");
    let mut asked = Command::new("python3");
    asked.arg(program).env("PYTHONPATH", &library).env("PYTHONDONTWRITEBYTECODE", "1");
    let mut child = asked.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{question}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn asked_to_verify(envelope: &Envelope, keys: &[&SigningKey], threshold: u32) -> Value {
    let pem = |key: &&SigningKey| (key.key_id(), key.public_key_to_pem().unwrap().into());
    let keys: Map<String, Value> = keys.iter().map(pem).collect();
    ask(&json!({"do": "verify", "envelope": envelope, "keys": keys, "threshold": threshold}))
}

/// An envelope of theirs around a statement about `digest`.
fn signed_by_them(keys: &[&SigningKey], digest: &Digest) -> Value {
    let payload = json!({
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "fast2flow", "digest": {"sha256": digest.hex()}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {},
    });
    let pem = |key: &&SigningKey| (key.key_id(), key.to_pkcs8_pem().unwrap().into());
    let keys: Map<String, Value> = keys.iter().map(pem).collect();
    let payload = payload.to_string();
    ask(&json!({"do": "sign", "payload": payload, "payload_type": PAYLOAD_TYPE, "keys": keys}))
}

/// Whether we accept an envelope that as many of these keys must have signed.
fn ours(
    envelope: &Value,
    digest: &Digest,
    keys: &[&SigningKey],
    threshold: u32,
) -> Result<String, Value> {
    let read = |key: &&SigningKey| public_key_from_pem(&key.public_key_to_pem().unwrap()).unwrap();
    let keys: Vec<_> = keys.iter().map(read).collect();
    let trust = Trust { keys: &keys, threshold, revoked: &[], now: Timestamp::UNIX_EPOCH };
    let verified = verify(envelope.to_string().as_bytes(), digest, trust);
    verified.map(|signed| signed.key_id).map_err(|fault| fault.details["reason"].clone())
}

#[test]
fn securesystemslib_accepts_what_we_sign_and_refuses_what_was_changed() {
    let (key, other) = (SigningKey::create().unwrap(), SigningKey::create().unwrap());
    let digest = Digest::of(b"bundle");
    let one = sign(&key, "fast2flow", &digest).unwrap();
    let said = asked_to_verify(&one, &[&key], 1);
    assert_eq!(said["accepted"], json!([key.key_id()]), "{said}");
    assert_eq!(said["payload"]["subject"][0]["digest"]["sha256"], digest.hex());
    let pae = said["pae"].as_str().unwrap();
    assert!(pae.starts_with("DSSEv1 28 application/vnd.in-toto+json "), "{pae}");

    let text = serde_json::to_vec(&one).unwrap();
    let both = countersign(&other, &text, "fast2flow", &digest).unwrap();
    let mut ids = [key.key_id(), other.key_id()];
    ids.sort();
    assert_eq!(asked_to_verify(&both, &[&key, &other], 2)["accepted"], json!(ids));
    assert!(asked_to_verify(&one, &[&key, &other], 2)["refused"].is_string(), "one is not two");
    assert!(asked_to_verify(&one, &[&other], 1)["refused"].is_string(), "another's key");

    let payload = String::from_utf8(STANDARD.decode(&one.payload).unwrap()).unwrap();
    let tampered = payload.replace(digest.hex(), Digest::of(b"another").hex());
    assert_ne!(tampered, payload);
    let changed = Envelope { payload: STANDARD.encode(tampered), ..one.clone() };
    assert!(asked_to_verify(&changed, &[&key], 1)["refused"].is_string(), "a changed payload");
    let retyped = Envelope { payload_type: "application/json".into(), ..one };
    assert!(asked_to_verify(&retyped, &[&key], 1)["refused"].is_string(), "a changed type");
}

#[test]
fn we_accept_what_securesystemslib_signs_and_refuse_what_was_changed() {
    let (key, other) = (SigningKey::create().unwrap(), SigningKey::create().unwrap());
    let digest = Digest::of(b"bundle");
    let one = signed_by_them(&[&key], &digest);
    assert_eq!(ours(&one, &digest, &[&key], 1), Ok(key.key_id()));
    assert_eq!(ours(&one, &digest, &[&key, &other], 2), Err("too-few-signatures".into()));
    assert_eq!(ours(&one, &digest, &[&other], 1), Err("unknown-key".into()));
    assert_eq!(ours(&one, &Digest::of(b"another"), &[&key], 1), Err("wrong-subject".into()));
    let both = signed_by_them(&[&key, &other], &digest);
    assert!(ours(&both, &digest, &[&key, &other], 2).is_ok());

    let mut changed = one;
    let another = signed_by_them(&[&key], &Digest::of(b"another"));
    changed["payload"] = another["payload"].clone();
    assert_eq!(ours(&changed, &Digest::of(b"another"), &[&key], 1), Err("bad-signature".into()));
    assert_eq!(ours(&changed, &digest, &[&key], 1), Err("tampered-payload".into()));
}
