"""Comparisons between people: values given relative to each other, out of order; who has most, the order, the sum.

A name in the working follows a dash, so that it is the same token (with its space) as in the question.
"""

from .example import worked
from .words import NAMES, THINGS


def _relation(rng, name, other, value):
    """(sentence, working, new value) that defines `name` from `other`, whose value is known."""
    k = rng.randint(2, 12)
    kind = rng.choice(["more", "fewer", "times"] if value > k else ["more", "times"])
    if kind == "more":
        return f"{name} has {k} more than {other}.", f"{value} + {k}", value + k
    if kind == "fewer":
        return f"{name} has {k} fewer than {other}.", f"{value} - {k}", value - k
    f = rng.choice([2, 2, 3])
    word = {2: "twice", 3: "three times"}[f]
    return f"{name} has {word} as many as {other}.", f"{value} * {f}", value * f


def make(rng):
    thing = rng.choice(THINGS)
    people = rng.sample(NAMES, rng.choice([3, 3, 4, 4]))
    values = {people[0]: rng.randint(5, 30)}
    lines = [f"- {people[0]}: {values[people[0]]}"]
    told = [f"{people[0]} has {values[people[0]]} {thing}."]
    for i, name in enumerate(people[1:], 1):
        other = people[i - 1] if rng.random() < 0.7 else rng.choice(people[:i])
        sentence, working, value = _relation(rng, name, other, values[other])
        values[name] = value
        told.append(sentence)
        lines.append(f"- {name}: {working} = {value}")
    if rng.random() < 0.8:
        rng.shuffle(told)
    facts = " ".join(told)
    if len(set(values.values())) < len(values):
        return make(rng)
    ranked = sorted(people, key=values.get)
    kind = rng.choice(["most", "least", "order", "sum", "gap"])
    if kind == "most":
        ask, answer = "Who has the most?", ranked[-1]
    elif kind == "least":
        ask, answer = "Who has the least?", ranked[0]
    elif kind == "order":
        ask, answer = "List the names from least to most.", " ".join(ranked)
    elif kind == "sum":
        ask, total = f"How many {thing} do they have together?", values[people[0]]
        for name in people[1:]:
            lines.append(f"{total} + {values[name]} = {total + values[name]}")
            total += values[name]
        answer = total
    else:
        ask = f"How many more {thing} does {ranked[-1]} have than {ranked[0]}?"
        answer = values[ranked[-1]] - values[ranked[0]]
        lines.append(f"{values[ranked[-1]]} - {values[ranked[0]]} = {answer}")
    return worked("compare", kind, facts, f"{facts} {ask}", lines, answer)
