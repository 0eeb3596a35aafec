"""Tunes a copy of a model whose vocabulary was adapted (`whet adapt vocab apply`) on texts of the domain.

Trained are the embedding, the head, the first and the last layer, as in the AdaptiVocab paper; with --train rows only the
rows of phrases. The same run on the base model, which has no phrases, is the control: what of a gain is the domain's and
not the vocabulary's; it sees the same bytes of text in as many steps. Tokens are whet's own (`whet tokenize`). Weights go
back in the types that the file has, so that the copy is as large and as fast as before; Llama architectures whose trained
tensors are F32, F16, BF16, Q8_0 or Q4_0 to Q5_1. A step of training is finer than that of four bits: prefer Q8_0.

    python adapt_vocab.py adapted.gguf tuned.gguf --whet ../build/release/whet --bytes 3e6 --texts domain/train.txt
    python adapt_vocab.py base.gguf control.gguf --whet ../build/release/whet --bytes 3e6 --texts domain/train.txt
    whet perplexity -m tuned.gguf -f domain/test.txt; whet perplexity -m control.gguf -f domain/test.txt   # bits/byte
"""

import argparse
import json
import shutil
import subprocess
import time
from itertools import islice
from pathlib import Path

import gguf
import numpy as np
import torch
import torch.nn.functional as F

from files import gguf_names, heads_of, interleave, read_gguf
from llama import Config, Layer, Llama, rotate

LONGEST = 1024  # tokens of a row
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
                  rope_theta=value("llama.rope.freq_base", 10000.0), max_position_embeddings=LONGEST)


def own_name(name):
    """Hugging Face's name of a weight -> its name in Llama."""
    return name.removeprefix("model.").replace(".self_attn.", ".").replace(".mlp.", ".")


class FrozenLayer(torch.nn.Module):
    """A layer that is not trained, made for speed: BF16, norms multiplied into the products behind them, queries, keys
    and values in one product, gate and up in one."""

    def __init__(self, layer):
        super().__init__()
        self.c = layer.c
        n_1, n_2 = layer.input_layernorm.weight, layer.post_attention_layernorm.weight

        def stored(weight):
            return torch.nn.Parameter(weight.detach().to(torch.bfloat16), requires_grad=False)

        self.qkv = stored(torch.cat([layer.q_proj.weight, layer.k_proj.weight, layer.v_proj.weight]) * n_1)
        self.o = stored(layer.o_proj.weight)
        self.gate_up = stored(torch.cat([layer.gate_proj.weight, layer.up_proj.weight]) * n_2)
        self.down = stored(layer.down_proj.weight)

    def forward(self, x, cos, sin):
        c, (b, t, d) = self.c, x.shape
        n_q, n_kv = c.num_attention_heads, c.num_key_value_heads
        heads = F.linear(F.rms_norm(x, (d,), None, c.rms_norm_eps), self.qkv).view(b, t, -1, c.head_dim).transpose(1, 2)
        turned, v = heads.split([n_q + n_kv, n_kv], dim=1)
        q, k = rotate(turned, cos, sin).split([n_q, n_kv], dim=1)
        group = n_q // n_kv
        a = F.scaled_dot_product_attention(q, k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1),
                                           is_causal=True)
        x = x + F.linear(a.transpose(1, 2).reshape(b, t, -1), self.o)
        gate, up = F.linear(F.rms_norm(x, (d,), None, c.rms_norm_eps), self.gate_up).chunk(2, dim=-1)
        return x + F.linear(F.silu(gate) * up, self.down)


