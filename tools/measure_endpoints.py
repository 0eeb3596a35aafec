#!/usr/bin/env python3
"""Engines behind their HTTP interfaces, as `whet bench serve` and `whet eval` see them.

    tools/measure_endpoints.py MODEL.gguf... --whet WHET --llama-server LLAMA_SERVER [-o FILE.json] [--only table|shared|queued]

    table   one `whet bench serve` run over whet serve by OpenAI's interface and by Ollama's and over llama-server, all with two
            threads and room for eight requests: rounds alternate, prompts share no beginning
    shared  a strategy of eight samples (majority-voting) on one server and on two, each pinned to one core with one thread; runs
            alternate, a seed each, and each server is the one in turn. They share the machine's memory bandwidth and caches, which
            two machines would not
    queued  the same with one request at a time for each server (by Ollama's interface, which has no n), so that no batch on the one
            server saves what the other would

With -o the file is read first and what was measured is replaced. Nothing else should run meanwhile.
"""

import argparse
import inspect
import json
import random
import subprocess
import tempfile
from pathlib import Path

from measure_serving import Server

ROOT = Path(__file__).resolve().parent.parent


def table(args, model):
    common = ["-m", model, "-t", "2", "-np", "8", "-c", "4096", "--alias", "m"]
    ours = Server("whet", [args.whet, "serve", *common])
    theirs = Server("llama-server", [args.llama_server, *common, "--no-webui"])
    try:
        command = ["bench", "serve", f"http://127.0.0.1:{ours.port}/v1#m", f"http://127.0.0.1:{theirs.port}/v1#m",
                   f"ollama://127.0.0.1:{ours.port}/m", "--concurrency", args.concurrency, "-n", str(args.requests), "-p", "96", "-o", "32",
                   "--rounds", "3", "--warmup", "1", "--format", "json"]
        run = subprocess.run([args.whet, *command], check=True, stdout=subprocess.PIPE, text=True)
    finally:
        ours.stop()
        theirs.stop()
    versions = {name: subprocess.run([program, "--version"], capture_output=True, text=True) for name, program in
                (("whet", args.whet), ("llama-server", args.llama_server))}
    return {"command": command, "rows": json.loads(run.stdout),
            "versions": {name: (said.stdout + said.stderr).strip().split("\n")[0] for name, said in versions.items()}}


def tasks_of(args, addresses, seed, flags):
    """(seconds, tokens) of each task."""
    with tempfile.TemporaryDirectory() as out:
        more = [word for address in addresses[1:] for word in ("--endpoint", address)]
        subprocess.run([args.whet, "eval", addresses[0], *more, "--strategies", "majority-voting", "-n", str(args.tasks), "--seeds", str(seed),
                        "--tasks", ",".join(str(ROOT / "tasks" / f"{f}.jsonl") for f in ("chain", "story", "multiply", "lists")),
                        "--max-tokens", "64", "--no-controls", "--no-charts", *flags, "-o", out + "/run"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        events = [json.loads(line) for line in (Path(out) / "run/events.jsonl").read_text().splitlines()[1:]]
    return {e["task"]: ((e["end_ns"] - e["start_ns"]) / 1e9, e["completion_tokens"]) for e in events if not e["warmup"]}


def shared(args, model, scheme="http", path="/v1#m", flags=()):
    servers = [Server("whet", ["taskset", "-c", str(core), args.whet, "serve", "-m", model, "-t", "1", "-c", "4096", "--alias", "m"])
               for core in (0, 1)]
    try:
        addresses = [f"{scheme}://127.0.0.1:{server.port}{path}" for server in servers]
        rows = []
        for seed in range(1, args.seeds + 1):
            alone = addresses[seed % 2:][:1]  # cores are not alike either
            order = [alone, addresses] if seed % 4 < 2 else [addresses, alone]
            runs = {len(used): tasks_of(args, used, seed, flags) for used in order}
            one, two = runs[1], runs[2]
            rows += [{"task": t, "seed": seed, "one_s": one[t][0], "two_s": two[t][0], "one_tokens": one[t][1], "two_tokens": two[t][1]}
                     for t in one]
    finally:
        for server in servers:
            server.stop()
    ratio = lambda some: sum(r["two_s"] for r in some) / sum(r["one_s"] for r in some)
    dice = random.Random(1)
    boot = sorted(ratio(dice.choices(rows, k=len(rows))) for _ in range(2000))
    print(f"two over one: time {ratio(rows):.3f} ({boot[50]:.3f} - {boot[1949]:.3f}), "
          f"tokens {sum(r['two_tokens'] for r in rows) / sum(r['one_tokens'] for r in rows):.3f}, {len(rows)} tasks")
    return {"rows": rows, "ratio": ratio(rows), "interval": [boot[50], boot[1949]]}


def queued(args, model):
    return shared(args, model, "ollama", "/m", ("--endpoint-parallel", "1"))


def main():
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--whet", required=True)
    parser.add_argument("--llama-server", required=True)
    parser.add_argument("-o", "--output")
    parser.add_argument("--only", choices=["table", "shared", "queued"])
    parser.add_argument("--requests", type=int, default=48)
    parser.add_argument("--concurrency", default="1,4,8")
    parser.add_argument("--tasks", type=int, default=8, help="of the strategy")
    parser.add_argument("--seeds", type=int, default=4)
    args = parser.parse_args()
    path = Path(args.output) if args.output else None
    runs = json.loads(path.read_text()) if path and path.exists() else {}
    for model in args.models:
        for name, measure in (("table", table), ("shared", shared), ("queued", queued)):
            if args.only in (None, name):
                runs.setdefault(Path(model).name, {})[name] = measure(args, model)
        if path:
            path.write_text(json.dumps(runs, indent=1) + "\n")
    if not path:
        print(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
