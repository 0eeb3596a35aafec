#!/usr/bin/env python3
"""Compares whet's log-probabilities on an MLX directory with those of mlx-lm on the same files and tokens.

    python3 tools/compare_mlx.py WHET MODEL_DIRECTORY TEXT [CONTEXT]

Needs mlx and mlx-lm. whet writes what it gives every token (--kl-divergence-base, 16 bits per value); mlx-lm computes in F32. Prints over
the scored positions: mean and largest divergence of mlx-lm's distribution from whet's, the largest difference among log-probabilities
above -10, and the share of positions with the same likeliest token.
"""

import subprocess
import sys
import tempfile

import mlx.core as mx
import numpy as np
from mlx_lm import load


def read_base(path):
    data = np.fromfile(path, np.uint8)
    assert data[:8].tobytes() == b"_logits_", path
    context, vocab, windows = data[8:20].view(np.int32).tolist()
    at = 20 + 4 * windows * context
    tokens = data[20:at].view(np.int32).reshape(windows, context)
    first = context // 2
    rows = data[at:].reshape(windows, context - 1 - first, 8 + 2 * (vocab + vocab % 2))
    scales = rows[:, :, :8].copy().view(np.float32)
    codes = rows[:, :, 8:].copy().view(np.uint16)[:, :, :vocab]
    return tokens, first, scales[:, :, :1] * codes + scales[:, :, 1:]


def main():
    whet, model_path, text = sys.argv[1:4]
    context = sys.argv[4] if len(sys.argv) > 4 else "128"
    with tempfile.NamedTemporaryFile() as base:
        subprocess.run([whet, "perplexity", model_path, "-f", text, "-c", context, "--exact", "-ctk", "f32", "-ctv", "f32",
                        "--kl-divergence-base", base.name], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        tokens, first, ours = read_base(base.name)
    model, _ = load(model_path)
    model.set_dtype(mx.float32)
    divergences, same, largest = [], [], 0.0
    for window, expected in zip(tokens, ours):
        theirs = np.array(model(mx.array(window[None, :-1]))[0, first:].astype(mx.float32)).astype(np.float64)
        theirs -= theirs.max(axis=-1, keepdims=True)
        theirs -= np.log(np.exp(theirs).sum(axis=-1, keepdims=True))  # mlx's logsumexp is off by 1e-4 over so many
        likely = expected > -10
        largest = max(largest, float(np.abs(theirs - expected)[likely].max()))
        divergences += (np.exp(expected) * (expected - theirs)).sum(axis=-1).tolist()
        same += (theirs.argmax(axis=-1) == expected.argmax(axis=-1)).tolist()
    print(f"{model_path}: {len(same)} positions: KL mean {np.mean(divergences):.2e}, largest {np.max(divergences):.2e}; "
          f"largest difference of a log-probability above -10: {largest:.4f}; same likeliest token {100 * np.mean(same):.2f} %")


if __name__ == "__main__":
    main()
