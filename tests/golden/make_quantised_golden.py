"""Writes quantised/: matrices as MLX, AWQ, GPTQ, compressed-tensors and float8 files store them, and their float32 values.

Run with numpy, safetensors and mlx installed:  python make_quantised_golden.py
Each folder is a SafeTensors directory whose config.json names the method. A weight "x" has its planes under the names of
that method and its values as "x.expected". The values come from the formulas of the formats' descriptions in NumPy; those of
MLX are checked against the mlx package, which also chose the codes.
"""

import json
from pathlib import Path

import mlx.core as mx
import numpy as np
from safetensors.numpy import save_file

SEED = 20261128
OUT = Path(__file__).with_name("quantised")
AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]


def save(name, tensors, config):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def pack(codes, bits, order=None):
    """[n, k] codes to [n, k * bits / 32] words, the first code in the lowest bits."""
    per = 32 // bits
    codes = codes.reshape(len(codes), -1, per).astype(np.uint64)
    place = np.arange(per) if order is None else np.argsort(order)
    words = (codes << (bits * place).astype(np.uint64)).sum(axis=-1)
    return words.astype(np.uint32).view(np.int32)


def mlx(rng):
    tensors, overrides = {}, {}
    for bits in (2, 3, 4, 5, 6, 8):
        for group in (32, 64, 128):
            name = f"b{bits}_g{group}"
            weight = mx.array(rng.normal(0, 0.05, (3, 256)).astype(np.float16))
            planes = [np.array(p) for p in mx.quantize(weight, group_size=group, bits=bits)]
            codes, scales, biases = planes
            stream = np.unpackbits(codes.view(np.uint8), axis=1, bitorder="little")
            unpacked = stream.reshape(3, 256, bits) @ (1 << np.arange(bits))
            values = np.repeat(scales, group, axis=1).astype(np.float32) * unpacked.astype(np.float32) \
                + np.repeat(biases, group, axis=1).astype(np.float32)
            theirs = mx.dequantize(mx.array(codes), mx.array(scales.astype(np.float32)),
                                   mx.array(biases.astype(np.float32)), group_size=group, bits=bits)
            assert np.abs(np.array(theirs) - values).max() < 1e-6, name
            tensors |= {f"{name}.weight": codes, f"{name}.scales": scales, f"{name}.biases": biases,
                        f"{name}.expected": values}
            overrides[name] = {"group_size": group, "bits": bits}
    # A row of zeros, as padded vocabularies have: its scale is too small for F16 and scales nothing.
    tensors["b4_g64.scales"][0] = np.float16(0)
    tensors["b4_g64.biases"][0] = np.float16(0)
    tensors["b4_g64.weight"][0] = 0
    tensors["b4_g64.expected"][0] = 0
    save("mlx", tensors, {"quantization": {"group_size": 64, "bits": 4, **overrides}})


