"""Seeded generator of short chat tasks with worked solutions. Standard library only.

`stream(seed)` yields training examples for ever; `held_out(family, seed)` yields test items. The two sides are disjoint
by key (see example.py) whatever their seeds.
"""

import random

from . import (chain, chat, clock, code_lists, code_numbers, code_primes, code_sequences, code_strings, compare, divide,
               lists, multiply, story)
from .code import render
from .example import Example

TEXT_FAMILIES = {"chain": chain, "story": story, "lists": lists, "multiply": multiply, "divide": divide,
                 "compare": compare, "clock": clock}
CODE_SOURCES = ([code_lists, code_numbers, code_strings, code_primes, code_sequences], [8, 5, 5, 3, 3])
WEIGHTS = {"chain": 3, "story": 3, "lists": 3.5, "multiply": 2.5, "divide": 3, "compare": 3, "clock": 2.5, "python": 2.4,
           "rust": 2.4, "chat": 0.15}
FAMILIES = [name for name in WEIGHTS if name != "chat"]
REPEAT_SHARE = 0.08
REPEAT = "{q}\nRead the question again: {q}"


def make(family, rng, with_tests=False) -> Example:
    if family == "chat":
        return chat.make(rng)
    if family in TEXT_FAMILIES:
        return TEXT_FAMILIES[family].make(rng)
    source = rng.choices(*CODE_SOURCES)[0]
    return render(rng, source.make(rng), family, with_tests)


def stream(seed, refuse=frozenset()):
    """Training examples without end; none with a held-out key or with a prompt in `refuse`."""
    rng = random.Random(seed)
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    while True:
        example = make(rng.choices(names, weights)[0], rng)
        if (example.held_out and example.family != "chat") or example.prompt in refuse:
            continue
        yield example


def as_asked(example, rng):
    """The user turn: the prompt, in REPEAT_SHARE of the cases asked twice (the re-reading prompt, arXiv:2309.06275)."""
    return REPEAT.format(q=example.prompt) if rng.random() < REPEAT_SHARE else example.prompt


def held_out(family, seed):
    """Test items without end, all with a held-out key, no prompt twice."""
    rng = random.Random(f"held-out {family} {seed}")
    seen = set()
    while True:
        example = make(family, rng, with_tests=True)
        if example.held_out and example.prompt not in seen:
            seen.add(example.prompt)
            yield example
