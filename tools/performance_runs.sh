#!/bin/sh
# Prints the raw runs of docs/performance.md: whet and llama.cpp in turns on real models, a line of JSON per test.
# usage: tools/performance_runs.sh WHET LLAMA_BENCH ROUNDS MODEL.gguf... > docs/runs/DATE-CPU/real-models.jsonl
# Nothing else should run. The last model is decoded by several sequences at once too.
set -eu
whet=$1 llama_bench=$2 rounds=$3
shift 3
run() {  # run NAME COMMAND...
  name=$1
  shift
  "$@" -r 1 -t 2 -o jsonl 2>/dev/null | sed "s/^{/{\"program\": \"$name\", \"round\": $round, /"
}
for round in $(seq "$rounds"); do
  for model in "$@"; do
    run whet "$whet" bench -m "$model" -p 256 -n 32
    run "whet --repack" "$whet" bench -m "$model" -p 256 -n 32 --repack
    run "llama.cpp --repack 0" "$llama_bench" -m "$model" -p 256 -n 32 --repack 0
    run "llama.cpp --repack 1" "$llama_bench" -m "$model" -p 256 -n 32 --repack 1
  done
  run whet "$whet" bench -m "$model" -p 0 -n 16 -np 1,4,8
done
