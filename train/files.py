"""Writes a model given as Hugging Face tensors to the two file formats: GGUF (arch llama or qwen2) and a SafeTensors directory."""

import json
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file

GGUF_NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
              "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
              "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
TOP_NAMES = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}


def gguf_name(name):
    if name in TOP_NAMES:
        return TOP_NAMES[name]
    _, _, layer, rest = name.split(".", 3)
    module, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{GGUF_NAMES[module]}.{kind}"


def interleave(weight, n_heads):
    """Row order (i, i + K/2) of Hugging Face -> neighbouring pairs, as arch `llama` expects (convert_hf_to_gguf.py)."""
    rows, cols = weight.shape
    return weight.reshape(n_heads, 2, rows // n_heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def separate(weight, n_heads):
    """The inverse of `interleave`."""
    rows, cols = weight.shape
    return weight.reshape(n_heads, rows // n_heads // 2, 2, cols).swapaxes(1, 2).reshape(rows, cols)


def heads_of(name, config):
    """The number of heads whose rows are reordered in the GGUF form of this tensor, or 0 (arch qwen2 keeps them)."""
    if config.get("model_type") == "qwen2":
        return 0
    if name.endswith("q_proj.weight"):
        return config["num_attention_heads"]
    return config["num_key_value_heads"] if name.endswith("k_proj.weight") else 0


def write_gguf(path, tensors, config, about, vocabulary, quantise=None):
    """about: {name, description, license}; vocabulary: a function that adds the tokenizer keys to the writer."""
    w = gguf.GGUFWriter(str(path), config.get("model_type", "llama"))
    w.add_name(about["name"])
    w.add_description(about["description"])
    w.add_license(about["license"])
    w.add_context_length(config["max_position_embeddings"])
    w.add_embedding_length(config["hidden_size"])
    w.add_block_count(config["num_hidden_layers"])
    w.add_feed_forward_length(config["intermediate_size"])
    w.add_head_count(config["num_attention_heads"])
    w.add_head_count_kv(config["num_key_value_heads"])
    w.add_key_length(config["head_dim"])
    w.add_value_length(config["head_dim"])
    w.add_rope_dimension_count(config["head_dim"])
    w.add_rope_freq_base(config["rope_theta"])
    w.add_layer_norm_rms_eps(config["rms_norm_eps"])
    w.add_vocab_size(config["vocab_size"])
    w.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if quantise else gguf.LlamaFileType.ALL_F32)
    if quantise:
        w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    vocabulary(w)
    for name, tensor in tensors.items():
        tensor = np.ascontiguousarray(tensor, np.float32)
        if heads := heads_of(name, config):
            tensor = np.ascontiguousarray(interleave(tensor, heads))
        if quantise and tensor.ndim == 2:
            w.add_tensor(gguf_name(name), gguf.quants.quantize(tensor, quantise), raw_dtype=quantise)
        else:
            w.add_tensor(gguf_name(name), tensor)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def read_gguf(path, config):
    """The tensors of a GGUF file, dequantised and back under their Hugging Face names and layouts."""
    wanted = {v: k for k, v in TOP_NAMES.items()}
    for i in range(config["num_hidden_layers"]):
        for hf, short in GGUF_NAMES.items():
            wanted |= {f"blk.{i}.{short}.{kind}": f"model.layers.{i}.{hf}.{kind}" for kind in ("weight", "bias")}
    tensors = {}
    for t in gguf.GGUFReader(str(path)).tensors:
        name = wanted[t.name]
        values = gguf.quants.dequantize(t.data, t.tensor_type).reshape(tuple(int(n) for n in reversed(t.shape)))
        heads = heads_of(name, config)
        tensors[name] = separate(values, heads) if heads else values
    return tensors


def write_safetensors(folder, tensors, config, bos, eos):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({n: np.ascontiguousarray(t, np.float32) for n, t in tensors.items()}, folder / "model.safetensors",
              metadata={"format": "pt"})
    qwen2 = config.get("model_type") == "qwen2"
    full = {"architectures": ["Qwen2ForCausalLM" if qwen2 else "LlamaForCausalLM"], "model_type": "llama", **config,
            "hidden_act": "silu", **({"use_sliding_window": False} if qwen2 else
                                     {"attention_bias": False, "mlp_bias": False}), "rope_scaling": None,
            "tie_word_embeddings": "lm_head.weight" not in tensors, "torch_dtype": "float32", "bos_token_id": bos,
            "eos_token_id": eos}
    (folder / "config.json").write_text(json.dumps(full, indent=2) + "\n")
