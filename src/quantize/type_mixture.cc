#include "quantize/type_mixture.h"

#include <fmt/format.h>

namespace whet {
namespace {

constexpr TypeMixture kMixtures[] = {
    {"f32", 0, DType::F32},      {"f16", 1, DType::F16},      {"bf16", 32, DType::BF16},
    {"q8_0", 7, DType::Q8_0},    {"q4_0", 2, DType::Q4_0},    {"q4_1", 3, DType::Q4_1},
    {"q5_0", 8, DType::Q5_0},    {"q5_1", 9, DType::Q5_1},    {"q4_k_s", 14, DType::Q4_K},
    {"q4_k_m", 15, DType::Q4_K}, {"q5_k_s", 16, DType::Q5_K}, {"q5_k_m", 17, DType::Q5_K},
    {"q6_k", 18, DType::Q6_K},
};

/// The first and last eighth of the layers, and every third between.
bool takes_more_bits(uint64_t layer, uint64_t n_layers) {
  return layer < n_layers / 8 || layer >= 7 * n_layers / 8 || (layer - n_layers / 8) % 3 == 2;
}

DType wanted(const TypeMixture& m, MatrixRole role, uint64_t layer, uint64_t n_layers,
             bool tied_head) {
  const bool is_head = role == MatrixRole::kHead || (role == MatrixRole::kEmbedding && tied_head);
  if (is_head) return is_float(m.base) || m.base == DType::Q8_0 ? m.base : DType::Q6_K;
  const bool sensitive = role == MatrixRole::kAttentionV || role == MatrixRole::kFfnDown;
  if (!sensitive) return m.base;
  if (m.name == "q4_k_m" || m.name == "q5_k_m") {
    return takes_more_bits(layer, n_layers) ? DType::Q6_K : m.base;
  }
  if (m.name == "q4_k_s") {
    const uint64_t better = role == MatrixRole::kAttentionV ? 4 : n_layers / 8;
    return layer < better ? DType::Q5_K : m.base;
  }
  return m.base;
}

DType that_divides(DType type, uint64_t n_cols) {
  if (n_cols % dtype_info(type).block_elements == 0) return type;
  DType fallback = type;
  if (type == DType::Q4_K) fallback = DType::Q5_0;
  if (type == DType::Q5_K) fallback = DType::Q5_1;
  if (type == DType::Q6_K) fallback = DType::Q8_0;
  return n_cols % dtype_info(fallback).block_elements == 0 ? fallback : DType::F16;
}

/// Of types that whet does not write by itself.
struct OtherFileType {
  DType type;
  uint32_t number;
};
constexpr OtherFileType kOtherFileTypes[] = {
    {DType::Q2_K, 10},    {DType::Q3_K, 12},   {DType::Q4_K, 15},    {DType::Q5_K, 17},
    {DType::IQ2_XXS, 19}, {DType::IQ2_XS, 20}, {DType::IQ3_XXS, 23}, {DType::IQ1_S, 24},
    {DType::IQ4_NL, 25},  {DType::IQ3_S, 26},  {DType::IQ2_S, 28},   {DType::IQ4_XS, 30},
    {DType::IQ1_M, 31},   {DType::TQ1_0, 36},  {DType::TQ2_0, 37},   {DType::MXFP4, 38},
    {DType::NVFP4, 39}};

}  // namespace

uint32_t usual_file_type(DType type) {
  for (const OtherFileType& other : kOtherFileTypes) {
    if (other.type == type) return other.number;
  }
  for (const TypeMixture& mixture : kMixtures) {
    if (mixture.base == type) return mixture.file_type;
  }
  constexpr uint32_t kGuessed = 1024;  // llama.cpp: "go by the tensors"
  return kGuessed;
}

MatrixRole role_of(Slot slot) {
  switch (slot) {
    case Slot::kEmbedding:
      return MatrixRole::kEmbedding;
    case Slot::kHead:
      return MatrixRole::kHead;
    case Slot::kV:
    case Slot::kQkv:
      return MatrixRole::kAttentionV;
    case Slot::kDown:
    case Slot::kExpertDown:
      return MatrixRole::kFfnDown;
    default:
      return MatrixRole::kOther;
  }
}

DType TypeMixture::type_of(MatrixRole role, uint64_t layer, uint64_t n_layers, uint64_t n_cols,
                           bool tied_head) const {
  return that_divides(wanted(*this, role, layer, n_layers, tied_head), n_cols);
}

std::vector<std::string> type_mixture_names() {
  std::vector<std::string> names;
  for (const TypeMixture& mixture : kMixtures) names.emplace_back(mixture.name);
  return names;
}

Result<TypeMixture> type_mixture(std::string_view name) {
  for (const TypeMixture& mixture : kMixtures) {
    if (mixture.name == name) return mixture;
  }
  return Error(ErrorCode::kInvalidArgument, fmt::format("no type \"{}\"; expected one of {}", name,
                                                        fmt::join(type_mixture_names(), ", ")));
}

}  // namespace whet
