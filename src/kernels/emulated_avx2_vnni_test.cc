#ifdef WHET_EMULATED_AVX2_VNNI
#define WHET_EMULATE_AVXVNNI

#include "kernels/emulated_avx512.h"
#include "kernels/emulated_policy.h"
#include "kernels/policy_avx2.h"

namespace whet::kernels {
const KernelTable kEmulatedAvx2Vnni = make_table<Emulated<Avx2Vnni>>(Isa::kAvx2Vnni);
}  // namespace whet::kernels
#endif
