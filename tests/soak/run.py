#!/usr/bin/env python3
"""Wears on `whet serve`: many requests, most of them faulty, from many clients at once.

    tests/soak/run.py [--requests 100000] [--clients 16] [--whet build/release/whet] [--json FILE]

The requests are drawn from one seed: good ones of every dialect, wrong JSON, bodies that are far too large, clients that
leave in the middle of a prompt or an answer, that read nothing, that never end their header. Afterwards the server must be
alive, give the answers that it gave to a single quiet client at the start, and hold no more descriptors, connections,
threads or memory than after the first tenth. Exits 1 if not. Needs Python 3.9 and Linux, and no package.
"""
import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HUGE = 100 << 20
GROWTH_ALLOWED_BYTES = 24 << 20
PATIENCE_S = 600  # a machine that stands still for a while is no failure


class Server:
    def __init__(self, whet, model):
        self.process = subprocess.Popen(
            [whet, "serve", "-m", model, "--alias", "stone", "--port", "0", "-c", "512", "--timeout", "2",
             "--max-queue", "512"], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found.group(1))
                threading.Thread(target=self.process.stderr.read, daemon=True).start()
                return
        raise SystemExit("whet serve did not start")

    def post(self, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            text = body if isinstance(body, str) else json.dumps(body)
            connection.request("POST", path, text, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def status(self):
        """What may leak, as the kernel counts it."""
        proc = f"/proc/{self.process.pid}"
        text = pathlib.Path(proc, "status").read_text()
        return {"rss_bytes": int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) * 1024,
                "threads": int(re.search(r"Threads:\s+(\d+)", text).group(1)),
                "descriptors": len(os.listdir(f"{proc}/fd"))}

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return {name: float(value) for name, value in re.findall(r"^(whet_\w+) (\S+)$", text, re.M)}


def chat(i, **more):
    return {"model": "stone", "messages": [{"role": "user", "content": f"What is {i} * 4?"}], "max_tokens": 8, **more}


def framed(path, text, length=None):
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text) if length is None else length}\r\n\r\n{text}").encode()


def meaning(path, body):
    """What must not change: everything but times and numbers of the reply."""
    if path == "/v1/embeddings":
        return [item["embedding"] for item in json.loads(body)["data"]]
    if path.startswith("/v1/chat"):
        if body.startswith(b"{"):  # and not an event, or the comment that keeps a stream alive
            return [c["message"]["content"] for c in json.loads(body)["choices"]]
        events = [json.loads(e[6:]) for e in body.decode().split("\n\n") if e.startswith("data: {")]
        return "".join(c["delta"].get("content", "") for e in events for c in e["choices"])
    if path == "/api/generate":
        return "".join(json.loads(line)["response"] for line in body.decode().splitlines())
    return json.loads(body)


GOOD = [("/v1/chat/completions", lambda i: chat(i, temperature=0)),
        ("/v1/chat/completions", lambda i: chat(i, temperature=1, seed=i, n=3)),
        ("/v1/chat/completions", lambda i: chat(i, temperature=1, seed=i, stream=True)),
        ("/v1/chat/completions",
         lambda i: chat(i, seed=i, response_format={"type": "json_object"}, max_tokens=24)),
        ("/api/generate", lambda i: {"model": "stone", "prompt": f"Add {i} and 2.",
                                     "options": {"seed": i, "num_predict": 8}}),
        ("/v1/embeddings", lambda i: {"model": "stone", "input": [f"text {i}", "other"]}),
        ("/tokenize", lambda i: {"content": f"token {i}"})]
N_VARIANTS = 5


