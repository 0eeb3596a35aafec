"""Writes dequant.bin: random blocks of every weight type and their values by the gguf package.

Run with numpy and gguf installed:  python make_dequant_golden.py
Per type, little-endian: u32 ggml type, u32 number of weights, the blocks, the weights as f32.
"""

import struct
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type
from gguf.quants import dequantize

SEED = 20261121
N_WEIGHTS = 512
# Offsets of the f16 factors in a block; random bytes there could be infinite or NaN.
F16_FACTORS = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
    Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
    Type.IQ4_NL: [0], Type.MXFP4: [], Type.F16: [0], Type.BF16: [],
    Type.IQ4_XS: [0], Type.IQ3_S: [0], Type.IQ3_XXS: [0], Type.IQ2_S: [0], Type.IQ2_XS: [0], Type.IQ2_XXS: [0],
    Type.IQ1_M: [], Type.IQ1_S: [0], Type.TQ1_0: [52], Type.TQ2_0: [64], Type.NVFP4: [],
}


def main() -> None:
    rng = np.random.default_rng(SEED)
    out = bytearray()
    for kind, factors in F16_FACTORS.items():
        elements, size = GGML_QUANT_SIZES[kind]
        blocks = rng.integers(0, 256, (N_WEIGHTS // elements, size), dtype=np.uint8)
        for at in factors:
            f16 = rng.normal(0, 0.1, len(blocks)).astype(np.float16)
            blocks[:, at:at + 2] = f16.view(np.uint8).reshape(-1, 2)
        if kind == Type.BF16:  # an exponent of 255 is infinite or NaN
            blocks[:, 1] &= 0xBF
        if kind == Type.MXFP4:
            blocks[:, 0] = rng.integers(100, 140, len(blocks))
            blocks[0, 0], blocks[1, 0] = 0, 1  # denormal scales
        if kind == Type.IQ1_M:  # the factor's bits lie in the top of four words
            bits = rng.normal(0, 0.1, len(blocks)).astype(np.float16).view(np.uint16)
            for word in range(4):
                top = ((bits >> (4 * word)) & 15).astype(np.uint8) << 4
                blocks[:, 49 + 2 * word] = (blocks[:, 49 + 2 * word] & 15) | top
        raw = blocks.reshape(1, -1)
        weights = dequantize(raw, kind).astype(np.float32).reshape(-1)
        assert weights.shape == (N_WEIGHTS,) and np.isfinite(weights).all(), kind
        out += struct.pack("<II", kind.value, N_WEIGHTS) + raw.tobytes()
        out += weights.astype("<f4").tobytes()
    Path(__file__).with_name("dequant.bin").write_bytes(out)


if __name__ == "__main__":
    main()
