"""Changes one word of config.json at a time and compares what whet and transformers then compute.

    cmake --build --preset dev --target whet_score_tokens
    python3 tools/compare_config_words.py build/dev/src/load/whet_score_tokens [MODEL...]

MODEL: directories of tests/golden/models, all of them if none is named. Their words, those of transformers' class of
configuration, its other names for them and the words of all other models are each left out, null, and given another value;
then the logits of 48 tokens are compared. Needs torch and transformers. Writes a line for each change where the two part:

    DIFFERENT    both compute, and not the same: whet must read the word or refuse it
    REFUSED      transformers computes and whet says why it does not; expected where whet knows no such arithmetic
    NOT NAMED    as before, and what whet says does not name the word

Ends with 1 where anything is DIFFERENT. What whet accepts and transformers refuses is no finding.
"""

import argparse
import copy
import inspect
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers

MODELS = Path(__file__).parent.parent / "tests" / "golden" / "models"
ABSENT = object()
# Change no arithmetic, or what both are asked for.
# No context is shorter than the text: transformers' ALiBi ends there.
CONTEXTS = {"max_position_embeddings", "max_seq_len", "n_positions", "seq_length"}
LEFT_ALONE = {"architectures", "model_type", "transformers_version", "dtype", "torch_dtype", "vocab_size", "vision_config",
              "quantization_config", "auto_map"}
N_TOKENS = 48
BOUND = 1e-3  # of the largest logit; the weights are F16 and whet sums floats


def other_values(value):
    """What a word may say instead."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value * 2, value + 1, 1]
    if isinstance(value, float):
        return [value * 2, value / 2]
    if isinstance(value, str):
        return ["relu", "gelu", "silu", "gelu_pytorch_tanh", "auto"]
    if isinstance(value, list) and value and all(isinstance(x, (int, float)) for x in value):
        return [[x * 2 for x in value], value[:-1]]
    if isinstance(value, list) and len(set(map(str, value))) > 1:
        return [value[::-1], value[1:] + value[:1]]
    return []


def said(word, value):
    return f"without {word}" if value is ABSENT else f"{word}: {json.dumps(value)}"


def changes_of(config, defaults, names, words_of_others=None, path=()):
    """(path, value) of each change; nested objects word by word."""
    for word in sorted(set(config) | set(defaults)):
        if word in LEFT_ALONE or word.startswith("_"):
            continue
        here = (*path, word)
        value = config.get(word, defaults.get(word))
        if word in config:
            yield here, ABSENT
            if isinstance(config[word], dict):
                yield from changes_of(config[word], {}, {}, {}, here)
        yield here, None
        for other in other_values(value):
            if word not in CONTEXTS or other > N_TOKENS:
                yield here, other
    for name, word in names.items():  # another name of a word
        if word in config and name not in config:
            yield (*path, name), copy.deepcopy(config[word])
    for word, value in (words_of_others or {}).items():
        if word not in config and word not in defaults and word not in names and word not in LEFT_ALONE:
            yield (*path, word), value


def changed(config, path, value, names):
    config = copy.deepcopy(config)
    inner = config
    for word in path[:-1]:
        inner = inner[word]
    if path[-1] in names and names[path[-1]] in inner:  # under its other name alone
        del inner[names[path[-1]]]
    if value is ABSENT:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return config


def reference(folder, auto, ids):
    """Logits, or why transformers has none."""
    try:
        model, info = auto.from_pretrained(folder, attn_implementation="eager", dtype=torch.float64, output_loading_info=True)
        if info["missing_keys"] or info.get("mismatched_keys"):
            return None, "weights are missing"
        model = model.eval()
        if hasattr(model, "set_experts_implementation"):
            model.set_experts_implementation("eager")
        with torch.no_grad():
            logits = model(torch.tensor([ids]), use_cache=False).logits[0].numpy()
        return (logits, None) if np.isfinite(logits).all() else (None, "not finite")
    except Exception as error:  # whatever it is: it does not compute
        return None, str(error)


def main():
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scorer", type=Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity(transformers.logging.CRITICAL)
    transformers.utils.logging.disable_progress_bar()
    scorer = subprocess.Popen([args.scorer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    counts = {}
    words_of_all = {}
    for path in sorted(MODELS.glob("*/config.json")):
        words_of_all = json.loads(path.read_text()) | words_of_all
    words_of_all |= {"rotary_emb_base": 500, "rotary_pct": 0.5, "rope_theta": 500.0, "partial_rotary_factor": 0.5,
                     "rope_scaling": {"type": "linear", "factor": 2.0}}  # of transformers before 5
    for original in [MODELS / n for n in args.names] or sorted(p for p in MODELS.iterdir() if p.is_dir()):
        config = json.loads((original / "config.json").read_text())
        seeing = "ForConditionalGeneration" in config["architectures"][0]
        auto = transformers.AutoModelForImageTextToText if seeing else transformers.AutoModelForCausalLM
        kind = type(transformers.AutoConfig.from_pretrained(original))
        names = dict(kind.attribute_map)
        ids = np.random.default_rng(1).integers(3, config.get("vocab_size", 64), N_TOKENS).tolist()
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "model.safetensors").symlink_to((original / "model.safetensors").resolve())

            def answers(words):
                (folder / "config.json").write_text(json.dumps(words))
                scorer.stdin.write(json.dumps({"model": str(folder), "ids": ids}) + "\n")
                scorer.stdin.flush()
                answer = json.loads(scorer.stdout.readline())
                expected, _ = reference(folder, auto, ids)
                return expected, answer

            expected, answer = answers(config)
            assert expected is not None and "logits" in answer, f"{original.name}: {answer}"
            for path, value in changes_of(config, {} if seeing else kind().to_dict(), names, words_of_all):
                expected, answer = answers(changed(config, path, value, names))
                counts["changes"] = counts.get("changes", 0) + 1
                word = said(".".join(path), value)
                if expected is None:
                    continue
                counts["compared"] = counts.get("compared", 0) + 1
                if "refused" in answer:
                    named = path[-1] in answer["refused"] or names.get(path[-1], "\0") in answer["refused"]
                    verdict, why = "REFUSED" if named else "NOT NAMED", answer["refused"]
                else:
                    found = np.array(answer["logits"]).reshape(answer["n"], -1)
                    miss = np.abs(found - expected).max() / np.abs(expected).max() if found.shape == expected.shape else np.inf
                    if miss < BOUND:
                        continue
                    verdict, why = "DIFFERENT", f"{miss:.1e} of the largest logit"
                counts[verdict] = counts.get(verdict, 0) + 1
                print(f"{verdict:10} {original.name}: {word}: {why}", flush=True)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    sys.exit(counts.get("DIFFERENT", 0) > 0)


if __name__ == "__main__":
    main()
