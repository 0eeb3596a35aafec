#!/usr/bin/env python3
"""The scores that lm-eval gives a model behind `whet serve`, beside those of the same model in another engine.

    tests/clients/lm_eval_check.py [--whet build/dev/whet] [--llama-server PATH --gguf FILE --tokenizer DIRECTORY] [--json FILE]

Two tasks are made from tasks/multiply.jsonl: one of multiple choice, scored by the log-probabilities of the prompt, and one
that generates (a number that the prompt names). The model is models/whetstone-draft, and the other engine transformers. With --llama-server all take FILE, with
the tokenizer of its model: the task that generates is compared with llama-server, which gives no log-probabilities of prompts, and
the choices with transformers, which reads the same file (whet --exact, since transformers rounds no activations). Needs lm_eval[api], transformers and torch, and gguf for a FILE. Exits 1
where a score differs.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
N_QUESTIONS = 60
CHOICE = """task: whet_choice
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}\\n"
doc_to_target: label
doc_to_choice: choices
target_delimiter: ""
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""
GENERATE = """task: whet_generate
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{recall}}}}"
doc_to_target: "{{{{choices[label]}}}}"
generation_kwargs: {{until: ["\\n\\n"], do_sample: false, max_gen_toks: 24}}
filter_list: [{{name: number, filter: [{{function: regex, regex_pattern: "(-?\\\\d+)"}}, {{function: take_first}}]}}]
metric_list: [{{metric: exact_match}}]
"""


def write_tasks(directory):
    data = directory / "questions.jsonl"
    with data.open("w") as out:
        lines = (ROOT / "tasks/multiply.jsonl").read_text().splitlines()[:N_QUESTIONS]
        for k, line in enumerate(lines):
            task = json.loads(line)
            answer = int(task["grader"]["answer"])
            choices = [answer + d for d in (0, 10, 1, -7)]
            at = k % len(choices)
            choices[0], choices[at] = choices[at], choices[0]
            # A model that cannot multiply can still say what it has just read.
            recall = f"Ana has {answer} stones and Ben has {answer + 35 + k}.\nQuestion: How many stones does Ana have?\nAnswer: Ana has"
            json.dump({"question": task["prompt"], "recall": recall, "choices": [str(c) for c in choices], "label": at}, out)
            out.write("\n")
    (directory / "choice.yaml").write_text(CHOICE.format(data=data))
    (directory / "generate.yaml").write_text(GENERATE.format(data=data))


def lm_eval(directory, model, model_args, tasks):
    out = directory / f"out-{model}-{time.monotonic_ns()}"
    done = subprocess.run([sys.executable, "-m", "lm_eval", "--model", model, "--model_args", model_args, "--tasks", tasks,
                    "--include_path", str(directory), "--output_path", str(out), "--batch_size", "1"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"lm_eval --model {model}: {done.stderr[-2000:]}")
    results = json.loads(next(out.rglob("results_*.json")).read_text())["results"]
    return {f"{task} {key}": value for task, metrics in sorted(results.items()) for key, value in metrics.items()
            if isinstance(value, float) and "stderr" not in key}


def served(directory, command, ready, port_pattern, tasks, tokenizer):
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        port = next(int(found.group(1)) for line in process.stderr if (found := re.search(port_pattern, line)))
        import threading
        threading.Thread(target=process.stderr.read, daemon=True).start()
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{ready}").read()
                break
            except OSError:
                time.sleep(0.1)
        return lm_eval(directory, "local-completions",
                       f"model=stone,base_url=http://127.0.0.1:{port}/v1/completions,tokenizer={tokenizer},"
                       "num_concurrent=4", tasks)
    finally:
        process.terminate()
        process.wait(60)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whet", default=str(ROOT / "build/dev/whet"))
    parser.add_argument("--llama-server")
    parser.add_argument("--gguf", default=str(ROOT / "models/whetstone-draft-q8_0.gguf"))
    parser.add_argument("--tokenizer", default=str(ROOT / "models/whetstone-draft"))
    parser.add_argument("--json", help="where the scores go")
    arguments = parser.parse_args()
    tokenizer, gguf = arguments.tokenizer, pathlib.Path(arguments.gguf)
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        write_tasks(directory)
        model = str(gguf) if arguments.llama_server else tokenizer
        def whet(tasks, *flags):
            return served(directory, [arguments.whet, "serve", "-m", model, "--alias", "stone", "--port", "0", *flags],
                          "/health", r"http://127\.0\.0\.1:(\d+)", tasks, tokenizer)

        if arguments.llama_server:
            ours = whet("whet_choice", "--exact") | whet("whet_generate")
        else:
            ours = whet("whet_choice,whet_generate")
        if arguments.llama_server:
            theirs = lm_eval(directory, "hf", f"pretrained={gguf.parent},gguf_file={gguf.name},tokenizer={tokenizer},dtype=float32",
                             "whet_choice")
            theirs |= served(directory, [arguments.llama_server, "-m", model, "--port", "18437", "--alias", "stone"],
                             "/health", r"127\.0\.0\.1:(\d+)", "whet_generate", tokenizer)
        else:
            theirs = lm_eval(directory, "hf", f"pretrained={tokenizer},dtype=float32", "whet_choice,whet_generate")
    engine = {key: "llama-server" if arguments.llama_server and "generate" in key else "transformers" for key in ours}
    print(f"{'':36}{'whet':>10}{'other':>10}")
    for key in ours:
        print(f"{key:36}{ours[key]:10.4f}{theirs[key]:10.4f}  {engine[key]}")
    if arguments.json:
        rows = [{"metric": key, "whet": ours[key], "other": theirs[key], "engine": engine[key]} for key in ours]
        name = gguf.name if arguments.llama_server else pathlib.Path(tokenizer).name
        pathlib.Path(arguments.json).write_text(json.dumps({"model": name, "n": N_QUESTIONS, "rows": rows}, indent=1) + "\n")
    return 0 if ours == theirs else 1


if __name__ == "__main__":
    sys.exit(main())
