#!/usr/bin/env python3
"""How few bytes of a head tell which of its rows matter: sketches of the head on real hidden states.

    tools/head_sketch.py MODEL.gguf TEXT -o RECORD.jsonl [--tokens 1536] [--scored 512] [--sketches axes:0.25,largest:0.25,bits:4]

A sketch gives approximate logits of all rows; the first rows by it would be computed exactly. Of each is recorded how many rows are left
when what the sketch leaves out is bounded by Cauchy-Schwarz (a row is out if even its best case is below the worst case of another), and,
without a bound, how often the true first row is among the first 1 ... 1024 of the sketch. axes:S takes the leading principal axes of the
states (found on the first half of the text; scored is the second), largest:S each state's own largest elements along these axes, bits:B
codes of B bits with a scale per 32. Needs numpy, torch, and transformers with gguf and accelerate.
"""

import argparse
import json
from pathlib import Path

import numpy as np

FIRST = (1, 4, 16, 64, 256, 1024)
ROWS_AT_A_TIME = 16


def states_of(model, text, n_tokens):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    path = Path(model)
    tokenizer = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    network = AutoModelForCausalLM.from_pretrained(str(path.parent), gguf_file=path.name, dtype=torch.float32).eval()
    ids = tokenizer(Path(text).read_text(), add_special_tokens=False)["input_ids"][:n_tokens]
    with torch.no_grad():
        windows = [network.model(torch.tensor([ids[i:i + 512]])).last_hidden_state[0].numpy() for i in range(0, len(ids), 512)]
    return np.concatenate(windows), network.get_output_embeddings().weight.detach().numpy()


def rounded(head, bits):
    """Round to nearest with a scale per 32, the largest element on -2^(bits - 1), as Q4_0 has it."""
    blocks = head.reshape(len(head), -1, 32)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)
    low = -(2 ** (bits - 1))
    scale = np.where(largest == 0, 1, largest / low)
    return (np.clip(np.round(blocks / scale), low, -low - 1) * scale).reshape(head.shape).astype(np.float32)


def sketches_of(names, head, axes):
    """Of each name: share of the head's bytes (of 8.5 bits a weight), logits of states, and what they miss at most."""
    width = head.shape[1]
    rotated = head @ axes

    def length(x):
        return np.linalg.norm(x, axis=1)

    for name in names:
        kind, _, number = name.partition(":")
        if kind == "bits":
            codes = rounded(head, int(number))
            missed = np.linalg.norm((head - codes).reshape(len(head), -1, 32), axis=2)
            yield (name, (float(number) + 0.5) / 8.5, lambda h, codes=codes: h @ codes.T,
                   lambda h, missed=missed: np.linalg.norm(h.reshape(len(h), -1, 32), axis=2) @ missed.T)
            continue
        kept = int(float(number) * width)
        if kind == "axes":
            yield (name, kept / width, lambda h, kept=kept: (h @ axes)[:, :kept] @ rotated[:, :kept].T,
                   lambda h, kept=kept: np.outer(length((h @ axes)[:, kept:]), length(rotated[:, kept:])))
            continue

        def masked(h, kept=kept):
            turned = h @ axes
            limit = np.partition(np.abs(turned), width - kept, axis=1)[:, width - kept, None]
            return np.where(np.abs(turned) >= limit, turned, 0)

        yield (name, kept / width, lambda h, masked=masked: masked(h) @ rotated.T,
               lambda h, masked=masked: np.outer(length(h @ axes - masked(h)), length(rotated)))


def measure(states, head, logits_of, bound_of):
    left, places, margins = [], [], []
    for i in range(0, len(states), ROWS_AT_A_TIME):
        h = states[i:i + ROWS_AT_A_TIME]
        rows = np.arange(len(h))
        top = (h @ head.T).argmax(1)
        sketch, bound = logits_of(h), bound_of(h)
        worst = (sketch - bound).max(1, keepdims=True)
        left += list((sketch + bound >= worst).mean(1))
        places += list((sketch > sketch[rows, top][:, None]).sum(1))
        margins += list(sketch.max(1) - sketch[rows, top])
    return {"rows_left_by_bound": float(np.mean(left)), "rows_left_by_bound_median": float(np.median(left)),
            "first_row_among": {n: float(np.mean(np.array(places) < n)) for n in FIRST}, "largest_margin": float(max(margins))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("-o", "--out", required=True)
    parser.add_argument("--tokens", type=int, default=1536)
    parser.add_argument("--scored", type=int, default=512)
    parser.add_argument("--sketches", default="axes:0.25,axes:0.5,axes:0.75,largest:0.25,largest:0.5,bits:4,bits:3,bits:2")
    arguments = parser.parse_args()
    states, head = states_of(arguments.model, arguments.text, arguments.tokens)
    seen, scored = np.split(states, [len(states) // 2])
    scored = scored[:: max(len(scored) // arguments.scored, 1)][:arguments.scored]
    powers, axes = np.linalg.eigh(seen.T.astype(np.float64) @ seen)
    axes = axes[:, ::-1].astype(np.float32)
    with open(arguments.out, "a") as record:
        for name, share, logits_of, bound_of in sketches_of(arguments.sketches.split(","), head, axes):
            found = measure(scored, head, logits_of, bound_of)
            record.write(json.dumps({"model": Path(arguments.model).name, "sketch": name, "share_of_bytes": share, "rows": len(head),
                                     "tokens": len(scored), **found}) + "\n")
            record.flush()


if __name__ == "__main__":
    main()
