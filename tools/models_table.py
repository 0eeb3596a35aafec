#!/usr/bin/env python3
"""Writes docs/models.md: every golden model and container with its reference and the largest difference of a logit.

    python3 tools/models_table.py build/dev/src/load/whet_load_tests
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Models

Made by `tools/models_table.py`; do not edit. Each row is a tiny model with random weights (F16) and every special feature of its
architecture (`tests/golden/architecture_models.py`), in SafeTensors as transformers saves it or in GGUF as llama.cpp's converter writes it.
The difference is the largest of all logits compared, of the prompt and of 300 tokens decoded one by one behind it, as a share of the
largest logit; keys and values are cached in F32. The test's bound is 2e-4. Dynamic rope scaling takes for each token the frequencies
of its own position, as transformers does while decoding; LongRoPE takes its long factors where the cache has room for more than the
original context.

| model | architecture | container | reference | largest difference |
|---|---|---|---|---|
"""


def main():
    out = subprocess.run([sys.argv[1], "--gtest_filter=*LogitsAreThoseOf*"], check=True, capture_output=True, text=True).stdout
    rows = []
    for line in out.splitlines():
        if not line.startswith("parity "):
            continue
        _, name, difference = line.split()
        stem = name.removesuffix(".gguf")
        golden = json.loads((ROOT / f"tests/golden/models/{stem}.json").read_text())
        version, kind, _ = golden["reference"].split(", ")
        container = "GGUF" if name != stem else "SafeTensors"
        rows.append(f"| `{stem}` | {kind.removesuffix('ForCausalLM')} | {container} | {version} | {difference} |\n")
    (ROOT / "docs/models.md").write_text(HEAD + "".join(rows))


if __name__ == "__main__":
    main()
