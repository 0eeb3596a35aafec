#!/usr/bin/env python3
"""Speed against perplexity of dense files and of sparse plans of one model: measures them, and draws the picture.

    tools/sparsity_frontier.py run WHET TEXT -o RECORD.jsonl [--rounds 3] [--threads 2] [--tokens 32] [--only bench|perplexity] FILE[@PLAN]...
    tools/sparsity_frontier.py [--check]

`run` appends whet's own JSON to the record: a perplexity of each FILE@PLAN (TEXT in windows of 512, every token sparse), and the decode
speed of each in rounds, in turn. Without arguments docs/runs/sparsity/frontier.svg is drawn from docs/runs/sparsity/frontier.jsonl; with
--check nothing is written, and a picture that says something else is status 1.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "docs/runs/sparsity/frontier.jsonl"
PICTURE = ROOT / "docs/runs/sparsity/frontier.svg"

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 60, 60
COLOURS = {"dense": "#1f5fa8", "sparse": "#b3541e"}


def without_paths(found, names):
    """The record names files, not where they lay."""
    return {key: Path(value).name if key in names and isinstance(value, str) else value for key, value in found.items()}


def run(arguments):
    def whet(*command):
        done = subprocess.run([arguments.whet, *command], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: {done.stderr[-400:]}")
        return json.loads(done.stdout)

    cases = [(case.partition("@")[0], case.partition("@")[2] or "off") for case in arguments.cases]
    with open(arguments.out, "a") as record:
        def write(kind, plan, found, **more):
            line = {"kind": kind, "plan": plan, **more, **without_paths(found, ("model", "file", "model_filename"))}
            record.write(json.dumps(line) + "\n")
            record.flush()

        for file, plan in cases if arguments.only != "bench" else []:
            write("perplexity", plan, whet("perplexity", file, "-f", arguments.text, "-c", "512", "-t", str(arguments.threads),
                                           "--sparsity", plan, "--json"))
        for number in range(1, arguments.rounds + 1) if arguments.only != "perplexity" else []:
            for file, plan in cases:
                found = whet("bench", "-m", file, "-p", "0", "-n", str(arguments.tokens), "-r", "1", "-t", str(arguments.threads),
                             "--sparsity", plan, "-o", "json")
                write("bench", plan, found[0], round=number)


def points(lines):
    """Name, whether sparse, share skipped, tok/s and perplexity of each file and plan in the record."""
    speeds, perplexities, types, shares = {}, {}, {}, {}
    for line in lines:
        if line["kind"] == "bench":
            key = (line["model_filename"], line["plan"])
            speeds.setdefault(key, []).append(line["median_ts"])
            types[key] = line["model_type"].split(" ", 1)[1].removesuffix(" - Medium")
            shares[key] = line["sparse_share"]
        else:
            perplexities[(line["model"], line["plan"])] = line["perplexity"]
    if set(speeds) != set(perplexities):
        sys.exit(f"the record has a speed or a perplexity alone of {sorted(set(speeds) ^ set(perplexities))}")
    found = []
    for key, of_rounds in speeds.items():
        sparse = "rot" in key[0]
        found.append({"sparse": sparse, "type": types[key], "share": shares[key], "speed": statistics.median(of_rounds),
                      "low": min(of_rounds), "high": max(of_rounds), "perplexity": perplexities[key]})
    return found


def dominated(found):
    """Points that skip something, and those of them that one which skips nothing (rotated or not) beats in both."""
    sparse = [p for p in found if p["share"] > 0]
    beaten = [p for p in sparse if any(d["share"] == 0 and d["speed"] >= p["speed"] and d["perplexity"] <= p["perplexity"] for d in found)]
    return sparse, beaten


def verdict(found):
    sparse, beaten = dominated(found)
    if len(beaten) == len(sparse):
        return "fewer bits win: a file read whole is faster and better than every sparse one"
    if not beaten:
        return "sparse wins: no file read whole is both faster and better than a sparse one"
    return f"a file read whole is faster and better than {len(beaten)} of {len(sparse)} sparse ones"


def picture(found, title):
    def ticks(low, high):
        step = 10 ** math.floor(math.log10((high - low) / 3))
        step = next(step * m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= 7)
        first = math.ceil(low / step)
        return [first * step + i * step for i in range(int((high - first * step) / step) + 1)]

    x_low, x_high = 0.92 * min(p["low"] for p in found), 1.12 * max(p["high"] for p in found)
    y_low, y_high = 0.95 * min(p["perplexity"] for p in found), 1.03 * max(p["perplexity"] for p in found)

    def x(speed):
        return LEFT + (speed - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def y(perplexity):
        return HEIGHT - BOTTOM - (perplexity - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             f'<text x="{LEFT}" y="24" font-size="15">{title}</text>',
             f'<text x="{LEFT}" y="44" fill="#555">{verdict(found)}; lower and to the right is better</text>']
    for value in ticks(x_low, x_high):
        lines.append(f'<path d="M{x(value):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>')
        lines.append(f'<text x="{x(value):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{value:g}</text>')
    for value in ticks(y_low, y_high):
        lines.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    lines.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 16}" text-anchor="middle">decode, tokens per second</text>')
    lines.append(f'<text x="18" y="{(TOP + HEIGHT - BOTTOM) / 2:.0f}" text-anchor="middle" '
                 f'transform="rotate(-90 18 {(TOP + HEIGHT - BOTTOM) / 2:.0f})">perplexity</text>')
    series = {}
    for p in found:
        series.setdefault(("sparse" if p["sparse"] else "dense", p["type"] if p["sparse"] else ""), []).append(p)
    for (kind, of_type), row in series.items():
        row.sort(key=lambda p: p["share"] if p["sparse"] else p["speed"])
        colour = COLOURS[kind]
        path = "M" + "L".join(f"{x(p['speed']):.1f} {y(p['perplexity']):.1f}" for p in row)
        lines.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-dasharray="{"4 3" if kind == "dense" else "none"}"/>')
        for i, p in enumerate(row):
            below = 16 + 13 * (i % 2) if kind == "dense" else -7  # dense files are as good as each other: their names in two lines
            name = f'{of_type} {p["share"]:.0%}' if p["sparse"] else p["type"]
            lines.append(f'<path d="M{x(p["low"]):.1f} {y(p["perplexity"]):.1f}H{x(p["high"]):.1f}" stroke="{colour}" stroke-width="0.7"/>')
            lines.append(f'<circle cx="{x(p["speed"]):.1f}" cy="{y(p["perplexity"]):.1f}" r="4" fill="{colour}"/>')
            lines.append(f'<text x="{x(p["speed"]) + 7:.1f}" y="{y(p["perplexity"]) + below:.1f}" fill="{colour}">{name}</text>')
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def draw(check):
    lines = [json.loads(line) for line in RECORD.read_text().splitlines()]
    drawn = picture(points(lines), "Qwen2.5-Coder-0.5B: dense files, and sparse rotated ones (share of layer weights skipped)")
    if not check:
        PICTURE.write_text(drawn)
    elif not PICTURE.exists() or PICTURE.read_text() != drawn:
        sys.exit(f"{PICTURE.relative_to(ROOT)} does not say what the record does: run tools/sparsity_frontier.py")


def main():
    if sys.argv[1:2] != ["run"]:
        return draw("--check" in sys.argv[1:])
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("whet")
    parser.add_argument("text")
    parser.add_argument("-o", "--out", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--only", choices=["bench", "perplexity"])
    parser.add_argument("cases", nargs="+")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