class Soak:
    def __init__(self, server):
        self.server = server
        self.expected = {}
        self.counts = collections.Counter()
        self.problems = []
        self.lock = threading.Lock()

    def note(self, kind, problem=None):
        with self.lock:
            self.counts[kind] += 1
            if problem is not None:
                self.problems.append(f"{kind}: {problem}")

    def learn(self):
        for k, (path, make) in enumerate(GOOD):
            for i in range(N_VARIANTS):
                status, body = self.server.post(path, make(i))
                assert status == 200, (path, status, body)
                self.expected[k, i] = meaning(path, body)

    def good(self, rng):
        k, i = rng.randrange(len(GOOD)), rng.randrange(N_VARIANTS)
        path, make = GOOD[k]
        status, body = self.server.post(path, make(i))
        found = meaning(path, body) if status == 200 else status
        self.note("good", None if found == self.expected[k, i] else f"{path} {i}: {str(found)[:200]}")

    def wrong(self, rng):
        text, expected = rng.choice([
            ("{", 400), ("[]", 400), ("", 400), ("[" * 5000, 400), ('{"model": 3}', 400), ("\u0000", 400),
            (json.dumps(chat(1, temperature=-1)), 400), (json.dumps(chat(1, n=0)), 400),
            (json.dumps(chat(1, max_tokens="x")), 400), (json.dumps(chat("x " * 4000)), 400),
            (json.dumps(chat(1, response_format={"type": "json_schema", "json_schema": {
                "schema": {"type": "array", "minItems": 3, "maxItems": 1}}})), 400),
            (json.dumps({**chat(1), "model": "absent"}), 404)])
        status, _ = self.server.post("/v1/chat/completions", text)
        self.note("wrong", None if status == expected else f"{text[:80]}: {status}, expected {expected}")

    def huge(self, rng):
        with self.server.connect() as client:
            client.sendall(framed("/v1/chat/completions", "", HUGE))
            try:
                for _ in range(rng.randrange(4)):
                    client.sendall(b"x" * (1 << 16))
            except OSError:
                pass  # it has answered and hung up
            head = client.recv(64)
            self.note("huge", None if head.startswith(b"HTTP/1.1 413 ") else head)

    def leaves_in_prompt(self, rng):
        with self.server.connect() as client:
            client.sendall(framed("/v1/chat/completions", json.dumps(chat("y " * rng.randrange(100, 240), stream=True))))
        self.note("leaves in the prompt")

    def leaves_in_answer(self, rng):
        body = json.dumps(chat(1, stream=True, max_tokens=200, ignore_eos=True, n=rng.randrange(1, 5)))
        with self.server.connect() as client:
            client.sendall(framed("/v1/chat/completions", body))
            head = client.recv(rng.randrange(1, 400))
        self.note("leaves in the answer", None if head else "no answer")

    def leaves_in_header(self, rng):
        with self.server.connect() as client:
            client.sendall(framed("/v1/chat/completions", json.dumps(chat(1)))[:rng.randrange(1, 200)])
        self.note("leaves in the request")

    def reads_slowly(self, rng):
        with self.server.connect() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.sendall(framed("/v1/chat/completions", json.dumps(chat(
                1, stream=True, max_tokens=100, ignore_eos=True, logprobs=True, top_logprobs=20))))
            for _ in range(rng.randrange(5)):
                client.recv(16)
        self.note("reads slowly")

    KINDS = [(good, 30), (wrong, 25), (leaves_in_prompt, 12), (leaves_in_answer, 10), (leaves_in_header, 15),
             (reads_slowly, 5), (huge, 3)]

    def client(self, seed, n):
        rng = random.Random(seed)
        kinds, weights = zip(*self.KINDS)
        for _ in range(n):
            kind = rng.choices(kinds, weights)[0]
            if sum(self.counts.values()) % 1000 == 999:
                print(f"{sum(self.counts.values()) + 1} requests, {self.server.status()}", file=sys.stderr, flush=True)
            try:
                kind(self, rng)
            except Exception as error:  # whatever it is, the others go on
                self.note(kind.__name__, repr(error))
            if len(self.problems) > 20:
                return

    def run(self, n_requests, n_clients, seed):
        threads = [threading.Thread(target=self.client, args=(seed * 1000 + i, n_requests // n_clients))
                   for i in range(n_clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def settle(self):
        """Waits until nothing is under way; those who left are noticed within a step."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            metrics = self.server.metrics()
            if metrics["whet_requests_running"] == 0 and metrics["whet_requests_waiting"] == 0 \
                    and self.server.status()["descriptors"] <= self.quiet["descriptors"]:
                return
            time.sleep(0.05)
        self.problems.append(f"not quiet within {PATIENCE_S} s: {self.server.status()}, {metrics}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whet", default=str(ROOT / "build/dev/whet"))
    parser.add_argument("--model", default=str(ROOT / "models/whetstone-draft-q8_0.gguf"))
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="where the figures go")
    arguments = parser.parse_args()

    server = Server(arguments.whet, arguments.model)
    soak = Soak(server)
    soak.learn()
    soak.quiet = server.status()
    begin = time.monotonic()
    first = arguments.requests // 10
    soak.run(first, arguments.clients, arguments.seed)
    soak.settle()
    warm = server.status()
    soak.run(arguments.requests - first, arguments.clients, arguments.seed + 1)
    soak.settle()
    seconds = time.monotonic() - begin
    last = server.status()
    quiet = Soak(server)
    quiet.learn()
    if quiet.expected != soak.expected:
        soak.problems.append("the answers of a quiet server changed")
    if server.process.poll() is not None:
        soak.problems.append(f"the server died: {server.process.returncode}")
    if last["rss_bytes"] - warm["rss_bytes"] > GROWTH_ALLOWED_BYTES:
        soak.problems.append(f"memory grew from {warm} to {last}")
    if last["threads"] > warm["threads"]:
        soak.problems.append(f"threads grew from {warm} to {last}")
    metrics = server.metrics()
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(PATIENCE_S)
    if code != 0:
        soak.problems.append(f"exit status {code}")
    version = subprocess.run([arguments.whet, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    figures = {"whet": version, "model": pathlib.Path(arguments.model).name, "seed": arguments.seed,
               "requests": sum(soak.counts.values()), "by_kind": dict(soak.counts), "clients": arguments.clients,
               "seconds": round(seconds, 1), "before": soak.quiet, "after_a_tenth": warm, "at_the_end": last,
               "metrics": {k: v for k, v in metrics.items() if not re.search("_(sum|count)$", k)},
               "problems": soak.problems}
    text = json.dumps(figures, indent=1)
    print(text)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(text + "\n")
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())
