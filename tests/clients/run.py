#!/usr/bin/env python3
"""Drives `whet serve` with the clients that people have: openai and ollama for Python and JavaScript, guidellm, lm-eval,
curl, and raw sockets.

    tests/clients/run.py [--whet build/dev/whet] [--model models/whetstone-2.8m-q8_0.gguf]

Makes a virtual environment, installs the packages, starts a server on a free port, checks and stops it. Needs a network (for
PyPI and npm) and Python 3.9 or later; what cannot be had is skipped, with a line that says so (of openai and ollama for
Python it is a failure). --quick leaves out the large packages, guidellm and lm-eval. Exits 1 when a check fails.
"""
import argparse
import concurrent.futures
import hashlib
import http.server
import json
import os
import pathlib
import re
import signal
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ["openai>=1.66", "ollama>=0.4,<1"]
LARGE_PACKAGES = ["guidellm", "lm_eval[api]", "torch", "transformers", "accelerate"]
MAX_BODY_BYTES = 16 << 20


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


ENDLESS = {"ignore_eos": True, "max_tokens": 900, "temperature": 1}
SCHEMA = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"],
          "additionalProperties": False}
TOOL = {"type": "function",
        "function": {"name": "add", "description": "Adds two numbers.",
                     "parameters": {"type": "object",
                                    "properties": {"a": {"type": "integer"},
                                                   "b": {"type": "integer"}},
                                    "required": ["a", "b"], "additionalProperties": False}}}
QUESTION = [{"role": "user", "content": "What is 3 * 4?"}]


# --- openai ---------------------------------------------------------------------------------------

def openai_client(server):
    import openai
    return openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=120)


def openai_lists_models(server):
    client = openai_client(server)
    assert [m.id for m in client.models.list()] == ["stone"]
    assert client.models.retrieve("stone").id == "stone"


