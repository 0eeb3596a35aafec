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
};

// Every type number that ggml has assigned, so that a refusal can name what it refuses.
constexpr std::array<std::string_view, 40> kGgmlNames{"F32",
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
                                                      "MXFP4"};

}  // namespace

const DTypeInfo* find_dtype(uint32_t ggml_type) {
  for (const DTypeInfo& info : kTypes) {
    if (static_cast<uint32_t>(info.type) == ggml_type) return &info;
  }
  return nullptr;
}

const DTypeInfo& dtype_info(DType type) {
  const DTypeInfo* info = find_dtype(static_cast<uint32_t>(type));
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
