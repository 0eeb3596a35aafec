#!/usr/bin/env python3
"""Time to first token and between tokens of `whet serve` and llama-server on one file, at several numbers of clients, and
what HTTP adds to a request.

    tools/serve_latency.py --model FILE --llama-server PATH [--whet build/release/whet] [--json FILE] [--seconds 12]

The servers run one after the other, in turns, with the same threads; every client asks for 32 tokens behind a prompt of its
own, as soon as its last answer ended. What HTTP adds is the time that a client waits beyond what the engine reports for the
request (prompt_ms + predicted_ms). Run it on a machine that does nothing else. `--table FILE` prints the table of a run.
"""
import argparse
import http.client
import json
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
CLIENTS = [1, 4, 8, 16]
N_TOKENS = 32
WORDS = "river stone bridge winter market paper window garden engine signal copper velvet lantern harbour meadow".split()


def start(command, port):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        if process.poll() is not None:
            raise SystemExit(f"{command[0]} ended: {process.returncode}")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return process
        except OSError:
            pass
        time.sleep(0.05)


def body(rng, stream):
    text = "Tell a story with these words: " + " ".join(rng.choice(WORDS) for _ in range(48))
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": N_TOKENS,
                       "ignore_eos": True, "temperature": 0, "stream": stream, "cache_prompt": False})


def client(port, seed, end, first, between):
    rng = random.Random(seed)
    while time.monotonic() < end:
        began = time.monotonic()
        # A connection for each: llama-server closes its own behind a stream.
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        connection.request("POST", "/v1/chat/completions", body(rng, True), {"Content-Type": "application/json"})
        reply, last = connection.getresponse(), None
        for line in reply:
            if b'"content":"' not in line or b'"content":""' in line:
                continue
            now = time.monotonic()
            if last is None:
                first.append(now - began)
            else:
                between.append(now - last)
            last = now
        connection.close()


def measure(port, n_clients, seconds, seed):
    first, between = [], []
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=client, args=(port, seed * 100 + i, end, first, between)) for i in range(n_clients)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"clients": n_clients, "wall_s": time.monotonic() - began, "ttft_s": first, "itl_s": between}


def overhead(port, n):
    """On a bare socket, so that as little as can be of it is the client's own time."""
    rng, waits = random.Random(7), []
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(n):
            text = json.dumps({"model": "m", "prompt": f"{rng.random()}", "max_tokens": 2, "temperature": 0})
            request = (f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       f"Content-Length: {len(text)}\r\n\r\n{text}").encode()
            began = time.monotonic()
            connection.sendall(request)
            reply = b""
            while not reply.endswith(b"}}"):  # of the timings, which come last
                reply += connection.recv(1 << 16)
            waited_ms = (time.monotonic() - began) * 1e3
            timings = json.loads(reply[reply.index(b"\r\n\r\n"):])["timings"]
            waits.append(waited_ms - timings["prompt_ms"] - timings["predicted_ms"])
    return waits


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(p / 100 * len(values)))]


def table(run):
    lines = ["| Clients | Server | Requests | TTFT p50 | TTFT p99 | ITL p50 | ITL p99 | tokens/s |", "|---|---|---|---|---|---|---|---|"]
    for result in sorted(run["results"], key=lambda r: (r["clients"], r["server"])):
        first, between = result["ttft_s"], result["itl_s"]
        ms = [f"{percentile(v, p) * 1e3:.0f} ms" if len(v) >= (100 if p == 99 else 1) else f"n = {len(v)}"
              for v in (first, between) for p in (50, 99)]
        rate = (len(first) + len(between)) / result["wall_s"]
        lines.append(f"| {result['clients']} | {result['server']} | {len(first)} | {' | '.join(ms)} | {rate:.1f} |")
    waits = run["http_overhead_ms"]
    lines.append(f"\nHTTP adds {statistics.median(waits):.2f} ms at p50 and {percentile(waits, 99):.2f} ms at p99 "
                 f"(n = {len(waits)}, `whet serve`, one client).")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model")
    parser.add_argument("--llama-server")
    parser.add_argument("--whet", default=str(ROOT / "build/release/whet"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--json", default="serve-latency.json")
    parser.add_argument("--table")
    arguments = parser.parse_args()
    if arguments.table:
        print(table(json.loads(pathlib.Path(arguments.table).read_text())))
        return
    threads = str(arguments.threads)
    commands = {"whet": [arguments.whet, "serve", "-m", arguments.model, "--port", "18441", "-t", threads, "-a", "m"],
                "llama-server": [arguments.llama_server, "-m", arguments.model, "--port", "18442", "-t", threads, "-np", "16",
                                 "-c", "16384", "-a", "m", "--no-webui"]}
    ports = {"whet": 18441, "llama-server": 18442}
    run = {"model": pathlib.Path(arguments.model).name, "threads": arguments.threads, "n_tokens": N_TOKENS,
           "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "results": []}
    for seed, n_clients in enumerate(CLIENTS):
        for server in sorted(commands, reverse=seed % 2 == 0):
            process = start(commands[server], ports[server])
            measure(ports[server], 1, 0.5, 99)  # warm
            result = measure(ports[server], n_clients, arguments.seconds, seed)
            run["results"].append({"server": server, **result})
            if server == "whet" and n_clients == CLIENTS[0]:
                run["http_overhead_ms"] = overhead(ports[server], 200)
            process.terminate()
            process.wait()
            print(server, n_clients, len(result["ttft_s"]), file=sys.stderr, flush=True)
    pathlib.Path(arguments.json).write_text(json.dumps(run) + "\n")
    print(table(run))


if __name__ == "__main__":
    main()
