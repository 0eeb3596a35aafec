#!/usr/bin/env python3
"""Writes the tables of docs/speculation.md from docs/runs/speculation/*.json and, for those of drafts, drafts/*.json.

    python3 tools/speculation_tables.py [--check]

The runs are what `whet bench --speculative -o FILE.json` writes. With --check nothing is written, and a page that says
something else ends with status 1.
"""

import json
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/speculation.md"
CATEGORIES = ("edit", "code", "maths", "summary", "chat")
TYPE = re.compile(r"-q[0-9]\w*$")


def name_of(path):
    return pathlib.Path(path).name.removesuffix(".gguf").replace("-instruct", "")


def short_name_of(path):
    """Without the type of the weights."""
    return TYPE.sub("", name_of(path))


def interval(group):
    return f"{group['speedup']:.2f} [{group['low']:.2f}, {group['high']:.2f}]"


def table_of_drafts():
    """A row for every draft and head, the runs of it in one cell each, in the order of their time."""
    runs = {}
    for path in sorted((ROOT / "docs/runs/speculation/drafts").glob("*.json")):
        run = json.loads(path.read_text())
        assert run["identical"], "a run whose texts differ is none"
        runs.setdefault((name_of(run["config"]["draft_model"]), run["config"]["draft_head"]), []).append(run)
    lines = ["| draft | rows of its head | drawn of what it proposed | ms per proposed token | speed-up of code |", "|---|---:|---:|---:|---|"]
    for (draft, head), group in sorted(runs.items(), key=lambda item: (item[0][0], -(item[0][1] or 1 << 62))):
        group.sort(key=lambda run: run["timestamp"])
        counts = [run["geometric_mean"]["speculation"] for run in group]
        sources = [c["sources"]["draft"] for c in counts]
        lines.append(f"| {draft} | {head or 'all'} | "
                     f"{sum(s['accepted'] for s in sources) / sum(s['drafted'] for s in sources):.2f} | "
                     f"{sum(c['draft_ms'] for c in counts) / sum(s['drafted'] for s in sources):.1f} | " +
                     "; ".join(f"{g['speedup']:.2f} [{g['low']:.2f}, {g['high']:.2f}]" for g in
                               (run["geometric_mean"] for run in group)) + " |")
    return lines


def main():
    runs = [json.loads(p.read_text()) for p in (ROOT / "docs/runs/speculation").glob("*.json")]
    runs.sort(key=lambda r: (r["config"]["temperature"], r["config"]["model"], r["config"]["draft_model"] or ""), reverse=False)
    named = "| model | n-grams and a draft of | temperature | "
    in_all = [named + "speed-up | worst prompt | predicted / measured |", "|---|---|---:|---:|---:|---:|"]
    by_category = [named + " | ".join(CATEGORIES) + " |", "|---|---|---:|" + "---:|" * len(CATEGORIES)]
    for run in runs:
        assert run["identical"], "a run whose texts differ is none"
        config = run["config"]
        draft = short_name_of(config["draft_model"]) if config["draft_model"] else "none"
        row = f"| {short_name_of(config['model'])} | {draft} | {config['temperature']:g} | "
        assert not any(line.startswith(row) for line in in_all), f"two runs of {row}"
        off = [g["predicted_over_measured"] for g in run["categories"]]
        in_all.append(row + f"{interval(run['geometric_mean'])} | {run['worst_prompt']['speedup']:.2f} | "
                      f"{min(off):.2f} to {max(off):.2f} |")
        groups = {g["category"]: g for g in run["categories"]}
        by_category.append(row + " | ".join(interval(groups[c]) if c in groups else "" for c in CATEGORIES) + " |")
    models = sorted({f"{short_name_of(model)} {TYPE.search(name_of(model))[0][1:]}" for run in runs
                     for model in (run["config"]["model"], run["config"]["draft_model"]) if model})
    config = runs[0]["config"]
    costs = {c["rows"]: c["cost_over_one"] for c in
             next(r for r in runs if "1.5b" in r["config"]["model"])["step_cost"]}
    tables = {"speed-up": in_all,
              "speed-up by category": by_category,
              "drafts": table_of_drafts(),
              "machine": [*textwrap.wrap(f"{config['cpu_info']} ({config['isa']}), {config['threads']} threads; {config['n_prompts']} prompts, "
                          f"{' or '.join(str(n) for n in sorted({r['config']['n_predict'] for r in runs}))} tokens each, without / with / with "
                          "/ without speculation; geometric means of the prompts' ratios of time per token, 95 % intervals over prompts. "
                          f"Files: {', '.join(models)}.", 130),
                          "A step of so many rows of the 1.5B model over one of one row: " +
                          ", ".join(f"{m}: {costs[m]:.2f}" for m in (2, 3, 4, 6, 8, 12, 16) if m in costs) + "."]}
    page = old = PAGE.read_text()
    for name, body in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        head, rest = page.split(begin)
        page = head + begin + "\n".join(body) + "\n" + end + rest.split(end)[1]
    if "--check" in sys.argv:
        sys.exit(page != old and "docs/speculation.md: its tables are not those of docs/runs/speculation; run tools/speculation_tables.py")
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
