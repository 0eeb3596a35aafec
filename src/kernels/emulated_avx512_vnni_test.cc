#ifdef WHET_EMULATED_AVX512_VNNI
#define WHET_EMULATE_AVX512

#include "kernels/emulated_policy.h"
#include "kernels/policy_avx512.h"

namespace whet::kernels {
const KernelTable kEmulatedAvx512Vnni = make_table<Emulated<Avx512Vnni>>(Isa::kAvx512Vnni);
}  // namespace whet::kernels
#endif
