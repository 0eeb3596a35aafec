"""One training or test item, and the split between the two.

The split is by `key`: what makes an item new (the operands of a product, the composition of a function), not its
wording. A key belongs to the test side for good if its hash says so, so no seed can leak a test key into training.
"""

import hashlib
import re
from dataclasses import dataclass, field

HELD_OUT_ONE_IN = 8


@dataclass(frozen=True)
class Example:
    family: str
    kind: str
    key: str
    prompt: str
    answer: str
    grader: dict = field(default_factory=dict)

    @property
    def held_out(self) -> bool:
        digest = hashlib.blake2b(f"{self.family}|{self.key}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") % HELD_OUT_ONE_IN == 0


def worked(family, kind, key, prompt, steps, answer) -> Example:
    """An item whose solution is a few worked lines and a last line `Answer: X`.

    Working is written without spaces around signs: every space before a digit would be a token of its own.
    """
    steps = [re.sub(r" ([-+*/=]) ", r"\1", step) for step in steps]
    numeric = isinstance(answer, int)
    grader = {"type": "numeric" if numeric else "exact", "answer": str(answer)}
    return Example(family, kind, key, prompt, "\n".join([*steps, f"Answer: {answer}"]), grader)
