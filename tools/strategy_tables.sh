#!/bin/sh
# Measures strategies on models and prints what the results recommend.
# usage: tools/strategy_tables.sh OUT MODEL...   (WHET=build/release/whet, SECONDS_EACH=110, SEEDS=1-3)
#
# For each model two experiments, each ended by its time limit at the latest: two prompts for Rust functions, executed against
# tests (examples/prime-fibonacci.jsonl), and short reasoning tasks that come with whet. Three samples a question, temperature 0.8.
# An experiment that exists is gone on with, so a second call adds what the first had no time for.
set -eu
[ $# -ge 2 ] || { sed -n '2,8p' "$0"; exit 2; }
whet=${WHET:-build/release/whet}
seconds=${SECONDS_EACH:-110}
out=$1
shift
mkdir -p "$out"

measure() { # MODEL NAME TASKS LIMIT SEEDS STRATEGIES
  status=0
  "$whet" eval -m "$1" -o "$out/$2" --resume --tasks "$3" -n "$4" --seeds "$5" --strategies "$6" --temp 0.8 --max-tokens 256 \
    --no-controls --no-charts --time-limit "$seconds" || status=$?
  [ $status -eq 0 ] || [ $status -eq 4 ] || exit $status # 4: out of time, what was finished is kept
}

for model; do
  name=$(basename "$model" .gguf)
  measure "$model" "$name-rust" "$(dirname "$0")/../examples/prime-fibonacci.jsonl" 0 "${SEEDS:-1-3}" \
    baseline,re2,best-of-n:n=3,majority-voting:n=3
  measure "$model" "$name-reasoning" story,multiply,compare,divide 24 1 \
    baseline,re2,best-of-n:n=3,self-consistency:n=3,adaptive-vote:n=4
done
"$whet" recommend "$out"/*/
