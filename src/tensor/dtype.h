// Element types of tensors as they lie in files, and the byte layout of their blocks.
// The numbers of enum DType are GGUF's ggml_type values (ggml/docs/gguf.md); types of other
// containers map onto them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace whet {

enum class DType : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  IQ2_XXS = 16,
  IQ2_XS = 17,
  IQ3_XXS = 18,
  IQ1_S = 19,
  IQ4_NL = 20,
  IQ3_S = 21,
  IQ2_S = 22,
  IQ4_XS = 23,
  IQ1_M = 29,
  BF16 = 30,
  TQ1_0 = 34,
  TQ2_0 = 35,
  MXFP4 = 39,
  NVFP4 = 40,
  Q1_0 = 41,
  Q2_0 = 42,
  // Numbers of our own, which no GGUF file has. Elements of SafeTensors that are codes, scales or
  // indices of quantised weights:
  F8_E4M3 = 1000,
  F8_E5M2 = 1001,
  U8 = 1002,
  I8 = 1003,
  U32 = 1004,
  I32 = 1005,
  I64 = 1006,
  // Eight bits with a scale and a minimum for each 32 weights, which GGUF has no block for.
  A8 = 1100,
};

struct DTypeInfo {
  DType type;
  std::string_view name;    // "Q4_K"
  uint32_t block_elements;  // weights per block
  uint32_t block_bytes;     // bytes per block
};

/// Layout of a type of GGUF, or nullptr where whet does not know it.
const DTypeInfo* find_dtype(uint32_t ggml_type);
const DTypeInfo& dtype_info(DType type);
/// F32, F16, BF16: elements, not blocks of codes.
constexpr bool is_float(DType type) {
  return type == DType::F32 || type == DType::F16 || type == DType::BF16;
}
std::optional<DType> dtype_from_name(std::string_view name);
/// Name of any ggml type number for messages, e.g. "IQ2_XXS" or "type 99".
std::string_view ggml_type_name(uint32_t ggml_type);

/// Bytes of one row of n elements; n must be a multiple of the block size.
constexpr uint64_t row_bytes(const DTypeInfo& info, uint64_t n) {
  return n / info.block_elements * info.block_bytes;
}

}  // namespace whet
