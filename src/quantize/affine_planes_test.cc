#include "quantize/affine_planes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "kernels/kernels.h"
#include "quantize/block_encoder.h"

namespace whet {
namespace {

std::vector<float> wave(size_t n) {
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) {
    x[i] = std::sin(static_cast<float>(i) * 0.7f) * (1 + static_cast<float>(i % 5)) + 0.3f;
  }
  return x;
}

TEST(AffinePlanes, BlocksKeepTheirValues) {
  constexpr size_t kN = 128;
  const std::vector<float> x = wave(kN);
  for (const DType type : {DType::Q4_0, DType::Q4_1, DType::Q5_0, DType::Q5_1, DType::Q8_0}) {
    ASSERT_TRUE(has_affine_image(type));
    std::vector<std::byte> blocks(row_bytes(dtype_info(type), kN));
    encode_row(type, x.data(), kN, blocks.data());
    std::vector<float> expected(kN), found(kN);
    kernels::dequantize_row(type, blocks.data(), expected.data(), kN);
    const auto row = affine_row_of_blocks(type, blocks, kN);
    ASSERT_TRUE(row.has_value());
    dequantise_affine(*row, found);
    EXPECT_EQ(found, expected) << dtype_info(type).name;
  }
  EXPECT_FALSE(has_affine_image(DType::Q4_K));
}

TEST(AffinePlanes, FindsTheSmallestForm) {
  AffineFormFinder finder;
  AffineRow row{32, std::vector<uint8_t>(128, 3), {1, 1, 1, 1}, {0, 0, 0, 0}};
  finder.add(row);
  EXPECT_EQ(finder.found(), (AffineForm{2, 128}));
  row.scales = {1, 1, 2, 2};
  row.codes[7] = 40;
  finder.add(row);
  EXPECT_EQ(finder.found(), (AffineForm{6, 64}));
  row.biases = {0, 1, 0, 0};
  row.codes[9] = 200;
  finder.add(row);
  EXPECT_EQ(finder.found(), (AffineForm{8, 32}));
}

TEST(AffinePlanes, WordsHoldTheCodesInOrder) {
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    const AffineForm form{bits, 32};
    const AffineRow row = quantise_affine(wave(64), form);
    std::vector<std::byte> words(static_cast<size_t>(64 * bits / 8)), scales(4), biases(4);
    put_affine_row(row, form, words, scales, biases);
    for (size_t i = 0; i < 64; ++i) {
      uint32_t code = 0;
      for (size_t b = 0; b < static_cast<size_t>(bits); ++b) {
        const size_t at = i * static_cast<size_t>(bits) + b;
        code |= (std::to_integer<uint32_t>(words[at / 8]) >> (at % 8) & 1) << b;
      }
      ASSERT_EQ(code, row.codes[i]) << bits << " bits, code " << i;
    }
  }
}

TEST(AffinePlanes, QuantisesWithinHalfAStep) {
  const std::vector<float> x = wave(128);
  for (const int bits : {2, 4, 8}) {
    const AffineRow row = quantise_affine(x, {bits, 64});
    std::vector<float> back(x.size());
    dequantise_affine(row, back);
    for (size_t i = 0; i < x.size(); ++i) {
      const float step = std::abs(row.scales[i / 64]);
      // The range is moved so that zero is a code, by at most half a step; F16 moves the rest.
      EXPECT_LE(std::abs(x[i] - back[i]), step * 1.01f + 0.01f) << bits << " " << i;
    }
  }
  const std::vector<float> zeros(32, 0.0f);
  const AffineRow row = quantise_affine(zeros, {4, 32});
  std::vector<float> back(32, 1.0f);
  dequantise_affine(row, back);
  for (const float value : back) EXPECT_EQ(value, 0.0f);
}

}  // namespace
}  // namespace whet
