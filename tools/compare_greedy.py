#!/usr/bin/env python3
"""Compares 300 greedy steps of whet with llama.cpp on the same file, token by token.

    python3 tools/compare_greedy.py WHET LLAMA_SERVER MODEL.gguf... [--steps 300] [--threads 1]

Both answer llama-server's /completion. whet continues a text greedily; llama.cpp gets the same ids before each step and says how
likely whet's next token is and which it would have taken. Prints the mean difference of those log-probabilities, the largest, and
where the two would have gone apart, with llama.cpp's margin there: activations round differently, so only near ties may part.
"""

import argparse
import inspect
import json
import subprocess
import time
import urllib.error
import urllib.request

PROMPT = ("The history of computing is longer than that of electronic computers. Long before the first machine that could store its "
          "own program was built, people")


def post(port, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=1200) as reply:
        return json.load(reply)


class Server:
    def __init__(self, command, port):
        self.port = port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        while True:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.process.args[0]} ended with {self.process.returncode}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as reply:
                    if reply.status == 200:
                        return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def compare(args, model):
    port = args.port
    common = ["-m", model, "-t", str(args.threads), "-c", "1024"]
    with Server([args.whet, "serve", *common, "--port", str(port)], port):
        prompt = post(port, "/tokenize", {"content": PROMPT, "add_special": True})["tokens"]
        reply = post(port, "/completion", {"prompt": prompt, "n_predict": args.steps, "temperature": 0, "n_probs": 1,
                                           "ignore_eos": True})
    steps = [(p["id"], p["logprob"]) for p in reply["completion_probabilities"]]
    differences, parted = [], []
    with Server([args.llama_server, *common, "--port", str(port + 1), "-np", "1", "--no-webui", "-fa", "off"], port + 1):
        ids = list(prompt)
        for i, (token, logprob) in enumerate(steps):
            step = post(port + 1, "/completion", {"prompt": ids, "n_predict": 1, "temperature": 0, "n_probs": 20,
                                                  "cache_prompt": True, "ignore_eos": True})["completion_probabilities"][0]
            top = {p["id"]: p["logprob"] for p in step["top_logprobs"]}
            best = max(top, key=top.get)
            if token not in top:
                raise SystemExit(f"{model}: step {i}: whet's token {token} is not among llama.cpp's first 20")
            differences.append(abs(top[token] - logprob))
            if best != token:
                parted.append((i, top[best] - top[token]))
            ids.append(token)
    name = model.rsplit("/", 1)[-1]
    print(f"{name}: {len(steps)} steps, mean difference {sum(differences) / len(differences):.4f}, largest {max(differences):.3f}, "
          f"other first choices {[(i, round(margin, 3)) for i, margin in parted]}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("whet")
    parser.add_argument("llama_server")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--port", type=int, default=9521)
    args = parser.parse_args()
    for model in args.models:
        compare(args, model)


if __name__ == "__main__":
    main()
