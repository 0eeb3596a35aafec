#!/usr/bin/env python3
"""Writes made_up_results.json beside this script: TEST INPUT ONLY. Every number is invented.

It follows docs/results-schema.md and holds what a renderer must cope with: eight rows, two
controls, all three verdicts, missing values, ungraded runs, long and wide-character text.
"""
import json
from pathlib import Path

FAMILIES = [("arithmetic", 40), ("word problems", 40), ("multiple choice", 40), ("code", 24)]
N = sum(n for _, n in FAMILIES)
SEEDS = [1, 2, 3]


def est(value, half, n=N, method="bootstrap by task, Bonett-Price adjusted", lo=None, hi=None, **more):
    low = value - half if lo is None else lo
    high = value + half if hi is None else hi
    return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4), "level": 0.95,
            "method": method, "n": n, **more}


def ratio(value, spread):
    return est(value, 0, lo=value / spread, hi=value * spread, method="bootstrap by task, log scale")


# name, label, kind, accuracy by family, time ratio, prompt ratio, completion ratio, verdict
ROWS = [
    ("baseline", "Baseline", "baseline", (.42, .31, .55, .28), 1, 1, 1, None),
    ("re2", "Re-reading", "strategy", (.45, .33, .54, .28), 1.12, 1.9, 1.02, "cannot tell at this n"),
    ("cot_reflection", "CoT with reflection", "strategy", (.36, .25, .49, .21), 1.7, 1.4, 1.8, "does not pay"),
    ("self_consistency", "Self-consistency, n=5", "strategy", (.58, .43, .62, .30), 2.3, 1, 4.9, "pays"),
    ("best_of_n", "Best of n", "strategy", (.43, .32, .57, .29), 4.1, 4.2, 5.6, "does not pay"),
    ("execute_tests", "Tests executed, n=5", "strategy", (None, None, None, .52), 3.0, 1.0, 5.0, "pays"),
    ("moa", "Mixture of agents", "strategy", (.47, .35, .58, .30), 6.2, 3.9, 4.6, "cannot tell at this n"),
    ("baseline_same_time", "Baseline, time of self-consistency", "control", (.46, .33, .57, .29), 2.28, 1, 2.3, None),
]
REASONS = {
    "re2": "+0.01 [−0.03, +0.05] accuracy for 1.12x the time; a gain of 0.02 is not ruled out.",
    "cot_reflection": "−0.06 [−0.11, −0.01] accuracy for 1.70x the time: it is worse.",
    "self_consistency": "+0.11 [+0.06, +0.16] accuracy for 2.30x the time; the baseline given the same time gains +0.02.",
    "best_of_n": "+0.01 [−0.03, +0.02] accuracy for 4.10x the time: a gain of 0.02 is ruled out.",
    "execute_tests": "+0.24 [+0.09, +0.39] accuracy on code for 3.00x the time.",
    "moa": "+0.04 [−0.01, +0.09] accuracy for 6.20x the time; more tasks would decide.",
}
BASE = ROWS[0][3]


def strategy(row):
    name, label, kind, acc, rt, rp, rc, verdict = row
    families, correct, graded, n_tasks = [], 0, 0, 0
    for (family, n), a, b in zip(FAMILIES, acc, BASE):
        runs = n * len(SEEDS)
        if a is None:
            families.append({"family": family, "n_tasks": 0, "n_runs": runs, "n_graded": 0, "n_correct": 0,
                             "accuracy": None, "difference_to_baseline": None})
            continue
        half = 1.96 * (a * (1 - a) / n) ** .5
        families.append({
            "family": family, "n_tasks": n, "n_runs": runs, "n_graded": runs, "n_correct": round(a * runs),
            "accuracy": est(a, half, n, "Wilson, effective n by task"),
            "difference_to_baseline": None if kind == "baseline" else est(a - b, half * .8, n, p=.2)})
        correct += round(a * runs)
        graded += runs
        n_tasks += n
    value = correct / graded
    base = sum(b * n for b, (_, n), a in zip(BASE, FAMILIES, acc) if a is not None) / n_tasks
    half = 1.96 * (value * (1 - value) / n_tasks) ** .5
    runs = N * len(SEEDS)
    d = None
    if kind != "baseline":
        p = {"pays": .0004, "does not pay": .4, "cannot tell at this n": .09}.get(verdict, .3)
        d = est(value - base, half * .62, n_tasks, p=p, test="exact sign-flip by task")
    c = None
    if name == "self_consistency":
        c = est(.083, .045, n_tasks, p=.001, test="exact sign-flip by task", control="baseline_same_time")
    median = 3.42 * rt
    latency = est(median, 0, lo=median * .93, hi=median * 1.09, method="bootstrap by task", p95=round(median * 1.9, 3), mean=round(median * 1.1, 3))
    streams = name in ("baseline", "re2", "cot_reflection")
    return {
        "name": name, "label": label, "kind": kind,
        "controls": ["self_consistency"] if kind == "control" else [],
        "description": "Made-up row for tests.",
        "options": {"n": 5, "temperature": 0.7} if rc > 4 else {},
        "n_tasks": n_tasks, "n_runs": runs, "n_graded": graded, "n_not_graded": runs - graded, "n_correct": correct,
        "n_strict": correct - (9 if kind == "baseline" else 0), "n_fell_back": 4 if name == "moa" else 0,
        "strict_accuracy": est(correct / graded - .01, .05),
        "not_graded": [{"reason": "not a code task", "n": runs - graded}] if runs > graded else [],
        "n_truncated": int(7 * rc),
        "accuracy": est(value, half, n_tasks, "Wilson, effective n by task"),
        "families": families,
        "difference_to_baseline": d, "difference_to_control": c,
        "prompt_tokens": {"total": int(142.5 * rp * runs), "per_task": round(142.5 * rp, 1)},
        "completion_tokens": {"total": int(96.2 * rc * runs), "per_task": round(96.2 * rc, 1)},
        "n_calls": {"total": runs * (1 if rp == 1 else 4), "per_task": 1 if rp == 1 else 4},
        "latency_s": latency,
        "first_token_s": est(.31, .02, p95=.44, mean=.32, method="bootstrap by task") if streams else None,
        "generation_tok_s": est(28.1 * rc / rt, 1.1),
        "cost_ratio_tokens": None if kind == "baseline" else ratio((142.5 * rp + 96.2 * rc) / 238.7, 1.05),
        "cost_ratio_time": None if kind == "baseline" else ratio(rt, 1.09),
        "total_ratio_tokens": None if kind == "baseline" else ratio((142.5 * rp + 96.2 * rc) / 238.7 * 1.1, 1.05),
        "total_ratio_time": None if kind == "baseline" else ratio(rt * 1.1, 1.09),
        "peak_rss_bytes": None if name == "re2" else int(1.31e9 + 4.2e7 * rc), "kv_bytes": int(1.1e7 * (1 + rc)),
        "scores": {"auroc": est(.61, .05), "n_candidates": 5 * runs, "oracle_accuracy": est(.71, .06)} if rc > 4 else None,
        "verdict": {"label": verdict, "reason": REASONS[name]} if verdict else None,
    }


