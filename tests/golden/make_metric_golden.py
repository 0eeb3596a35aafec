#!/usr/bin/env python3
"""Writes tests/golden/reference_metrics.jsonl: texts with the values of the metrics' own packages.

Needs rouge-score, sacrebleu. SQuAD's measures are written out below as its evaluation script
defines them.
"""
import collections
import json
import random
import re
import string
import sys

import sacrebleu
from rouge_score import rouge_scorer


def squad_words(text):
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def squad_f1(text, reference):
    mine, theirs = squad_words(text), squad_words(reference)
    same = sum((collections.Counter(mine) & collections.Counter(theirs)).values())
    if not mine or not theirs:
        return float(mine == theirs)
    if same == 0:
        return 0.0
    precision, recall = same / len(mine), same / len(theirs)
    return 2 * precision * recall / (precision + recall)


def values(text, references):
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    rouge = [scorer.score(r, text) for r in references]
    return {
        "exact_match": max(float(squad_words(text) == squad_words(r)) for r in references),
        "f1": max(squad_f1(text, r) for r in references),
        **{k: max(r[k].fmeasure for r in rouge) for k in ("rouge1", "rouge2", "rougeL")},
        "bleu": sacrebleu.sentence_bleu(text, references).score / 100,
        "chrf2": max(sacrebleu.sentence_chrf(text, [r]).score for r in references) / 100,
    }


PAIRS = [
    ("The cat sat on the mat.", ["A cat sat on the mat."]),
    ("Denver Broncos", ["the Denver Broncos!", "Broncos"]),
    ("", ["something"]),
    ("the", ["a"]),
    ("It costs $1,234.50 - about 12-15% more.", ["It cost $1,234.5, i.e. 12-15 % more."]),
    ("Z\u00fcrich ist sch\u00f6n; Stra\u00dfe 5.", ["Z\u00fcrich ist sehr sch\u00f6n, Stra\u00dfe 5."]),
    ("\u6771\u4eac\u306f\u5927\u304d\u3044", ["\u6771\u4eac\u306f\u3068\u3066\u3082\u5927\u304d\u3044"]),
    ("He said \"yes\" & left <skipped>now.", ["He said &quot;yes&quot; &amp; left now."]),
    ("a a a a a", ["a b a"]),
    ("exactly the same sentence here", ["exactly the same sentence here"]),
    ("one", ["one two three four five six"]),
    ("one two three four five six seven eight", ["three four", "five six seven"]),
    ("can't won't don't _under_score_ theater another an_a", ["cannot won't do not underscore the theater"]),
]


def main():
    rng = random.Random(1)
    words = "the a an cat dog, runs. 3.5 1,000 up-to don't (yes) and \u00e9t\u00e9 end! x/y Mr. 7-8 it's".split()
    pairs = list(PAIRS)
    for _ in range(60):
        reference = [rng.choice(words) for _ in range(rng.randint(1, 14))]
        text = [w if rng.random() < 0.7 else rng.choice(words) for w in reference]
        if rng.random() < 0.5:
            text = text[: rng.randint(0, len(text))] + [rng.choice(words)]
        other = [rng.choice(words) for _ in range(rng.randint(1, 9))]
        pairs.append((" ".join(text), [" ".join(reference)] + ([" ".join(other)] if rng.random() < 0.3 else [])))
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        for text, references in pairs:
            line = {"text": text, "references": references, "values": values(text, references)}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


main()
