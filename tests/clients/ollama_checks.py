"""What Ollama's client for Python finds."""
import hashlib
import http.server
import json
import tempfile
import threading

from server_under_test import QUESTION, ROOT, SCHEMA, Server, wait_until


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


CHECKS = [ollama_describes, ollama_generates, ollama_chats, ollama_embeds, ollama_raises_errors, ollama_pulls]
