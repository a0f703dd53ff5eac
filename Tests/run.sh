#!/bin/sh
# Runs every test on a Debian 12 machine that has Swift 6.3 and nothing else: installs what is missing, builds, tests.
# Needs root or sudo only if something is missing. Arguments go to `swift test`: Tests/run.sh --filter GateTests
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# What is missing, by Debian's names. The tests hold us against tools of other people: curl, nghttp2's client and server,
# openssl, Python with SQLite, gunicorn with Flask, Waitress. What Debian does not have comes from PyPI, into the build folder.
missing=
command -v pkg-config >/dev/null || missing="$missing pkg-config"
for pair in openssl:libssl-dev libnghttp2:libnghttp2-dev sqlite3:libsqlite3-dev yaml-0.1:libyaml-dev hiredis:libhiredis-dev; do
  pkg-config --exists "${pair%%:*}" 2>/dev/null || missing="$missing ${pair#*:}"
done
for pair in curl:curl openssl:openssl nghttp:nghttp2-client nghttpd:nghttp2-server node:nodejs /usr/bin/python3:python3 \
  promtool:prometheus redis-server:redis-server /usr/sbin/nginx:nginx-light; do
  command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
for pair in gunicorn:gunicorn flask:python3-flask ensurepip:python3-venv websockets:python3-websockets h2:python3-h2 \
  hypercorn:python3-hypercorn grpc:python3-grpcio jwt:python3-jwt cryptography:python3-cryptography \
  waitress:python3-waitress; do
  /usr/bin/python3 -c "import ${pair%%:*}" 2>/dev/null || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || fail "please install what Debian calls$missing"
  printf 'Installing%s\n' "$missing"
  as_root apt-get update -qq
  # shellcheck disable=SC2086 # one word a package
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

command -v swift >/dev/null || fail "Swift 6.3 is needed: https://www.swift.org/install/linux/"
cd "$root"
swift build --build-tests
mkdir -p .build

# Debian's own modules stay visible in the environment.
if ! cmp -s Tests/requirements.txt .build/venv/requirements.txt; then
  /usr/bin/python3 -m venv --system-site-packages .build/venv
  .build/venv/bin/pip install -q --disable-pip-version-check -r Tests/requirements.txt
  cp Tests/requirements.txt .build/venv/requirements.txt
fi

log=.build/tests.log
: >"$log"

# One process a target: a red line is one target's, and suites with real processes are not starved by all the others.
# With arguments, one run of exactly that. A run that does not come to its end within ten minutes has failed.
run() {
  # A pipeline's status is that of its last command, so the one that counts is written down.
  {
    status=0
    timeout -k 5 600 swift test --skip-build --disable-xctest "$@" 2>&1 || status=$?
    printf '%s\n' "$status" >"$log.status"
  } | tee "$log.one"
  read -r status <"$log.status"
  [ "$status" -ne 124 ] || printf 'did not come to its end: %s\n' "$*"
  cat "$log.one" >>"$log"
  # A filter that finds nothing counts as a success elsewhere.
  tail -n 5 "$log.one" | grep -qE 'Test run with [1-9]' || status=1
  [ "$status" -eq 0 ] || failed="$failed $*"
}

failed=
if [ $# -gt 0 ]; then
  run "$@"
else
  for target in Tests/*Tests; do run --filter "^${target#Tests/}\\."; done
fi

# What failed, the closing line of each run, and one for all.
grep -E '^✘ Test .* (recorded an issue|failed)' "$log" | grep -v 'Test run with' || :
grep -E 'Test run with .* (passed|failed)' "$log" || :
passed=$(grep -E '^✔ Test .* passed after' "$log" | grep -vc 'Test run with' || :)
broken=$(grep -E '^✘ Test .* failed after' "$log" | grep -vc 'Test run with' || :)
[ -z "$failed" ] || printf 'failed:%s\n' "$failed"
[ "$passed" -gt 0 ] || fail "no test ran"
printf '%s passed, %s failed\n' "$passed" "$broken"
[ -z "$failed" ]
