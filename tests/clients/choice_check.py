#!/usr/bin/env python3
"""The log-probability scores of `whet eval --strategies likelihood` beside lm-eval's, item by item.

    tests/clients/choice_check.py [--whet build/dev/whet]

Makes lines in the formats of ARC, HellaSwag and MMLU, runs them through whet (float arithmetic) and through lm-eval's own task
definitions of these three with transformers, both on models/whetstone-draft, and compares acc and acc_norm, and the log-probability
of every choice. Needs lm_eval, torch, transformers. Exits 1 where an accuracy differs, or a log-probability by more than 0.02.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
N = 30
TASKS = {
    "arc": ('doc_to_text: "Question: {{question}}\\nAnswer:"\n'
            'doc_to_target: "{{choices.label.index(answerKey)}}"\n'
            'doc_to_choice: "{{choices.text}}"\n'),
    "mmlu": ('doc_to_text: "{{question.strip()}}\\nA. {{choices[0]}}\\nB. {{choices[1]}}\\nC. {{choices[2]}}\\nD. {{choices[3]}}'
             '\\nAnswer:"\n'
             'doc_to_choice: ["A", "B", "C", "D"]\ndoc_to_target: answer\n'),
    "hellaswag": ('process_docs: !function lm_eval.tasks.hellaswag.utils.process_docs\n'
                  'doc_to_text: "{{query}}"\ndoc_to_target: "{{label}}"\ndoc_to_choice: "choices"\n'),
}
HEAD = """task: whet_{name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""


def lines(rng):
    """The same made-up questions in the three formats; choices differ in length, so that acc_norm is not acc."""
    things = ["a cold day", "the river", "an old clock", "two apples", "3.5 metres of rope", "Z\u00fcrich", "the man's hat"]
    ends = ["is red.", "runs away from the small dog.", "costs 12 francs", "\u00e9t\u00e9", "opens the door and walks  home.", "7", "no one knows"]
    for i in range(N):
        choices = rng.sample(ends, 4)
        question = f"What about {rng.choice(things)} and {rng.choice(things)}?"
        right = rng.randrange(4)
        yield {
            "arc": {"id": f"arc-{i}", "question": question, "choices": {"text": choices, "label": ["A", "B", "C", "D"]},
                    "answerKey": "ABCD"[right]},
            "mmlu": {"question": f" {question} ", "subject": "made_up", "choices": choices, "answer": right},
            "hellaswag": {"ind": i, "activity_label": "Walking", "ctx_a": f"A man [title] sees {rng.choice(things)}.",
                          "ctx_b": "he", "endings": [f"[x]{c}" if k == 1 else c for k, c in enumerate(choices)],
                          "label": str(right), "ctx": "", "split": "val"},
        }


def by_whet(whet, model, data, out):
    subprocess.run([whet, "eval", "-m", model, "--tasks", data, "--strategies", "likelihood,likelihood:norm=chars",
                    "--exact", "--no-controls", "--no-charts", "--warmup", "0", "-o", out], check=True, stdout=subprocess.DEVNULL)
    results = json.loads((out / "results.json").read_text())
    accuracy = {s["name"]: s["accuracy"]["value"] for s in results["strategies"]}
    items = {}
    for line in (out / "events.jsonl").read_text().splitlines()[1:]:
        event = json.loads(line)
        if event["strategy"] == "likelihood" and not event["warmup"]:
            items[int(event["task"].rsplit("/" if "/" in event["task"] else "-", 1)[1])] = [
                c["score"] for c in event["candidates"]]
    return {"acc": accuracy["likelihood"], "acc_norm": accuracy["likelihood:norm=chars"]}, items


def by_lm_eval(model, directory, name):
    out = directory / f"lm-{name}"
    subprocess.run([sys.executable, "-m", "lm_eval", "--model", "hf", "--model_args", f"pretrained={model},dtype=float32",
                    "--device", "cpu", "--tasks", f"whet_{name}", "--include_path", str(directory), "--output_path", str(out),
                    "--log_samples", "--batch_size", "1"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = json.loads(next(out.rglob("results_*.json")).read_text())["results"][f"whet_{name}"]
    items = {}
    for line in next(out.rglob("samples_*.jsonl")).read_text().splitlines():
        sample = json.loads(line)
        items[sample["doc_id"]] = [float(r[0][0] if isinstance(r[0], list) else r[0]) for r in sample["resps"]]
    return {"acc": results["acc,none"], "acc_norm": results["acc_norm,none"]}, items


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whet", default=str(ROOT / "build/dev/whet"))
    arguments = parser.parse_args()
    model = ROOT / "models/whetstone-draft"
    made = list(lines(random.Random(1)))
    equal = True
    print(f"{'':12}{'acc':>8}{'lm-eval':>9}{'acc_norm':>10}{'lm-eval':>9}{'largest difference of a choice':>34}")
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        for task, body in TASKS.items():
            data = directory / f"{task}.jsonl"
            data.write_text("".join(json.dumps(m[task]) + "\n" for m in made))
            (directory / f"{task}.yaml").write_text(HEAD.format(name=task, data=data) + body)
            ours, mine = by_whet(arguments.whet, model, data, directory / f"whet-{task}")
            theirs, other = by_lm_eval(model, directory, task)
            assert mine.keys() == other.keys() and len(mine) == N, (len(mine), len(other))
            worst = max(abs(a - b) for i in mine for a, b in zip(mine[i], other[i], strict=True))
            equal &= ours == theirs and worst < 0.02
            print(f"{task:12}{ours['acc']:8.4f}{theirs['acc']:9.4f}{ours['acc_norm']:10.4f}{theirs['acc_norm']:9.4f}{worst:34.2e}")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
