#include "kernels/isa_tables.h"
#include "kernels/policy_avx2.h"
#include "kernels/table.h"

namespace whet::kernels {
const KernelTable kAvx2Table = make_table<Avx2>(Isa::kAvx2);
}  // namespace whet::kernels
