#!/usr/bin/env python3
"""Writes the tables of docs/engine.md from docs/runs/serving.json, docs/runs/endpoints.json and docs/runs/kv-*.json.

    tools/engine_tables.py [--check]

They come from tools/measure_serving.py, tools/measure_endpoints.py and `whet bench --kv -o json`. With --check nothing is written,
and a page that says something else is status 1.
"""

import json
import statistics
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = {"qwen2.5-coder-1.5b-instruct-q4_k_m.gguf": "Qwen2.5-Coder-1.5B Q4_K_M", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf": "Qwen2.5-Coder-0.5B Q4_K_M",
         "smollm2-135m-instruct-q4_1.gguf": "SmolLM2-135M Q4_1"}


def median(rows, key, **where):
    return statistics.median(r[key] for r in rows if all(r[k] == v for k, v in where.items()))


def throughput(runs):
    yield "| model | clients | whet tok/s | llama-server tok/s | ratio |"
    yield "|---|---:|---:|---:|---:|"
    for model, run in runs.items():
        rows = [dict(r, rate=r["tokens"] / r["seconds"]) for r in run["throughput"]["rows"]]
        for n in (1, 4, 8):
            ours, theirs = (median(rows, "rate", server=s, clients=n) for s in ("whet", "llama-server"))
            yield f"| {NAMES[model]} | {n} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} |"


def gap(runs):
    yield "| model | server | median gap alone, ms | longest gap, ms | ratio | the newcomer's first token after, s |"
    yield "|---|---|---:|---:|---:|---:|"
    for model, run in runs.items():
        for server in ("whet", "llama-server"):
            rows = run["gap"]["rows"]
            alone, longest = median(rows, "alone_gap_s", server=server), median(rows, "longest_gap_s", server=server)
            yield (f"| {NAMES[model]} | {server} | {alone * 1e3:.1f} | {longest * 1e3:.0f} | {longest / alone:.1f} | "
                   f"{median(rows, 'ttft_s', server=server):.1f} |")


def prefix(runs):
    yield "| model | server | first, ms | second, same beginning | after a restart, from disk |"
    yield "|---|---|---:|---:|---:|"
    for model, run in runs.items():
        for server in ("whet", "llama-server"):
            rows = run["prefix"]["rows"]
            first, second = (median(rows, "ttft_s", server=server, which=w) for w in ("first", "second"))
            again = "–"
            if server == "whet":
                kept = run["restart"]["rows"]
                again = f"{median(kept, 'ttft_s', which='after restart') / median(kept, 'ttft_s', which='first'):.1%}"
            yield f"| {NAMES[model]} | {server} | {first * 1e3:.0f} | {second / first:.1%} | {again} |"


def turns(runs):
    yield "| model | prompt tokens of 20 turns | new in their turn | computed | cached |"
    yield "|---|---:|---:|---:|---:|"
    for model, run in runs.items():
        rows = run["turns"]["rows"]
        whole, new, computed = (sum(r[k] for r in rows) for k in ("prompt_tokens", "new_tokens", "computed_tokens"))
        yield f"| {NAMES[model]} | {whole} | {new} | {computed} | {1 - computed / whole:.1%} |"


def figure(value, interval=None, digits=0):
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    return text if interval is None else f"{text} ({interval[0]:.{digits}f} – {interval[1]:.{digits}f})"


def endpoints(runs):
    yield ("| model | engine | at once | requests | output tok/s (95 %) | first token, ms, p50 (95 %) | p90 | per token, ms, p50 (95 %) | p90 | "
           "cached prompt tok |")
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for model, run in runs.items():
        for r in sorted(run["table"]["rows"], key=lambda r: r["concurrency"]):
            engine = "whet, Ollama's interface" if r["engine"] == "Ollama" else r["engine"]
            yield (f"| {NAMES[model]} | {engine} | {r['concurrency']} | {r['requests']} | "
                   f"{figure(r['output_tokens_per_second'], r['output_tokens_per_second_interval'])} | "
                   f"{figure(r['ttft']['p50_ms'], r['ttft']['p50_interval_ms'])} | {figure(r['ttft']['p90_ms'])} | "
                   f"{figure(r['tpot']['p50_ms'], r['tpot']['p50_interval_ms'], 1)} | {figure(r['tpot']['p90_ms'], digits=1)} | "
                   f"{r['cached_tokens_mean']:.1f} of {r['prompt_tokens_mean']:.1f} |")


