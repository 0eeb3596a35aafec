"""Functions over a list: filter, map and reduce composed at random; two conditions; a branch per element."""

from .code import CodeTask
from .code_parts import condition, of_numbers, rust_condition, term


def _draw(rng):
    low = rng.choice([-20, 0, 0])
    return ([rng.randint(low, 25) for _ in range(rng.randint(3, 6))],)


EDGES = (([],), ([0],), ([1, 2, 3, 4, 5, 6],), ([12, -7, 9, 9, 20],))


def _product(values):
    out = 1
    for v in values:
        out *= v
    return out


def _filter_of(rng):
    """(shape, English plural, code, meaning); two conditions in three tenths of the cases."""
    a = condition(rng)
    if rng.random() < 0.7 or "numbers" not in a.phrase:
        return a.shape, f"{a.phrase} in xs", a.code, a.means
    b = condition(rng)
    while b.shape == a.shape or b.shape == "between":
        b = condition(rng)
    word = rng.choice(["and", "or"])
    code = f"({a.code}) {word} {b.code}" if a.shape == "between" and word == "or" else f"{a.code} {word} {b.code}"
    means = (lambda x: a.means(x) and b.means(x)) if word == "and" else (lambda x: a.means(x) or b.means(x))
    return f"{a.shape} {word} {b.shape}", f"numbers x in xs with {code}", code, means


def _comprehension(value, cond):
    return f"{value} for x in xs if {cond}"


def _chain(value, cond):
    text = f"xs.iter().filter(|&&x| {rust_condition(cond)})"
    return text + (".copied()" if value == "x" else f".map(|&x| {value})")


def _loop(init, update, cond):
    """The same fold as a loop in both languages."""
    name = init.split()[0]
    python = (init, "for x in xs:", f"    if {cond}:", f"        {update}", f"return {name}")
    rust = (f"let mut {init};", "for &x in xs {", f"    if {rust_condition(cond)} {{", f"        {update};", "    }",
            "}", name)
    return python, rust


