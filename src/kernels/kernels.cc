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
#if defined(__x86_64__)
    case Isa::kAvx2:
      return &kAvx2Table;
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

ActivationForm activation_form(DType weight_type) {
  switch (weight_type) {
    case DType::F32:
    case DType::F16:
    case DType::BF16:
      return ActivationForm::kFloat;
    case DType::Q8_0:
    case DType::Q4_0:
      return ActivationForm::kBlock32;
    default:
      return ActivationForm::kBlock256;
  }
}

bool weight_type_supported(DType type) {
  switch (type) {
    case DType::F32:
    case DType::F16:
    case DType::BF16:
    case DType::Q8_0:
    case DType::Q4_0:
    case DType::Q4_K:
    case DType::Q5_K:
    case DType::Q6_K:
      return true;
    default:
      return false;
  }
}

size_t activation_bytes(ActivationForm form, size_t n_tokens, size_t n_cols) {
  const auto blocks = [&](size_t cols) { return (n_cols + cols - 1) / cols * n_tokens; };
  switch (form) {
    case ActivationForm::kFloat:
      return blocks(kFloatCols) * sizeof(ActivationsFloat);
    case ActivationForm::kBlock32:
      return blocks(kBlockCols) * sizeof(Activations32);
    case ActivationForm::kBlock256:
      return blocks(kBlockCols) * sizeof(Activations256);
  }
  WHET_UNREACHABLE();
}

}  // namespace whet::kernels
