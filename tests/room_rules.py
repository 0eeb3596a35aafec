#!/usr/bin/env python3
"""Holds the source to docs/architecture.md: a room includes only rooms that its CMakeLists.txt names, and names only
rooms that are listed before it. Run by ctest; prints each violation and ends with 1 if there is any."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
top = (root / "CMakeLists.txt").read_text()
order = re.search(r"foreach\(room IN ITEMS([^)]*)\)", top).group(1).split()
problems = []
for room in order:
    folder = root / "src" / room
    lists = folder / "CMakeLists.txt"
    if not lists.exists():
        continue
    call = re.search(r"whet_room\(" + room + r"\b([^)]*)\)", lists.read_text())
    if call is None and room == "library":
        continue  # the shared library, which is no room but its door to the outside
    if call is None:
        problems.append(f"src/{room}/CMakeLists.txt: expected whet_room({room} ...), found none")
        continue
    used = set(call.group(1).split("LINKS")[0].replace("USES", "").split())
    for other in sorted(used):
        if other not in order:
            problems.append(f"src/{room}/CMakeLists.txt: names {other}, which is no room")
        elif order.index(other) >= order.index(room):
            problems.append(f"src/{room}/CMakeLists.txt: names {other}, which is not listed before {room}")
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".h", ".cc") or path.name.endswith(("_test.cc", "_for_test.h")):
            continue
        for line, text in enumerate(path.read_text().splitlines(), 1):
            included = re.match(r'#include "([a-z_0-9]+)/', text)
            if included and included.group(1) in order and included.group(1) not in used | {room}:
                problems.append(f"{path.relative_to(root)}:{line}: includes {included.group(1)}, "
                                f"which src/{room}/CMakeLists.txt does not name")
for problem in problems:
    print(problem)
print(f"{len(order)} rooms, {len(problems)} violations")
sys.exit(1 if problems else 0)
