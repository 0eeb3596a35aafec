#!/usr/bin/env python3
"""Runs Ollama's own integration tests against `whet serve`, and writes what passed.

    tests/foreign/run_ollama_tests.py --ollama OLLAMA_CHECKOUT [--whet PATH] [--model FILE] [--run PATTERN] [--json FILE]

Needs Go (or, as --binary, the tests as `go test -c -tags integration,fast ./integration` makes them). One model is served under
the names that the tests ask for; tests of words in an answer (why the sky is blue) say something only where the model can
give them. Nothing of Ollama is copied: the checkout is used where it lies. --table FILE prints the table of a run.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = ["llama3.2:1b", "llama3.2", "all-minilm"]  # of the tests that need no images, no sound and no other model


def serve(whet, model):
    command = [whet, "serve", "--port", "0", "--pull", "off"]
    for name in NAMES:
        command += ["-m", model, "--alias", name]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if found:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return process, int(found.group(1))
    raise SystemExit("whet serve did not start")


def run(arguments, port):
    if arguments.binary:
        tests = [str(pathlib.Path(arguments.binary).resolve()), "-test.v=test2json"]
        command = ["go", "tool", "test2json", *tests, "-test.run", arguments.run, "-test.timeout", f"{arguments.timeout}s"]
    else:
        command = ["go", "test", "-json", "-count", "1", "-tags", "integration,fast", "-run", arguments.run, "-timeout",
                   f"{arguments.timeout}s", "./integration"]
    directory = pathlib.Path(arguments.ollama, "integration" if arguments.binary else "")
    environment = {**os.environ, "OLLAMA_TEST_EXISTING": "1", "OLLAMA_HOST": f"http://127.0.0.1:{port}"}
    done = subprocess.run(command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True)
    results, said = {}, {}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        test = event.get("Test")
        if event["Action"] == "output" and re.match(r"\s+\w+\.go:\d+: ", event["Output"]):
            said.setdefault(test, event["Output"].strip())
        if test and event["Action"] in ("pass", "fail", "skip"):
            results[test] = {"state": event["Action"], "why": said.get(test, "")[:200] if event["Action"] != "pass" else ""}
    # A test that holds others tells nothing that they do not.
    return {test: result for test, result in results.items() if not any(t.startswith(test + "/") for t in results)}


def table(found):
    lines = ["| Test of Ollama's | Result | What it said |", "|---|---|---|"]
    for test, result in sorted(found["results"].items()):
        lines.append(f"| {test} | {result['state']} | {result['why'].replace('|', '/')[:110]} |")
    return "\n".join(lines)


def main():
    if sys.argv[1:2] == ["--table"]:
        return print(table(json.loads(pathlib.Path(sys.argv[2]).read_text())))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ollama", required=True, help="checkout of Ollama")
    parser.add_argument("--binary", help="its compiled tests")
    parser.add_argument("--whet", default=str(ROOT / "build/dev/whet"))
    parser.add_argument("--model", default=str(ROOT / "models/whetstone-2.8m-q8_0.gguf"))
    parser.add_argument("--run", default="TestAPI|TestBasic|TestContext|TestConcurrency|TestEmbedding", help="as go test's -run")
    parser.add_argument("--timeout", type=int, default=900)
    parser.add_argument("--json", default=str(ROOT / "docs/runs/ollama-tests.json"))
    arguments = parser.parse_args()
    process, port = serve(arguments.whet, arguments.model)
    try:
        found = {"suite": "Ollama integration, tags integration,fast", "model": pathlib.Path(arguments.model).name,
                 "results": run(arguments, port)}
    finally:
        process.terminate()
        process.wait(60)
    states = [r["state"] for r in found["results"].values()]
    print({s: states.count(s) for s in sorted(set(states))})
    pathlib.Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