class HeadLoss(torch.autograd.Function):
    """Mean nats of targets [n] under the softmax of hidden [n, d] @ head [V, d]^T. Gradients are made in the forward
    pass, a part of the rows at a time, so that no [n, V] is kept."""

    PART = 256

    @staticmethod
    def forward(ctx, hidden, head, targets):
        n, wide = len(hidden), head.detach().to(torch.bfloat16)
        grad_hidden, grad_head, nats = torch.empty_like(hidden), torch.zeros_like(head), 0.0
        for begin in range(0, n, HeadLoss.PART):
            h, wanted = hidden[begin:begin + HeadLoss.PART], targets[begin:begin + HeadLoss.PART]
            logits = (h @ wide.T).float()
            total = logits.logsumexp(dim=1)
            rows = torch.arange(len(h))
            nats += (total - logits[rows, wanted]).sum().item()
            p = logits.sub_(total[:, None]).exp_()
            p[rows, wanted] -= 1
            p = p.to(torch.bfloat16)
            grad_hidden[begin:begin + HeadLoss.PART] = p @ wide
            grad_head += p.T @ h
        ctx.save_for_backward(grad_hidden / n, grad_head.div_(n))
        return hidden.new_tensor(nats / n, dtype=torch.float32)

    @staticmethod
    def backward(ctx, grad):
        grad_hidden, grad_head = ctx.saved_tensors
        return grad_hidden * grad.to(grad_hidden.dtype), grad_head.mul_(grad), None


class Tuned(torch.nn.Module):
    """The model with the base rows and the rows of phrases of embedding and head apart; a tied model has one table."""

    def __init__(self, tensors, config, n_base, train):
        super().__init__()
        self.body = Llama(config)
        self.tied = "lm_head.weight" not in tensors
        weights = {own_name(k): torch.from_numpy(np.array(v, np.float32)) for k, v in tensors.items()}
        head = weights.pop("lm_head.weight", None)
        self.body.load_state_dict(weights)
        self.body.requires_grad_(False)
        tables = [t for t in (self.body.embed_tokens.weight.data, head) if t is not None]
        self.body.embed_tokens = None
        self.base = torch.nn.ParameterList(t[:n_base].clone() for t in tables)
        self.base.requires_grad_(train == "paper")
        self.rows = torch.nn.ParameterList(t[n_base:].clone() for t in tables)
        last = len(self.body.layers) - 1
        for i, layer in enumerate(self.body.layers):
            if train == "paper" and i in (0, last):
                layer.requires_grad_(True)
            else:
                self.body.layers[i] = FrozenLayer(layer)
        self.body.cos, self.body.sin = self.body.cos.to(torch.bfloat16), self.body.sin.to(torch.bfloat16)

    def tables(self):
        """Embedding and head, the same one where they are tied."""
        made = [torch.cat([base, rows]) for base, rows in zip(self.base, self.rows)]
        return made[0], made[-1]

    def loss(self, ids):
        embedding, head = self.tables()
        x = F.embedding(ids[:, :-1], embedding).to(torch.bfloat16)
        cos, sin = self.body.cos[:x.shape[1]], self.body.sin[:x.shape[1]]
        for layer in self.body.layers:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=isinstance(layer, Layer)):
                x = layer(x, cos, sin)
        x = F.rms_norm(x, x.shape[-1:], self.body.norm.weight.to(x.dtype), self.body.c.rms_norm_eps)
        return HeadLoss.apply(x.flatten(0, 1), head, ids[:, 1:].flatten())

    def trained_tensors(self):
        """Hugging Face name -> array, of what may have changed."""
        embedding, head = self.tables()
        changed = {"model.embed_tokens.weight": embedding}
        if not self.tied:
            changed["lm_head.weight"] = head
        for i, layer in enumerate(self.body.layers):
            for name, p in layer.named_parameters():
                if p.requires_grad:
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


