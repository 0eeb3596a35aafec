#!/usr/bin/env python3
"""Writes the tables of docs/performance.md from the raw runs that it names.

    tools/performance_tables.py [--check]

A table stands between "<!-- table: KIND FILE -->" and "<!-- end -->"; FILE holds a line of JSON per test, as `whet bench -o jsonl` and
`llama-bench -o jsonl` print it, with "program" in front (tools/performance_runs.sh makes one). --check changes nothing and ends with 1
where a table is not what its runs give.
"""

import json
import re
import statistics
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/performance.md"


def read(path):
    """{(model, test): {program: [tokens per second, a round each]}}, and the largest memory of (model, program)"""
    rates, memory = defaultdict(lambda: defaultdict(list)), defaultdict(int)
    for line in (ROOT / path).read_text().splitlines():
        d = json.loads(line)
        model = Path(d["model_filename"]).name.removesuffix(".gguf")
        test = f"pp{d['n_prompt']}" if d["n_prompt"] else f"tg{d['n_gen']}"
        parallel = d.get("n_parallel", 1)
        rates[model, test, parallel, d.get("isa", "")][d["program"]].append(d.get("median_ts", d["avg_ts"]))
        memory[model, d["program"]] = max(memory[model, d["program"]], d.get("peak_rss_bytes") or 0)
    return rates, memory


def with_rival(path):
    """Prefill and decode beside the best rival; the ratio is taken round by round."""
    rates, memory = read(path)
    merged = defaultdict(dict)
    for (model, test, parallel, _), programs in rates.items():
        if parallel == 1:
            merged[model, test].update(programs)
    yield "| model | test | whet | whet `--repack` | best of llama.cpp | ratio [lowest, highest round] | with `--repack` | memory |"
    yield "|---|---|---|---|---|---|---|---|"
    for (model, test), programs in merged.items():
        rivals = {p: f for p, f in programs.items() if p.startswith("llama")}
        if not rivals or "whet" not in programs:
            continue
        best = max(rivals, key=lambda p: statistics.median(rivals[p]))
        cells = [model, test]
        cells += [f"{statistics.median(programs[p]):.0f}" for p in ("whet", "whet --repack")]
        cells.append(f"{statistics.median(rivals[best]):.0f} (`{best.removeprefix('llama.cpp ')}`)")
        for p in ("whet", "whet --repack"):
            ratios = [a / b for a, b in zip(programs[p], rivals[best])]
            cells.append(f"**{statistics.median(ratios):.2f}** [{min(ratios):.2f}, {max(ratios):.2f}]")
        cells.append(f"{memory[model, 'whet'] / 1e6:.0f} MB")
        yield "| " + " | ".join(cells) + " |"


def batches(path):
    """What a step of m sequences costs over one."""
    rates, _ = read(path)
    yield "| model | sequences | tokens/s in all | a step over one of one sequence |"
    yield "|---|---|---|---|"
    one = {}
    for (model, test, m, isa), programs in sorted(rates.items(), key=lambda item: (item[0][0], item[0][2])):
        if test != "tg16":
            continue
        total = statistics.median(programs["whet"])
        one.setdefault(model, total)
        yield f"| {model} | {m} | {total:.0f} | {m * one[model] / total:.2f} |"


def repack(path):
    """Decode with interleaved rows over decode without, medians of the rounds."""
    rates, _ = read(path)
    table = defaultdict(dict)
    for (model, test, m, isa), programs in rates.items():
        if len(programs) == 2:
            table[isa, model][m] = statistics.median(b / a for a, b in zip(programs["whet"], programs["whet --repack"]))
    counts = sorted({m for row in table.values() for m in row})
    yield "| level | type | " + " | ".join(f"{m} at once" for m in counts) + " |"
    yield "|---" * (2 + len(counts)) + "|"
    for (isa, model), row in table.items():
        yield f"| {isa} | {model.upper()} | " + " | ".join(f"{row[m]:.2f}" for m in counts) + " |"


def containers(path):
    """A model's weights in MLX's 4 bits beside the same in GGUF's Q4_1, round by round; lines have "weights" and "container" too."""
    rates = defaultdict(lambda: defaultdict(list))
    for line in (ROOT / path).read_text().splitlines():
        d = json.loads(line)
        test = f"pp{d['n_prompt']}" if d["n_prompt"] else f"tg{d['n_gen']}"
        rates[d["weights"], test][d["container"]].append(d["avg_ts"])
    yield "| weights | test | Q4_1 | MLX, 4 bits, groups of 64 | ratio [lowest, highest round] |"
    yield "|---|---|---|---|---|"
    for (weights, test), found in rates.items():
        ratios = [a / b for a, b in zip(found["MLX"], found["GGUF"])]
        yield (f"| {weights} | {test} | {statistics.median(found['GGUF']):.0f} | {statistics.median(found['MLX']):.0f} | "
               f"**{statistics.median(ratios):.2f}** [{min(ratios):.2f}, {max(ratios):.2f}] |")


def main():
    text = DOCUMENT.read_text()
    kinds = {"with_rival": with_rival, "batches": batches, "repack": repack, "containers": containers}
    made = re.sub(r"(<!-- table: (\w+) (\S+) -->\n).*?(<!-- end -->)",
                  lambda m: m[1] + "\n".join(kinds[m[2]](m[3])) + "\n" + m[4], text, flags=re.S)
    if "--check" in sys.argv:
        sys.exit(made != text and "docs/performance.md: its tables are not what its runs give; run tools/performance_tables.py")
    DOCUMENT.write_text(made)


if __name__ == "__main__":
    main()
