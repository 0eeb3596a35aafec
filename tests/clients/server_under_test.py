"""The server that the checks ask, and the questions that they share."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Server:
    """A running `whet serve`; the port is read from what it prints."""

    def __init__(self, whet, model, *flags, pull="off", environment=None):
        self.process = subprocess.Popen(
            [whet, "serve", "-m", model, "--alias", "stone", "--port", "0", "--pull", pull, *flags],
            stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        self.lines, self.whet, self.model = [], whet, model
        for line in self.process.stderr:
            self.lines.append(line)
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found.group(1))
                return
        raise RuntimeError("whet serve did not start: " + "".join(self.lines))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def request(self, method, path, body=None, headers=None):
        """(status, headers, text)"""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        headers = {"Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return reply.status, reply.headers, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def metric(self, name):
        text = self.request("GET", "/metrics")[2]
        return float(re.search(rf"^{name} (.*)$", text, re.M).group(1))

    def stop(self, number=signal.SIGTERM, timeout=60):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout)
        self.process.stderr.close()
        return code


def wait_until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def chat_body(content="What is 3 * 4?", **more):
    return {"model": "stone", "messages": [{"role": "user", "content": content}],
            "max_tokens": 16, "temperature": 0, **more}


SCHEMA = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"],
          "additionalProperties": False}
TOOL = {"type": "function",
        "function": {"name": "add", "description": "Adds two numbers.",
                     "parameters": {"type": "object",
                                    "properties": {"a": {"type": "integer"},
                                                   "b": {"type": "integer"}},
                                    "required": ["a", "b"], "additionalProperties": False}}}
QUESTION = [{"role": "user", "content": "What is 3 * 4?"}]
