#!/usr/bin/env python3
"""The table of adaptive votes in docs/strategies.md: each strategy of a run beside the fixed vote of the same run.

    tools/vote_table.py docs/runs/2026-11-28-adaptive-vote
"""
import gzip
import json
import pathlib
import sys


def main():
    print("| model | tasks | strategy | accuracy | samples a question | tokens a question | against the fixed vote | share of its samples |")
    print("|---|---:|---|---:|---:|---:|---:|---:|")
    for name in sys.argv[1:]:
        directory = pathlib.Path(name)
        runs = {}
        header, *lines = gzip.open(directory / "events.jsonl.gz", "rt", encoding="utf-8").read().splitlines()
        command = json.loads(header)["command"]
        model = pathlib.Path(command[command.index("-m") + 1]).stem
        for line in lines:
            event = json.loads(line)
            if event["warmup"] or event["grade"]["status"] == "not_graded":
                continue
            runs.setdefault(event["strategy"], {})[event["task"], event["seed"]] = event
        fixed = runs[next(s for s in runs if s.startswith("majority-voting"))]

        def accuracy(events):
            return sum(e["grade"]["status"] == "correct" for e in events) / len(events)

        def samples(events):
            return sum(len(e["candidates"]) for e in events) / len(events)

        for strategy, by_task in sorted(runs.items(), key=lambda item: (len(item[0]), item[0])):
            both = sorted(by_task.keys() & fixed.keys())
            mine = [by_task[k] for k in both]
            theirs = [fixed[k] for k in both]
            tokens = sum(e["prompt_tokens"] + e["completion_tokens"] for e in mine) / len(mine)
            print(f"| {model} | {len(both)} | {strategy} | {accuracy(mine):.3f} | {samples(mine):.1f} | {tokens:.0f} | "
                  f"{accuracy(mine) - accuracy(theirs):+.3f} | {samples(mine) / samples(theirs):.2f} |")


if __name__ == "__main__":
    main()
