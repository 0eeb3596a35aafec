"""Forward pass of Llama, Qwen2 and phi-2 in float64 NumPy, written apart from llama.py: the reference for golden logits.

Works on a dict of Hugging Face tensor names and one config dict; recomputes everything for every position (no cache).
Keys and values can be rounded to the type of an engine's cache: on real weights that rounding alone moves logits by
0.04 (stories260K, float16), much more than float32 arithmetic does.
"""

import numpy as np


def rms_norm(x, weight, eps):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def layer_norm(x, weight, bias, eps):
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + eps) * weight + bias


def gelu(x):
    """The tanh approximation, "gelu_new"."""
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))


def frequencies(config, rotated):
    """Of each rotated pair, with Llama 3's scaling where the configuration has it: long waves are stretched by `factor`."""
    frequency = config["rope_theta"] ** (-np.arange(rotated // 2) * 2.0 / rotated)
    scaling = config.get("rope_scaling")
    if not scaling:
        return frequency
    assert scaling["rope_type"] == "llama3"
    turns = scaling["original_max_position_embeddings"] * frequency / (2 * np.pi)
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    kept = np.clip((turns - low) / (high - low), 0, 1)
    return frequency * (kept + (1 - kept) / scaling["factor"])


def rope(x, frequency, rotated):
    """x [T, heads, K]; pairs (i, i + rotated/2) of the first `rotated` elements, the Hugging Face layout."""
    half = rotated // 2
    angle = np.arange(len(x))[:, None] * frequency[None, :]
    cos, sin = np.cos(angle)[:, None, :], np.sin(angle)[:, None, :]
    a, b, rest = x[..., :half], x[..., half:rotated], x[..., rotated:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin, rest], axis=-1)


def attention(q, k, v):
    """Causal; q [T, H, K], k and v [T, G, K]; query head h reads group h // (H / G)."""
    n_pos, n_heads, width = q.shape
    per_group = n_heads // k.shape[1]
    future = np.triu(np.ones((n_pos, n_pos), bool), 1)
    out = np.empty_like(q)
    for h in range(n_heads):
        scores = q[:, h] @ k[:, h // per_group].T / np.sqrt(width)
        scores[future] = -np.inf
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        out[:, h] = scores / scores.sum(axis=-1, keepdims=True) @ v[:, h // per_group]
    return out.reshape(n_pos, n_heads * width)


def logits(tensors, config, ids, cache=np.float64):
    """[T, V] for the given ids; `cache` is the type that keys (rotated) and values are rounded to."""
    w = {name: np.asarray(t, np.float64) for name, t in tensors.items()}
    phi = config.get("model_type") == "phi"
    width = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
    rotated = int(width * config.get("partial_rotary_factor", 1))
    turn = frequencies(config, rotated)

    def linear(h, name):
        return h @ w[name + ".weight"].T + w.get(name + ".bias", 0.0)

    def norm(h, name):
        if phi:
            return layer_norm(h, w[name + ".weight"], w[name + ".bias"], config["layer_norm_eps"])
        return rms_norm(h, w[name + ".weight"], config["rms_norm_eps"])

    x = w["model.embed_tokens.weight"][np.asarray(ids)]
    for i in range(config["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = norm(x, p + "input_layernorm")
        q, k, v = (linear(h, f"{p}self_attn.{n}_proj").reshape(len(ids), -1, width) for n in "qkv")
        k, v = rope(k, turn, rotated).astype(cache).astype(np.float64), v.astype(cache).astype(np.float64)
        attended = attention(rope(q, turn, rotated), k, v)
        if phi:
            x = x + linear(attended, p + "self_attn.dense") + linear(gelu(linear(h, p + "mlp.fc1")), p + "mlp.fc2")
            continue
        x = x + linear(attended, p + "self_attn.o_proj")
        h = norm(x, p + "post_attention_layernorm")
        gate, up = linear(h, p + "mlp.gate_proj"), linear(h, p + "mlp.up_proj")
        x = x + linear(gate / (1 + np.exp(-gate)) * up, p + "mlp.down_proj")
    head = w.get("lm_head.weight", w["model.embed_tokens.weight"])
    return norm(x, "model.final_layernorm" if phi else "model.norm") @ head.T + w.get("lm_head.bias", 0.0)


def greedy(tensors, config, ids, n_new, cache=np.float64):
    """The greedy continuation; its smallest top-1 lead says how robust it is against rounding."""
    ids, new, lead = list(ids), [], np.inf
    for _ in range(n_new):
        last = logits(tensors, config, ids, cache)[-1]
        second, first = np.sort(last)[-2:]
        lead = min(lead, first - second)
        new.append(int(np.argmax(last)))
        ids.append(new[-1])
    return new, float(lead)
