"""Regenerates the training streams and looks for held-out prompts in them; reports how near the rest comes.

Exact: the normalised prompt occurs in the stream. Skeleton: the prompt occurs with other numbers and other names (digits,
people's names and the requested function name blanked) - the same kind of question, by design. Key: the thing that makes
the item new (operands, composition) occurs; zero by construction, checked here.
"""

import argparse
import json
import re
from itertools import islice
from pathlib import Path

from generator import FAMILIES, held_out, stream
from generator.words import NAMES

PEOPLE = re.compile(r"\b(" + "|".join(NAMES) + r")\b")


def normal(text):
    return " ".join(text.lower().split())


def skeleton(text):
    """The first line without numbers, people and the function's name; examples (later lines) are dropped."""
    line = PEOPLE.sub("N", text.split("\n")[0])
    line = re.sub(r"\b\w+\((?=[a-z:&\[\]0-9, ]*\))", "F(", line, count=1)
    return re.sub(r"(\d+[ ,:]*)+", "# ", line)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--task-seed", type=int, default=20260)
    parser.add_argument("--stream", nargs=2, type=int, action="append", required=True, metavar=("SEED", "EXAMPLES"))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    prompts, skeletons, keys, n_seen = set(), set(), set(), 0
    for seed, n in args.stream:
        for example in islice(stream(seed), n):
            n_seen += 1
            prompts.add(normal(example.prompt))
            skeletons.add(skeleton(example.prompt))
            keys.add((example.family, example.key))
    report = {"training_examples_checked": n_seen, "streams": args.stream, "families": {}}
    total_exact = total_keys = 0
    for family in FAMILIES:
        items = [json.loads(line) for line in (args.tasks / f"{family}.jsonl").read_text().splitlines()]
        examples = list(islice(held_out(family, args.task_seed), len(items)))
        assert [e.prompt for e in examples] == [i["prompt"] for i in items], "task set and seed differ"
        exact = sum(normal(e.prompt) in prompts for e in examples)
        shared = sum((family, e.key) in keys for e in examples)
        near = sum(skeleton(e.prompt) in skeletons for e in examples)
        known = sum(e.key == e.prompt for e in examples) if family in ("python", "rust") else 0
        report["families"][family] = {"n": len(items), "exact": exact, "key_seen": shared, "skeleton_seen": near,
                                      "known_function": known}
        total_exact, total_keys = total_exact + exact, total_keys + shared
    print(json.dumps(report, indent=1))
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n")
    if total_exact or total_keys:
        raise SystemExit("held-out items occur in the training stream")


if __name__ == "__main__":
    main()