def row_starts(n_tokens, length, seed):
    """Where rows of a text begin: all of it once, then again in another order, shifted."""
    draws = torch.Generator().manual_seed(seed)
    while True:
        shift = int(torch.randint(length, (), generator=draws))
        yield from (torch.randperm((n_tokens - shift - 1) // length, generator=draws) * length + shift).tolist()


def write_back(source, target, changed, config, reader):
    """A copy of the file with other bytes in the changed tensors."""
    part = f"{target}.part"
    shutil.copy(source, part)
    names = gguf_names(config)
    by_name = {t.name: t for t in reader.tensors}
    with open(part, "r+b") as file:
        for name, values in changed.items():
            tensor = by_name[names[name]]
            if heads := heads_of(name, config):
                values = interleave(values, heads)
            data = gguf.quants.quantize(np.ascontiguousarray(values, np.float32), tensor.tensor_type).tobytes()
            assert len(data) == tensor.n_bytes, f"{name}: {len(data)} bytes for {tensor.n_bytes}"
            file.seek(int(tensor.data_offset))
            file.write(data)
    Path(part).replace(target)


def rate_at(done):
    """Factor on the peak learning rate; `done` is the share of the text that was seen."""
    return min(1.0, (done + 0.01) / 0.08) * (0.05 + 0.95 * (0.5 + 0.5 * np.cos(np.pi * min(1.0, done))))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out", help="written every --save-minutes, and in the end")
    parser.add_argument("--whet", required=True, help="the program, for its tokenizer")
    parser.add_argument("--texts", nargs="+", required=True)
    parser.add_argument("--bytes", type=float, required=True,
                        help="of text to be trained on, the same for a control; more than there is passes over it again")
    parser.add_argument("--row-bytes", type=int, default=1300, help="of text in a row, about")
    parser.add_argument("--rows", type=int, default=4, help="in a step")
    parser.add_argument("--minutes", type=float, default=120, help="the most that it may take")
    parser.add_argument("--save-minutes", type=float, default=5)
    parser.add_argument("--train", choices=("paper", "rows"), default="paper")
    parser.add_argument("--lr", type=float, default=3e-4, help="of the layers")
    parser.add_argument("--base-lr", type=float, default=2e-4, help="of the base tokens' rows")
    parser.add_argument("--row-lr", type=float, default=2e-3, help="of the phrases' rows")
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
    changed = [gguf_names(config.as_dict())[n] for n in model.trained_tensors()]
    for tensor in reader.tensors:
        if tensor.name in changed and tensor.tensor_type not in WRITABLE:
            raise SystemExit(f"{tensor.name}: expected a type that can be written, such as Q8_0, found "
                             f"{tensor.tensor_type.name}; whet quantize MODEL OUT.gguf Q8_0 --allow-requantize")
    ids = tokens_of(args, args.texts)
    n_bytes = sum(Path(t).stat().st_size for t in args.texts)
    length = min(LONGEST, round(args.row_bytes * len(ids) / n_bytes))
    if len(ids) < length + 1:
        raise SystemExit(f"expected texts of more than {length} tokens, found {len(ids)}")
    n_steps = max(1, round(args.bytes / n_bytes * len(ids) / (args.rows * length)))
    print(f"{len(ids)} tokens of {n_bytes} bytes; {n_steps} steps of {args.rows} rows of {length} tokens", flush=True)
    kinds = {"lr": [p for p in model.body.parameters() if p.requires_grad],
             "base_lr": [p for p in model.base if p.requires_grad], "row_lr": [p for p in model.rows if len(p)]}
    groups = [{"params": params, "lr": getattr(args, kind), "peak": getattr(args, kind),
               "weight_decay": 0.1 if kind == "lr" else 0.0} for kind, params in kinds.items() if params]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)
    start, saved, step, losses = time.time(), time.time(), 0, []
    order = row_starts(len(ids), length, args.seed)
    while step < n_steps and time.time() - start < 60 * args.minutes:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * rate_at(step / n_steps)
        batch = [ids[row:row + length + 1] for row in islice(order, args.rows)]
        loss = model.loss(torch.stack(batch))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for g in groups for p in g["params"]], 1.0)
        optimizer.step()
        losses.append(loss.item())
        step += 1
        if step % 10 == 0 or step == 1:
            bits = np.mean(losses[-10:]) / np.log(2) * len(ids) / n_bytes
            print(f"step {step}  {time.time() - start:.0f} s  {bits:.4f} bits/byte", flush=True)
        if time.time() - saved > 60 * args.save_minutes and step < n_steps:
            write_back(args.model, args.out, model.trained_tensors(), config.as_dict(), reader)
            saved = time.time()
    write_back(args.model, args.out, model.trained_tensors(), config.as_dict(), reader)
    print(json.dumps({"model": Path(args.model).name, "train": args.train, "phrases": n_phrases, "steps": step, "of": n_steps,
                      "tokens": step * args.rows * length, "bytes": round(step * args.rows * length * n_bytes / len(ids)),
                      "seconds": round(time.time() - start), "loss_first": losses[0],
                      "loss_last_10": float(np.mean(losses[-10:]))}))


if __name__ == "__main__":
    main()
