#include "kernels/isa_tables.h"
#include "kernels/policy_neon.h"
#include "kernels/table.h"

namespace whet::kernels {
const KernelTable kNeonTable = make_table<Neon>(Isa::kNeon);
}  // namespace whet::kernels
