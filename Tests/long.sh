#!/bin/sh
# What takes too long for Tests/run.sh, each part by its name; without arguments all of them. Builds for release.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
swift build -c release --product passkey-sidecar
binary=$(swift build -c release --show-bin-path)/passkey-sidecar

# 10,000 idle connections over HTTP/1.1 and 2,000 over HTTP/2: what one of them costs.
idle() { /usr/bin/python3 Tests/Peers/idle_connections.py "$binary"; }

# Five gigabytes (or BYTES) each way in all four pairs of protocols, and the memory that takes.
transfer() { /usr/bin/python3 Tests/Peers/large_contents.py "$binary"; }

[ $# -gt 0 ] || set -- idle transfer
for part in "$@"; do
  printf '%s\n' "$part"
  "$part"
done
