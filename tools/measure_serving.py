#!/usr/bin/env python3
"""What serving several requests at once costs, for whet and for llama-server on the same file.

    measure_serving.py MODEL.gguf --whet WHET --llama-server LLAMA_SERVER [-o FILE.json] [--only NAME ...] [--rounds 3]

Each measurement starts both servers anew, gives them the same work in alternating rounds, and keeps every round:

    throughput  1, 4 and 8 clients at once, each with a prompt of its own and 128 greedy tokens: tokens per second of all together
    gap         a stream of one client while another's prompt of 2,000 tokens arrives: longest gap between tokens
                over the median gap before
    prefix      time to first token of a prompt of 2,000 tokens, of a second one that begins the same way, and (whet) of one
                after a restart with --prefix-cache-dir
    turns       20 turns of a chat: prompt tokens that each turn computed (whet)

Both run with two threads and room for eight sequences. With -o the file is read first and each measurement replaces
the one of its name. Nothing else should run meanwhile.
"""

import argparse
import http.client
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, name, command):
        self.name, self.port = name, free_port()
        self.process = subprocess.Popen([*command, "--port", str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while True:
            if self.process.poll() is not None:
                raise SystemExit(f"{name} ended with status {self.process.returncode}: {' '.join(command)}")
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise SystemExit(f"{name} does not answer")
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def stream(self, prompt, n_tokens):
        """Raw completion, greedy: [seconds after the request at which each piece came], usage."""
        body = {"model": "m", "prompt": prompt, "max_tokens": n_tokens, "temperature": 0, "stream": True, "ignore_eos": True,
                "stream_options": {"include_usage": True}, "cache_prompt": True}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        begin = time.monotonic()
        connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise SystemExit(f"{self.name}: {response.status} {response.read()[:300]}")
        at, usage = [], {}
        for line in response:
            if not line.startswith(b"data: {"):
                continue
            chunk = json.loads(line[6:])
            usage = chunk.get("usage") or usage
            if chunk["choices"] and chunk["choices"][0].get("text") is not None and chunk["choices"][0].get("finish_reason") is None:
                at.append(time.monotonic() - begin)
        return at, usage


def prose(seed, n_words):
    """Text that no two seeds share a beginning of: plain words, about one token each."""
    words = ("river stone garden window market silver morning letter forest engine paper winter bridge color music number "
             "coffee doctor island camera summer planet circle copper butter animal shadow ticket basket orange").split()
    state = seed * 7919 + 17
    out = []
    for _ in range(n_words):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(words[(state >> 33) % len(words)])
    return f"Notebook {seed}. " + " ".join(out)


def throughput(servers, args, note):
    rows = []
    for n_clients in (1, 4, 8):
        for r in range(args.rounds):
            for server in servers:
                n_tokens = [0] * n_clients

                def work(i):
                    at, usage = server.stream(prose(1000 * r + 10 * n_clients + i, 100), 128)
                    n_tokens[i] = usage["completion_tokens"]

                threads = [threading.Thread(target=work, args=(i,)) for i in range(n_clients)]
                begin = time.monotonic()
                [t.start() for t in threads]
                [t.join() for t in threads]
                seconds = time.monotonic() - begin
                rows.append({"server": server.name, "clients": n_clients, "round": r, "tokens": sum(n_tokens), "seconds": seconds})
                note(f"{server.name:12} {n_clients} clients: {sum(n_tokens) / seconds:7.1f} tok/s")
    return rows


def gap(servers, args, note):
    rows = []
    for r in range(args.rounds):
        for server in servers:
            streamed = []
            stream = threading.Thread(target=lambda: streamed.extend(server.stream(prose(77 + r, 60), args.stream_tokens)[0]))
            begin = time.monotonic()
            stream.start()
            time.sleep(args.head_start)
            alone_until = time.monotonic() - begin
            at, usage = server.stream(prose(500 + r, args.long_words), 4)
            stream.join()
            gaps = [b - a for a, b in zip(streamed, streamed[1:])]
            alone = statistics.median(b - a for a, b in zip(streamed, streamed[1:]) if b < alone_until)
            rows.append({"server": server.name, "round": r, "prompt_tokens": usage["prompt_tokens"], "ttft_s": at[0],
                         "alone_gap_s": alone, "longest_gap_s": max(gaps)})
            note(f"{server.name:12} longest gap {max(gaps) * 1e3:7.1f} ms, median alone {alone * 1e3:6.1f}: {max(gaps) / alone:5.2f};"
                 f" prompt of {usage['prompt_tokens']} answered after {at[0]:.2f} s")
    return rows


def cached(usage):
    return (usage.get("prompt_tokens_details") or {}).get("cached_tokens")


def prefix(servers, args, note):
    rows = []
    for r in range(args.rounds):
        for server in servers:
            shared = prose(900 + r, args.long_words)
            for which, question in (("first", " What is it about?"), ("second", " Who wrote it?")):
                at, usage = server.stream(shared + question, 4)
                rows.append({"server": server.name, "round": r, "which": which, "prompt_tokens": usage["prompt_tokens"],
                             "cached_tokens": cached(usage), "ttft_s": at[0]})
                note(f"{server.name:12} {which:14} {at[0] * 1e3:8.1f} ms, {cached(usage)} of {usage['prompt_tokens']} cached")
    return rows


def restart(args, note):
    rows = []
    for r in range(args.rounds):
        with tempfile.TemporaryDirectory(dir=args.scratch) as directory:
            for which in ("first", "after restart"):
                server = whet_server(args, ["--prefix-cache-dir", directory])
                at, usage = server.stream(prose(950 + r, args.long_words) + " Tell.", 4)
                if which == "first":
                    wait_for_files(directory, usage["prompt_tokens"])
                server.stop()
                rows.append({"server": "whet", "round": r, "which": which, "prompt_tokens": usage["prompt_tokens"],
                             "cached_tokens": cached(usage), "ttft_s": at[0]})
                note(f"whet         {which:14} {at[0] * 1e3:8.1f} ms, {cached(usage)} of {usage['prompt_tokens']} cached")
    return rows


def wait_for_files(directory, n_tokens):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and sum(len(f) for _, _, f in os.walk(directory)) < n_tokens // 128:
        time.sleep(0.1)


def turns(args, note):
    server, rows, messages, n_before = whet_server(args, []), [], [], 0
    for turn in range(20):
        messages.append({"role": "user", "content": prose(turn, 30) + " Go on."})
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        body = {"model": "m", "messages": messages, "max_tokens": 48, "temperature": 0}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        reply = json.loads(connection.getresponse().read())
        messages.append({"role": "assistant", "content": reply["choices"][0]["message"]["content"]})
        usage = reply["usage"]
        n_computed = usage["prompt_tokens"] - (cached(usage) or 0)
        rows.append({"turn": turn + 1, "prompt_tokens": usage["prompt_tokens"], "computed_tokens": n_computed,
                     "new_tokens": usage["prompt_tokens"] - n_before})
        note(f"turn {turn + 1}: {usage['prompt_tokens']} tokens, computed {n_computed}, new {usage['prompt_tokens'] - n_before}")
        n_before = usage["prompt_tokens"] + usage["completion_tokens"]
    server.stop()
    return rows


def whet_server(args, more):
    return Server("whet", [args.whet, "serve", "-m", args.model, "--alias", "m", "-t", "2", "-c", "4096", *args.whet_flags.split(), *more])


def llama_server(args):
    return Server("llama-server", [args.llama_server, "-m", args.model, "-t", "2", "-np", "8", "-c", "32768", *args.llama_flags.split()])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--whet", default="whet")
    parser.add_argument("--llama-server", default="llama-server")
    parser.add_argument("--whet-flags", default="")
    parser.add_argument("--llama-flags", default="")
    parser.add_argument("-o", "--output")
    parser.add_argument("--only", nargs="*", default=["throughput", "gap", "prefix", "restart", "turns"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long-words", type=int, default=1900, help="words of the long prompts, about a token each")
    parser.add_argument("--stream-tokens", type=int, default=300, help="of the stream that a long prompt disturbs")
    parser.add_argument("--head-start", type=float, default=2, help="seconds that it has before")
    parser.add_argument("--scratch", help="directory of the prefix files; default: the system's temporary one")
    args = parser.parse_args()
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    document = {}
    if args.output and os.path.exists(args.output):
        document = json.load(open(args.output))
    model = os.path.basename(args.model)
    runs = document.setdefault(model, {})
    versions = {"whet": subprocess.run([args.whet, "--version"], capture_output=True, text=True).stdout.strip(),
                "llama-server": subprocess.run([args.llama_server, "--version"], capture_output=True, text=True).stderr.strip().split("\n")[0]}

    def note(text):
        print(text, flush=True)

    for name in args.only:
        if name in ("restart", "turns"):
            rows = {"restart": restart, "turns": turns}[name](args, note)
        else:
            servers = [whet_server(args, []), llama_server(args)]
            rows = {"throughput": throughput, "gap": gap, "prefix": prefix}[name](servers, args, note)
            [s.stop() for s in servers]
        runs[name] = {"cpu": cpu, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "versions": versions, "rows": rows}
        if args.output:
            with open(args.output + ".new", "w") as out:
                json.dump(document, out, indent=1)
                out.write("\n")
            os.replace(args.output + ".new", args.output)


if __name__ == "__main__":
    main()
