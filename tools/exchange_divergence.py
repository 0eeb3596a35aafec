#!/usr/bin/env python3
"""Compares whet with llama.cpp over a text, by each reading the log-probabilities that the other wrote.

    python3 tools/exchange_divergence.py WHET LLAMA_PERPLEXITY TEXT MODEL.gguf... [--context 512] [--chunks 4] [--threads 1] > RECORDS
    python3 tools/exchange_divergence.py --table RECORDS

Both compute the same file, and both know the format of llama-perplexity's --kl-divergence-base: 16 bits for each log-probability. A record, one
JSON line, of each model and each way: the perplexities of the two, the logarithm of the reader's over the writer's with its standard
error, the mean Kullback-Leibler divergence and the share of positions with the same likeliest token. As much of the text is used as
fills the chunks.
"""

import argparse
import inspect
import json
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def run(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def number(text, label):
    """(value, standard error) behind a label of llama-perplexity."""
    found = re.search(re.escape(label) + r"\s*:\s*(-?[0-9.]+|nan)\s*±\s*([0-9.]+|nan)", text)
    if found is None:
        raise SystemExit(f"llama-perplexity says nothing of {label!r}: {text[-2000:]}")
    return float(found[1]), float(found[2])


def shortened(args, model, folder):
    """The start of the text that makes so many chunks by the model's own tokens."""
    text = Path(args.text).read_text()
    path = Path(folder) / "text"
    length = len(text)
    while True:
        path.write_text(text[:length])
        n = len(json.loads(run([args.whet, "tokenize", "-m", model, "-f", path, "--ids"])))
        if n < (args.chunks + 1) * args.context:
            if n < args.chunks * args.context:
                raise SystemExit(f"{args.text}: expected {args.chunks * args.context} tokens, found {n}")
            return path
        length = length * (args.chunks * args.context + args.context // 2) // n


def compare(args, model, folder):
    text, base = shortened(args, model, folder), Path(folder) / "base"
    common = ["-m", model, "-c", args.context, "-t", args.threads]
    ours, theirs = [args.whet, "perplexity", *common], [args.llama_perplexity, *common, "-b", args.context, "-fa", "off", "-ngl", 0]
    name = Path(model).name

    def record(reader, ppl, base_ppl, log_ratio, kl, same):
        print(json.dumps({"model": name, "text": args.text, "context": args.context, "chunks": args.chunks, "reader": reader,
                          "perplexity": ppl, "base_perplexity": base_ppl, "log_ratio": log_ratio[0], "log_ratio_stderr": log_ratio[1],
                          "kl": kl[0], "kl_stderr": kl[1], "same_top": same[0], "same_top_stderr": same[1]}), flush=True)

    run([*ours, "-f", text, "--kl-divergence-base", base])
    said = run([*theirs, "--kl-divergence", "--kl-divergence-base", base])
    record("llama.cpp", number(said, "Mean PPL(Q)")[0], number(said, "Mean PPL(base)")[0], number(said, "Mean ln(PPL(Q)/PPL(base))"),
           number(said, "Mean    KLD"), [share / 100 for share in number(said, "Same top p")])

    run([*theirs, "-f", text, "--kl-divergence-base", base])
    said = json.loads(run([*ours, "--kl-divergence", "--kl-divergence-base", base, "--json"]))
    ratio = said["perplexity_ratio"]
    record("whet", said["perplexity"], said["base_perplexity"], (math.log(ratio), said["perplexity_ratio_stderr"] / ratio),
           (said["kl_mean"], said["kl_mean_stderr"]), (said["same_top"], said["same_top_stderr"]))


def table(path):
    print("| model | read by | perplexity of whet | of llama.cpp | ln(whet / llama.cpp) | divergence, nats a token | same likeliest token |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for r in map(json.loads, Path(path).read_text().splitlines()):
        sign = 1 if r["reader"] == "whet" else -1
        pair = [r["perplexity"], r["base_perplexity"]][::sign]
        print(f"| {r['model']} | {r['reader']} | {pair[0]:.3f} | {pair[1]:.3f} | {sign * r['log_ratio']:+.4f} ± {r['log_ratio_stderr']:.4f} "
              f"| {r['kl']:.4f} ± {r['kl_stderr']:.4f} | {100 * r['same_top']:.1f} % |")


def main():
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    if sys.argv[1:2] == ["--table"]:
        return table(sys.argv[2])
    parser.add_argument("whet")
    parser.add_argument("llama_perplexity")
    parser.add_argument("text")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--chunks", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    for model in args.models:
        with tempfile.TemporaryDirectory() as folder:
            compare(args, model, folder)


if __name__ == "__main__":
    main()
