"""A function to be written: its specification, its two reference solutions and an oracle that is neither of them."""

import json
from dataclasses import dataclass
from typing import Callable

from .example import Example

RUST_PARAM = {"int": "i64", "list": "&[i64]", "str": "&str"}
RUST_RETURN = {"int": "i64", "list": "Vec<i64>", "str": "String", "bool": "bool"}
VERBS = ["get", "find", "make", "calc", "take", "run", "do", "my", "new", "the"]
NOUNS = ["value", "result", "total", "items", "score", "answer", "data", "number", "output", "part", "thing", "step"]
SHORT = ["f", "g", "h", "solve", "compute", "process", "apply", "check", "work"]
ASK = {"python": ["Write a Python function {call} that returns {what}.",
                  "Define a function {call} in Python. It returns {what}.",
                  "In Python, write {call}, which returns {what}."],
       "rust": ["Write a Rust function {call} that returns {what}.",
                "Define a function {call} in Rust. It returns {what}.",
                "In Rust, write {call}, which returns {what}."]}
TOO_LARGE = 2 ** 52


@dataclass(frozen=True)
class CodeTask:
    kind: str
    key: str | None        # None: a known function, so that only the prompt (name, example arguments) can be new
    what: str
    params: tuple          # of (name, type)
    returns: str
    python: tuple          # body lines, indented relative to the function
    rust: tuple
    oracle: Callable
    draw: Callable         # rng -> argument tuple
    edges: tuple = ()      # argument tuples that every hidden test includes


def literal(value, language, as_argument=True):
    """The value as source text; Rust tells a borrowed argument from an owned result."""
    if isinstance(value, bool):
        return str(value) if language == "python" else str(value).lower()
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        inner = ", ".join(map(str, value))
        if language == "python":
            return f"[{inner}]"
        return f"&[{inner}]" if as_argument else f"vec![{inner}]" if value else "Vec::<i64>::new()"
    return str(value)


def call_text(name, args, language):
    return f"{name}({', '.join(literal(a, language) for a in args)})"


def _name(rng):
    return rng.choice(SHORT) if rng.random() < 0.4 else f"{rng.choice(VERBS)}_{rng.choice(NOUNS)}"


def signature(task, name, language):
    if language == "python":
        return f"{name}({', '.join(p for p, _ in task.params)})"
    return f"{name}({', '.join(f'{p}: {RUST_PARAM[t]}' for p, t in task.params)}) -> {RUST_RETURN[task.returns]}"


def solution(task, name, language):
    if language == "python":
        lines = [f"def {signature(task, name, language)}:", *("    " + line for line in task.python)]
    else:
        lines = [f"fn {signature(task, name, language)} {{", *("    " + line for line in task.rust), "}"]
    return "\n".join([f"```{language}", *lines, "```"])


def _fits(value):
    numbers = value if isinstance(value, list) else [value]
    return all(isinstance(v, str) or abs(v) < TOO_LARGE for v in numbers)


def _assertion(task, name, args, language):
    call, value = call_text(name, args, language), task.oracle(*args)
    if language == "python":
        return f"assert {call} == {literal(value, language)}"
    return f"assert_eq!({call}, {literal(value, language, as_argument=False)});"


def draw_fitting(task, rng):
    while True:
        args = task.draw(rng)
        if _fits(task.oracle(*args)):
            return args


def _telling(task, rng):
    """Arguments for the public example: of a few draws the one with the least trivial result."""
    return max((draw_fitting(task, rng) for _ in range(3)), key=lambda a: len(str(task.oracle(*a))))


def render(rng, task, language, with_tests=False) -> Example:
    name = _name(rng)
    what = task.what
    shown = [_telling(task, rng) for _ in range(1 if len(task.params) == 1 and task.params[0][1] != "int" else 2)]
    prompt = rng.choice(ASK[language]).format(call=signature(task, name, language), what=what)
    for args in shown:
        value = literal(task.oracle(*args), language, as_argument=False)
        prompt += f"\nExample: {call_text(name, args, language)} -> {value}"
    grader = {}
    if with_tests:
        hidden = [*task.edges, *(draw_fitting(task, rng) for _ in range(8))]
        grader = {"type": language, "entry_point": name,
                  "examples": "".join(_assertion(task, name, a, language) + "\n" for a in shown),
                  "tests": "".join(_assertion(task, name, a, language) + "\n" for a in hidden)}
    return Example(language, task.kind, task.key or prompt, prompt, solution(task, name, language), grader)
