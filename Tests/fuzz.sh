#!/bin/sh
# Runs the fuzz targets of Tests/Fuzz, each for a minute: sh Tests/fuzz.sh [SECONDS [TARGET…]]
# Needs what Tests/run.sh needs. Starts from Tests/Fuzz/Corpus; new inputs stay in Tests/Fuzz/.build. An input that breaks
# something is kept beside them and named: put it into the corpus under a name that says what it did, with a test.
set -eu

cd "$(dirname "$0")/Fuzz"
seconds=${1:-60}
[ $# -eq 0 ] || shift
targets=${*:-$(ls Corpus)}
for target in $targets; do
  swift build -c release --sanitize fuzzer --disable-index-store --product "$target"
done
failed=
for target in $targets; do
  new=.build/corpus/$target
  mkdir -p "$new" ".build/findings/$target"
  printf '%s, %s s\n' "$target" "$seconds"
  ".build/release/$target" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix=".build/findings/$target/" "$new" "Corpus/$target" 2>&1 |
    grep -E '^(stat::|==|SUMMARY|artifact|Fatal|.*(rror|trap))|Done ' || :
  [ -z "$(ls ".build/findings/$target")" ] || failed="$failed $target"
done
[ -z "$failed" ] || { printf 'findings:%s\n' "$failed" >&2; exit 1; }
