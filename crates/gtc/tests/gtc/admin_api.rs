//! The admin API against what it says of itself, as schemathesis understands that.

use std::path::Path;
use std::process::Command;

use rcgen::ExtendedKeyUsagePurpose;
use serde_json::{Value, json};

use crate::admin_tls::Admin;
use crate::world::{World, root};

/// What it holds an API to, but one thing: that whatever the schema lets through is taken. A document
/// can be well-formed and still say nothing that makes sense here, such as weights of 90 %.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    missing_required_header,unsupported_method,allow_header_conformance";

#[test]
fn it_is_what_its_document_says() {
    let (world, _) = World::with_bundles();
    world.op("bundles add", &["hello", "--host", "hello.localhost"]);
    let admin = Admin::start(&world);
    let ada = admin.authority.issue("ada", ExtendedKeyUsagePurpose::ClientAuth);
    let [cert, key] = ["ada.pem", "ada.key"].map(|name| world.file(name));
    std::fs::write(&cert, &ada.pem).unwrap();
    std::fs::write(&key, ada.key.serialize_pem()).unwrap();

    let (status, document) = admin.ask(Some(&ada), "GET /openapi.json", "").unwrap();
    assert_eq!(status, 200);
    let mut document: Value = serde_json::from_str(&document).unwrap();
    for (name, path) in document["paths"].as_object_mut().unwrap() {
        if let Some(schema) = path.pointer_mut("/post/requestBody/content/application~1json/schema")
        {
            let environment = schema["properties"]["environment_id"].as_object_mut().unwrap();
            assert_eq!(environment.remove("const"), Some(json!("local")), "{name}");
        }
    }
    let kept = std::fs::read(root().join("docs/schemas/admin-api.openapi.json")).unwrap();
    assert_eq!(document, serde_json::from_slice::<Value>(&kept).unwrap());

    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let url = format!("https://{}", admin.address);
    let ran = Command::new("python3")
        .args(["-m", "schemathesis.cli", "run", &format!("{url}/openapi.json"), "--url", &url])
        .args(["--tls-verify", &world.file("ca.pem"), "--request-cert", &cert])
        .args(["--request-cert-key", &key, "--checks", CHECKS, "--max-examples", "40"])
        .args(["--generation-deterministic", "--no-color"])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .env("PYTHONPATH", library.join("python/schemathesis"))
        .current_dir(world.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let complained = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}\n{complained}");
    // Every operation was tried, but for the one that the document came from.
    let operations = document["paths"].as_object().unwrap().len() - 1;
    assert!(said.contains(&format!("Tested: {operations}\n")), "{said}");
    // Whatever it sent, nothing came of it.
    let listed = world.op("revisions list", &["--deployment", "hello"]);
    assert_eq!(listed["revisions"], json!([]));
}

#[test]
fn what_is_not_there_and_what_is_too_large_is_said_as_everything_else() {
    let (world, _) = World::with_bundles();
    let admin = Admin::start(&world);
    let ada = admin.authority.issue("ada", ExtendedKeyUsagePurpose::ClientAuth);
    let large = format!("{{\"bundle\":\"{}\"}}", "x".repeat(1024 * 1024));
    for (head, body, expected) in [
        ("GET /nothing", "", (404, "serve", "not-found")),
        ("DELETE /status", "", (405, "serve", "invalid-input")),
        ("POST /deployments/stage", large.as_str(), (413, "revisions", "invalid-input")),
        ("POST /deployments/stage", "{", (400, "revisions", "invalid-input")),
    ] {
        let (status, said) = admin.ask(Some(&ada), head, body).unwrap();
        let said: Value = serde_json::from_str(&said).unwrap();
        let kind = said["error"]["kind"].as_str().unwrap();
        assert_eq!((status, said["noun"].as_str().unwrap(), kind), expected, "{head}");
    }
}
