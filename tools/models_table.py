#!/usr/bin/env python3
"""Writes the tables of docs/models.md: every golden model and container with its reference and the largest difference of a logit,
every type of weights likewise, and the speed of real files from raw runs.

    python3 tools/models_table.py build/dev/src/load/whet_load_tests build/dev/src/kernels/whet_kernels_tests
"""

import json
import re
import statistics
import struct
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from performance_tables import read as read_runs

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Models

The tables are made by `tools/models_table.py`. Each row is a tiny model with random weights (F16; experts of `gpt_oss_mxfp4` MXFP4,
multiplied as with `--exact`) and every special feature of its
architecture (`tests/golden/architecture_models.py`), in SafeTensors as transformers saves it or in GGUF as llama.cpp's converter writes it.
The difference is the largest of all logits compared, of the prompt and of 300 tokens decoded one by one behind it, as a share of the
largest logit; keys and values are cached in F32. The test's bound is 2e-4. Dynamic rope scaling takes for each token the frequencies
of its own position, as transformers does while decoding; LongRoPE takes its long factors where the cache has room for more than the
original context.

| model | architecture | container | reference | largest difference |
|---|---|---|---|---|
"""


KEPT = "\n## Getting models\n"  # from here on the page is written by hand


def gguf_architecture(path):
    data = path.read_bytes()[:4096]
    at = data.index(b"general.architecture") + len(b"general.architecture") + 4  # behind the type of the value
    length = struct.unpack_from("<Q", data, at)[0]
    return data[at + 8:at + 8 + length].decode()


def opened():
    """What load/architectures names: GGUF's architectures and config.json's model types, and those that SafeTensors have not."""
    sources = [path.read_text() for path in sorted((ROOT / "src/load/architectures").glob("*.cc"))]
    entries = re.findall(r'\.name = "([^"]+)",\s*\.model_types = \{([^}]*)\}', "\n".join(sources))
    names = {name for name, _ in entries}
    types = {word for _, listed in entries for word in re.findall(r'"([^"]+)"', listed)}
    gguf_only = names - {name for name, listed in entries if listed.strip()}
    return names, types, gguf_only


def untested():
    names, types, gguf_only = opened()
    models = ROOT / "tests/golden/models"
    folders = [json.loads(path.read_text()) for path in models.glob("*/config.json")]
    tested_types = {config["model_type"] for config in folders} | {"phi"}  # tests/golden/phi2
    tested_names = {gguf_architecture(path) for path in models.glob("*.gguf")} | {"phi2"}

    def listed(words):
        return ", ".join(f"`{word}`" for word in sorted(words)) or "none"

    return f"""
## What has no row

