#!/usr/bin/env python3
"""Speed of whet and a rival in alternating runs on the same model file.

    alternate.py WHET LLAMA_BENCH MODEL.gguf [-p 256] [-n 32] [-d 0] [--pairs 5] [--rival-args "--repack 0"]

Each pair is one run of each program, whet first; prints every figure, the ratio of medians and the median of the ratios
per pair. Nothing else should run: on a busy machine only the ratios mean something, if that.
"""

import argparse
import json
import shlex
import statistics
import subprocess


def runs(command):
    """{(n_prompt, n_gen): tokens per second}"""
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    tests = [json.loads(line) for line in lines if line.startswith("{")]
    return {(t["n_prompt"], t["n_gen"]): t.get("median_ts", t["avg_ts"]) for t in tests}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("whet")
    parser.add_argument("llama_bench")
    parser.add_argument("model")
    parser.add_argument("-p", default="256", help="prompt tokens (0 = no prefill test)")
    parser.add_argument("-n", default="32", help="generated tokens (0 = no decode test)")
    parser.add_argument("-d", default="0", help="tokens of context before the test")
    parser.add_argument("-t", default="2", help="threads")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rival-args", default="")
    args = parser.parse_args()
    flags = ["-m", args.model, "-p", args.p, "-n", args.n, "-d", args.d, "-r", "1", "-t", args.t, "-o", "jsonl"]
    pairs = []
    for _ in range(args.pairs):
        pairs.append((runs([args.whet, "bench", *flags]),
                      runs([args.llama_bench, *flags, *shlex.split(args.rival_args)])))
    for test in pairs[0][0]:
        ours, theirs = [a[test] for a, _ in pairs], [b[test] for _, b in pairs]
        of_medians = statistics.median(ours) / statistics.median(theirs)
        per_pair = statistics.median(a / b for a, b in zip(ours, theirs))
        name = f"tg{test[1]}" if test[1] else f"pp{test[0]}"
        print(f"{name} @ d{args.d}: whet {', '.join(f'{x:.1f}' for x in ours)}; rival "
              f"{', '.join(f'{x:.1f}' for x in theirs)}; ratio of medians {of_medians:.2f}, per pair {per_pair:.2f}")


if __name__ == "__main__":
    main()
