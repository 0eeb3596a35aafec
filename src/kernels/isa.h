// Instruction set levels of the kernels: which ones this CPU and operating system can run, and
// which one is used. WHET_ISA=<name> forces a level.
#pragma once

#include <string_view>

#include "base/result.h"

namespace whet::kernels {

enum class Isa {
  kScalar,
  kAvx2,
  kAvx2Vnni,
  kAvx512,
  kAvx512Vnni,
  kAvx512Bf16,
  kNeon,
  kNeonDotprod
};
inline constexpr Isa kAllIsas[] = {Isa::kScalar, Isa::kAvx2,       Isa::kAvx2Vnni,
                                   Isa::kAvx512, Isa::kAvx512Vnni, Isa::kAvx512Bf16,
                                   Isa::kNeon,   Isa::kNeonDotprod};

/// "scalar", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16" (with VNNI), "neon",
/// "neon_dotprod": the values of WHET_ISA.
std::string_view isa_name(Isa isa);
/// True where this build contains the level and the machine allows it: CPUID and XGETBV (what the
/// operating system saves) on x86-64, AT_HWCAP on AArch64.
bool isa_supported(Isa isa);
/// The fastest supported level.
Isa best_isa();
/// The level that `name` asks for; an empty name asks for the best one. Errors: unknown name, or
/// a level that this machine or build lacks; the message lists the levels that would work.
Result<Isa> isa_from_name(std::string_view name);
/// isa_from_name(getenv("WHET_ISA")): a program reports this error before it calls kernels().
Result<Isa> configured_isa();

}  // namespace whet::kernels
