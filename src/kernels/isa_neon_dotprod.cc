#include "kernels/isa_tables.h"
#include "kernels/policy_neon.h"
#include "kernels/table.h"

namespace whet::kernels {
const KernelTable kNeonDotprodTable = make_table<NeonDotprod>(Isa::kNeonDotprod);
}  // namespace whet::kernels