def shared(runs):
    yield "| model | samples at once, each server | tasks | one server, s | two, s | two over one (95 %) | tokens, two over one |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for model, run, key, at_once in ((m, r, k, n) for m, r in runs.items() for k, n in (("shared", "all"), ("queued", "one"))):
        if key not in run:
            continue
        rows, interval = run[key]["rows"], run[key]["interval"]
        one, two, one_tokens, two_tokens = (sum(r[k] for r in rows) for k in ("one_s", "two_s", "one_tokens", "two_tokens"))
        yield (f"| {NAMES[model]} | {at_once} | {len(rows)} | {one:.1f} | {two:.1f} | {figure(two / one, interval, 2)} | {two_tokens / one_tokens:.2f} |")


def memory(kv):
    yield "| MB of keys and values at the peak, " + kv["name"] + " | needed | committed | naive | static | paged by 16 | committed / naive |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for m in kv["mixes"]:
        needed, committed, naive, static, paged = (m[k] / 1e6 for k in ("needed_bytes", "committed_bytes", "naive_bytes", "static_bytes", "paged_16_bytes"))
        yield f"| {m['mix']} | {needed:.0f} | {committed:.0f} | {naive:.0f} | {static:.0f} | {paged:.0f} | {m['committed_over_naive']:.1%} |"


def speed(kvs):
    yield "| model | decode on blocks / contiguous | on shared blocks | attention alone, blocks | shared | branch of 1,000 positions, µs | copy of all, µs |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for kv in kvs:
        ratios = [kv["decode"][part][f"{which}_over_contiguous"] for part in ("model", "attention") for which in ("blocks", "aliased")]
        yield f"| {kv['name']} | " + " | ".join(f"{r:.3f}" for r in ratios) + f" | {kv['forks']['branch_us']:.0f} | {kv['forks']['copy_us']:.0f} |"


def main():
    runs = {m: r for m, r in json.loads((ROOT / "docs/runs/serving.json").read_text()).items() if m in NAMES}
    http = json.loads((ROOT / "docs/runs/endpoints.json").read_text())
    kvs = []
    for path in sorted((ROOT / "docs/runs").glob("kv-*.json")):
        kv = json.loads(path.read_text())[0]
        kv["name"] = NAMES[Path(kv["model_filename"]).name]
        kvs.append(kv)
    any_run = next(iter(runs.values()))["throughput"]
    tables = {"throughput": throughput(runs), "gap": gap(runs), "prefix": prefix(runs), "turns": turns(runs),
              "endpoints": endpoints(http), "shared": shared(http), "memory": memory(kvs[0]), "speed": speed(kvs),
              "machine": textwrap.wrap(f"{any_run['cpu']}, 2 threads; {any_run['versions']['whet'].splitlines()[0]}; llama-server, {any_run['versions']['llama-server']}. "
                          f"Rounds, alternating, of which these are the medians: {1 + max(r['round'] for r in any_run['rows'])}.", 130)}
    before = page = (ROOT / "docs/engine.md").read_text()
    for name, lines in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        head, rest = page.split(begin)
        page = head + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1]
    if "--check" not in sys.argv:
        (ROOT / "docs/engine.md").write_text(page)
    elif page != before:
        sys.exit("docs/engine.md does not say what docs/runs do: run tools/engine_tables.py")


if __name__ == "__main__":
    main()
