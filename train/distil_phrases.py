"""Makes phrases mean to a model what their tokens mean to it: the model itself, reading base tokens, is the teacher.

    python adapt_vocab.py base.gguf control.gguf --whet ../build/release/whet --bytes 250e3 --texts domain/train.txt
    whet adapt vocab apply -m control.gguf --table table.json --init exp -o adapted.gguf
    python distil_phrases.py adapted.gguf first.gguf --whet ../build/release/whet --bytes 250e3 --texts domain/train.txt \\
        --steps 100 20 0 --table table.json --keep 0.825 --chosen chosen.json
    whet adapt vocab apply -m control.gguf --table chosen.json --init exp -o adapted.gguf
    python distil_phrases.py adapted.gguf distilled.gguf --whet ../build/release/whet --bytes 250e3 --texts domain/train.txt \\
        --from first.gguf --steps 0 0 176

A text is read twice, as base tokens and with phrases, and states are compared where both have a token's end.

1. Rows in the embedding, by the distance of states behind --layers layers, then of those that the head reads, weighed by
   what the head makes of them.
2. Rows in the head, of phrases and of the tokens that they begin with, by the cross entropy of what follows the teacher's
   states. All other logits are constant, so that a pass takes seconds. With --keep each occurrence of a phrase is judged by
   rows fitted to the other half of the text, and the phrases that cost least for what they save are written to --chosen.
3. All rows and the last --upper layers together. The teacher's distribution of the next base token is that of first tokens,
   of which a phrase has its share; which of them it is, the text says.
"""

import argparse
import json
import time
from itertools import islice
from pathlib import Path

import gguf
import numpy as np
import torch
import torch.nn.functional as F

from adapt_vocab import FrozenLayer, config_of, own_name, rate_at, row_starts, tokens_of, write_back
from files import read_gguf
from llama import Llama

HELD_OUT = 8  # rows that nothing is trained on


def phrases_of(reader):
    """Base tokens of each phrase."""
    ids, lengths = (reader.get_field(f"tokenizer.whet.phrase_{name}") for name in ("token_ids", "lengths"))
    if lengths is None:
        raise SystemExit("expected an adapted vocabulary (whet adapt vocab apply), found no phrases")
    return [tuple(part.tolist()) for part in np.split(np.array(ids.contents()), np.cumsum(lengths.contents())[:-1])]


class Model:
    """Base rows and layers as they are, but the last ones; rows of phrases apart."""

    def __init__(self, tensors, config, n_base, upper):
        weights = {own_name(k): torch.from_numpy(np.array(v, np.float32)) for k, v in tensors.items()}
        head, embedding = weights.pop("lm_head.weight"), weights["embed_tokens.weight"]
        body = Llama(config)
        body.load_state_dict(weights)
        body.requires_grad_(False)
        self.config, self.n_base, self.norm = config, n_base, body.norm.weight
        self.cos, self.sin = body.cos.to(torch.bfloat16), body.sin.to(torch.bfloat16)
        self.frozen = [FrozenLayer(layer) for layer in body.layers]
        self.upper = torch.nn.ModuleList(body.layers[len(body.layers) - upper:])
        self.embedding, self.head = embedding[:n_base].clone(), head[:n_base].clone()
        self.rows = torch.nn.Parameter(embedding[n_base:].clone())
        self.head_rows = torch.nn.Parameter(head[n_base:].clone())

    def states(self, ids, n_layers=None, trained=False):
        """[n, d] behind so many layers; None: what the head reads. `trained`: with the last layers as they are by now."""
        x = F.embedding(ids[None], torch.cat([self.embedding, self.rows])).to(torch.bfloat16)
        cos, sin = self.cos[:x.shape[1]], self.sin[:x.shape[1]]
        for layer in self.frozen[:len(self.frozen) - len(self.upper)] if trained else self.frozen[:n_layers]:
            x = layer(x, cos, sin)
        if trained:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                for layer in self.upper:
                    x = layer(x, cos, sin)
        if trained or n_layers is None:
            x = F.rms_norm(x, x.shape[-1:], self.norm.to(x.dtype), self.config.rms_norm_eps)
        return x[0]


