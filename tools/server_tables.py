#!/usr/bin/env python3
"""Writes the tables of docs/server.md from docs/runs: what other servers' tests say of whet, the soak, lm-eval, the latencies.

    tools/server_tables.py [--check]

They come from tests/foreign/run_llama_tests.py, tests/foreign/run_ollama_tests.py, tests/soak/run.py, tests/clients/lm_eval_check.py
and tools/serve_latency.py. With --check nothing is written, and a page that says something else is status 1, as is a test that fails
and for which no reason is given here.
"""

import json
import re
import sys
from pathlib import Path

import serve_latency

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "docs/runs"

# Why a test fails that llama-server passes: a pattern of its name, and the reason; the first that fits.
LLAMA_REASONS = [
    (r"test_cancel_request", "`-n -1` was refused when this ran; it is taken since"),
    (r"multiple_addresses", "one address to listen on, not a list"),
    (r"aliases_and_tags", "`--alias` names one model each; there are no tags"),
    (r"server_props", "`n_ctx` is a request's context here, not a slot's share"),
    (r"server_slots|metrics_disabled", "`/slots` and `/metrics` cannot be switched off (a key closes them)"),
    (r"test_completion_unified", "the test reads off lengths of llama-server's own draws from one seed"),
    (r"n_probs_post_sampling", "`post_sampling_probs`: probabilities are those before truncation; the field is named as ignored"),
    (r"assistant_prefill|continue_final_message_vllm|verbose_debug", "no `__verbose` member; `/apply-template` shows the prompt"),
    (r"test_apply_chat_template|mutual_exclusion|test_chat_template$", "no built-in templates by name; `--chat-template-file` takes one"),
    (r"response_format1", "`items` as an array is of an older JSON schema; refused by name"),
    (r"messages7", "whether two answers may follow each other is the chat template's decision"),
    (r"timings_per_token|logprobs_stream|without_tool_call_fast", "the first piece of a stream has `\"content\": \"\"`, as OpenAI's, not null"),
    (r"context_size_exceeded", "the error is OpenAI's `context_length_exceeded`"),
    (r"return_progress|telemetry|prompt_progress", "no progress events of a prompt (comments keep the stream alive)"),
    (r"test_cors_options|cors_origins_localhost_rejects", "a page elsewhere is refused (403) unless `--cors-origins` admits it"),
    (r"tools_enabled|cors_proxy", "no built-in tools and no proxy"),
    (r"content_text_same_as_string", "inputs of embeddings are texts or ids, not message parts"),
    (r"pooling_none", "one vector for each text; no `--pooling none`"),
    (r"test_metrics_(prometheus|prompt|predicted)", "the names and headers of `/metrics` are whet's"),
    (r"ctx_shift_disabled_stream", "the model ends its answer before the context is full"),
    (r"slashed_model_name", "a name of a model that is not served is a 404; llama-server reads no names"),
    (r"excludes_first_token", "the test wants 16 tokens where this model ends its answer"),
    (r"test_reasoning\[.*-auto", "`auto` leaves thinking as the template has it (these close it); llama-server switches it on"),
    (r"date_inside_prompt\[fireworks", "this template wants `functions`, which only llama.cpp gives it"),
]
# The same of Ollama's, by what the test said.
OLLAMA_REASONS = [
    (r"none of \[", "the small model does not say the words that the test looks for"),
    (r"context deadline exceeded", "not within the test's time: a build with checks, on two cores that others used"),
    (r"PromptEvalCount|after truncation|exceeds the context", "`num_ctx` is the server's to choose here (`--ctx-size`), and named as ignored"),
    (r"expected 384 floats", "the model that stands for all-minilm has vectors of 576"),
]


def reason(table, text, where):
    for pattern, why in table:
        if re.search(pattern, text):
            return why
    sys.exit(f"{where}: {text[:200]}: fails, and tools/server_tables.py gives no reason")


