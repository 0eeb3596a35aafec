"""Writes grids.cc: the points of the IQ types' lattices, which are part of the formats, packed from the gguf package.

Run with numpy and gguf installed:  python make_grids.py
"""

from pathlib import Path

import numpy as np
from gguf import quants

# Name, class, bits of an index into the values, the values.
GRIDS = [
    ("kIq2xxsGrid", quants.IQ2_XXS, 2, (8, 25, 43)),
    ("kIq2xsGrid", quants.IQ2_XS, 2, (8, 25, 43)),
    ("kIq2sGrid", quants.IQ2_S, 2, (8, 25, 43)),
    ("kIq3xxsGrid", quants.IQ3_XXS, 3, (4, 12, 20, 28, 36, 44, 52, 62)),
    ("kIq3sGrid", quants.IQ3_S, 3, (1, 3, 5, 7, 9, 11, 13, 15)),
    ("kIq1sGrid", quants.IQ1_S, 2, (-1, 0, 1)),
]


def main() -> None:
    out = ["// Written by make_grids.py.", '#include "kernels/grids.h"', "", "namespace whet::kernels {"]
    for name, kind, bits, values in GRIDS:
        kind.init_grid()
        points = np.asarray(kind.grid).reshape(kind.grid_shape).astype(int)
        index = np.searchsorted(values, points)
        assert (np.take(values, index) == points).all()
        words = (index << (bits * np.arange(points.shape[1]))).sum(axis=1)
        out += ["", f"const uint16_t {name}[{len(words)}] = {{"]
        text = [f"0x{word:04x}," for word in words]
        out += ["    " + " ".join(text[i:i + 12]) for i in range(0, len(text), 12)]
        out += ["};"]
    out += ["", "}  // namespace whet::kernels", ""]
    Path(__file__).with_name("grids.cc").write_text("\n".join(out))


if __name__ == "__main__":
    main()
