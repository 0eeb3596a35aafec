#!/usr/bin/env python3
"""Breaks one line at a time and asks the tests of its room whether they see it.

    tools/mutate.py ROOM [ROOM ...] [-n 20] [--seed 1] [--files GLOB] [--preset dev] [--limit 300] [--skip 0] [--list]

Draws n mutants per room from its sources (not its tests): a comparison turned or moved by one, + for -, && for ||, a true
for a false, a constant one larger, min for max, a return or an update left out. Builds the room's test program with each
and runs it: "killed" (a test failed, it crashed or ran out of time), "survived" or "no build". Every survivor wants a test
or a reason. The source is restored at the end, and when interrupted.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS_ELSEWHERE = {"model": "load"}  # a graph computes nothing before a file is read
OPERATORS = [
    (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "), (r" == ", " != "), (r" != ", " == "),
    (r" && ", " || "), (r" \|\| ", " && "), (r" \+ ", " - "), (r" - ", " + "), (r" \* ", " / "), (r" / ", " * "),
    (r" \+= ", " -= "), (r" -= ", " += "), (r"\btrue\b", "false"), (r"\bfalse\b", "true"), (r"std::min\b", "std::max"),
    (r"std::max\b", "std::min"), (r"!(?=[a-z(])", ""), (r"(?<![\w.])1(?![\w.'])", "2"), (r"(?<![\w.])0(?![\w.'])", "1"),
    (r"^(\s+)(?:return|continue|break);$", r"\1;"), (r"^(\s+)\w[\w.\->\[\]]* [-+]?= [^=].*;$", r"\1;"),
]
SKIPPED = re.compile(r"^\s*(//|///|#|\*|template|using|namespace|case |static_assert|WHET_D?CHECK)|fmt::format|Error\(|\"")


def mutants_of(path):
    """(line number, operator, line, mutated line) of every place where an operator applies."""
    found = []
    for number, line in enumerate(path.read_text().splitlines()):
        code = line.split("//")[0].rstrip()
        if not code.startswith("  ") or SKIPPED.search(code):
            continue
        for pattern, replacement in OPERATORS:
            for match in re.finditer(pattern, code):
                mutated = code[:match.start()] + match.expand(replacement) + code[match.end():]
                if mutated != code:
                    found.append((number, line, mutated))
    return found


def run(command, limit):
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return None, ""


def slow_tests(program, limit):
    """The tests of a program that take over a second, as a gtest filter; None if one fails."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        if run([program, "--gtest_brief=1", f"--gtest_output=json:{report}"], limit)[0] != 0:
            return None
        suites = json.loads(report.read_text())["testsuites"]
    tests = [(f"{t['classname']}.{t['name']}", float(t["time"].rstrip("s"))) for s in suites for t in s["testsuite"]]
    return ":".join(name for name, seconds in tests if seconds > 1)


def run_tests(program, slow, limit):
    """Quick tests first: most mutants need no others."""
    for filter in [f"-{slow}", slow] if slow else ["*"]:
        status, output = run([program, "--gtest_brief=1", "--gtest_fail_fast", f"--gtest_filter={filter}"], limit)
        if status != 0:
            break
    return status, output


def first_failure(output):
    match = re.search(r"\[  FAILED  \] (\S+)", output)
    return match.group(1).rstrip(",") if match else "crash"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="+")
    parser.add_argument("-n", type=int, default=20, help="mutants per room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", default="*.cc", help="which sources of a room")
    parser.add_argument("--preset", default="dev")
    parser.add_argument("--limit", type=float, default=300, help="seconds of one run of the tests")
    parser.add_argument("--skip", type=int, default=0, help="go on behind so many mutants of a room: an earlier pass was stopped")
    parser.add_argument("--list", action="store_true", help="print the mutants and build nothing")
    args = parser.parse_args()
    counts = {"killed": 0, "survived": 0, "no build": 0}
    for room in args.rooms:
        sources = [p for p in sorted((ROOT / "src" / room).glob(args.files)) if not p.stem.endswith(("_test", "_bench", "_main"))]
        everything = [(p, *m) for p in sources for m in mutants_of(p)]
        chosen = random.Random(args.seed).sample(everything, min(args.n, len(everything)))[args.skip:]
        judge = TESTS_ELSEWHERE.get(room, room)
        target, program = f"whet_{judge}_tests", ROOT / f"build/{args.preset}/src/{judge}/whet_{judge}_tests"
        build = ["cmake", "--build", "--preset", args.preset, "--target", target]
        slow = None if args.list or run(build, None)[0] != 0 else slow_tests(program, args.limit)
        if not args.list and slow is None:
            sys.exit(f"{room}: its tests do not build and pass before anything is broken")
        for path, number, line, mutated in chosen:
            where = f"{path.relative_to(ROOT)}:{number + 1}"
            if args.list:
                print(f"{where}  {line.strip()}  ->  {mutated.strip()}")
                continue
            original = path.read_text()
            lines = original.splitlines(keepends=True)
            lines[number] = mutated + "\n"
            begin = time.monotonic()
            try:
                path.write_text("".join(lines))
                status, output = run(build, None)
                if status != 0:
                    verdict, by = "no build", ""
                else:
                    status, output = run_tests(program, slow, args.limit)
                    verdict = "survived" if status == 0 else "killed"
                    by = "time limit" if status is None else first_failure(output) if status != 0 else ""
            finally:
                path.write_text(original)
            counts[verdict] += 1
            print(f"{verdict:9} {where}  {line.strip()}  ->  {mutated.strip()}  {by}  {time.monotonic() - begin:.0f} s", flush=True)
        if not args.list:
            run(build, None)
    print(", ".join(f"{n} {what}" for what, n in counts.items()))


if __name__ == "__main__":
    main()
