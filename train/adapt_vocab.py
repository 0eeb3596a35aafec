"""Tunes a copy of a model whose vocabulary was adapted (`whet adapt vocab apply`) on texts of the domain.

Trained are the embedding, the head, the first and the last layer, as in the AdaptiVocab paper; with --train rows only the
rows of phrases. The same run on the base model, which has no phrases, is the control: what of a gain is the domain's and
not the vocabulary's. Tokens are whet's own (`whet tokenize`). The learning rate is a function of elapsed time. Weights go
back in the types that the file has, so that the copy is as large and as fast as before; Llama architectures whose trained
tensors are F32, F16, BF16, Q8_0 or Q4_0 to Q5_1.

    python adapt_vocab.py adapted.gguf tuned.gguf --whet ../build/release/whet --minutes 90 --texts domain/*.txt
    python adapt_vocab.py base.gguf control.gguf --whet ../build/release/whet --minutes 90 --texts domain/*.txt
    whet perplexity -m tuned.gguf -f held_out.txt; whet perplexity -m control.gguf -f held_out.txt   # bits/byte
"""

import argparse
import json
import shutil
import subprocess
import time
from pathlib import Path

import gguf
import numpy as np
import torch
import torch.nn.functional as F

from files import gguf_names, heads_of, interleave, read_gguf
from llama import Config, Llama

