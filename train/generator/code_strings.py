"""Functions of strings: keep some characters or words, change them, and join or count."""

from .code import CodeTask

WORDS = ["sun", "moon", "Tree", "stone", "River", "cat", "dog", "apple", "Bird", "lake", "road", "Hill", "wind", "fish",
         "a1", "b22", "Snow", "owl", "open", "Ice", "x9", "level", "noon", "egg"]
VOWELS = "aeiou"


def _sentence(rng):
    return (" ".join(rng.choice(WORDS) for _ in range(rng.randint(2, 4))),)


EDGES = (("",), ("a",), ("Hello World 42",), ("level noon aeiou",))


def _char_condition(rng):
    """(shape, English plural, Python over c, Rust over c, meaning)."""
    letter = rng.choice("abcdehilnorstw")
    return rng.choice([
        ("vowel", "lower-case vowels", 'c in "aeiou"', '"aeiou".contains(c)', lambda c: c in VOWELS),
        ("nonvowel", "characters that are not lower-case vowels", 'c not in "aeiou"', '!"aeiou".contains(c)',
         lambda c: c not in VOWELS),
        ("digit", "digits", "c.isdigit()", "c.is_ascii_digit()", str.isdigit),
        ("nondigit", "characters that are not digits", "not c.isdigit()", "!c.is_ascii_digit()",
         lambda c: not c.isdigit()),
        ("letter", "letters", "c.isalpha()", "c.is_alphabetic()", str.isalpha),
        ("upper", "upper-case letters", "c.isupper()", "c.is_uppercase()", str.isupper),
        ("lower", "lower-case letters", "c.islower()", "c.is_lowercase()", str.islower),
        ("nonspace", "characters other than a space", 'c != " "', "c != ' '", lambda c: c != " "),
        ("is", f"characters equal to {letter}", f'c == "{letter}"', f"c == '{letter}'", lambda c: c == letter),
        ("isnot", f"characters other than {letter}", f'c != "{letter}"', f"c != '{letter}'", lambda c: c != letter),
    ])


def _chars(rng):
    shape, plural, python_if, rust_if, keep = _char_condition(rng)
    change = rng.choice(["plain", "plain", "upper", "reversed", "double"])
    if rng.random() < 0.35:
        return CodeTask("char-count", f"count({shape})", f"how many {plural} there are in s", (("s", "str"),), "int",
                        (f"return sum(1 for c in s if {python_if})",),
                        (f"s.chars().filter(|&c| {rust_if}).count() as i64",),
                        lambda s: sum(map(keep, s)), _sentence, EDGES)
    kept = lambda s: "".join(c for c in s if keep(c))
    text, python_c, python_s, rust_s, means = {
        "plain": ("s with only the {}", "c", "s", "s.chars().filter(|&c| {}).collect()", lambda s: s),
        "upper": ("the {} of s in upper case", "c.upper()", "s",
                  "s.chars().filter(|&c| {}).collect::<String>().to_uppercase()", str.upper),
        "reversed": ("the {} of s in reverse order", "c", "s[::-1]", "s.chars().rev().filter(|&c| {}).collect()",
                     lambda s: s[::-1]),
        "double": ("the {} of s, each of them twice", "c * 2", "s",
                   "s.chars().filter(|&c| {}).flat_map(|c| [c, c]).collect()", lambda s: "".join(c * 2 for c in s)),
    }[change]
    return CodeTask("char-keep", f"{change}({shape})", text.format(plural), (("s", "str"),), "str",
                    (f'return "".join({python_c} for c in {python_s} if {python_if})',), (rust_s.format(rust_if),),
                    lambda s: means(kept(s)), _sentence, EDGES)


def _word_condition(rng):
    k, letter = rng.randint(2, 5), rng.choice("abcdehlorstw")
    return rng.choice([
        ("all", "words", "", "", lambda w: True),
        ("longer", f"words longer than {k}", f"len(w) > {k}", f"w.len() > {k}", lambda w: len(w) > k),
        ("shorter", f"words shorter than {k + 1}", f"len(w) < {k + 1}", f"w.len() < {k + 1}", lambda w: len(w) < k + 1),
        ("length", f"words of length {k}", f"len(w) == {k}", f"w.len() == {k}", lambda w: len(w) == k),
        ("starts", f"words that start with {letter}", f'w.startswith("{letter}")', f"w.starts_with('{letter}')",
         lambda w: w.startswith(letter)),
        ("ends", f"words that end with {letter}", f'w.endswith("{letter}")', f"w.ends_with('{letter}')",
         lambda w: w.endswith(letter)),
        ("has", f"words that contain {letter}", f'"{letter}" in w', f"w.contains('{letter}')", lambda w: letter in w),
    ])


def _words(rng):
    shape, plural, python_if, rust_if, keep = _word_condition(rng)
    kept = lambda s: [w for w in s.split() if keep(w)]
    python_tail = f" if {python_if}" if python_if else ""
    rust_tail = f".filter(|w| {rust_if})" if rust_if else ""
    if rng.random() < 0.3:
        return CodeTask("word-count", f"count({shape})", f"how many {plural} there are in s", (("s", "str"),), "int",
                        (f"return sum(1 for w in s.split(){python_tail})",),
                        (f"s.split_whitespace(){rust_tail}.count() as i64",), lambda s: len(kept(s)), _sentence, EDGES)
    if rng.random() < 0.25:
        return CodeTask("word-length", f"length({shape})",
                        f"the sum of the lengths of the {plural} in s", (("s", "str"),), "int",
                        (f"return sum(len(w) for w in s.split(){python_tail})",),
                        (f"s.split_whitespace(){rust_tail}.map(|w| w.len() as i64).sum()",),
                        lambda s: sum(map(len, kept(s))), _sentence, EDGES)
    change, text, python_w, rust_w, means = rng.choice([
        ("plain", "", "w", "", lambda w: w), ("upper", " in upper case", "w.upper()", ".map(|w| w.to_uppercase())",
                                             str.upper),
        ("lower", " in lower case", "w.lower()", ".map(|w| w.to_lowercase())", str.lower),
        ("reversed", " each spelled backwards", "w[::-1]", ".map(|w| w.chars().rev().collect::<String>())",
         lambda w: w[::-1]),
        ("first", " cut to the first letter", "w[:1]", ".map(|w| &w[..1])", lambda w: w[:1])])
    order = rng.random() < 0.3
    sep, sep_name = rng.choice([(" ", "spaces"), ("-", "dashes"), (",", "commas"), ("", "nothing")])
    python_words, rust_rev = ("s.split()[::-1]", ".rev()") if order else ("s.split()", "")
    collect = "<&str>" if not rust_w or change == "first" else "<String>"
    order_text = ", in reverse order," if order else ""
    return CodeTask("word-join", f"join {sep_name} {order} {change}({shape})",
                    f"the {plural} in s{text}{order_text} joined with {sep_name}", (("s", "str"),), "str",
                    (f'return "{sep}".join({python_w} for w in {python_words}{python_tail})',),
                    (f's.split_whitespace(){rust_rev}{rust_tail}{rust_w}.collect::<Vec{collect}>().join("{sep}")',),
                    lambda s: sep.join(means(w) for w in (kept(s)[::-1] if order else kept(s))), _sentence, EDGES)


def make(rng):
    return (_chars if rng.random() < 0.5 else _words)(rng)
