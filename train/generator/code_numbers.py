"""Functions of integers: counts and sums over a range, over digits and over divisors, and formulas with a choice."""

from .code import CodeTask
from .code_parts import condition, of_numbers, rust_condition, term


def _fold(rng, kind, what, numbers, python_loop, rust_loop, values, draw, edges):
    """sum / count / product of a term over the x of a loop that satisfy a condition."""
    c = condition(rng, signed=False)
    reduce = rng.choice(["sum", "sum", "count"])
    t = term(rng, plain=1.0 if reduce == "count" else 0.4)
    kept = lambda n: [t.means(x) for x in values(n) if c.means(x)]
    add = f"total += {t.code}" if reduce == "sum" else "total += 1"
    head, tail = python_loop
    python = ("total = 0", *head, f"    if {c.code}:", f"        {add}", *tail, "return total")
    head, tail = rust_loop
    rust = ("let mut total = 0;", *head, f"    if {rust_condition(c.code)} {{", f"        {add};", "    }", *tail,
            "}", "total")
    if reduce == "sum":
        text = f"the sum of {of_numbers(t, f'{c.phrase} {what}')}"
        oracle = lambda n: sum(kept(n))
    else:
        text = f"how many {c.phrase} there are {what}"
        oracle = lambda n: len(kept(n))
    text = text.replace("numbers", numbers)
    return CodeTask(kind, f"{kind} {reduce}({t.shape}, {c.shape})", text, (("n", "int"),), "int", python, rust, oracle,
                    draw, edges)


def _range(rng):
    start = rng.choice([1, 1, 1, 2, 3, 5])
    return _fold(rng, "range", f"from {start} to n", "numbers", ((f"for x in range({start}, n + 1):",), ()),
                 ((f"for x in {start}..=n {{",), ()), lambda n: range(start, n + 1),
                 lambda r: (r.randint(4, 30),), ((0,), (1,), (2,), (50,)))


def _below(rng):
    return _fold(rng, "below", "from 0 up to but not including n", "numbers", (("for x in range(n):",), ()),
                 (("for x in 0..n {",), ()), lambda n: range(n), lambda r: (r.randint(4, 30),),
                 ((0,), (1,), (2,), (50,)))


def _digits(rng):
    python = (("while n > 0:", "    x = n % 10"), ("    n //= 10",))
    rust = (("let mut n = n;", "while n > 0 {", "    let x = n % 10;"), ("    n /= 10;",))
    return _fold(rng, "digits", "among the digits of n", "digits", python, rust, lambda n: map(int, str(n)) if n else [],
                 lambda r: (r.randint(10, 99999),), ((7,), (10,), (90210,), (123456789,)))


def _divisors(rng):
    python = (("for x in range(1, n + 1):", "    if n % x != 0:", "        continue"), ())
    rust = (("for x in 1..=n {", "    if n % x != 0 {", "        continue;", "    }"), ())
    return _fold(rng, "divisors", "among the divisors of n", "numbers", python, rust,
                 lambda n: [x for x in range(1, n + 1) if n % x == 0], lambda r: (r.randint(6, 120),),
                 ((1,), (2,), (36,), (97,)))


def _linear(rng):
    """A small expression in a and b: (code, meaning)."""
    k, m = rng.randint(2, 12), rng.randint(2, 9)
    return rng.choice([
        ("a + b", lambda a, b: a + b), ("a - b", lambda a, b: a - b), ("b - a", lambda a, b: b - a),
        ("a * b", lambda a, b: a * b), (f"a + {k}", lambda a, b: a + k), (f"b - {k}", lambda a, b: b - k),
        (f"{m} * a", lambda a, b: m * a), (f"{m} * a + b", lambda a, b: m * a + b),
        (f"a * b - {k}", lambda a, b: a * b - k), (f"{m} * b - a", lambda a, b: m * b - a), ("a * a + b", lambda a, b:
         a * a + b), ("a * a - b * b", lambda a, b: a * a - b * b)])


def _shape(code):
    return "".join("k" if c.isdigit() else c for c in code)


def _test(rng):
    k, d = rng.randint(2, 20), rng.randint(2, 9)
    return rng.choice([("a > b", "a is greater than b", lambda a, b: a > b),
                       ("a < b", "a is less than b", lambda a, b: a < b),
                       ("a == b", "a equals b", lambda a, b: a == b),
                       (f"a > {k}", f"a is greater than {k}", lambda a, b: a > k),
                       (f"b < {k}", f"b is less than {k}", lambda a, b: b < k),
                       (f"a + b > {k}", f"a plus b is greater than {k}", lambda a, b: a + b > k),
                       (f"a % {d} == 0", f"a is divisible by {d}", lambda a, b: a % d == 0),
                       (f"b % {d} == 0", f"b is divisible by {d}", lambda a, b: b % d == 0)])


def _choice(rng):
    """if / else over two integers, sometimes with a third branch."""
    draw = lambda r: (r.randint(0, 25), r.randint(0, 25))
    edges = ((0, 0), (5, 5), (3, 8), (20, 1), (6, 12))
    c, c_text, c_means = _test(rng)
    x, y, z = _linear(rng), _linear(rng), _linear(rng)
    while len({x[0], y[0], z[0]}) < 3:
        x, y, z = _linear(rng), _linear(rng), _linear(rng)
    if rng.random() < 0.6:
        return CodeTask("choice", f"choice({_shape(c)}, {_shape(x[0])}, {_shape(y[0])})",
                        f"{x[0]} if {c_text}, otherwise {y[0]}", (("a", "int"), ("b", "int")), "int",
                        (f"if {c}:", f"    return {x[0]}", f"return {y[0]}"),
                        (f"if {c} {{", f"    {x[0]}", "} else {", f"    {y[0]}", "}"),
                        lambda a, b: x[1](a, b) if c_means(a, b) else y[1](a, b), draw, edges)
    e, e_text, e_means = _test(rng)
    while e == c:
        e, e_text, e_means = _test(rng)
    return CodeTask("choice3", f"choice({_shape(c)}, {_shape(x[0])}, {_shape(e)}, {_shape(y[0])}, {_shape(z[0])})",
                    f"{x[0]} if {c_text}, else {y[0]} if {e_text}, otherwise {z[0]}",
                    (("a", "int"), ("b", "int")), "int",
                    (f"if {c}:", f"    return {x[0]}", f"if {e}:", f"    return {y[0]}", f"return {z[0]}"),
                    (f"if {c} {{", f"    {x[0]}", f"}} else if {e} {{", f"    {y[0]}", "} else {", f"    {z[0]}", "}"),
                    lambda a, b: x[1](a, b) if c_means(a, b) else y[1](a, b) if e_means(a, b) else z[1](a, b), draw,
                    edges)


def _clamp(rng):
    lo, k = rng.randint(-9, 12), rng.randint(4, 40)
    hi = lo + k
    t = term(rng, plain=0.3, small=True)
    code = t.code.replace("x", "n")
    inner = f"({code})" if " " in code else code
    return CodeTask("clamp", f"clamp({t.shape}, {lo}, {hi})",
                    f"{code} limited to the range from {lo} to {hi}", (("n", "int"),), "int",
                    (f"return max({lo}, min({hi}, {code}))",), (f"{inner}.clamp({lo}, {hi})",),
                    lambda n: max(lo, min(hi, t.means(n))), lambda r: (r.randint(-20, 60),),
                    ((lo,), (hi,), (0,), (100,), (-100,)))


def make(rng):
    return rng.choices([_range, _below, _digits, _divisors, _choice, _clamp], [3, 2, 3, 2, 4, 1])[0](rng)
