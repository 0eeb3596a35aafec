"""Writes models/NAME/ (SafeTensors as transformers saves them), models/NAME.gguf (as llama.cpp's converter writes it) and
models/NAME.json (logits of transformers in float64) for tiny seeded models of every architecture.

    python make_architecture_golden.py LLAMA_CPP_DIRECTORY [NAME...]

Needs torch, transformers and gguf; LLAMA_CPP_DIRECTORY is a checkout with conversion/. The sizes make every special feature
bite: windows are shorter than the text, thresholds of rope scaling are crossed. Weights are F16; the reference multiplies the
same values in float64, the prompt at once and then token by token through its own cache.
"""

import argparse
import inspect
import json
import sys
import traceback
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

from architecture_models import MODELS, VOCAB

HERE = Path(__file__).parent / "models"
N_PROMPT, N_TEXT = 30, 330
LATE_ROWS = [30, 31, 32, 47, 48, 64, 65, 100, 128, 129, 200, 256, 257, 300, 327, 328, 329]


def randomise(model, seed, weights):
    """Weights large enough that no part is close to linear, exactly representable in F16; `weights` may have its own."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.from_numpy(rng.standard_normal(tuple(p.shape)))
            value = weights(name, tuple(p.shape), rng)
            if value is not None:
                pass
            elif p.ndim == 1:
                value = p.double() + 0.2 * noise
                # Their converters add 1 in F16, exactly then.
                if any(kind in model.config.model_type for kind in ("gemma", "qwen3_5")):
                    value = (value * 512).round() / 512
            elif "embed" in name or "wte" in name or "wpe" in name:
                value = 0.8 * noise
            else:
                value = noise * 1.6 / p.shape[-1] ** 0.5
            p.copy_(value.half())
        for name, buffer in model.named_buffers():
            if name.endswith(("layer_scalar", "expert_bias", "e_score_correction_bias")):
                buffer.copy_((buffer.double() + 0.3 * torch.from_numpy(rng.standard_normal(tuple(buffer.shape)))).half())


def reference(model, ids, n_prompt):
    """Logits of every position: the prompt in one pass, the rest one by one."""
    model = model.double().eval()
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("eager")  # the others know no float64
    rows = []
    with torch.no_grad():
        out = model(torch.tensor([ids[:n_prompt]]), use_cache=True)
        rows.append(out.logits[0])
        for token in ids[n_prompt:]:
            out = model(torch.tensor([[token]]), past_key_values=out.past_key_values, use_cache=True)
            rows.append(out.logits[0])
    return torch.cat(rows).numpy()


def stand_in_vocabulary(self):
    """Printable characters: the tests feed ids."""
    import gguf
    self.gguf_writer.add_tokenizer_model("gpt2")
    self.gguf_writer.add_tokenizer_pre("smollm")
    self.gguf_writer.add_token_list(["<s>", "</s>", "<pad>"] + [chr(33 + i) for i in range(VOCAB - 4)] + ["ab"])
    control, normal = int(gguf.TokenType.CONTROL), int(gguf.TokenType.NORMAL)
    self.gguf_writer.add_token_types([control] * 3 + [normal] * (VOCAB - 3))
    self.gguf_writer.add_token_merges(["a b"])
    self.gguf_writer.add_bos_token_id(0)
    self.gguf_writer.add_eos_token_id(1)


def convert(folder, out, llama_cpp, words):
    """With llama.cpp's own code, but for the vocabulary, which these folders lack, and for `words` of other converters."""
    sys.path[:0] = [str(llama_cpp), str(llama_cpp / "gguf-py")]
    import gguf
    from conversion import ModelType, get_model_architecture, get_model_class
    hparams = json.loads((folder / "config.json").read_text())
    original = get_model_class(get_model_architecture(hparams, ModelType.TEXT))
    kind = type(original.__name__, (original,), {"set_vocab": stand_in_vocabulary, "model_arch": original.model_arch,
                                                  "no_mtp": True})
    if words:
        def set_gguf_parameters(self):
            original.set_gguf_parameters(self)
            for key, value in words.items():
                self.gguf_writer.add_uint32(key, value)
        kind.set_gguf_parameters = set_gguf_parameters
    if hasattr(original, "Ministral3Model"):  # which does the work
        original.Ministral3Model.set_vocab = stand_in_vocabulary
    with torch.inference_mode():
        kind(folder, gguf.LlamaFileType.MOSTLY_F16, out, hparams=hparams).write()


