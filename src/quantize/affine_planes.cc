#include "quantize/affine_planes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/f16.h"
#include "tensor/blocks.h"

namespace whet {
namespace {

using kernels::f16_bits_from_f32;
using kernels::f32_from_f16_bits;

constexpr int kBlock = 32;

float rounded_to_f16(float x) {
  return f32_from_f16_bits(f16_bits_from_f32(x));
}

void nibbles(const uint8_t* qs, uint8_t* codes) {
  for (int i = 0; i < 16; ++i) {
    codes[i] = qs[i] & 15;
    codes[i + 16] = static_cast<uint8_t>(qs[i] >> 4);
  }
}

void fifth_bits(const uint8_t* qh, uint8_t* codes) {
  for (int i = 0; i < kBlock; ++i) {
    codes[i] = static_cast<uint8_t>(codes[i] | (qh[i / 8] >> (i % 8) & 1) << 4);
  }
}

struct Factors {
  float scale, bias;
};

/// Without a minimum the bias is minus so many scales.
Factors centred(uint16_t d, float centre) {
  const float scale = f32_from_f16_bits(d);
  return {scale, -centre * scale};
}
Factors with_minimum(uint16_t d, uint16_t m) {
  return {f32_from_f16_bits(d), f32_from_f16_bits(m)};
}

Factors read(const BlockQ4_0& b, uint8_t* codes) {
  nibbles(b.qs, codes);
  return centred(b.d, 8);
}
Factors read(const BlockQ4_1& b, uint8_t* codes) {
  nibbles(b.qs, codes);
  return with_minimum(b.d, b.m);
}
Factors read(const BlockQ5_0& b, uint8_t* codes) {
  nibbles(b.qs, codes);
  fifth_bits(b.qh, codes);
  return centred(b.d, 16);
}
Factors read(const BlockQ5_1& b, uint8_t* codes) {
  nibbles(b.qs, codes);
  fifth_bits(b.qh, codes);
  return with_minimum(b.d, b.m);
}
Factors read(const BlockQ8_0& b, uint8_t* codes) {
  for (int i = 0; i < kBlock; ++i) codes[i] = static_cast<uint8_t>(b.qs[i] + 128);
  return centred(b.d, 128);
}
Factors read(const BlockA8& b, uint8_t* codes) {
  for (int i = 0; i < kBlock; ++i) codes[i] = static_cast<uint8_t>(b.qs[i] + 128);
  return with_minimum(b.d, b.m);
}

template <class Block>
std::optional<AffineRow> read_row(std::span<const std::byte> blocks, size_t n) {
  AffineRow row{kBlock, std::vector<uint8_t>(n), {}, {}};
  for (size_t i = 0; i < n / kBlock; ++i) {
    Block block;
    std::memcpy(&block, blocks.data() + i * sizeof(Block), sizeof(Block));
    const Factors f = read(block, row.codes.data() + i * kBlock);
    if (rounded_to_f16(f.bias) != f.bias) return std::nullopt;
    row.scales.push_back(f.scale);
    row.biases.push_back(f.bias);
  }
  return row;
}

void put_f16(float x, std::byte* out) {
  const uint16_t bits = f16_bits_from_f32(x);
  std::memcpy(out, &bits, sizeof(bits));
}

}  // namespace

bool is_affine_form(const AffineForm& form) {
  return form.bits >= 2 && form.bits <= 8 && form.bits != 7 &&
         (form.group == 32 || form.group == 64 || form.group == 128);
}

bool has_affine_image(DType type) {
  switch (type) {
    case DType::Q4_0:
    case DType::Q4_1:
    case DType::Q5_0:
    case DType::Q5_1:
    case DType::Q8_0:
    case DType::A8:
      return true;
    default:
      return false;
  }
}

std::optional<AffineRow> affine_row_of_blocks(DType type, std::span<const std::byte> blocks,
                                              size_t n) {
  switch (type) {
    case DType::Q4_0:
      return read_row<BlockQ4_0>(blocks, n);
    case DType::Q4_1:
      return read_row<BlockQ4_1>(blocks, n);
    case DType::Q5_0:
      return read_row<BlockQ5_0>(blocks, n);
    case DType::Q5_1:
      return read_row<BlockQ5_1>(blocks, n);
    case DType::Q8_0:
      return read_row<BlockQ8_0>(blocks, n);
    case DType::A8:
      return read_row<BlockA8>(blocks, n);
    default:
      WHET_UNREACHABLE();
  }
}

AffineRow quantise_affine(std::span<const float> weights, const AffineForm& form) {
  constexpr float kLeastScale = 1e-7f;
  const auto n_steps = static_cast<float>((1 << form.bits) - 1);
  const auto group = static_cast<size_t>(form.group);
  AffineRow row{form.group, std::vector<uint8_t>(weights.size()), {}, {}};
  for (size_t first = 0; first < weights.size(); first += group) {
    const auto part = weights.subspan(first, group);
    const auto [low, high] = std::ranges::minmax(part);
    const bool from_low = std::abs(low) > std::abs(high);
    const float edge = from_low ? low : high;
    float scale = std::max((high - low) / n_steps, kLeastScale);
    if (!from_low) scale = -scale;
    float bias = 0;
    if (const float at_edge = std::round(edge / scale); at_edge != 0) {
      scale = edge / at_edge;
      bias = edge;
    }
    scale = rounded_to_f16(scale);
    bias = rounded_to_f16(bias);
    for (size_t i = 0; i < group; ++i) {
      const float code = scale == 0 ? 0 : std::round((part[i] - bias) / scale);
      row.codes[first + i] = static_cast<uint8_t>(std::clamp(code, 0.0f, n_steps));
    }
    row.scales.push_back(scale);
    row.biases.push_back(bias);
  }
  return row;
}

void AffineFormFinder::add(const AffineRow& row) {
  largest_ = std::max(largest_, *std::ranges::max_element(row.codes));
  const auto share = [&](size_t n) {
    if (row.scales.size() % n != 0) return false;
    for (size_t i = 0; i < row.scales.size(); ++i) {
      const size_t first = i / n * n;
      if (row.scales[i] != row.scales[first] || row.biases[i] != row.biases[first]) return false;
    }
    return true;
  };
  WHET_CHECK(row.group == kBlock);
  fits_64_ = fits_64_ && share(2);
  fits_128_ = fits_128_ && share(4);
}

AffineForm AffineFormFinder::found() const {
  AffineForm form;
  form.group = fits_128_ ? 128 : fits_64_ ? 64 : 32;
  for (const int bits : {8, 6, 5, 4, 3, 2}) {
    if (largest_ < 1 << bits) form.bits = bits;
  }
  return form;
}

void put_affine_row(const AffineRow& row, const AffineForm& form, std::span<std::byte> words,
                    std::span<std::byte> scales, std::span<std::byte> biases) {
  std::ranges::fill(words, std::byte{});
  for (size_t i = 0; i < row.codes.size(); ++i) {
    const size_t bit = i * static_cast<size_t>(form.bits);
    const uint32_t shifted = static_cast<uint32_t>(row.codes[i]) << (bit % 8);
    words[bit / 8] |= static_cast<std::byte>(shifted);
    if (shifted > 0xff) words[bit / 8 + 1] |= static_cast<std::byte>(shifted >> 8);
  }
  const auto step = static_cast<size_t>(form.group / row.group);
  for (size_t i = 0; i < row.scales.size(); i += step) {
    put_f16(row.scales[i], scales.data() + i / step * sizeof(uint16_t));
    put_f16(row.biases[i], biases.data() + i / step * sizeof(uint16_t));
  }
}

void dequantise_affine(const AffineRow& row, std::span<float> values) {
  for (size_t i = 0; i < row.codes.size(); ++i) {
    const size_t g = i / static_cast<size_t>(row.group);
    values[i] = row.scales[g] * static_cast<float>(row.codes[i]) + row.biases[g];
  }
}

}  // namespace whet
