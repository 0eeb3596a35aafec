#include "kernels/isa.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace whet::kernels {
namespace {

#if defined(__x86_64__)
struct Cpuid {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};
Cpuid cpuid(uint32_t leaf, uint32_t subleaf) {
  Cpuid r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}
uint64_t xgetbv() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}
bool all(uint64_t word, uint64_t bits) {
  return (word & bits) == bits;
}

bool cpu_has(Isa isa) {
  const Cpuid one = cpuid(1, 0), seven = cpuid(7, 0), seven1 = cpuid(7, 1);
  constexpr uint32_t kFma = 1u << 12, kOsxsave = 1u << 27, kAvx = 1u << 28, kF16c = 1u << 29;
  if (!all(one.ecx, kFma | kOsxsave | kAvx | kF16c)) return false;
  const uint64_t saved = xgetbv();
  const bool avx2 = all(saved, 0x6) && all(seven.ebx, 1u << 5);
  constexpr uint32_t kF = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;
  const bool avx512 = avx2 && all(saved, 0xe6) && all(seven.ebx, kF | kDq | kBw | kVl);
  const bool avx512_vnni = avx512 && all(seven.ecx, 1u << 11);
  switch (isa) {
    case Isa::kAvx2:
      return avx2;
    case Isa::kAvx2Vnni:
      return avx2 && all(seven1.eax, 1u << 4);
    case Isa::kAvx512:
      return avx512;
    case Isa::kAvx512Vnni:
      return avx512_vnni;
    case Isa::kAvx512Bf16:
      return avx512_vnni && all(seven1.eax, 1u << 5);
    default:
      return false;
  }
}
#elif defined(__aarch64__)
bool cpu_has(Isa isa) {
  switch (isa) {
    case Isa::kNeon:
      return true;  // part of the architecture
    case Isa::kNeonDotprod:
      return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
    default:
      return false;
  }
}
#else
bool cpu_has(Isa) {
  return false;
}
#endif

/// The levels whose translation units CMake chose for this build.
bool built(Isa isa) {
  switch (isa) {
#ifdef WHET_KERNELS_AVX2
    case Isa::kAvx2:
      return true;
#endif
#ifdef WHET_KERNELS_AVX2_VNNI
    case Isa::kAvx2Vnni:
      return true;
#endif
#ifdef WHET_KERNELS_AVX512
    case Isa::kAvx512:
      return true;
#endif
#ifdef WHET_KERNELS_AVX512_VNNI
    case Isa::kAvx512Vnni:
      return true;
#endif
#ifdef WHET_KERNELS_AVX512_BF16
    case Isa::kAvx512Bf16:
      return true;
#endif
#ifdef WHET_KERNELS_NEON
    case Isa::kNeon:
      return true;
#endif
#ifdef WHET_KERNELS_NEON_DOTPROD
    case Isa::kNeonDotprod:
      return true;
#endif
    default:
      return false;
  }
}

}  // namespace

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx2Vnni:
      return "avx2_vnni";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Vnni:
      return "avx512_vnni";
    case Isa::kAvx512Bf16:
      return "avx512_bf16";
    case Isa::kNeon:
      return "neon";
    case Isa::kNeonDotprod:
      return "neon_dotprod";
  }
  return "unknown";
}

bool isa_supported(Isa isa) {
  return isa == Isa::kScalar || (built(isa) && cpu_has(isa));
}

Isa best_isa() {
  Isa best = Isa::kScalar;
  for (Isa isa : kAllIsas) {
    if (isa_supported(isa)) best = isa;
  }
  return best;
}

Result<Isa> isa_from_name(std::string_view name) {
  if (name.empty()) return best_isa();
  std::string works;
  for (Isa isa : kAllIsas) {
    if (!isa_supported(isa)) continue;
    if (isa_name(isa) == name) return isa;
    works += fmt::format("{}{}", works.empty() ? "" : ", ", isa_name(isa));
  }
  for (Isa isa : kAllIsas) {
    if (isa_name(isa) == name) {
      return Error(
          ErrorCode::kUnavailable,
          fmt::format("WHET_ISA={}: this machine or build lacks it; available: {}", name, works));
    }
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("WHET_ISA={}: unknown instruction set; available: {}", name, works));
}

Result<Isa> configured_isa() {
  const char* name = std::getenv("WHET_ISA");
  return isa_from_name(name == nullptr ? "" : name);
}

}  // namespace whet::kernels
