"""Texts for the tokenizer goldens: a small corpus in many scripts, and cases that tokenizers get
wrong. Everything comes from one seeded generator; no text is quoted from anywhere."""

import random

WORDS = (
    "the of and to in is that it was for on are as with they be at one have this from or had by "
    "water under river stone light morning paper signal branch garden number seven eleven count "
    "answer question return while print total value index list function string integer model token "
    "can't don't we're they'll I've she'd it's I'M YOU'RE They'Ve"
).split()

SCRIPTS = [
    "größe übermut straße füße naïve café señor déjà",
    "вода камень свет утро бумага сигнал ветка сад",
    "νερό πέτρα φως πρωί χαρτί σήμα κλαδί κήπος",
    "水 石 光 早晨 纸张 信号 树枝 花园 数字",
    "みず いし ひかり カミ シグナル エダ ニワ",
    "물 돌 빛 아침 종이 신호 가지 정원",
    "ماء حجر ضوء صباح ورق إشارة",
    "पानी पत्थर रोशनी सुबह कागज़",
    "น้ำ หิน แสง เช้า กระดาษ",
]

EMOJI = "🙂 😀 🚀 👩‍👩‍👧 🇩🇪 ❤️ 🏳️‍🌈 👍🏽".split()
MARKS = ["e\u0301", "u\u0308", "o\u0302\u0323", "\u0301", "ﬁ", "ſ", "\u212a", "İ", "ǅ", "½", "Ⅷ", "٣٤٥"]
SPACES = [" ", "  ", "   ", "     ", "\n", "\n\n", "\r\n", "\t", " \n ", "\n   ", "\u00a0", "\u3000",
          "\u2003", "\u2028", "\u0085", "\u180e", "\u200b"]
PUNCTUATION = [".", ",", "!", "?!", "...", "--", "://", "(", ")", "[]", "{}", "'", "\"", "`", "$", "+=",
               "<", ">", "|", "~", "^", "#!", "«", "»", "…", "„", "“", "¿", "、", "。"]
MARKUP = ["<s>", "</s>", "<unk>", "<0x0A>", "<|im_start|>", "<|im_end|>", "<mask>", "<tail>", "whole",
          "wholesome", "Übermut", "U\u0308bermut", "[TAG]", "▁", "<|im_", "|>"]

FIXED = [
    "", " ", "  ", "a", " a", "a ", " a ", "\n", " \n", "\n ", "Hello, world!", "  leading", "trailing  ",
    "one  two   three    four", "tabs\tand\nlines\r\n\r\nend", "don't DON'T Don’t 'tis '' 's 'S 'll",
    "0 10 100 1000 10000 1234567890 3.14159 1e-9 -42", "x = y[1:2] + f(z) * 3  # comment",
    "<|im_start|>user\nHi<|im_end|>\n", "<s>[INST] x [/INST]</s>", "a<mask>b", "a  <mask>  b <tail>  c",
    "whole wholesome unwhole whole", "U\u0308bermut Übermut", "e\u0301e\u0301 é", "👩‍👩‍👧👍🏽",
    "水水水 石。", "▁a▁ b", "\x00\x01\x7f", "\ufeffbom", "\ufffd", "\U0010ffff", "𝔸𝕓𝟙", "aaaaaaaaaaaaaaaa",
    "      ", "\n\n\n\n", " \u00a0 \u3000 ", "word\u200bword",
]


def random_text(rng):
    """A few stretches of different kinds."""
    parts = []
    for _ in range(rng.randrange(1, 7)):
        kind = rng.random()
        if kind < 0.3:
            parts.append(rng.choice(["", " "]) + rng.choice(WORDS))
        elif kind < 0.42:
            parts.append(rng.choice(SPACES))
        elif kind < 0.52:
            parts.append(str(rng.randrange(10 ** rng.randrange(1, 9))))
        elif kind < 0.62:
            parts.append(rng.choice(PUNCTUATION))
        elif kind < 0.72:
            parts.append(rng.choice(rng.choice(SCRIPTS).split()))
        elif kind < 0.78:
            parts.append(rng.choice(EMOJI))
        elif kind < 0.84:
            parts.append(rng.choice(MARKS))
        elif kind < 0.92:
            parts.append(rng.choice(MARKUP))
        else:
            low, high = rng.choice([(0x20, 0x250), (0x250, 0x3000), (0x3000, 0xD800), (0xE000, 0x10000),
                                    (0x10000, 0x1FB00)])
            parts.append(chr(rng.randrange(low, high)))
    return "".join(parts)


def corpus(seed, n_lines):
    rng = random.Random(seed)
    lines = []
    for _ in range(n_lines):
        words = rng.choices(WORDS, k=rng.randrange(4, 12))
        if rng.random() < 0.3:
            words += rng.choices(rng.choice(SCRIPTS).split(), k=3)
        if rng.random() < 0.2:
            words += [str(rng.randrange(10000)), rng.choice(EMOJI), rng.choice(PUNCTUATION)]
        rng.shuffle(words)
        lines.append(rng.choice([" ", " ", " ", "  "]).join(words) + rng.choice([".", "!", "?", ","]))
    return lines


def cases(seed, n_random):
    rng = random.Random(seed)
    return FIXED + [random_text(rng) for _ in range(n_random)]
