"""Trains small tokenizers and records what their own libraries make of many texts.

Writes tok_*/tokenizer.json (Hugging Face tokenizers) or tok_*/tokenizer.model (SentencePiece), each
with ids.json, and tok_texts.json with the texts. Run again with the same versions, the files are
the same byte for byte.

    python tests/golden/make_tokenizer_golden.py      # needs: tokenizers, sentencepiece, protobuf, gguf
"""

import collections
import io
import json
import pathlib

import gguf
import numpy
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers

from tokenizer_texts import cases, corpus

HERE = pathlib.Path(__file__).parent
CORPUS = corpus(seed=11, n_lines=1500)
TEXTS = cases(seed=12, n_random=380)

# Llama 3's pattern: contractions, words with one leading character, digits by three.
WORD_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# The library decodes this added token through the byte alphabet, which garbles it: not compared.
GARBLED = "U\u0308bermut"
CHATML = [AddedToken(text, special=True) for text in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]


def write(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


def train_byte_level(pre_tokenizer, normalizer=None, **model_options):
    tokenizer = Tokenizer(models.BPE(**model_options))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=620, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=CHATML)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def digits_then_gpt2():
    return train_byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]))


def pattern_with_added_tokens():
    """NFC, ignore_merges, a BOS template, and added tokens with every flag."""
    tokenizer = train_byte_level(
        pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(WORD_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]),
        normalizer=normalizers.NFC(), ignore_merges=True)
    tokenizer.add_special_tokens([
        AddedToken("<s>", special=True), AddedToken("<mask>", lstrip=True, special=True),
        AddedToken("<tail>", rstrip=True, special=True)])
    tokenizer.add_tokens([
        AddedToken("whole", single_word=True, normalized=False),
        AddedToken(GARBLED, normalized=True), AddedToken("[TAG]", normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    return tokenizer


def llama_model():
    """Vocabulary and merges over text with U+2581 for spaces, and all byte tokens."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    # The trainer's own choice of an alphabet differs from run to run where counts are equal.
    counts = collections.Counter("".join(CORPUS).replace(" ", "▁"))
    alphabet = sorted(sorted(counts), key=lambda letter: -counts[letter])[:90]
    trained.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=alphabet, limit_alphabet=90, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    pieces += sorted(model["vocab"], key=model["vocab"].get)
    merges = [tuple(merge) for merge in model["merges"]]
    return models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges,
                      unk_token="<unk>", fuse_unk=True, byte_fallback=True)


def llama(legacy):
    tokenizer = Tokenizer(llama_model())
    if legacy:
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
        decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True, normalized=False) for text in ("<unk>", "<s>", "</s>")])
    tokenizer.add_tokens([AddedToken("[TAG]", normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    return tokenizer


def gemma4():
    """One BPE over whole texts whose spaces are visible."""
    tokenizer = Tokenizer(llama_model())
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True, normalized=False) for text in ("<unk>", "<s>", "</s>")])
    tokenizer.add_tokens([AddedToken("[TAG]", normalized=False)])
    return tokenizer


def write_gguf(name, tokenizer):
    """The vocabulary as llama.cpp's converter writes Gemma 4's, in the place of tokenizer.json."""
    description = json.loads(tokenizer.to_str())
    pieces = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    kinds = {"<unk>": gguf.TokenType.UNKNOWN, "<s>": gguf.TokenType.CONTROL, "</s>": gguf.TokenType.CONTROL,
             "[TAG]": gguf.TokenType.USER_DEFINED, **{f"<0x{byte:02X}>": gguf.TokenType.BYTE for byte in range(256)}}
    writer = gguf.GGUFWriter(HERE / name / "tokenizer.gguf", "gemma4")
    writer.add_tokenizer_model("gemma4")
    writer.add_token_list(pieces)
    writer.add_token_scores([-1000.0] * len(pieces))
    writer.add_token_types([int(kinds.get(piece, gguf.TokenType.NORMAL)) for piece in pieces])
    writer.add_token_merges([" ".join(merge) for merge in description["model"]["merges"]])
    writer.add_bos_token_id(pieces.index("<s>"))
    writer.add_eos_token_id(pieces.index("</s>"))
    writer.add_unk_token_id(pieces.index("<unk>"))
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(True)
    writer.add_tensor("token_embd.weight", numpy.zeros((len(pieces), 1), numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    (HERE / name / "tokenizer.json").unlink()


def unigram(**options):
    """As T5 and XLM-R have it: SentencePiece's unigram model and its precompiled normalization."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=written, model_type="unigram", vocab_size=700, hard_vocab_limit=False, num_threads=1,
        minloglevel=2, character_coverage=0.98, normalization_rule_name="nmt_nfkc", **options)
    proto = sentencepiece_model_pb2.ModelProto.FromString(written.getvalue())
    vocabulary = [(piece.piece, piece.score) for piece in proto.pieces]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=options.get("byte_fallback", False)))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="always")])
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in ("<unk>", "<s>", "</s>")])
    tokenizer.add_tokens([AddedToken("[TAG]", normalized=False)])
    return tokenizer