LENGTH = 256  # tokens of a row
ROWS = 4      # of a step
WRITABLE = {gguf.GGMLQuantizationType[n] for n in
            ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1")}


def config_of(reader):
    def value(key, default=None):
        field = reader.get_field(key)
        return default if field is None else field.contents()

    if value("general.architecture") != "llama":
        raise SystemExit(f"expected a GGUF file of architecture llama, found {value('general.architecture')}")
    heads, width = value("llama.attention.head_count"), value("llama.embedding_length")
    embedding = next(t for t in reader.tensors if t.name == "token_embd.weight")
    return Config(vocab_size=int(embedding.shape[1]), hidden_size=width,
                  intermediate_size=value("llama.feed_forward_length"), num_hidden_layers=value("llama.block_count"),
                  num_attention_heads=heads, num_key_value_heads=value("llama.attention.head_count_kv", heads),
                  head_dim=value("llama.attention.key_length", width // heads),
                  rms_norm_eps=value("llama.attention.layer_norm_rms_epsilon"),
                  rope_theta=value("llama.rope.freq_base", 10000.0), max_position_embeddings=LENGTH)


def own_name(name):
    """Hugging Face's name of a weight -> its name in Llama."""
    return name.removeprefix("model.").replace(".self_attn.", ".").replace(".mlp.", ".")


class Tuned(torch.nn.Module):
    """The model with the weights of embedding and head as parameters that may be tied, or new rows alone."""

    def __init__(self, tensors, config, n_base, train):
        super().__init__()
        self.body = Llama(config)
        self.tied = "lm_head.weight" not in tensors
        weights = {own_name(k): torch.from_numpy(np.array(v, np.float32)) for k, v in tensors.items()}
        head = weights.pop("lm_head.weight", None)
        self.body.load_state_dict(weights)
        self.body.requires_grad_(False)
        embedding = self.body.embed_tokens.weight.data
        self.body.embed_tokens = None
        n_kept = n_base if train == "rows" else 0
        self.kept = [t[:n_kept] for t in (embedding, head) if t is not None]
        self.rows = torch.nn.ParameterList(t[n_kept:].clone() for t in (embedding, head) if t is not None)
        if train == "paper":
            for layer in (self.body.layers[0], self.body.layers[-1]):
                layer.requires_grad_(True)

    def tables(self):
        """Embedding and head."""
        made = [torch.cat([kept, rows]) if len(kept) else rows for kept, rows in zip(self.kept, self.rows)]
        return made[0], made[-1]

    def loss(self, ids):
        embedding, head = self.tables()
        x = F.embedding(ids[:, :-1], embedding)
        for layer in self.body.layers:
            x = layer(x, self.body.cos[:x.shape[1]], self.body.sin[:x.shape[1]])
        logits = (self.body.norm(x) @ head.T).flatten(0, 1).float()
        return F.cross_entropy(logits, ids[:, 1:].flatten())

    def trained_tensors(self, train):
        """Hugging Face name -> array, of what may have changed."""
        embedding, head = self.tables()
        changed = {"model.embed_tokens.weight": embedding}
        if not self.tied:
            changed["lm_head.weight"] = head
        if train == "paper":
            for i in (0, len(self.body.layers) - 1):
                for name, p in self.body.layers[i].named_parameters():
                    part = "self_attn." if name[:2] in ("q_", "k_", "v_", "o_") else "" if "norm" in name else "mlp."
                    changed[f"model.layers.{i}.{part}{name}"] = p
        return {n: t.detach().numpy() for n, t in changed.items()}


def tokens_of(args, texts):
    """Of all texts, one behind the other."""
    ids = []
    for text in texts:
        run = [args.whet, "tokenize", args.model, "-f", text, "--ids", "--no-bos", "--no-parse-special"]
        ids += json.loads(subprocess.run(run, check=True, capture_output=True).stdout)
    return torch.tensor(ids)


def write_back(source, target, changed, config, reader):
    """A copy of the file with other bytes in the changed tensors."""
    shutil.copy(source, target)
    names = gguf_names(config)
    by_name = {t.name: t for t in reader.tensors}
    with open(target, "r+b") as file:
        for name, values in changed.items():
            tensor = by_name[names[name]]
            if heads := heads_of(name, config):
                values = interleave(values, heads)
            data = gguf.quants.quantize(np.ascontiguousarray(values, np.float32), tensor.tensor_type).tobytes()
            assert len(data) == tensor.n_bytes, f"{name}: {len(data)} bytes for {tensor.n_bytes}"
            file.seek(int(tensor.data_offset))
            file.write(data)


def rate_at(done):
    """Factor on the peak learning rate; `done` is the elapsed share of the time."""
    return min(1.0, done / 0.05) * (0.5 + 0.5 * np.cos(np.pi * min(1.0, done)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--whet", required=True, help="the program, for its tokenizer")
    parser.add_argument("--texts", nargs="+", required=True)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--train", choices=("paper", "rows"), default="paper")
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--row-lr", type=float, default=1e-3)
    parser.add_argument("--bf16", action="store_true", help="products in BF16: faster where the CPU has them")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    reader = gguf.GGUFReader(args.model)
    config = config_of(reader)
    lengths = reader.get_field("tokenizer.whet.phrase_lengths")
    n_phrases = 0 if lengths is None else len(lengths.contents())
    if args.train == "rows" and n_phrases == 0:
        raise SystemExit(f"{args.model}: expected an adapted vocabulary, found no phrases to train")
    model = Tuned(read_gguf(args.model, config.as_dict()), config, config.vocab_size - n_phrases, args.train)
    changed = [gguf_names(config.as_dict())[n] for n in model.trained_tensors(args.train)]
    for tensor in reader.tensors:
        if tensor.name in changed and tensor.tensor_type not in WRITABLE:
            raise SystemExit(f"{tensor.name}: expected a type that can be written, such as Q8_0, found "
                             f"{tensor.tensor_type.name}; whet quantize MODEL OUT.gguf Q8_0 --allow-requantize")
    ids = tokens_of(args, args.texts)
    if len(ids) < LENGTH + 1:
        raise SystemExit(f"expected texts of more than {LENGTH} tokens, found {len(ids)}")
    layers = [p for p in model.body.parameters() if p.requires_grad]
    groups = [{"params": list(model.rows), "lr": args.row_lr, "weight_decay": 0.0}]
    if layers:
        groups.append({"params": layers, "lr": args.lr, "weight_decay": 0.1})
    peaks = [g["lr"] for g in groups]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95))
    start, spent, step, losses = time.time(), 0.0, 0, []
    while spent < 60 * args.minutes:
        for group, peak in zip(optimizer.param_groups, peaks):
            group["lr"] = peak * rate_at(spent / (60 * args.minutes))
        starts = torch.randint(len(ids) - LENGTH, (ROWS,))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bf16):
            loss = model.loss(torch.stack([ids[s:s + LENGTH + 1] for s in starts]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for g in groups for p in g["params"]], 1.0)
        optimizer.step()
        losses.append(loss.item())
        step, spent = step + 1, time.time() - start
        if step % 10 == 0:
            print(f"step {step}  {step * ROWS * LENGTH} tokens  {spent:.0f} s  loss {np.mean(losses[-10:]):.4f}", flush=True)
    write_back(args.model, args.out, model.trained_tensors(args.train), config.as_dict(), reader)
    print(json.dumps({"model": args.model, "train": args.train, "phrases": n_phrases, "steps": step,
                      "tokens": step * ROWS * LENGTH, "seconds": round(spent, 1), "loss_first": losses[0],
                      "loss_last_10": float(np.mean(losses[-10:]))}))


if __name__ == "__main__":
    main()
