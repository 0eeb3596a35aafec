"""Writes tests/golden/: tiny seeded models with float64 reference logits, for parity tests of every loader.

Two Llamas, one with a tied head, the other with its own and other head counts; Qwen2 with its biases; phi-2, whose heads are
rotated in part, with queries, keys and values fused in GGUF and apart in SafeTensors; a Llama of tiny activations and scaled
frequencies, which tells a wrong epsilon or a lost scaling. F32 weights. The vocabulary is a stand-in
(ids are what the test feeds), said so in general.description.
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np

from files import head_width, read_gguf, write_gguf, write_safetensors
from reference import greedy, logits

VOCAB = 96
MODELS = {
    "tied": dict(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, head_dim=16),
    "untied": dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=6,
                   num_key_value_heads=3, head_dim=16),
    "qwen2": dict(model_type="qwen2", hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
                  num_key_value_heads=2, head_dim=16),
    "phi2": dict(model_type="phi", hidden_size=80, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, partial_rotary_factor=0.4, layer_norm_eps=1e-5),
    # Activations so small that the norms' epsilon shows, and waves long enough for Llama 3's scaling of all three kinds.
    "scaled": dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
                   num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-6,
                   rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                     original_max_position_embeddings=32)),
}
ABOUT = "Random weights for tests; the vocabulary is a stand-in of printable characters."


def phi_tensors(config, rng):
    """As tensors_of(), with biases as large as what they are added to."""
    d, f, k = config["hidden_size"], config["intermediate_size"], head_width(config)
    tensors = {}

    def linear(name, rows, cols, scale=1.0):
        tensors[name + ".weight"] = (rng.standard_normal((rows, cols)) * scale / cols ** 0.5).astype(np.float32)
        tensors[name + ".bias"] = (rng.standard_normal(rows) * scale).astype(np.float32)

    def norm(name):
        tensors[name + ".weight"] = (1 + 0.2 * rng.standard_normal(d)).astype(np.float32)
        tensors[name + ".bias"] = (0.5 * rng.standard_normal(d)).astype(np.float32)

    # A mean that LayerNorm must remove.
    tensors["model.embed_tokens.weight"] = (0.3 + 0.5 * rng.standard_normal((VOCAB, d))).astype(np.float32)
    for i in range(config["num_hidden_layers"]):
        p = f"model.layers.{i}."
        norm(p + "input_layernorm")
        for part, heads, scale in (("q", "attention", 1.5), ("k", "key_value", 1.5), ("v", "key_value", 1.0)):
            linear(f"{p}self_attn.{part}_proj", config[f"num_{heads}_heads"] * k, d, scale)
        linear(p + "self_attn.dense", d, config["num_attention_heads"] * k)
        linear(p + "mlp.fc1", f, d)
        linear(p + "mlp.fc2", d, f)
    norm("model.final_layernorm")
    linear("lm_head", VOCAB, d, 3.0)
    return tensors


def tensors_of(config, rng, tied):
    """Weights large enough that attention and SwiGLU are far from linear."""
    d, f, k = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    q, kv = config["num_attention_heads"] * k, config["num_key_value_heads"] * k
    matrix = lambda rows, cols, scale=1.0: (rng.standard_normal((rows, cols)) * scale / cols ** 0.5).astype(np.float32)
    norm = lambda: (1 + 0.2 * rng.standard_normal(d)).astype(np.float32)
    tensors = {"model.embed_tokens.weight": matrix(VOCAB, d, 4.0)}
    for i in range(config["num_hidden_layers"]):
        p = f"model.layers.{i}."
        tensors |= {p + "input_layernorm.weight": norm(), p + "self_attn.q_proj.weight": matrix(q, d, 2.0),
                    p + "self_attn.k_proj.weight": matrix(kv, d, 2.0), p + "self_attn.v_proj.weight": matrix(kv, d),
                    p + "self_attn.o_proj.weight": matrix(d, q), p + "post_attention_layernorm.weight": norm(),
                    p + "mlp.gate_proj.weight": matrix(f, d, 2.0), p + "mlp.up_proj.weight": matrix(f, d),
                    p + "mlp.down_proj.weight": matrix(d, f)}
        if config.get("model_type") == "qwen2":
            tensors |= {f"{p}self_attn.{n}_proj.bias": rng.standard_normal(rows).astype(np.float32)
                        for n, rows in (("q", q), ("k", kv), ("v", kv))}
    tensors["model.norm.weight"] = norm()
    if not tied:
        tensors["lm_head.weight"] = matrix(VOCAB, d, 3.0)
    return tensors


def stand_in_vocabulary(writer):
    """Three specials and printable ASCII, as a BPE vocabulary with no merges but one (GGUF wants a list)."""
    tokens = ["<s>", "</s>", "<pad>"] + [chr(33 + i) for i in range(VOCAB - 4)] + ["ab"]
    control, normal = int(gguf.TokenType.CONTROL), int(gguf.TokenType.NORMAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([control] * 3 + [normal] * (VOCAB - 3))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for offset, (name, shape) in enumerate(MODELS.items()):
        rng = np.random.default_rng(args.seed + offset)
        phi = name == "phi2"
        config = {"vocab_size": VOCAB, **shape, **({} if phi else {"rms_norm_eps": shape.get("rms_norm_eps", 1e-5)}), "rope_theta": 10000.0,
                  "max_position_embeddings": 128}
        tensors = phi_tensors(config, rng) if phi else tensors_of(config, rng, tied=name not in ("untied", "scaled"))
        if name == "scaled":  # the residual stays near 3e-3 all the way
            for part in tensors:
                if part.endswith(("embed_tokens.weight", "o_proj.weight", "down_proj.weight")):
                    tensors[part] *= np.float32(3e-3)
        about = {"name": f"golden-{name}", "description": ABOUT, "license": "Apache-2.0"}
        path = args.out / f"{name}.gguf"
        write_gguf(path, tensors, config, about, stand_in_vocabulary)
        write_safetensors(args.out / name, tensors, config, bos=0, eos=1)
        back = read_gguf(path, config)
        assert set(back) == set(tensors) and all(np.array_equal(back[n], tensors[n]) for n in tensors)
        ids = rng.integers(3, VOCAB, 24).tolist()
        new, lead = greedy(tensors, config, ids, 16)
        golden = {"seed": args.seed + offset, "reference": "NumPy float64, train/reference.py", "ids": ids,
                  "logits": np.round(logits(tensors, config, ids), 9).tolist(), "greedy": new,
                  "smallest_greedy_lead": lead}
        (args.out / f"{name}.json").write_text(json.dumps(golden) + "\n")
        print(name, "greedy", new, "smallest lead", lead)


if __name__ == "__main__":
    main()
