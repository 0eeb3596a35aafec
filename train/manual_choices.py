"""Multiple choice about manual pages, made of their own text: what a model knows of a domain, graded without an opinion.

    python manual_choices.py domain/test.txt choices.jsonl           # the text is manual_text.sh's
    whet eval -m MODEL.gguf --tasks choices.jsonl --strategies likelihood:norm=bytes -o out

Four choices of which one is what the page says; the others are said of something else, and as long as they come.

    purpose  "NAME, LIBRARY" of a page: what it is for; the others are other pages' purposes
    error    an error of a page, by what it means; the others are meanings of the same page's other errors
    next     the paragraph that follows two others; the others stand elsewhere in pages, behind paragraphs too
"""

import argparse
import json
import random
import re

PURPOSE = re.compile(r"^([\w, .]+?) - (.+)$")
ERROR = re.compile(r"^(E[A-Z0-9]{3,}) +(\S.{20,})$")
LEAST, MOST = 40, 160  # characters of a choice


def first_sentence(text):
    return re.split(r"(?<=[.;:])  ?", text)[0]


def pages_of(text):
    """Each page as its paragraphs, without empty lines."""
    return [[line for line in page.split("\n") if line] for page in re.split(r"\n*^NAME\n", text, flags=re.M)[1:]]


def task(kind, number, context, right, wrong, page, rng):
    choices = [right, *wrong]
    rng.shuffle(choices)
    letters = "ABCD"
    listed = "\n".join(f"{letter}. {choice.strip()}" for letter, choice in zip(letters, choices))
    return {"id": f"{kind}-{number:03}", "family": kind, "group": page,
            "prompt": f"{context}\n\nWhich continues this?\n{listed}\nEnd with a line \"Answer: \" followed by the letter.",
            "context": context, "choices": choices, "grader": {"type": "choice", "answer": letters[choices.index(right)]}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("out")
    parser.add_argument("--next", type=int, default=120, help="of the last kind")
    parser.add_argument("--errors", type=int, default=2, help="of a page, at most")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with open(args.text, encoding="utf-8") as file:
        pages = pages_of(file.read())
    made = []

    named = {}
    for page in pages:
        found = PURPOSE.match(page[0])
        if found:
            named.setdefault(found[2], found[1])
    for purpose, names in named.items():
        wrong = rng.sample([other for other in named if other != purpose], 3)
        made.append(task("purpose", len(made), f"NAME\n{names} -", f" {purpose}", [f" {w}" for w in wrong], names, rng))

    prose = []  # page, place
    for number, page in enumerate(pages):
        errors = {}
        for line in page:
            if found := ERROR.match(line):
                errors.setdefault(found[1], first_sentence(found[2]))
        asked = [e for e in errors.items() if len(e[1]) <= MOST]
        if len(set(errors.values())) >= 4:
            for name, meaning in rng.sample(asked, min(args.errors, len(asked))):
                others = [m for m in errors.values() if m != meaning and len(m) <= MOST]
                if len(others) >= 3:
                    made.append(task("error", len(made), f"ERRORS\n{name}", f" {meaning}",
                                     [f" {w}" for w in rng.sample(others, 3)], page[0], rng))
        for place in range(2, len(page)):
            text = first_sentence(page[place])
            said_before = any(text == other for _, _, other in prose)  # what many pages say
            if re.match(r"[A-Z][a-z]* .*\.$", text) and LEAST <= len(text) <= MOST and not said_before:
                prose.append((number, place, text))
    for number, place, text in rng.sample(prose, min(args.next, len(prose))):
        page = pages[number]
        wrong = [w for _, _, w in rng.sample([p for p in prose if p[0] != number], 3)]
        context = "\n\n".join(line[-200:] for line in page[place - 2:place]) + "\n\n"
        made.append(task("next", len(made), context, text, wrong, page[0], rng))
    with open(args.out, "w", encoding="utf-8") as file:
        for line in made:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    kinds = [line["family"] for line in made]
    print(", ".join(f"{kind} {kinds.count(kind)}" for kind in ("purpose", "error", "next")))


if __name__ == "__main__":
    main()
