"""Gathers the recorded runs into models/card.json and renders models/CARD.md from it alone."""

import argparse
import json
from pathlib import Path

from evaluate import wilson
from export import load_checkpoint

TEXT = """# Model card: whetstone

Two very small Llama models that ship with whet, so that every command, test and experiment runs without a download. They
answer short, checkable tasks. They are **not** assistants: outside the task families below the output is noise.

| file | parameters | layers x width, heads/kv, FFN | training tokens (on answers) | steps | wall time |
|---|---|---|---|---|---|
{models}

Architecture: Llama (RMSNorm, RoPE 10000, grouped queries, SwiGLU, tied head), one tokenizer for both: byte-level BPE, 1024
pieces, digits split, pre-tokenizer `smollm`, ChatML template, no BOS. The GGUF files hold every matrix as Q8_0 and the norms
as F32; `whetstone-draft/` holds the draft as trained (SafeTensors, F32). License: Apache-2.0.

## Data

All synthetic, from `train/generator` (seeds below); no text from elsewhere. Nine families, the last line of a worked
solution is `Answer: X`, code is one fenced block. 8 % of the training prompts are asked twice in the form
`{{q}}\\nRead the question again: {{q}}` (the re-reading strategy, arXiv:2309.06275), 4 % carry one of four system messages,
0.5 % are fixed greetings. Loss on answers only.

Code tasks are compositions: for lists a filter (12 kinds with constants, or two joined by and/or) x a term (9 kinds with
constants) x a reduction (12), likewise for ranges, digits, divisors, characters and words, plus branches over two integers and
primes, Fibonacci-like sequences, products and Collatz counts with varied constants; the function name varies (109 names).

## Recipe

Muon (0.01, with weight decay) for the matrices, AdamW (0.002) for embedding and norms; warm-up, constant, linear decay, all as a
function of wall time; 3072 tokens per step in rows of 256, every twelfth step in rows of 512. Exchanges packed in a row do not
see each other. Every ten steps queries are scaled down so that no attention logit exceeds 30 (QK-Clip, arXiv:2507.20534). Seeds: main {main_seed} (second process
{main_seed2}), draft {draft_seed}, tokenizer 7, tasks 20260. Hardware: two virtual cores (AMD Zen 3, AVX2), shared with
compilers for part of the time; PyTorch 2.15 on CPU, float32.

{history}

## Held-out accuracy

Measured in PyTorch on the dequantised weights of the shipped GGUF file ({n} items, the first of each tasks/*.jsonl). Code is graded by running
its hidden tests. `single` is one sample at T = {temperature}, averaged over {k} samples per item; `majority` is the most
frequent final answer of the {k} (for code: the most frequent program text); `any` is at least one of {k} right. In brackets
95 % Wilson intervals; those of `single` take all samples as independent, which is too narrow as samples share items.

### whetstone main

{main_table}

### whetstone draft

{draft_table}

## Contamination

The split is by key: what makes an item new (operands, list, composition) is hashed, and one key in eight belongs to the test
side for good, whatever the seed. Checked by regenerating {checked} training examples: exact prompts found: {exact}; keys
found: {keys}. The same *kind* of question is in training by design (skeleton: the first line with numbers, people and
function names blanked). Known functions (gcd, factorial, the primality test, the plain Fibonacci number) are in training;
there only the name and the examples in the prompt are new.

{contamination_table}

## Limits

- The figures hold for these templates. Other wording, longer lists or larger numbers fail.
- English only. No facts, no dialogue beyond a few fixed greetings, no safety training; nothing to rely on.
- Several hundred items: differences of a few points between strategies are within the intervals above.
- The sizes of numbers and lists are what a model of this size can learn in an hour on two cores; the sets measure strategies
  on this model, not reasoning in general.
"""


