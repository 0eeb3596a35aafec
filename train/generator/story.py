"""Word problems of two to six steps: a stock that changes, a purchase with change, work by the day, sharing."""

from .example import worked
from .words import GOODS, NAMES, PACKS, THINGS


def _stock(rng):
    """A person's stock passes through two or three random events."""
    name, friend = rng.sample(NAMES, 2)
    thing, pack = rng.choice(THINGS), rng.choice(PACKS)
    value = rng.randint(10, 99)
    text, lines, key = [f"{name} has {value} {thing}."], [], [str(value)]
    for _ in range(rng.randint(2, 4)):
        event = rng.choice(["buy", "packs", "give", "lose", "double", "half"])
        if event == "buy":
            k = rng.randint(3, 40)
            text.append(rng.choice([f"{name} buys {k} more.", f"{name} finds {k} {thing}.",
                                    f"{friend} gives {name} {k} {thing}."]))
            after, line = value + k, f"{value} + {k}"
        elif event == "packs":
            n, k = rng.randint(2, 9), rng.randint(2, 9)
            text.append(f"{name} gets {n} {pack}{'es' if pack == 'box' else 's'} of {k} {thing}.")
            lines.append(f"{n} * {k} = {n * k}")
            after, line, k = value + n * k, f"{value} + {n * k}", f"{n}x{k}"
        elif event in ("give", "lose") and value > 4:
            k = rng.randint(2, value - 1)
            text.append(f"{name} gives {k} to {friend}." if event == "give" else f"{name} loses {k}.")
            after, line = value - k, f"{value} - {k}"
        elif event == "half" and value % 2 == 0:
            k = 2
            text.append(f"{name} sells half of them.")
            after, line = value // 2, f"{value} / 2"
        else:
            k = 2
            text.append(f"Then the number of {thing} doubles.")
            after, line = value * 2, f"{value} * 2"
        lines.append(f"{line} = {after}")
        key.append(f"{event}{k}")
        value = after
    text.append(rng.choice([f"How many {thing} does {name} have now?", f"How many {thing} are left with {name}?"]))
    return worked("story", "stock", " ".join(key), " ".join(text), lines, value)


def _shop(rng):
    name = rng.choice(NAMES)
    (one, many), (one2, many2) = rng.sample(GOODS, 2)
    p, q, a, b = rng.randint(3, 29), rng.randint(3, 29), rng.randint(2, 9), rng.randint(2, 9)
    total = a * p + b * q
    text = (f"A {one} costs {p} coins and a {one2} costs {q} coins. {name} buys {a} {many} and {b} {many2}")
    lines = [f"{a} * {p} = {a * p}", f"{b} * {q} = {b * q}", f"{a * p} + {b * q} = {total}"]
    key = f"{a}x{p} {b}x{q}"
    if rng.random() < 0.5:
        return worked("story", "shop", key, f"{text}. How many coins is that?", lines, total)
    paid = total + rng.randint(1, 60)
    lines.append(f"{paid} - {total} = {paid - total}")
    return worked("story", "change", key, f"{text} and pays {paid} coins. What is the change?", lines, paid - total)


def _work(rng):
    name = rng.choice(NAMES)
    verb, thing = rng.choice([("reads", "pages"), ("paints", "tiles"), ("plants", "trees"), ("packs", "boxes"),
                              ("writes", "lines")])
    r, d, s, e = rng.randint(3, 39), rng.randint(2, 9), rng.randint(3, 39), rng.randint(2, 9)
    done = r * d + s * e
    goal = done + rng.randint(5, 60)
    text = (f"{name} {verb} {r} {thing} a day for {d} days and then {s} {thing} a day for {e} days.")
    lines = [f"{r} * {d} = {r * d}", f"{s} * {e} = {s * e}", f"{r * d} + {s * e} = {done}"]
    key = f"{r}x{d} {s}x{e}"
    if rng.random() < 0.4:
        return worked("story", "work", key, f"{text} How many {thing} is that in all?", lines, done)
    lines.append(f"{goal} - {done} = {goal - done}")
    return worked("story", "left", key, f"{text} The goal is {goal} {thing}. How many {thing} are left?", lines,
                  goal - done)


def _share(rng):
    pack, thing = rng.choice(PACKS), rng.choice(THINGS)
    k = rng.randint(2, 9)
    each = rng.randint(3, 20)
    total = k * each
    extra = rng.randint(2, 40)
    eaten = rng.randint(1, 30)
    start = total + eaten
    text = (f"There are {start} {thing}. {eaten} are broken. The rest are shared equally among {k} people. "
            f"{rng.choice(NAMES)} is one of them and already had {extra}. How many {thing} is that for this person?")
    lines = [f"{start} - {eaten} = {total}", f"{total} / {k} = {each}", f"{each} + {extra} = {each + extra}"]
    return worked("story", "share", f"{start} {eaten} {k} {extra}", text, lines, each + extra)


def make(rng):
    return rng.choices([_stock, _shop, _work, _share], [5, 2, 2, 2])[0](rng)
