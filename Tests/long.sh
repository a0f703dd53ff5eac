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

# The demo's page in a real browser (Debian: chromium, python3-websockets) with a virtual authenticator.
browser() {
  swift build -c release --product passkey-sidecar-demo
  said=$(mktemp)
  DEMO_BINARIES=$(dirname "$binary") sh config/demo/run.sh >"$said" &
  demo=$!
  while ! grep -q '^Open ' "$said" && kill -0 "$demo" 2>/dev/null; do sleep 0.1; done
  status=0
  /usr/bin/python3 Tests/Peers/browser.py "$(sed -n 's/^Open //p' "$said")/" || status=$?
  kill "$demo" 2>/dev/null || :
  wait "$demo" || :
  rm "$said"
  return "$status"
}

# 2,000 connections with a request under way each beside 10,000 idle ones, for SECONDS_OF_LOAD (20), within the container's memory.
# Needs 14,200 descriptors (ulimit -H -n).
overload() { /usr/bin/python3 Tests/Peers/overload.py "$binary" ${SECONDS_OF_LOAD:-}; }

[ $# -gt 0 ] || set -- idle transfer overload browser
for part in "$@"; do
  printf '%s\n' "$part"
  "$part"
done
