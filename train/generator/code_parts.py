"""Conditions and terms that read the same in Python and in Rust, with their meaning as a Python callable."""

from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Part:
    shape: str       # without constants: what a held-out composition is made of
    phrase: str
    code: str        # over the variable x; Python and Rust agree on it
    means: Callable


def condition(rng, signed=True):
    """'the {phrase}' numbers: a test on x."""
    k, d = rng.randint(2, 20), rng.choice([2, 3, 4, 5, 6, 7, 8, 9, 10])
    lo = rng.randint(1, 9)
    hi = lo + rng.randint(3, 12)
    parts = [
        Part("even", "even numbers", "x % 2 == 0", lambda x: x % 2 == 0),
        Part("odd", "odd numbers", "x % 2 != 0", lambda x: x % 2 != 0),
        Part("gt", f"numbers greater than {k}", f"x > {k}", lambda x: x > k),
        Part("lt", f"numbers less than {k}", f"x < {k}", lambda x: x < k),
        Part("ge", f"numbers that are at least {k}", f"x >= {k}", lambda x: x >= k),
        Part("le", f"numbers that are at most {k}", f"x <= {k}", lambda x: x <= k),
        Part("div", f"multiples of {d}", f"x % {d} == 0", lambda x: x % d == 0),
        Part("ndiv", f"numbers not divisible by {d}", f"x % {d} != 0", lambda x: x % d != 0),
        Part("ne", f"numbers other than {k}", f"x != {k}", lambda x: x != k),
        Part("between", f"numbers from {lo} to {hi}", f"x >= {lo} and x <= {hi}", lambda x: lo <= x <= hi),
    ]
    if signed:
        parts += [Part("pos", "positive numbers", "x > 0", lambda x: x > 0),
                  Part("neg", "negative numbers", "x < 0", lambda x: x < 0)]
    return rng.choice(parts)


def term(rng, plain=0.3, small=False):
    """'the {phrase}' of a number: a value computed from x. An empty phrase is the number itself."""
    if rng.random() < plain:
        return Part("x", "", "x", lambda x: x)
    k, m = rng.randint(2, 12), rng.randint(2, 9)
    parts = [
        Part("mul", f"{m} times the", f"{m} * x", lambda x: m * x),
        Part("add", f"the number plus {k}", f"x + {k}", lambda x: x + k),
        Part("sub", f"the number minus {k}", f"x - {k}", lambda x: x - k),
        Part("rsub", f"{k} minus the number", f"{k} - x", lambda x: k - x),
        Part("muladd", f"{m} times the number plus {k}", f"{m} * x + {k}", lambda x: m * x + k),
        Part("square", "square", "x * x", lambda x: x * x),
    ]
    if not small:
        parts += [Part("cube", "cube", "x * x * x", lambda x: x * x * x),
                  Part("squareadd", f"the square plus {k}", f"x * x + {k}", lambda x: x * x + k)]
    return rng.choice(parts)


def of_numbers(t, numbers):
    """English for the term over a set of numbers: 'the squares of the even numbers'."""
    if not t.phrase:
        return f"the {numbers}"
    if t.shape in ("square", "cube"):
        return f"the {t.phrase}s of the {numbers}"
    return f"{t.code} for each x of the {numbers}"


def rust_condition(code):
    return code.replace(" and ", " && ").replace(" or ", " || ")
