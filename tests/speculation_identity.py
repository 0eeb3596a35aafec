#!/usr/bin/env python3
"""Text with and without speculation, on a real model: 200 prompts of tasks/ by 4 sampling settings.

    tests/speculation_identity.py build/release/whet MODEL [-md DRAFT] [-n 200] [flags of whet bench --speculative]

whet bench --speculative compares the tokens of every run of a prompt and ends with an error at the first difference."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

SETTINGS = {
    "greedy": ["--temp", "0"],
    "temperature 0.8": ["--temp", "0.8"],
    "temperature 1.3, no truncation": ["--temp", "1.3", "--top-k", "0", "--top-p", "1", "--min-p", "0"],
    "penalties": ["--temp", "0.8", "--repeat-penalty", "1.15", "--presence-penalty", "0.3"],
}

parser = argparse.ArgumentParser()
parser.add_argument("whet")
parser.add_argument("model")
parser.add_argument("--prompts", type=int, default=200)
parser.add_argument("--tokens", type=int, default=48)
arguments, more = parser.parse_known_args()

tasks = []
for path in sorted((pathlib.Path(__file__).parent.parent / "tasks").glob("*.jsonl")):
    tasks.append([json.loads(line) for line in path.read_text().splitlines()])
prompts = []
for i in range(max(len(family) for family in tasks)):  # the families in turn
    prompts += [family[i] for family in tasks if i < len(family)]
prompts = prompts[: arguments.prompts]
with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "prompts.jsonl"
    file.write_text("".join(json.dumps({"id": p["id"], "category": p["family"], "prompt": p["prompt"]}) + "\n"
                            for p in prompts))
    for name, flags in SETTINGS.items():
        out = pathlib.Path(folder) / "out.json"
        done = subprocess.run([arguments.whet, "bench", "-m", arguments.model, "--speculative", "--prompt-file", str(file),
                               "-n", str(arguments.tokens), "-i", "1", "-o", str(out), *flags, *more],
                              stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            sys.exit(f"{name}: whet ended with {done.returncode}")
        result = json.loads(out.read_text())
        counts = result["geometric_mean"]["speculation"]
        print(f"{name}: {len(result['prompts'])} prompts identical; {counts['draft_n_accepted']} of "
              f"{counts['draft_n']} proposed tokens drawn")
