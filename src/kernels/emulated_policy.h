// Tables of instruction sets that the build machine may lack, on emulated intrinsics: the policies'
// own text, with small register tiles because only their functions are under test.
#pragma once

#include "kernels/table.h"

namespace whet::kernels {
namespace {

template <class Policy>
struct Emulated : Policy {
  static constexpr int kFusedTokens = 2;
  static constexpr int kTileTokens = 2;
  static constexpr int kSignedTileTokens = 2;
  static constexpr int kFloatTileRows = 2;
  static constexpr int kFloatTileVectors = 2;
  static constexpr int kFusedFloatTokens = 2;
};

}  // namespace

extern const KernelTable kEmulatedAvx2Vnni, kEmulatedAvx512, kEmulatedAvx512Vnni;

}  // namespace whet::kernels
