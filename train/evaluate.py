"""Measures a shipped GGUF on task sets: greedy, one sample, majority of k, any of k. Code is graded by execution.

Runs the dequantised weights of the file, so the figures are those of what is shipped. Majority: the most frequent final
answer; for code, which has no final answer, the most frequent program text. Ties go to the one seen first.
"""

import argparse
import json
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gguf
import torch
from tokenizers import Tokenizer

from files import read_gguf
from make_tasks import RUN, code_of, passes
from tokenizer import chat_text
from verify import torch_model

MAX_NEW = 200
END = 2


def config_of(path):
    get = lambda key: gguf_fields[key].contents()
    gguf_fields = gguf.GGUFReader(str(path)).fields
    return {"vocab_size": get("llama.vocab_size"), "hidden_size": get("llama.embedding_length"),
            "intermediate_size": get("llama.feed_forward_length"), "num_hidden_layers": get("llama.block_count"),
            "num_attention_heads": get("llama.attention.head_count"),
            "num_key_value_heads": get("llama.attention.head_count_kv"),
            "head_dim": get("llama.attention.key_length"),
            "rms_norm_eps": get("llama.attention.layer_norm_rms_epsilon"), "rope_theta": get("llama.rope.freq_base"),
            "max_position_embeddings": get("llama.context_length")}


@torch.no_grad()
def generate(model, prompts, temperatures, generator):
    """prompts [n, T] of equal length; rows with temperature 0 are greedy. Finished rows leave the batch."""
    n, length = prompts.shape
    rows, out = torch.arange(n), [[] for _ in range(n)]
    caches = [[] for _ in model.layers]
    x, at, mask = prompts, 0, None
    while len(rows) and at < length + MAX_NEW:
        h = model.embed_tokens(x)
        t = x.shape[1]
        for layer, cache in zip(model.layers, caches):
            h = layer(h, model.cos[at:at + t], model.sin[at:at + t], cache, mask)
        logits = model.logits(model.norm(h[:, -1]))
        at += t
        heat = temperatures[rows]
        sampled = torch.multinomial(torch.softmax(logits / heat.clamp(min=1e-3)[:, None], -1), 1,
                                    generator=generator)[:, 0]
        token = torch.where(heat == 0, logits.argmax(-1), sampled)
        alive = token != END
        for row, new in zip(rows[alive].tolist(), token[alive].tolist()):
            out[row].append(new)
        rows, x = rows[alive], token[alive][:, None]
        for cache in caches:
            cache[:] = [c[alive] for c in cache]
        mask = torch.ones(1, 1, 1, at + 1, dtype=torch.bool)
    return out


def answers_of(model, tokenizer, items, k, temperature, seed):
    """{id: [greedy text, k sampled texts]}; items of equal prompt length share a batch."""
    by_length, texts = defaultdict(list), {}
    for item in items:
        ids = tokenizer.encode(chat_text(item["prompt"], "")[0]).ids
        by_length[len(ids)].append((item["id"], ids))
    generator = torch.Generator().manual_seed(seed)
    heat = torch.tensor([0.0] + [temperature] * k)
    for _, group in sorted(by_length.items()):
        prompts = torch.tensor([ids for _, ids in group]).repeat_interleave(k + 1, dim=0)
        done = generate(model, prompts, heat.repeat(len(group)), generator)
        for i, (name, _) in enumerate(group):
            texts[name] = [tokenizer.decode(t) for t in done[i * (k + 1):(i + 1) * (k + 1)]]
    return texts


def final_of(text, kind):
    """What a vote is taken on."""
    return code_of(text, kind) if kind in RUN else text.rsplit("Answer:", 1)[-1].strip() if "Answer:" in text else None


def grade(item, texts, verdicts):
    """verdicts: {text: passed}"""
    kind = item["grader"]["type"]
    samples = texts[1:]
    finals = [f for f in (final_of(t, kind) for t in samples) if f is not None]
    winner = Counter(finals).most_common(1)[0][0] if finals else None
    return {"greedy": verdicts[texts[0]], "single": sum(verdicts[t] for t in samples) / len(samples),
            "majority": any(verdicts[t] for t in samples if winner is not None and final_of(t, kind) == winner),
            "any": any(verdicts[t] for t in samples), "distinct": len(set(finals))}


def wilson(passed, n, z=1.959964):
    p = passed / n
    centre, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return [round((centre - half) / (1 + z * z / n), 4), round((centre + half) / (1 + z * z / n), 4)]


def summary(results, k):
    n = len(results)
    row = {"n": n, "n_samples": n * k}
    for key in ("greedy", "single", "majority", "any"):
        share, total = sum(r[key] for r in results) / n, n * k if key == "single" else n
        row[key], row[f"{key}_ci95"] = round(share, 4), wilson(share * total, total)
    row["mean_distinct_answers"] = round(sum(r["distinct"] for r in results) / n, 2)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--k", type=int, default=8)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--limit", type=int, default=10_000, help="items per family")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    config = config_of(args.model)
    model = torch_model(read_gguf(args.model, config), config)
    tokenizer = Tokenizer.from_file(str(args.tokenizer / "tokenizer.json"))
    rows, everything = {}, []
    for path in args.tasks:
        items = [json.loads(line) for line in path.read_text().splitlines()][:args.limit]
        texts = answers_of(model, tokenizer, items, args.k, args.temperature, args.seed)
        pairs = {(item["id"], t): item["grader"] for item in items for t in texts[item["id"]]}
        with ThreadPoolExecutor(4) as pool:
            verdicts = dict(zip(pairs, pool.map(lambda p: passes(p[0][1], p[1]), pairs.items())))
        results = [grade(item, texts[item["id"]], {t: verdicts[item["id"], t] for t in texts[item["id"]]})
                   for item in items]
        rows[path.stem] = summary(results, args.k)
        everything += results
        print(path.stem, json.dumps(rows[path.stem]), flush=True)
    rows["all"] = summary(everything, args.k)
    print("all", json.dumps(rows["all"]))
    if args.out:
        facts = {"model": args.model.name, "k": args.k, "temperature": args.temperature, "seed": args.seed}
        args.out.write_text(json.dumps({**facts, "families": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
