"""Multiplication by parts: one partial product per digit of the second factor, then their sum."""

from .example import worked

ASK = ["What is {} * {}?", "Multiply {} by {}.", "Compute {} * {}.", "Find the product of {} and {}."]


def _lines(a, b):
    """47 * 38 -> 47 * 30 = 1410, 47 * 8 = 376, 1410 + 376 = 1786."""
    places = [int(d) * 10 ** i for i, d in enumerate(reversed(str(b))) if d != "0"][::-1]
    lines, total = [], None
    for place in places:
        lines.append(f"{a} * {place} = {a * place}")
        if total is not None:
            lines.append(f"{total} + {a * place} = {total + a * place}")
        total = a * place if total is None else total + a * place
    return lines, total


def _two_by_one(rng):
    """The long factor is split, so it is the second one in the working."""
    return rng.randint(3, 9), rng.randint(11, 99)


def _two_by_two(rng):
    return rng.randint(11, 99), rng.randint(11, 99)


def _three_by_one(rng):
    return rng.randint(3, 9), rng.randint(101, 999)


def _three_by_two(rng):
    return rng.randint(101, 999), rng.randint(11, 99)


def make(rng):
    kind, draw = rng.choices([("2x1", _two_by_one), ("2x2", _two_by_two), ("3x1", _three_by_one),
                              ("3x2", _three_by_two)], [2, 4, 2, 3])[0]
    a, b = draw(rng)
    lines, product = _lines(a, b)
    shown = (b, a) if kind in ("2x1", "3x1") and rng.random() < 0.5 else (a, b)
    return worked("multiply", kind, f"{min(a, b)}x{max(a, b)}", rng.choice(ASK).format(*shown), lines, product)
