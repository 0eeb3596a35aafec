"""Writes a model given as Hugging Face tensors to the two file formats: GGUF (arch llama, qwen2 or phi2) and a SafeTensors
directory."""

import json
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file

from reference import frequencies

QKV = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v"}
LLAMA_NAMES = {**QKV, "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
               "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
PHI_NAMES = {**QKV, "self_attn.dense": "attn_output", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down",
             "input_layernorm": "attn_norm"}
# What config.json says beyond the sizes.
FEATURES = {"llama": {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False},
            "qwen2": {"hidden_act": "silu", "use_sliding_window": False},
            "phi": {"hidden_act": "gelu_new", "qk_layernorm": False}}


def model_type(config):
    return config.get("model_type", "llama")


def head_width(config):
    return config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])


def gguf_names(config):
    """Hugging Face name of every tensor that the architecture may have -> its name in GGUF."""
    phi = model_type(config) == "phi"
    stems = {"model.embed_tokens": "token_embd", "lm_head": "output",
             "model.final_layernorm" if phi else "model.norm": "output_norm"}
    for i in range(config["num_hidden_layers"]):
        stems |= {f"model.layers.{i}.{k}": f"blk.{i}.{v}" for k, v in (PHI_NAMES if phi else LLAMA_NAMES).items()}
    return {f"{k}.{kind}": f"{v}.{kind}" for k, v in stems.items() for kind in ("weight", "bias")}


def fuse(tensors, config):
    """Queries, keys and values (GGUF names) as one tensor each, in this order of rows: the form of published phi2 files."""
    for i in range(config["num_hidden_layers"]):
        for kind in ("weight", "bias"):
            parts = [tensors.pop(f"blk.{i}.attn_{n}.{kind}") for n in "qkv"]
            tensors[f"blk.{i}.attn_qkv.{kind}"] = np.concatenate(parts)
    return tensors


def unfuse(tensors, config):
    """The inverse of `fuse`."""
    q = config["num_attention_heads"] * head_width(config)
    for name in [n for n in tensors if ".attn_qkv." in n]:
        parts = np.split(tensors.pop(name), [q, q + config["num_key_value_heads"] * head_width(config)])
        tensors |= {name.replace("attn_qkv", f"attn_{n}"): part for n, part in zip("qkv", parts)}
    return tensors


def interleave(weight, n_heads):
    """Row order (i, i + K/2) of Hugging Face -> neighbouring pairs, as arch `llama` expects (convert_hf_to_gguf.py)."""
    rows, cols = weight.shape
    return weight.reshape(n_heads, 2, rows // n_heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def separate(weight, n_heads):
    """The inverse of `interleave`."""
    rows, cols = weight.shape
    return weight.reshape(n_heads, rows // n_heads // 2, 2, cols).swapaxes(1, 2).reshape(rows, cols)


def heads_of(name, config):
    """The number of heads whose rows are reordered in the GGUF form of this tensor, or 0 (only arch llama has another
    order)."""
    if model_type(config) != "llama":
        return 0
    if name.endswith("q_proj.weight"):
        return config["num_attention_heads"]
    return config["num_key_value_heads"] if name.endswith("k_proj.weight") else 0


def write_gguf(path, tensors, config, about, vocabulary, quantise=None):
    """about: {name, description, license}; vocabulary: a function that adds the tokenizer keys to the writer."""
    phi = model_type(config) == "phi"
    w = gguf.GGUFWriter(str(path), "phi2" if phi else model_type(config))
    w.add_name(about["name"])
    w.add_description(about["description"])
    w.add_license(about["license"])
    w.add_context_length(config["max_position_embeddings"])
    w.add_embedding_length(config["hidden_size"])
    w.add_block_count(config["num_hidden_layers"])
    w.add_feed_forward_length(config["intermediate_size"])
    w.add_head_count(config["num_attention_heads"])
    w.add_head_count_kv(config["num_key_value_heads"])
    if not phi:  # llama.cpp's converter leaves phi2's width of a head to the reader
        w.add_key_length(config["head_dim"])
        w.add_value_length(config["head_dim"])
    w.add_rope_dimension_count(int(head_width(config) * config.get("partial_rotary_factor", 1)))
    w.add_rope_freq_base(config["rope_theta"])
    if phi:
        w.add_layer_norm_eps(config["layer_norm_eps"])
    else:
        w.add_layer_norm_rms_eps(config["rms_norm_eps"])
    w.add_vocab_size(config["vocab_size"])
    w.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if quantise else gguf.LlamaFileType.ALL_F32)
    if quantise:
        w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    vocabulary(w)
    names = gguf_names(config)
    renamed = {}
    for name, tensor in tensors.items():
        tensor = np.ascontiguousarray(tensor, np.float32)
        if heads := heads_of(name, config):
            tensor = np.ascontiguousarray(interleave(tensor, heads))
        renamed[names[name]] = tensor
    if config.get("rope_scaling"):  # as llama.cpp's converter: divisors of the frequencies
        rotated = head_width(config)
        divisors = frequencies({**config, "rope_scaling": None}, rotated) / frequencies(config, rotated)
        renamed["rope_freqs.weight"] = divisors.astype(np.float32)
    for name, tensor in (fuse(renamed, config) if phi else renamed).items():
        if quantise and tensor.ndim == 2:
            w.add_tensor(name, gguf.quants.quantize(tensor, quantise), raw_dtype=quantise)
        else:
            w.add_tensor(name, tensor)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def read_gguf(path, config):
    """The tensors of a GGUF file, dequantised and back under their Hugging Face names and layouts."""
    wanted = {v: k for k, v in gguf_names(config).items()}
    stored = {t.name: gguf.quants.dequantize(t.data, t.tensor_type).reshape(tuple(int(n) for n in reversed(t.shape)))
              for t in gguf.GGUFReader(str(path)).tensors}
    tensors = {}
    stored.pop("rope_freqs.weight", None)
    for name, values in unfuse(stored, config).items():
        heads = heads_of(wanted[name], config)
        tensors[wanted[name]] = separate(values, heads) if heads else values
    return tensors


def write_safetensors(folder, tensors, config, bos, eos):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({n: np.ascontiguousarray(t, np.float32) for n, t in tensors.items()}, folder / "model.safetensors",
              metadata={"format": "pt"})
    kind = model_type(config)
    full = {"architectures": [f"{kind.capitalize()}ForCausalLM"], "model_type": "llama", **config, **FEATURES[kind],
            "rope_scaling": config.get("rope_scaling"),
            "tie_word_embeddings": "lm_head.weight" not in tensors, "torch_dtype": "float32", "bos_token_id": bos,
            "eos_token_id": eos}
    (folder / "config.json").write_text(json.dumps(full, indent=2) + "\n")
