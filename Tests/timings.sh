#!/bin/sh
# What the Gate and what it reads cost, in microseconds, each as the best of many rounds. Needs what Tests/run.sh needs, and a
# machine that is at rest.
set -eu

cd "$(dirname "$0")/Fuzz"
swift build -c release --disable-index-store --scratch-path .build/timings --product Timings
.build/timings/release/Timings