class Parts:
    """Rows of a text: base tokens, the model's tokens, and where these end among those."""

    def __init__(self, ids, phrases, n_base, args, n_bytes):
        lengths = np.array([len(phrases[i - n_base]) if i >= n_base else 1 for i in ids])
        base = np.array([t for i in ids for t in (phrases[i - n_base] if i >= n_base else (i,))])
        ends, length = np.cumsum(lengths), round(args.row_bytes * len(base) / n_bytes)
        self.list = []
        for first in islice(row_starts(len(base), length, args.seed), round(args.bytes / n_bytes * len(base) / length)):
            begin = np.searchsorted(ends - lengths, first)
            end = np.searchsorted(ends, first + length + 1, side="right")
            start = ends[begin] - lengths[begin]
            self.list.append(tuple(torch.from_numpy(part) for part in (
                base[start:ends[end - 1]], np.array(ids[begin:end]), ends[begin:end] - 1 - start)))
        if len(self.list) <= 2 * HELD_OUT:
            raise SystemExit(f"--bytes: expected more than {2 * HELD_OUT} rows, found {len(self.list)}")
        counts = np.bincount(np.concatenate([b.numpy() for b, _, _ in self.list]), minlength=n_base) + 0.05
        self.shares = torch.from_numpy(counts / counts.sum()).float()

    def drawn(self):
        """Numbers of rows to train on, for ever."""
        while True:
            yield from (torch.randperm(len(self.list) - HELD_OUT) + HELD_OUT).tolist()


def logit_spread(head, shares):
    """[d, d]: half the variance of the difference of logits, over tokens as often as they are, is d' M d."""
    centred = head - shares @ head
    return 0.5 * centred.T @ (centred * shares[:, None])


def match_states(model, parts, targets, n_layers, steps, args):
    """Stage 1. `targets`: states of the teacher at the student's tokens, by row."""
    is_whole = n_layers == len(model.frozen)
    if is_whole:
        metric = logit_spread(model.head, parts.shares)
    else:
        deviation = torch.cat([targets(i)[1:] for i in range(HELD_OUT)]).std(0)

    def loss(i):
        apart = model.states(parts.list[i][1], None if is_whole else n_layers).float() - targets(i)
        if is_whole:
            return ((apart @ metric) * apart).sum(1).mean()
        # The first token of a row draws attention, in states far from all others.
        return (apart[1:] / deviation).square().mean(1).clamp(max=20).mean()

    def report(step):
        with torch.no_grad():
            print(f"{n_layers} layers, step {step}: {np.mean([loss(i).item() for i in range(HELD_OUT)]):.4f}", flush=True)

    optimizer, rows = torch.optim.Adam([model.rows], lr=args.row_lr, betas=(0.9, 0.98)), parts.drawn()
    report(0)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = args.row_lr * rate_at(step / steps)
        optimizer.zero_grad()
        for _ in range(2):
            (loss(next(rows)) / 2).backward()
        optimizer.step()
    report(steps)


class Followed:
    """States and the tokens behind them; of the head, rows `slots` may change."""

    def __init__(self, states, tokens, head, slots):
        fixed = torch.ones(len(head), dtype=torch.bool)
        fixed[[row for row in slots if row < len(head)]] = False
        wide = head[fixed].to(torch.bfloat16)
        self.states, self.tokens = states, tokens
        self.rest = torch.cat([(part @ wide.T).float().logsumexp(1) for part in states.to(torch.bfloat16).split(512)])
        self.slots = torch.tensor([slots.get(token, -1) for token in tokens.tolist()])
        self.logits, others = torch.zeros(len(tokens)), self.slots < 0
        self.logits[others] = (states[others] * head[tokens[others]]).sum(1)

    def nats(self, rows, at=slice(None)):
        logits = (self.states[at].to(torch.bfloat16) @ rows.to(torch.bfloat16).T).float()
        slots = self.slots[at]
        wanted = torch.where(slots >= 0, logits.gather(1, slots.clamp(min=0)[:, None])[:, 0], self.logits[at])
        return torch.logaddexp(self.rest[at], logits.logsumexp(1)) - wanted


