#!/usr/bin/env python3
"""Grades the same tasks at temperature 0 with whet's engine and, through their HTTP interfaces, with other engines on the same file.

    tools/compare_engines.py WHET LLAMA_SERVER MODEL.gguf [-n 32] [--max-tokens 96] [--tasks FILES] [--keep DIRECTORY]

`whet eval` runs four times: on the file itself, on whet serve by OpenAI's interface and by Ollama's, and on llama-server. Every
answer is compared with that of the file. Where one differs, the step at which the texts part is looked up in whet's
log-probabilities: engines round activations differently, so they may part where two tokens are nearly as likely, and nowhere else.
Status 1: a text parts at a step that is no near tie, or a grade differs although the text is the same.
"""

import argparse
import inspect
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from compare_greedy import Server

ROOT = Path(__file__).resolve().parent.parent
NEAR_TIE = 0.5  # nats; the largest difference that tools/compare_greedy.py finds between the engines is of this size
FAMILIES = ["multiply", "chain", "story", "lists", "divide", "clock", "compare", "python"]


def post(port, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=1200) as reply:
        return json.load(reply)


def evaluate(args, model, out):
    subprocess.run([args.whet, "eval", model, "--strategies", "greedy", "--tasks", args.tasks, "-n", str(args.n), "-o", out,
                    "--max-tokens", str(args.max_tokens), "--warmup", "0", "--no-controls", "--no-charts",
                    *(["-t", str(args.threads)] if model == args.model else ["--endpoint-parallel", "1"])],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    runs = {}
    for line in (Path(out) / "events.jsonl").read_text().splitlines()[1:]:
        event = json.loads(line)
        if event.get("error"):
            raise SystemExit(f"{model}: {event['task']}: {event['error']}")
        runs[event["task"]] = event
    return runs


def steps_of(args, port, question):
    """whet's greedy answer as [(bytes, [(bytes, log-probability), ...])]."""
    reply = post(port, "/v1/chat/completions", {"messages": [{"role": "user", "content": question}], "temperature": 0,
                                                "max_tokens": args.max_tokens, "logprobs": True, "top_logprobs": 20})
    as_bytes = lambda entry: bytes(entry["bytes"] or [])
    return [(as_bytes(t), [(as_bytes(o), o["logprob"]) for o in t["top_logprobs"]]) for t in reply["choices"][0]["logprobs"]["content"]]


def margin(steps, ours, theirs):
    """Where the texts part: (step, whet's token, the other, how much likelier the former is by whet); None: nowhere in them."""
    ours, theirs, at = ours.encode(), theirs.encode(), 0
    if not b"".join(t for t, _ in steps).startswith(ours):
        raise SystemExit(f"expected whet serve to answer as the file does:\n{ours}\n{b''.join(t for t, _ in steps)}")
    starts = []
    for i, (token, _) in enumerate(steps):
        starts.append(at)
        if theirs[at:at + len(token)] != token or not token:
            break
        at += len(token)
    else:
        return len(steps), b"", theirs[at:at + 12], float("inf")
    # Theirs may have been another token before the one that differs: " There" where ours was " ", or " remain" and "ders" where ours was
    # " remainder". Of the tokens by which their text goes on, it was the one that is likeliest beside ours.
    found = []
    for i in range(max(0, len(starts) - 4), len(starts)):
        token, top = steps[i]
        rest = theirs[starts[i]:]
        # An answer that ended here took the end of text, a token without bytes.
        found += [(dict(top)[token] - p, i, t) for t, p in top if t != token and (rest.startswith(t) if t and rest else not t and not rest)]
    if found:
        gap, i, other = min(found)
        return i, steps[i][0], other, gap
    return len(starts) - 1, steps[len(starts) - 1][0], theirs[at:at + 12], float("inf")


def report(args, name, local, other, port):
    same_text = same_grade = right = 0
    failures, parted = [], []
    for task, ours in local.items():
        theirs = other[task]
        alike = ours["grade"]["status"] == theirs["grade"]["status"]
        right += theirs["grade"]["status"] == "correct"
        same_grade += alike
        if ours["answer"] == theirs["answer"]:
            same_text += 1
            if not alike:
                failures.append(f"{task}: one text, two grades: {ours['grade']}, {theirs['grade']}")
            continue
        step, a, b, gap = margin(steps_of(args, port, ours["question"]), ours["answer"], theirs["answer"])
        line = f"{task} parts at token {step}: {a!r} or {b!r}, {gap:.3f} nats apart{'' if alike else '; graded otherwise'}"
        parted.append((gap, line))
        if gap > NEAR_TIE:
            failures.append(line)
    largest = max((gap for gap, _ in parted), default=0)
    print(f"| {name} | {right}/{len(local)} | {same_grade}/{len(local)} | {same_text}/{len(local)} | "
          f"{largest:.3f} |" if parted else f"| {name} | {right}/{len(local)} | {same_grade}/{len(local)} | {same_text}/{len(local)} | – |")
    for _, line in parted:
        print("  " + line, file=sys.stderr)
    return failures


def main():
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("whet")
    parser.add_argument("llama_server")
    parser.add_argument("model")
    parser.add_argument("-n", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tasks", default=",".join(str(ROOT / "tasks" / f"{f}.jsonl") for f in FAMILIES))
    parser.add_argument("--port", type=int, default=9541)
    parser.add_argument("--keep", help="directory for the results of whet eval, which whet diff and whet report read")
    args = parser.parse_args()
    out = Path(args.keep or tempfile.mkdtemp(prefix="whet-engines-"))
    common = ["-m", args.model, "-t", str(args.threads), "-c", "2048", "-np", "1"]
    ours, theirs = args.port, args.port + 1
    with Server([args.whet, "serve", *common, "--alias", "m", "--port", str(ours)], ours), \
         Server([args.llama_server, *common, "--alias", "m", "--port", str(theirs), "--no-webui", "-fa", "off"], theirs):
        ways = {"the file": args.model, "whet serve, OpenAI's interface": f"http://127.0.0.1:{ours}/v1#m",
                "whet serve, Ollama's interface": f"ollama://127.0.0.1:{ours}/m", "llama-server": f"http://127.0.0.1:{theirs}/v1#m"}
        runs = {way: evaluate(args, model, str(out / str(i))) for i, (way, model) in enumerate(ways.items())}
        print("| engine | right | same grade | same text | largest margin where texts part, nats |\n|---|---:|---:|---:|---:|")
        failures = [line for way in ways for line in report(args, way, runs["the file"], runs[way], ours)]
    if failures:
        sys.exit("not near ties:\n" + "\n".join(failures))


if __name__ == "__main__":
    main()
