"""Llama (and Qwen2: biases on q, k and v) forward pass in float64 NumPy, written apart from llama.py: the reference for golden logits.

Works on a dict of Hugging Face tensor names and one config dict; recomputes everything for every position (no cache).
Keys and values can be rounded to the type of an engine's cache: on real weights that rounding alone moves logits by
0.04 (stories260K, float16), much more than float32 arithmetic does.
"""

import numpy as np


def rms_norm(x, weight, eps):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def rope(x, theta):
    """x [T, heads, K]; pairs (i, i + K/2), the Hugging Face layout."""
    n_pos, _, width = x.shape
    half = width // 2
    angle = np.arange(n_pos)[:, None] * theta ** (-np.arange(half) * 2.0 / width)[None, :]
    cos, sin = np.cos(angle)[:, None, :], np.sin(angle)[:, None, :]
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


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
    eps, theta, width = config["rms_norm_eps"], config["rope_theta"], config["head_dim"]
    x = w["model.embed_tokens.weight"][np.asarray(ids)]
    for i in range(config["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = rms_norm(x, w[p + "input_layernorm.weight"], eps)
        q, k, v = ((h @ w[f"{p}self_attn.{n}_proj.weight"].T + w.get(f"{p}self_attn.{n}_proj.bias", 0.0))
                   .reshape(len(ids), -1, width) for n in "qkv")
        k, v = rope(k, theta).astype(cache).astype(np.float64), v.astype(cache).astype(np.float64)
        x = x + attention(rope(q, theta), k, v) @ w[p + "self_attn.o_proj.weight"].T
        h = rms_norm(x, w[p + "post_attention_layernorm.weight"], eps)
        gate, up = h @ w[p + "mlp.gate_proj.weight"].T, h @ w[p + "mlp.up_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ w[p + "mlp.down_proj.weight"].T
    head = w.get("lm_head.weight", w["model.embed_tokens.weight"])
    return rms_norm(x, w["model.norm.weight"], eps) @ head.T


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
