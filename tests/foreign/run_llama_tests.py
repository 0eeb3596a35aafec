#!/usr/bin/env python3
"""Runs llama.cpp's server tests against `whet serve` and against llama-server, on one model, and writes what passed.

    tests/foreign/run_llama_tests.py --llama LLAMA_CPP_CHECKOUT --llama-server PATH [--whet PATH] [--json FILE]

Needs what tools/server/tests/requirements.txt of the checkout names. The tests expect certain models of a hub, and words of
their answers; one model stands for all of them here, so only a test that llama-server itself passes with it says anything.
Nothing of llama.cpp is copied: the checkout is used where it lies. --table FILE prints the table of a run.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Files of what whet serve has; the others test LoRA, images, MCP, routers and the like.
FILES = ["basic", "chat_completion", "completion", "compat_oai_responses", "ctx_shift", "embedding", "ignore_eos", "metrics",
         "security", "slot_save", "stream", "template", "tokenize", "tool_call"]


def run(tests, kind, server, model, timeout_s, select):
    with tempfile.TemporaryDirectory() as name:
        xml_file = pathlib.Path(name, "results.xml")
        # The shared set-up starts every preset, some of which need models of another kind.
        plugin = pathlib.Path(name, "whet_foreign_plugin.py")
        plugin.write_text("import utils\nutils.ServerPreset.load_all = staticmethod(lambda: None)\n")
        environment = {**os.environ, "WHET_FOREIGN_KIND": kind, "WHET_FOREIGN_SERVER": str(server),
                       "WHET_FOREIGN_MODEL": str(model), "PORT": "18090",
                       "PYTHONPATH": f"{name}:{tests}",
                       "LLAMA_SERVER_BIN_PATH": str(ROOT / "tests/foreign/llama_server_shim.py")}
        subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "whet_foreign_plugin", "-p", "no:cacheprovider",
                        "-m", "not slow", "--tb=line", f"--junitxml={xml_file}", *(["-k", select] if select else []),
                        *[f"unit/test_{f}.py" for f in FILES]],
                       cwd=tests, env=environment, timeout=timeout_s, stdout=subprocess.DEVNULL)
        results = {}
        for case in xml.etree.ElementTree.parse(xml_file).getroot().iter("testcase"):
            name = case.get("classname").split(".")[-1] + "::" + case.get("name")
            state = next((c.tag for c in case if c.tag in ("failure", "error", "skipped")), "passed")
            why = next((c.get("message") or c.text or "" for c in case if c.tag in ("failure", "error", "skipped")), "")
            results[name] = {"state": state, "why": re.sub(r"\s+", " ", why)[:200]}
        return results


def table(found):
    """Per file: passed by llama-server, of these by whet, and each of the rest with its reason."""
    files, rest = {}, []
    for name, theirs in found["llama"].items():
        counts = files.setdefault(name.split("::")[0], [0, 0])
        ours = found["whet"].get(name, {"state": "missing", "why": ""})
        if theirs["state"] != "passed":
            continue
        counts[0] += 1
        counts[1] += ours["state"] == "passed"
        if ours["state"] != "passed":
            rest.append((name, ours["why"].replace("|", "/")[:110]))
    lines = ["| Tests | llama-server passes | of these, whet passes |", "|---|---|---|"]
    lines += [f"| {name} | {theirs} | {ours} |" for name, (theirs, ours) in sorted(files.items())]
    totals = [sum(c[i] for c in files.values()) for i in (0, 1)]
    lines += [f"| all | {totals[0]} | {totals[1]} |", "", "| Failed | What it found |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {why} |" for name, why in sorted(rest)])


def main():
    if sys.argv[1:2] == ["--table"]:
        return print(table(json.loads(pathlib.Path(sys.argv[2]).read_text())))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llama", required=True, help="checkout of llama.cpp")
    parser.add_argument("--llama-server", required=True)
    parser.add_argument("--whet", default=str(ROOT / "build/dev/whet"))
    parser.add_argument("--model", default=str(ROOT / "models/whetstone-draft-q8_0.gguf"))
    parser.add_argument("--select", default="", help="as pytest's -k")
    parser.add_argument("--timeout", type=int, default=1800)
    parser.add_argument("--json", default=str(ROOT / "docs/runs/llama-server-tests.json"))
    arguments = parser.parse_args()
    tests = pathlib.Path(arguments.llama, "tools/server/tests").resolve()
    commit = subprocess.run(["git", "-C", arguments.llama, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    found = {"suite": "llama.cpp tools/server/tests", "commit": commit, "model": pathlib.Path(arguments.model).name}
    for kind, server in (("llama", arguments.llama_server), ("whet", arguments.whet)):
        found[kind] = run(tests, kind, server, arguments.model, arguments.timeout, arguments.select)
        states = [r["state"] for r in found[kind].values()]
        print(kind, {s: states.count(s) for s in sorted(set(states))}, flush=True)
    pathlib.Path(arguments.json).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
