"""Packs examples into rows of fixed length; the loss mask covers answers only."""

import random

import torch

from generator import as_asked, stream
from tokenizer import chat_text

SYSTEMS = ["You are a helpful assistant.", "You are whet, a small and careful assistant.", "Answer step by step.",
           "Be brief."]
SYSTEM_SHARE = 0.04
POOL = 128


class Packer:
    """Rows are filled from a pool, longest that fits first, and padded; each row starts with an exchange."""

    def __init__(self, tokenizer, seed, refuse=frozenset()):
        self.tokenizer, self.rng = tokenizer, random.Random(f"packing {seed}")
        self.examples, self.pool, self.n_examples = stream(seed, refuse), [], 0

    def _one(self):
        example = next(self.examples)
        system = self.rng.choice(SYSTEMS) if self.rng.random() < SYSTEM_SHARE else None
        head, answer = chat_text(as_asked(example, self.rng), example.answer, system)
        head_ids, answer_ids = self.tokenizer.encode(head).ids, self.tokenizer.encode(answer).ids
        newline = self.tokenizer.encode("\n").ids
        self.n_examples += 1
        return head_ids + answer_ids + newline, [0] * len(head_ids) + [1] * len(answer_ids) + [0]

    def _row(self, length):
        ids, mask, docs = [], [], []
        while True:
            while len(self.pool) < POOL:
                self.pool.append(self._one())
            room = length + 1 - len(ids)
            fitting = [i for i, (e, _) in enumerate(self.pool) if len(e) <= room]
            if not fitting:
                break
            i = fitting[0] if room > length // 2 else max(fitting, key=lambda j: len(self.pool[j][0]))
            e, m = self.pool.pop(i)
            docs += [docs[-1] + 1 if docs else 0] * len(e)
            ids += e
            mask += m
        pad = length + 1 - len(ids)
        return ids + [0] * pad, mask + [0] * pad, docs + [docs[-1] + 1] * pad

    def batch(self, n_rows, length):
        """inputs [n_rows, length], which positions see which [n_rows, 1, length, length], targets [n_rows, length] with
        -100 where there is no loss, number of real tokens. An exchange sees nothing of those before it in its row: at
        run time it stands alone, and names and numbers of strangers are what a copying head must not learn to skip."""
        rows = [self._row(length) for _ in range(n_rows)]
        ids = torch.tensor([r[0] for r in rows])
        mask = torch.tensor([r[1] for r in rows])
        docs = torch.tensor([r[2] for r in rows])[:, :-1]
        seen = (docs[:, :, None] == docs[:, None, :]).tril().unsqueeze(1)
        targets = ids[:, 1:].masked_fill(mask[:, 1:] == 0, -100)
        return ids[:, :-1], seen, targets, int((ids[:, :-1] != 0).sum())
