"""Trains one model until a given time. Loss on answers only.

The learning rate is a function of elapsed wall time (warm-up, constant, linear decay), so a busy
machine costs tokens but never the decay. Several single-threaded processes share a run (--world), averaging gradients
once per step: on a machine shared with compilers the barriers of one multi-threaded process cost more than they give
(measured: 600 tokens/s with two threads, 1600 with one). Rows of 256 tokens, every twelfth step rows of 512 (uncompiled), so that all
positions of the declared context are trained.
"""

import argparse
import json
import queue
import threading
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from tokenizers import Tokenizer

from llama import SIZES, Llama, clip_attention, n_parameters
from muon import Muon
from packing import Packer

SHORT, LONG, LONG_EVERY = 256, 512, 12
CLIP_EVERY, LARGEST_LOGIT = 10, 30.0


def rate_at(done, decay_from):
    """Factor on the peak learning rate; `done` is the elapsed share of the time."""
    if done < 0.01:
        return max(0.05, done / 0.01)
    return 1.0 if done < decay_from else max(0.02, (1 - done) / (1 - decay_from))


def prefetch(packer, n_tokens):
    """Batches from a thread; (batch, examples drawn so far)."""
    ready = queue.Queue(maxsize=4)

    def fill():
        step = 0
        while True:
            length = LONG if step % LONG_EVERY == LONG_EVERY - 1 else SHORT
            ready.put((*packer.batch(n_tokens // length, length), packer.n_examples))
            step += 1
    threading.Thread(target=fill, daemon=True).start()
    return ready


def optimizers(model, args):
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.dim() != 2 or "embed" in n]
    if args.optimizer == "adamw":
        return [torch.optim.AdamW(matrices + rest, lr=args.lr, betas=(0.9, 0.95), weight_decay=0.01, fused=True)]
    return [Muon(matrices, lr=args.muon_lr, weight_decay=args.muon_decay, world=args.world, rank=args.rank),
            torch.optim.AdamW(rest, lr=args.lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True)]


def loss_of(model, hidden, ids, seen, targets):
    wanted = targets != -100
    return F.cross_entropy(model.logits(hidden(ids, seen)[wanted]), targets[wanted])


def agreed_time(world):
    """The clock of rank 0, so that all ranks take the same rate and stop at the same step."""
    now = torch.tensor([time.time()], dtype=torch.float64)
    if world > 1:
        dist.broadcast(now, 0)
    return now.item()


def average_gradients(model, world):
    """One all-reduce over all gradients as a single vector."""
    grads = [p.grad for p in model.parameters()]
    flat = torch.cat([g.flatten() for g in grads])
    dist.all_reduce(flat)
    for g, mean in zip(grads, (flat / world).split([g.numel() for g in grads])):
        g.copy_(mean.view_as(g))


def save(out, model, facts):
    part = out / "checkpoint.part"
    torch.save({"model": model.state_dict(), "config": model.c.as_dict(), "facts": facts}, part)
    part.rename(out / "checkpoint.pt")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--size", choices=SIZES, default="main")
    parser.add_argument("--until", type=float, required=True, help="end, in seconds since the epoch")
    parser.add_argument("--optimizer", choices=["muon", "adamw"], default="muon")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--muon-lr", type=float, default=0.01)
    parser.add_argument("--muon-decay", type=float, default=0.2, help="weight decay of the matrices, times the rate")
    parser.add_argument("--decay-from", type=float, default=0.5, help="share of the time at which the rate starts to fall")
    parser.add_argument("--batch-tokens", type=int, default=3072)
    parser.add_argument("--world", type=int, default=1, help="processes that share this run")
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--eager", action="store_true", help="skip torch.compile (minutes on a busy machine)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--init", type=Path, help="checkpoint to start from (weights and counts, not momentum)")
    parser.add_argument("--refuse", type=Path, nargs="*", default=[], help="task sets whose prompts must not be drawn")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    refuse = {json.loads(line)["prompt"] for path in args.refuse for line in path.read_text().splitlines()}
    tokenizer = Tokenizer.from_file(str(args.tokenizer / "tokenizer.json"))
    model = Llama(SIZES[args.size])
    opts = optimizers(model, args)
    earlier = {"steps": 0, "tokens": 0, "answer_tokens": 0, "examples": 0, "seconds": 0}
    if args.init:
        start = torch.load(args.init, weights_only=True)
        model.load_state_dict(start["model"])
        earlier = {key: start["facts"][key] for key in earlier}
    peaks = [g["lr"] for o in opts for g in o.param_groups]
    hidden = model.hidden if args.eager else torch.compile(model.hidden, dynamic=False)
    if args.world > 1:
        dist.init_process_group("gloo", init_method=f"file://{args.out.resolve()}/rendezvous", rank=args.rank,
                                world_size=args.world)
    stream_seed = args.seed + 1000 * args.rank
    batches = prefetch(Packer(tokenizer, stream_seed, refuse), args.batch_tokens // args.world)
    step, n_tokens, n_answer, peak_logit = 0, 0, 0, 0.0
    last_save = last_print = begin = agreed_time(args.world)
    while True:
        now = agreed_time(args.world)
        if now >= args.until:
            break
        factor = rate_at((now - begin) / (args.until - begin), args.decay_from)
        for group, peak in zip([g for o in opts for g in o.param_groups], peaks):
            group["lr"] = peak * factor
        ids, seen, targets, real, n_examples = batches.get()
        loss = loss_of(model, hidden if ids.shape[1] == SHORT else model.hidden, ids, seen, targets)
        loss.backward()
        if args.world > 1:
            average_gradients(model, args.world)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for o in opts:
            o.step()
        model.zero_grad(set_to_none=True)
        if step % CLIP_EVERY == 0:
            reduce_max = (lambda peaks: dist.all_reduce(peaks, dist.ReduceOp.MAX)) if args.world > 1 else lambda _: None
            peak_logit = clip_attention(model, ids[:1], seen[:1], LARGEST_LOGIT, reduce_max)
        step, n_tokens, n_answer = step + 1, n_tokens + real, n_answer + int((targets != -100).sum())
        if args.rank:
            continue
        facts = {"seed": args.seed, "optimizer": args.optimizer, "parameters": n_parameters(model), "steps": step,
                 "tokens": n_tokens * args.world, "answer_tokens": n_answer * args.world,
                 "examples": n_examples * args.world,
                 "processes": args.world, "seconds": round(time.time() - begin), "loss": round(loss.item(), 4), "peak_logit": round(peak_logit, 1)}
        speed = round(facts["tokens"] / (time.time() - begin))
        facts |= {key: facts[key] + n for key, n in earlier.items()}
        if time.time() - last_print > 20:
            last_print = time.time()
            print(json.dumps({**facts, "rate": round(factor, 3), "tok_s": speed}), flush=True)
        if time.time() - last_save > 180:
            last_save = time.time()
            save(args.out, model, facts)
    if args.rank == 0:
        save(args.out, model, facts)
        print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
