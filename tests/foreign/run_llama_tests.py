#!/usr/bin/env python3
"""Runs llama.cpp's server tests against `whet serve` and against llama-server, on one model, and writes what passed.

    tests/foreign/run_llama_tests.py --llama LLAMA_CPP_CHECKOUT --llama-server PATH [--whet PATH] [--json FILE]

Needs what tools/server/tests/requirements.txt of the checkout names. The tests expect certain models of a hub, and words of
their answers; one model stands for all of them here, so only a test that llama-server itself passes with it says anything.
Nothing of llama.cpp is copied: the checkout is used where it lies. --table FILE prints the table of a run.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Files of what whet serve has; the others test LoRA, images, MCP, routers and the like.
FILES = ["basic", "chat_completion", "completion", "compat_oai_responses", "ctx_shift", "embedding", "ignore_eos", "metrics",
         "security", "slot_save", "stream", "template", "tokenize", "tool_call"]


# The shared set-up starts every preset, some of which need models of another kind; and OpenAI's client asks for models of
# OpenAI's, whose names llama-server does not read: without a name both answer with the one that they serve.
PLUGIN = """
import openai
import utils

utils.ServerPreset.load_all = staticmethod(lambda: None)


class OfTheOneModel(openai.OpenAI):
    def _prepare_options(self, options):
        if isinstance(options.json_data, dict):
            options.json_data["model"] = ""
        return super()._prepare_options(options)


openai.OpenAI = OfTheOneModel
"""


def run_file(tests, file, environment, timeout_s, select):
    """{name of a test: its state and why}; a file that takes too long is one result."""
    with tempfile.TemporaryDirectory() as name:
        xml_file = pathlib.Path(name, "results.xml")
        pathlib.Path(name, "whet_foreign_plugin.py").write_text(PLUGIN)
        environment = {**environment, "PYTHONPATH": f"{name}:{tests}"}
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "whet_foreign_plugin", "-p", "no:cacheprovider", "-m", "not slow",
             "--tb=line", f"--junitxml={xml_file}", *(["-k", select] if select else []), f"unit/test_{file}.py"],
            cwd=tests, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # and the server that it started
            process.wait()
            return {f"test_{file}::all": {"state": "timeout", "why": f"not within {timeout_s} s"}}
        if not xml_file.exists():
            return {}  # nothing was selected
        results = {}
        for case in xml.etree.ElementTree.parse(xml_file).getroot().iter("testcase"):
            test = case.get("classname").split(".")[-1] + "::" + case.get("name")
            found = next((c for c in case if c.tag in ("failure", "error", "skipped")), None)
            why = "" if found is None else found.get("message") or found.text or ""
            results[test] = {"state": "passed" if found is None else found.tag, "why": re.sub(r"\s+", " ", why)[:200]}
        return results


def run(tests, kind, server, port, arguments):
    environment = {**os.environ, "WHET_FOREIGN_KIND": kind, "WHET_FOREIGN_SERVER": str(pathlib.Path(server).resolve()),
                   "WHET_FOREIGN_MODEL": str(pathlib.Path(arguments.model).resolve()), "PORT": str(port),
                   "LLAMA_SERVER_BIN_PATH": str(ROOT / "tests/foreign/llama_server_shim.py")}
    results = {}
    for file in arguments.files:
        results.update(run_file(tests, file, environment, arguments.timeout, arguments.select))
        print(kind, file, len(results), file=sys.stderr, flush=True)
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
    parser.add_argument("--files", nargs="+", default=FILES, help="of unit/test_*.py")
    parser.add_argument("--select", default="", help="as pytest's -k")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one file of tests")
    parser.add_argument("--json", default=str(ROOT / "docs/runs/llama-server-tests.json"))
    arguments = parser.parse_args()
    tests = pathlib.Path(arguments.llama, "tools/server/tests").resolve()
    commit = subprocess.run(["git", "-C", arguments.llama, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    found = {"suite": "llama.cpp tools/server/tests", "commit": commit, "model": pathlib.Path(arguments.model).name}
    servers = {"llama": (arguments.llama_server, 18090), "whet": (arguments.whet, 18091)}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = {kind: pool.submit(run, tests, kind, server, port, arguments)
                for kind, (server, port) in servers.items()}
    for kind in servers:
        found[kind] = runs[kind].result()
        states = [r["state"] for r in found[kind].values()]
        print(kind, {s: states.count(s) for s in sorted(set(states))}, flush=True)
    pathlib.Path(arguments.json).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
