// F32, F16, BF16: how a vector of columns is loaded.
#pragma once

#include "kernels/simd.h"

namespace whet::kernels {
namespace {

struct FormatF32 {
  static constexpr int kBytes = 4;
  template <class S>
  static WHET_INLINE typename S::vf load(const uint8_t* p) {
    return S::load_f(reinterpret_cast<const float*>(p));
  }
};

struct FormatF16 {
  static constexpr int kBytes = 2;
  template <class S>
  static WHET_INLINE typename S::vf load(const uint8_t* p) {
    return S::load_f16(reinterpret_cast<const uint16_t*>(p));
  }
};

struct FormatBF16 {
  static constexpr int kBytes = 2;
  template <class S>
  static WHET_INLINE typename S::vf load(const uint8_t* p) {
    return S::load_bf16(reinterpret_cast<const uint16_t*>(p));
  }
};

}  // namespace
}  // namespace whet::kernels
