#!/bin/sh
# Builds the component twice from one source: v1/packs/hello.wasm and v2/packs/hello.wasm.
set -eu
cd "$(dirname "$0")"
for version in 1 2; do
    HELLO_VERSION="$version.0.0" cargo build --release --locked --target wasm32-wasip2 \
        --manifest-path component/Cargo.toml --target-dir component/target
    mkdir -p "v$version/packs"
    cp component/target/wasm32-wasip2/release/hello.wasm "v$version/packs/hello.wasm"
done
