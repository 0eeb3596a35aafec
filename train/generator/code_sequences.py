"""Functions about sequences: Fibonacci and its relatives, factorials, powers, Collatz. Their constants vary."""

from .code import CodeTask


def _pair(n, a, b, p=1, q=1):
    for _ in range(n):
        a, b = b, p * a + q * b
    return a


def _fibonacci(rng):
    """F(n), the same sequence from other starts, with factors, modulo m, or plus a constant."""
    a, b = rng.choice([(0, 1), (0, 1), (1, 1), (2, 1), (1, 2), (1, 3), (2, 3), (3, 4), (0, 2), (1, 4), (2, 5), (3, 1)])
    k, m = rng.randint(2, 30), rng.randint(3, 30)
    tail, tail_text, wrap = rng.choice([("", "", lambda v: v), ("", "", lambda v: v), (f" + {k}", f" plus {k}", lambda v:
                                        v + k), (f" % {m}", f" modulo {m}", lambda v: v % m)])
    q = rng.choice([1, 1, 1, 2, 3])
    step = "a + b" if q == 1 else f"a + {q} * b"
    if (a, b, q) == (0, 1, 1):
        what = f"the n-th Fibonacci number{tail_text}, counting F(0) = 0 and F(1) = 1"
    else:
        rule = "the sum of the two before it" if q == 1 else f"{q} times the one before it plus the one before that"
        what = f"term n{tail_text} of the sequence with terms 0 and 1 equal to {a} and {b} where each term is {rule}"
    python = (f"a, b = {a}, {b}", "for _ in range(n):", f"    a, b = b, {step}", f"return a{tail}")
    rust = (f"let (mut a, mut b) = ({a}, {b});", "for _ in 0..n {", f"    (a, b) = (b, {step});", "}", f"a{tail}")
    key = None if (a, b, q, tail) == (0, 1, 1, "") else f"fibonacci({a}, {b}, {q}, {tail})"
    return CodeTask("fibonacci", key, what, (("n", "int"),), "int", python, rust,
                    lambda n: wrap(_pair(n, a, b, 1, q)), lambda r: (r.randint(2, 12),), ((0,), (1,), (2,), (20,)))


def _fibonacci_fold(rng):
    """Sum or count of the Fibonacci numbers up to n that are even, odd or multiples."""
    d = rng.randint(2, 9)
    shape, text, code, keep = rng.choice([("all", "", "", lambda v: True),
                                          ("div", f" that are multiples of {d}", f"a % {d} == 0", lambda v: v % d == 0),
                                          ("ndiv", f" that are not divisible by {d}", f"a % {d} != 0",
                                           lambda v: v % d != 0)])
    reduce = rng.choice(["sum", "count"])
    update = "total += a" if reduce == "sum" else "total += 1"
    start = "the sum of the" if reduce == "sum" else "the count of the"

    def oracle(n):
        a, b, total = 1, 2, 0
        while a <= n:
            if keep(a):
                total += a if reduce == "sum" else 1
            a, b = b, a + b
        return total
    body = (f"    if {code}:", f"        {update}") if code else (f"    {update}",)
    rust_body = (f"    if {code} {{", f"        {update};", "    }") if code else (f"    {update};",)
    return CodeTask("fibonacci", None if shape == "all" else f"fibonacci {reduce}({shape}{d})",
                    f"{start} Fibonacci numbers 1, 2, 3, 5, 8, ... up to n{text}", (("n", "int"),), "int",
                    ("a, b, total = 1, 2, 0", "while a <= n:", *body, "    a, b = b, a + b", "return total"),
                    ("let (mut a, mut b, mut total) = (1, 2, 0);", "while a <= n {", *rust_body,
                     "    (a, b) = (b, a + b);", "}", "total"),
                    oracle, lambda r: (r.randint(5, 100),), ((0,), (1,), (2,), (8,), (1000,)))


def _product_up_to(rng):
    """Factorial and its relatives: the product of start, start + step, ... up to n."""
    start, step = rng.choice([(1, 1), (1, 1), (1, 2), (2, 2), (2, 3), (1, 3), (3, 2), (2, 1), (3, 1)])
    if (start, step) == (1, 1):
        what = "the factorial of n"
    else:
        what = f"the product of the numbers {start}, {start + step}, {start + 2 * step}, ... that are at most n"
    def oracle(n):
        out = 1
        for x in range(start, n + 1, step):
            out *= x
        return out
    python_step = f", {step}" if step > 1 else ""
    rust_range = f"({start}..=n).step_by({step})" if step > 1 else f"{start}..=n"
    return CodeTask("factorial", None if (start, step) == (1, 1) else f"factorial({start}, {step})", what, (("n", "int"),), "int",
                    ("result = 1", f"for x in range({start}, n + 1{python_step}):", "    result *= x", "return result"),
                    ("let mut result = 1;", f"for x in {rust_range} {{", "    result *= x;", "}", "result"),
                    oracle, lambda r: (r.randint(2, 10),), ((0,), (1,), (2,), (12,)))


def _collatz(rng):
    """Steps of n -> n / d or m * n + k until it reaches the target or a limit of steps."""
    m, k, limit = rng.choice([3, 3, 5]), rng.choice([1, 1, 3, 5, 7]), rng.choice([20, 30, 50, 100])

    def oracle(n):
        count = 0
        while n > 1 and count < limit:
            n = n // 2 if n % 2 == 0 else m * n + k
            count += 1
        return count
    return CodeTask("collatz", f"collatz({m}, {k}, {limit})",
                    f"how many steps it takes n to reach 1, at most {limit}, where an even n becomes n / 2 and an odd n "
                    f"becomes {m} * n + {k}", (("n", "int"),), "int",
                    ("count = 0", f"while n > 1 and count < {limit}:",
                     f"    n = n // 2 if n % 2 == 0 else {m} * n + {k}", "    count += 1", "return count"),
                    ("let mut n = n;", "let mut count = 0;", f"while n > 1 && count < {limit} {{",
                     f"    n = if n % 2 == 0 {{ n / 2 }} else {{ {m} * n + {k} }};", "    count += 1;", "}", "count"),
                    oracle, lambda r: (r.randint(2, 25),), ((1,), (2,), (7,), (16,)))


def make(rng):
    return rng.choices([_fibonacci, _fibonacci_fold, _product_up_to, _collatz], [5, 3, 1, 1])[0](rng)
