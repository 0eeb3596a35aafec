#!/usr/bin/env python3
"""Drives `whet serve` with the clients that people have: openai and ollama for Python and JavaScript, guidellm, lm-eval,
curl, and raw sockets.

    tests/clients/run.py [--whet build/dev/whet] [--model models/whetstone-2.8m-q8_0.gguf]

Makes a virtual environment, installs the packages, starts a server on a free port, checks and stops it. Needs a network (for
PyPI and npm) and Python 3.9 or later; what cannot be had is skipped, with a line that says so (of openai and ollama for
Python it is a failure). --quick leaves out the large packages, guidellm and lm-eval. Exits 1 when a check fails.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import traceback
import venv

import http_checks
import ollama_checks
import openai_checks
import program_checks
from program_checks import Skipped
from server_under_test import ROOT, Server

PACKAGES = ["openai>=1.66", "ollama>=0.4,<1"]
LARGE_PACKAGES = ["guidellm", "lm_eval[api]", "torch", "transformers", "accelerate"]
CHECKS = [*openai_checks.CHECKS, *ollama_checks.CHECKS, *program_checks.CHECKS, *http_checks.CHECKS]


def run_checks(arguments):
    failed = 0

    def check(name, function, argument):
        nonlocal failed
        try:
            function(argument)
            print(f"ok    {name}", flush=True)
        except Skipped as why:
            print(f"skip  {name}: {why}", flush=True)
        except Exception:  # the rest is checked all the same
            failed += 1
            print(f"FAIL  {name}\n{traceback.format_exc()}", flush=True)

    wanted = [c for c in CHECKS if re.search(arguments.only, c.__name__)]
    if wanted:
        server = Server(arguments.whet, arguments.model)
        for function in wanted:
            check(function.__name__, function, server)
        code = server.stop()
        if code != 0:
            failed += 1
            print(f"FAIL  exit status: expected 0, found {code}")
    if re.search(arguments.only, "drains_at_the_end"):
        check("drains_at_the_end", http_checks.drains_at_the_end, arguments)
    print(f"{failed} failed" if failed else "all passed")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whet", default=str(ROOT / "build/dev/whet"), help="the program")
    parser.add_argument("--model", default=str(ROOT / "models/whetstone-2.8m-q8_0.gguf"))
    parser.add_argument("--only", default="", help="checks whose name matches this pattern")
    parser.add_argument("--quick", action="store_true", help="without guidellm and lm-eval")
    parser.add_argument("--here", action="store_true",
                        help="use this Python's packages instead of a new virtual environment")
    arguments = parser.parse_args()
    if arguments.here:
        return run_checks(arguments)
    with tempfile.TemporaryDirectory() as directory:
        venv.create(directory, with_pip=True)
        python = os.path.join(directory, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
        for package in [] if arguments.quick else LARGE_PACKAGES:
            subprocess.run([python, "-m", "pip", "install", "-q", package])
        return subprocess.run([python, __file__, *sys.argv[1:], "--here"]).returncode


if __name__ == "__main__":
    sys.exit(main())
