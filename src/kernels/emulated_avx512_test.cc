#ifdef WHET_EMULATED_AVX512
#define WHET_EMULATE_AVX512

#include "kernels/emulated_policy.h"
#include "kernels/policy_avx512.h"

namespace whet::kernels {
const KernelTable kEmulatedAvx512 = make_table<Emulated<Avx512>>(Isa::kAvx512);
}  // namespace whet::kernels
#endif
