#!/bin/sh
# Builds libFuzzer's programs with clang and runs each of them; ends with 1 where one finds something.
# usage: tests/fuzz/run.sh [SECONDS [PROGRAM...]]      per program, 60 if not given; all programs
# They start from the files of tests/golden; what they learn stays in build/fuzz/corpus; what they
# find is written to build/fuzz/findings. FUZZ_TIMEOUT: seconds that one input may take, 10 if not set;
# more on a machine that stops for longer than that.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# -gt 0 ] && shift
if [ $# -eq 0 ]; then
  set -- grade_reply read_task_file read_events compile_gbnf compile_regex compile_json_schema \
    open_gguf open_safetensors read_shard_index read_tokenizer_json read_sentencepiece \
    read_importance_matrix render_template
fi
cmake --preset fuzz
targets=""
for name in "$@"; do targets="$targets fuzz_$name"; done
# shellcheck disable=SC2086
cmake --build --preset fuzz --target $targets
mkdir -p build/fuzz/findings

# What a program starts from, into its corpus.
seed() {
  golden=tests/golden
  case $1 in
  open_gguf) cp $golden/models/*.gguf "$2" ;;
  open_safetensors)
    for model in "$golden"/models/*/; do
      { cat "$model/config.json"; printf '\0'; cat "$model/model.safetensors"; } >"$2/$(basename "$model")"
    done
    ;;
  read_shard_index)
    printf '{"metadata":{"total_size":8},"weight_map":{"a.weight":"model-00001-of-00001.safetensors"}}' >"$2/one"
    ;;
  read_tokenizer_json) for t in "$golden"/tok_*/tokenizer.json; do cp "$t" "$2/$(basename "$(dirname "$t")")"; done ;;
  read_sentencepiece) for t in "$golden"/tok_*/tokenizer.model; do cp "$t" "$2/$(basename "$(dirname "$t")")"; done ;;
  read_importance_matrix)  # one tensor of two channels, of either kind
    python3 -c 'import struct, sys
name = b"a.weight"
old = struct.pack("<ii", 1, 8) + name + struct.pack("<iiff", 2, 2, 6.0, 2.0) + struct.pack("<ii", 7, 4) + b"text"
def info(text, dims, offset): return struct.pack("<Q", len(text)) + text + struct.pack("<IQQIQ", 2, *dims, 0, offset)
new = b"GGUF" + struct.pack("<IQQ", 3, 2, 0) + info(name + b".in_sum2", (2, 1), 0) + info(name + b".counts", (1, 1), 32)
new += bytes(-len(new) % 32) + struct.pack("<ff", 6.0, 2.0) + bytes(24) + struct.pack("<f", 2.0) + bytes(28)
open(sys.argv[1] + "/dat", "wb").write(old)
open(sys.argv[1] + "/gguf", "wb").write(new)
' "$2" ;;
  render_template)
    python3 -c 'import json, sys
for name, model in json.load(open(sys.argv[1]))["models"].items(): open(f"{sys.argv[2]}/{name}", "w").write(model["source"])
' $golden/templates.json "$2" ;;
  read_task_file) cp "$golden"/task_lines.jsonl "$2" ;;
  esac
  # What it once found, made small.
  if [ -d "tests/fuzz/found/$1" ]; then cp "tests/fuzz/found/$1"/* "$2"; fi
}

failed=0
for name in "$@"; do
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  seed "$name" "$corpus"
  echo "== $name, $seconds s"
  "build/fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout="${FUZZ_TIMEOUT:-10}" -rss_limit_mb=2048 -max_len=262144 \
    -print_final_stats=1 -print_funcs=0 -verbosity=0 -artifact_prefix="build/fuzz/findings/$name-" "$corpus" || failed=1
done
exit $failed
