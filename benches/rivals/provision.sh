#!/usr/bin/env bash
# Builds and installs the rivals that are programs: provision.sh [DIR], by default target/rivals.
# Then: CATCHWATER_RIVALS=DIR cargo bench -p catchwater-benches --features rivals
# Reports and skips rivals that can't be built; the benches report them as absent.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
dir="${1:-$here/../../target/rivals}"
mkdir -p "$dir"
dir="$(cd "$dir" && pwd)"

# Version of the crate simdjson-sys, which contains the sources of simdjson; the crate itself is not built.
simdjson_version="=0.4.0-alpha.2"

simdjson() (
    set -e
    local fetch="$dir/fetch-simdjson"
    mkdir -p "$fetch/src" && : >"$fetch/src/lib.rs"
    printf '[workspace]\n[package]\nname = "fetch-simdjson"\nedition = "2024"\n[dependencies]\nsimdjson-sys = "%s"\n' \
        "$simdjson_version" >"$fetch/Cargo.toml"
    cargo fetch --quiet --manifest-path "$fetch/Cargo.toml"
    local sources
    sources="$(cargo metadata --format-version 1 --manifest-path "$fetch/Cargo.toml" | python3 -c '
import json, os, sys
packages = json.load(sys.stdin)["packages"]
crate = next(package for package in packages if package["name"] == "simdjson-sys")
print(os.path.join(os.path.dirname(crate["manifest_path"]), "vendor", "simdjson"))')"
    # Native: the on-demand API chooses its kernel at compile time.
    c++ -std=c++17 -O3 -march=native -I "$sources" "$here/programs/simdjson.cpp" "$sources/simdjson.cpp" \
        -o "$dir/simdjson"
)

proton() {
    c++ -std=c++17 -O2 "$here/programs/proton.cpp" -o "$dir/proton" -lqpid-proton-cpp
}

python() (
    set -e
    [ -x "$dir/python/bin/python" ] || python3 -m venv "$dir/python"
    "$dir/python/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r "$here/requirements.txt"
)

failed=0
make() {
    if "$1"; then echo "$1: made"; else echo "$1: absent: $2" >&2; failed=1; fi
}
make simdjson "it needs cargo, python3 and a C++ compiler"
make proton "it needs a C++ compiler and Debian's libqpid-proton-cpp12-dev"
make python "it needs CPython 3.11 or newer and a package index"
echo "CATCHWATER_RIVALS=$dir"
exit "$failed"
