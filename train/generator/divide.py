"""Division with remainder, worked as long division digit by digit, and the Euclidean algorithm."""

from .example import worked


def _long_division(n, d):
    """Lines `part = d * q + r`, from the most significant digit; leading parts below d are joined on."""
    lines, rest, quotient = [], 0, 0
    for digit in str(n):
        rest = rest * 10 + int(digit)
        quotient = quotient * 10 + rest // d
        if rest // d or quotient:
            lines.append(f"{rest} = {d} * {rest // d} + {rest % d}")
        rest %= d
    return lines or [f"{n} = {d} * 0 + {n}"], quotient, rest


def _numbers(rng):
    d = rng.choice([3, 4, 6, 7, 8, 9, 7, 8, 9, 11, 12, 13, 14, 15, 17, 18])
    return rng.randint(2 * d, rng.choice([99, 200, 999, 999])), d


def _remainder(rng):
    n, d = _numbers(rng)
    lines, _, rest = _long_division(n, d)
    ask = rng.choice(["What is the remainder when {n} is divided by {d}?", "What is {n} mod {d}?",
                      "Find the remainder of {n} divided by {d}."])
    return worked("divide", "remainder", f"{n}/{d}", ask.format(n=n, d=d), lines, rest)


def _quotient(rng):
    n, d = _numbers(rng)
    lines, quotient, _ = _long_division(n, d)
    ask = rng.choice(["How many whole times does {d} go into {n}?", "What is {n} divided by {d}, rounded down?"])
    return worked("divide", "quotient", f"{n}/{d}", ask.format(n=n, d=d), lines, quotient)


def _divisible(rng):
    n, d = _numbers(rng)
    if rng.random() < 0.5:
        n -= n % d
    lines, _, rest = _long_division(n, d)
    answer = "yes" if rest == 0 else "no"
    return worked("divide", "divisible", f"{n}/{d}", f"Is {n} divisible by {d}? Answer yes or no.", lines, answer)


def _gcd(rng):
    common = rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9])
    a, b = common * rng.randint(2, 20), common * rng.randint(2, 15)
    lines, x, y = [], max(a, b), min(a, b)
    while y:
        lines.append(f"{x} mod {y} = {x % y}")
        x, y = y, x % y
    ask = rng.choice(["What is the greatest common divisor of {} and {}?", "Find gcd({}, {})."])
    return worked("divide", "gcd", f"gcd {max(a, b)} {min(a, b)}", ask.format(a, b), lines, x)


def make(rng):
    return rng.choices([_remainder, _quotient, _divisible, _gcd], [4, 2, 2, 3])[0](rng)