def awq(rng):
    rows, columns, group = 32, 256, 128
    q = rng.integers(0, 16, (columns, rows))
    zero = rng.integers(0, 16, (columns // group, rows))
    scale = rng.uniform(0.001, 0.01, (columns // group, rows)).astype(np.float16)
    values = (q - np.repeat(zero, group, axis=0)).astype(np.float32) * np.repeat(scale, group, axis=0).astype(np.float32)
    save("awq", {"w.qweight": pack(q, 4, AWQ_ORDER), "w.qzeros": pack(zero, 4, AWQ_ORDER), "w.scales": scale,
                 "w.expected": values.T},
         {"quantization_config": {"quant_method": "awq", "version": "gemm", "bits": 4, "group_size": group,
                                  "zero_point": True}})


def gptq(rng, name, bits, act_order=False, symmetric=False, version=1):
    rows, columns, group = 32, 256, 64
    q = rng.integers(0, 1 << bits, (columns, rows))
    middle = 1 << (bits - 1)
    zero = np.full((columns // group, rows), middle) if symmetric else rng.integers(1, (1 << bits) - 1, (columns // group, rows))
    scale = rng.uniform(0.001, 0.01, (columns // group, rows)).astype(np.float16)
    index = np.arange(columns) // group
    if act_order:
        index = rng.permutation(index)
    values = (q - zero[index]).astype(np.float32) * scale[index].astype(np.float32)
    tensors = {"w.qweight": pack(q.T, bits).T, "w.qzeros": pack(zero - (version == 1), bits), "w.scales": scale,
               "w.g_idx": index.astype(np.int32), "w.bias": np.zeros(rows, np.float16), "w.expected": values.T}
    config = {"quant_method": "gptq", "bits": bits, "group_size": group, "desc_act": act_order, "sym": symmetric}
    if version == 2:
        config["checkpoint_format"] = "gptq_v2"
    save(name, tensors, {"quantization_config": config})


def compressed(rng, name, bits, group):
    rows, columns = 8, 256
    q = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (rows, columns))
    scale = rng.uniform(0.001, 0.01, (rows, columns // group)).astype(np.float16)
    values = q.astype(np.float32) * np.repeat(scale, group, axis=1).astype(np.float32)
    save(name, {"w.weight_packed": pack(q + (1 << (bits - 1)), bits), "w.weight_scale": scale,
                "w.weight_shape": np.array([rows, columns], np.int64), "w.expected": values},
         {"quantization_config": {"quant_method": "compressed-tensors", "format": "pack-quantized",
                                  "config_groups": {"group_0": {"weights": {"num_bits": bits, "group_size": group}}}}})


def int8(rng):
    q = rng.integers(-128, 128, (8, 256)).astype(np.int8)
    scale = rng.uniform(0.001, 0.01, (8, 1)).astype(np.float16)
    save("int8", {"w.weight": q, "w.weight_scale": scale, "w.expected": q.astype(np.float32) * scale.astype(np.float32)},
         {"quantization_config": {"quant_method": "compressed-tensors", "format": "int-quantized"}})


def packed_zeros(rng):
    """Asymmetric, as llm-compressor writes it: zero points packed along the rows."""
    rows, columns, group = 16, 256, 64
    q = rng.integers(0, 16, (rows, columns))
    zero = rng.integers(0, 16, (rows, columns // group))
    scale = rng.uniform(0.001, 0.01, (rows, columns // group)).astype(np.float16)
    values = (q - np.repeat(zero, group, axis=1)).astype(np.float32) * np.repeat(scale, group, axis=1).astype(np.float32)
    save("packed4_zeros", {"w.weight_packed": pack(q, 4), "w.weight_scale": scale, "w.weight_zero_point": pack(zero.T, 4).T,
                           "w.weight_shape": np.array([rows, columns], np.int64), "w.expected": values},
         {"quantization_config": {"quant_method": "compressed-tensors", "format": "pack-quantized",
                                  "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": group,
                                                                            "symmetric": False}}}}})


def mlx_floats(rng):
    """The modes of floats; codes, scales and values are those of the mlx package."""
    tensors, overrides = {}, {}
    for mode, bits, group in (("mxfp4", 4, 32), ("mxfp8", 8, 32), ("nvfp4", 4, 16)):
        weight = mx.array(rng.normal(0, 0.05, (3, 256)).astype(np.float32))
        codes, scales = mx.quantize(weight, group_size=group, bits=bits, mode=mode)
        values = mx.dequantize(codes, scales, group_size=group, bits=bits, mode=mode, dtype=mx.float32)
        tensors |= {f"{mode}.weight": np.array(codes), f"{mode}.scales": np.array(scales),
                    f"{mode}.expected": np.array(values)}
        overrides[mode] = {"group_size": group, "bits": bits, "mode": mode}
    save("mlx_floats", tensors, {"quantization": {"group_size": 32, "bits": 4, "mode": "mxfp4", **overrides}})


def main():
    rng = np.random.default_rng(SEED)
    mlx(rng)
    awq(rng)
    gptq(rng, "gptq4", 4)
    gptq(rng, "gptq4_order", 4, act_order=True)
    gptq(rng, "gptq4_symmetric", 4, symmetric=True, version=2)
    gptq(rng, "gptq8", 8, symmetric=True)
    gptq(rng, "gptq2", 2)
    compressed(rng, "packed4", 4, 64)
    compressed(rng, "packed8", 8, 256)
    int8(rng)
    packed_zeros(rng)
    mlx_floats(rng)


if __name__ == "__main__":
    main()
