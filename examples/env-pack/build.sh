#!/bin/sh
# Builds the component: cluster.wasm.
set -eu
cd "$(dirname "$0")"
cargo build --release --locked --target wasm32-wasip2 --target-dir target
cp target/wasm32-wasip2/release/example_deployer.wasm cluster.wasm
