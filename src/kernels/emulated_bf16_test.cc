// Pairs of BF16 on AVX2, so that all of bf16_pairs.h is tested where no CPU multiplies BF16.
#ifdef WHET_EMULATED_BF16
#include "kernels/bf16_pairs.h"
#include "kernels/f16.h"
#include "kernels/isa_tables.h"
#include "kernels/policy_avx2.h"

namespace whet::kernels {
namespace {

struct EmulatedPairs : Avx2Base {
  using FloatColumns = EmulatedPairs;
  static WHET_INLINE vf rounded(const float* x) {
    uint16_t columns[2 * kLanes];
    for (int i = 0; i < 2 * kLanes; ++i) columns[i] = bf16_bits_from_f32(x[i]);
    return as_float(load_i(columns));
  }
  /// The odd columns first, as Intel's manual writes VDPBF16PS.
  static WHET_INLINE vf fma(vf w, vf x, vf sum) {
    const vi odd = set1_i(0xffff0000u), a = _mm256_castps_si256(w), b = _mm256_castps_si256(x);
    sum = Avx2Base::fma(as_float(bit_and(a, odd)), as_float(bit_and(b, odd)), sum);
    return Avx2Base::fma(as_float(shift_left32<16>(a)), as_float(shift_left32<16>(b)), sum);
  }
};

}  // namespace

KernelTable emulated_bf16_table() {
  return Bf16Level<EmulatedPairs, kAvx2Table>::table();
}

}  // namespace whet::kernels
#endif