def _fold(rng):
    shape, numbers, cond, keep = _filter_of(rng)
    reduce = rng.choice(["sum", "sum", "count", "max", "min", "product", "list", "list", "sorted", "reversed", "last",
                         "first", "any", "all"])
    t = term(rng, plain=1.0 if reduce in ("count", "any", "all") else 0.3, small=reduce == "product")
    v = t.code
    whose = of_numbers(t, numbers)
    key = f"{reduce}({t.shape}, {shape})"
    values = lambda xs: [t.means(x) for x in xs if keep(x)]
    gen, chain = _comprehension(v, cond), _chain(v, cond)
    returns = "int"
    if reduce == "sum":
        what, oracle = f"the sum of {whose}", lambda xs: sum(values(xs))
        python, rust = (f"return sum({gen})",), (f"{chain}.sum()",)
        if rng.random() < 0.4:
            python, rust = _loop("total = 0", f"total += {v}", cond)
    elif reduce == "count":
        what, oracle = f"how many {numbers.replace(' in xs', '')} there are in xs", lambda xs: len(values(xs))
        if " with " in numbers:
            what = f"the count of the {numbers}"
        python = (f"return sum(1 for x in xs if {cond})",)
        rust = (f"xs.iter().filter(|&&x| {rust_condition(cond)}).count() as i64",)
        if rng.random() < 0.4:
            python, rust = _loop("count = 0", "count += 1", cond)
    elif reduce in ("max", "min"):
        word = "largest" if reduce == "max" else "smallest"
        pick = max if reduce == "max" else min
        what = f"the {word} of {whose}, or 0 if there are none"
        oracle = lambda xs: pick(values(xs), default=0)
        python, rust = (f"return {reduce}(({gen}), default=0)",), (f"{chain}.{reduce}().unwrap_or(0)",)
    elif reduce == "product":
        what, oracle = f"the product of {whose}", lambda xs: _product(values(xs))
        python, rust = _loop("result = 1", f"result *= {v}", cond)
        if rng.random() < 0.4:
            rust = (f"{chain}.product()",)
    elif reduce == "list":
        returns, what, oracle = "list", f"a list of {whose}", values
        python, rust = (f"return [{gen}]",), (f"{chain}.collect()",)
    elif reduce == "sorted":
        returns = "list"
        down = rng.random() < 0.5
        what = f"a list of {whose}, sorted {'down' if down else 'up'}"
        key = f"sorted {'down' if down else 'up'}({t.shape}, {shape})"
        oracle = lambda xs: sorted(values(xs), reverse=down)
        python = (f"return sorted(({gen}), reverse=True)" if down else f"return sorted({gen})",)
        rust = (f"let mut ys: Vec<i64> = {chain}.collect();", "ys.sort();", *(("ys.reverse();",) if down else ()), "ys")
    elif reduce == "reversed":
        returns, what, oracle = "list", f"a list of {whose}, in reverse order", lambda xs: values(xs)[::-1]
        python = (f"return [{v} for x in xs[::-1] if {cond}]",)
        rust = (f"{chain.replace('iter()', 'iter().rev()')}.collect()",)
    elif reduce in ("last", "first"):
        at = -1 if reduce == "last" else 0
        what = f"the {reduce} of {whose}, or 0 if there are none"
        oracle = lambda xs: values(xs)[at] if values(xs) else 0
        python = (f"ys = [{gen}]", f"return ys[{at}] if ys else 0")
        rust = (f"{chain}.{'last' if at else 'next'}().unwrap_or(0)",)
    else:
        returns = "bool"
        if reduce == "any":
            what, oracle = f"true if xs holds any of the {numbers.replace(' in xs', '')}", lambda xs: any(map(keep, xs))
        else:
            what, oracle = f"true if all of xs are {numbers.replace(' in xs', '')}", lambda xs: all(map(keep, xs))
        if " with " in numbers:
            what = f"true if {reduce} x in xs has {cond}"
        python = (f"return {reduce}({cond} for x in xs)",)
        rust = (f"xs.iter().{reduce}(|&x| {rust_condition(cond)})",)
    return CodeTask("list-" + reduce, key, what, (("xs", "list"),), returns, python, rust, oracle, _draw, EDGES)


def _branch(rng):
    """For each element one of two terms, by a condition; summed or listed."""
    c = condition(rng)
    a, b = term(rng, plain=0.15, small=True), term(rng, plain=0.15, small=True)
    while b.code == a.code:
        b = term(rng, plain=0.15, small=True)
    value = lambda x: a.means(x) if c.means(x) else b.means(x)
    python_value = f"{a.code} if {c.code} else {b.code}"
    rust_value = f"if {rust_condition(c.code)} {{ {a.code} }} else {{ {b.code} }}"
    each = f"{a.code} for the {c.phrase} x in xs and {b.code} for all other x"
    reduce = rng.choice(["sum", "list"])
    key = f"branch {reduce}({c.shape}, {a.shape}, {b.shape})"
    if reduce == "list":
        return CodeTask("list-branch", key, f"a list with {each}", (("xs", "list"),), "list",
                        (f"return [{python_value} for x in xs]",),
                        (f"xs.iter().map(|&x| {rust_value}).collect()",),
                        lambda xs: [value(x) for x in xs], _draw, EDGES)
    python = ("total = 0", "for x in xs:", f"    if {c.code}:", f"        total += {a.code}", "    else:",
              f"        total += {b.code}", "return total")
    rust = ("let mut total = 0;", "for &x in xs {", f"    if {rust_condition(c.code)} {{",
            f"        total += {a.code};", "    } else {", f"        total += {b.code};", "    }", "}", "total")
    return CodeTask("list-branch", key, f"the sum of {each}", (("xs", "list"),), "int", python, rust,
                    lambda xs: sum(map(value, xs)), _draw, EDGES)


def make(rng):
    return (_branch if rng.random() < 0.25 else _fold)(rng)
