"""Converts llama2.c's stories260K.bin to GGUF (F32) and records reference logits for it (float64, K and V in float16).

The .bin holds no vocabulary. The GGUF gets a synthetic one: the three specials, 256 byte tokens and numbered pieces, so
ids are right and text is not; general.description says so. Layout of the .bin: llama2.c, run.c, memory_map_weights.
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np

from files import separate, write_gguf
from reference import greedy, logits

IDS = [1, 403, 407, 261, 378, 31, 5, 260, 17, 421, 300, 511, 259, 42, 128, 77, 350, 290, 3, 480, 265, 311, 199, 404]
TOP = 16
ABOUT = {"name": "stories260K", "license": "MIT",
         "description": "karpathy/tinyllamas stories260K; synthetic vocabulary, token ids are right but text is not."}


def read(path):
    """(tensors under Hugging Face names and layouts, config)"""
    data = path.read_bytes()
    d, f, n_layers, h, g, v, s = np.frombuffer(data, "<i4", 7).tolist()
    floats, at = np.frombuffer(data, "<f4", offset=28), 0
    if v <= 0:
        raise SystemExit("expected a shared head (positive vocabulary size)")

    def take(*shape):
        nonlocal at
        n = int(np.prod(shape))
        at += n
        return floats[at - n:at].reshape(shape)
    k = d // h
    tensors = {"model.embed_tokens.weight": take(v, d)}
    per_layer = [("input_layernorm", (d,)), ("self_attn.q_proj", (h * k, d)), ("self_attn.k_proj", (g * k, d)),
                 ("self_attn.v_proj", (g * k, d)), ("self_attn.o_proj", (d, h * k)), ("post_attention_layernorm", (d,)),
                 ("mlp.gate_proj", (f, d)), ("mlp.down_proj", (d, f)), ("mlp.up_proj", (f, d))]
    for name, shape in per_layer:
        for i, tensor in enumerate(take(n_layers, *shape)):
            if name.endswith(("q_proj", "k_proj")):
                tensor = separate(tensor, shape[0] // k)
            tensors[f"model.layers.{i}.{name}.weight"] = tensor
    tensors["model.norm.weight"] = take(d)
    config = {"vocab_size": v, "hidden_size": d, "intermediate_size": f, "num_hidden_layers": n_layers,
              "num_attention_heads": h, "num_key_value_heads": g, "head_dim": k, "rms_norm_eps": 1e-5,
              "rope_theta": 10000.0, "max_position_embeddings": s}
    return tensors, config


def vocabulary_of(size):
    """A writer of the synthetic SentencePiece-style vocabulary."""
    def write(writer):
        kinds = gguf.TokenType
        tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
        types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL] + [kinds.BYTE] * 256
        n_pieces = size - len(tokens)
        tokens += [f"\u2581{i}" for i in range(n_pieces)]
        types += [kinds.NORMAL] * n_pieces
        writer.add_tokenizer_model("llama")
        writer.add_token_list(tokens)
        writer.add_token_scores([0.0] * 259 + [-float(i) for i in range(n_pieces)])
        writer.add_token_types([int(t) for t in types])
        writer.add_unk_token_id(0)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_add_bos_token(True)
    return write


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin", type=Path, help="stories260K.bin")
    parser.add_argument("--gguf", type=Path, help="where to write the GGUF file")
    parser.add_argument("--golden", type=Path, help="where to write the reference logits (JSON)")
    args = parser.parse_args()
    tensors, config = read(args.bin)
    if args.gguf:
        write_gguf(args.gguf, tensors, config, ABOUT, vocabulary_of(config["vocab_size"]))
    if args.golden:
        rows = logits(tensors, config, IDS, np.float16)
        top = np.argsort(-rows, axis=1)[:, :TOP]
        new, lead = greedy(tensors, config, IDS[:1], 32, np.float16)
        golden = {"source": "stories260K.bin, llama2.c, MIT", "reference": "NumPy float64 with K and V rounded to float16, train/reference.py",
                  "ids": IDS, "argmax": top[:, 0].tolist(),
                  "top": [[[int(i), float(f"{row[i]:.6g}")] for i in best] for row, best in zip(rows, top)],
                  "greedy_from": IDS[:1], "greedy": new, "smallest_greedy_lead": lead}
        args.golden.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
