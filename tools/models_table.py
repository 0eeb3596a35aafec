#!/usr/bin/env python3
"""Writes the tables of docs/models.md: every golden model and container with its reference and the largest difference of a logit.

    python3 tools/models_table.py build/dev/src/load/whet_load_tests
"""

import json
import re
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Models

The tables are made by `tools/models_table.py`. Each row is a tiny model with random weights (F16) and every special feature of its
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

- From GGUF alone, because Hugging Face stores the weights in another form that whet does not read: {listed(gguf_only)}.
- Types of `config.json` that whet opens and that no row shows (they share the reader of a row's): {listed(types - tested_types)}.
- Architectures of GGUF that whet opens and that no row shows: {listed(names - tested_names)}.
- Pictures and sound: of models that see or hear, whet runs the part that reads text; the rows of such models compare text alone.
- Quantised weights: the rows are of F16. The types are compared value by value with their formats' own code in `tests/golden`.
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
    page = ROOT / "docs/models.md"
    _, kept, by_hand = page.read_text().partition(KEPT)
    page.write_text(HEAD + "".join(rows) + untested() + kept + by_hand)


if __name__ == "__main__":
    main()
