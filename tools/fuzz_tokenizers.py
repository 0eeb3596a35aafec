#!/usr/bin/env python3
"""Ids of whet beside those of Hugging Face's tokenizers on random texts, for every family of tokenizers.

    cmake --build --preset dev --target whet_encode_texts
    python3 tools/fuzz_tokenizers.py build/dev/src/token/whet_encode_texts [--count N] [--speed MB] [FAMILY...]

A family is a way to cut text into words. Of each a small vocabulary is trained here on text in many scripts, written as
tokenizer.json and, where llama.cpp has a name for the family, as GGUF. Texts that spell "<0x0A>" or "<unk>" are left out for unigram
vocabularies: there tokenizers takes the spelling for the token, which whet lets no text do. --speed compares the
CPU time of both for so much text on one thread, too.
Needs tokenizers, gguf and numpy; the unigram and WordPiece vocabularies and Llama's are those of tests/golden.
"""

import argparse
import inspect
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/golden"))

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers  # noqa: E402

from tokenizer_texts import cases, corpus  # noqa: E402

SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
TITLE = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
UPPER = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"


def split(*patterns):
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in patterns] +
        [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def gpt2(*before):
    return pre_tokenizers.Sequence([*before, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])


# Family: (pre-tokenizer as the models' own tokenizer.json has it, normalizer, llama.cpp's name or none, options of BPE)
FAMILIES = {
    "gpt2": (gpt2(), None, "gpt-2", {}),
    "smollm": (gpt2(pre_tokenizers.Digits(individual_digits=True)), None, "smollm", {}),
    "llama3": (split(CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES), None, "llama-bpe",
               {"ignore_merges": True}),
    "qwen2": (split(CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES), None, "qwen2", {}),
    "qwen2_nfc": (split(CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES), normalizers.NFC(),
                  None, {}),
    "qwen35": (split(CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + SPACES), None, "qwen35",
               {}),
    "tekken": (split(TITLE + "|" + UPPER + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACES), None, "tekken", {"ignore_merges": True}),
    "gpt4o": (split(TITLE + CONTRACTIONS + "?|" + UPPER + CONTRACTIONS + r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACES), None,
              "gpt-4o", {}),
    "deepseek3": (split(r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+",
                        r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
                        + SPACES), None, "deepseek-v3", {}),
    "falcon": (pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation(behavior="contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Split(Regex(r"[0-9][0-9][0-9]"), behavior="isolated")]),
        None, None, {}),
    "bloom": (split(r" ?[^(\s|[.,!?…。，、।۔،])]+"), None, "bloom", {}),
}
GOLDEN = ["tok_llama", "tok_llama_legacy", "tok_pattern", "tok_unigram", "tok_unigram_bytes", "tok_word_piece", "tok_word_piece_cased"]


def train(family, lines):
    pre_tokenizer, normalizer, _, options = FAMILIES[family]
    tokenizer = Tokenizer(models.BPE(**options))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=1500, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken(text, special=True) for text in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]))
    return tokenizer


def write_gguf(path, tokenizer, name):
    import gguf
    import numpy
    vocabulary = tokenizer.get_vocab()
    pieces = sorted(vocabulary, key=vocabulary.get)
    control, normal = int(gguf.TokenType.CONTROL), int(gguf.TokenType.NORMAL)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(name)
    writer.add_token_list(pieces)
    writer.add_token_types([control if piece.startswith("<|") else normal for piece in pieces])
    writer.add_token_merges([" ".join(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]])
    writer.add_eos_token_id(vocabulary["<|endoftext|>"])
    writer.add_bos_token_id(vocabulary["<|endoftext|>"])
    writer.add_tensor("token_embd.weight", numpy.zeros((len(pieces), 1), numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def whet_ids(program, path, texts):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([program, path], input=lines, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    *ids, seconds = done.stdout.splitlines()
    return [json.loads(line) for line in ids], float(seconds)


def compare(program, name, path, tokenizer, texts):
    """The number of texts whose ids differ; prints the first."""
    got, _ = whet_ids(program, path, texts)
    wrong = [(text, want.ids, ids) for text, want, ids in zip(texts, tokenizer.encode_batch(texts, add_special_tokens=False), got)
             if want.ids != ids]
    print(f"{name:22} {path.suffix[1:]:5} {len(texts)} texts, {len(wrong)} differ", flush=True)
    for text, want, ids in wrong[:3]:
        print(f"    {text!r}\n      tokenizers {[tokenizer.id_to_token(i) for i in want]}\n"
              f"      whet       {None if ids is None else [tokenizer.id_to_token(i) for i in ids]}")
    return len(wrong)


def race(program, name, path, tokenizer, megabytes):
    lines = corpus(seed=99, n_lines=20000)
    block = "\n".join(lines)
    text = (block * (megabytes * 2 ** 20 // len(block.encode()) + 1)).encode()[:megabytes * 2 ** 20].decode(errors="ignore")
    texts = [text[i:i + 2 ** 16] for i in range(0, len(text), 2 ** 16)]
    _, ours = whet_ids(program, path, texts)
    start = time.process_time()
    for part in texts:
        tokenizer.encode(part, add_special_tokens=False)
    theirs = time.process_time() - start
    print(f"{name:22} {megabytes / ours:.1f} MB/s, tokenizers {megabytes / theirs:.1f} MB per second of CPU time", flush=True)


def main():
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("families", nargs="*")
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=int, metavar="MB", default=0)
    args = parser.parse_args()
    texts = cases(args.seed, args.count)
    lines = corpus(seed=11, n_lines=3000)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for family in args.families or [*FAMILIES, *GOLDEN]:
            if family in GOLDEN:
                path = ROOT / "tests/golden" / family / "tokenizer.json"
                tokenizer = Tokenizer.from_file(str(path))
                honest = [text for text in texts if "<0x" not in text and "<unk>" not in text]
                wrong += compare(args.program, family, path, tokenizer, honest if "unigram" in family else texts)
            else:
                path = Path(folder) / family / "tokenizer.json"
                path.parent.mkdir()
                tokenizer = train(family, lines)
                tokenizer.save(str(path))
                wrong += compare(args.program, family, path, tokenizer, texts)
                if FAMILIES[family][2] is not None:
                    write_gguf(path.with_suffix(".gguf"), tokenizer, FAMILIES[family][2])
                    wrong += compare(args.program, family, path.with_suffix(".gguf"), tokenizer, texts)
            if args.speed:
                race(args.program, family, path, tokenizer, args.speed)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
