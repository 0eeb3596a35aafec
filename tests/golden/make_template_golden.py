"""Writes templates.json: what jinja2, configured as Hugging Face transformers configures it for chat
templates, makes of conversations, of small templates for each construct and of random expressions.

    python make_template_golden.py [DIRECTORY OF MODEL TEMPLATES]

Deterministic: fixed seed, fixed date. Needs jinja2 3.1. Without the directory, the expectations for
its files are kept from the present templates.json.
"""

import copy
import datetime
import json
import pathlib
import sys
import warnings

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

from template_cases import CASES, VARIABLES
from template_conversations import CONVERSATIONS, MODEL_TEMPLATES, RUNS
from template_random import random_cases

HERE = pathlib.Path(__file__).parent
NOW = datetime.datetime(2024, 9, 3, 14, 5, 6)


class Generation(jinja2.ext.Extension):
    """{% generation %}: marks assistant text for training; prints its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(
            x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )

    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda format: NOW.strftime(format)
    return env


ENVIRONMENT = environment()


def render(source, variables):
    """{"text": ...}, or {"error": the exception's class}."""
    variables = copy.deepcopy(variables)  # list|indent appends to its list before it fails
    try:
        return {"text": ENVIRONMENT.from_string(source).render(**variables)}
    except Exception as error:  # jinja2 lets TypeError, ValueError, ... of Python through
        return {"error": type(error).__name__}


def chat_runs(source):
    runs = []
    for run in RUNS:
        variables = {
            "messages": CONVERSATIONS[run["conversation"]],
            "tools": None,
            "documents": None,
            "add_generation_prompt": run["add_generation_prompt"],
            "bos_token": "<s>",
            "eos_token": "</s>",
        }
        variables.update(run.get("extra", {}))
        runs.append(render(source, variables))
    return runs


def main():
    warnings.simplefilter("ignore")  # of the code that jinja2 generates, e.g. for 1[0]
    path = HERE / "templates.json"
    shared = json.loads(path.read_text())["shared"] if path.exists() else {}
    if len(sys.argv) > 1:
        files = sorted(pathlib.Path(sys.argv[1]).glob("*.jinja"))
        shared = {file.name: chat_runs(file.read_text()) for file in files}
    golden = {
        "now": NOW.isoformat(),
        "conversations": CONVERSATIONS,
        "runs": RUNS,
        "models": {
            name: {"source": source, "runs": chat_runs(source)}
            for name, source in MODEL_TEMPLATES.items()
        },
        "shared": shared,
        "variables": VARIABLES,
        "cases": [{"source": source, **render(source, VARIABLES)} for source in CASES],
        "random": random_results(),
    }
    path.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
    errors = sum("error" in case for case in golden["cases"])
    print(f"{len(golden['cases'])} cases ({errors} errors), {len(golden['random'])} random")


def random_results():
    """Most random expressions are type errors; a few of those are enough."""
    cases = [{"source": source, **render(source, VARIABLES)} for source in random_cases()]
    errors = [case for case in cases if "error" in case]
    return [case for case in cases if "text" in case and comparable(case)] + errors[:400]


def comparable(result):
    """False for text that names an address or an int beyond 64 bits, which whet refuses."""
    text = result.get("text", "")
    digits = 0
    for c in text:
        digits = digits + 1 if c.isdigit() else 0
        if digits > 18:
            return False
    return " at 0x" not in text


if __name__ == "__main__":
    main()