- Architectures that whet opens from GGUF alone: {listed(gguf_only)}.
- Types of `config.json` that whet opens and that no row shows (they share the reader of a row's): {listed(types - tested_types)}.
- Architectures of GGUF that whet opens and that no row shows: {listed(names - tested_names)}.
- Pictures and sound: of models that see or hear, whet runs the part that reads text; the rows of such models compare text alone.
- Quantised weights: the rows are of F16. The types have a table of their own.
"""


TYPES = """
## Types of weights

Random blocks of each type, every value beside what the reference makes of the same bytes; "difference" is the largest. Behind it what
multiplies them: a kernel of the type, or (slow path; `show` and `bench` say so) the floats that rows are unpacked to. SafeTensors of
MLX, AWQ, GPTQ and compressed-tensors become the type named, when they are opened.

| container | stored as | held as | reference | difference | multiplied by |
|---|---|---|---|---|---|
"""
METHODS = {"mlx": ("MLX", "NumPy, checked by mlx"), "mlx_floats": ("MLX", "NumPy, checked by mlx"), "awq": ("AWQ", "NumPy"),
           "gptq2": ("GPTQ 2 bits", "NumPy"), "gptq4": ("GPTQ 4 bits", "NumPy"), "gptq8": ("GPTQ 8 bits", "NumPy"),
           "gptq4_symmetric": ("GPTQ 4 bits, symmetric", "NumPy"), "gptq4_order": ("GPTQ 4 bits, act-order", "NumPy"),
           "packed4": ("compressed-tensors int4", "NumPy"), "packed8": ("compressed-tensors packed int8", "NumPy"),
           "packed4_zeros": ("compressed-tensors int4, zero points", "NumPy"), "int8": ("compressed-tensors int8", "NumPy")}
PATHS = {"kernel": "a kernel", "unpacked": "floats, slow path"}


def lines_of(program, test, word):
    out = subprocess.run([program, f"--gtest_filter={test}"], check=True, capture_output=True, text=True).stdout
    return [line.split()[1:] for line in out.splitlines() if line.startswith(word + " ")]


def types(load_tests, kernels_tests):
    yield TYPES
    for name, difference, path in lines_of(kernels_tests, "DequantizeRow.*", "type"):
        yield f"| GGUF | {name} | {name} | gguf | {difference} | {PATHS[path]} |\n"
    for folder, stem, held, difference, path in lines_of(load_tests, "QuantisedWeights.*", "planes"):
        method, reference = METHODS[folder]
        affine = re.fullmatch(r"b(\d)_g(\d+)", stem)
        stored = f"{method} {affine[1]} bits, groups of {affine[2]}" if affine else method if stem == "w" else f"{method} {stem}"
        yield f"| SafeTensors | {stored} | {held} | {reference} | {difference} | {PATHS[path]} |\n"


SPEEDS = """
## Speed of real files

Tokens per second on two threads, 256 tokens of prefill and 32 of decode, median over the rounds of interleaved runs; whet with its default
storage and, behind the stroke, with `--repack`; llama.cpp with whichever of `--repack 0` and `1` is faster. Which machine, and the
ratios with their spread: [performance](performance.md).

| file | prefill, whet | llama.cpp | decode, whet | llama.cpp | raw runs |
|---|---|---|---|---|---|
"""
SHAPES = """
Shapes of published models whose files were not at hand, with random weights in Q4_K_M (experts MXFP4), made by `tools/make_shapes.py`:

| shape | prefill, whet | llama.cpp | decode, whet | llama.cpp | raw runs |
|---|---|---|---|---|---|
"""
RUNS = {SPEEDS: "docs/runs/2026-11-28-zen4/real-models.jsonl", SHAPES: "docs/runs/shapes-zen4.jsonl"}


def speeds():
    for head, path in RUNS.items():
        yield head
        rates, _ = read_runs(path)
        cells = defaultdict(dict)
        for (model, test, parallel, _), programs in rates.items():
            if parallel == 1 and test in ("pp256", "tg32"):
                for program, figures in programs.items():
                    cells[model, test[:2]][program] = statistics.median(figures)
        for model in dict.fromkeys(model for model, _ in cells):
            row = [f"`{model}`"]
            for test in ("pp", "tg"):
                found = cells[model, test]
                rivals = [rate for program, rate in found.items() if program.startswith("llama")]
                row.append(" / ".join(f"{found[p]:.0f}" for p in ("whet", "whet --repack") if p in found))
                row.append(f"{max(rivals):.0f}" if rivals else "does not open it")
            yield "| " + " | ".join([*row, f"`{path}`"]) + " |\n"


def main():
    load_tests, kernels_tests = sys.argv[1:]
    rows = []
    for name, difference in lines_of(load_tests, "*LogitsAreThoseOf*", "parity"):
        stem = name.removesuffix(".gguf")
        golden = json.loads((ROOT / f"tests/golden/models/{stem}.json").read_text())
        version, kind, _ = golden["reference"].split(", ")
        container = "GGUF" if name != stem else "SafeTensors"
        rows.append(f"| `{stem}` | {kind.removesuffix('ForCausalLM')} | {container} | {version} | {difference} |\n")
    page = ROOT / "docs/models.md"
    _, kept, by_hand = page.read_text().partition(KEPT)
    more = "".join([*types(load_tests, kernels_tests), *speeds()])
    page.write_text(HEAD + "".join(rows) + untested() + more + kept + by_hand)


if __name__ == "__main__":
    main()
