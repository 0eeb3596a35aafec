"""Writes a checkpoint of train.py as a Q8_0 GGUF file and, if asked, as a Hugging Face SafeTensors directory (F32)."""

import argparse
import json
import shutil
from pathlib import Path

import gguf
import torch

from files import write_gguf, write_safetensors
from tokenizer import CHAT_TEMPLATE, SPECIALS

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")


def hf_name(name):
    """layers.0.q_proj.weight -> model.layers.0.self_attn.q_proj.weight"""
    for group, members in (("self_attn", ATTENTION), ("mlp", MLP)):
        for member in members:
            name = name.replace(f".{member}.", f".{group}.{member}.")
    return f"model.{name}"


def load_checkpoint(path):
    """(tensors under Hugging Face names, config, facts of the run)"""
    data = torch.load(path, weights_only=True)
    return {hf_name(n): t.numpy() for n, t in data["model"].items()}, data["config"], data["facts"]


def vocabulary_of(tokenizer_json):
    """A writer of the tokenizer keys: byte-level BPE, pre-tokenizer `smollm`, ChatML."""
    data = json.loads(tokenizer_json.read_text())
    ids = data["model"]["vocab"]
    tokens = sorted(ids, key=ids.get)
    merges = [m if isinstance(m, str) else " ".join(m) for m in data["model"]["merges"]]

    def write(w):
        kinds = gguf.TokenType
        w.add_tokenizer_model("gpt2")
        w.add_tokenizer_pre("smollm")
        w.add_token_list(tokens)
        w.add_token_types([int(kinds.CONTROL if t in SPECIALS else kinds.NORMAL) for t in tokens])
        w.add_token_merges(merges)
        w.add_bos_token_id(ids[SPECIALS[0]])
        w.add_eos_token_id(ids[SPECIALS[2]])
        w.add_pad_token_id(ids[SPECIALS[0]])
        w.add_add_bos_token(False)
        w.add_chat_template(CHAT_TEMPLATE)
    return write


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--safetensors", type=Path)
    args = parser.parse_args()
    tensors, config, facts = load_checkpoint(args.checkpoint)
    about = {"name": args.name, "license": "Apache-2.0",
             "description": f"Very small chat model of whet for short checkable tasks; {facts['parameters']} parameters, "
                            f"{facts['tokens']} training tokens, all synthetic. See models/CARD.md."}
    args.gguf.parent.mkdir(parents=True, exist_ok=True)
    write_gguf(args.gguf, tensors, config, about, vocabulary_of(args.tokenizer / "tokenizer.json"),
               quantise=gguf.GGMLQuantizationType.Q8_0)
    if args.safetensors:
        write_safetensors(args.safetensors, tensors, config, bos=0, eos=2)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(args.tokenizer / name, args.safetensors / name)
        generation = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 0, "do_sample": False}
        (args.safetensors / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")


if __name__ == "__main__":
    main()
