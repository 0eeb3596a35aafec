#include "formats/weight_scan.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/check.h"
#include "tensor/blocks.h"

namespace whet {
namespace {

template <typename T>
T load(const std::byte* place) {
  T value;  // SafeTensors promises no alignment
  std::memcpy(&value, place, sizeof(T));
  return value;
}

// All exponent bits set: NaN or infinity.
bool is_bad_f32(const std::byte* p) {
  return (load<uint32_t>(p) & 0x7f800000u) == 0x7f800000u;
}
bool is_bad_f16(const std::byte* p) {
  return (load<uint16_t>(p) & 0x7c00u) == 0x7c00u;
}
bool is_bad_bf16(const std::byte* p) {
  return (load<uint16_t>(p) & 0x7f80u) == 0x7f80u;
}
// E8M0 has no infinity; all ones is NaN.
bool is_bad_e8m0(const std::byte* p) {
  return *p == std::byte{0xff};
}

// E4M3 has no infinity; E5M2 has one, as F16.
bool is_bad_e4m3(const std::byte* p) {
  return (*p & std::byte{0x7f}) == std::byte{0x7f};
}
bool is_bad_e5m2(const std::byte* p) {
  return (*p & std::byte{0x7c}) == std::byte{0x7c};
}
// The top bits of the last two words of its scales are the exponent of an f16.
bool is_bad_iq1_m(const std::byte* p) {
  const std::byte* words = p + offsetof(BlockIQ1_M, scales);
  return (load<uint16_t>(words + 6) & 0x7000) == 0x7000 &&
         (load<uint16_t>(words + 4) & 0xc000) == 0xc000;
}

template <typename IsBad>
WeightScan scan(const TensorEntry& tensor, std::optional<uint64_t> max_blocks, IsBad is_bad) {
  uint64_t block_bytes = dtype_info(tensor.type).block_bytes;
  uint64_t n_blocks = tensor.bytes.size() / block_bytes;
  WeightScan result;
  result.n_blocks_read = std::min(n_blocks, max_blocks.value_or(n_blocks));
  bool is_sample = result.n_blocks_read < n_blocks;
  // Exact enough: files have fewer than 2^53 blocks, and rounding makes the last one the last.
  double distance = static_cast<double>(n_blocks - 1) /
                    static_cast<double>(std::max<uint64_t>(result.n_blocks_read, 2) - 1);
  for (uint64_t i = 0; i < result.n_blocks_read; ++i) {
    uint64_t block = i;
    if (is_sample) block = static_cast<uint64_t>(static_cast<double>(i) * distance + 0.5);
    if (!is_bad(tensor.bytes.data() + block * block_bytes)) continue;
    if (result.n_bad++ == 0) result.first_bad = block;
  }
  return result;
}

}  // namespace

WeightScan scan_weights(const TensorEntry& tensor, std::optional<uint64_t> max_blocks) {
  auto one_scale = [&](size_t offset) {
    return scan(tensor, max_blocks,
                [=](const std::byte* block) { return is_bad_f16(block + offset); });
  };
  auto two_scales = [&](size_t first, size_t second) {
    return scan(tensor, max_blocks, [=](const std::byte* block) {
      return is_bad_f16(block + first) || is_bad_f16(block + second);
    });
  };
  switch (tensor.type) {
    case DType::F32:
      return scan(tensor, max_blocks, is_bad_f32);
    case DType::F16:
      return scan(tensor, max_blocks, is_bad_f16);
    case DType::BF16:
      return scan(tensor, max_blocks, is_bad_bf16);
    case DType::Q4_0:
      return one_scale(offsetof(BlockQ4_0, d));
    case DType::Q4_1:
      return two_scales(offsetof(BlockQ4_1, d), offsetof(BlockQ4_1, m));
    case DType::Q5_0:
      return one_scale(offsetof(BlockQ5_0, d));
    case DType::Q5_1:
      return two_scales(offsetof(BlockQ5_1, d), offsetof(BlockQ5_1, m));
    case DType::Q8_0:
      return one_scale(offsetof(BlockQ8_0, d));
    case DType::Q2_K:
      return two_scales(offsetof(BlockQ2_K, d), offsetof(BlockQ2_K, dmin));
    case DType::Q3_K:
      return one_scale(offsetof(BlockQ3_K, d));
    case DType::Q4_K:
      return two_scales(offsetof(BlockQ4_K, d), offsetof(BlockQ4_K, dmin));
    case DType::Q5_K:
      return two_scales(offsetof(BlockQ5_K, d), offsetof(BlockQ5_K, dmin));
    case DType::Q6_K:
      return one_scale(offsetof(BlockQ6_K, d));
    case DType::IQ4_NL:
      return one_scale(offsetof(BlockIQ4_NL, d));
    case DType::MXFP4:
      return scan(tensor, max_blocks, is_bad_e8m0);
    case DType::IQ4_XS:
      return one_scale(offsetof(BlockIQ4_XS, d));
    case DType::IQ3_S:
      return one_scale(offsetof(BlockIQ3_S, d));
    case DType::IQ3_XXS:
      return one_scale(offsetof(BlockIQ3_XXS, d));
    case DType::IQ2_S:
      return one_scale(offsetof(BlockIQ2_S, d));
    case DType::IQ2_XS:
      return one_scale(offsetof(BlockIQ2_XS, d));
    case DType::IQ2_XXS:
      return one_scale(offsetof(BlockIQ2_XXS, d));
    case DType::IQ1_S:
      return one_scale(offsetof(BlockIQ1_S, d));
    case DType::TQ1_0:
      return one_scale(offsetof(BlockTQ1_0, d));
    case DType::TQ2_0:
      return one_scale(offsetof(BlockTQ2_0, d));
    case DType::Q1_0:
      return one_scale(offsetof(BlockQ1_0, d));
    case DType::Q2_0:
      return one_scale(offsetof(BlockQ2_0, d));
    case DType::A8:
      return two_scales(offsetof(BlockA8, d), offsetof(BlockA8, m));
    case DType::IQ1_M:
      return scan(tensor, max_blocks, is_bad_iq1_m);
    case DType::F8_E4M3:
      return scan(tensor, max_blocks, is_bad_e4m3);
    case DType::F8_E5M2:
      return scan(tensor, max_blocks, is_bad_e5m2);
    case DType::NVFP4:
    case DType::U8:
    case DType::I8:
    case DType::U32:
    case DType::I32:
    case DType::I64:
      return scan(tensor, max_blocks, [](const std::byte*) { return false; });  // all are numbers
  }
  WHET_UNREACHABLE();
}

}  // namespace whet
