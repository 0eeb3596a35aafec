#include "tensor/dtype.h"

#include <array>

#include "base/check.h"
#include "tensor/blocks.h"

namespace whet {
namespace {

constexpr std::array kTypes{
    DTypeInfo{DType::F32, "F32", 1, 4},
    DTypeInfo{DType::F16, "F16", 1, 2},
    DTypeInfo{DType::BF16, "BF16", 1, 2},
    DTypeInfo{DType::Q4_0, "Q4_0", 32, sizeof(BlockQ4_0)},
    DTypeInfo{DType::Q4_1, "Q4_1", 32, sizeof(BlockQ4_1)},
    DTypeInfo{DType::Q5_0, "Q5_0", 32, sizeof(BlockQ5_0)},
    DTypeInfo{DType::Q5_1, "Q5_1", 32, sizeof(BlockQ5_1)},
    DTypeInfo{DType::Q8_0, "Q8_0", 32, sizeof(BlockQ8_0)},
    DTypeInfo{DType::Q2_K, "Q2_K", 256, sizeof(BlockQ2_K)},
    DTypeInfo{DType::Q3_K, "Q3_K", 256, sizeof(BlockQ3_K)},
    DTypeInfo{DType::Q4_K, "Q4_K", 256, sizeof(BlockQ4_K)},
    DTypeInfo{DType::Q5_K, "Q5_K", 256, sizeof(BlockQ5_K)},
    DTypeInfo{DType::Q6_K, "Q6_K", 256, sizeof(BlockQ6_K)},
    DTypeInfo{DType::IQ4_NL, "IQ4_NL", 32, sizeof(BlockIQ4_NL)},
    DTypeInfo{DType::MXFP4, "MXFP4", 32, sizeof(BlockMXFP4)},
    DTypeInfo{DType::IQ4_XS, "IQ4_XS", 256, sizeof(BlockIQ4_XS)},
    DTypeInfo{DType::IQ3_S, "IQ3_S", 256, sizeof(BlockIQ3_S)},
    DTypeInfo{DType::IQ3_XXS, "IQ3_XXS", 256, sizeof(BlockIQ3_XXS)},
    DTypeInfo{DType::IQ2_S, "IQ2_S", 256, sizeof(BlockIQ2_S)},
    DTypeInfo{DType::IQ2_XS, "IQ2_XS", 256, sizeof(BlockIQ2_XS)},
    DTypeInfo{DType::IQ2_XXS, "IQ2_XXS", 256, sizeof(BlockIQ2_XXS)},
    DTypeInfo{DType::IQ1_M, "IQ1_M", 256, sizeof(BlockIQ1_M)},
    DTypeInfo{DType::IQ1_S, "IQ1_S", 256, sizeof(BlockIQ1_S)},
    DTypeInfo{DType::TQ1_0, "TQ1_0", 256, sizeof(BlockTQ1_0)},
    DTypeInfo{DType::TQ2_0, "TQ2_0", 256, sizeof(BlockTQ2_0)},
    DTypeInfo{DType::NVFP4, "NVFP4", 64, sizeof(BlockNVFP4)},
    DTypeInfo{DType::Q1_0, "Q1_0", 128, sizeof(BlockQ1_0)},
    DTypeInfo{DType::Q2_0, "Q2_0", 64, sizeof(BlockQ2_0)},
    DTypeInfo{DType::F8_E4M3, "F8_E4M3", 1, 1},
    DTypeInfo{DType::F8_E5M2, "F8_E5M2", 1, 1},
    DTypeInfo{DType::U8, "U8", 1, 1},
    DTypeInfo{DType::I8, "I8", 1, 1},
    DTypeInfo{DType::U32, "U32", 1, 4},
    DTypeInfo{DType::I32, "I32", 1, 4},
    DTypeInfo{DType::I64, "I64", 1, 8},
    DTypeInfo{DType::A8, "A8", 32, sizeof(BlockA8)},
};

// Every type number that ggml has assigned, so that a refusal can name what it refuses.
constexpr std::array<std::string_view, 43> kGgmlNames{"F32",
                                                      "F16",
                                                      "Q4_0",
                                                      "Q4_1",
                                                      "Q4_2 (removed)",
                                                      "Q4_3 (removed)",
                                                      "Q5_0",
                                                      "Q5_1",
                                                      "Q8_0",
                                                      "Q8_1",
                                                      "Q2_K",
                                                      "Q3_K",
                                                      "Q4_K",
                                                      "Q5_K",
                                                      "Q6_K",
                                                      "Q8_K",
                                                      "IQ2_XXS",
                                                      "IQ2_XS",
                                                      "IQ3_XXS",
                                                      "IQ1_S",
                                                      "IQ4_NL",
                                                      "IQ3_S",
                                                      "IQ2_S",
                                                      "IQ4_XS",
                                                      "I8",
                                                      "I16",
                                                      "I32",
                                                      "I64",
                                                      "F64",
                                                      "IQ1_M",
                                                      "BF16",
                                                      "Q4_0_4_4 (removed)",
                                                      "Q4_0_4_8 (removed)",
                                                      "Q4_0_8_8 (removed)",
                                                      "TQ1_0",
                                                      "TQ2_0",
                                                      "IQ4_NL_4_4 (removed)",
                                                      "IQ4_NL_4_8 (removed)",
                                                      "IQ4_NL_8_8 (removed)",
                                                      "MXFP4",
                                                      "NVFP4",
                                                      "Q1_0",
                                                      "Q2_0"};

const DTypeInfo* find_any(DType type) {
  for (const DTypeInfo& info : kTypes) {
    if (info.type == type) return &info;
  }
  return nullptr;
}

}  // namespace

const DTypeInfo* find_dtype(uint32_t ggml_type) {
  return ggml_type < kGgmlNames.size() ? find_any(static_cast<DType>(ggml_type)) : nullptr;
}

const DTypeInfo& dtype_info(DType type) {
  const DTypeInfo* info = find_any(type);
  WHET_CHECK(info != nullptr);
  return *info;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeInfo& info : kTypes) {
    if (info.name == name) return info.type;
  }
  return std::nullopt;
}

std::string_view ggml_type_name(uint32_t ggml_type) {
  return ggml_type < kGgmlNames.size() ? kGgmlNames[ggml_type] : std::string_view("unknown");
}

}  // namespace whet
