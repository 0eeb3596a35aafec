#!/usr/bin/env python3
"""Renders every chat template of a directory with whet and with jinja2, as a user's client would have it, and compares.

    python3 tools/check_templates.py WHET MODEL DIRECTORY

For each file a server starts with --chat-template-file and answers /apply-template for conversations with and without system
prompt, tools, tool results and thinking. MODEL is any model whose BOS and EOS are <s> and </s>, such as
tests/golden/models/qwen3.gguf. jinja2 is configured as transformers configures it (tests/golden/make_template_golden.py).
Where a template raises an exception, whet must answer with its message; where jinja2 cannot evaluate it, with some error, and both are
printed. Needs jinja2 3.1.
"""

import argparse
import copy
import datetime
import inspect
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import jinja2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/golden"))
import make_template_golden as golden  # noqa: E402
from template_conversations import CONVERSATIONS, TOOL  # noqa: E402


def call(name="weather", arguments=None):
    return {"id": "call00001", "type": "function", "function": {"name": name, "arguments": arguments or {"city": "Ulm"}}}


def requests():
    """(messages, tools, more variables)"""
    tools = [{key: TOOL[key] for key in ("type", "function")}]
    for name in ("user", "system", "multi", "system_multi", "thinking", "unicode", "whitespace", "markup"):
        yield CONVERSATIONS[name], None, {}
    for name in ("user", "system_multi"):
        yield CONVERSATIONS[name], tools, {}
        yield CONVERSATIONS[name], tools * 2, {"enable_thinking": False}
    for thinking in (True, False):
        yield CONVERSATIONS["multi"], None, {"enable_thinking": thinking}
        yield CONVERSATIONS["thinking"], None, {"enable_thinking": thinking, "thinking": thinking}
    asked = CONVERSATIONS["user"] + [{"role": "assistant", "content": "", "tool_calls": [call()]}]
    answered = asked + [{"role": "tool", "tool_call_id": "call00001", "name": "weather", "content": "{\"sky\": \"blue\"}"}]
    yield answered, tools, {}
    yield answered + [{"role": "assistant", "content": "Blue."}, {"role": "user", "content": "And now?"}], tools, {}


def expected(source, messages, tools, more):
    """{"text": ...}, {"raised": what the template says is wrong} or {"error": what jinja2 says}"""
    variables = {"messages": messages, "tools": tools, "documents": None, "add_generation_prompt": True,
                 "bos_token": "<s>", "eos_token": "</s>", **more}
    try:
        return {"text": golden.ENVIRONMENT.from_string(source).render(**copy.deepcopy(variables))}
    except Exception as error:  # jinja2 lets TypeError, ValueError, ... of Python through
        return {"raised" if type(error) is jinja2.TemplateError else "error": str(error)}


def ask(port, messages, tools, more):
    body = {"messages": messages, "chat_template_kwargs": more}
    if tools is not None:
        body["tools"] = tools
    request = urllib.request.Request(f"http://127.0.0.1:{port}/apply-template", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=300) as reply:
            return {"text": json.load(reply)["prompt"]}
    except urllib.error.HTTPError as error:
        return {"error": json.load(error)["error"]["message"]}


def check(whet, model, path, port):
    """(requests, those rendered alike, those that both refuse, descriptions of the others)"""
    source = path.read_text()
    server = subprocess.Popen([whet, "serve", model, "--chat-template-file", path, "--port", str(port), "-t", "1", "-c", "64"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    started = ""
    for line in server.stdout:
        started += line
        if f":{port}" in line:
            break
    same = refused = n = 0
    wrong, odd = [], set()
    try:
        if server.poll() is not None:
            return 0, 0, 0, [f"does not start: {started.strip()}"]
        for messages, tools, more in requests():
            n += 1
            want, got = expected(source, messages, tools, more), ask(port, messages, tools, more)
            if want == got:
                same += 1
            elif "raised" in want and want["raised"] in got.get("error", ""):
                refused += 1
            elif "error" in want and "error" in got:
                refused += 1
                odd.add(f"    jinja2 {want['error']}\n    whet   {got['error']}")
            else:
                wrong.append(f"{json.dumps([messages, bool(tools), more], ensure_ascii=False)[:300]}\n"
                             f"    jinja2 {json.dumps(want, ensure_ascii=False)[:1500]}\n"
                             f"    whet   {json.dumps(got, ensure_ascii=False)[:1500]}")
    finally:
        server.terminate()
        server.communicate()
    for errors in sorted(odd):
        print(f"{path.name}: neither evaluates it\n{errors}")
    return n, same, refused, wrong


def main():
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("whet")
    parser.add_argument("model")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--port", type=int, default=9511)
    args = parser.parse_args()
    golden.ENVIRONMENT.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    total = [0, 0, 0, 0]
    for path in sorted(args.directory.glob("*.jinja")):
        n, same, refused, wrong = check(args.whet, args.model, path, args.port)
        for i, value in enumerate((n, same, refused, len(wrong))):
            total[i] += value
        if wrong:
            print(f"{path.name}: {len(wrong)} of {n} differ")
            for description in wrong[:2]:
                print("  " + description)
    print(f"{total[0]} requests: {total[1]} alike, {total[2]} refused by both, {total[3]} differ")
    sys.exit(1 if total[3] else 0)


if __name__ == "__main__":
    main()
