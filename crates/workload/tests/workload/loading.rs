//! What can be loaded, and how the rest is refused.

use deploy_spec::Kind;
use workload::{Engine, EngineSettings};

use crate::support::{bundle, engine, new_engine};

const PACK: &str = "  - {pack_id: web, kind: http-component, path: packs/web.wasm}\n";

fn refusal(component: &[u8]) -> deploy_spec::Fault {
    bundle(PACK, &[("packs/web.wasm", component)]).load(&engine()).unwrap_err()
}

/// A component in the binary format that imports and exports nothing.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// A core module that imports and exports nothing.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// `(component (import "gt:none/such@1.0.0" (instance (export "f" (func)))))`
fn with_import() -> Vec<u8> {
    let mut bytes = EMPTY.to_vec();
    // The type section: one instance type of two declarations, a function type and an export.
    bytes.extend([7, 14, 1, 0x42, 2, 1, 0x40, 0, 1, 0, 4, 0, 1, b'f', 1, 0]);
    // The import section: one instance of that type.
    let name = b"gt:none/such@1.0.0";
    bytes.extend([10, name.len() as u8 + 5, 1, 0, name.len() as u8]);
    bytes.extend(name);
    bytes.extend([5, 0]);
    bytes
}

#[test]
fn what_is_not_a_component_is_refused() {
    for bytes in [b"not wasm".as_slice(), b"", MODULE, &EMPTY[..4]] {
        let fault = refusal(bytes);
        assert_eq!(fault.kind, Kind::InvalidInput, "{fault}");
        assert!(fault.message.contains("pack `web`"), "{fault}");
        assert!(fault.hint.is_some(), "{fault}");
    }
}

#[test]
fn a_component_without_a_handler_is_refused() {
    let fault = refusal(EMPTY);
    assert!(fault.message.contains("does not export wasi:http/incoming-handler"), "{fault}");
    assert_eq!(fault.details["pointer"], "/packs/0");
}

#[test]
fn an_import_that_nobody_provides_is_named() {
    let fault = refusal(&with_import());
    assert_eq!(fault.details["import"], "gt:none/such@1.0.0", "{fault}");
    assert!(fault.message.contains("gt:none/such@1.0.0"), "{fault}");
}

#[test]
fn an_engine_has_instances() {
    let settings = EngineSettings { instances: 0, ..EngineSettings::default() };
    assert_eq!(Engine::new(settings).unwrap_err().kind, Kind::InvalidInput);
}

#[test]
fn engines_of_the_same_settings_have_the_same_version() {
    assert_eq!(new_engine(1).version(), new_engine(2).version());
    assert!(engine().version().starts_with("wasmtime-"));
}
