#!/bin/sh
# What a request costs: this gateway beside nghttpx and HAProxy, in front of one HTTP/2 app, in interleaved rounds of one run.
#
#   Tests/Benchmark/run.sh                installs what is missing, builds for release, measures, prints a table
#   ROUNDS=9 REQUESTS=60000 Tests/Benchmark/run.sh
#
# ROUNDS (5), SECONDS of a round over h1 (3), REQUESTS of a round over h2c (40000).
# STATIC=1: builds with the static standard library too, and measures that program's memory beside the other's.
# BENCHMARK_BINARY, BENCHMARK_STATIC_BINARY: a built passkey-sidecar, then it is not built.
# Reported, not asserted: figures of one machine at one time. How it is measured: the head of benchmark.py.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# Debian's packages belong to Debian's Python.
python=/usr/bin/python3

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

missing=
for pair in h2load:nghttp2-client nghttpd:nghttp2-server nghttpx:nghttp2-proxy haproxy:haproxy wrk:wrk; do
  PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
for pair in cryptography:python3-cryptography hpack:python3-hpack; do
  "$python" -c "import ${pair%%:*}" 2>/dev/null || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || { echo "run.sh: please install what Debian calls$missing" >&2; exit 1; }
  echo "Installing$missing"
  as_root apt-get update -qq
  # shellcheck disable=SC2086 # a list of words
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if [ -z "${BENCHMARK_BINARY-}" ]; then
  swift build --package-path "$root" -c release --product passkey-sidecar
  BENCHMARK_BINARY=$(swift build --package-path "$root" -c release --show-bin-path)/passkey-sidecar
fi
if [ -n "${STATIC-}" ] && [ -z "${BENCHMARK_STATIC_BINARY-}" ]; then
  set -- --package-path "$root" --scratch-path "$root/.build/static" -c release --static-swift-stdlib
  swift build "$@" --product passkey-sidecar
  BENCHMARK_STATIC_BINARY=$(swift build "$@" --show-bin-path)/passkey-sidecar
fi
export BENCHMARK_BINARY
[ -z "${BENCHMARK_STATIC_BINARY-}" ] || export BENCHMARK_STATIC_BINARY
PATH=$PATH:/usr/sbin exec "$python" -B "$here/benchmark.py"