def word_piece(lowercase):
    """As BERT has it."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    # The trainer's own choice of an alphabet differs from run to run where counts are equal.
    counts = collections.Counter(tokenizer.normalizer.normalize_str("".join(CORPUS)))
    alphabet = sorted(sorted(counts), key=lambda letter: -counts[letter])[:90]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(
        vocab_size=600, initial_alphabet=alphabet, limit_alphabet=90, show_progress=False,
        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"]))
    tokenizer.add_tokens([AddedToken("[TAG]", normalized=False)])
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", tokenizer.token_to_id("[SEP]")), ("[CLS]", tokenizer.token_to_id("[CLS]")))
    return tokenizer


def record_hugging_face(name, tokenizer):
    """Ids with added tokens found ("special") and, where it differs, with special ones ignored."""
    text = tokenizer.to_str()
    (HERE / name).mkdir(exist_ok=True)
    (HERE / name / "tokenizer.json").write_text(text + "\n")
    rows = []
    for case in TEXTS:
        tokenizer.encode_special_tokens = False
        row = {"ids": tokenizer.encode(case, add_special_tokens=False).ids}
        decoded = tokenizer.decode(row["ids"], skip_special_tokens=True)
        if decoded != case:
            row["decoded"] = decoded
        if tokenizer.token_to_id(GARBLED) in row["ids"]:
            row["decoded"] = None
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(case, add_special_tokens=False).ids
        if plain != row["ids"]:
            row["plain"] = plain
        rows.append(row)
    write(HERE / name / "ids.json", rows)


def record_sentencepiece(name, **options):
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=written, model_type="bpe", vocab_size=560,
        normalization_rule_name="identity", num_threads=1, minloglevel=2, **options)
    model = written.getvalue()
    (HERE / name).mkdir(exist_ok=True)
    (HERE / name / "tokenizer.model").write_bytes(model)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    rows = []
    for case in TEXTS:
        ids = processor.encode(case)
        row = {"plain": ids}
        decoded = processor.decode(ids)
        if decoded != case:
            row["decoded"] = decoded
        # The library takes every leading U+2581 of the text for a space to drop: not compared.
        if options["remove_extra_whitespaces"] and case.lstrip().startswith("▁"):
            row["decoded"] = None
        rows.append(row)
    write(HERE / name / "ids.json", rows)


def main():
    write(HERE / "tok_texts.json", TEXTS)
    record_hugging_face("tok_digits", digits_then_gpt2())
    record_hugging_face("tok_pattern", pattern_with_added_tokens())
    record_hugging_face("tok_llama_legacy", llama(legacy=True))
    record_hugging_face("tok_llama", llama(legacy=False))
    record_hugging_face("tok_unigram", unigram())
    record_hugging_face("tok_unigram_bytes", unigram(byte_fallback=True))
    tokenizer = gemma4()
    record_hugging_face("tok_gemma4", tokenizer)
    write_gguf("tok_gemma4", tokenizer)
    record_hugging_face("tok_word_piece", word_piece(lowercase=True))
    record_hugging_face("tok_word_piece_cased", word_piece(lowercase=False))
    record_sentencepiece("tok_sentencepiece", byte_fallback=True, remove_extra_whitespaces=False,
                         user_defined_symbols=["[TAG]", "whole"], character_coverage=0.98)
    record_sentencepiece("tok_sentencepiece_strict", byte_fallback=False, add_dummy_prefix=True,
                         remove_extra_whitespaces=True, character_coverage=0.98)


if __name__ == "__main__":
    main()
