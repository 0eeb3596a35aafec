"""Raw HTTP: what is refused, what is kept open, what a client that leaves frees, how the server ends."""
import concurrent.futures
import json
import signal

from server_under_test import Server, chat_body, wait_until

MAX_BODY_BYTES = 16 << 20
ENDLESS = {"ignore_eos": True, "max_tokens": 900, "temperature": 1}


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


CHECKS = [refuses_bad_bodies, refuses_huge_bodies, keeps_connections_alive, speaks_http_1_0, waits_for_expect_continue,
          frees_what_its_client_left, bears_slow_clients, answers_many_at_once]
