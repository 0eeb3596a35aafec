"""Reads an exported GGUF back and compares: dequantised weights in the NumPy reference against the checkpoint in PyTorch.

The bound is the rounding of Q8_0, not a tuned number: the same dequantised weights in PyTorch must agree to float32
accuracy, and the distance to the unquantised checkpoint is reported.
"""

import argparse
from pathlib import Path

import jinja2
import gguf
import numpy as np
import torch
from tokenizers import Tokenizer

from export import hf_name, load_checkpoint
from files import read_gguf
from llama import Config, Llama
from reference import logits
from tokenizer import CHAT_TEMPLATE, chat_text

QUESTION = "What is 47 * 38?"


def torch_model(tensors, config):
    model = Llama(Config(**config)).eval()
    model.load_state_dict({n: torch.from_numpy(np.array(tensors[hf_name(n)], np.float32)) for n in model.state_dict()})
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("gguf", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    args = parser.parse_args()
    tensors, config, _ = load_checkpoint(args.checkpoint)
    back = read_gguf(args.gguf, config)
    assert set(back) == set(tensors)
    tokenizer = Tokenizer.from_file(str(args.tokenizer / "tokenizer.json"))
    turn = [{"role": "user", "content": QUESTION}]
    text = jinja2.Template(CHAT_TEMPLATE).render(messages=turn, add_generation_prompt=True)
    assert text == chat_text(QUESTION, "")[0], "template and training text differ"
    keys = gguf.GGUFReader(str(args.gguf)).fields
    assert keys["tokenizer.chat_template"].contents() == CHAT_TEMPLATE
    assert keys["tokenizer.ggml.tokens"].contents() == [tokenizer.id_to_token(i) for i in range(config["vocab_size"])]
    ids = tokenizer.encode(text).ids
    with torch.no_grad():
        batch = torch.tensor([ids])
        exact, shipped = (m.logits(m.hidden(batch))[0].numpy()
                          for m in (torch_model(tensors, config), torch_model(back, config)))
    numpy = logits(back, config, ids)
    error = np.abs(numpy - shipped).max()
    print(f"largest |logit| {np.abs(numpy).max():.3f}; NumPy float64 - PyTorch float32 on the shipped weights: "
          f"{error:.2e}; shipped - unquantised: {np.abs(shipped - exact).max():.3f}; "
          f"same top token at {np.mean(shipped.argmax(1) == exact.argmax(1)):.3f} of positions")
    assert error < 1e-3 * np.abs(numpy).max()


if __name__ == "__main__":
    main()
