#!/usr/bin/env python3
"""Pulls a file again and again from a hub on this machine that fails as networks do, and kills whet at random points.

    pull_faults.py WHET [--pulls 200] [--mib 24] [--seed 1]

Each pull starts with an empty cache and is run, killed with SIGKILL after a random time and run again until it ends by
itself. The hub cuts connections, answers 429 with Retry-After and 500, redirects to another port, and lies about
bytes now and then; a file that came wrong twice is refused, and pulled again. Checked: the file is whole and the only one; the bytes that were sent do not exceed the
file by more than one part per connection and kill, what was cut, and the file once more after a lie.
"""
import argparse, hashlib, http.server, json, os, random, shutil, signal, subprocess, sys, tempfile, threading, time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("whet")
parser.add_argument("--pulls", type=int, default=200)
parser.add_argument("--mib", type=int, default=24)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()

PART, CONNECTIONS = 1 << 20, 4
dice = random.Random(args.seed)
lock = threading.Lock()
state = {}


def draw():
    with lock:
        return dice.random()


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        try:
            self.answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self):
        data = state["data"]
        if self.path.startswith("/api/"):
            lfs = {"sha256": state["sha256"], "size": len(data)}
            files = [{"rfilename": "m-Q4_K_M.gguf", "blobId": "0", "size": len(data), "lfs": lfs}]
            return self.reply(200, json.dumps({"sha": "c0ffee", "siblings": files}).encode())
        chance = draw()
        if chance < 0.05:
            return self.reply(429, b"slow down", [("Retry-After", "0")])
        if chance < 0.08:
            return self.reply(500, b"oops")
        if self.server is hub and chance < 0.6:
            return self.reply(302, b"", [("Location", f"http://127.0.0.1:{cdn.server_address[1]}{self.path}")])
        begin, end = (int(x) for x in self.headers["Range"][6:].split("-"))
        end = min(end + 1, len(data))
        piece = data[begin:end]
        if chance > 0.995 and len(piece) > 1:
            piece = bytes([piece[0] ^ 1]) + piece[1:]
            with lock:
                state["lies"] += 1
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(piece)))
        self.end_headers()
        cut = int(draw() * len(piece)) if draw() < 0.1 else len(piece)
        with lock:
            state["sent"] += cut if len(piece) > 1 else 0  # one byte is a look at the size
            state["cuts"] += cut < len(piece)
        for at in range(0, cut, 65536):
            self.wfile.write(piece[at:min(at + 65536, cut)])
            time.sleep(0.001)
        if cut < len(piece):
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


hub, cdn = Server(("127.0.0.1", 0), Hub), Server(("127.0.0.1", 0), Hub)
for server in (hub, cdn):
    threading.Thread(target=server.serve_forever, daemon=True).start()

n_kills = n_cuts = n_lies = n_refused = again = honest = 0
worst = 0.0  # parts fetched again for each connection that was broken
for pull in range(args.pulls):
    size = args.mib * (1 << 20) * (1 + pull % 3) // 3 + pull
    data = dice.randbytes(size)
    state.update(data=data, sha256=hashlib.sha256(data).hexdigest(), sent=0, cuts=0, lies=0)
    home = tempfile.mkdtemp(prefix="whet-pulls-")
    environment = dict(os.environ, HF_HOME=home, HF_ENDPOINT=f"http://127.0.0.1:{hub.server_address[1]}",
                       WHET_HUB_HOSTS=f"http://127.0.0.1:{cdn.server_address[1]}")
    command = [args.whet, "pull", "hf:user/repo", "--quiet", "--part-mib", "1", "--connections", str(CONNECTIONS)]
    kills = refused = 0
    while True:
        child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, error = child.communicate(timeout=0.02 + 0.3 * draw() if kills < 8 else None)
            # Wrong bytes in the second fetch too: refused and removed, as it should be.
            if child.returncode == 0 or state["lies"] < 2 * (refused + 1) or b"twice; what came was removed" not in error:
                break
            refused += 1
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.communicate()
            kills += 1
    if child.returncode != 0:
        sys.exit(f"pull {pull}: expected status 0, found {child.returncode}: {error.decode()}")
    with open(out.decode().strip(), "rb") as file:
        if file.read() != state["data"]:
            sys.exit(f"pull {pull}: the file is not what the hub has")
    left = [name for _, _, names in os.walk(home) for name in names if ".part" in name]
    if left:
        sys.exit(f"pull {pull}: left behind: {left}")
    allowed = size + (kills * CONNECTIONS + state["cuts"]) * PART + (size if state["lies"] else 0) + 2 * refused * size
    if state["sent"] > allowed:
        sys.exit(f"pull {pull}: expected at most {allowed} bytes, found {state['sent']} ({kills} kills, {state['cuts']} cuts)")
    if state["lies"] == 0:
        again += state["sent"] - size
        honest += size
        worst = max(worst, (state["sent"] - size) / PART / max(1, kills * CONNECTIONS + state["cuts"]))
    n_kills, n_cuts, n_lies, n_refused = n_kills + kills, n_cuts + state["cuts"], n_lies + state["lies"], n_refused + refused
    shutil.rmtree(home)
    if sys.stderr.isatty() or (pull + 1) % 20 == 0:
        print(f"{pull + 1} of {args.pulls} pulls whole", end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
print(f"{args.pulls} pulls whole: {n_kills} kills, {n_cuts} cuts, {n_lies} wrong bytes, {n_refused} refusals of a file that came wrong twice. "
      f"Where no byte was wrong: {again / max(1, honest):.1%} fetched again, at most {worst:.2f} of a part for each connection that was broken")
