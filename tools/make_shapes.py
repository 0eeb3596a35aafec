#!/usr/bin/env python3
"""Writes GGUF files with the shapes of published models and random weights, for benchmarks of architectures whose files are not at hand.

    tools/make_shapes.py LLAMA_CPP_DIRECTORY LLAMA_QUANTIZE OUT_DIRECTORY [NAME...]

LLAMA_CPP_DIRECTORY is a checkout with conversion/, whose converter names the tensors. Weights are normal with deviation 0.02 and
seed 1; layers are Q4_K_M as llama-quantize makes it (experts of gpt-oss MXFP4). Their texts mean nothing; their speed is that of
the published model, whose computation does not depend on the values. Needs torch, transformers and gguf.
"""

import argparse
import inspect
import json
import subprocess
import sys
from pathlib import Path

import torch
import transformers as t

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "golden"))
import make_architecture_golden as golden  # noqa: E402

COMMON = dict(bos_token_id=0, eos_token_id=1, pad_token_id=2, tie_word_embeddings=True)
LFM2_ATTENTION = [2, 5, 8, 10, 12, 14]
SHAPES = {
    "qwen3-0.6b": (t.Qwen3Config, dict(
        vocab_size=151936, hidden_size=1024, intermediate_size=3072, num_hidden_layers=28, num_attention_heads=16,
        num_key_value_heads=8, head_dim=128, max_position_embeddings=4096)),
    "gemma3-1b": (t.Gemma3TextConfig, dict(
        vocab_size=262144, hidden_size=1152, intermediate_size=6912, num_hidden_layers=26, num_attention_heads=4,
        num_key_value_heads=1, head_dim=256, sliding_window=512, query_pre_attn_scalar=256, max_position_embeddings=4096)),
    "qwen3.5-0.8b": (t.Qwen3_5TextConfig, dict(
        vocab_size=248320, hidden_size=1024, intermediate_size=3584, num_hidden_layers=24, num_attention_heads=8,
        num_key_value_heads=2, head_dim=256, linear_num_key_heads=16, linear_num_value_heads=16, linear_key_head_dim=128,
        linear_value_head_dim=128, max_position_embeddings=4096, layer_types=(["linear_attention"] * 3 + ["full_attention"]) * 6,
        rope_parameters={"rope_theta": 1e7, "rope_type": "default", "partial_rotary_factor": 0.25, "mrope_section": [11, 11, 10],
                         "mrope_interleaved": True})),
    "lfm2-1.2b": (t.Lfm2Config, dict(
        vocab_size=65536, hidden_size=2048, intermediate_size=8192, block_auto_adjust_ff_dim=False, num_hidden_layers=16,
        num_attention_heads=32, num_key_value_heads=8, conv_L_cache=3, norm_eps=1e-5, max_position_embeddings=4096,
        layer_types=["full_attention" if i in LFM2_ATTENTION else "conv" for i in range(16)])),
    # Four layers and half of the experts of gpt-oss-20b: as many are used for a token, of the same size.
    "gpt-oss-experts": (t.GptOssConfig, dict(
        vocab_size=32768, hidden_size=2880, intermediate_size=2880, num_hidden_layers=4, num_attention_heads=64,
        num_key_value_heads=8, head_dim=64, num_local_experts=16, num_experts_per_tok=4, sliding_window=128,
        max_position_embeddings=4096, tie_word_embeddings=False, rope_parameters=dict(
            rope_type="yarn", rope_theta=150000.0, factor=32.0, beta_fast=32.0, beta_slow=1.0, truncate=False,
            original_max_position_embeddings=4096))),
}


def words_in_place(self):
    """A vocabulary of the right size; benchmarks feed ids."""
    import gguf
    n = self.hparams["vocab_size"]
    self.gguf_writer.add_tokenizer_model("gpt2")
    self.gguf_writer.add_tokenizer_pre("smollm")
    self.gguf_writer.add_token_list(["<s>", "</s>", "<pad>"] + [f"t{i}" for i in range(n - 3)])
    self.gguf_writer.add_token_types([int(gguf.TokenType.CONTROL)] * 3 + [int(gguf.TokenType.NORMAL)] * (n - 3))
    self.gguf_writer.add_token_merges(["t 1"])
    self.gguf_writer.add_bos_token_id(0)
    self.gguf_writer.add_eos_token_id(1)


def make(name, llama_cpp, quantize, out):
    kind, words = SHAPES[name]
    config = kind(**{**COMMON, **words})
    torch.manual_seed(1)
    with torch.device("meta"):
        model = t.AutoModelForCausalLM.from_config(config, dtype=torch.float16)
    model = model.to_empty(device="cpu")
    with torch.no_grad():
        for _, p in sorted(model.named_parameters()):
            if p.ndim == 1:
                p.fill_(1)
            else:
                p.copy_(torch.randn(p.shape, dtype=torch.float32) * 0.02)
    for name_of, p in model.named_parameters():
        if name_of.endswith("A_log"):  # the converter takes exp() of it
            p.data = p.data.float()
    model.tie_weights()
    folder, half, file = out / name, out / f"{name}-f16.gguf", out / f"{name}.gguf"
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(json.dumps(
        {"model": {"vocab": {str(i): i for i in range(config.vocab_size)}}, "added_tokens": []}))
    golden.convert(folder, half, llama_cpp, {})
    flags, weights = (["--pure"], "MXFP4_MOE") if "experts" in name else ([], "Q4_K_M")
    subprocess.run([quantize, *flags, half, file, weights], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    half.unlink()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    print(file)


def main():
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("llama_cpp", type=Path)
    parser.add_argument("llama_quantize")
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    golden.stand_in_vocabulary = words_in_place
    for name in args.names or SHAPES:
        make(name, args.llama_cpp, args.llama_quantize, args.out)


if __name__ == "__main__":
    main()
