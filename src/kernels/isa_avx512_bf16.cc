#include "kernels/bf16_pairs.h"
#include "kernels/isa_tables.h"
#include "kernels/policy_avx512.h"

namespace whet::kernels {
namespace {

struct ColumnPairs : Avx2Base {
  using FloatColumns = ColumnPairs;
  static WHET_INLINE vf fma(vf w, vf x, vf sum) {
    return _mm256_dpbf16_ps(sum, reinterpret_cast<__m256bh>(w), reinterpret_cast<__m256bh>(x));
  }
};
struct TokenPairs : Avx512Base {
  using FloatColumns = ColumnPairs;
  static WHET_INLINE vf rounded(const float* x) {
    return reinterpret_cast<vf>(_mm512_cvtne2ps_pbh(load_f(x + kLanes), load_f(x)));
  }
  static WHET_INLINE vf fma(vf w, vf x, vf sum) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
  }
};

}  // namespace

KernelTable avx512_bf16_table() {
  return Bf16Level<TokenPairs, kAvx512VnniTable>::table();
}

}  // namespace whet::kernels
