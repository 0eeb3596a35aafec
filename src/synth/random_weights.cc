#include "synth/random_weights.h"

#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/kernels.h"
#include "tensor/blocks.h"

namespace whet {
namespace {

constexpr float kSpread = 0.02f;
constexpr uint64_t kDrawsPerBlock = 64;  // counters that a block may use

uint16_t f16(float value) {
  uint16_t bits = 0;
  kernels::kernels().f16_from_f32(&value, 1, &bits);
  return bits;
}

/// Standard deviation of uniform codes of `bits` bits.
float code_spread(int bits) {
  const double n = std::pow(2.0, bits);
  return static_cast<float>(std::sqrt((n * n - 1) / 12));
}

float uniform_weight(uint64_t bits16) {
  constexpr float kHalfWidth = kSpread * 1.7320508f;
  return (static_cast<float>(bits16) * 0x1p-15f - 1.0f) * kHalfWidth;
}

/// Scales of 32 to 63 and mins at the same share of their scale everywhere, packed as Q4_K and Q5_K
/// pack them, so that one dmin centres all groups.
void put_k_scales(uint8_t* packed, uint64_t random, float mins_per_scale) {
  uint8_t scale[8], min[8];
  for (int g = 0; g < 8; ++g) {
    scale[g] = static_cast<uint8_t>(32 + (random >> (5 * g)) % 32);
    min[g] = static_cast<uint8_t>(std::lround(static_cast<float>(scale[g]) * mins_per_scale));
  }
  for (int g = 0; g < 4; ++g) {
    packed[g] = static_cast<uint8_t>(scale[g] | scale[g + 4] >> 4 << 6);
    packed[g + 4] = static_cast<uint8_t>(min[g] | min[g + 4] >> 4 << 6);
    packed[g + 8] = static_cast<uint8_t>((scale[g + 4] & 15) | (min[g + 4] & 15) << 4);
  }
}

template <typename Block>
void put_factors(Block&, uint64_t);

template <>
void put_factors(BlockQ4_0& b, uint64_t) {
  static const uint16_t d = f16(kSpread / code_spread(4));
  b.d = d;
}
template <>
void put_factors(BlockQ4_1& b, uint64_t) {
  static const uint16_t d = f16(kSpread / code_spread(4)),
                        m = f16(-7.5f * kSpread / code_spread(4));
  b.d = d;
  b.m = m;
}
template <>
void put_factors(BlockQ5_0& b, uint64_t) {
  static const uint16_t d = f16(kSpread / code_spread(5));
  b.d = d;
}
template <>
void put_factors(BlockQ5_1& b, uint64_t) {
  static const uint16_t d = f16(kSpread / code_spread(5)),
                        m = f16(-15.5f * kSpread / code_spread(5));
  b.d = d;
  b.m = m;
}
template <>
void put_factors(BlockQ8_0& b, uint64_t) {
  static const uint16_t d = f16(kSpread / code_spread(8));
  b.d = d;
}
constexpr float kMeanScale = 47.5f;  // of put_k_scales()
template <>
void put_factors(BlockQ4_K& b, uint64_t random) {
  static const float d = kSpread / (kMeanScale * code_spread(4));
  static const uint16_t d_bits = f16(d), dmin_bits = f16(8 * d);
  b.d = d_bits;
  b.dmin = dmin_bits;
  put_k_scales(b.scales, random, 7.5f / 8);
}
template <>
void put_factors(BlockQ5_K& b, uint64_t random) {
  static const float d = kSpread / (kMeanScale * code_spread(5));
  static const uint16_t d_bits = f16(d), dmin_bits = f16(16 * d);
  b.d = d_bits;
  b.dmin = dmin_bits;
  put_k_scales(b.scales, random, 15.5f / 16);
}
template <>
void put_factors(BlockQ6_K& b, uint64_t) {
  static const uint16_t d = f16(kSpread / (code_spread(8) * code_spread(6)));
  b.d = d;  // the group scales are signed bytes, random like the codes
}

template <typename Block>
void fill_blocks(const CounterRng& rng, uint64_t first_block, std::span<std::byte> bytes) {
  for (uint64_t i = 0; i < bytes.size() / sizeof(Block); ++i) {
    Block block;
    auto* raw = reinterpret_cast<unsigned char*>(&block);
    const uint64_t counter = (first_block + i) * kDrawsPerBlock;
    for (size_t at = 0; at < sizeof(Block); at += 8) {
      const uint64_t random = rng.bits(counter + at / 8);
      std::memcpy(raw + at, &random, sizeof(Block) - at < 8 ? sizeof(Block) - at : 8);
    }
    put_factors(block, rng.bits(counter + kDrawsPerBlock - 1));
    std::memcpy(bytes.data() + i * sizeof(Block), &block, sizeof(Block));
  }
}

/// Four weights of each draw.
template <typename T, typename Convert>
void fill_floats(const CounterRng& rng, uint64_t first, std::span<std::byte> bytes,
                 Convert convert) {
  for (uint64_t i = 0; i < bytes.size() / sizeof(T); ++i) {
    const uint64_t at = first + i;
    const T value = convert(uniform_weight(rng.bits(at / 4) >> (16 * (at % 4)) & 0xffff));
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
}

}  // namespace

void fill_random_weights(DType type, const CounterRng& rng, uint64_t first_block,
                         std::span<std::byte> blocks) {
  WHET_CHECK(blocks.size() % dtype_info(type).block_bytes == 0);
  switch (type) {
    case DType::F32:
      return fill_floats<float>(rng, first_block, blocks, [](float w) { return w; });
    case DType::F16:
      return fill_floats<uint16_t>(rng, first_block, blocks, f16);
    case DType::BF16:
      return fill_floats<uint16_t>(rng, first_block, blocks, [](float w) {
        uint32_t bits;
        std::memcpy(&bits, &w, sizeof bits);
        return static_cast<uint16_t>(bits >> 16);
      });
    case DType::Q4_0:
      return fill_blocks<BlockQ4_0>(rng, first_block, blocks);
    case DType::Q4_1:
      return fill_blocks<BlockQ4_1>(rng, first_block, blocks);
    case DType::Q5_0:
      return fill_blocks<BlockQ5_0>(rng, first_block, blocks);
    case DType::Q5_1:
      return fill_blocks<BlockQ5_1>(rng, first_block, blocks);
    case DType::Q8_0:
      return fill_blocks<BlockQ8_0>(rng, first_block, blocks);
    case DType::Q4_K:
      return fill_blocks<BlockQ4_K>(rng, first_block, blocks);
    case DType::Q5_K:
      return fill_blocks<BlockQ5_K>(rng, first_block, blocks);
    case DType::Q6_K:
      return fill_blocks<BlockQ6_K>(rng, first_block, blocks);
    default:
      WHET_UNREACHABLE();
  }
}

}  // namespace whet
