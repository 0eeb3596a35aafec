#!/usr/bin/env python3
"""The tables of docs/results.md, docs/strategies.md and of the README, from the records of tools/strategy_tables.sh.

    tools/strategy_tables.py [--check]      rewrites the tables between their marks, or says which of them are not as the records say

Advice is what `whet recommend` says of the records: build/release/whet, or WHET. A run counts where every row of its task and seed is
done, so that rows are compared on the same questions. A time counts where other programs took at most half a CPU during the run, and a
ratio of times is of runs of the same task and seed that both count.
"""
import collections
import gzip
import itertools
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUNS = ROOT / "docs/runs/strategies"
PAGES = [ROOT / "README.md", ROOT / "docs/results.md", ROOT / "docs/strategies.md"]
MOST_OTHER_CPUS = 0.5
RUST = ["rust-smollm2-0.3", "rust-smollm2-0.8", "rust-0.5b-0.3", "rust-0.5b-0.8", "rust-1.5b-0.3", "rust-1.5b-0.8"]


class Record:
    def __init__(self, name):
        directory = RUNS / name
        lines = gzip.open(directory / "events.jsonl.gz", "rt", encoding="utf-8").read().splitlines()
        header = json.loads(lines[0])
        command = header["command"]
        self.commit = header["fingerprint_parts"]["commit"][:7]
        self.model = pathlib.Path(command[command.index("-m") + 1]).stem
        self.temperature = command[command.index("--temp") + 1]
        events = [e for e in map(json.loads, lines[1:]) if not e["warmup"]]
        rows = list(dict.fromkeys(e["strategy"] for e in events))
        by_question = collections.defaultdict(dict)
        for event in events:
            by_question[event["task"], event["seed"]][event["strategy"]] = event
        self.questions = {key: of for key, of in sorted(by_question.items()) if len(of) == len(rows)}
        self.n_unfinished = len(by_question) - len(self.questions)
        results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
        order = [s["name"] for s in results["strategies"]]
        self.rows = sorted(rows, key=order.index)
        self.results = results["strategies"]
        self.tasks = ", ".join(file["name"] for file in results["tasks"]["files"])
        self.verdicts = {s["name"]: (s["verdict"] or {"label": s["kind"]})["label"] for s in self.results}

    def runs(self, row):
        return [of[row] for of in self.questions.values()]

    def longest(self, row):
        """Geometric mean, over the same pairs, of the longest text's tokens over the baseline's: what a batch must wait for anyway."""
        logs = [math.log(longest_text(of[row]) / longest_text(of["baseline"])) for of in self.questions.values()
                if quiet(of[row]) and quiet(of["baseline"])]
        return math.exp(statistics.fmean(logs)) if logs else None

    def ratio(self, row, below="baseline"):
        """(geometric mean of times over those of another row with its interval over tasks, pairs), of quiet runs."""
        by_task = collections.defaultdict(list)
        for (task, _), of in self.questions.items():
            if quiet(of[row]) and quiet(of[below]):
                by_task[task].append(math.log(seconds(of[row]) / seconds(of[below])))
        logs = [log for of_task in by_task.values() for log in of_task]
        if not logs:
            return "–", 0
        ratio = f"{math.exp(statistics.fmean(logs)):.2f}"
        if len(by_task) >= LEAST_TASKS:
            low, high = mean_interval([statistics.fmean(of_task) for of_task in by_task.values()])
            ratio += f" [{math.exp(low):.2f}, {math.exp(high):.2f}]"
        return ratio, len(logs)


def longest_text(event):
    return max(candidate["tokens"] for candidate in event["candidates"])


def seconds(event):
    return (event["end_ns"] - event["start_ns"]) / 1e9


def quiet(event):
    return event["other_cpu_ns"] is not None and event["other_cpu_ns"] <= MOST_OTHER_CPUS * (event["end_ns"] - event["start_ns"])


LEAST_TASKS = 8  # for an interval over tasks


def is_graded(event):
    return event["grade"]["status"] in ("correct", "wrong")


