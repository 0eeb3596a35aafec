#include "kernels/kernels.h"

#include "base/check.h"
#include "kernels/activations.h"
#include "kernels/isa_tables.h"

namespace whet::kernels {

const KernelTable* kernel_table(Isa isa) {
  if (!isa_supported(isa)) return nullptr;
  switch (isa) {
    case Isa::kScalar:
      return &kScalarTable;
#ifdef WHET_KERNELS_AVX2
    case Isa::kAvx2:
      return &kAvx2Table;
#endif
#ifdef WHET_KERNELS_AVX2_VNNI
    case Isa::kAvx2Vnni:
      return &kAvx2VnniTable;
#endif
#ifdef WHET_KERNELS_AVX512
    case Isa::kAvx512:
      return &kAvx512Table;
#endif
#ifdef WHET_KERNELS_AVX512_VNNI
    case Isa::kAvx512Vnni:
      return &kAvx512VnniTable;
#endif
#ifdef WHET_KERNELS_AVX512_BF16
    case Isa::kAvx512Bf16: {
      static const KernelTable table = avx512_bf16_table();
      return &table;
    }
#endif
#ifdef WHET_KERNELS_NEON
    case Isa::kNeon:
      return &kNeonTable;
#endif
#ifdef WHET_KERNELS_NEON_DOTPROD
    case Isa::kNeonDotprod:
      return &kNeonDotprodTable;
#endif
    default:
      return nullptr;
  }
}

const KernelTable& kernels() {
  static const KernelTable* const table = [] {
    const Result<Isa> isa = configured_isa();
    return kernel_table(isa.ok() ? isa.value() : best_isa());
  }();
  WHET_CHECK(table != nullptr);
  return *table;
}

ActivationForm activation_form(const KernelTable& table, DType weight_type, size_t n_cols) {
  if (table.bf16_pairs && weight_type == DType::BF16 && n_cols % 2 == 0) {
    return ActivationForm::kBf16Pairs;
  }
  if (!has_linear(weight_type)) return ActivationForm::kFloat;
  switch (dtype_info(weight_type).block_elements) {
    case 1:
      return ActivationForm::kFloat;
    case 32:
      return ActivationForm::kBlock32;
    default:
      return ActivationForm::kBlock256;
  }
}

bool skips_groups(DType type) {
  return has_linear(type) && dtype_info(type).block_elements == 32;
}

size_t find_kept_groups(const void* activations, size_t n_cols, uint32_t* kept) {
  const auto* x = static_cast<const Activations32*>(activations);
  size_t n = 0;
  for (size_t g = 0; g < n_cols / 32; ++g) {
    if (x[g / 8].d[g % 8] != 0) kept[n++] = static_cast<uint32_t>(g);
  }
  return n;
}

bool has_linear(DType type) {
  switch (type) {
    case DType::F32:
    case DType::F16:
    case DType::BF16:
    case DType::Q4_0:
    case DType::Q4_1:
    case DType::Q5_0:
    case DType::Q5_1:
    case DType::Q8_0:
    case DType::A8:
    case DType::IQ4_NL:
    case DType::MXFP4:
    case DType::Q2_K:
    case DType::Q3_K:
    case DType::Q4_K:
    case DType::Q5_K:
    case DType::Q6_K:
      return true;
    default:
      return false;
  }
}

bool weight_type_supported(DType type) {
  switch (type) {
    case DType::F8_E4M3:
    case DType::F8_E5M2:
    case DType::U8:
    case DType::I8:
    case DType::U32:
    case DType::I32:
    case DType::I64:
      return false;
    default:
      return true;
  }
}

size_t activation_bytes(ActivationForm form, size_t n_tokens, size_t n_cols) {
  if (form == ActivationForm::kBf16Pairs) {
    return activation_bytes(ActivationForm::kFloat, n_tokens, n_cols / 2);
  }
  const auto blocks = [&](size_t cols) { return (n_cols + cols - 1) / cols * n_tokens; };
  if (form == ActivationForm::kFloat && n_tokens > kFewFloatTokens) {
    n_tokens = (n_tokens + kFloatPanel - 1) / kFloatPanel * kFloatPanel;
  }
  switch (form) {
    case ActivationForm::kFloat:
      return blocks(kFloatCols) * sizeof(ActivationsFloat);
    case ActivationForm::kBlock32:
      return blocks(kBlockCols) * sizeof(Activations32);
    case ActivationForm::kBlock256:
      return blocks(kBlockCols) * sizeof(Activations256);
    case ActivationForm::kBf16Pairs:
      break;
  }
  WHET_UNREACHABLE();
}

}  // namespace whet::kernels
