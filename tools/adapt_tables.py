#!/usr/bin/env python3
"""Writes the tables of docs/sparsity.md and docs/vocabulary.md that have records in docs/runs.

    tools/adapt_tables.py [--check]

Perplexities are what `whet perplexity --json` writes, speeds `whet bench -o json`, products whet_kernels_bench --benchmark_format=json, the
comparison compare.json of `whet compare`. With --check nothing is written, and a page that says something else is status 1.
"""

import json
import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "docs/runs"

MODELS = {
    "smol-rot-q8.gguf": ("SmolLM2-135M", "rotated Q8_0"),
    "qwen05-rot-q8.gguf": ("Qwen2.5-Coder-0.5B", "rotated Q8_0"),
    "qwen05-q8_0.gguf": ("Qwen2.5-Coder-0.5B", "Q8_0"),
    "qwen15-rot-q8.gguf": ("Qwen2.5-Coder-1.5B", "rotated Q8_0"),
    "qwen15-rot-q4.gguf": ("Qwen2.5-Coder-1.5B", "rotated Q4_0"),
    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf": ("Qwen2.5-Coder-1.5B", "Q4_K_M as published"),
}
HEADS = {"smollm2-135m-instruct-q4_1.gguf": "SmolLM2-135M", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf": "Qwen2.5-Coder-0.5B"}
VARIANTS = {"larosa": "larosa: 37 % of its weights skipped", "vocab": "vocab: 512 phrases, tuned", "spec": "spec: n-grams",
            "kv": "kv: shared beginnings by alias", "all": "all, in a file of both"}

GRADED = {"base": "SmolLM2-135M, Q8_0", "control": "control: tuned, no phrases", "first-attempt": "512 phrases, tuned",
          "distilled": "367 phrases, distilled"}
TUNED = {"base.gguf": "SmolLM2-135M, Q8_0", "control.gguf": "control: tuned, no phrases", "a512.gguf": "512 phrases, untuned",
         "tuned512.gguf": "512 phrases, tuned", "distilled.gguf": "367 phrases, distilled"}


def read(path):
    return [json.loads(line) for line in (RUNS / path).read_text().splitlines()]


def percent(rise):
    return f"{100 * rise:+.1f} %"


def cost():
    """Of one text: every plan of SmolLM2, rotated and not, token by token beside the same file dense."""
    found = {(line["model"], line["sparsity"], line["sparse_from"]): line for line in read("sparsity/perplexity-smollm2.jsonl")}
    files = [("smol-rot-q8.gguf", "rotated"), ("smol-mag-q8.gguf", "not rotated")]
    # Thresholds leave out as many channels as the text happens to have below them.
    counted = {line["sparsity"]: line["sparse_share_counted"] for line in read("sparsity/counted-smollm2.jsonl")}
    whole = [line for (_, _, first), line in found.items() if first == 0]
    later = max(first for _, _, first in found)
    methods = ["larosa", "wina", "teal", "cats", "down", "block"]

    def place(plan):
        method, colon, share = plan.partition(":")
        return (methods.index(method), float(share)) if colon else (0, float(method))

    plans = sorted({line["sparsity"] for line in whole}, key=place)
    yield ("| plan | of layer weights skipped | " +
           " | ".join(f"{name}, perplexity | over dense | behind {later} dense" for _, name in files) + " |")
    yield "|---|---:|" + "---:|" * 3 * len(files)
    dense = {file: next(line["dense"]["perplexity"] for line in whole if line["model"] == file) for file, _ in files}
    yield "| dense | 0 | " + " | ".join(f"{dense[file]:.2f} | | " for file, _ in files) + " |"
    for plan in plans:
        cells, share = [], 0
        for file, _ in files:
            line, behind = found.get((file, plan, 0)), found.get((file, plan, later))
            if line is None:
                cells += ["", "", ""]
                continue
            share = counted.get(plan, line["sparse_share"])
            cells += [f"{line['sparse']['perplexity']:.2f}",
                      f"{percent(line['perplexity_rise'])} ± {100 * line['perplexity_rise_stderr']:.1f}",
                      f"{percent(behind['perplexity_rise'])} ± {100 * behind['perplexity_rise_stderr']:.1f}" if behind else ""]
        yield f"| {plan} | {100 * share:.1f} % | " + " | ".join(cells) + " |"


def larger():
    """Of larger models the same at 40 %: a row of every file."""
    found = {}
    for line in read("sparsity/perplexity-qwen.jsonl"):
        found.setdefault((line["model"], line["sparsity"]), {})[line["sparse_from"] > 0] = line
    yield "| model | weights | plan | every token sparse, over dense | behind 256 dense tokens, over dense |"
    yield "|---|---|---|---:|---:|"
    for (file, plan), lines in found.items():
        cells = []
        for later in (False, True):
            line = lines.get(later)
            cells.append("-" if line is None else f"{line['dense']['perplexity']:.2f} → {line['sparse']['perplexity']:.2f}: "
                         f"{percent(line['perplexity_rise'])} ± {100 * line['perplexity_rise_stderr']:.1f}")
        yield f"| {MODELS[file][0]} | {MODELS[file][1]} | {plan} | " + " | ".join(cells) + " |"


def gain():
    speeds, shares = {}, {}
    for path in sorted((RUNS / "sparsity").glob("decode-*.jsonl"), key=lambda p: ("1.5b" in p.name, "q4_0" in p.name)):
        for line in read(path.relative_to(RUNS)):
            plan = "off" if line["sparsity"] == "original" else line["sparsity"]
            speeds.setdefault((line["model_filename"], plan), []).append(line["median_ts"])
            shares[(line["model_filename"], plan)] = line["sparse_share"]
    perplexities = {(line["model"], line["sparsity"]): line["perplexity"] for line in read("sparsity/perplexity.jsonl")}
    for line in read("sparsity/perplexity-smollm2.jsonl"):
        if line["sparse_from"] == 0:
            perplexities[(line["model"], line["sparsity"])] = line["sparse"]["perplexity"]
            perplexities[(line["model"], "off")] = line["dense"]["perplexity"]
    yield "| model | weights | plan | of layer weights skipped | decode, tok/s | over its dense | perplexity | over its dense |"
    yield "|---|---|---|---:|---:|---:|---:|---:|"
    order = list(MODELS)
    for (file, plan), rates in sorted(speeds.items(), key=lambda item: (order.index(item[0][0]), item[0][1] != "off", item[0][1])):
        model, weights = MODELS[file]
        rate, dense = statistics.median(rates), statistics.median(speeds[(file, "off")])
        perplexity, without = perplexities.get((file, plan)), perplexities.get((file, "off"))
        alone = plan == "off"
        yield (f"| {model} | {weights} | {'dense' if alone else plan} | {100 * shares[(file, plan)]:.1f} % | {rate:.3g} | "
               f"{'' if alone else f'{rate / dense:.2f}'} | {f'{perplexity:.2f}' if perplexity else '-'} | "
               f"{percent(perplexity / without - 1) if perplexity and not alone else ''} |")


def products():
    rows = json.loads((RUNS / "sparsity/products.json").read_text())["benchmarks"]
    medians = [row for row in rows if row.get("aggregate_name") == "median"] or rows
    table = {}
    for row in medians:
        _, of_type, place, skipped, *rest = row["run_name"].split("/")
        threads = next((part.removeprefix("threads:") for part in rest if part.startswith("threads:")), "1")
        table.setdefault((of_type, place, threads), {})[int(skipped)] = row
    shares = sorted({share for found in table.values() for share in found})
    yield ("| type | weights | threads | dense µs | sparse µs at 40 % | " + " | ".join(f"dense/sparse at {s} %" for s in shares) + " |")
    yield "|---|---|---:|---:|---:|" + "---:|" * len(shares)
    for (of_type, place, threads), found in table.items():
        yield (f"| {of_type} | {'from memory, 8960 x 1536' if place == 'cold' else 'hot, 512 x 1536'} | {threads} | "
               f"{found[40]['dense us']:.1f} | {found[40]['sparse us']:.1f} | " +
               " | ".join(f"{found[s]['dense/sparse']:.2f}" for s in shares) + " |")


def blocks():
    """Whole blocks left out of rows as the file has them and of interleaved ones, beside channels left out of a channel-major copy."""
    def medians(path):
        rows = json.loads((RUNS / path).read_text())["benchmarks"]
        return [row for row in rows if row.get("aggregate_name") == "median"] or rows

    def place_of(parts):
        threads = next((part.removeprefix("threads:") for part in parts if part.startswith("threads:")), "1")
        return parts[0], threads

    by_channel = {}
    for row in medians("sparsity/products.json"):
        _, of_type, place, skipped, *rest = row["run_name"].split("/")
        if skipped == "40":
            by_channel[(of_type, *place_of([place, *rest]))] = row["dense/sparse"]
    table = {}
    for row in medians("sparsity/products-blocks.json"):
        _, of_type, layout, place, skipped, *rest = row["run_name"].split("/")
        table.setdefault((of_type, layout, *place_of([place, *rest])), {})[int(skipped)] = row
    shares = sorted({share for found in table.values() for share in found})
    yield ("| type | weights | layout | threads | dense µs | blocks µs at 40 % | " +
           " | ".join(f"dense/blocks at {s} %" for s in shares) + " | by channel at 40 % |")
    yield "|---|---|---|---:|---:|---:|" + "---:|" * (len(shares) + 1)
    for (of_type, layout, place, threads), found in table.items():
        yield (f"| {of_type} | {'from memory' if place == 'cold' else 'hot'} | {'interleaved' if layout == 'interleaved' else 'as in the file'} | "
               f"{threads} | {found[40]['dense us']:.1f} | {found[40]['sparse us']:.1f} | " +
               " | ".join(f"{found[s]['dense/sparse']:.2f}" for s in shares) + f" | {by_channel[(of_type, place, threads)]:.2f} |")


def sketches():
    """What approximate logits of all rows leave to be read of the head, on real hidden states."""
    names = {"axes": "leading axes", "largest": "each state's largest elements along the axes", "bits": "bits a weight"}
    yield ("| head of | rows | what all rows are looked at by | of the head's bytes | rows left by the bound | "
           "first row is the sketch's first | among 16 | among 64 | among 256 | states |")
    yield "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|"
    for line in read("sparsity/head-sketch.jsonl"):
        kind, _, number = line["sketch"].partition(":")
        what = f"{number} {names[kind]}" if kind == "bits" else f"{100 * float(number):.0f} % of them, {names[kind]}"
        among = line["first_row_among"]
        yield (f"| {HEADS[line['model']]} | {line['rows']} | {what} | {100 * line['share_of_bytes']:.0f} % | "
               f"{100 * line['rows_left_by_bound']:.0f} % | " +
               " | ".join(f"{100 * among[n]:.1f} %" for n in ("1", "16", "64", "256")) + f" | {line['tokens']} |")


def draft():
    plans = {}
    for line in read("sparsity/self-draft.jsonl"):
        if line["text_sha1"] != line["text_sha1_without_drafts"]:
            sys.exit(f"docs/runs/sparsity/self-draft.jsonl: {line['plan']}: drafts changed the text")
        plans.setdefault(line["plan"], []).append(line)
    yield "| plan of the pass that proposes | proposed | accepted | first of each draft | fourth |"
    yield "|---|---:|---:|---:|---:|"
    for plan, lines in plans.items():
        def rate(accepted, drafted):
            return f"{sum(map(accepted, lines)) / sum(map(drafted, lines)):.2f}"
        yield (f"| {'dense' if plan == 'off' else plan} | {sum(line['draft_n'] for line in lines)} | "
               f"{rate(lambda r: r['draft_n_accepted'], lambda r: r['draft_n'])} | "
               f"{rate(lambda r: r['accepted_at'][0], lambda r: r['drafted_at'][0])} | "
               f"{rate(lambda r: r['accepted_at'][3], lambda r: r['drafted_at'][3])} |")


def comparison():
    yield "| | characters/s | over the control's | time | input tokens | keys and values, peak MB | bits/byte |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for row in json.loads((RUNS / "compare-smollm2/compare.json").read_text())["rows"]:
        name = "control" if row["name"] == "baseline" else VARIANTS[row["name"].split("=")[0]]
        cells = []
        for key in ("characters_per_second", "time", "prompt_tokens"):
            ratio = row["ratio_to_baseline"][key]
            cells.append("" if ratio is None else f"{ratio['value']:.2f} [{ratio['interval'][0]:.2f}, {ratio['interval'][1]:.2f}]")
        yield (f"| {name} | {row['mean_characters_per_second']:.0f} | " + " | ".join(cells) +
               f" | {row['kv_bytes_peak'] / 1e6:.1f} | {row['bits_per_byte']:.3f} |")


def tuned():
    """Bits per byte of each copy, over the control's on the same text."""
    rows = {}
    for line in read("vocabulary-tasks/perplexity.jsonl"):
        rows.setdefault(line["model"], {})[line["file"]] = line
    yield "| | tokens of the pages | unseen pages | over the control's | general text | over the control's |"
    yield "|---|---:|---:|---:|---:|---:|"
    for model, name in TUNED.items():
        cells = []
        for text in ("unseen-pages.txt", "general.txt"):
            line, control = rows[model][text], rows["control.gguf"][text]
            cells.append(f"{line['bits_per_byte']:.3f} ± {line['bits_per_byte_stderr']:.3f}")
            cells.append("" if model == "control.gguf" else percent(line["bits_per_byte"] / control["bits_per_byte"] - 1))
        yield f"| {name} | {rows[model]['unseen-pages.txt']['n_tokens']:,} | " + " | ".join(cells) + " |"


def graded():
    """Of choices about manual pages, and against the control's on the same questions (whet diff's words)."""
    yield "| | purpose of a page | meaning of an error | next paragraph | all | over the control's |"
    yield "|---|---:|---:|---:|---:|---:|"
    for file, name in GRADED.items():
        path = RUNS / f"vocabulary-tasks/{file}.json"
        if not path.exists():
            continue
        row = json.loads(path.read_text())["strategies"][0]
        families = {family["family"]: family["accuracy"] for family in row["families"]}
        cells = [f"{a['value']:.2f} [{a['low']:.2f}, {a['high']:.2f}]"
                 for a in [*(families[kind] for kind in ("purpose", "error", "next")), row["accuracy"]]]
        gain = ""
        if file != "control":
            said = (RUNS / f"vocabulary-tasks/control-to-{file}.txt").read_text()
            gain = re.search(r"^likelihood\S* +\d+ +(\S+ \[[^]]*\])", said, re.M)[1]
        yield f"| {name} | " + " | ".join(cells) + f" | {gain} |"


def main():
    wrong = []
    for file, tables in {"sparsity.md": {"cost": cost, "larger": larger, "gain": gain, "products": products, "blocks": blocks, "sketches": sketches,
                                         "draft": draft},
                         "vocabulary.md": {"comparison": comparison, "tuned": tuned, "graded": graded}}.items():
        path = ROOT / "docs" / file
        before = page = path.read_text()
        for name, make in tables.items():
            begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
            head, rest = page.split(begin)
            page = head + begin + "\n".join(make()) + "\n" + end + rest.split(end)[1]
        if "--check" not in sys.argv:
            path.write_text(page)
        elif page != before:
            wrong.append(f"docs/{file}")
    if wrong:
        sys.exit(f"{' and '.join(wrong)} does not say what docs/runs do: run tools/adapt_tables.py")


if __name__ == "__main__":
    main()
