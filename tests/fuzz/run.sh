#!/bin/sh
# Builds libFuzzer's programs with clang and runs each of them; ends with 1 where one finds something.
# usage: tests/fuzz/run.sh [SECONDS]      per program, 60 if not given
# What they learn stays in build/fuzz/corpus; what they find is written to build/fuzz/findings.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
cmake --preset fuzz
cmake --build --preset fuzz
mkdir -p build/fuzz/findings
failed=0
for program in build/fuzz/tests/fuzz/fuzz_*; do
  [ -f "$program" ] && [ -x "$program" ] || continue
  name=$(basename "$program")
  mkdir -p "build/fuzz/corpus/$name"
  echo "== $name, $seconds s"
  "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -verbosity=0 -artifact_prefix="build/fuzz/findings/$name-" "build/fuzz/corpus/$name" || failed=1
done
exit $failed
