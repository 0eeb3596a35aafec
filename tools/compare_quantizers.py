#!/usr/bin/env python3
"""whet's quantiser beside llama.cpp's on one F16, BF16 or F32 GGUF file: error per tensor, size, time.

    compare_quantizers.py WHET LLAMA_QUANTIZE IN.gguf [--heavy] [--types Q4_K_M,Q8_0]

Prints, per type, the ratio (whet / llama.cpp) of each tensor's relative error: smallest, median, largest. --heavy first
replaces the weights by a heavy-tailed draw (Student t with 5 degrees of freedom, scales that vary per row and column;
seed 7), as trained weights look, in a copy. Needs the Python package gguf, and NumPy.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from gguf import GGUFReader, dequantize

TYPES = "Q8_0,Q4_0,Q4_1,Q5_0,Q5_1,Q4_K_S,Q4_K_M,Q5_K_S,Q5_K_M,Q6_K"


def heavy_tailed(path):
    reader, rng = GGUFReader(path, "r+"), np.random.default_rng(7)
    for tensor in reader.tensors:
        if len(tensor.shape) == 2:
            rows, cols = tensor.data.shape
            scale = np.exp(0.3 * rng.standard_normal((rows, 1))) * np.exp(0.2 * rng.standard_normal((1, cols)))
            tensor.data[:] = (rng.standard_t(5, size=(rows, cols)) * 0.02 * scale).astype(tensor.data.dtype)
    reader.data.flush()


def tensors(path):
    return {t.name: t for t in GGUFReader(path).tensors}


def errors(original, path):
    """{name: (type, relative error)} of the tensors that lost something."""
    out = {}
    for name, tensor in tensors(path).items():
        x = dequantize(original[name].data, original[name].tensor_type).astype(np.float64).ravel()
        y = dequantize(tensor.data, tensor.tensor_type).astype(np.float64).ravel()
        error = np.sqrt(((x - y) ** 2).sum() / max((x ** 2).sum(), 1e-30))
        if error > 1e-7:
            out[name] = (tensor.tensor_type.name, error)
    return out


def timed(command):
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("whet")
    parser.add_argument("llama_quantize")
    parser.add_argument("input", type=Path)
    parser.add_argument("--heavy", action="store_true")
    parser.add_argument("--types", default=TYPES)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        source = args.input
        if args.heavy:
            source = Path(directory) / "heavy.gguf"
            shutil.copy(args.input, source)
            heavy_tailed(source)
        original = tensors(source)
        print("| type | error whet / llama.cpp: least, median, most | tensor types | seconds whet, llama.cpp |\n|---|---|---|---|")
        for name in args.types.split(","):
            ours, theirs = Path(directory) / "whet.gguf", Path(directory) / "llama.gguf"
            seconds = [timed([args.whet, "quantize", source, ours, name, "-t", "2"]),
                       timed([args.llama_quantize, source, theirs, name, "2"])]
            a, b = errors(original, ours), errors(original, theirs)
            assert {k: v[0] for k, v in a.items()} == {k: v[0] for k, v in b.items()}, "other types per tensor"
            ratios = sorted(a[k][1] / b[k][1] for k in a)
            kinds = ", ".join(sorted({v[0] for v in a.values()}))
            print(f"| {name} | {ratios[0]:.3f}, {ratios[len(ratios) // 2]:.3f}, {ratios[-1]:.3f} | {kinds} | "
                  f"{seconds[0]:.1f}, {seconds[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
