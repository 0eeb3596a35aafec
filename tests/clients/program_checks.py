"""Whole programs as clients: curl, those of node, a browser, guidellm, lm-eval. What is not there is skipped."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from server_under_test import ROOT, chat_body


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


CHECKS = [curl_streams, javascript_clients, page_in_a_browser, guidellm_measures, lm_eval_scores_as_transformers]
