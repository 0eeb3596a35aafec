"""Chained arithmetic: one line per operation, the running value carried from line to line."""

from .example import worked

STEP_WORDS = {"+": ["Add {}", "Then add {}"], "-": ["Subtract {}", "Take away {}"], "*": ["Multiply by {}", "Times {}"]}
ASK = ["Compute {}.", "What is {}?", "Work out {}.", "Calculate {} step by step."]


def _apply(op, a, b):
    return a + b if op == "+" else a - b if op == "-" else a * b


def _operands(rng, n_ops, operators="+++---*"):
    """A start value and `n_ops` (operator, operand) pairs whose running value stays between 0 and 999."""
    top = rng.choice([50, 99, 99, 300, 300])
    while True:
        start = rng.randint(2, top)
        value, pairs = start, []
        for _ in range(n_ops):
            op = rng.choice(operators)
            b = rng.randint(2, 9) if op == "*" else rng.randint(2, top)
            value = _apply(op, value, b)
            pairs.append((op, b))
        running, ok = start, True
        for op, b in pairs:
            running = _apply(op, running, b)
            ok &= 0 <= running <= 999
        if ok:
            return start, pairs


def _steps_of(start, pairs):
    lines, value = [], start
    for op, b in pairs:
        result = _apply(op, value, b)
        lines.append(f"{value} {op} {b} = {result}")
        value = result
    return lines, value


def _story(rng):
    start, pairs = _operands(rng, rng.choice([2, 3, 3, 4, 4]))
    words = ". ".join(rng.choice(STEP_WORDS[op]).format(b) for op, b in pairs)
    end = rng.choice(["What is the result?", "What do you get?", "Give the final number."])
    lines, value = _steps_of(start, pairs)
    key = f"{start} " + " ".join(f"{op}{b}" for op, b in pairs)
    return worked("chain", "story", key, f"Start with {start}. {words}. {end}", lines, value)


def _sum(rng):
    start, pairs = _operands(rng, rng.choice([2, 3, 3]), "++-")
    text = f"{start}" + "".join(f" {op} {b}" for op, b in pairs)
    lines, value = _steps_of(start, pairs)
    return worked("chain", "sum", text, rng.choice(ASK).format(text), lines, value)


def _precedence(rng):
    a, b, c, d = rng.randint(2, 99), rng.randint(2, 30), rng.randint(2, 9), rng.randint(2, 99)
    op1, op2 = rng.choice("+-"), rng.choice("+-")
    if _apply(op1, a, b * c) < (d if op2 == "-" else 0):
        op1 = op2 = "+"
    text = f"{a} {op1} {b} * {c} {op2} {d}"
    p = b * c
    q = _apply(op1, a, p)
    r = _apply(op2, q, d)
    lines = [f"{b} * {c} = {p}", f"{a} {op1} {p} = {q}", f"{q} {op2} {d} = {r}"]
    return worked("chain", "precedence", text, rng.choice(ASK).format(text), lines, r)


def _brackets(rng):
    a, b, c, d = rng.randint(2, 40), rng.randint(2, 20), rng.randint(2, 9), rng.randint(2, 40)
    op = "+" if b >= a else rng.choice("+-")
    p = _apply(op, a, b)
    text = f"({a} {op} {b}) * {c} + {d}"
    lines = [f"{a} {op} {b} = {p}", f"{p} * {c} = {p * c}", f"{p * c} + {d} = {p * c + d}"]
    return worked("chain", "brackets", text, rng.choice(ASK).format(text), lines, p * c + d)


def make(rng):
    return rng.choices([_story, _sum, _precedence, _brackets], [4, 3, 2, 2])[0](rng)