def make(name, spec, llama_cpp):
    seed = int.from_bytes(name.encode()[:6], "little") % 2 ** 31
    spec = dict(spec)
    n_prompt, n_text = spec.pop("n_prompt", N_PROMPT), spec.pop("n_text", N_TEXT)
    context = spec.pop("context", 512)
    containers = spec.pop("containers", ["", ".gguf"])
    spec_extra, dropped = spec.pop("extra", {}), spec.pop("drop", [])
    auto, words = spec.pop("model", transformers.AutoModelForCausalLM), spec.pop("gguf_words", {})
    weights, published = spec.pop("weights", lambda *_: None), spec.pop("published", None)
    published_words = spec.pop("published_words", {})
    config = spec.pop("config")(vocab_size=VOCAB, bos_token_id=0, eos_token_id=1, pad_token_id=2, **spec)
    torch.manual_seed(seed)
    model = auto.from_config(config, attn_implementation="eager", dtype=torch.float32)
    randomise(model, seed, weights)
    folder = HERE / name
    model.half()
    for name_of, p in model.named_parameters():
        if name_of.endswith("A_log"):  # the converter takes exp() of it
            p.data = p.data.float()
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if spec_extra or dropped:  # words that published files have and that the converter asks for, and those that they lack
        path = folder / "config.json"
        said = {key: value for key, value in json.loads(path.read_text()).items() if key not in dropped} | spec_extra
        path.write_text(json.dumps(said, indent=2) + "\n")
    model = auto.from_pretrained(folder, attn_implementation="eager", dtype=torch.float64)
    if published:  # the same weights under the names and in the form of published files
        path = folder / "model.safetensors"
        save_file(published(load_file(path)), path, {"format": "pt"})
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | published_words, indent=2) + "\n")
    if ".gguf" in containers:
        tokenizer = folder / "tokenizer.json"  # the converter of gemma3 counts its tokens
        tokenizer.write_text(json.dumps({"model": {"vocab": {str(i): i for i in range(VOCAB)}}, "added_tokens": []}))
        convert(folder, HERE / f"{name}.gguf", llama_cpp, words)
        tokenizer.unlink()
    if "" not in containers:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    ids = np.random.default_rng(seed + 1).integers(3, VOCAB, n_text).tolist()
    logits = reference(model, ids, n_prompt)
    rows = list(range(0, n_prompt, 3)) + [n_prompt - 1] + [r for r in LATE_ROWS if n_prompt <= r < n_text]
    rows = sorted(set(rows))
    golden = {"reference": f"transformers {transformers.__version__}, {type(model).__name__}, float64", "seed": seed,
              "containers": containers, "context": context, "n_prompt": n_prompt, "ids": ids, "rows": rows,
              "logits": [[float(f"{x:.7g}") for x in logits[r]] for r in rows]}
    (HERE / f"{name}.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{name:24} largest logit {np.abs(logits).max():.3f}  rows {len(rows)}")


def main():
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__))
    parser.add_argument("llama_cpp", type=Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    HERE.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    failed = []
    for name in args.names or MODELS:
        try:
            make(name, MODELS[name], args.llama_cpp)
        except Exception as error:  # the others are made all the same
            traceback.print_exc()
            failed.append(f"{name}: {error}")
    sys.exit("\n".join(failed) or None)


if __name__ == "__main__":
    main()
