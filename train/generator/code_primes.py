"""Functions about primes and divisibility. The functions are known ones; only some conditions on them vary."""

from .code import CodeTask
from .code_parts import condition, rust_condition


def _is_prime(n):
    return n > 1 and all(n % d for d in range(2, int(n ** 0.5) + 1))


PYTHON_TEST = ("{pad}d = 2", "{pad}while d * d <= {n} and {n} % d != 0:", "{pad}    d += 1")
RUST_TEST = ("{pad}let mut d = 2;", "{pad}while d * d <= {n} && {n} % d != 0 {{", "{pad}    d += 1;", "{pad}}}")


def _search(lines, n, pad):
    return tuple(line.format(n=n, pad=pad) for line in lines)


def _primality(rng):
    negate = rng.random() < 0.4
    what = "true if n is {}a prime number".format("not " if negate else "")
    test = "n < 2 or d * d <= n" if negate else "n > 1 and d * d > n"
    return CodeTask("primality", None, what, (("n", "int"),), "bool",
                    (*_search(PYTHON_TEST, "n", ""), f"return {test}"),
                    (*_search(RUST_TEST, "n", ""), rust_condition(test)), lambda n: _is_prime(n) != negate,
                    lambda r: (r.randint(2, 120),), ((0,), (1,), (2,), (9,), (49,), (97,), (91,)))


def _primes_in_range(rng):
    """Count, sum or largest of the primes up to n that meet a condition."""
    c = condition(rng, signed=False)
    while "prime" in c.phrase or c.shape in ("even", "odd", "div"):
        c = condition(rng, signed=False)
    reduce = rng.choice(["sum", "count", "largest"])
    update = {"sum": "total += x", "count": "total += 1", "largest": "total = x"}[reduce]
    start = {"sum": "the sum of the primes", "count": "how many primes there are",
             "largest": "the largest of the primes, or 0 if there are none,"}[reduce]
    kept = lambda n: [x for x in range(2, n + 1) if _is_prime(x) and c.means(x)]
    oracle = {"sum": lambda n: sum(kept(n)), "count": lambda n: len(kept(n)),
              "largest": lambda n: max(kept(n), default=0)}[reduce]
    which = c.phrase.replace("numbers that are ", "").replace("numbers ", "")
    python = ("total = 0", "for x in range(2, n + 1):", *_search(PYTHON_TEST, "x", "    "),
              f"    if d * d > x and {c.code}:", f"        {update}", "return total")
    rust = ("let mut total = 0;", "for x in 2..=n {", *_search(RUST_TEST, "x", "    "),
            f"    if d * d > x && {rust_condition(c.code)} {{", f"        {update};", "    }", "}", "total")
    return CodeTask("primality", f"primes {reduce}({c.shape})", f"{start} from 2 to n that are {which}",
                    (("n", "int"),), "int", python, rust, oracle, lambda r: (r.randint(5, 60),),
                    ((0,), (1,), (2,), (3,), (100,)))


def _gcd(rng):
    lcm = rng.random() < 0.4
    what = f"the {'least common multiple' if lcm else 'greatest common divisor'} of a and b"
    gcd = lambda a, b: a if b == 0 else gcd(b, a % b)
    if lcm:
        return CodeTask("gcd", None, what, (("a", "int"), ("b", "int")), "int",
                        ("x, y = a, b", "while y != 0:", "    x, y = y, x % y", "return a // x * b"),
                        ("let (mut x, mut y) = (a, b);", "while y != 0 {", "    (x, y) = (y, x % y);", "}", "a / x * b"),
                        lambda a, b: a // gcd(a, b) * b, lambda r: (r.randint(2, 40), r.randint(2, 40)),
                        ((1, 1), (7, 7), (12, 18), (5, 9)))
    return CodeTask("gcd", None, what, (("a", "int"), ("b", "int")), "int",
                    ("while b != 0:", "    a, b = b, a % b", "return a"),
                    ("let (mut a, mut b) = (a, b);", "while b != 0 {", "    (a, b) = (b, a % b);", "}", "a"),
                    gcd, lambda r: (r.randint(2, 90), r.randint(2, 90)), ((1, 1), (7, 7), (48, 18), (5, 0)))


def make(rng):
    return rng.choices([_primality, _primes_in_range, _gcd], [2, 4, 1])[0](rng)
