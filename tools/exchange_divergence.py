#!/usr/bin/env python3
"""Compares whet with llama.cpp over a text, by each reading the log-probabilities that the other wrote.

    python3 tools/exchange_divergence.py WHET LLAMA_PERPLEXITY TEXT MODEL.gguf... [--context 512] [--chunks 4] [--threads 1]

Both compute the same file, and both know the format of llama-perplexity's --kl-divergence-base: 16 bits for each log-probability. Of each
model and each way: the perplexities of the two, the logarithm of their ratio with its standard error, the mean Kullback-Leibler
divergence and the share of positions with the same likeliest token. As much of the text is used as fills the chunks.
"""

import argparse
import inspect
import json
import re
import subprocess
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

    run([*ours, "-f", text, "--kl-divergence-base", base])
    said = run([*theirs, "--kl-divergence", "--kl-divergence-base", base])
    print(f"{name}: llama.cpp reads whet's: perplexity of llama.cpp {number(said, 'Mean PPL(Q)')[0]:.4f}, of whet "
          f"{number(said, 'Mean PPL(base)')[0]:.4f}; ln of the ratio {number(said, 'Mean ln(PPL(Q)/PPL(base))')}; "
          f"KL {number(said, 'Mean    KLD')}; same first {number(said, 'Same top p')} %", flush=True)

    run([*theirs, "-f", text, "--kl-divergence-base", base])
    said = run([*ours, "--kl-divergence", "--kl-divergence-base", base, "--json"])
    print(f"{name}: whet reads llama.cpp's: {said.strip()}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
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
