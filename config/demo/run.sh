#!/bin/sh
# The demo on one machine: an emulator of Corbado, an app, a conventional login, and the sidecar in front of the app.
#
#   config/demo/run.sh           builds, starts everything and prints the page to open; Ctrl-C ends it
#   config/demo/run.sh --check   walks the same way without a person, in front of the demo's HTTP/2 app and of a Flask app
#                                under gunicorn, and exits 0 or says what failed
#
# Ports, if the usual ones are taken: DEMO_PORT (8080), DEMO_APP_PORT (9300), DEMO_FLASK_PORT (9301), DEMO_LOGIN_PORT (9400),
# DEMO_EMULATOR_PORT (9500), DEMO_PROBES_PORT (9901). DEMO_BINARIES: a directory with both binaries, then nothing is built.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
port=${DEMO_PORT:-8080}
app_port=${DEMO_APP_PORT:-9300}
flask_port=${DEMO_FLASK_PORT:-9301}
login_port=${DEMO_LOGIN_PORT:-9400}
emulator_port=${DEMO_EMULATOR_PORT:-9500}
probes_port=${DEMO_PROBES_PORT:-9901}
# Debian's packages belong to Debian's Python.
python=/usr/bin/python3

case "${1-}" in
  '') check=no ;;
  --check) check=yes ;;
  *)
    echo "usage: run.sh [--check]" >&2
    exit 64
    ;;
esac

say() { printf '%s\n' "$*"; }

fail() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 1
}

# ---- what has to be there ----

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_missing() {
  missing=
  if [ -z "${DEMO_BINARIES-}" ]; then
    command -v pkg-config >/dev/null || missing="$missing pkg-config"
    for pair in openssl:libssl-dev libnghttp2:libnghttp2-dev sqlite3:libsqlite3-dev yaml-0.1:libyaml-dev hiredis:libhiredis-dev; do
      pkg-config --exists "${pair%%:*}" 2>/dev/null || missing="$missing ${pair#*:}"
    done
  fi
  if [ "$check" = yes ]; then
    "$python" -c 'import gunicorn' 2>/dev/null || missing="$missing gunicorn"
    "$python" -c 'import flask' 2>/dev/null || missing="$missing python3-flask"
  fi
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null || fail "please install what Debian calls$missing"
  say "Installing$missing"
  as_root apt-get update -qq
  # shellcheck disable=SC2086 # one word a package
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

build() {
  if [ -n "${DEMO_BINARIES-}" ]; then
    binaries=$DEMO_BINARIES
    return
  fi
  command -v swift >/dev/null || fail "Swift 6.3 is needed: https://www.swift.org/install/linux/"
  say "Building (the first time takes some minutes)"
  swift build -c release --package-path "$root" --product passkey-sidecar
  swift build -c release --package-path "$root" --product passkey-sidecar-demo
  binaries=$(swift build -c release --package-path "$root" --show-bin-path)
}

# ---- what runs ----

work=
running=
sidecar=

end() {
  status=$?
  trap '' INT TERM
  # shellcheck disable=SC2086 # one word a process
  if [ -n "$running" ]; then
    kill $running 2>/dev/null || :
    wait $running 2>/dev/null || :
  fi
  if [ -n "$work" ]; then rm -rf "$work"; fi
  exit "$status"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start NAME COMMAND…: in the background, its output in a file, its ID in $started
start() {
  name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 &
  started=$!
  running="$running $started"
}

# ready NAME ID URL…: waits until each URL answers, and that it is our process that does
ready() {
  name=$1
  id=$2
  shift 2
  if "$binaries/passkey-sidecar-demo" wait --seconds 20 "$@" && kill -0 "$id" 2>/dev/null; then return 0; fi
  tail -n 20 "$work/$name.log" >&2
  fail "$name did not start"
}

start_services() {
  start services "$binaries/passkey-sidecar-demo" run --origin "http://localhost:$port" --app-port "$app_port" \
    --idp-port "$login_port" --emulator-port "$emulator_port" --api-secret "$CORBADO_API_SECRET"
  ready services "$started" "http://127.0.0.1:$login_port/jwks" "http://127.0.0.1:$app_port/api/whoami" \
    "http://127.0.0.1:$emulator_port/.well-known/jwks"
}

# start_sidecar NAME UPSTREAM-PORT: with a state of its own
start_sidecar() {
  mkdir "$work/sidecar-$1"
  # All marks first, then all ports: one may have been given the usual value of another.
  sed -e 's/:8080/:@port@/; s/:9300/:@upstream@/; s/:9400/:@login@/; s/:9500/:@emulator@/; s/:9901/:@probes@/' \
    -e "s/@port@/$port/; s/@upstream@/$2/; s/@login@/$login_port/; s/@emulator@/$emulator_port/; s/@probes@/$probes_port/" \
    "$here/demo.yaml" >"$work/sidecar-$1/demo.yaml"
  start "sidecar-$1" "$binaries/passkey-sidecar" run --config "$work/sidecar-$1/demo.yaml"
  sidecar=$started
  ready "sidecar-$1" "$sidecar" "http://127.0.0.1:$probes_port/ready"
}

stop_sidecar() {
  kill "$sidecar"
  wait "$sidecar" 2>/dev/null || :
  running=$(printf '%s' "$running" | sed "s/ $sidecar\$//")
}

walk() {
  "$binaries/passkey-sidecar-demo" check --sidecar "http://127.0.0.1:$port" --origin "http://localhost:$port" \
    --login "http://127.0.0.1:$login_port" --emulator "http://127.0.0.1:$emulator_port" "$@"
}

# check_app NAME UPSTREAM-PORT PROTOCOL
check_app() {
  start_sidecar "$1" "$2"
  if ! walk --protocol "$3"; then
    tail -n 20 "$work/sidecar-$1.log" >&2
    fail "the walk in front of the $1 app failed"
  fi
  stop_sidecar
}

install_missing
build
work=$(mktemp -d)
export CORBADO_API_SECRET=corbado1_demo
start_services

if [ "$check" = yes ]; then
  say "In front of the demo app (HTTP/2):"
  check_app demo "$app_port" HTTP/2
  start flask env PYTHONDONTWRITEBYTECODE=1 "$python" -m gunicorn --bind "127.0.0.1:$flask_port" --threads 4 \
    --chdir "$here" flask_app:app
  ready flask "$started" "http://127.0.0.1:$flask_port/api/whoami"
  say "In front of a Flask app under gunicorn (HTTP/1.1):"
  check_app flask "$flask_port" HTTP/1.1
  say "All well."
else
  start_sidecar demo "$app_port"
  printf '\nOpen http://localhost:%s\n\n' "$port"
  wait "$sidecar" || fail "the sidecar ended: $(tail -n 5 "$work/sidecar-demo.log")"
fi
