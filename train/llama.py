"""The Llama architecture in PyTorch, as small as it gets. Weight names and layouts are those of Hugging Face transformers."""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    vocab_size: int = 1024
    hidden_size: int = 192
    intermediate_size: int = 576
    num_hidden_layers: int = 6
    num_attention_heads: int = 3
    num_key_value_heads: int = 1
    head_dim: int = 64
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    max_position_embeddings: int = 512

    as_dict = asdict


SIZES = {"main": Config(),
         "draft": Config(hidden_size=96, intermediate_size=288, num_hidden_layers=2, num_attention_heads=3,
                         head_dim=32)}


def rope_tables(c, n):
    freq = c.rope_theta ** (-torch.arange(0, c.head_dim, 2).float() / c.head_dim)
    angle = torch.outer(torch.arange(n).float(), freq)
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-b, a], dim=-1) * sin


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.q_proj = nn.Linear(c.hidden_size, c.num_attention_heads * c.head_dim, bias=False)
        self.k_proj = nn.Linear(c.hidden_size, c.num_key_value_heads * c.head_dim, bias=False)
        self.v_proj = nn.Linear(c.hidden_size, c.num_key_value_heads * c.head_dim, bias=False)
        self.o_proj = nn.Linear(c.num_attention_heads * c.head_dim, c.hidden_size, bias=False)
        self.gate_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.up_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.down_proj = nn.Linear(c.intermediate_size, c.hidden_size, bias=False)
        self.input_layernorm = nn.RMSNorm(c.hidden_size, eps=c.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(c.hidden_size, eps=c.rms_norm_eps)

    def forward(self, x, cos, sin, cache=None, mask=None):
        """cache: None, or [k, v] of the earlier positions, extended in place. mask: None means causal."""
        c, (b, t, _) = self.c, x.shape
        h = self.input_layernorm(x)
        q = rotate(self.q_proj(h).view(b, t, -1, c.head_dim).transpose(1, 2), cos, sin)
        k = rotate(self.k_proj(h).view(b, t, -1, c.head_dim).transpose(1, 2), cos, sin)
        v = self.v_proj(h).view(b, t, -1, c.head_dim).transpose(1, 2)
        if cache is not None:
            if cache:
                k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)
            cache[:] = [k, v]
        group = c.num_attention_heads // c.num_key_value_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        x = x + self.o_proj(a.transpose(1, 2).reshape(b, t, -1))
        h = self.post_attention_layernorm(x)
        return x + self.down_proj(F.silu(self.gate_proj(h)) * self.up_proj(h))


class Llama(nn.Module):
    """Tied head: logits = norm(x) . embedding^T."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.num_hidden_layers))
        self.norm = nn.RMSNorm(c.hidden_size, eps=c.rms_norm_eps)
        cos, sin = rope_tables(c, c.max_position_embeddings)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                deep = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(p, std=p.shape[1] ** -0.5 * (0.5 / c.num_hidden_layers ** 0.5 if deep else 1.0))

    def hidden(self, ids, seen=None):
        """seen: [b, 1, t, t], true where a position (row) may look at another (column); None means causal."""
        t = ids.shape[1]
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, self.cos[:t], self.sin[:t], mask=seen)
        return self.norm(x)

    def logits(self, hidden):
        return hidden @ self.embed_tokens.weight.T


@torch.no_grad()
def clip_attention(model, ids, seen, limit, reduce_max=lambda peaks: None):
    """Scales down the queries of each head whose largest attention logit exceeds `limit` (QK-Clip of arXiv:2507.20534,
    on the queries alone, since heads share their keys). Muon moves every singular direction at the same rate, so
    without it logits pass 300, attention is one-hot before it has learned where to look, and no gradient comes back.
    Returns the largest logit of all heads; `reduce_max` makes ranks agree."""
    c, t = model.c, ids.shape[1]
    x, cos, sin = model.embed_tokens(ids), model.cos[:t], model.sin[:t]
    peaks = torch.zeros(len(model.layers), c.num_attention_heads)
    for i, layer in enumerate(model.layers):
        h = layer.input_layernorm(x)
        q, k = (rotate(p(h).view(*ids.shape, -1, c.head_dim).transpose(1, 2), cos, sin)
                for p in (layer.q_proj, layer.k_proj))
        k = k.repeat_interleave(c.num_attention_heads // c.num_key_value_heads, dim=1)
        logits = (q @ k.transpose(2, 3) * c.head_dim ** -0.5).masked_fill(~seen, 0.0)
        peaks[i] = logits.amax(dim=(0, 2, 3))
        x = layer(x, cos, sin, mask=seen)
    reduce_max(peaks)
    for layer, factors in zip(model.layers, (limit / peaks).clamp(max=1.0)):
        layer.q_proj.weight.view(c.num_attention_heads, -1).mul_(factors[:, None])
    return peaks.max().item()


def n_parameters(model):
    return sum(p.numel() for p in model.parameters())