def fit_rows(followed, before, n_firsts, args, at):
    """Stage 2: rows like `before` by their cross entropy on some of what followed."""
    change = torch.nn.Parameter(torch.zeros_like(before))
    level = torch.nn.Parameter(torch.zeros(len(before), 1))  # along the mean state: how likely anywhere
    mean = followed.states.mean(0)
    mean = mean / mean.square().sum()
    scale = torch.ones(len(before), 1)
    scale[:n_firsts] = args.first_scale
    optimizer = torch.optim.Adam([{"params": [change]}, {"params": [level]}], betas=(0.9, 0.99))
    steps, step = args.head_passes * -(-len(at) // 2048), 0
    for _ in range(args.head_passes):
        for batch in at[torch.randperm(len(at))].split(2048):
            for group, peak in zip(optimizer.param_groups, (args.head_lr, 0.05)):
                group["lr"] = peak * rate_at(step / steps)
            rows = before + change * scale + level * mean
            optimizer.zero_grad()
            (followed.nats(rows, batch).mean() + args.head_decay * change.square().sum()).backward()
            optimizer.step()
            step += 1
    return (before + change * scale + level * mean).detach()


@torch.no_grad()
def teachers_nats(model, parts, targets_at_base):
    """Of the base tokens of each of the student's tokens but a row's first."""
    all_nats, head = [], model.head.to(torch.bfloat16)
    for i, (base, _, ends) in enumerate(parts.list):
        logits = (targets_at_base(i)[:-1].to(torch.bfloat16) @ head.T).float()
        nats = logits.logsumexp(1) - logits.gather(1, base[1:, None])[:, 0]
        upto = torch.cat([torch.zeros(2), nats.cumsum(0)])  # of base tokens before each
        all_nats.append(upto[ends[1:] + 1] - upto[ends[:-1] + 1])
    return torch.cat(all_nats)


def choose(followed, before, n_firsts, phrases, n_base, teachers, args):
    """The phrases to keep: those of the least nats over the teacher's for each token that they save."""
    half = torch.arange(len(followed.tokens)) < len(followed.tokens) // 2
    nats = torch.zeros(len(half))
    for learned in (half, ~half):
        rows = fit_rows(followed, before, n_firsts, args, torch.nonzero(learned)[:, 0])
        with torch.no_grad():
            nats[~learned] = followed.nats(rows, torch.nonzero(~learned)[:, 0])
    of = followed.tokens - n_base
    counts, excess = np.zeros(len(phrases)), np.zeros(len(phrases))
    np.add.at(counts, of[of >= 0].numpy(), 1)
    np.add.at(excess, of[of >= 0].numpy(), (nats - teachers)[of >= 0].numpy())
    saved = np.array([len(phrase) - 1 for phrase in phrases])
    # Rare ones are thought to be as all are, until they show otherwise.
    cost = (excess + 8 * excess.sum() / counts.sum()) / (counts + 8) / saved
    order = np.argsort(cost)
    upto = np.cumsum((counts * saved)[order]) / (counts * saved).sum()
    kept = sorted(order[:np.searchsorted(upto, args.keep) + 1].tolist())
    print(f"{len(kept)} of {len(phrases)} phrases kept; {excess[kept].sum():.0f} of {excess.sum():.0f} nats over the teacher's")
    return kept


def train_all(model, parts, targets, firsts, phrases, steps, args):
    """Stage 3."""
    n_base = model.n_base
    known = sorted(set(torch.cat([base for base, _, _ in parts.list]).tolist()) | set(firsts))
    place = {token: i for i, token in enumerate(known)}
    table = model.head[known]
    narrow, wide = model.head_before[known].to(torch.bfloat16), torch.ones(n_base, dtype=torch.bool)
    wide[known] = False
    wide = model.head[wide].to(torch.bfloat16)
    at_firsts = torch.tensor([place[first] for first in firsts])
    first_of = torch.tensor([place[phrase[0]] for phrase in phrases])
    is_first = torch.zeros(len(known), dtype=torch.bool)
    is_first[at_firsts] = True
    moved = torch.nn.Parameter(torch.zeros(len(firsts), table.shape[1]))
    metric = logit_spread(model.head_before, parts.shares)

    def losses(i):
        target, tokens = targets(i)[:-1], parts.list[i][1][1:]
        states = model.states(parts.list[i][1], trained=True)[:-1].to(torch.bfloat16)
        with torch.no_grad():
            taught = (target.to(torch.bfloat16) @ narrow.T).float()
            outside = (target.to(torch.bfloat16) @ wide.T).float().logsumexp(1)  # tokens that the text has not
            total = torch.logaddexp(outside, taught.logsumexp(1))
            taught, taught_outside = taught - total[:, None], outside - total
        apart = states.float() - target
        matched = ((apart @ metric) * apart).sum(1)
        base = (states @ table.index_add(0, at_firsts, moved * args.first_scale).to(torch.bfloat16).T).float()
        phrase = (states @ model.head_rows.to(torch.bfloat16).T).float()
        total = torch.logaddexp(torch.logaddexp(base.logsumexp(1), phrase.logsumexp(1)), outside)[:, None]
        base, phrase = base - total, phrase - total
        first = base.exp().index_add(1, first_of, phrase.exp()).clamp(min=1e-9).log()
        divergence = (taught.exp() * (taught - first)).sum(1) + taught_outside.exp() * (taught_outside - outside + total[:, 0])
        is_phrase = tokens >= n_base
        of = torch.where(is_phrase, tokens - n_base, torch.zeros_like(tokens))
        begins = torch.tensor([place[phrases[t - n_base][0] if t >= n_base else t] for t in tokens.tolist()])
        own = torch.where(is_phrase, phrase.gather(1, of[:, None])[:, 0], base.gather(1, begins[:, None])[:, 0])
        which = torch.where(is_first[begins], first.gather(1, begins[:, None])[:, 0] - own, torch.zeros(len(own)))
        return divergence.mean(), which.mean(), matched.mean()

    groups = [([model.rows], args.row_lr), (list(model.upper.parameters()), args.upper_lr),
              ([model.head_rows, moved], args.head_lr / 6)]
    for params, _ in groups:
        for p in params:
            p.requires_grad_(True)
    optimizer = torch.optim.AdamW([{"params": p} for p, _ in groups], betas=(0.9, 0.98), weight_decay=0.0)
    rows, recent = parts.drawn(), []
    for step in range(steps):
        for group, (_, peak) in zip(optimizer.param_groups, groups):
            group["lr"] = peak * rate_at(step / steps)
        optimizer.zero_grad()
        divergence, which, matched = losses(next(rows))
        (divergence + which + args.match * matched).backward()
        torch.nn.utils.clip_grad_norm_([p for group, _ in groups for p in group], 1.0)
        optimizer.step()
        recent.append((divergence.item(), which.item(), matched.item()))
        if (step + 1) % 10 == 0:
            print(f"all, step {step + 1}: {np.round(np.mean(recent[-10:], axis=0), 4)} nats of first tokens, of which, matched",
                  flush=True)
    model.head[firsts] = (model.head[firsts] + moved * args.first_scale).detach()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="as `whet adapt vocab apply --init exp` leaves it: phrases, and a head of its own")
    parser.add_argument("out")
    parser.add_argument("--whet", required=True, help="the program, for its tokenizer")
    parser.add_argument("--texts", nargs="+", required=True)
    parser.add_argument("--bytes", type=float, required=True, help="of text to learn from")
    parser.add_argument("--row-bytes", type=int, default=1300, help="of text in a row, about; drawn as adapt_vocab.py does")
    parser.add_argument("--from", dest="before", help="a file whose phrases' rows to begin with")
    parser.add_argument("--layers", type=int, default=10, help="of the first part of stage 1")
    parser.add_argument("--steps", type=int, nargs=3, default=(100, 20, 176),
                        help="of stage 1, of two rows each, behind --layers and behind all, and of stage 3, of one row each")
    parser.add_argument("--upper", type=int, default=4, help="layers that stage 3 trains")
    parser.add_argument("--row-lr", type=float, default=4e-3)
    parser.add_argument("--upper-lr", type=float, default=1e-4)
    parser.add_argument("--head-lr", type=float, default=3e-3)
    parser.add_argument("--head-passes", type=int, default=4)
    parser.add_argument("--head-decay", type=float, default=4e-4)
    parser.add_argument("--first-scale", type=float, default=0.3, help="of the rate, for rows of first tokens")
    parser.add_argument("--match", type=float, default=0.3, help="weight of the distance of states in stage 3")
    parser.add_argument("--table", help="that the phrases came from, for --chosen")
    parser.add_argument("--keep", type=float, help="of what the phrases save, at least; with --table and --chosen")
    parser.add_argument("--chosen", help="written: a table of the phrases that cost least")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if len({args.table is None, args.keep is None, args.chosen is None}) > 1:
        raise SystemExit("--table, --keep and --chosen: expected all or none")
    torch.manual_seed(args.seed)
    started, reader = time.time(), gguf.GGUFReader(args.model)
    config, phrases = config_of(reader), phrases_of(reader)
    n_base = config.vocab_size - len(phrases)
    tensors = read_gguf(args.model, config.as_dict())
    if "lm_head.weight" not in tensors:
        raise SystemExit(f"{args.model}: expected a head of its own (whet adapt vocab apply --init exp), found it tied")
    model = Model(tensors, config, n_base, args.upper)
    if args.before:
        other = gguf.GGUFReader(args.before)
        embedding = read_gguf(args.before, config_of(other).as_dict())["model.embed_tokens.weight"]
        known = {phrase: n_base + i for i, phrase in enumerate(phrases_of(other))}
        for i, phrase in enumerate(phrases):
            if phrase in known:
                model.rows.data[i] = torch.from_numpy(np.array(embedding[known[phrase]], np.float32))
    ids = tokens_of(args, args.texts).tolist()
    parts = Parts(ids, phrases, n_base, args, sum(Path(text).stat().st_size for text in args.texts))
    print(f"{len(phrases)} phrases; {len(parts.list)} rows", flush=True)

    caches = {}

    @torch.no_grad()
    def at_base(i, n_layers=None):
        if (n_layers, i) not in caches:
            caches[n_layers, i] = model.states(parts.list[i][0], n_layers)
        return caches[n_layers, i].float()

    n_layers = len(model.frozen)
    for layers, steps in zip((min(args.layers, n_layers), n_layers), args.steps):
        of = None if layers == n_layers else layers
        if steps > 0:
            match_states(model, parts, lambda i: at_base(i, of)[parts.list[i][2]], layers, steps, args)

    firsts = sorted({phrase[0] for phrase in phrases})
    slots = {row: i for i, row in enumerate([*firsts, *range(n_base, n_base + len(phrases))])}
    states = torch.cat([at_base(i)[ends][:-1] for i, (_, _, ends) in enumerate(parts.list)])
    followed = Followed(states, torch.cat([tokens[1:] for _, tokens, _ in parts.list]), model.head, slots)
    # A phrase is at first as likely as the token that it begins with.
    before = model.head[[*firsts, *(phrase[0] for phrase in phrases)]]
    if args.chosen:
        kept = choose(followed, before, len(firsts), phrases, n_base, teachers_nats(model, parts, at_base), args)
        table = json.loads(Path(args.table).read_text())
        by_ids = {tuple(phrase["ids"]): phrase for phrase in table["phrases"]}
        table["phrases"] = [by_ids[phrases[i]] for i in kept]
        Path(args.chosen).write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
    fitted = fit_rows(followed, before, len(firsts), args, torch.arange(len(followed.tokens)))
    model.head_before = model.head.clone()
    model.head[firsts] = fitted[:len(firsts)]
    model.head_rows.data = fitted[len(firsts):].clone()
    if args.steps[2] > 0:
        train_all(model, parts, lambda i: at_base(i)[parts.list[i][2]], firsts, phrases, args.steps[2], args)

    changed = {"model.embed_tokens.weight": torch.cat([model.embedding, model.rows]),
               "lm_head.weight": torch.cat([model.head, model.head_rows])}
    if args.steps[2] > 0:
        for i, layer in enumerate(model.upper, n_layers - len(model.upper)):
            for name, p in layer.named_parameters():
                part = "self_attn." if name[:2] in ("q_", "k_", "v_", "o_") else "" if "norm" in name else "mlp."
                changed[f"model.layers.{i}.{part}{name}"] = p
    write_back(args.model, args.out, {n: t.detach().numpy() for n, t in changed.items()}, config.as_dict(), reader)
    print(json.dumps({"model": Path(args.model).name, "phrases": len(phrases), "rows": len(parts.list),
                      "bytes": round(args.bytes), "seconds": round(time.time() - started)}))


if __name__ == "__main__":
    main()
