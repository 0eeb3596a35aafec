#!/bin/sh
# Measures which strategies pay on real models: the runs behind the tables of docs/results.md.
# usage: tools/strategy_tables.sh EXPERIMENT...   (WHET=build/release/whet, MODELS=models, TASKS=data, OUT=docs/runs/strategies)
#
# An experiment is one design on one model; its record goes to OUT/EXPERIMENT. It ends by its time limit at the latest, and one
# that exists is gone on with (so a limit is what one call may take; the looks at it are in its record).
# MODELS holds the files named below, TASKS holds HumanEval.jsonl.gz and gsm8k-test.jsonl.
#
#   rust-smollm2-0.3   rust-0.5b-0.3   rust-1.5b-0.3     two prompts for Rust functions, executed against tests, temperature 0.3
#   rust-smollm2-0.8   rust-0.5b-0.8   rust-1.5b-0.8     the same at 0.8
#   humaneval-0.5b  humaneval-1.5b  gsm8k-0.5b           subsets
#   humaneval-whole-0.5b   all 164 tasks: one sample, three of which the first that holds the examples ends the others, the control
#   humaneval-long-0.5b    the same with room for 768 tokens
#   humaneval-greedy-0.5b  the same with other draws, beside a greedy text, and the control a vote in the same time
#   humaneval-early-0.5b   three programs, of which the first that holds all public examples ends the others, or none does
#   humaneval-plain-0.5b   the same where no row's tokens are proposed ahead
#   humaneval-proposals-0.5b   one program and three, with tokens proposed ahead and without, in one design
#   ended-whetstone    the same with the model that ships, which writes a program faster than it runs, and votes; all built-in kinds
#   batch-smollm2  batch-0.5b      votes of 2 to 8 samples in one batch and one after the other: times
#   votes-0.5b  votes-1.5b         votes of 8 with every candidate graded: accuracy of each N from 1 to 8
#   gsm8k-1.5b         one sample, the question read again, a vote of three
#   rust-tasks-0.5b    built-in tasks for Rust functions with one public example each
#   early-whetstone    votes that end once they are decided beside such that do not
#   early-0.5b         the same
#   adaptive-0.5b      adaptive votes beside the fixed vote of 16 that shares their draws
#   adaptive-whetstone the same
#   every-0.5b  every-smollm2   every strategy with few samples, on the built-in tasks: calls, tokens, fallbacks
#   controls-0.5b      strategies that think longer, against a vote of as many samples as their time allows; several wordings
#   bits-0.5b  bits-humaneval-0.5b  bits-humaneval-1.5b  one sample and three, of Q4_K_M and of Q3_K_S in one design;
#                      llama-quantize makes MODELS/qwen2.5-coder-*-q3_k_s.gguf of the Q4_K_M (no file with more bits is at hand)
set -eu
[ $# -ge 1 ] || { sed -n '2,30p' "$0"; exit 2; }
whet=${WHET:-build/release/whet}
models=${MODELS:-models}
tasks=${TASKS:-data}
out=${OUT:-docs/runs/strategies}
smollm2=$models/smollm2-135m-instruct-q4_1.gguf
small=$models/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
large=$models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf
two=examples/prime-fibonacci.jsonl
# Three samples of one batch, each drawn as the baseline's one is.
three='baseline,re2,diverse:n=3,best-of-n:n=3,temperature=run,majority-voting:n=3,temperature=run'
ended='baseline,best-of-n:n=3,temperature=run,best-of-n:n=3,temperature=run,early=0'
chosen='baseline,re2,diverse:n=3,best-of-n:n=3,temperature=run'
once_or_thrice='baseline,majority-voting:n=3,temperature=run'
# N...: votes of N in one batch and one after the other
batches() {
  printf baseline
  for n; do printf ',majority-voting:n=%s,temperature=run,majority-voting:n=%s,batch=1,temperature=run' "$n" "$n"; done
}
every='baseline,best-of-n,majority-voting:n=3,moa,cot-reflection,autothink,plansearch:n=2,mars:agents=2,pvg:n=2,rounds=1,rto,cepo:n=1,plans=2'
every="$every,leap,mcts:simulations=3,rstar:rollouts=2,rsa:n=2,loops=1,genselect:n=2,p-true:n=2,router,adaptive-vote:n=8,deepconf:n=4,warmup=2"
every="$every,entropy-decoding,cot-decoding:k=3,diverse:n=3,self-consistency:n=3,self-certainty:n=3,codet:n=2,re2,greedy,re2&adaptive-vote:n=8"
mkdir -p "$out"

# MODEL TASKS LIMIT SEEDS TEMPERATURE STRATEGIES SECONDS MAX_TOKENS [FLAG...]
measure() {
  model=$1 file=$2 limit=$3 seeds=$4 temperature=$5 strategies=$6 seconds=${SECONDS_EACH:-$7} most=$8
  shift 8
  [ ! -e "$out/$experiment/events.jsonl" ] || set -- --resume "$@"
  status=0
  "$whet" eval -m "$model" -o "$out/$experiment" --tasks "$file" -n "$limit" --seeds "$seeds" \
    --temp "$temperature" --strategies "$strategies" --max-tokens "$most" --time-limit "$seconds" --no-charts "$@" || status=$?
  [ $status -eq 0 ] || [ $status -eq 4 ] || exit $status # 4: out of time, what was finished is kept
}

for experiment; do
  temperature=${experiment##*-}
  case $experiment in
    rust-smollm2-*) measure "$smollm2" "$two" 0 1-5 "$temperature" "$three" 110 512 --no-controls ;;
    rust-0.5b-*) measure "$small" "$two" 0 1-5 "$temperature" "$three" 150 512 --no-controls ;;
    rust-1.5b-*) measure "$large" "$two" 0 1-3 "$temperature" "$three" 160 512 --no-controls ;;
    humaneval-0.5b) measure "$small" "$tasks/HumanEval.jsonl.gz" 40 1 0.8 "$three" 110 384 --no-controls ;;
    humaneval-1.5b) measure "$large" "$tasks/HumanEval.jsonl.gz" 40 1 0.8 "$chosen" 1100 384 --no-controls ;;
    humaneval-whole-0.5b) measure "$small" "$tasks/HumanEval.jsonl.gz" 0 1 0.8 "baseline,best-of-n:n=3,temperature=run" 2100 384 ;;
    humaneval-long-0.5b) measure "$small" "$tasks/HumanEval.jsonl.gz" 0 1 0.8 "baseline,best-of-n:n=3,temperature=run" 2400 768 ;;
    humaneval-early-0.5b) measure "$small" "$tasks/HumanEval.jsonl.gz" 60 1 0.8 "$ended" 480 384 --no-controls ;;
    humaneval-plain-0.5b) measure "$small" "$tasks/HumanEval.jsonl.gz" 60 1 0.8 "$ended" 480 384 --no-controls --spec-type none ;;
    humaneval-greedy-0.5b) measure "$small" "$tasks/HumanEval.jsonl.gz" 0 2 0.8 "baseline,greedy,best-of-n:n=3,temperature=run" 3000 768 \
      --control vote ;;
    humaneval-proposals-0.5b) measure "$small" "$tasks/HumanEval.jsonl.gz" 30 1 0.8 "baseline,best-of-n:n=3,temperature=run" 480 384 \
      --no-controls --with spec=none ;;
    ended-whetstone) measure models/whetstone-2.8m-q8_0.gguf built-in 270 1 0.8 \
      "$ended,majority-voting:n=3,temperature=run,majority-voting:n=3,temperature=run,early=0" 120 256 --no-controls ;;
    gsm8k-0.5b) measure "$small" "$tasks/gsm8k-test.jsonl" 40 1 0.8 "$three" 110 256 --no-controls ;;
    batch-0.5b) measure "$small" "$tasks/gsm8k-test.jsonl" 8 1 0.8 "$(batches 2 4 8)" 420 256 --no-controls ;;
    batch-smollm2) measure "$smollm2" "$tasks/gsm8k-test.jsonl" 12 1 0.8 "$(batches 2 3 4)" 80 192 --no-controls ;;
    votes-0.5b) measure "$small" "$tasks/gsm8k-test.jsonl" 200 1 0.8 "baseline,majority-voting:n=8,temperature=run" 2400 320 \
      --no-controls --grade-candidates ;;
    votes-1.5b) measure "$large" "$tasks/gsm8k-test.jsonl" 100 1 0.8 "baseline,majority-voting:n=8,temperature=run" 2400 512 \
      --no-controls --grade-candidates ;;
    gsm8k-1.5b) measure "$large" "$tasks/gsm8k-test.jsonl" 40 1 0.8 "baseline,re2,majority-voting:n=3,temperature=run" 900 512 \
      --no-controls ;;
    rust-tasks-0.5b) measure "$small" rust 40 1 0.8 "$chosen" 600 384 --no-controls ;;
    early-whetstone) measure models/whetstone-2.8m-q8_0.gguf built-in 60 1 0.8 \
      "baseline,majority-voting:n=3,temperature=run,majority-voting:n=3,temperature=run,early=0,majority-voting:temperature=run,majority-voting:temperature=run,early=0" \
      120 256 --no-controls --no-code ;;
    early-0.5b) measure "$small" "$tasks/gsm8k-test.jsonl" 40 1 0.3 \
      "baseline,majority-voting:n=3,temperature=run,majority-voting:n=3,temperature=run,early=0" 400 400 --no-controls ;;
    adaptive-0.5b) measure "$small" "$tasks/gsm8k-test.jsonl" 100 1 0.6 \
      "baseline,adaptive-vote,adaptive-vote:budget=4,majority-voting:n=16,early=0" 2400 400 --no-controls ;;
    adaptive-whetstone) measure models/whetstone-2.8m-q8_0.gguf "chain,clock,compare,divide,lists,multiply,story" 0 1 0.6 \
      "baseline,adaptive-vote,adaptive-vote:budget=4,majority-voting:n=16,early=0" 900 256 --no-controls --no-code -t 1 ;;
    every-0.5b) measure "$small" built-in 20 1 0.8 "$every" 1800 256 --no-controls --no-code ;;
    every-smollm2) measure "$smollm2" built-in 20 1 0.8 "$every" 900 256 --no-controls --no-code ;;
    bits-humaneval-0.5b) measure "$small" "$tasks/HumanEval.jsonl.gz" 60 1 0.8 "baseline,best-of-n:n=3,temperature=run" 900 384 \
      --no-controls --with "model=$models/qwen2.5-coder-0.5b-q3_k_s.gguf" ;;
    bits-humaneval-1.5b) measure "$large" "$tasks/HumanEval.jsonl.gz" 60 1 0.8 "baseline,best-of-n:n=3,temperature=run" 1300 384 \
      --no-controls --with "model=$models/qwen2.5-coder-1.5b-q3_k_s.gguf" ;;
    controls-0.5b) measure "$small" "$tasks/gsm8k-test.jsonl" 25 1 0.8 "baseline,longer,moa,mars:agents=2" 1000 256 \
      --control vote --prompt-variants examples/prompt-variants.jsonl ;;
    bits-0.5b) measure "$small" "$tasks/gsm8k-test.jsonl" 100 1 0.8 "$once_or_thrice" 900 320 --no-controls \
      --with "model=$models/qwen2.5-coder-0.5b-q3_k_s.gguf" ;;
    *) echo "strategy_tables.sh: expected an experiment of those listed in this file, found \"$experiment\"" >&2; exit 2 ;;
  esac
done