def accuracy_table(families):
    head = "| family | n | greedy | single | majority | any | distinct answers |\n|---|---|---|---|---|---|---|\n"

    def cell(row, key):
        low, high = row[f"{key}_ci95"]
        return f"{row[key]:.2f} [{low:.2f}, {high:.2f}]"
    return head + "\n".join(
        f"| {name} | {row['n']} | " + " | ".join(cell(row, key) for key in ("greedy", "single", "majority", "any"))
        + f" | {row['mean_distinct_answers']:.1f} |" for name, row in families.items())


def model_row(name, m):
    c, f = m["config"], m["training"]
    return (f"| `{name}` | {f['parameters']:,} | {c['num_hidden_layers']} x {c['hidden_size']}, "
            f"{c['num_attention_heads']}/{c['num_key_value_heads']} of {c['head_dim']}, {c['intermediate_size']} | "
            f"{f['tokens']:,} ({f['answer_tokens']:,}) | {f['steps']} | {f['seconds'] / 60:.0f} min, "
            f"{f['processes']} process(es) |")


def gather(file, checkpoint, evaluations):
    """One model: what was trained and what was measured, the family rows of several evaluations joined."""
    _, config, facts = load_checkpoint(checkpoint)
    parts = [json.loads(path.read_text()) for path in evaluations]
    families = {name: row for part in parts for name, row in part["families"].items() if name != "all"}
    whole = parts[0] | {"families": families | {"all": pooled(families.values(), parts[0]["k"])}}
    return {"file": file, "config": config, "training": facts, "evaluation": whole}


def pooled(rows, k):
    """All items together; the families have their own n."""
    rows, row = list(rows), {}
    n = sum(r["n"] for r in rows)
    row["n"], row["n_samples"] = n, n * k
    for key in ("greedy", "single", "majority", "any"):
        passed = sum(r[key] * r["n"] for r in rows)
        total = n * k if key == "single" else n
        row[key], row[f"{key}_ci95"] = round(passed / n, 4), wilson(passed / n * total, total)
    row["mean_distinct_answers"] = round(sum(r["mean_distinct_answers"] * r["n"] for r in rows) / n, 2)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, help="where card.json and CARD.md go")
    for which in ("main", "draft"):
        parser.add_argument(f"--{which}", nargs="+", required=True, metavar=("FILE CHECKPOINT EVALUATION", "EVALUATION"))
    parser.add_argument("--contamination", type=Path, required=True)
    parser.add_argument("--history", type=Path, required=True, help="a paragraph on earlier runs")
    args = parser.parse_args()
    card = {which: gather(given[0], given[1], map(Path, given[2:]))
            for which, given in (("main", args.main), ("draft", args.draft))}
    card |= {"contamination": json.loads(args.contamination.read_text()), "history": args.history.read_text().strip()}
    (args.models / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    main_model, draft = card["main"], card["draft"]
    near = card["contamination"]["families"]
    table = "| family | n | exact | key seen | skeleton seen | known function |\n|---|---|---|---|---|---|\n" + "\n".join(
        f"| {n} | {r['n']} | {r['exact']} | {r['key_seen']} | {r['skeleton_seen']} | {r['known_function']} |"
        for n, r in near.items())
    result = main_model["evaluation"]
    (args.models / "CARD.md").write_text(TEXT.format(
        models="\n".join(model_row(m["file"], m) for m in (main_model, draft)), n=result["families"]["all"]["n"],
        temperature=result["temperature"], k=result["k"], main_table=accuracy_table(result["families"]),
        draft_table=accuracy_table(draft["evaluation"]["families"]), main_seed=main_model["training"]["seed"],
        main_seed2=main_model["training"]["seed"] + 1000, draft_seed=draft["training"]["seed"],
        checked=f"{card['contamination']['training_examples_checked']:,}",
        exact=sum(r["exact"] for r in near.values()), keys=sum(r["key_seen"] for r in near.values()),
        contamination_table=table, history=card["history"]))


if __name__ == "__main__":
    main()