def event(row, k, sequence):
    name, _, _, _, rt, rp, rc, _ = row
    n = 5 if rc > 4 else 1
    start = sequence * 4_000_000_000
    chosen = 0 if n == 1 else k % 4
    right = (chosen + k) % 3 != 0
    answer = "42" if right else "24"
    candidates = [{
        "stage": "sample", "text": f"Six boxes of seven: 6 × 7 = {42 if (i + k) % 3 else 24}.\nThe answer is {42 if (i + k) % 3 else 24}.",
        "tokens": 96 + 3 * i, "finish": "length" if i == 4 else "stop", "logprob": round(-.31 - .05 * i, 3),
        "answer": None if i == 4 else str(42 if (i + k) % 3 else 24), "score": None if i == 4 else round(.6 - .1 * i, 2),
        "eligible": i != 4, "reason": "truncated" if i == 4 else None, "chosen": i == chosen} for i in range(n)]
    return {
        "strategy": name, "task": f"word/{k:03d}", "family": "word problems", "seed": SEEDS[k % 3], "sequence": sequence,
        "question": "A shop has 6 boxes with 7 apples each. How many apples are there? 数えてください。", "reference": "42",
        "start_ns": start, "first_token_ns": start + 310_000_000 if n == 1 else None, "end_ns": start + int(3.4e9 * rt),
        "prompt_tokens": int(142 * rp), "completion_tokens": int(96 * rc), "n_calls": 1, "candidates": candidates,
        "answer": answer, "grade": {"status": "correct" if right else "wrong", "detail": f"expected 42, got {answer}"},
        "peak_rss_bytes": 1_350_000_000, "kv_bytes": 22_000_000, "error": None}


events = []
for k in range(3):
    for row in ROWS:
        events.append(event(row, k, len(events)))

document = {
    "schema": "whet-results/1",
    "title": "MADE-UP TEST INPUT, not a measurement",
    "created": "2026-01-31T12:00:00Z",
    "command": ["whet", "experiment", "model.gguf", "--strategy", "self_consistency:n=5", "--title", "it's a test"],
    "status": {"complete": True, "n_planned": N * 3 * len(ROWS), "n_done": N * 3 * len(ROWS), "wall_s": 12874.2, "stop_reason": None},
    "whet": {"version": "0.1.0", "commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False, "compiler": "g++ 12.2.0",
             "flags": "-O2 -ffp-contract=off", "build_type": "Release", "isa": "avx2_vnni", "threads": 8},
    "machine": {"cpu": "Example CPU 9000", "n_physical_cores": 8, "n_logical_cores": 16, "cpu_quota": None,
                "memory_bytes": 34359738368, "kernel": "Linux 6.1.0", "os": "Debian GNU/Linux 12", "load_average": 0.12,
                "memory_bandwidth_bytes_s": 41.2e9},
    "model": {"path": "models/example-1b.gguf", "name": "Example 1B Instruct", "architecture": "llama", "n_parameters": 1100048384,
              "type": "Q4_K", "size_bytes": 668788096, "sha256": "ab" * 32, "context_tokens": 2048, "chat_template": "from the model"},
    "sampling": {"temperature": 0.0, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "repeat_penalty": 1.0},
    "seeds": SEEDS,
    "tasks": {"files": [{"name": "sample", "path": "tasks/sample.jsonl", "sha256": "cd" * 32, "n_tasks": N}], "n_tasks": N,
              "families": [{"name": f, "n_tasks": n} for f, n in FAMILIES]},
    "limits": {"max_tokens": 512, "context_tokens": 2048, "time_s": None, "time_per_task_s": 120},
    "sandbox": {"available": True, "kind": "bubblewrap", "reason": None, "limits": "5 s, 512 MiB, no network"},
    "design": {"baseline": "baseline", "level": 0.95, "n_resamples": 10000, "bootstrap_seed": 0,
               "order": "task by task, strategies in rotating order", "correction": "Holm", "min_gain": 0.02, "warmup": 2},
    "strategies": [strategy(row) for row in ROWS],
    "events": events,
    "notes": ["Made-up numbers for the tests of the renderers."],
}
Path(__file__).with_name("made_up_results.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