def openai_chats(server):
    client = openai_client(server)
    whole = client.chat.completions.create(model="stone", messages=QUESTION, max_tokens=24,
                                           temperature=0)
    assert whole.choices[0].message.content
    assert whole.choices[0].finish_reason in ("stop", "length")
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    stream = client.chat.completions.create(model="stone", messages=QUESTION, max_tokens=24,
                                            temperature=0, stream=True,
                                            stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content, (text, whole.choices[0].message.content)
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def openai_samples_n(server):
    reply = openai_client(server).chat.completions.create(
        model="stone", messages=QUESTION, max_tokens=12, n=4, seed=1, temperature=1.5)
    assert [c.index for c in reply.choices] == [0, 1, 2, 3]
    assert len({c.message.content for c in reply.choices}) > 1


def openai_reports_logprobs(server):
    reply = openai_client(server).chat.completions.create(
        model="stone", messages=QUESTION, max_tokens=8, temperature=0, logprobs=True,
        top_logprobs=3)
    content = reply.choices[0].logprobs.content
    assert content
    for token in content:
        assert len(token.top_logprobs) == 3
        assert token.logprob <= 0
        # Temperature 0: what was taken is the likeliest.
        assert token.logprob == max(t.logprob for t in token.top_logprobs)
    text = b"".join(bytes(t.bytes) for t in content).decode()
    assert text.startswith(reply.choices[0].message.content), (text, reply.choices[0].message)


def openai_holds_to_a_schema(server):
    reply = openai_client(server).chat.completions.create(
        model="stone", messages=QUESTION, max_tokens=200, temperature=0,
        response_format={"type": "json_schema",
                         "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}})
    assert isinstance(json.loads(reply.choices[0].message.content)["answer"], int)


def openai_calls_tools(server):
    client = openai_client(server)
    reply = client.chat.completions.create(model="stone", messages=QUESTION, max_tokens=300,
                                           temperature=0, tools=[TOOL], tool_choice="required",
                                           parallel_tool_calls=False)
    assert reply.choices[0].finish_reason == "tool_calls", reply.choices[0]
    call = reply.choices[0].message.tool_calls[0]
    assert call.function.name == "add" and set(json.loads(call.function.arguments)) == {"a", "b"}
    stream = client.chat.completions.create(model="stone", messages=QUESTION, max_tokens=300,
                                            temperature=0, tools=[TOOL], tool_choice="required",
                                            parallel_tool_calls=False, stream=True)
    arguments = "".join(c.function.arguments for chunk in stream if chunk.choices
                        for c in chunk.choices[0].delta.tool_calls or [])
    assert json.loads(arguments) == json.loads(call.function.arguments)


def openai_completes(server):
    reply = openai_client(server).completions.create(
        model="stone", prompt="12 + 3 =", max_tokens=4, temperature=0, echo=True, logprobs=2)
    choice = reply.choices[0]
    assert choice.text.startswith("12 + 3 =") and len(choice.text) > len("12 + 3 =")
    logprobs = choice.logprobs
    assert logprobs.token_logprobs[0] is None and "".join(logprobs.tokens) == choice.text
    assert all(value <= 0 for value in logprobs.token_logprobs[1:])
    assert [choice.text[at:].startswith(token)
            for at, token in zip(logprobs.text_offset, logprobs.tokens)].count(False) == 0
    pieces = list(openai_client(server).completions.create(
        model="stone", prompt="12 + 3 =", max_tokens=4, temperature=0, stream=True))
    assert "12 + 3 =" + "".join(p.choices[0].text for p in pieces if p.choices) == choice.text


def openai_embeds(server):
    client = openai_client(server)
    packed = client.embeddings.create(model="stone", input=["a whetstone", "a knife"])  # asks for base64
    plain = client.embeddings.create(model="stone", input="a whetstone", encoding_format="float")
    assert [item.index for item in packed.data] == [0, 1]
    assert packed.data[0].embedding == plain.data[0].embedding
    assert abs(sum(v * v for v in plain.data[0].embedding) - 1) < 1e-4
    assert plain.usage.prompt_tokens > 0
    assert len(client.embeddings.create(model="stone", input="x", dimensions=7).data[0].embedding) == 7


def openai_responds(server):
    client = openai_client(server)
    asked = {"model": "stone", "input": "What is 3 * 4?", "temperature": 0, "max_output_tokens": 300}
    whole = client.responses.create(**asked)
    assert whole.output_text and whole.status in ("completed", "incomplete"), whole
    with client.responses.stream(**asked) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert text == whole.output_text
        if whole.status == "completed":
            assert stream.get_final_response().output_text == text
    tool = {"type": "function", "name": "add", "parameters": TOOL["function"]["parameters"], "strict": True}
    called = client.responses.create(model="stone", input="Add 3 and 4.", tools=[tool], tool_choice="required",
                                     parallel_tool_calls=False, max_output_tokens=300, temperature=0)
    call = called.output[0]
    assert call.type == "function_call" and set(json.loads(call.arguments)) == {"a", "b"}
    answer = client.responses.create(model="stone", max_output_tokens=8, instructions="Be brief.", input=[
        {"role": "user", "content": "Add 3 and 4."}, call.model_dump(exclude_none=True),
        {"type": "function_call_output", "call_id": call.call_id, "output": "7"}])
    assert answer.output is not None
    held = client.responses.create(**{**asked, "text": {"format": {
        "type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}}})
    assert isinstance(json.loads(held.output_text)["answer"], int)


def openai_runs_strategies(server):
    reply = openai_client(server).chat.completions.create(
        model="majority-voting-stone", messages=QUESTION, max_tokens=24, extra_body={"whet_trace": True})
    assert reply.choices[0].message.content is not None
    candidates = reply.model_extra["whet"]["candidates"]
    assert len(candidates) > 1
    assert reply.usage.completion_tokens == sum(c["completion_tokens"] for c in candidates)


def openai_raises_the_right_errors(server):
    import openai
    client = openai_client(server)
    for error, arguments in [
            (openai.NotFoundError, {"model": "absent"}),
            (openai.BadRequestError, {"temperature": -1}),
            (openai.BadRequestError, {"messages": []}),
            (openai.BadRequestError, {"messages": [{"role": "user", "content": "x " * 20000}]})]:
        try:
            client.chat.completions.create(**{"model": "stone", "messages": QUESTION, **arguments})
        except error as raised:
            assert raised.message, raised
        else:
            raise AssertionError(f"no {error.__name__} for {arguments}")


# --- ollama ---------------------------------------------------------------------------------------

def ollama_client(server):
    import ollama
    return ollama.Client(host=server.url)


def ollama_describes(server):
    client = ollama_client(server)
    assert [m.model for m in client.list().models] == ["stone"]
    assert [m.model for m in client.ps().models] == ["stone"]
    shown = client.show("stone")
    assert shown.details.family and "completion" in shown.capabilities
    assert shown.modelfile.startswith("FROM stone") and "temperature" in shown.parameters
    wait_until(lambda: len(client.list().models[0].digest or "") == 64, "a digest of the model")


def ollama_generates(server):
    client = ollama_client(server)
    options = {"temperature": 0, "num_predict": 16}
    whole = client.generate(model="stone", prompt="What is 3 * 4?", options=options)
    assert whole.response and whole.done and whole.eval_count > 0 and whole.prompt_eval_count > 0
    pieces = list(client.generate(model="stone", prompt="What is 3 * 4?", options=options,
                                  stream=True))
    assert "".join(p.response for p in pieces) == whole.response
    assert [p.done for p in pieces].count(True) == 1 and pieces[-1].done_reason
    assert list(pieces[-1].context) == list(whole.context)
    further = client.generate(model="stone", prompt="And 5 * 6?", context=whole.context, options=options)
    assert further.prompt_eval_count > len(whole.context) and list(further.context)[:len(whole.context)] == list(whole.context)


def ollama_chats(server):
    client = ollama_client(server)
    options = {"temperature": 0, "num_predict": 16}
    whole = client.chat(model="stone", messages=QUESTION, options=options)
    assert whole.message.role == "assistant" and whole.message.content
    pieces = list(client.chat(model="stone", messages=QUESTION, options=options, stream=True))
    assert "".join(p.message.content for p in pieces) == whole.message.content
    held = client.chat(model="stone", messages=QUESTION, format=SCHEMA,
                       options={"temperature": 0, "num_predict": 200})
    assert isinstance(json.loads(held.message.content)["answer"], int)


def ollama_embeds(server):
    client = ollama_client(server)
    both = client.embed(model="stone", input=["a whetstone", "a knife"])
    assert len(both.embeddings) == 2 and both.prompt_eval_count > 0
    assert list(client.embeddings(model="stone", prompt="a whetstone").embedding) == list(both.embeddings[0])


def ollama_raises_errors(server):
    import ollama
    client = ollama_client(server)
    assert client.pull("stone").status == "success"  # it is there already
    for status, call in ((404, lambda: client.chat(model="absent", messages=QUESTION)),
                         (403, lambda: client.pull("absent")), (403, lambda: client.delete("stone")),
                         (404, lambda: client.delete("absent"))):
        try:
            call()
        except ollama.ResponseError as raised:
            assert raised.status_code == status and raised.error, raised
        else:
            raise AssertionError(f"no error {status}")


class Hub(http.server.BaseHTTPRequestHandler):
    """Hugging Face with one repository that has one file, `data`."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        data, status, headers = self.server.data, 200, {}
        if self.path.startswith("/api/"):
            lfs = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            data = json.dumps({"sha": "c0ffee", "siblings": [
                {"rfilename": "m-Q8_0.gguf", "blobId": "0", "size": len(data), "lfs": lfs}]}).encode()
        elif self.headers["Range"]:
            begin, end = (int(n) for n in self.headers["Range"].removeprefix("bytes=").split("-"))
            end = min(end + 1, len(data))
            status, headers = 206, {"Content-Range": f"bytes {begin}-{end - 1}/{len(data)}"}
            data = data[begin:end]
        self.send_response(status)
        for name, value in {**headers, "Content-Length": len(data)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def ollama_pulls(server):
    import ollama
    hub = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    hub.data = (ROOT / "models/whetstone-draft-q8_0.gguf").read_bytes()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as home:
        served = Server(server.whet, server.model, pull="on", environment={
            "HF_HOME": home, "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_address[1]}"})
        try:
            client = ollama_client(served)
            name = "hf.co/user/repo:Q8_0"
            lines = list(client.pull(name, stream=True))
            assert lines[-1].status == "success" and any(line.completed == line.total == len(hub.data) for line in lines), lines
            pulled = next(m for m in client.list().models if m.model == name)
            assert pulled.digest == hashlib.sha256(hub.data).hexdigest() and pulled.size == len(hub.data), pulled
            assert client.generate(model=name, prompt="Hi", options={"num_predict": 2}).done
            client.delete(name)
            assert name not in [m.model for m in client.list().models]
            try:
                client.pull("hf.co/user/repo:Q2_K")
            except ollama.ResponseError as raised:
                assert raised.status_code < 500 and "Q8_0" in raised.error, raised
            else:
                raise AssertionError("no error for a quantisation that is not there")
        finally:
            assert served.stop() == 0
            hub.shutdown()


# --- other programs -------------------------------------------------------------------------------

class Skipped(Exception):
    pass


def tail_of(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def curl_streams(server):
    if not shutil.which("curl"):
        raise Skipped("there is no curl")
    text = tail_of(["curl", "-sS", "--fail-with-body", "-N", server.url + "/v1/chat/completions", "-H",
                    "Content-Type: application/json", "-d", json.dumps(chat_body(stream=True))])
    assert text.startswith("data: {") and text.endswith("data: [DONE]\n\n"), text[-200:]
    text = tail_of(["curl", "-sS", server.url + "/api/generate", "-H", "Content-Type: application/json", "-d",
                    '{"model": "stone", "prompt": "Hi", "options": {"num_predict": 4}}'])
    assert json.loads(text.splitlines()[-1])["done"], text


def javascript_clients(server):
    if not shutil.which("npm") or not shutil.which("node"):
        raise Skipped("there is no node with npm")
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(ROOT / "tests/clients/clients.mjs", directory)
        pathlib.Path(directory, "package.json").write_text('{"private": true}')
        installed = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "openai", "ollama"], cwd=directory,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if installed.returncode != 0:
            raise Skipped("npm could not install openai and ollama: " + installed.stdout[-300:])
        print(tail_of(["node", "clients.mjs", server.url], cwd=directory), end="")


def page_in_a_browser(server):
    chromium = next((p for p in ("chromium", "chromium-browser", "google-chrome") if shutil.which(p)), None)
    if chromium is None or not shutil.which("node"):
        raise Skipped("there is no Chromium with node")
    major = int(re.search(r"v(\d+)", tail_of(["node", "--version"])).group(1))
    if major < 20:
        raise Skipped(f"node {major} has no WebSocket")
    print(tail_of(["node", *(["--experimental-websocket"] if major < 22 else []),
                   str(ROOT / "tests/clients/page.mjs"), server.url, chromium]), end="")


def guidellm_measures(server):
    program = pathlib.Path(sys.executable).parent / "guidellm"
    if not program.exists():
        raise Skipped("guidellm is not installed")
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory, "out.json")
        tail_of([str(program), "run", "--disable-console-interactive", "--backend",
                 f"kind=openai_http,target={server.url}", "--profile", "kind=synchronous", "--constraint",
                 "kind=max_requests,count=4", "--tokenizer",
                 f"kind=huggingface_auto,model={ROOT / 'models/whetstone-draft'}", "--data",
                 "kind=synthetic_text,prompt_tokens=24,output_tokens=8", "--output", f"kind=json,path={out}"])
        text = out.read_text()
        assert '"successful"' in text and "time_to_first_token_ms" in text, text[:2000]


def lm_eval_scores_as_transformers(server):
    if not (pathlib.Path(sys.executable).parent / "lm_eval").exists():
        raise Skipped("lm_eval is not installed")
    print(tail_of([sys.executable, str(ROOT / "tests/clients/lm_eval_check.py"), "--whet", server.whet]), end="")


# --- HTTP -----------------------------------------------------------------------------------------

def refuses_bad_bodies(server):
    cases = [("", 400), ("{", 400), ("[]", 400), ("{}", 400), ("3", 400), ('"x"', 400),
             ("\xff\xfe", 400), ("[" * 100000, 400),
             (chat_body(temperature="hot"), 400), (chat_body(max_tokens="9"), 400),
             (chat_body(stream="yes"), 400), (chat_body(n=0), 400), (chat_body(n=100000), 400),
             (chat_body(messages="hello"), 400), (chat_body(messages=[3]), 400),
             (chat_body(messages=[{"role": "nobody", "content": "x"}]), 400),
             (chat_body(stop=[3]), 400), (chat_body(tools=3), 400), (chat_body(seed=1.5), 400),
             (chat_body(logit_bias=[1]), 400), (chat_body(response_format="json"), 400),
             (chat_body(model=3), 400)]
    for path in ("/v1/chat/completions", "/v1/completions", "/api/chat", "/api/generate",
                 "/completion", "/tokenize", "/detokenize", "/apply-template", "/api/show"):
        for body in ("", "{", "[]", "3", "\xff\xfe", "[" * 100000):
            status, _, text = server.request("POST", path, body)
            assert status == 400, (path, body[:20], status, text)
            assert json.loads(text)["error"], (path, text)
    for body, expected in cases:
        status, _, text = server.request("POST", "/v1/chat/completions", body)
        assert status == expected, (str(body)[:80], status, text)
        assert json.loads(text)["error"]["message"], text
    assert server.request("POST", "/v1/chat/completions", chat_body(),
                          {"Content-Type": "text/plain"})[0] == 415
    assert server.request("GET", "/nowhere")[0] == 404
    assert server.request("GET", "/v1/chat/completions")[0] == 405
    assert server.request("GET", "/health", headers={"Host": "evil.example"})[0] == 403
    assert server.request("GET", "/health", headers={"Origin": "http://evil.example"})[0] == 403


def refuses_huge_bodies(server):
    for chunked in (False, True):
        body = json.dumps(chat_body("x" * (MAX_BODY_BYTES + 1000))).encode()
        with server.connect() as client:
            length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
            client.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                           f"Content-Type: application/json\r\n{length}\r\n\r\n".encode())
            if chunked:
                body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
            client.sendall(body)  # all of it, as a client does that does not listen meanwhile
            reply = client.makefile("rb").read()
            assert reply.startswith(b"HTTP/1.1 413 "), reply[:200]
            assert b'"message"' in reply


def keeps_connections_alive(server):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    local = connection.sock.getsockname()
    for _ in range(3):
        connection.request("POST", "/v1/chat/completions", json.dumps(chat_body()),
                           {"Content-Type": "application/json"})
        reply = connection.getresponse()
        assert reply.status == 200 and json.loads(reply.read())["choices"]
        assert connection.sock is not None and connection.sock.getsockname() == local
    connection.request("HEAD", "/v1/models")
    reply = connection.getresponse()
    assert reply.status == 200 and reply.read() == b"" and int(reply.headers["content-length"]) > 0
    # An upload in chunks.
    connection.request("POST", "/v1/chat/completions",
                       iter([b'{"model": "stone", "max_tokens": 4, ',
                             b'"messages": [{"role": "user", "content": "Hi"}]}']),
                       {"Content-Type": "application/json"}, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()


def speaks_http_1_0(server):
    body = json.dumps(chat_body(stream=True)).encode()
    with server.connect() as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.0\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body) + body)
        head, _, reply = client.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 ") and b"hunked" not in head, head
    assert reply.startswith(b"data: ") and reply.endswith(b"data: [DONE]\n\n"), reply[-100:]


def waits_for_expect_continue(server):
    body = json.dumps(chat_body()).encode()
    with server.connect() as client:
        client.settimeout(30)
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                       b"Content-Type: application/json\r\nExpect: 100-continue\r\n"
                       b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        stream = client.makefile("rb")
        assert stream.readline().startswith(b"HTTP/1.1 100 ")
        assert stream.readline() == b"\r\n"
        client.sendall(body)
        assert stream.readline().startswith(b"HTTP/1.1 200 ")


def frees_what_its_client_left(server):
    before = server.metric("whet_requests_cancelled_total")
    body = json.dumps(chat_body(**ENDLESS, stream=True, n=8)).encode()
    client = server.connect()
    client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                   b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                   + body)
    assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        other = pool.submit(server.request, "POST", "/v1/chat/completions", chat_body())
        client.close()
        assert other.result()[0] == 200
    wait_until(lambda: server.metric("whet_requests_cancelled_total") == before + 1, "cancelled")
    wait_until(lambda: server.metric("whet_requests_running") == 0, "nothing running")


def bears_slow_clients(server):
    slow = [server.connect() for _ in range(50)]
    for client in slow:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: ")
    assert server.request("POST", "/v1/chat/completions", chat_body())[0] == 200
    for client in slow:
        client.close()


def answers_many_at_once(server):
    alone = json.loads(server.request("POST", "/v1/chat/completions", chat_body())[2])
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(
            lambda _: server.request("POST", "/v1/chat/completions", chat_body()), range(20)))
    for status, _, text in replies:
        assert status == 200, text
        assert json.loads(text)["choices"][0]["message"]["content"] == \
            alone["choices"][0]["message"]["content"]


def drains_at_the_end(arguments):
    for number in (signal.SIGTERM, signal.SIGINT):
        server = Server(arguments.whet, arguments.model)
        body = json.dumps(chat_body(stream=True, ignore_eos=True, max_tokens=200)).encode()
        with server.connect() as client, server.connect():  # and an idle one
            client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                           b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                           % len(body) + body)
            reply = client.recv(1000)
            server.process.send_signal(number)
            reply += client.makefile("rb").read()
            assert b"data: [DONE]\n\n" in reply, reply[-300:]
        assert server.process.wait(60) == 0
        server.process.stderr.close()
        idle = Server(arguments.whet, arguments.model)
        assert idle.stop(number) == 0


CHECKS = [openai_lists_models, openai_chats, openai_samples_n, openai_reports_logprobs,
          openai_holds_to_a_schema, openai_calls_tools, openai_completes, openai_runs_strategies,
          openai_embeds, openai_responds, openai_raises_the_right_errors, ollama_describes,
          ollama_generates, ollama_chats, ollama_embeds, ollama_raises_errors, ollama_pulls, curl_streams,
          javascript_clients, page_in_a_browser, guidellm_measures, lm_eval_scores_as_transformers, refuses_bad_bodies,
          refuses_huge_bodies, keeps_connections_alive,
          speaks_http_1_0, waits_for_expect_continue, frees_what_its_client_left,
          bears_slow_clients, answers_many_at_once]


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
        check("drains_at_the_end", drains_at_the_end, arguments)
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