def is_right(event):
    return event["grade"]["status"] == "correct"


def right(events):
    return sum(is_right(e) for e in events)


def t_tail(t, df):
    """The chance of Student's t above `t` >= 0: Simpson's rule over its density, as an integral of powers of a cosine."""
    end, n = math.atan(t / math.sqrt(df)), 2000
    values = [math.cos(end * i / n) ** (df - 1) for i in range(n + 1)]
    integral = end / n / 3 * (values[0] + values[-1] + 4 * sum(values[1:-1:2]) + 2 * sum(values[2:-1:2]))
    return 0.5 - integral * math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)


def mean_interval(values):
    """The 95 % interval of a mean by Student's t."""
    low, high = 0.0, 100.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, len(values) - 1) > 0.025 else (low, middle)
    half = low * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.fmean(values) - half, statistics.fmean(values) + half


def wilson(k, n, z=1.959964):
    centre = (k / n + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(k / n * (1 - k / n) / n + z * z / (4 * n * n))
    return f"{max(centre - half, 0):.2f}–{min(centre + half, 1):.2f}"


def text(value, digits=2):
    return "–" if value is None else f"{value:.{digits}f}"


def comparison(names):
    lines = ["| model | temperature | strategy | right of runs | 95 % | tokens a run | median s | time over baseline [95 %] | longest text over baseline's "
             "| pairs | empty | verdict |",
             "|---|---:|---|---:|---|---:|---:|---|---:|---:|---:|---|"]
    for name in names:
        record = Record(name)
        for row in record.rows:
            runs = record.runs(row)
            times = [seconds(e) for e in runs if quiet(e)]
            ratio, pairs = record.ratio(row)
            tokens = statistics.fmean(e["completion_tokens"] for e in runs)
            empty = sum(not (e["answer"] or "").strip() for e in runs)
            is_base = row == "baseline"
            graded = sum(map(is_graded, runs))
            lines.append(f"| {record.model} | {record.temperature} | `{row}` | {right(runs)} of {graded} | "
                         f"{wilson(right(runs), graded)} | {tokens:.0f} | {text(statistics.median(times) if times else None)} | "
                         f"{'' if is_base else ratio} | {'' if is_base else text(record.longest(row))} | "
                         f"{'' if is_base else pairs} | {empty} | {record.verdicts[row]} |")
    return lines


def interval(estimate, sign=False):
    if estimate is None:
        return ""
    form = "{:+.2f}" if sign else "{:.2f}"
    value, *ends = [form.format(estimate[key]).replace("-", "\u2212") for key in ("value", "low", "high") if estimate.get(key) is not None]
    return f"{value} [{ends[0]}, {ends[1]}]" if len(ends) == 2 else value


def judged(name, other=None):
    """A record as its own document judges it, controls and all; `other`: a row that all are compared to besides."""
    record = Record(name)
    beside = lambda cell: f" {cell} |" if other else ""
    lines = [f"| strategy | accuracy [95 %] | over the baseline |{beside(f'over `{other}`')} over the same time | tokens a run | time over baseline [95 %] | "
             "s a right answer | verdict |",
             f"|---|---|---|{beside('---')}---|---:|---|---:|---|"]
    for row in record.results:
        cost = (row["per_correct"] or {}).get("seconds")
        over_other = ""
        if other and row["kind"] == "strategy" and row["name"] != other:
            over_other = "{} [{}]".format(*gain_over(record.runs(row["name"]), record.runs(other))).replace(" to ", ", ")
        lines.append(f"| `{row['name']}` | {interval(row['accuracy'])} | {interval(row['difference_to_baseline'], True)} |{beside(over_other)} "
                     f"{interval(row['difference_to_control'], True)} | {row['completion_tokens']['per_task']:.0f} | "
                     f"{interval(row['cost_ratio_time'])} | {text(cost)} | {record.verdicts[row['name']]} |")
    return lines


def batches(names):
    """Votes of N drawn in one batch beside such that are drawn one after the other: geometric means over quiet pairs of runs."""
    lines = ["| model | N | batch over one sample | sequence over one sample | batch over sequence | texts drawn in a batch | in a sequence | pairs |",
             "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for name in names:
        record = Record(name)
        for row in sorted((r for r in record.rows if r != "baseline" and "batch=1" not in r), key=n_of):
            other = next(r for r in record.rows if "batch=1" in r and n_of(r) == n_of(row))
            runs = [of for of in record.questions.values() if all(quiet(of[r]) for r in ("baseline", row, other))]

            def ratio(above, below):
                return text(math.exp(statistics.fmean(math.log(seconds(of[above]) / seconds(of[below])) for of in runs)))

            def drawn(which):
                return text(statistics.fmean(len(of[which]["candidates"]) for of in runs), 1)

            lines.append(f"| {record.model} | {n_of(row)} | {ratio(row, 'baseline')} | {ratio(other, 'baseline')} | {ratio(row, other)} | "
                         f"{drawn(row)} | {drawn(other)} | {len(runs)} |")
    return lines


def n_of(row):
    """Samples of a majority vote, by its name; 8 is what is left out."""
    found = re.search(r"\bn=(\d+)", row)
    return int(found.group(1)) if found else 8


def recommended(names):
    """What `whet recommend` says of these records, a block for each set of tasks."""
    program = os.environ.get("WHET", str(ROOT / "build/release/whet"))
    said = subprocess.run([program, "recommend", "--markdown"] + [str(RUNS / name) for name in names], check=True, capture_output=True, text=True).stdout
    return said.split("\n## ")


def choices(names):
    """The table of choices, those that nothing beats marked with a star, of records of the same tasks."""
    (block,) = recommended(names)
    return block.split("\n\n")[1].split("\n")


def advice(names):
    """Advice alone, without the table of choices."""
    lines = []
    for block in recommended(names):
        table = block.rstrip().split("\n\n")[-1]
        lines += ["**" + block.removeprefix("## ").split("\n")[0] + "**", "", *table.split("\n"), ""]
    return lines[:-1]


def every(name):
    """Calls, tokens and fallbacks: no times, so that a shared machine does."""
    record = Record(name)
    lines = [f"| strategy | right of {len(record.questions)} | calls | tokens | fell back | empty |", "|---|---:|---:|---:|---:|---:|"]

    def mean(runs, field):
        return statistics.fmean(e[field] for e in runs)

    for row in sorted(record.rows, key=lambda row: (-right(record.runs(row)), mean(record.runs(row), "completion_tokens"))):
        runs = record.runs(row)
        empty = sum(not (e["answer"] or "").strip() for e in runs)
        lines.append(f"| `{row.replace('|', chr(92) + '|')}` | {right(runs)} | {mean(runs, 'n_calls'):.1f} | "
                     f"{mean(runs, 'completion_tokens'):.0f} | {sum(e['fell_back'] for e in runs)} | {empty} |")
    return lines


def early(names):
    """Votes that end once decided beside those that do not, in steps of the batch: its longest text. No times, so that a shared machine does."""
    lines = ["| model | votes | ended early | same answer | longest text over baseline's, ending early | to the end |", "|---|---|---:|---:|---:|---:|"]
    for name in names:
        record = Record(name)
        for row in record.rows:
            whole = f"{row},early=0"
            if whole not in record.rows:
                continue

            def over_baseline(which):
                return math.exp(statistics.fmean(math.log(longest_text(of[which]) / longest_text(of["baseline"])) for of in record.questions.values()))

            def voted(of, which):
                return next((c["answer"] for c in of[which]["candidates"] if c["chosen"]), None)

            n = len(record.questions)
            ended = sum(any(c["finish"] == "cancelled" for c in e["candidates"]) for e in record.runs(row))
            same = sum(voted(of, row) == voted(of, whole) for of in record.questions.values())
            lines.append(f"| {record.model} at {record.temperature} | `{row}` | {ended} of {n} | {same} of {n} | {over_baseline(row):.2f} | "
                         f"{over_baseline(whole):.2f} |")
    return lines


def precisions(names):
    """Rows of two files of one model on the same questions, each over the first row: the gain with Agresti and Min's interval, and times."""
    lines = ["| tasks | file | samples | right of runs | over the first row | 95 % | tokens a run | time over the first row [95 %] | cut at the limit |",
             "|---|---|---|---:|---:|---|---:|---|---:|"]
    for name in names:
        record = Record(name)
        first = record.runs("baseline")
        for row in record.rows:
            file, strategy = record.model, row
            if row.startswith("model="):
                path, _, strategy = row.removeprefix("model=").partition(".gguf")
                file, strategy = pathlib.Path(path).name, strategy.removeprefix("/") or "baseline"
            runs = record.runs(row)
            gain, ends = gain_over(runs, first)
            is_first = row == "baseline"
            cut = sum(any(c["chosen"] and c["finish"] == "length" for c in e["candidates"]) for e in runs)
            lines.append(f"| {record.tasks} | {file} | `{strategy}` | {right(runs)} of {len(runs)} | {'' if is_first else gain} | {'' if is_first else ends} | "
                         f"{statistics.fmean(e['completion_tokens'] for e in runs):.0f} | {'' if is_first else record.ratio(row)[0]} | {cut} |")
    return lines


def gain_over(runs, others):
    """(the gain in accuracy over other runs of the same questions, its 95 % interval by Agresti and Min)"""
    n = len(runs)
    won = sum(is_right(a) and not is_right(b) for a, b in zip(runs, others))
    lost = sum(is_right(b) and not is_right(a) for a, b in zip(runs, others))
    middle = (won - lost) / (n + 2)
    half = 1.96 * math.sqrt(won + lost + 1 - (won - lost) ** 2 / (n + 2)) / (n + 2)
    return f"{(won - lost) / n:+.3f} (+{won}, −{lost})", f"{middle - half:+.3f} to {middle + half:+.3f}"


def key_of(answer):
    """What votes are counted by: the first number of an answer, or the answer."""
    number = re.search(r"-?\d[\d,]*(\.\d+)?", answer)
    return float(number.group().replace(",", "")) if number else answer.strip()


def vote(candidates):
    """The candidate that a vote of these chooses, as the product does: most votes, of equally many the likeliest text. None: there is no vote."""
    eligible = [c for c in candidates if c["eligible"]]
    votes = collections.Counter(key_of(c["answer"]) for c in eligible)
    leaders = [c for c in eligible if votes[key_of(c["answer"])] == max(votes.values())]
    return max(leaders, key=lambda c: c["logprob"], default=None)


def votes_of_each_size(name):
    """Accuracy of votes of N: the mean over all ways to take N of the samples that were drawn, each of which was graded. A vote that cannot be
    held (all cut, or without an answer) counts as wrong, where a run would write a greedy text. Intervals and two-sided p (times the number of
    N that are looked at): Student's t over questions."""
    record = Record(name)
    row = next(r for r in record.rows if r != "baseline")
    by_question = []
    for event in record.runs(row):
        drawn = [c for c in event["candidates"] if c["stage"] == "sample"]
        shares, held = [], []
        for n in range(1, len(drawn) + 1):
            chosen = [vote(subset) for subset in itertools.combinations(drawn, n)]
            shares.append(statistics.fmean(c is not None and c["correct"] is True for c in chosen))
            held.append(statistics.fmean(c is not None for c in chosen))
        by_question.append((shares, held))
    sizes = range(len(by_question[0][0]))
    lines = [f"| N | right of {len(by_question)} questions | over one sample | 95 % | p of all {sizes[-1]} together | no vote |",
             "|---:|---:|---:|---|---:|---:|"]
    for n in sizes:
        gains = [shares[n] - shares[0] for shares, _ in by_question]
        accuracy = statistics.fmean(shares[n] for shares, _ in by_question)
        gain, interval, p = "", "", ""
        if n > 0:
            gain = f"{statistics.fmean(gains):+.3f}"
            interval = "{:+.3f} to {:+.3f}".format(*mean_interval(gains))
            t = statistics.fmean(gains) / statistics.stdev(gains) * math.sqrt(len(gains))
            p = f"{min(1, 2 * t_tail(abs(t), len(gains) - 1) * sizes[-1]):.3f}"
        lines.append(f"| {n + 1} | {accuracy:.3f} | {gain} | {interval} | {p} | {1 - statistics.fmean(held[n] for _, held in by_question):.3f} |")
    return lines


def votes(name):
    """Each row beside the fixed vote of the same record: accuracy, its paired difference with a 95 % interval (Agresti and Min's), samples."""
    record = Record(name)
    fixed = next(row for row in record.rows if row.startswith("majority-voting"))
    full = record.runs(fixed)
    n = len(full)

    def samples(runs):
        return sum(len(e["candidates"]) for e in runs) / n

    lines = ["| strategy | right of runs | against the fixed vote | 95 % | samples a question | share of its samples | tokens a run |",
             "|---|---:|---:|---|---:|---:|---:|"]
    for row in record.rows:
        runs = record.runs(row)
        against, interval = ("", "") if row == fixed else gain_over(runs, full)
        lines.append(f"| `{row}` | {right(runs)} of {n} | {against} | {interval} | {samples(runs):.1f} | {samples(runs) / samples(full):.2f} | "
                     f"{statistics.fmean(e['completion_tokens'] for e in runs):.0f} |")
    return lines


TABLES = {
    "first": lambda: judged("humaneval-greedy-0.5b", "greedy"),
    "greedy": lambda: judged("humaneval-greedy-0.5b", "greedy"),
    "rust": lambda: comparison(RUST),
    "long": lambda: judged("humaneval-long-0.5b"),
    "humaneval": lambda: comparison(["humaneval-1.5b", "humaneval-0.5b"]),
    "examples": lambda: comparison(["rust-tasks-0.5b"]),
    "plain": lambda: comparison(["humaneval-plain-0.5b"]),
    "proposals": lambda: comparison(["humaneval-proposals-0.5b"]),
    "ended": lambda: comparison(["humaneval-early-0.5b", "ended-whetstone"]),
    "gsm8k": lambda: comparison(["gsm8k-1.5b", "gsm8k-0.5b"]),
    "eight": lambda: comparison(["votes-1.5b"]),
    "sizes": lambda: votes_of_each_size("votes-1.5b"),
    "early": lambda: early(["early-whetstone", "early-0.5b"]),
    "precisions": lambda: precisions(["bits-humaneval-0.5b", "bits-humaneval-1.5b", "bits-0.5b"]),
    "choices": lambda: choices(["bits-humaneval-0.5b", "bits-humaneval-1.5b"]),
    "batches": lambda: batches(["batch-smollm2", "batch-0.5b"]),
    "advice": lambda: advice(["humaneval-greedy-0.5b", "bits-humaneval-0.5b", "bits-humaneval-1.5b", "gsm8k-1.5b", "gsm8k-0.5b"]),
    "every": lambda: every("every-smollm2"),
    "votes": lambda: votes("adaptive-whetstone"),
}


def with_tables(page):
    """(the page with the tables that it marks, names of those that were not as the records say)"""
    wrong = []
    for name, make in TABLES.items():
        begin, end = f"<!-- table {name} -->\n", f"<!-- end of table {name} -->"
        if begin not in page:
            continue
        head, rest = page.split(begin)
        body, tail = rest.split(end)
        made = "\n".join(make()) + "\n"
        if body != made:
            wrong.append(name)
        page = head + begin + made + end + tail
    return page, wrong


def main():
    check = "--check" in sys.argv[1:]
    found = []
    for path in PAGES:
        page, wrong = with_tables(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(ROOT)}: table {name} is not what the records say; run tools/strategy_tables.py" for name in wrong]
        if not check:
            path.write_text(page, encoding="utf-8")
    if check and found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
