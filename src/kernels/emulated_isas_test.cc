// Tables of the instruction sets that the build machine may lack, on emulated intrinsics: the
// policies' own text, with small register tiles because only their functions are under test.
#ifdef WHET_EMULATED_ISAS
#define WHET_EMULATE_AVX512
#define WHET_EMULATE_AVXVNNI

#include "kernels/emulated_avx512.h"
#include "kernels/policy_avx2.h"
#include "kernels/policy_avx512.h"
#include "kernels/table.h"

namespace whet::kernels {
namespace {

template <class Policy>
struct Emulated : Policy {
  static constexpr int kFusedTokens = 2;
  static constexpr int kTileTokens = 2;
  static constexpr int kSignedTileTokens = 2;
  static constexpr int kFloatTileRows = 2;
  static constexpr int kFloatTileTokens = 2;
};

}  // namespace

extern const KernelTable kEmulatedTables[3];
const KernelTable kEmulatedTables[3] = {make_table<Emulated<Avx2Vnni>>(Isa::kAvx2Vnni),
                                        make_table<Emulated<Avx512>>(Isa::kAvx512),
                                        make_table<Emulated<Avx512Vnni>>(Isa::kAvx512Vnni)};

}  // namespace whet::kernels
#endif