def llama(found):
    files, reasons = {}, {}
    for name, theirs in found["llama"].items():
        counts = files.setdefault(name.split("::")[0].removeprefix("test_"), [0, 0, 0, 0])
        ours = found["whet"].get(name, {"state": "missing"})
        if theirs["state"] == "skipped":
            continue
        counts[0] += 1
        counts[1] += theirs["state"] == "passed"
        counts[2] += theirs["state"] == ours["state"] == "passed"
        counts[3] += theirs["state"] != "passed" and ours["state"] == "passed"
        if theirs["state"] == "passed" and ours["state"] != "passed":
            why = reason(LLAMA_REASONS, name.split("::")[1], "docs/runs/llama-server-tests.json")
            reasons[why] = reasons.get(why, 0) + 1
    yield "| File of llama.cpp's tests | tests | llama-server passes | of these, whet | whet alone |"
    yield "|---|---:|---:|---:|---:|"
    for name, counts in sorted(files.items()):
        yield f"| {name} | " + " | ".join(str(c) for c in counts) + " |"
    yield "| **all** | " + " | ".join(str(sum(c[i] for c in files.values())) for i in range(4)) + " |"
    yield ""
    yield "| Why whet fails where llama-server passes | tests |"
    yield "|---|---:|"
    for why, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        yield f"| {why} | {n} |"


def ollama(found):
    yield f"| Test of Ollama's, on {found['model']} | Result | Why |"
    yield "|---|---|---|"
    for name, result in sorted(found["results"].items()):
        why = ""
        if result["state"] == "fail":
            why = reason(OLLAMA_REASONS, result["why"], "docs/runs/ollama-tests.json")
        elif result["state"] == "skip":
            why = re.sub(r"^\S+: |: 403 .*", "", result["why"])
        yield f"| {name} | {result['state']} | {why} |"


def soak(found):
    mb = [found[k]["rss_bytes"] / 1e6 for k in ("before", "after_a_tenth", "at_the_end")]
    first, last = found["before"], found["at_the_end"]
    good = found["by_kind"]["good"]
    yield "| Soak ([record](runs/serve-soak.json)) | Found |"
    yield "|---|---|"
    yield (f"| requests of {found['clients']} clients at once, {1 - good / found['requests']:.0%} faulty or cut off | "
           f"{found['requests']:,} in {found['seconds']:.0f} s, {len(found['problems'])} problems |")
    yield f"| memory before, after a tenth, at the end | {mb[0]:.1f}, {mb[1]:.1f}, {mb[2]:.1f} MB |"
    yield (f"| descriptors and threads before, at the end | {first['descriptors']} and {first['threads']}, "
           f"{last['descriptors']} and {last['threads']} |")


def lm_eval(found):
    yield f"| lm-eval, {found['n']} items, {found['model']} | whet | other | engine |"
    yield "|---|---:|---:|---|"
    for row in found["rows"]:
        yield f"| {row['metric']} | {row['whet']:.4f} | {row['other']:.4f} | {row['engine']} |"


def latency(found):
    yield from serve_latency.table(found).splitlines()


def main():
    read = {name: json.loads((RUNS / file).read_text()) for name, file in
            {"llama": "llama-server-tests.json", "ollama": "ollama-tests.json", "soak": "serve-soak.json", "lm-eval": "lm-eval.json",
             "latency": "serve-latency.json"}.items()}
    tables = {"llama": llama, "ollama": ollama, "soak": soak, "lm-eval": lm_eval, "latency": latency}
    before = page = (ROOT / "docs/server.md").read_text()
    for name, make in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        head, rest = page.split(begin)
        page = head + begin + "\n".join(make(read[name])) + "\n" + end + rest.split(end)[1]
    if "--check" not in sys.argv:
        (ROOT / "docs/server.md").write_text(page)
    elif page != before:
        sys.exit("docs/server.md does not say what docs/runs do: run tools/server_tables.py")


if __name__ == "__main__":
    main()
