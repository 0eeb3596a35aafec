#!/usr/bin/env python3
"""Perplexity of a quantised model: whet's quantiser and engine beside llama.cpp's, on the same tokens.

    compare_perplexity.py WHET LLAMA_QUANTIZE LLAMA_SCORES BASE.gguf TEXT CONTEXT [TYPE ...]

BASE is F32 or F16; LLAMA_SCORES is tools/llama_scores.cc. Nats per token of three runs per type: whet on whet's file, whet on
llama-quantize's file, llama.cpp on llama-quantize's file; then of whet --exact on its own file, which leaves only the weights' rounding.
A model without a BOS token, please: then both engines score the same positions.

A text for the shipped model, items that training never saw:

    cd train && python3 -c "
    from itertools import islice
    from generator import FAMILIES, held_out
    for f in FAMILIES:
        for e in islice(held_out(f, 5), 40):
            print(f'<|im_start|>user\\n{e.prompt}<|im_end|>\\n<|im_start|>assistant\\n{e.answer}<|im_end|>')" > text
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

TYPES = ["q8_0", "q6_k", "q5_k_m", "q5_1", "q5_0", "q4_k_m", "q4_1", "q4_0"]


def run(command, **kwargs):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, **kwargs).stdout


def main():
    if len(sys.argv) < 7:
        sys.exit(__doc__)
    whet, llama_quantize, llama_scores, base, text, window = sys.argv[1:7]

    def ours(model, *flags):
        data = json.loads(run([whet, "perplexity", "-m", model, "-f", text, "-c", window, "--parse-special", "--json", *flags]))
        return data["nats_per_token"], data["n_scored"]
    ids = " ".join(map(str, json.loads(run([whet, "tokenize", "-m", base, "-f", text, "--ids"]))))

    def theirs(model):
        return float(run([llama_scores, model, window], input=ids))
    reference, n = ours(base)
    print(f"{n} tokens in windows of {window}; {Path(base).name}: whet {reference:.5f}, "
          f"llama.cpp {theirs(base):.5f} nats per token")
    print(f"{'type':8} {'whet, own file':>16} {'whet, its file':>16} {'llama.cpp, its':>16} {'whet --exact':>14}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in sys.argv[7:] or TYPES:
            own, its = Path(folder) / "own.gguf", Path(folder) / "its.gguf"
            run([whet, "quantize", base, own, kind])
            run([llama_quantize, base, its, kind.upper()])
            print(f"{kind:8} {ours(own)[0]:16.5f} {ours(its)[0]:16.5f} {theirs(its):16.5f} "
                  f"{ours(own, '--exact')[0]:14.5f}", flush=True)


if __name__ == "__main__":
    main()
