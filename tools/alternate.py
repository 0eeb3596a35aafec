#!/usr/bin/env python3
"""Speed of whet and of rivals in alternating runs on the same model file.

    alternate.py WHET MODEL.gguf RIVAL [RIVAL ...] [-p 512] [-n 128] [-d 0] [-t 2] [--rounds 5]

WHET may carry flags of `whet bench`: "whet --no-mmap". A RIVAL is NAME=COMMAND, the command being a llama-bench with its own flags: "llama.cpp=llama-bench --repack 0",
"ik=ik/llama-bench -rtr 1". A round is one run of each program, whet first. Prints every figure, and for each rival the ratio of
medians and the median of the ratios per round. Nothing else should run: on a busy machine only the ratios mean something,
if that.
"""

import argparse
import json
import shlex
import statistics
import subprocess


def runs(command, flags):
    """{(n_prompt, n_gen): tokens per second}"""
    done = subprocess.run([*shlex.split(command), *flags], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{command}: {done.stderr.strip()[-300:]}")
    text = done.stdout.strip()
    tests = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    return {(t["n_prompt"], t["n_gen"]): t.get("median_ts", t["avg_ts"]) for t in tests}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("whet")
    parser.add_argument("model")
    parser.add_argument("rivals", nargs="+", metavar="RIVAL")
    parser.add_argument("-p", default="512", help="prompt tokens (0 = no prefill test)")
    parser.add_argument("-n", default="128", help="generated tokens (0 = no decode test)")
    parser.add_argument("-d", default="0", help="tokens of context before the test (ik_llama.cpp has no such flag)")
    parser.add_argument("-t", default="2", help="threads")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    flags = ["-m", args.model, "-p", args.p, "-n", args.n, "-r", "1", "-t", args.t]
    if args.d != "0":
        flags += ["-d", args.d]
    rivals = dict(rival.split("=", 1) for rival in args.rivals)
    program, *own_flags = shlex.split(args.whet)
    whet = shlex.join([program, "bench", *own_flags])
    rounds = []
    for _ in range(args.rounds):
        ours = runs(whet, [*flags, "-o", "jsonl"])
        rounds.append({"whet": ours} | {name: runs(command, [*flags, "-o", "json"]) for name, command in rivals.items()})
    for test in rounds[0]["whet"]:
        print(f"{f'tg{test[1]}' if test[1] else f'pp{test[0]}'} @ d{args.d}")
        ours = [r["whet"][test] for r in rounds]
        for name in rounds[0]:
            figures = [r[name][test] for r in rounds]
            ratio = (f"  ratio of medians {statistics.median(ours) / statistics.median(figures):.2f}, per round "
                     f"{statistics.median(a / b for a, b in zip(ours, figures)):.2f}" if name != "whet" else "")
            print(f"  {name:16} {', '.join(f'{x:.1f}' for x in figures)}  median {statistics.median(figures):.1f}{ratio}")


if __name__ == "__main__":
    main()
