"""Seeded random expressions over the variables of template_cases."""

import random

SEED = 20240903
COUNT = 5000

# Variables instead of literals: jinja2 evaluates constant expressions when it compiles, with a few
# results of its own (none[1:] is then undefined instead of an error).
ATOMS = [
    "zero", "one", "two", "neg", "n", "quarter", "x", "real", "yes", "no", "nothing", "missing", "empty", "a", "s",
    "padded", "wide", "digits", "nums", "words", "d.b", "d.a", "nested", "users[0].age", "users[1].name", "no_list",
    "no_dict", "[one, 'b']", "(one, two)", "{'k': one}", "range(two)",
]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FILTERS = [
    "length", "upper", "lower", "trim", "string", "int", "float", "abs", "first", "last", "list", "join('-')", "join",
    "sort", "reverse|list", "unique|list", "default('dd')", "default('dd', true)", "title", "capitalize", "tojson",
    "replace('a', 'zz')", "round", "round(1)", "sum", "min", "max", "select|list", "reject|list", "map('string')|list",
    "indent(2)", "wordcount", "e", "batch(2)|list", "dictsort", "items|list",
]
TESTS = [
    "defined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "odd",
    "even", "true", "false", "divisibleby(2)", "eq(1)", "in([1, 'a'])", "lower", "upper", "undefined",
]
SUFFIXES = ["[0]", "[-1]", "[1:]", "[::-1]", "[:2]", ".name", "['k']", ".upper()", ".strip()", ".split(' ')", ".items()|list"]


def expression(rng, depth):
    if depth == 0:
        return rng.choice(ATOMS)
    kind = rng.random()
    inner = lambda: expression(rng, depth - 1)
    if kind < 0.34:
        return f"({inner()} {rng.choice(BINARY)} {inner()})"
    if kind < 0.56:
        return f"({inner()})|{rng.choice(FILTERS)}"
    if kind < 0.64:
        return f"({inner()} is {rng.choice(['', 'not '])}{rng.choice(TESTS)})"
    if kind < 0.72:
        return f"({inner()}){rng.choice(SUFFIXES)}"
    if kind < 0.78:
        return f"(not {inner()})"
    if kind < 0.84:
        return f"({inner()} if {inner()} else {inner()})"
    if kind < 0.90:
        return f"[{inner()}, {inner()}]"
    if kind < 0.94:
        return f"{{'k': {inner()}, 'j': {inner()}}}"
    if kind < 0.97:
        return f"({inner()} {rng.choice(['<', '<=', '==', '>', '!='])} {inner()} {rng.choice(['<', '==', '>='])} {inner()})"
    return f"-({inner()})"


def random_cases():
    rng = random.Random(SEED)
    return [f"{{{{ {expression(rng, rng.randint(1, 3))} }}}}" for _ in range(COUNT)]
