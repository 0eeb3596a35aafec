"""Short tasks on a list of numbers: order, pick, filter, add up, and two of them in a row."""

from .example import worked

ASK = ["{what}: {xs}", "{what} in this list: {xs}", "Here is a list: {xs}. {what}."]


def _text(xs):
    return " ".join(map(str, xs)) if xs else "none"


def _running_sum(xs):
    lines, total = [], xs[0]
    for x in xs[1:]:
        lines.append(f"{total} + {x} = {total + x}")
        total += x
    return lines, total


def _order(rng, xs):
    name, out = rng.choice([("Sort from smallest to largest", sorted(xs)),
                            ("Sort from largest to smallest", sorted(xs, reverse=True)),
                            ("Reverse the order", xs[::-1])])
    return name, [], _text(out)


def _pick(rng, xs):
    up = sorted(xs)
    name, i = rng.choice([("Find the largest number", -1), ("Find the smallest number", 0),
                          ("Find the second largest number", -2), ("Find the second smallest number", 1)])
    steps = [] if i in (0, -1) else [f"Sorted: {_text(up)}"]
    return name, steps, up[i]


def _condition(rng):
    k = rng.randint(15, 80)
    return rng.choice([("even numbers", lambda x: x % 2 == 0), ("odd numbers", lambda x: x % 2 == 1),
                       (f"numbers greater than {k}", lambda x: x > k), (f"numbers less than {k}", lambda x: x < k),
                       ("multiples of 3", lambda x: x % 3 == 0), ("multiples of 5", lambda x: x % 5 == 0)])


def _filter(rng, xs):
    name, keep = _condition(rng)
    ys = [x for x in xs if keep(x)]
    kind = rng.choice(["list", "list", "count", "sum", "sort", "range"])
    if kind == "list":
        return f"List the {name}", [], _text(ys)
    steps = [f"Kept: {_text(ys)}"]
    if kind == "count":
        return f"Count the {name}", steps, len(ys)
    if kind == "sort":
        return f"List the {name} from smallest to largest", steps, _text(sorted(ys))
    if len(ys) < 2:
        return f"Count the {name}", steps, len(ys)
    if kind == "range":
        line = f"{max(ys)} - {min(ys)} = {max(ys) - min(ys)}"
        return f"Find the largest minus the smallest of the {name}", [*steps, line], max(ys) - min(ys)
    lines, total = _running_sum(ys)
    return f"Add up the {name}", [*steps, *lines], total


def _total(rng, xs):
    if rng.random() < 0.5:
        lines, total = _running_sum(xs)
        return "Add up the numbers", lines, total
    return "Find the largest minus the smallest", [f"{max(xs)} - {min(xs)} = {max(xs) - min(xs)}"], max(xs) - min(xs)


def make(rng):
    xs = [rng.randint(1, 99) for _ in range(rng.choice([3, 4, 4, 5, 5, 6]))]
    task = rng.choices([_order, _pick, _filter, _total], [3, 2, 5, 3])[0]
    if task is _total:
        xs = xs[:5]
    what, steps, answer = task(rng, xs)
    shown = (", " if rng.random() < 0.5 else " ").join(map(str, xs))
    prompt = rng.choice(ASK).format(what=what, xs=shown)
    return worked("lists", task.__name__.strip("_"), _text(xs), prompt, steps, answer)
