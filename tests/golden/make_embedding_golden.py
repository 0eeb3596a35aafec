"""Writes embeddings.json: the final hidden states of transformers in float64, pooled in each way, of models in this directory.

    python make_embedding_golden.py

Needs torch and transformers. Texts have several lengths, one of them a single token.
"""

import json
from pathlib import Path

import torch
import transformers

HERE = Path(__file__).parent
MODELS = ["tied", "qwen2", "models/gemma3"]
N_TEXTS = [1, 7, 24]


def pooled(model, ids):
    with torch.no_grad():
        states = model(torch.tensor([ids])).last_hidden_state[0]
    return {"mean": states.mean(0).tolist(), "cls": states[0].tolist(), "last": states[-1].tolist()}


def main():
    golden = {"reference": f"transformers {transformers.__version__}, float64", "models": {}}
    for name in MODELS:
        model = transformers.AutoModel.from_pretrained(HERE / name).double().eval()
        known = json.loads((HERE / f"{name}.json").read_text())["ids"]
        golden["models"][name] = [{"ids": known[:n], **pooled(model, known[:n])} for n in N_TEXTS]
    text = json.dumps(golden)
    (HERE / "embeddings.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
