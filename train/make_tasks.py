"""Writes the held-out task sets tasks/<family>.jsonl and proves every reference solution by running it.

All items have held-out keys (generator/example.py), so no seed of the training stream can contain them.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

from generator import FAMILIES, held_out


def code_of(text, language):
    """The first fenced block of an answer, or None."""
    match = re.search(rf"```{language}\n(.*?)```", text, re.S)
    return match.group(1) if match else None


def run_python(code, tests, seconds=5):
    try:
        done = subprocess.run([sys.executable, "-I", "-c", code + "\n" + tests], capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def run_rust(code, tests, seconds=20):
    """Compiles and runs `fn main` with the tests as its body."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "main.rs"
        source.write_text(f"#![allow(warnings)]\n{code}\nfn main() {{\n{tests}}}\n")
        program = str(source.with_suffix(""))
        try:
            built = subprocess.run(["rustc", "--edition=2021", "-Cdebuginfo=0", "-Cpanic=abort", "-o", program,
                                    str(source)], capture_output=True, timeout=60)
            return built.returncode == 0 and subprocess.run([program], capture_output=True,
                                                            timeout=seconds).returncode == 0
        except subprocess.TimeoutExpired:
            return False


RUN = {"python": run_python, "rust": run_rust}


def passes(answer, grader):
    """Grades a full answer text against a grader object of the task format."""
    kind = grader["type"]
    if kind in RUN:
        code = code_of(answer, kind)
        return code is not None and RUN[kind](code, grader["tests"])
    found = re.findall(r"Answer: *(.*)", answer)
    return bool(found) and found[-1].strip() == grader["answer"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=20260)
    parser.add_argument("--n", type=int, default=80, help="items per family")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for family in FAMILIES:
        lines = []
        for i, example in enumerate(islice(held_out(family, args.seed), args.n), 1):
            if not passes(example.answer, example.grader):
                raise SystemExit(f"reference solution fails its own tests:\n{example.prompt}\n{example.answer}\n"
                                 f"{example.grader}")
            item = {"id": f"{family}-{i:04d}", "family": family, "kind": example.kind, "prompt": example.prompt,
                    "grader": example.grader}
            lines.append(json.dumps(item, ensure_ascii=False) + "\n")
        (args.out / f"{family}.jsonl").write_text("".join(lines))
        print(f"{family}: {len(lines)} items, every reference solution passes", flush=True)


if __name__ == "__main__":
    main()
